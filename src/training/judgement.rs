//! Checks and verdicts: a measured value, the rule it must meet, and the whole in one sentence.

use std::collections::BTreeMap;

use crate::contract::{Check, Outcome, SeedRow, TrialResult, Verdict};
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
        let estimate = value.map(|value| Estimate { value, low: value, high: value });
        Measured::new(id, says, statistic, estimate)
    }

    /// The check. What could not be measured does not hold.
    pub fn holds(self, threshold: impl Into<String>, rule: impl Fn(&Estimate) -> bool) -> Check {
        Check {
            id: self.id,
            says: self.says,
            statistic: self.statistic,
            effect: self.estimate.map(|estimate| estimate.value),
            interval: self.estimate.map(|estimate| estimate.interval()),
            threshold: threshold.into(),
            passed: self.estimate.as_ref().is_some_and(rule),
        }
    }
}

/// A check whose ground is missing: it does not hold.
pub fn missing(id: &str, says: impl Into<String>) -> Check {
    Measured::new(id, says, "not measured", None).holds("must be measured", |_| false)
}

/// The word with which a sentence about an outcome begins.
pub const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Reproduced => "Reproduced",
        Outcome::Partly => "Partly reproduced",
        Outcome::NotReproduced => "Not reproduced",
        Outcome::Undecided => "Undecided",
    }
}

/// What each seed gave: the last values of the metrics that are wanted.
pub fn seed_rows(results: &[TrialResult], wanted: impl Fn(&str) -> bool) -> Vec<SeedRow> {
    let row = |result: &TrialResult| {
        let last = |(name, points): (&String, &Vec<(u64, f64)>)| Some((name.clone(), points.last()?.1));
        let values: BTreeMap<String, f64> =
            result.metrics.iter().filter(|(name, _)| wanted(name)).filter_map(last).collect();
        SeedRow { condition: result.spec.condition.clone(), seed: result.spec.seed, values }
    };
    results.iter().map(row).collect()
}

/// The verdict of a study whose gates did not open: no number is claimed.
pub fn undecided(statistic: &str, threshold: impl Into<String>, why: &str, seeds: Vec<SeedRow>) -> Verdict {
    Verdict {
        outcome: Outcome::Undecided,
        statistic: statistic.to_owned(),
        effect: None,
        interval: None,
        threshold: threshold.into(),
        checks: Vec::new(),
        controls: Vec::new(),
        seeds,
        sentence: format!("Undecided: {why}."),
    }
}

/// A verdict with the first check as its headline. The sentence is the outcome's word, `told`, and which
/// checks and controls failed.
///
/// # Panics
/// If there is no check.
pub fn decided(outcome: Outcome, told: &str, checks: Vec<Check>, controls: Vec<Check>, seeds: Vec<SeedRow>) -> Verdict {
    let failed: Vec<&str> = checks.iter().chain(&controls).filter(|c| !c.passed).map(|c| c.id.as_str()).collect();
    let mut named = failed.clone();
    named.dedup();
    let rest = if named.is_empty() { "every check holds".into() } else { format!("{} failed", named.join(", ")) };
    let headline = checks.first().expect("a verdict has a check");
    Verdict {
        outcome,
        statistic: headline.statistic.clone(),
        effect: headline.effect,
        interval: headline.interval,
        threshold: headline.threshold.clone(),
        sentence: format!("{}: {told}; {rest}.", word(outcome)),
        checks,
        controls,
        seeds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_does_not_hold() {
        let estimate = Estimate { value: 0.4, low: 0.1, high: 0.7 };
        let check = Measured::new("A", "it is large", "x", Some(estimate)).holds(">= 0.3", |e| e.value >= 0.3);
        assert_eq!((check.passed, check.effect, check.interval), (true, Some(0.4), Some((0.1, 0.7))));
        assert!(!Measured::number("A", "", "x", None).holds("", |_| true).passed);
        assert!(Measured::number("A", "", "x", Some(1.0)).holds("", |e| e.low == 1.0).passed);
        assert!(!missing("A", "").passed);
    }

    #[test]
    fn a_verdict_names_what_failed_once() {
        let check = |id: &str, passed: bool| Check { passed, ..missing(id, "") };
        let verdict = decided(
            Outcome::Partly,
            "told",
            vec![check("A", true), check("B", false)],
            vec![check("B", false)],
            vec![],
        );
        assert_eq!(verdict.sentence, "Partly reproduced: told; B failed.");
        assert_eq!(undecided("x", "", "too few", vec![]).sentence, "Undecided: too few.");
    }
}
