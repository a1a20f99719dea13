//! The judge: what must be shown, thresholds fixed here and nowhere else.

use super::evidence::{BY_BASE, Found, Reached, Recorded, combined, combined_of, frontier, law, reached};
use super::model::Kind;
use super::settings::{Condition, Model, Purpose};
use crate::base::random::Key;
use crate::contract::{Check, Outcome, TrialResult, Verdict, short_number};
use crate::instruments::power_law;
use crate::instruments::statistics::{Bootstrap, Estimate, mean};
use crate::tasks::supply::Supply;
use crate::training::{Measured, Ruling, hold, missing, verdict};

/// Least largest gap, and least lower end of its interval.
const GAP: (f64, f64) = (0.10, 0.05);
/// Most share of the largest gap that is left on fresh images.
const LEFT: f64 = 0.5;
/// Most error on fresh images, as a share of that on the fewest.
const FALL: f64 = 0.6;
/// Most change of the perceptron's error by permuted pixels, and the interval's bounds.
const BLIND: (f64, f64) = (0.015, 0.03);
/// Least loss of the CNN by permuted pixels.
const LOST: f64 = 0.05;
/// Most distance from chance with random labels.
const CHANCE: f64 = 0.02;
/// Most error of the CNN on fresh images; beyond, it was not trained.
const TRAINED: f64 = 0.5;
/// Least R^2 of the compute law, and least number of cells.
const LAW: (f64, usize) = (0.9, 8);
/// Most validation error by which a model's rate may miss the best of its grid.
const TUNED: f64 = 0.02;
/// Resamples of the compute law, each a fit.
const REFITS: usize = 200;

/// The thresholds as people read them, for the card.
pub(super) const THRESHOLDS: &[&str] = &[
    "gap(n) = err(B-MLP) - err(CNN): largest over n >= 0.10, interval above 0.05",
    "gap(fresh, widest B-MLP) <= 0.5 of the largest gap; err(B-MLP) rises nowhere in n beyond its interval; err(fresh) <= 0.6 err(fewest)",
    "(control) pixels permuted: B-MLP's error changes by <= 0.015, interval inside 0.03; the CNN's grows by >= 0.05",
    "(control) random labels: test accuracy within 0.02 of chance",
    "told, not deciding: exchange rate; compute law with alpha > 0, R^2 >= 0.9 over >= 8 cells; S-MLP, augmentation, batch, transfer, tuning",
    "undecided with fewer than 2 seeds, or a CNN above 0.5 error on fresh images",
];

const HEADLINE: &str = "largest gap over n: err(B-MLP) - err(CNN)";

/// The verdict on everything that was recorded.
pub(super) fn judge(found: Found<'_>, key: Key) -> Verdict {
    let ruling = Court::open(found, key).map(|court| court.rule());
    let rows = found.evidence.rows(|metric| metric.ends_with("test_error"));
    verdict(HEADLINE, gap_threshold(), rows, ruling)
}

fn gap_threshold() -> String {
    format!(">= {:.2}, interval above {:.2}", GAP.0, GAP.1)
}

/// The evidence with the conditions that every judgement needs.
struct Court<'e> {
    found: Found<'e>,
    bootstrap: Bootstrap,
    /// Perceptron and CNN, fewest images first.
    pairs: Vec<(Recorded<'e>, Recorded<'e>)>,
    /// The pair with the largest gap.
    apart: (Recorded<'e>, Recorded<'e>),
    fresh: (Recorded<'e>, Recorded<'e>),
    widest: Recorded<'e>,
}

fn error(cell: &Recorded<'_>) -> f64 {
    cell.last("test_error").unwrap_or(f64::NAN)
}

impl<'e> Court<'e> {
    /// Checks the gates.
    fn open(found: Found<'e>, key: Key) -> Result<Self, String> {
        let pairs = found.pairs();
        let (mlp, cnn) = (&found.settings.mlp, &found.settings.cnn);
        let fresh = pairs.iter().find(|(mlp, _)| mlp.cell.condition.images == Supply::Fresh).copied();
        let fresh = fresh.ok_or_else(|| format!("the preset does not train {mlp} and {cnn} on fresh images"))?;
        if pairs.len() < 2 {
            return Err(format!("{mlp} and {cnn} are compared at a single number of images"));
        }
        if let Some(open) = found.evidence.open() {
            return Err(open);
        }
        let seeds = pairs.iter().map(|(mlp, cnn)| mlp.seeds.len().min(cnn.seeds.len())).min().unwrap_or(0);
        if seeds < 2 {
            return Err(format!("{seeds} seed is too few; at least 2 are needed"));
        }
        if error(&fresh.1) > TRAINED {
            return Err(format!("{cnn} itself errs {:.2} on fresh images: it was not trained", error(&fresh.1)));
        }
        let gap = |pair: &(Recorded<'_>, Recorded<'_>)| error(&pair.0) - error(&pair.1);
        let apart = pairs.iter().copied().max_by(|a, b| gap(a).total_cmp(&gap(b))).unwrap_or(fresh);
        let widest = found.widest().unwrap_or(fresh.0);
        Ok(Court { found, bootstrap: Bootstrap::new(key), pairs, apart, fresh, widest })
    }

    fn estimate(&self, parts: &[(f64, Recorded<'_>)]) -> Option<Estimate> {
        self.bootstrap.mean(&combined(parts))
    }

    fn rule(&self) -> Ruling {
        let matters = self.bias_matters();
        let compensates = self.scale_compensates();
        let improves = self.improves();
        let mut controls = self.permutation();
        controls.extend(self.random_labels());
        let outcome = if !matters.passed || !hold(&controls) || !improves {
            Outcome::NotReproduced
        } else if hold(&compensates) {
            Outcome::Reproduced
        } else {
            Outcome::Partly
        };
        let told = self.told(compensates[0].passed);
        let mut checks = vec![matters];
        checks.extend(compensates);
        checks.push(self.exchange());
        checks.extend(self.law());
        checks.extend(self.shapes());
        checks.extend(self.augmentation());
        checks.extend(self.batches());
        checks.extend(self.transfer());
        checks.extend(self.tuning());
        Ruling { outcome, told, checks, controls }
    }

    fn told(&self, closes: bool) -> String {
        let ((few_mlp, few_cnn), (mlp, cnn)) = (self.pairs[0], self.fresh);
        let settings = self.found.settings;
        let floor = self.found.evidence.every(|c| c.purpose == Purpose::Floor).map(|cell| error(&cell)).next();
        let floor = floor.map_or_else(String::new, |floor| format!(", a larger CNN {floor:.3}"));
        let within = if closes {
            String::new()
        } else {
            format!("; the gap does not halve within {} samples", settings.samples)
        };
        let limit = match settings.image_limit {
            Supply::Examples(limit) => format!(", of which no more than {limit} are distinct"),
            Supply::Fresh => String::new(),
        };
        format!(
            "with {} images {} errs {:.2} and {} {:.2}, on fresh ones{limit} {} {:.3} and {} {:.3}{floor}{within} ({} seeds)",
            few_mlp.cell.condition.images,
            settings.mlp,
            error(&few_mlp),
            settings.cnn,
            error(&few_cnn),
            self.widest.cell.condition.model.name,
            error(&self.widest),
            settings.cnn,
            error(&cnn),
            mlp.seeds.len(),
        )
    }

    fn bias_matters(&self) -> Check {
        let (mlp, cnn) = self.apart;
        let says = format!("bias matters when data are scarce: largest gap at {}", mlp.cell.label);
        Measured::new("scarce", says, HEADLINE, self.estimate(&[(1.0, mlp), (-1.0, cnn)]))
            .holds(gap_threshold(), |e| e.value >= GAP.0 && e.low > GAP.1)
    }

    fn scale_compensates(&self) -> Vec<Check> {
        let (mlp, cnn) = self.apart;
        let left = self.estimate(&[(1.0, self.widest), (-1.0, self.fresh.1), (-LEFT, mlp), (LEFT, cnn)]);
        let share = (error(&self.widest) - error(&self.fresh.1)) / (error(&mlp) - error(&cnn));
        let says = format!("{} closes at least half of the gap: {share:.2} of it is left", self.widest.cell.label);
        let closes = Measured::new("closes", says, "gap(fresh, widest) - 0.5 largest gap", left)
            .holds("<= 0", |e| e.value <= 0.0);
        let steps = self.pairs.windows(2).map(|pair| self.estimate(&[(1.0, pair[1].0), (-1.0, pair[0].0)]));
        let rises = steps.collect::<Option<Vec<_>>>();
        let worst = rises.and_then(|rises| rises.into_iter().max_by(|a, b| a.low.total_cmp(&b.low)));
        let says = format!("the error of {} rises nowhere as images become more", self.found.settings.mlp);
        let falls = Measured::new("falls", says, "largest change of error from one n to the next", worst)
            .holds("interval reaches 0 or below", |e| e.low <= 0.0);
        let fall = self.estimate(&[(1.0, self.fresh.0), (-FALL, self.pairs[0].0)]);
        let ratio = error(&self.fresh.0) / error(&self.pairs[0].0);
        let says = format!("fresh images bring its error down: to {ratio:.2} of that on the fewest");
        let deep = Measured::new("deep", says, "err(fresh) - 0.6 err(fewest)", fall).holds("<= 0", |e| e.value <= 0.0);
        vec![closes, falls, deep]
    }

    /// Whether the perceptron gains anything from images.
    fn improves(&self) -> bool {
        let gain = self.estimate(&[(1.0, self.fresh.0), (-1.0, self.pairs[0].0)]);
        gain.is_some_and(|gain| gain.high < 0.0)
    }

    fn permutation(&self) -> Vec<Check> {
        let names = [&self.found.settings.mlp, &self.found.settings.cnn];
        let [mlp, cnn] = names.map(|name| {
            let permuted = self.found.of(Purpose::Permuted, name).into_iter().next()?;
            let same = |plain: &Recorded<'_>| plain.cell.condition.images == permuted.cell.condition.images;
            let plain = self.found.of(Purpose::Scaling, name).into_iter().find(same)?;
            self.estimate(&[(1.0, permuted), (-1.0, plain)])
        });
        let statistic = "err(permuted) - err(in place)";
        let bounds = format!("within {}, interval inside {}", BLIND.0, BLIND.1);
        vec![
            Measured::new("permuted", format!("{} had no spatial bias to lose", names[0]), statistic, mlp)
                .holds(bounds, |e| e.value.abs() <= BLIND.0 && e.low > -BLIND.1 && e.high < BLIND.1),
            Measured::new("permuted", format!("{} loses its own", names[1]), statistic, cnn)
                .holds(format!(">= {LOST:.2}"), |e| e.value >= LOST),
        ]
    }

    fn random_labels(&self) -> Vec<Check> {
        let check = |cell: Recorded<'_>| {
            let chance = cell.last("chance").unwrap_or(f64::NAN);
            let right: Vec<Vec<f64>> =
                combined(&[(-1.0, cell)]).into_iter().map(|seed| seed.iter().map(|x| 1.0 + x).collect()).collect();
            let says = format!("nothing is learned from random labels: {}", cell.cell.label);
            Measured::new("labels", says, "test accuracy", self.bootstrap.mean(&right))
                .holds(format!("{chance:.2} +- {CHANCE}"), |e| (e.value - chance).abs() <= CHANCE)
        };
        let checks: Vec<Check> = self.found.evidence.every(|c| c.purpose == Purpose::RandomLabels).map(check).collect();
        if checks.is_empty() { vec![missing("labels", "nothing is learned from random labels")] } else { checks }
    }

    /// The exchange rate: images that the perceptron needs to be as good as the CNN on the fewest.
    fn exchange(&self) -> Check {
        let fewest = self.pairs[0].1.cell.condition.distinct() as f64;
        let seeds = self.pairs[0].0.seeds.len();
        let factor = |drawn: &[usize]| {
            let of = |cell: &Recorded<'_>| {
                let errors = cell.values("test_error");
                mean(&drawn.iter().filter_map(|seed| errors.get(*seed).copied()).collect::<Vec<_>>())
            };
            let point =
                |(mlp, _): &(Recorded<'_>, Recorded<'_>)| Some((mlp.cell.condition.distinct() as f64, of(mlp)?));
            let points = self.pairs.iter().map(point).collect::<Option<Vec<_>>>()?;
            reached(&points, of(&self.pairs[0].1)?)
        };
        let all: Vec<usize> = (0..seeds).collect();
        let statistic = "n at which the MLP is as good as the CNN on the fewest images, over that";
        match factor(&all) {
            Some(Reached::At(n)) => {
                let estimate = self.bootstrap.over_units(seeds, |drawn| match factor(drawn)? {
                    Reached::At(n) | Reached::NotBy(n) => Some(n / fewest),
                });
                let says = format!("the exchange rate: {} images are worth {}", short_number(fewest), short_number(n));
                Measured::new("exchange", says, statistic, estimate).holds("above 1 (told)", |e| e.value > 1.0)
            }
            Some(Reached::NotBy(n)) => {
                let says = format!("the exchange rate: not reached by {} images (censored)", short_number(n));
                Measured::number("exchange", says, statistic, Some(n / fewest)).holds("reached (told)", |_| false)
            }
            None => missing("exchange", "the exchange rate"),
        }
    }

    fn law(&self) -> Option<Check> {
        let points = self.found.computed();
        if points.len() < LAW.1 {
            return None;
        }
        let says = "test error follows a power law in compute";
        let Some(fit) = law(&points) else { return Some(missing("law", says)) };
        let refits = Bootstrap { draws: REFITS, ..self.bootstrap };
        let alpha = refits.over_units(points.len(), |drawn| {
            Some(law(&drawn.iter().map(|i| points[*i]).collect::<Vec<_>>())?.law.alpha)
        });
        let (r_squared, floor) = (fit.r_squared, fit.law.floor);
        let best = frontier(&points);
        let told = |fit: power_law::Fit| format!("R^2 {:.3}, alpha {:.2}", fit.r_squared, fit.law.alpha);
        let of_best = law(&best).map_or_else(|| "no fit".into(), told);
        let says = format!(
            "{says}: R^2 {r_squared:.3}, E_inf {floor:.3} over {} cells ({of_best} over the {} on the frontier)",
            points.len(),
            best.len(),
        );
        let threshold = format!("interval above 0, R^2 >= {}", LAW.0);
        Some(
            Measured::new("law", says, "alpha", alpha)
                .holds(threshold, |e| e.value > 0.0 && e.low > 0.0 && r_squared >= LAW.0),
        )
    }

    /// S-MLP against B-MLP at equal compute.
    fn shapes(&self) -> Vec<Check> {
        let plain = |c: &Condition| c.purpose == Purpose::Scaling && matches!(c.model.kind, Kind::SMlp { .. });
        let check = |cell: Recorded<'_>| {
            let same = |mlp: &Recorded<'_>| mlp.cell.condition.images == cell.cell.condition.images;
            let mlp = self.found.of(Purpose::Scaling, &self.found.settings.mlp).into_iter().find(same)?;
            let worse = self.estimate(&[(1.0, cell), (-1.0, mlp)]);
            let says = format!("the inverted bottleneck beats {} at equal compute", cell.cell.label);
            Some(
                Measured::new("shape", says, "err(S-MLP) - err(B-MLP)", worse)
                    .holds("interval above 0", |e| e.low > 0.0),
            )
        };
        self.found.evidence.every(plain).filter_map(check).collect()
    }

    /// What augmentation gains the perceptron, and how much more than the CNN.
    fn augmentation(&self) -> Vec<Check> {
        let gain = |name: &str| {
            let augmented = self.found.of(Purpose::Augmented, name).into_iter().next()?;
            let same = |plain: &Recorded<'_>| plain.cell.condition.images == augmented.cell.condition.images;
            let plain = self.found.of(Purpose::Scaling, name).into_iter().find(same)?;
            Some([(1.0, plain), (-1.0, augmented)])
        };
        let Some(mlp) = gain(&self.found.settings.mlp) else { return Vec::new() };
        let says = format!("moved and mixed images help: {}", mlp[1].1.cell.label);
        let statistic = "err(plain) - err(augmented)";
        let threshold = "interval above 0";
        let own = Measured::new("augment", says, statistic, self.estimate(&mlp)).holds(threshold, |e| e.low > 0.0);
        let more = gain(&self.found.settings.cnn).map(|cnn| {
            let parts = mlp.into_iter().chain(cnn.into_iter().map(|(weight, cell)| (-weight, cell)));
            let more = self.estimate(&parts.collect::<Vec<_>>());
            let says = format!("they help it more than {}", self.found.settings.cnn);
            Measured::new("augment", says, "gain of the MLP - gain of the CNN", more).holds(threshold, |e| e.low > 0.0)
        });
        [own].into_iter().chain(more).collect()
    }

    /// The best learning rate of each larger batch against the preset's batch.
    fn batches(&self) -> Vec<Check> {
        let cells: Vec<_> = self.found.evidence.every(|c| c.purpose == Purpose::Batch).collect();
        let mut sizes: Vec<usize> = cells.iter().map(|cell| cell.cell.condition.batch).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let check = |size: usize| {
            let of_size = cells.iter().filter(|cell| cell.cell.condition.batch == size);
            let best = of_size.min_by(|a, b| validation(a).total_cmp(&validation(b)))?;
            let name = &best.cell.condition.model.name;
            let same = |plain: &Recorded<'_>| plain.cell.condition.images == best.cell.condition.images;
            let plain = self.found.of(Purpose::Scaling, name).into_iter().find(same)?;
            let worse = self.estimate(&[(1.0, *best), (-1.0, plain)]);
            let says = format!("batches of {size} do not hurt at equal samples: {}", best.cell.label);
            Some(
                Measured::new("batch", says, "err(large batch) - err(preset's)", worse)
                    .holds("<= 0", |e| e.value <= 0.0),
            )
        };
        sizes.into_iter().filter_map(check).collect()
    }

    fn transfer(&self) -> Vec<Check> {
        let check = |cell: Recorded<'_>| {
            let named = |stage: &str| format!("{stage}.{BY_BASE}");
            let (scratch, probe, tuned) = (named("scratch"), named("probe"), named("fine_tune"));
            let gain = |of: &str| self.bootstrap.mean(&combined_of(&[(1.0, cell, &scratch), (-1.0, cell, of)]));
            let model = &cell.cell.condition.model.name;
            [("fine-tuning", &tuned), ("a linear probe", &probe)].map(|(what, vector)| {
                let says = format!("{what} of a pretrained {model} beats training from scratch");
                Measured::new("transfer", says, "err(scratch) - err(transferred)", gain(vector))
                    .holds("interval above 0", |e| e.low > 0.0)
            })
        };
        self.found.evidence.every(|c| c.purpose == Purpose::Transfer).flat_map(check).collect()
    }

    /// Whether every model has the best rate of its grid.
    fn tuning(&self) -> Vec<Check> {
        let check = |model: &Model| {
            let cells = self.found.of(Purpose::Tuning, &model.name);
            let best = cells.iter().min_by(|a, b| validation(a).total_cmp(&validation(b)))?;
            let own = cells.iter().find(|cell| cell.cell.condition.model.learning_rate == model.learning_rate);
            let off = own.map(|own| validation(own) - validation(best));
            let rate = best.cell.condition.model.learning_rate;
            let says = format!("{} has the best rate of its grid, {rate:e}, or nearly", model.name);
            let statistic = "validation error above the best rate's";
            Some(Measured::number("tuned", says, statistic, off).holds(format!("<= {TUNED}"), |e| e.value <= TUNED))
        };
        self.found.settings.models.iter().filter_map(check).collect()
    }
}

/// The least validation error of a condition, mean over its seeds.
fn validation(cell: &Recorded<'_>) -> f64 {
    let least = |result: &&TrialResult| {
        result.metrics.get("validation_error")?.iter().map(|(_, error)| *error).reduce(f64::min)
    };
    mean(&cell.seeds.iter().filter_map(least).collect::<Vec<_>>()).unwrap_or(f64::INFINITY)
}
