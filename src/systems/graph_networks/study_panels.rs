//! What there is to see of the whole study.

use std::collections::BTreeMap;

use super::settings::{Arm, Condition, Settings};
use crate::contract::{
    Axis, Bar, Bars, Body, Dash, Evidence, Line, Lines, Panel, Recorded, Scale, Table, short_number,
};
use crate::tasks::graphs::springs::STEP;

type Of<'e> = Recorded<'e, Condition>;

/// Every panel for which something was recorded.
pub(super) fn panels(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
    let recorded =
        |of: fn(&Condition) -> bool| -> Vec<Of<'_>> { evidence.every(of).filter(|r| !r.seeds.is_empty()).collect() };
    let lists = recorded(|c| matches!(c, Condition::Sort(_) | Condition::Flat));
    let springs = recorded(|c| matches!(c, Condition::Springs(_)));
    let main = |c: &Condition| matches!(c, Condition::Sort(Arm::Main | Arm::NoMessages) | Condition::Flat);
    let judged: Vec<Of<'_>> = lists.iter().filter(|r| main(&r.cell.condition)).copied().collect();
    let path = recorded(|c| *c == Condition::Path);
    let mut panels = Vec::new();
    panels.extend((!judged.is_empty()).then(|| sizes(settings, &judged)));
    panels.extend((!lists.is_empty()).then(|| arms(settings, &lists)));
    panels.extend((!springs.is_empty()).then(|| ratios(settings, &springs)));
    panels.extend(drift(settings, &springs));
    panels.push(table(&[lists, path], &springs));
    panels
}

/// F1 by size, mean over the seeds that met it.
fn by_size(recorded: &Of<'_>) -> Vec<(f64, f64)> {
    let mut all: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for seed in recorded.seeds {
        let pairs = seed.vector("sizes").into_iter().flatten().zip(seed.vector("f1_by_size").into_iter().flatten());
        pairs.for_each(|(size, f1)| all.entry(*size as u64).or_default().push(*f1));
    }
    all.into_iter().map(|(size, f1)| (size as f64, f1.iter().sum::<f64>() / f1.len() as f64)).collect()
}

fn sizes(settings: &Settings, judged: &[Of<'_>]) -> Panel {
    let line = |r: &Of<'_>| {
        let dash = if r.cell.condition == Condition::Sort(Arm::Main) { Dash::Solid } else { Dash::Dashed };
        Line { label: r.cell.label.clone(), dash, points: by_size(r) }
    };
    let (least, most) = settings.sort.trained;
    let y = Axis::linear("link F1").within(0.0, 1.0);
    let lines = judged.iter().map(line).collect();
    Panel::new(
        "sizes",
        "Sorting lists of any length",
        "F1 of the links by how long a list is, mean over seeds. What reuses one function for every pair carries on \
         behind the lengths that it was trained on; what sees the list as a vector does not begin to.",
        Body::Lines(Lines { x: Axis::linear("numbers in a list"), y, lines, marks: Vec::new() }),
    )
    .noting(format!("trained on {least} to {most}"))
}

/// A condition's own name, without that of its task.
fn short<'e>(recorded: &Of<'e>, task: &str) -> &'e str {
    let label = recorded.cell.label.as_str();
    label.strip_prefix(task).and_then(|rest| rest.strip_prefix(", ")).unwrap_or(label)
}

/// A bar a condition and metric: the mean over its seeds, and from the least to the most. `named` gives label and note.
fn bars<N>(recorded: &[Of<'_>], metrics: &[(String, N)], named: impl Fn(&Of<'_>, &N) -> [String; 2]) -> Vec<Bar> {
    let bar = |r: &Of<'_>, (metric, name): &(String, N)| {
        let values = r.values(metric);
        let ends = values.iter().copied().fold(None, |ends: Option<(f64, f64)>, x| {
            Some(ends.map_or((x, x), |(low, high)| (low.min(x), high.max(x))))
        });
        let [label, note] = named(r, name);
        Some(Bar { label, value: r.last(metric)?, interval: ends, note })
    };
    let bar = &bar;
    recorded.iter().flat_map(|r| metrics.iter().filter_map(move |metric| bar(r, metric))).collect()
}

fn arms(settings: &Settings, lists: &[Of<'_>]) -> Panel {
    let (least, most) = settings.sort.twice;
    let bars = bars(lists, &[("f1.twice".into(), ())], |r, ()| [short(r, "sort").into(), String::new()]);
    Panel::new(
        "arms",
        "Sorting twice as many, by block",
        "Link F1 on lists of up to twice the length, mean over seeds with the least and the most. Blocks that keep no \
         edges (deep sets, self-attention) cannot tell one edge from another, whatever they know of the nodes.",
        Body::Bars(Bars { axis: Axis::linear("link F1").within(0.0, 1.0), bars }),
    )
    .noting(format!("lists of {least} to {most}"))
}

fn ratios(settings: &Settings, springs: &[Of<'_>]) -> Panel {
    let names: Vec<(String, String)> = settings
        .springs
        .tested()
        .into_iter()
        .map(|(name, masses)| (format!("ratio.{name}"), format!("{masses} masses")))
        .collect();
    let bars = bars(springs, &names, |r, masses| [masses.clone(), short(r, "springs").into()]);
    Panel::new(
        "ratios",
        "Rollouts, over standing still",
        "Squared velocity error over 50 steps, over that of a chain that never moves, mean over seeds with the least and \
         the most. Below 1 is better than nothing, below 0.3 is what is asked.",
        Body::Bars(Bars { axis: Axis::linear("ratio"), bars }),
    )
}

fn drift(settings: &Settings, springs: &[Of<'_>]) -> Option<Panel> {
    let line = |label: String, dash: Dash, values: Vec<f64>| Line {
        label,
        dash,
        points: values.into_iter().enumerate().map(|(i, y)| ((i + 1) as f64 * STEP, y)).collect(),
    };
    let course = |r: &Of<'_>| Some(line(r.cell.label.clone(), Dash::Solid, r.curve("course.more")?));
    let mut lines: Vec<Line> = springs.iter().filter_map(course).collect();
    let still = springs.iter().find_map(|r| r.curve("still_course.more"))?;
    lines.push(line("standing still".into(), Dash::Dotted, still));
    let y = Axis { scale: Scale::Log, ..Axis::linear("squared velocity error, m²/s²") };
    let panel = Panel::new(
        "drift",
        "How rollouts drift away",
        "Squared velocity error step by step, mean over chains and seeds.",
        Body::Lines(Lines { x: Axis::linear("seconds"), y, lines, marks: Vec::new() }),
    );
    Some(panel.noting(format!("chains of {} masses", settings.springs.more)))
}

/// Every seed in numbers.
fn table(links: &[Vec<Of<'_>>], springs: &[Of<'_>]) -> Panel {
    const METRICS: [&str; 8] = [
        "f1.trained",
        "f1.twice",
        "f1.four_times",
        "solved.trained",
        "solved.twice",
        "ratio.fewer",
        "ratio.more",
        "ratio.many",
    ];
    let row = |label: &str, result: &crate::contract::TrialResult| {
        let told = |metric: &str| result.last(metric).map_or_else(|| "-".to_owned(), short_number);
        let own = [label.to_owned(), result.spec.seed.to_string()];
        own.into_iter().chain(METRICS.map(told)).collect::<Vec<String>>()
    };
    let all = links.iter().flatten().chain(springs);
    let rows = all.flat_map(|r| r.seeds.iter().map(|seed| row(&r.cell.label, seed)).collect::<Vec<_>>());
    let columns = ["condition", "seed"].into_iter().chain(METRICS).map(|name| name.replace(['.', '_'], " "));
    let body = Table { columns: columns.collect(), rows: rows.collect() };
    let says = "The last look of every seed: F1 and graphs solved by range of sizes, and ratios of rollouts by size.";
    Panel::new("seeds", "Every seed", says, Body::Table(body))
}
