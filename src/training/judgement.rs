//! Checks and verdicts: a measured value, the rule it must meet, and the whole in one sentence.

use crate::contract::{Check, Outcome, SeedRow, Verdict};
use crate::instruments::statistics::Estimate;

/// A check that waits for its threshold.
#[derive(Clone, Debug)]
pub struct Measured {
    id: String,
    says: String,
    statistic: String,
    estimate: Option<Estimate>,
}

impl Measured {
    /// What must be so (`says`), by which number (`statistic`), and what was found; none if it could
    /// not be measured.
    pub fn new(id: &str, says: impl Into<String>, statistic: impl Into<String>, estimate: Option<Estimate>) -> Self {
        Measured { id: id.to_owned(), says: says.into(), statistic: statistic.into(), estimate }
    }

    /// A number without an interval.
    pub fn number(id: &str, says: impl Into<String>, statistic: impl Into<String>, value: Option<f64>) -> Self {
        let estimate = value.map(|value| Estimate::between(value, value, value));
        Measured::new(id, says, statistic, estimate)
    }

    /// The check. What could not be measured does not hold.
    pub fn holds(self, threshold: impl Into<String>, rule: impl Fn(&Estimate) -> bool) -> Check {
        Check {
            id: self.id,
            says: self.says,
            statistic: self.statistic,
            effect: self.estimate.as_ref().map(|estimate| estimate.value),
            interval: self.estimate.as_ref().map(Estimate::interval),
            threshold: threshold.into(),
            passed: self.estimate.as_ref().is_some_and(rule),
            seeds: self.estimate.map(|estimate| estimate.seeds).unwrap_or_default(),
        }
    }
}

/// A check whose ground is missing: it does not hold.
pub fn missing(id: &str, says: impl Into<String>) -> Check {
    Measured::new(id, says, "not measured", None).holds("must be measured", |_| false)
}

/// Whether every check holds.
pub fn hold(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.passed)
}

/// What the judge finds when no gate is shut.
#[derive(Clone, Debug)]
pub struct Ruling {
    /// The word.
    pub outcome: Outcome,
    /// What was found, for the verdict's sentence.
    pub told: String,
    /// The checks of the sheet, the headline first.
    pub checks: Vec<Check>,
    /// What must not show the effect.
    pub controls: Vec<Check>,
}

/// The verdict of a ruling: its first check is the headline, and the sentence is the outcome's word, what was found,
/// and which checks and controls failed. Or `undecided`, with the reason, where a gate is shut: no number is claimed,
/// and `statistic` and `threshold` say what would have been.
///
/// # Panics
/// If a ruling has no check.
pub fn verdict(
    statistic: &str,
    threshold: impl Into<String>,
    seeds: Vec<SeedRow>,
    ruling: Result<Ruling, String>,
) -> Verdict {
    let empty = Verdict {
        outcome: Outcome::Undecided,
        statistic: statistic.to_owned(),
        effect: None,
        interval: None,
        threshold: threshold.into(),
        checks: Vec::new(),
        controls: Vec::new(),
        seeds,
        sentence: String::new(),
    };
    let Ruling { outcome, told, checks, controls } = match ruling {
        Ok(ruling) => ruling,
        Err(why) => return Verdict { sentence: format!("Undecided: {why}."), ..empty },
    };
    let mut failed: Vec<&str> = Vec::new();
    for check in checks.iter().chain(&controls).filter(|check| !check.passed) {
        if !failed.contains(&check.id.as_str()) {
            failed.push(&check.id);
        }
    }
    let rest = if failed.is_empty() { "every check holds".into() } else { format!("{} failed", failed.join(", ")) };
    let sentence = format!("{}: {told}; {rest}.", word(outcome));
    let headline = checks.first().expect("a ruling has a check").clone();
    Verdict {
        outcome,
        statistic: headline.statistic,
        effect: headline.effect,
        interval: headline.interval,
        threshold: headline.threshold,
        sentence,
        checks,
        controls,
        ..empty
    }
}

/// The word with which a sentence about an outcome begins.
const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Reproduced => "Reproduced",
        Outcome::Partly => "Partly reproduced",
        Outcome::NotReproduced => "Not reproduced",
        Outcome::Undecided => "Undecided",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_does_not_hold() {
        let estimate = Estimate::between(0.1, 0.4, 0.7);
        let check = Measured::new("A", "it is large", "x", Some(estimate)).holds(">= 0.3", |e| e.value >= 0.3);
        assert_eq!((check.passed, check.effect, check.interval), (true, Some(0.4), Some((0.1, 0.7))));
        assert!(!Measured::number("A", "", "x", None).holds("", |_| true).passed);
        assert!(Measured::number("A", "", "x", Some(1.0)).holds("", |e| e.low == 1.0).passed);
        assert!(!missing("A", "").passed);
    }

    #[test]
    fn a_verdict_names_what_failed_once() {
        let check = |id: &str, passed: bool| Check { passed, ..missing(id, "") };
        let checks = vec![check("A", true), check("B", false), check("C", false)];
        let controls = vec![check("B", false)];
        assert!(!hold(&checks) && hold(&checks[..1]));
        let ruling = Ruling { outcome: Outcome::Partly, told: "told".into(), checks, controls };
        let told = |ruling| verdict("x", "> 0", vec![], ruling);
        assert_eq!(told(Ok(ruling)).sentence, "Partly reproduced: told; B, C failed.");
        let shut = told(Err("too few".into()));
        assert_eq!((shut.sentence.as_str(), shut.threshold.as_str()), ("Undecided: too few.", "> 0"));
    }
}
