//! The judge: learning rates chosen on the tuning replicas, everything else on the others; thresholds
//! fixed here and nowhere else.

use std::collections::BTreeMap;

use super::settings::{Condition, Kind, Leg, REVERSED, Settings, TUNING};
use crate::base::random::Key;
use crate::contract::{Check, Closing, Evidence, Outcome, Recorded, TrialResult, Verdict};
use crate::instruments::statistics::{Bootstrap, Estimate, mean};
use crate::tasks::class_sequence::Parts;
use crate::training::{Measured, Ruling, hold, missing, verdict};

/// (i): least gain in retention, and what the lower end of its interval must be above.
const GAIN: (f64, f64) = (0.15, 0.05);
/// Control: most distance of diagonal Shampoo's retention from AdamW's.
const DIAGONAL: f64 = 0.10;
/// Control: most difference of accuracy when all classes are learned at once.
const JOINT: f64 = 0.03;
/// (iii): most ratio of the kept shares.
const SPARSER: f64 = 0.5;
/// Gate: least accuracy on a task right after it, and least share of the seeds that must pass.
const GATE: (f64, f64) = (0.95, 0.8);
/// Least number of judged seeds.
const SEEDS: usize = 3;

/// The thresholds as people read them, for the card.
pub(super) const THRESHOLDS: &[&str] = &[
    "i retention of Shampoo minus the largest of SGD, AdamW and diagonal Shampoo, paired by seed, >= 0.15, interval above 0.05",
    "ii cosine between class means, Shampoo minus AdamW, interval below 0",
    "controls: |retention of diagonal Shampoo minus AdamW| <= 0.10; all classes at once: |accuracy of Shampoo minus \
     AdamW| <= 0.03; order of the tasks reversed: the gain keeps its sign",
    "iii (lifts nothing) powerpropagation keeps 95 % of its accuracy at a kept share at most half of SGD's; power 1 is \
     SGD bit for bit",
    "learning rates: of each optimiser the one that reaches the tolerance on all tasks in the fewest steps on the two \
     tuning seeds; retention is not looked at",
    "gate: a counted run reaches the tolerance on all tasks and 0.95 on each right after it; undecided if more than 1 in 5 \
     seeds of Shampoo, AdamW or diagonal Shampoo do not, or with fewer than 3 judged seeds; not reproduced if the \
     interval of i ends below 0.15",
];

const HEADLINE: &str = "retention of Shampoo minus the largest of SGD, AdamW and diagonal Shampoo";

fn gain_threshold() -> String {
    format!(">= {:.2}, interval above {:.2}", GAIN.0, GAIN.1)
}

/// An optimiser at the learning rate that the tuning seeds chose.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) kind: Kind,
    pub(super) rate: f32,
    /// Counted seeds, in order.
    pub(super) seeds: Vec<u64>,
    /// Judged seeds.
    pub(super) of: usize,
}

impl Chosen {
    /// Whether enough of its seeds count.
    pub(super) fn comparable(&self) -> bool {
        self.of > 0 && self.seeds.len() as f64 >= GATE.1 * self.of as f64
    }
}

/// The sum of steps over the tuning seeds, if all of them reached the tolerance on all tasks.
fn tuning_steps(recorded: &Recorded<'_, Condition>) -> Option<f64> {
    let tuning: Vec<&TrialResult> = recorded.seeds.iter().filter(|r| r.spec.seed < TUNING).copied().collect();
    let steps: Vec<f64> =
        tuning.iter().filter(|r| r.last("reached") == Some(1.0)).filter_map(|r| r.last("total_steps")).collect();
    (!steps.is_empty() && steps.len() == tuning.len()).then(|| steps.iter().sum())
}

/// Of conditions that differ in the rate alone, the one that tuning chooses.
fn tuned<'e>(conditions: impl Iterator<Item = Recorded<'e, Condition>>) -> Option<Recorded<'e, Condition>> {
    let timed = conditions.filter_map(|r| Some((tuning_steps(&r)?, r)));
    timed.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, r)| r)
}

/// The learning rate of each optimiser, in the order of the preset; one without any is left out.
pub(super) fn choose(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Chosen> {
    let of = |kind: Kind| {
        let recorded = tuned(evidence.every(move |c| c.leg == Leg::Sequence(kind, Parts::Pairs)))?;
        let judged: Vec<&TrialResult> = recorded.seeds.iter().filter(|r| r.spec.seed >= TUNING).copied().collect();
        let counts = |r: &&&TrialResult| {
            r.last("reached") == Some(1.0) && r.last("least_current").is_some_and(|least| least >= GATE.0)
        };
        let seeds = judged.iter().filter(counts).map(|r| r.spec.seed).collect();
        Some(Chosen { kind, rate: recorded.cell.condition.rate, seeds, of: judged.len() })
    };
    settings.optimisers.iter().filter_map(|contender| of(contender.kind)).collect()
}

/// The verdict on everything that was recorded.
pub(super) fn judge(settings: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
    let ruling = Court::open(settings, evidence, key).map(|court| court.rule());
    verdict(HEADLINE, gain_threshold(), evidence.rows(wanted), ruling)
}

fn wanted(metric: &str) -> bool {
    let names = [
        "retention",
        "least_current",
        "total_steps",
        "reached",
        "class_cosine",
        "effective_rank",
        "displacement",
        "test_accuracy",
        "least_kept",
    ];
    names.contains(&metric)
}

struct Court<'e> {
    evidence: &'e Evidence<'e, Condition>,
    bootstrap: Bootstrap,
    chosen: Vec<Chosen>,
}

impl<'e> Court<'e> {
    /// Checks the gates.
    fn open(settings: &Settings, evidence: &'e Evidence<'e, Condition>, key: Key) -> Result<Self, String> {
        // A run that diverged did not reach the tolerance; one that is still open may yet.
        let open = evidence.all().find(|r| {
            !matches!(r.cell.condition.leg, Leg::Variation(..))
                && (r.seeds.is_empty() || r.seeds.iter().any(|s| !ended(s)))
        });
        if let Some(open) = open {
            return Err(format!("not every seed of {} ran to its end", open.cell.label));
        }
        let chosen = choose(settings, evidence);
        for kind in [Kind::Shampoo, Kind::Adamw, Kind::DiagonalShampoo] {
            let Some(found) = chosen.iter().find(|c| c.kind == kind) else {
                return Err(format!("{} reached the tolerance on both tuning seeds at no rate", kind.name()));
            };
            if found.of < SEEDS {
                return Err(format!("{} judged seeds are too few; at least {SEEDS} are needed", found.of));
            }
            if !found.comparable() {
                let (name, count, of) = (kind.name(), found.seeds.len(), found.of);
                return Err(format!("{name} is not comparable: {count} of {of} seeds learned every task"));
            }
        }
        Ok(Court { evidence, bootstrap: Bootstrap::new(key), chosen })
    }

    fn chosen(&self, kind: Kind) -> Option<&Chosen> {
        self.chosen.iter().find(|chosen| chosen.kind == kind).filter(|chosen| chosen.comparable())
    }

    /// A metric of an optimiser at its rate, by counted seed.
    fn metric(&self, kind: Kind, parts: Parts, metric: &str) -> BTreeMap<u64, f64> {
        let Some(chosen) = self.chosen(kind) else { return BTreeMap::new() };
        let fits = |c: &Condition| c.leg == Leg::Sequence(kind, parts) && c.rate == chosen.rate;
        let found = self.evidence.find(fits).map(|r| r.by_seed(metric)).unwrap_or_default();
        found.into_iter().filter(|(seed, _)| chosen.seeds.contains(seed)).collect()
    }

    /// First minus second by seed, where both count.
    fn paired(&self, first: &BTreeMap<u64, f64>, second: &BTreeMap<u64, f64>) -> Option<Estimate> {
        let off: Vec<f64> = first.iter().filter_map(|(seed, a)| Some(a - second.get(seed)?)).collect();
        self.bootstrap.over_seeds(&off)
    }

    /// What Shampoo retains above the best of the others, by seed.
    fn gain(&self, parts: Parts) -> Option<Estimate> {
        let others: Vec<BTreeMap<u64, f64>> = REVERSED
            .iter()
            .filter(|kind| **kind != Kind::Shampoo && self.chosen(**kind).is_some())
            .map(|kind| self.metric(*kind, parts, "retention"))
            .collect();
        let above = |(seed, retained): (u64, f64)| {
            // A seed counts if every optimiser that is compared counts on it.
            let best = others.iter().map(|o| o.get(&seed).copied()).collect::<Option<Vec<f64>>>()?;
            Some(retained - best.into_iter().fold(f64::NEG_INFINITY, f64::max))
        };
        let gains: Vec<f64> = self.metric(Kind::Shampoo, parts, "retention").into_iter().filter_map(above).collect();
        self.bootstrap.over_seeds(&gains)
    }

    fn rule(&self) -> Ruling {
        let gain = self.gain(Parts::Pairs);
        let first = Measured::new("i", "Shampoo forgets less than every diagonal method", HEADLINE, gain.clone())
            .holds(gain_threshold(), |e| e.value >= GAIN.0 && e.low > GAIN.1);
        let second = self.likeness();
        let controls = vec![self.diagonal(), self.joint(), self.reversed()];
        let all = second.passed && hold(&controls);
        let outcome = match (first.passed, gain) {
            (true, _) if all => Outcome::Reproduced,
            (true, _) => Outcome::Partly,
            (false, Some(gain)) if gain.high >= GAIN.0 => Outcome::Undecided,
            (false, _) => Outcome::NotReproduced,
        };
        let told = self.told(&first);
        let checks = [vec![first, second], self.sparse()].concat();
        Ruling { outcome, told, checks, controls }
    }

    fn likeness(&self) -> Check {
        let [shampoo, adamw] = [Kind::Shampoo, Kind::Adamw].map(|kind| self.metric(kind, Parts::Pairs, "class_cosine"));
        let off = self.paired(&shampoo, &adamw);
        Measured::new("ii", "its classes are less alike", "cosine between class means, Shampoo minus AdamW", off)
            .holds("interval below 0", |e| e.high < 0.0)
    }

    fn diagonal(&self) -> Check {
        let [diagonal, adamw] = [Kind::DiagonalShampoo, Kind::Adamw].map(|k| self.metric(k, Parts::Pairs, "retention"));
        let says = "without the matrices the same accumulators and powers retain no more than AdamW";
        Measured::new("diagonal", says, "retention, diagonal Shampoo minus AdamW", self.paired(&diagonal, &adamw))
            .holds(format!("within {DIAGONAL:.2} of 0"), |e| e.value.abs() <= DIAGONAL)
    }

    fn joint(&self) -> Check {
        let [shampoo, adamw] = [Kind::Shampoo, Kind::Adamw].map(|k| self.metric(k, Parts::Joint, "test_accuracy"));
        let says = "with all classes at once neither is better";
        Measured::new("joint", says, "test accuracy, Shampoo minus AdamW", self.paired(&shampoo, &adamw))
            .holds(format!("within {JOINT:.2} of 0"), |e| e.value.abs() <= JOINT)
    }

    fn reversed(&self) -> Check {
        let says = "with the tasks in reversed order the gain keeps its sign";
        let sign = self.gain(Parts::Pairs).map_or(0.0, |gain| gain.value.signum());
        Measured::new("reversed", says, "the gain with reversed order", self.gain(Parts::PairsReversed))
            .holds("the sign of i", |e| e.value * sign > 0.0)
    }

    /// Leg B at its tuned rates: least kept share by judged seed that reached the tolerance.
    fn sparse_runs(
        &self,
        power: impl Fn(Option<f32>) -> bool,
    ) -> Option<(Recorded<'e, Condition>, BTreeMap<u64, f64>)> {
        let recorded = tuned(self.evidence.every(|c| matches!(c.leg, Leg::Sparse(p) if power(p))))?;
        let reached = recorded.by_seed("reached");
        let fits = |seed: &u64| *seed >= TUNING && reached.get(seed) == Some(&1.0);
        Some((recorded, recorded.by_seed("least_kept").into_iter().filter(|(seed, _)| fits(seed)).collect()))
    }

    fn sparse(&self) -> Vec<Check> {
        let says = "powerpropagation's weights can be cut further";
        let powered = self.sparse_runs(|power| power.is_some_and(|p| p != 1.0));
        let Some(((_, plain), (_, powered))) = self.sparse_runs(|power| power.is_none()).zip(powered) else {
            return vec![missing("iii", says)];
        };
        let logs: Vec<f64> = powered.iter().filter_map(|(seed, kept)| Some((kept / plain.get(seed)?).ln())).collect();
        let ratio = self.bootstrap.over_seeds(&logs).map(|e| Estimate {
            value: e.value.exp(),
            low: e.low.exp(),
            high: e.high.exp(),
            seeds: e.seeds.iter().map(|log| log.exp()).collect(),
        });
        vec![
            Measured::new("iii", says, "kept share at 95 % of the accuracy, powered over SGD", ratio)
                .holds(format!("<= {SPARSER}"), |e| e.value <= SPARSER),
            self.identity(),
        ]
    }

    /// Power 1 against the weights themselves, at every rate and seed: the same bits.
    fn identity(&self) -> Check {
        let of = |power: Option<f32>, rate: f32| {
            self.evidence.find(|c| c.leg == Leg::Sparse(power) && c.rate == rate).map(|r| r.by_seed("fingerprint"))
        };
        let plain = self.evidence.every(|c| c.leg == Leg::Sparse(None));
        let pairs: Vec<(BTreeMap<u64, f64>, BTreeMap<u64, f64>)> =
            plain.filter_map(|r| Some((r.by_seed("fingerprint"), of(Some(1.0), r.cell.condition.rate)?))).collect();
        let (mut same, mut all) = (0.0, 0.0);
        for (seed, other, found) in pairs.iter().flat_map(|(a, b)| a.iter().map(move |(s, f)| (s, b, f))) {
            all += 1.0;
            same += f64::from(u8::from(other.get(seed) == Some(found)));
        }
        let share = (all > 0.0).then(|| same / all);
        Measured::number("iii", "power 1 is SGD bit for bit", "share of runs with the same bits", share)
            .holds("1", |e| e.value == 1.0)
    }

    fn told(&self, first: &Check) -> String {
        let retained = |kind: Kind| {
            let values: Vec<f64> = self.metric(kind, Parts::Pairs, "retention").into_values().collect();
            mean(&values).map(|value| (kind, value))
        };
        let kinds = self.chosen.iter().map(|chosen| chosen.kind);
        let all: Vec<(Kind, f64)> = kinds.filter_map(retained).collect();
        let listed: Vec<String> = all.iter().map(|(kind, value)| format!("{} {value:.2}", kind.name())).collect();
        let [gain, low, high] = first.numbers();
        let mut told = format!(
            "after five pairs of classes, each to the same loss, the earlier four are still known at {} (gain of Shampoo \
             {gain:.2}, 95 % {low:.2} to {high:.2})",
            listed.join(", ")
        );
        let of = |kind| all.iter().find(|(k, _)| *k == kind).map(|(_, value)| *value);
        if let (Some(muon), Some(shampoo)) = (of(Kind::Muon), of(Kind::Shampoo))
            && first.passed
            && shampoo - muon > GAIN.0
        {
            told += "; Muon, which is not diagonal either, does not retain: matrices alone are not the cause";
        }
        let left: Vec<&str> = self.chosen.iter().filter(|c| !c.comparable()).map(|c| c.kind.name()).collect();
        if !left.is_empty() {
            told += &format!("; not comparable: {}", left.join(", "));
        }
        told
    }
}

fn ended(result: &TrialResult) -> bool {
    matches!(result.closing, Some(Closing::Done | Closing::Diverged))
}
