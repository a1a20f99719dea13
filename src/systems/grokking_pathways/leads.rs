//! What the gauges tell before the test curve does. Reported beside the verdict, not judged.
//!
//! The rule was fixed before any lead was looked at. A curve is followed from memorisation on, each value the mean of
//! [`LOOKS`] looks, at the step of the middle one. It has moved by its last value less its first. It turns at the first
//! step at which it is half of that way or further; it does not turn, and is censored at its last step, where it moved
//! by no more than [`STILL`] standard deviations of its looks around these means. The lead of a gauge is the step at
//! which test accuracy turns less that at which the gauge does.

use super::judge::memorised;
use super::settings::Condition;
use crate::contract::{Axis, Body, Dash, Line, Lines, Panel, Recorded, Table, TrialResult, short_number};
use crate::instruments::statistics::sample::sample_quantile;
use crate::instruments::statistics::{Lifetime, PairedSigns, deviation, paired_signs, running_mean, spearman};

/// Looks that are averaged.
const LOOKS: usize = 5;
/// A curve that moved by no more than so many standard deviations of its looks around their means stood still.
const STILL: f64 = 2.0;
/// Most looks by which changes of a gauge are set before changes of test accuracy.
const FURTHEST: usize = 10;

/// The gauges: metric and name for people.
pub(super) const GAUGES: [(&str, &str); 4] =
    [("distance", "D"), ("same_answer", "same answer / all"), ("consistency", "C"), ("train_loss", "training loss")];

/// A curve from memorisation on: steps and means of [`LOOKS`] looks.
struct Curve {
    steps: Vec<u64>,
    means: Vec<f64>,
    /// Standard deviation of the looks around their means.
    jitter: f64,
}

fn curve(result: &TrialResult, metric: &str) -> Option<Curve> {
    let from = memorised(result)?;
    let points: Vec<(u64, f64)> =
        result.metrics.get(metric)?.iter().filter(|(step, _)| *step >= from).copied().collect();
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let means = running_mean(&values, LOOKS);
    let middle = |i: usize| points[i + LOOKS / 2];
    let off: Vec<f64> = means.iter().enumerate().map(|(i, mean)| middle(i).1 - mean).collect();
    Some(Curve { steps: (0..means.len()).map(|i| middle(i).0).collect(), jitter: deviation(&off)?, means })
}

/// When a curve of a seed turns; none where it was not followed long enough.
fn turn(result: &TrialResult, metric: &str) -> Option<Lifetime> {
    let Curve { steps, means, jitter } = curve(result, metric)?;
    let (first, last) = (*means.first()?, *means.last()?);
    let moved = last - first;
    let end = Lifetime::Censored(*steps.last()?);
    if moved.abs() <= STILL * jitter {
        return Some(end);
    }
    let turned = means.iter().position(|mean| (mean - first) / moved >= 0.5);
    Some(turned.map_or(end, |i| Lifetime::Ended(steps[i])))
}

/// The lead of a gauge in a seed, in steps; none where the gauge or test accuracy does not turn.
fn lead(result: &TrialResult, gauge: &str) -> Option<f64> {
    match (turn(result, gauge)?, turn(result, "test_accuracy")?) {
        (Lifetime::Ended(gauge), Lifetime::Ended(test)) => Some(test as f64 - gauge as f64),
        _ => None,
    }
}

/// Rank correlation of the changes of a gauge, from mean to mean, with those of test accuracy so many looks later.
fn of_changes(result: &TrialResult, gauge: &str, looks: usize) -> Option<f64> {
    let changes = |metric: &str| -> Option<Vec<f64>> {
        Some(curve(result, metric)?.means.windows(2).map(|pair| pair[1] - pair[0]).collect())
    };
    let (gauge, test) = (changes(gauge)?, changes("test_accuracy")?);
    let len = gauge.len().min(test.len());
    spearman(&gauge[..len.checked_sub(looks)?], &test[looks..len])
}

/// What the seeds of a condition say of a gauge.
pub(super) struct Lead {
    /// Seeds in which the gauge surely turns before test accuracy, or after it; none where no seed tells.
    pub(super) signs: Option<PairedSigns>,
    /// Seeds that were followed.
    pub(super) seeds: usize,
    /// Median lead in steps over the seeds in which both turn.
    pub(super) median: Option<f64>,
    /// Median over seeds of the correlation of changes, by the looks between them.
    changes: Vec<Option<f64>>,
}

pub(super) fn of(seeds: &[&TrialResult], gauge: &str) -> Lead {
    let turns = |metric: &str| seeds.iter().filter_map(|seed| turn(seed, metric)).collect::<Vec<Lifetime>>();
    let median = |values: Vec<f64>| sample_quantile(&values, 0.5);
    let changes = |looks: usize| median(seeds.iter().filter_map(|seed| of_changes(seed, gauge, looks)).collect());
    let own = turns(gauge);
    Lead {
        signs: paired_signs(&own, &turns("test_accuracy")),
        seeds: own.len(),
        median: median(seeds.iter().filter_map(|seed| lead(seed, gauge)).collect()),
        changes: (0..=FURTHEST).map(changes).collect(),
    }
}

/// The leads of a seed, for the lines of the evidence; what did not turn is left out.
pub(super) fn of_seed(result: &TrialResult) -> Vec<(String, f64)> {
    let lead = |(metric, _): (&str, &str)| Some((format!("lead.{metric}"), lead(result, metric)?));
    let change = |(metric, _): (&str, &str)| Some((format!("changes.{metric}"), of_changes(result, metric, 0)?));
    GAUGES.into_iter().filter_map(lead).chain(GAUGES.into_iter().filter_map(change)).collect()
}

/// In words, for the verdict's sentence.
pub(super) fn told(seeds: &[&TrialResult]) -> String {
    let one = |(metric, name): (&str, &str)| {
        let lead = of(seeds, metric);
        let (before, after) = lead.signs.map_or((0, 0), |signs| (signs.shorter, signs.longer));
        format!("{name} in {before} (after it in {after})")
    };
    let all: Vec<String> = GAUGES.into_iter().map(one).collect();
    format!("reported: of {} seeds these turn before test accuracy does: {}", seeds.len(), all.join(", "))
}

/// Table and curves of the judged condition, with those without decay at the same steps.
pub(super) fn panels(recorded: &[Recorded<'_, Condition>]) -> Vec<Panel> {
    let shown = recorded.iter().filter(|r| matches!(r.cell.condition, Condition::Main | Condition::NoDecay));
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for r in shown {
        let main = r.cell.condition == Condition::Main;
        for (metric, name) in GAUGES {
            let lead = of(r.seeds, metric);
            rows.push(row(&r.cell.label, name, &lead));
            let points = lead.changes.iter().enumerate();
            let points = points.map(|(looks, value)| (looks as f64, value.unwrap_or(f64::NAN))).collect();
            let label = if main { name.to_owned() } else { format!("{name}, {}", r.cell.label) };
            lines.push(Line { label, dash: if main { Dash::Solid } else { Dash::Dotted }, points });
        }
    }
    let columns = ["condition", "gauge", "seeds", "before", "after", "p", "median lead", "changes"].map(str::to_owned);
    let table = Panel::new("turns", "Which turns first", "", Body::Table(Table { columns: columns.into(), rows }));
    let x = Axis::linear("looks by which the gauge is ahead").within(0.0, FURTHEST as f64);
    let y = Axis::linear("rank correlation of changes").within(-1.0, 1.0);
    let body = Body::Lines(Lines { x, y, lines, marks: Vec::new() });
    let curves = Panel::new("changes", "Changes of the gauge with later changes of test accuracy", "", body);
    let says = "Left: in how many seeds a gauge on training samples is half of its way, from memorisation to the end, before \
                test accuracy is half of its own, or after it; seeds in which one stands still tell only what is certain. \
                p: of so many before by chance. Lead in steps. Right: two curves that drift go together; their changes \
                from look to look, means of five, need not. Medians over seeds; reported, not judged.";
    vec![Panel::new("leads", "Before the test curve moves", says, Body::Beside { panels: vec![table, curves] })]
}

fn row(condition: &str, name: &str, lead: &Lead) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), short_number);
    let count = |of: fn(&PairedSigns) -> u64| lead.signs.as_ref().map_or(0, of).to_string();
    vec![
        condition.to_owned(),
        name.to_owned(),
        lead.seeds.to_string(),
        count(|signs| signs.shorter),
        count(|signs| signs.longer),
        lead.signs.map_or_else(|| "-".into(), |signs| format!("{:.2}", signs.p_value)),
        number(lead.median),
        lead.changes[0].map_or_else(|| "-".into(), |value| format!("{value:.2}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::GrokkingPathways;
    use super::*;
    use crate::contract::Event;
    use crate::training::testing::{preset, result};

    /// A seed that memorised at once, with a step of a smooth bend: test accuracy behind look 39, D at `at`.
    fn seed(number: u64, at: f64, moved: f64) -> TrialResult {
        let mut spec = preset::<GrokkingPathways>("quick").trials().remove(0);
        spec.seed = number;
        let bend = |look: usize, at: f64| 1.0 / (1.0 + (-(look as f64 - at) / 2.0).exp());
        let jitter = |look: usize| 0.01 * ((look * 7 % 5) as f64 - 2.0);
        let mut events = Vec::new();
        for look in 0..80 {
            let values = [
                ("train_accuracy", 1.0),
                ("test_accuracy", bend(look, 39.5)),
                ("distance", 0.75 - moved * bend(look, at) + jitter(look)),
                ("train_loss", 0.01 + jitter(look)),
            ];
            events.extend(values.map(|(name, value)| Event::Metric {
                step: 10 * look as u64,
                name: name.into(),
                value,
            }));
        }
        result(&spec, &events)
    }

    #[test]
    fn a_gauge_that_bends_earlier_leads_by_as_much() {
        let early = seed(0, 29.5, 0.5);
        assert_eq!(turn(&early, "test_accuracy"), Some(Lifetime::Ended(400)));
        assert_eq!((turn(&early, "distance"), lead(&early, "distance")), (Some(Lifetime::Ended(300)), Some(100.0)));
        // What stands still is censored, whatever it wobbles by.
        assert_eq!((turn(&early, "train_loss"), lead(&early, "train_loss")), (Some(Lifetime::Censored(770)), None));
        assert_eq!(turn(&seed(0, 29.5, 0.001), "distance"), Some(Lifetime::Censored(770)));
        assert_eq!(turn(&early, "consistency"), None);
        let known = of_seed(&early);
        assert!(
            known.contains(&("lead.distance".to_owned(), 100.0))
                && !known.iter().any(|(name, _)| name == "lead.train_loss")
        );
    }

    #[test]
    fn signs_are_counted_over_seeds_and_changes_peak_at_the_lead() {
        let seeds = [seed(0, 33.5, 0.5), seed(1, 33.5, 0.5), seed(2, 45.5, 0.5)];
        let seeds: Vec<&TrialResult> = seeds.iter().collect();
        let found = of(&seeds, "distance");
        let signs = found.signs.unwrap();
        assert_eq!((signs.shorter, signs.longer, found.seeds, found.median), (2, 1, 3, Some(60.0)));
        let at = |looks: usize| of(&seeds[..2], "distance").changes[looks].unwrap();
        assert!(at(6) < at(0) && at(6) < at(10) && at(6) < -0.5, "{} {} {}", at(0), at(6), at(10));
        // What stands still surely turns after what was seen to turn: the test curve comes first.
        assert_eq!(of(&seeds, "train_loss").signs.map(|signs| (signs.shorter, signs.longer)), Some((0, 3)));
        assert!(told(&seeds).contains("D in 2 (after it in 1)"), "{}", told(&seeds));
    }
}
