//! The verdict: what was claimed, what was measured, and whether the one bears the other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a study says about the paper's claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every check of the sheet held, every control behaved.
    Reproduced,
    /// The core held, something else did not.
    Partly,
    /// The core did not hold.
    NotReproduced,
    /// A gate failed: too few seeds, undertrained, base too weak.
    Undecided,
}

impl Outcome {
    /// The word in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Reproduced => "reproduced",
            Outcome::Partly => "partly",
            Outcome::NotReproduced => "not-reproduced",
            Outcome::Undecided => "undecided",
        }
    }
}

/// One check of the sheet, or one control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Name in the sheet: `R1`.
    pub id: String,
    /// What must be so, in a sentence.
    pub says: String,
    /// What was measured, by its name.
    pub statistic: String,
    /// The measured value; none if it could not be measured.
    pub effect: Option<f64>,
    /// Its interval (95 % unless `statistic` says otherwise).
    pub interval: Option<(f64, f64)>,
    /// The threshold, as fixed before the run: `>= 0.30, interval above 0.20`.
    pub threshold: String,
    /// Whether it holds.
    pub passed: bool,
    /// What each seed gave, where the effect is their mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<f64>,
}

impl Check {
    /// Effect and interval as numbers to print; not a number where there is none.
    pub fn numbers(&self) -> [f64; 3] {
        let (low, high) = self.interval.unwrap_or((f64::NAN, f64::NAN));
        [self.effect.unwrap_or(f64::NAN), low, high]
    }
}

/// What one seed of one condition gave: every seed is reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedRow {
    /// Condition, as in the trial.
    pub condition: String,
    /// Replica, from 0.
    pub seed: u64,
    /// Values by name.
    pub values: BTreeMap<String, f64>,
}

/// The judgement on a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The word.
    pub outcome: Outcome,
    /// The headline statistic, by name.
    pub statistic: String,
    /// Its value.
    pub effect: Option<f64>,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
    /// Its threshold, as fixed before the run.
    pub threshold: String,
    /// The checks of the sheet.
    pub checks: Vec<Check>,
    /// What must not show the effect.
    pub controls: Vec<Check>,
    /// Every seed.
    pub seeds: Vec<SeedRow>,
    /// The whole in one sentence.
    pub sentence: String,
}
