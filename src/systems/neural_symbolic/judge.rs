//! The judge: what must be shown, thresholds fixed here and nowhere else.

use super::settings::{Arm, Condition};
use crate::base::random::Key;
use crate::contract::{Check, Evidence, Outcome, Recorded, Verdict};
use crate::instruments::statistics::{Bootstrap, Pairing, mean};
use crate::tasks::scan::Split;
use crate::training::{Measured, Ruling, hold, verdict};

/// Least accuracy of a seed that generalises, and least share of such seeds.
const EXACT: (f64, f64) = (0.99, 2.0 / 3.0);
/// Least mean accuracy that is something.
const NEARLY: f64 = 0.9;
/// Least lower end of what the symbol system has over the Transformer.
const AHEAD: f64 = 0.5;
/// Least training accuracy of the Transformer: below, it was not trained.
const TRAINED: f64 = 0.95;
/// Most accuracy without abduction, with a parser that never learns, and with tables for programs on add-jump.
const UNREPAIRED: f64 = 0.01;
const UNPARSED: f64 = 0.10;
const TABLES: f64 = 0.05;
/// Least seeds of a judged condition.
const SEEDS: usize = 2;

/// The thresholds as people read them, for the card.
pub(super) const THRESHOLDS: &[&str] = &[
    "G (generalisation) NSR answers exactly on >= 0.99 of test commands in at least 2 of 3 seeds, on add-jump and on length",
    "T (over a Transformer) NSR - Transformer on the same training commands: lower end of the interval >= 0.5, on both splits",
    "controls: without abduction <= 0.01, parser never trained <= 0.10 (both splits); tables for programs <= 0.05 on add-jump",
    "reproduced: G and T on both splits, controls; partly: both on one split, or NSR's mean >= 0.9 on both; else not reproduced",
    "undecided: a seed of the Transformer below 0.95 on its training commands, fewer than 2 seeds of NSR, or a run that did not end",
];

const HEADLINE: &str = "share of NSR's seeds at >= 0.99, the worse of add-jump and length";
const HEADLINE_THRESHOLD: &str = ">= 2/3";

/// The splits that are judged.
pub(super) const JUDGED: [Split; 2] = [Split::AddPrimitiveJump, Split::Length];

/// The verdict on everything that was recorded.
pub(super) fn judge(evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
    let rows = evidence.rows(|name| ["accuracy", "train_accuracy", "deduced", "programs"].contains(&name));
    verdict(HEADLINE, HEADLINE_THRESHOLD, rows, Court::open(evidence, key).map(|court| court.rule()))
}

/// One judged split.
struct Side<'e> {
    name: String,
    split: Split,
    nsr: Recorded<'e, Condition>,
    transformer: Recorded<'e, Condition>,
}

struct Court<'e> {
    evidence: &'e Evidence<'e, Condition>,
    bootstrap: Bootstrap,
    sides: Vec<Side<'e>>,
}

impl<'e> Court<'e> {
    fn open(evidence: &'e Evidence<'e, Condition>, key: Key) -> Result<Self, String> {
        if let Some(why) = evidence.open() {
            return Err(why);
        }
        let side = |split: Split| {
            let of = |arm: Arm| {
                let found = evidence.find(|c| c.data.is_split(split) && c.arm == arm);
                found.ok_or_else(|| format!("the preset has no {} on SCAN {}", arm.name(), split.name()))
            };
            let (nsr, transformer) = (of(Arm::Nsr)?, of(Arm::Transformer)?);
            if nsr.values("accuracy").len() < SEEDS {
                return Err(format!("{} has fewer than {SEEDS} seeds", nsr.cell.label));
            }
            for seed in transformer.seeds {
                let trained = seed.last("train_accuracy").unwrap_or(0.0);
                if trained < TRAINED {
                    let (label, seed) = (&transformer.cell.label, seed.spec.seed);
                    return Err(format!(
                        "seed {seed} of {label} answers only {trained:.3} of its training commands, below {TRAINED}"
                    ));
                }
            }
            Ok(Side { name: nsr.cell.condition.data.name(), split, nsr, transformer })
        };
        let sides = JUDGED.into_iter().map(side).collect::<Result<_, String>>()?;
        Ok(Court { evidence, bootstrap: Bootstrap::new(key), sides })
    }

    /// How many of NSR's seeds generalise.
    fn exact(side: &Side<'_>) -> Check {
        let (least, share) = EXACT;
        let values = side.nsr.values("accuracy");
        let exact = values.iter().filter(|accuracy| **accuracy >= least).count() as f64 / values.len() as f64;
        let says = format!("NSR answers new commands of {} exactly", side.name);
        let statistic = format!("share of seeds with accuracy >= {least}, {}", side.name);
        Measured::number("G", says, statistic, Some(exact)).holds(HEADLINE_THRESHOLD, |e| e.value >= share - 1e-9)
    }

    /// How far NSR is ahead of the Transformer, over seeds and test commands.
    fn ahead(&self, side: &Side<'_>) -> Check {
        let (ours, theirs) = (side.nsr.groups("right"), side.transformer.groups("right"));
        let gain = self.bootstrap.difference(&ours, &theirs, Pairing::Independent);
        let says = format!("a Transformer trained on the same commands of {} does not", side.name);
        Measured::new("T", says, format!("NSR - Transformer, {}", side.name), gain)
            .holds(format!("interval above {AHEAD}"), |e| e.low >= AHEAD)
    }

    /// What must not generalise.
    fn controls(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        let cases = [
            ("A", Arm::NoAbduction, UNREPAIRED, "without abduction nothing is learned"),
            ("P", Arm::UntrainedParser, UNPARSED, "a parser that never learns finds few trees"),
            ("M", Arm::Tables, TABLES, "tables know nothing of a new word"),
        ];
        for (id, arm, most, says) in cases {
            for side in &self.sides {
                let found = self.evidence.find(|c| c.data.is_split(side.split) && c.arm == arm);
                let Some(found) = found.filter(|_| arm != Arm::Tables || side.split == Split::AddPrimitiveJump) else {
                    continue;
                };
                let worst = found.values("accuracy").into_iter().fold(f64::NEG_INFINITY, f64::max);
                let statistic = format!("best seed's accuracy, {}", found.cell.label);
                let check = Measured::number(id, says, statistic, worst.is_finite().then_some(worst));
                checks.push(check.holds(format!("<= {most}"), |e| e.value <= most));
            }
        }
        checks
    }

    fn rule(&self) -> Ruling {
        let exact: Vec<Check> = self.sides.iter().map(Self::exact).collect();
        let ahead: Vec<Check> = self.sides.iter().map(|side| self.ahead(side)).collect();
        let controls = self.controls();
        let both = exact.iter().zip(&ahead).filter(|(exact, ahead)| exact.passed && ahead.passed).count();
        let means: Vec<f64> = self.sides.iter().filter_map(|side| mean(&side.nsr.values("accuracy"))).collect();
        let nearly = means.len() == self.sides.len() && means.iter().all(|mean| *mean >= NEARLY);
        let outcome = match (hold(&controls) && !controls.is_empty(), both) {
            (true, both) if both == self.sides.len() => Outcome::Reproduced,
            (true, both) if both > 0 || nearly => Outcome::Partly,
            _ => Outcome::NotReproduced,
        };
        let told: Vec<String> = self
            .sides
            .iter()
            .map(|side| {
                let of = |recorded: Recorded<'_, Condition>| recorded.last("accuracy").unwrap_or(f64::NAN);
                format!(
                    "on {} NSR answers {:.3} exactly, a Transformer {:.3}",
                    side.name,
                    of(side.nsr),
                    of(side.transformer)
                )
            })
            .collect();
        let worse = exact.iter().map(|check| check.effect.unwrap_or(0.0)).fold(f64::INFINITY, f64::min);
        let headline = Measured::number("G", "NSR generalises on both splits", HEADLINE, Some(worse))
            .holds(HEADLINE_THRESHOLD, |e| e.value >= EXACT.1 - 1e-9);
        let checks = [vec![headline], exact, ahead].concat();
        Ruling { outcome, told: told.join("; "), checks, controls }
    }
}
