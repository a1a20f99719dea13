//! What there is to see of the whole study.

use super::judge::{Chosen, choose};
use super::panels::{forgetting_heat, pruning, similarity};
use super::settings::{Condition, Leg, Settings, TUNING};
use crate::contract::{Axis, Body, Dash, Evidence, Line, Lines, Panel, Recorded, Table, short_number};
use crate::tasks::class_sequence::Parts;

/// Every panel for which something was recorded.
pub(super) fn panels(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
    let shown = shown(settings, evidence);
    let found = [forgetting(&shown), by_task(&shown), likeness(&shown), sparse(settings, evidence)];
    found.into_iter().flatten().chain([table(settings, evidence)]).collect()
}

/// Of each optimiser the condition at its chosen rate, or while tuning goes on the one with most to show.
fn shown<'e>(settings: &Settings, evidence: &'e Evidence<'_, Condition>) -> Vec<Recorded<'e, Condition>> {
    let chosen = choose(settings, evidence);
    let mut found = Vec::new();
    for contender in &settings.optimisers {
        let kind = contender.kind;
        let rate = chosen.iter().find(|c| c.kind == kind).map(|c| c.rate);
        let fits = |c: &Condition| c.leg == Leg::Sequence(kind, Parts::Pairs) && rate.is_none_or(|r| c.rate == r);
        found.extend(evidence.every(fits).max_by_key(|r| r.values("retention").len()));
    }
    found
}

fn names(tasks: usize) -> Vec<String> {
    (0..tasks).map(|k| format!("{} {}", 2 * k, 2 * k + 1)).collect()
}

fn rows(recorded: &Recorded<'_, Condition>) -> Vec<Vec<f64>> {
    (1..).map_while(|k| recorded.curve(&format!("accuracy.after.{k}"))).collect()
}

/// Small forgetting matrices side by side.
fn forgetting(shown: &[Recorded<'_, Condition>]) -> Option<Panel> {
    let panel = |r: &Recorded<'_, Condition>| {
        let rows = rows(r);
        let names = names(rows.first()?.len());
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let title = r.cell.label.clone();
        Some(Panel::new(
            format!("forgetting-{}", r.cell.condition.kind().name()),
            title,
            "",
            Body::Heat(forgetting_heat(&names, &rows)),
        ))
    };
    let panels: Vec<Panel> = shown.iter().filter_map(panel).collect();
    if panels.is_empty() {
        return None;
    }
    let says = "One matrix an optimiser, mean over seeds, at the rate that the tuning seeds chose. Row: after which \
                pair; column: accuracy on which pair. Below the diagonal is what was not forgotten.";
    Some(Panel::new("forgetting", "Forgetting matrices", says, Body::Beside { panels }))
}

/// Accuracy of each pair at the end, a line an optimiser.
fn by_task(shown: &[Recorded<'_, Condition>]) -> Option<Panel> {
    let line = |r: &Recorded<'_, Condition>| {
        let last = rows(r).pop()?;
        let points = last.into_iter().enumerate().map(|(k, a)| ((k + 1) as f64, a)).collect();
        Some(Line { label: r.cell.label.clone(), dash: Dash::Solid, points })
    };
    let lines: Vec<Line> = shown.iter().filter_map(line).collect();
    if lines.is_empty() {
        return None;
    }
    let y = Axis::linear("accuracy at the end").within(0.0, 1.0);
    let body = Lines { x: Axis::linear("pair, in the order learned"), y, lines, marks: Vec::new() };
    let says = "Test accuracy of each pair when all are learned, with all ten classes competing; mean over seeds. An \
                optimiser that forgets is at 0 everywhere but at the last pair.";
    Some(Panel::new("by-task", "What is left of each pair", says, Body::Lines(body)))
}

fn likeness(shown: &[Recorded<'_, Condition>]) -> Option<Panel> {
    let panel = |r: &Recorded<'_, Condition>| {
        let cosines = r.curve("class_cosines")?;
        let classes = (cosines.len() as f64).sqrt() as usize;
        let id = format!("likeness-{}", r.cell.condition.kind().name());
        Some(similarity(&id, &r.cell.label, &cosines, classes))
    };
    let panels: Vec<Panel> = shown.iter().filter_map(panel).collect();
    if panels.is_empty() {
        return None;
    }
    let says = "Cosine between the mean activations of two classes in the last hidden layer after all tasks, mean over \
                seeds, one colour scale. Dark off the diagonal: the classes interfere little.";
    Some(Panel::new("likeness", "Likeness of classes", says, Body::Beside { panels }))
}

fn sparse(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Option<Panel> {
    let shares: Vec<f64> = [1.0].into_iter().chain(settings.sparse.kept.iter().copied()).collect();
    let curve = |r: Recorded<'_, Condition>| {
        let accuracy = r.curve("pruned_accuracy")?;
        Some((r.cell.label.clone(), shares.iter().copied().zip(accuracy).collect()))
    };
    let curves: Vec<(String, Vec<(f64, f64)>)> =
        evidence.every(|c| matches!(c.leg, Leg::Sparse(power) if power != Some(1.0))).filter_map(curve).collect();
    pruning(&curves)
}

/// Every condition in numbers.
fn table(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Panel {
    let chosen: Vec<Chosen> = choose(settings, evidence);
    let metrics = [
        "total_steps",
        "least_current",
        "retention",
        "test_accuracy",
        "class_cosine",
        "effective_rank",
        "displacement",
    ];
    let row = |r: Recorded<'_, Condition>| {
        let condition = &r.cell.condition;
        let is_chosen =
            chosen.iter().any(|c| condition.leg == Leg::Sequence(c.kind, Parts::Pairs) && c.rate == condition.rate);
        let shown = |metric: &&str| r.last(metric).map_or("-".to_owned(), short_number);
        let reached = r.values("reached");
        let learned = format!("{} of {}", reached.iter().filter(|x| **x == 1.0).count(), reached.len());
        let mark = if is_chosen { "chosen" } else { "" };
        [r.cell.label.clone(), mark.into(), learned]
            .into_iter()
            .chain(metrics.iter().map(shown))
            .collect::<Vec<String>>()
    };
    let columns = [
        "condition",
        "rate",
        "seeds that learned all",
        "steps",
        "least on a new task",
        "retention",
        "test accuracy",
        "class cosine",
        "effective rank",
        "moved",
    ];
    let body = Table { columns: columns.map(str::to_owned).into(), rows: evidence.all().map(row).collect() };
    let says = "Means over seeds. Retention: accuracy on all pairs but the last, at the end. Chosen: the rate that \
                learned all tasks in the fewest steps on the tuning seeds; retention played no part in it.";
    Panel::new("optimisers", "Optimisers in numbers", says, Body::Table(body))
        .noting(format!("tuning seeds 0 to {}", TUNING - 1))
}
