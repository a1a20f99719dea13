//! What there is to see of the whole study.

use super::settings::{Condition, Deletion, Leg, Settings};
use crate::contract::{Axis, Body, Dash, Evidence, Line, Lines, Panel, Point, Recorded, Scatter, Table, short_number};
use crate::tasks::opposing::Groups;

type Seen<'e> = Recorded<'e, Condition>;

/// Every panel for which something was recorded.
pub(super) fn panels(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
    let found = [law(settings, evidence), sharpening(evidence), causal(evidence)];
    found.into_iter().flatten().chain([groups(evidence)]).collect()
}

/// Leg A: final sharpness against |beta|.
fn law(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Option<Panel> {
    let linear = &settings.linear;
    let mut points = Vec::new();
    for recorded in evidence.every(|c| c.rate == linear.small_rate) {
        let Leg::Linear(norm) = recorded.cell.condition.leg else { continue };
        let measured = recorded.by_seed("final_sharpness").into_iter();
        points.extend(measured.map(|(seed, y)| Point {
            x: norm,
            y,
            group: "measured".into(),
            label: format!("seed {seed}"),
        }));
    }
    if points.is_empty() {
        return None;
    }
    let predicted = linear.norms.iter().map(|&norm| (norm, norm * linear.law()));
    points.extend(predicted.map(|(x, y)| Point { x, y, group: "p a^2 |beta|".into(), label: "theory".into() }));
    let body = Scatter { x: Axis::linear("|beta|"), y: Axis::linear("final sharpness"), points };
    let says = "The two-layer linear network at the end of training: one point a seed, and what the theory says. \
                The stronger the useful signal, the steeper the walls that the two groups make.";
    Some(Panel::new("law", "Sharpness is linear in the signal", says, Body::Scatter(body)))
}

/// Leg B: sharpness over training, a line a condition.
fn sharpening(evidence: &Evidence<'_, Condition>) -> Option<Panel> {
    let compared =
        |c: &Condition| matches!(c.leg, Leg::Network(_)) && c.deletion == Deletion::Nothing && c.study.is_none();
    let line = |r: Seen<'_>| {
        let dash = if r.cell.condition.groups == Groups::Opposing { Dash::Solid } else { Dash::Dashed };
        let steps = r.cell.condition.steps as f64;
        let points: Vec<_> = r.series("sharpness").into_iter().filter(|(step, _)| *step <= steps).collect();
        (!points.is_empty()).then(|| Line { label: r.cell.label.clone(), dash, points })
    };
    let lines: Vec<Line> = evidence.every(compared).filter_map(line).collect();
    if lines.is_empty() {
        return None;
    }
    let body = Lines { x: Axis::linear("training step"), y: Axis::log("sharpness"), lines, marks: Vec::new() };
    let says = "Sharpness of the network on data whose groups oppose each other, agree, or share nothing; mean over \
                seeds. Opposing groups sharpen furthest.";
    Some(Panel::new("sharpening", "Who sharpens", says, Body::Lines(body)))
}

/// The causal test: sharpness after the crossing.
fn causal(evidence: &Evidence<'_, Condition>) -> Option<Panel> {
    let line = |(deletion, label): (Deletion, &str)| {
        let recorded = evidence.find(|c| c.deletion == deletion && (deletion != Deletion::Nothing || c.must_cross))?;
        // Runs differ in length: the mean of those that were measured so late.
        let curves = recorded.groups("after_crossing");
        let longest = curves.iter().map(|c| c.len()).max().filter(|len| *len > 0)?;
        let at = |i: usize| {
            let values: Vec<f64> = curves.iter().filter_map(|c| c.get(i).copied()).collect();
            (i as f64, values.iter().sum::<f64>() / values.len() as f64)
        };
        Some(Line { label: label.into(), dash: Dash::Solid, points: (0..longest).map(at).collect() })
    };
    let lines: Vec<Line> = [
        (Deletion::Planted, "planted deleted"),
        (Deletion::Random, "as many random ones deleted"),
        (Deletion::Nothing, "nothing deleted"),
    ]
    .into_iter()
    .filter_map(line)
    .collect();
    if lines.is_empty() {
        return None;
    }
    let body = Lines {
        x: Axis::linear("measurements after the crossing"),
        y: Axis::linear("sharpness in units of 2 / eta"),
        lines,
        marks: Vec::new(),
    };
    let says = "The few planted examples are taken out of training at the moment when sharpness crosses 2 / eta. If \
                they make the walls, sharpness falls at once; taking out as many others changes little. Mean over seeds.";
    Some(Panel::new("causal", "Taking the outliers away", says, Body::Lines(body)))
}

/// Every condition in numbers.
fn groups(evidence: &Evidence<'_, Condition>) -> Panel {
    let metrics =
        ["rho", "precision", "share", "side_agreement", "initial_sharpness", "peak_sharpness", "edge", "crossing"];
    let row = |r: Seen<'_>| {
        let shown = |metric: &&str| r.last(metric).map_or("-".to_owned(), short_number);
        let done = format!("{}", r.seeds.iter().filter(|s| s.closing.is_some()).count());
        [r.cell.label.clone(), done].into_iter().chain(metrics.iter().map(shown)).collect::<Vec<String>>()
    };
    let columns = [
        "condition",
        "seeds",
        "rho",
        "planted in list",
        "share",
        "sides right",
        "S at start",
        "S peak",
        "2 / eta",
        "crossing",
    ];
    let body = Table { columns: columns.map(str::to_owned).into(), rows: evidence.all().map(row).collect() };
    let says = "Means over seeds. rho: correlation of the two groups' changes of loss past the crossing; near -1 they \
                are in anti-phase. Planted in list and share: how far the planted examples are those that move.";
    Panel::new("groups", "Groups in numbers", says, Body::Table(body))
}
