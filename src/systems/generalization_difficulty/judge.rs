//! The judge: what the sheet asks to be shown, thresholds fixed here and nowhere else.

use super::evidence::{Ground, Ladder, ladder, median};
use super::settings::{Learner, Shown};
use crate::base::random::Key;
use crate::contract::{Check, Outcome, Verdict};
use crate::instruments::statistics::{Bootstrap, Estimate, spearman};
use crate::training::{Measured, Ruling, hold, verdict};

/// Gate: most distance of errors and law.
const DISTANCE: f64 = 0.02;
/// Gate: tasks on which the kernel must reach the wanted error, of those in the preset.
const UNREACHED: usize = 2;
/// Gate: least replicas.
const SEEDS: usize = 2;
/// Exponential in m: least growth factor for each dimension more, and most deviation of the slope from
/// ln(2K + 1), relative.
const GROWTH: (f64, f64) = (3.0, 0.2);
/// Polynomial in the resolution: the slope over m, and the most growth from K = 3 to 4 at m = 2.
const POWER: (f64, f64) = (0.85, 1.3);
const LAST_STEP: f64 = 2.0;
/// Real learners: least rank correlation, and what its lower bound must exceed.
const RANK: (f64, f64) = (0.8, 0.5);
/// Control (a): most deviation of the dimension from m, and most factor on the points required.
const EMBEDDED: (f64, f64) = (0.4, 2.0);

/// The thresholds as people read them, for the card.
pub(super) const THRESHOLDS: &[&str] = &[
    "undecided if errors and law are more than 0.02 apart (Kolmogorov), if the kernel does not reach the error on more than 2 tasks, or with fewer than 2 replicas",
    "(1) exponential in m: bits(m + 1) / bits(m) >= 3 for each step, lower bound too, and the slope of ln bits against m within 20 % of ln(2K + 1)",
    "(2) polynomial in the resolution: slope of ln bits against ln(2K + 1) between 0.85 m and 1.3 m at m = 2 and 3; bits(K = 4) / bits(K = 3) <= 2 at m = 2",
    "(3) real learners: Spearman of bits and points that a kernel requires >= 0.8, lower bound above 0.5",
    "(a, control) in 16 and 64 inputs the measured dimension stays within 0.4 of 2 and the points that a network requires change by less than a factor 2",
    "(b, shown) with a target of the first dimension alone the bits of the space stay and the points that a network requires fall",
];

const HEADLINE: &str = "smallest growth factor of bits from one dimension to the next";

fn growth_threshold() -> String {
    format!(">= {}, lower bound too", GROWTH.0)
}

/// The verdict on everything that was recorded.
pub(super) fn judge(ground: Ground<'_>, key: Key) -> Verdict {
    let ruling = Court::open(ground, key).map(|court| court.rule());
    verdict(HEADLINE, growth_threshold(), ground.evidence.rows(wanted), ruling)
}

fn wanted(metric: &str) -> bool {
    let names =
        ["bits", "required", "censored", "kolmogorov", "intrinsic_dimension", "dimension.5", "log10_bits.sample"];
    names.contains(&metric)
}

/// The slope of a least-squares line.
pub(super) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let across: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let along: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let slope = across / along;
    slope.is_finite().then_some(slope)
}

struct Court<'a> {
    ground: Ground<'a>,
    kernels: Vec<Ladder>,
    bootstrap: Bootstrap,
}

impl<'a> Court<'a> {
    /// Checks the gates.
    fn open(ground: Ground<'a>, key: Key) -> Result<Self, String> {
        if let Some(open) = ground.evidence.open() {
            return Err(open);
        }
        let fewest = ground.over_dimensions().iter().map(|(_, bits)| bits.len()).min().unwrap_or(0);
        if fewest < SEEDS {
            return Err(format!("{fewest} replicas are too few; at least {SEEDS} are needed"));
        }
        match ground.worst_law() {
            Some((distance, _)) if distance <= DISTANCE => {}
            Some((distance, name)) => {
                return Err(format!(
                    "the errors of {name} are {distance:.3} away from their law, more than {DISTANCE}"
                ));
            }
            None => return Err("no errors were compared with their law".into()),
        }
        let kernels = ground.ladders(Learner::Kernel);
        // A task is reached when its median replica is.
        let reached =
            |ladder: &&Ladder| 2 * ladder.reached.iter().filter(|reached| **reached).count() > ladder.reached.len();
        let (count, all) = (kernels.iter().filter(reached).count(), ground.settings.learners.tasks.len());
        if count + UNREACHED < all {
            return Err(format!("the kernel reaches the wanted error on only {count} of {all} tasks"));
        }
        Ok(Court { ground, kernels, bootstrap: Bootstrap::new(key) })
    }

    fn rule(&self) -> Ruling {
        let (exponential, polynomial) = (self.exponential(), self.polynomial());
        let (learners, embedded) = (self.learners(), self.embedded());
        let outcome = match (hold(&exponential) && hold(&polynomial), hold(&learners), hold(&embedded)) {
            (true, true, true) => Outcome::Reproduced,
            (true, false, _) | (false, true, _) => Outcome::Partly,
            _ => Outcome::NotReproduced,
        };
        let checks = [exponential, polynomial, learners].concat();
        Ruling { outcome, told: self.told(), checks, controls: [embedded, self.first_only()].concat() }
    }

    fn told(&self) -> String {
        let over_m = self.ground.over_dimensions();
        let steps: Vec<String> =
            over_m.iter().filter_map(|(m, bits)| Some(format!("{:.1} at m = {m}", median(bits)?))).collect();
        let rank = self.rank(&self.kernels).map_or(f64::NAN, |rank| rank.value);
        let networks = self.rank(&self.ground.ladders(Learner::Network)).map_or(f64::NAN, |rank| rank.value);
        let warning = self.ground.noise_warning().map_or(String::new(), |warning| format!("; {warning}"));
        format!(
            "bits to an error of {} are {}; they rank the points that a kernel requires by {rank:.2} and those of a \
             network by {networks:.2} (Spearman){warning}",
            self.ground.settings.error,
            steps.join(", "),
        )
    }

    /// A statistic of the medians over replicas, of cells that are resampled together.
    fn of_medians(&self, cells: &[Vec<f64>], of: impl Fn(&[f64]) -> Option<f64>) -> Option<Estimate> {
        let replicas = cells.iter().map(Vec::len).min()?;
        self.bootstrap.over_units(replicas, |units| {
            let one = |cell: &Vec<f64>| median(&units.iter().map(|unit| cell[*unit]).collect::<Vec<_>>());
            of(&cells.iter().map(one).collect::<Option<Vec<f64>>>()?)
        })
    }

    /// The slope of the logarithm of medians.
    fn slope_of(&self, x: &[f64], cells: &[Vec<f64>]) -> Option<Estimate> {
        self.of_medians(cells, |medians| {
            slope(&x.iter().copied().zip(medians.iter().map(|bits| bits.ln())).collect::<Vec<_>>())
        })
    }

    /// (1)
    fn exponential(&self) -> Vec<Check> {
        let over_m = self.ground.over_dimensions();
        let growth = |pair: &[(usize, Vec<f64>)]| {
            self.of_medians(&[pair[0].1.clone(), pair[1].1.clone()], |medians| Some(medians[1] / medians[0]))
        };
        let steps: Option<Vec<Estimate>> = over_m.windows(2).map(growth).collect();
        let smallest = steps.as_ref().and_then(|steps| steps.iter().min_by(|a, b| a.low.total_cmp(&b.low)).cloned());
        let says = "one dimension more multiplies the bits";
        let first = Measured::new("1", says, HEADLINE, smallest)
            .holds(growth_threshold(), |e| e.value >= GROWTH.0 && e.low >= GROWTH.0);
        let (x, cells): (Vec<f64>, Vec<Vec<f64>>) = over_m.into_iter().map(|(m, bits)| (m as f64, bits)).unzip();
        let expected = ((2 * self.ground.settings.volume.frequency + 1) as f64).ln();
        let (low, high) = ((1.0 - GROWTH.1) * expected, (1.0 + GROWTH.1) * expected);
        let second = Measured::new("1", says, "slope of ln bits against m", self.slope_of(&x, &cells))
            .holds(format!("{low:.2} to {high:.2}, around ln(2K + 1)"), |e| (low..=high).contains(&e.value));
        vec![first, second]
    }

    /// (2)
    fn polynomial(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        for (m, cells) in self.ground.over_frequencies() {
            let says = format!("at m = {m} bits grow as a power of the resolution");
            let x: Vec<f64> = cells.iter().map(|(k, _)| ((2 * k + 1) as f64).ln()).collect();
            let bits: Vec<Vec<f64>> = cells.iter().map(|(_, bits)| bits.clone()).collect();
            let (low, high) = (POWER.0 * m as f64, POWER.1 * m as f64);
            let statistic = "slope of ln bits against ln(2K + 1)";
            let check = Measured::new("2", &says, statistic, self.slope_of(&x, &bits))
                .holds(format!("{low:.2} to {high:.2}"), |e| (low..=high).contains(&e.value));
            checks.push(check);
            let at = |wanted: usize| cells.iter().find(|(k, _)| *k == wanted).map(|(_, bits)| bits.clone());
            if let Some((three, four)) = at(3).zip(at(4)).filter(|_| m == 2) {
                let ratio = self.of_medians(&[three, four], |medians| Some(medians[1] / medians[0]));
                let check = Measured::new("2", says, "bits(K = 4) / bits(K = 3)", ratio)
                    .holds(format!("<= {LAST_STEP}"), |e| e.value <= LAST_STEP);
                checks.push(check);
            }
        }
        checks
    }

    /// Spearman's correlation of exact bits and required points over tasks; what was not reached counts as the
    /// most points of its ladder, so all of those are tied.
    fn rank(&self, ladders: &[Ladder]) -> Option<Estimate> {
        let column = |of: fn(&Ladder) -> &Vec<f64>| ladders.iter().map(|l| median(of(l))).collect::<Option<Vec<f64>>>();
        let (bits, required) = (column(|l| &l.bits)?, column(|l| &l.required)?);
        let estimate = self.bootstrap.spearman(&bits, &required);
        // Few tasks, of which a resample may be one alone: the value is told without an interval.
        estimate.or_else(|| spearman(&bits, &required).map(|value| Estimate::between(-1.0, value, 1.0)))
    }

    /// (3)
    fn learners(&self) -> Vec<Check> {
        let says = "a kernel requires more points where bits are more";
        let statistic = "Spearman(median bits, median points required)";
        vec![
            Measured::new("3", says, statistic, self.rank(&self.kernels))
                .holds(format!(">= {}, lower bound above {}", RANK.0, RANK.1), |e| e.value >= RANK.0 && e.low > RANK.1),
        ]
    }

    /// (a)
    fn embedded(&self) -> Vec<Check> {
        let task = &self.ground.settings.learners.embedded;
        let find = |shown: Shown| self.ground.control(task.dimensions, task.frequency, shown);
        let plain = find(Shown::Plain).and_then(ladder);
        let mut checks = Vec::new();
        for width in &task.widths {
            let recorded = find(Shown::Embedded(*width));
            let says = format!("turning the inputs into {width} dimensions makes nothing harder");
            let dimension = recorded.and_then(|r| r.last("intrinsic_dimension"));
            let m = task.dimensions as f64;
            let statistic = format!("measured dimension in D = {width}");
            checks.push(
                Measured::number("a", &says, statistic, dimension)
                    .holds(format!("within {} of {m}", EMBEDDED.0), |e| (e.value - m).abs() <= EMBEDDED.0),
            );
            let cells =
                plain.clone().zip(recorded.and_then(ladder)).map(|(plain, turned)| [plain.required, turned.required]);
            let factor = cells.and_then(|cells| self.of_medians(&cells, |medians| Some(medians[1] / medians[0])));
            let statistic =
                format!("points a network requires in D = {width} over those in D = {}", 2 * task.dimensions);
            let most = EMBEDDED.1;
            checks.push(
                Measured::new("a", says, statistic, factor)
                    .holds(format!("by less than a factor {most}"), |e| e.value < most && e.value > 1.0 / most),
            );
        }
        checks
    }

    /// (b): shown as what this measure does not see; it decides nothing.
    fn first_only(&self) -> Vec<Check> {
        let (m, k) = self.ground.settings.learners.first_only;
        let find = |shown: Shown| self.ground.control(m, k, shown).and_then(ladder);
        let pair = find(Shown::Plain).zip(find(Shown::FirstOnly));
        let ratio = |of: fn(&Ladder) -> &Vec<f64>| {
            let (all, first) = pair.as_ref()?;
            Some(median(of(first))? / median(of(all))?)
        };
        let says = "a target of the first dimension alone needs fewer points, and the measure does not see it";
        let measured = |statistic: &str, value| Measured::number("b (shown)", says, statistic, value);
        vec![
            measured("bits of the space, over those of the full target", ratio(|ladder| &ladder.bits))
                .holds("0.5 to 2", |e| (0.5..=2.0).contains(&e.value)),
            measured("points a network requires, over those of the full target", ratio(|ladder| &ladder.required))
                .holds("< 1", |e| e.value < 1.0),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn slopes_of_lines() {
        assert!((slope(&[(1.0, 3.0), (2.0, 5.0), (4.0, 9.0)]).unwrap() - 2.0).abs() < 1e-12);
        assert_eq!((slope(&[(1.0, 3.0)]), slope(&[])), (None, None));
    }
}
