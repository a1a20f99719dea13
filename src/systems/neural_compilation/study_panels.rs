//! What there is to see of the whole study.

use super::exact::short;
use super::settings::{Arm, COMPILED, Condition, Settings};
use crate::contract::{Axis, Bar, Bars, Body, Dash, Evidence, Line, Lines, Panel, Recorded, Table};

type Of<'e> = Recorded<'e, Condition>;

/// Every panel for which something was recorded.
pub(super) fn panels(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
    let recorded =
        |of: fn(&Condition) -> bool| -> Vec<Of<'_>> { evidence.every(of).filter(|r| !r.seeds.is_empty()).collect() };
    let trained = recorded(|c| matches!(c, Condition::Trained(..)));
    let compiled = recorded(|c| *c == Condition::Compiled);
    let mut panels = Vec::new();
    panels.extend(sizes(settings, &trained, &compiled));
    panels.extend((!trained.is_empty()).then(|| gap(&trained)));
    panels.extend((!trained.is_empty()).then(|| curves(settings, &trained)));
    panels.extend((!trained.is_empty()).then(|| table(&trained)));
    panels
}

fn points(sizes: &[f64], values: &[f64]) -> Vec<(f64, f64)> {
    sizes.iter().copied().zip(values.iter().copied()).collect()
}

/// Accuracy over the number of nodes, trained and compiled, with what guesses reach.
fn sizes(settings: &Settings, trained: &[Of<'_>], compiled: &[Of<'_>]) -> Option<Panel> {
    let mut lines = Vec::new();
    for r in trained {
        let (Some(sizes), Some(values)) = (r.curve("sizes"), r.curve("accuracy_by_size")) else { continue };
        lines.push(Line { label: r.cell.label.clone(), dash: Dash::Solid, points: points(&sizes, &values) });
        let guesses = [("inside", settings.inside), ("beyond", settings.beyond)].into_iter();
        let guess = guesses
            .filter_map(|(judged, nodes)| Some((nodes as f64, r.last(&format!("guess_lowest.{judged}"))?)))
            .collect();
        if matches!(r.cell.condition, Condition::Trained(_, Arm::Main)) {
            lines.push(Line {
                label: format!("{}, lowest neighbour", r.cell.label),
                dash: Dash::Dotted,
                points: guess,
            });
        }
    }
    for (r, algorithm) in compiled.iter().flat_map(|r| COMPILED.map(|algorithm| (r, algorithm))) {
        let values = r.curve(&format!("accuracy_by_size.{}", short(algorithm)));
        if let (Some(sizes), Some(values)) = (r.curve("sizes"), values) {
            let label = format!("{}, compiled", algorithm.name());
            lines.push(Line { label, dash: Dash::Dashed, points: points(&sizes, &values) });
        }
    }
    let y = Axis::linear("pointers right").within(0.0, 1.0);
    let body = Body::Lines(Lines { x: Axis::log("nodes"), y, lines: lines.clone(), marks: Vec::new() });
    (!lines.is_empty()).then(|| {
        Panel::new(
            "sizes",
            "The same weights on graphs of any size",
            "Pointers that are right per node, mean over seeds. Compiled networks are right at every size; a trained one that \
             had found the algorithm would be too. Dotted: pointing at the lowest neighbour without a step.",
            body,
        )
        .noting(format!("trained on {} nodes", settings.trained.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")))
    })
}

/// Accuracy beside the two measures of faithfulness.
fn gap(trained: &[Of<'_>]) -> Panel {
    let metrics = [
        ("accuracy.inside", "right"),
        ("trace.inside", "steps all right"),
        ("faithful.inside", "attends as compiled (F)"),
        ("faithful_chosen.inside", "F where there is a choice"),
        ("uniform.inside", "uniform attention"),
        ("accuracy.beyond", "right, larger graphs"),
        ("trace.beyond", "steps all right, larger graphs"),
        ("faithful.beyond", "F, larger graphs"),
    ];
    let bar = |r: &Of<'_>, (metric, name): &(&str, &str)| {
        let values = r.values(metric);
        let ends = values.iter().copied().fold(None, |ends: Option<(f64, f64)>, x| {
            Some(ends.map_or((x, x), |(low, high)| (low.min(x), high.max(x))))
        });
        Some(Bar {
            label: format!("{}: {name}", r.cell.label),
            value: r.last(metric)?,
            interval: ends,
            note: String::new(),
        })
    };
    let bars = trained.iter().flat_map(|r| metrics.iter().filter_map(move |metric| bar(r, metric))).collect();
    Panel::new(
        "gap",
        "Right answers against the right way",
        "Means over seeds with the least and the most: answers, steps of which every hint is right, and attention on what \
         the compiled network looks at. Answers that stand well above the other two are the mechanistic gap.",
        Body::Bars(Bars { axis: Axis::linear("share").within(0.0, 1.0), bars }),
    )
}

fn curves(settings: &Settings, trained: &[Of<'_>]) -> Panel {
    let line =
        |r: &Of<'_>| Line { label: r.cell.label.clone(), dash: Dash::Solid, points: r.series("accuracy.inside") };
    let lines = trained.iter().map(line).collect();
    let y = Axis::linear("pointers right").within(0.0, 1.0);
    Panel::new(
        "curves",
        "Learning each algorithm",
        "Accuracy at the size trained on, mean over seeds. A curve that still rises says nothing about what can be learnt.",
        Body::Lines(Lines { x: Axis::linear("training step"), y, lines, marks: Vec::new() }),
    )
    .noting(format!("{} nodes", settings.inside))
}

fn table(trained: &[Of<'_>]) -> Panel {
    let metrics =
        ["accuracy.inside", "accuracy.beyond", "trace.inside", "trace.beyond", "faithful.inside", "faithful.beyond"];
    let columns = ["condition", "seed", "right", "right, larger", "steps right", "larger", "F", "F, larger"];
    let rows = trained.iter().flat_map(|r| {
        r.seeds.iter().map(|seed| {
            let number = |metric: &&str| seed.last(metric).map_or_else(|| "-".into(), |value| format!("{value:.3}"));
            [r.cell.label.clone(), seed.spec.seed.to_string()].into_iter().chain(metrics.iter().map(number)).collect()
        })
    });
    Panel::new(
        "seeds",
        "Every seed",
        "What each seed came to.",
        Body::Table(Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }),
    )
}
