//! The judge: the sheet's lines, thresholds fixed here and nowhere else.

use std::collections::BTreeMap;

use super::settings::{Condition, Deletion, Leg, Settings};
use crate::base::random::Key;
use crate::contract::{Check, Evidence, Outcome, Recorded, Verdict};
use crate::instruments::statistics::{Bootstrap, Estimate, least_squares_line, mean};
use crate::tasks::opposing::Groups;
use crate::training::{Measured, Ruling, hold, missing, verdict};

/// A: the slope of sharpness over |beta| in units of `p a^2`, and the least share of variance on the line.
const SLOPE: (f64, f64, f64) = (0.9, 1.1, 0.98);
/// B: most correlation of the groups' changes, and most of the upper end of its interval.
const RHO: (f64, f64) = (-0.5, -0.2);
/// B: least share of planted examples in the list.
const PRECISION: f64 = 0.6;
/// B: least share of all |change| that the planted carry.
const SHARE: f64 = 0.25;
/// B: least ratio of peaks, interval above 1.
const PEAK: f64 = 1.5;
/// Controls: most precision and most share.
const CONTROL: (f64, f64) = (0.3, 0.10);
/// Causal test: below this part of `2 / eta` sharpness has fallen away from the edge.
pub(super) const FALLEN: f64 = 0.9;
/// Causal test: least share of seeds in which sharpness falls.
const CAUSAL: f64 = 0.8;
/// Least share of the runs of leg B that must cross the edge, and least number of seeds.
const GATE: (f64, usize) = (0.8, 3);

/// The thresholds as people read them, for the card.
pub(super) const THRESHOLDS: &[&str] = &[
    "A final sharpness at the small rate against |beta|: slope / (p a^2) in 0.9 to 1.1, R^2 >= 0.98",
    "B1 after the first crossing of 2 / eta, correlation of the mean changes of A and B <= -0.5, interval below -0.2",
    "B2 share of planted examples among the 2k that move most >= 0.6",
    "B3 share of all |change| that the planted examples carry >= 0.25",
    "B4 peak sharpness of opposing over that of none >= 1.5, interval above 1",
    "D sharpness falls below 0.9 of 2 / eta within the set steps in >= 80 % of seeds when the planted are deleted",
    "controls: consistent and none: precision <= 0.3, share <= 0.10; consistent at the edge in leg A: correlation \
     >= 0; low feature: share <= 0.10; deleting as many random examples does not meet D",
    "undecided with fewer than 3 seeds, or if more than 1 in 5 runs of leg B begin beyond the edge or never cross it; \
     a seed's value is the mean over the learning rates (of a ratio the geometric mean); a run that never crosses is \
     measured on its second half",
];

const HEADLINE: &str = "correlation of the mean changes of loss of A and B after the crossing";

/// The verdict on everything that was recorded.
pub(super) fn judge(settings: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
    let court = Court { settings, evidence, bootstrap: Bootstrap::new(key) };
    let ruling = court.gate().map(|()| court.rule());
    verdict(HEADLINE, rho_threshold(), evidence.rows(wanted), ruling)
}

fn wanted(metric: &str) -> bool {
    let names = [
        "rho",
        "precision",
        "share",
        "side_agreement",
        "initial_sharpness",
        "peak_sharpness",
        "final_sharpness",
        "crossing",
        "learning_rate",
        "lowest_after_crossing",
        "excluded",
    ];
    names.contains(&metric)
}

fn rho_threshold() -> String {
    format!("<= {:.1}, interval below {:.1}", RHO.0, RHO.1)
}

/// What every judgement needs.
struct Court<'e> {
    settings: &'e Settings,
    evidence: &'e Evidence<'e, Condition>,
    bootstrap: Bootstrap,
}

/// Whether a condition of leg B is one of those that are compared: the usual height, nothing deleted.
fn compared(condition: &Condition, groups: Groups, height: f64) -> bool {
    condition.leg == Leg::Network(height)
        && condition.groups == groups
        && condition.deletion == Deletion::Nothing
        && condition.study.is_none()
}

impl<'e> Court<'e> {
    fn network(&self, groups: Groups) -> impl Iterator<Item = Recorded<'_, Condition>> {
        let height = self.settings.network.height;
        self.evidence.every(move |condition| compared(condition, groups, height))
    }

    /// What must be so before anything is claimed.
    fn gate(&self) -> Result<(), String> {
        let judged = |r: &Recorded<'_, Condition>| {
            r.cell.condition.study.is_none() && !matches!(r.cell.condition.leg, Leg::Digits | Leg::Pictures)
        };
        if let Some(open) = self.evidence.all().filter(judged).find(|r| !r.complete()) {
            return Err(format!("not every seed of {} ran to its end", open.cell.label));
        }
        for recorded in self.network(Groups::Opposing) {
            if recorded.seeds.len() < GATE.1 {
                return Err(format!("{} seeds are too few; at least {} are needed", recorded.seeds.len(), GATE.1));
            }
            let crossed = recorded.values("crossing").len();
            if (crossed as f64) < GATE.0 * recorded.seeds.len() as f64 {
                let (label, seeds) = (&recorded.cell.label, recorded.seeds.len());
                return Err(format!("{crossed} of {seeds} runs of {label} crossed the edge of stability"));
            }
        }
        Ok(())
    }

    /// A metric by seed, mean over the learning rates; runs of `opposing` count if they crossed.
    fn by_seed(&self, groups: Groups, metric: &str, map: fn(f64) -> f64) -> BTreeMap<u64, f64> {
        let mut values: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for recorded in self.network(groups) {
            let crossed = recorded.by_seed("crossing");
            for (seed, value) in recorded.by_seed(metric) {
                if groups != Groups::Opposing || crossed.contains_key(&seed) {
                    values.entry(seed).or_default().push(map(value));
                }
            }
        }
        values.into_iter().filter_map(|(seed, values)| Some((seed, mean(&values)?))).collect()
    }

    fn of_network(&self, groups: Groups, metric: &str) -> Option<Estimate> {
        self.bootstrap.over_seeds(&self.by_seed(groups, metric, |x| x).into_values().collect::<Vec<_>>())
    }

    fn rule(&self) -> Ruling {
        let groups = self.groups();
        let (peak, law) = (self.peak(), self.law());
        let (causal, random) = self.causal();
        let mut controls = self.controls();
        controls.push(random);
        let all = hold(&groups) && peak.passed && law.passed && causal.passed && hold(&controls);
        // B1 and B3: without them the groups are not seen at all.
        let outcome = match (groups[0].passed && groups[2].passed, all) {
            (false, _) => Outcome::NotReproduced,
            (true, true) => Outcome::Reproduced,
            (true, false) => Outcome::Partly,
        };
        let told = told(&groups);
        let checks = groups.into_iter().chain([peak, law, causal]).collect();
        Ruling { outcome, told, checks, controls }
    }

    fn groups(&self) -> Vec<Check> {
        let rho = self.of_network(Groups::Opposing, "rho");
        let precision = self.of_network(Groups::Opposing, "precision");
        let share = self.of_network(Groups::Opposing, "share");
        vec![
            Measured::new("B1", "the loss of one group rises as that of the other falls", HEADLINE, rho)
                .holds(rho_threshold(), |e| e.value <= RHO.0 && e.high < RHO.1),
            Measured::new(
                "B2",
                "what moves most is what was planted",
                "planted among the 2k that move most",
                precision,
            )
            .holds(format!(">= {PRECISION}"), |e| e.value >= PRECISION),
            Measured::new(
                "B3",
                "the few planted examples carry much of all change",
                "their share of all |change|",
                share,
            )
            .holds(format!(">= {SHARE}"), |e| e.value >= SHARE),
        ]
    }

    fn peak(&self) -> Check {
        let (with, without) = (
            self.by_seed(Groups::Opposing, "peak_sharpness", f64::ln),
            self.by_seed(Groups::None, "peak_sharpness", f64::ln),
        );
        let ratios: Vec<f64> = with.iter().filter_map(|(seed, peak)| Some((peak - without.get(seed)?).exp())).collect();
        let ratio = self.bootstrap.over_seeds(&ratios);
        Measured::new("B4", "opposing groups make the valley steep", "peak sharpness, opposing over none", ratio)
            .holds(format!(">= {PEAK}, interval above 1"), |e| e.value >= PEAK && e.low > 1.0)
    }

    /// Points (|beta|, final sharpness) of every seed of leg A at the small rate.
    fn law_points(&self) -> BTreeMap<u64, Vec<(f64, f64)>> {
        let mut points: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
        let small = self.settings.linear.small_rate;
        for recorded in self.evidence.every(|c| matches!(c.leg, Leg::Linear(_)) && c.rate == small) {
            let Leg::Linear(norm) = recorded.cell.condition.leg else { continue };
            for (seed, sharpness) in recorded.by_seed("final_sharpness") {
                points.entry(seed).or_default().push((norm, sharpness));
            }
        }
        points
    }

    fn law(&self) -> Check {
        let by_seed: Vec<Vec<(f64, f64)>> = self.law_points().into_values().collect();
        let line = |units: &[usize]| {
            let (x, y): (Vec<f64>, Vec<f64>) = units.iter().flat_map(|&i| by_seed[i].iter().copied()).unzip();
            least_squares_line(&x, &y)
        };
        let law = self.settings.linear.law();
        let slope = self.bootstrap.over_units(by_seed.len(), |units| Some(line(units)?.slope / law));
        let fit = line(&(0..by_seed.len()).collect::<Vec<_>>()).map_or(0.0, |line| line.r_squared);
        let (low, high, least) = SLOPE;
        let says = format!("sharpness ends linear in |beta| (R^2 {fit:.3})");
        Measured::new("A", says, "slope of final sharpness over |beta|, in units of p a^2", slope)
            .holds(format!("{low} to {high}, R^2 >= {least}"), |e| (low..=high).contains(&e.value) && fit >= least)
    }

    fn causal(&self) -> (Check, Check) {
        let share = |deletion: Deletion| {
            let recorded = self.evidence.find(|c| c.deletion == deletion)?;
            self.bootstrap.over_seeds(&recorded.values("fallen"))
        };
        let statistic =
            format!("share of seeds below {FALLEN} of 2 / eta within {} steps", self.settings.network.causal_steps);
        let planted = Measured::new(
            "D",
            "without the planted examples the walls are gone",
            &*statistic,
            share(Deletion::Planted),
        );
        let random =
            Measured::new("D", "as many random examples are not what makes them", statistic, share(Deletion::Random));
        (
            planted.holds(format!(">= {CAUSAL}"), |e| e.value >= CAUSAL),
            random.holds(format!("< {CAUSAL}"), |e| e.value < CAUSAL),
        )
    }

    fn controls(&self) -> Vec<Check> {
        let (most_precision, most_share) = CONTROL;
        let mut controls = Vec::new();
        for groups in [Groups::Consistent, Groups::None] {
            let name = groups.name();
            for (metric, most) in [("precision", most_precision), ("share", most_share)] {
                let says = format!("{name} groups do not stand out");
                let found = self.of_network(groups, metric);
                controls.push(
                    Measured::new("B control", says, format!("{metric}, {name}"), found)
                        .holds(format!("<= {most:.2}"), |e| e.value <= most),
                );
            }
        }
        let low = self.settings.network.low_height;
        let says = format!("without a heavy feature (a = {low}) the same labels do not stand out");
        let share =
            self.evidence.find(|c| c.leg == Leg::Network(low)).map(|r| self.bootstrap.over_seeds(&r.values("share")));
        controls.push(share.map_or_else(
            || missing("B control", says.clone()),
            |share| {
                Measured::new("B control", says.clone(), format!("share, a = {low}"), share)
                    .holds(format!("<= {most_share:.2}"), |e| e.value <= most_share)
            },
        ));
        controls.push(self.consistent_at_the_edge());
        controls
    }

    fn consistent_at_the_edge(&self) -> Check {
        let small = self.settings.linear.small_rate;
        let fits = |c: &Condition| matches!(c.leg, Leg::Linear(_)) && c.groups == Groups::Consistent && c.rate != small;
        let Some(recorded) = self.evidence.find(fits) else {
            return missing("A control", "groups that agree move together past the edge");
        };
        let crossed = recorded.by_seed("crossing");
        let rho: Vec<f64> =
            recorded.by_seed("rho").into_iter().filter(|(s, _)| crossed.contains_key(s)).map(|(_, r)| r).collect();
        let says = format!("groups that agree move together past the edge ({} seeds)", rho.len());
        Measured::new("A control", says, "correlation of the mean changes, consistent", self.bootstrap.over_seeds(&rho))
            .holds(">= 0", |e| e.value >= 0.0)
    }
}

fn told(groups: &[Check]) -> String {
    let [rho, low, high] = groups[0].numbers();
    let [precision, share] = [1, 2].map(|i| 100.0 * groups[i].effect.unwrap_or(f64::NAN));
    format!(
        "past the edge of stability the two groups' losses change with correlation {rho:.2} (95 % {low:.2} to {high:.2}); \
         the planted examples are {precision:.0} % of those that move most and carry {share:.0} % of all change",
    )
}
