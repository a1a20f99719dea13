//! What there is to see: of one trial, and shared pieces for the study's panels.

use super::trial::State;
use crate::contract::{Axis, Body, Dash, Heat, Line, Lines, Mark, Panel};
use crate::kernels::linalg::svd;

/// Rows: after task k; columns: task j; cells: accuracy among all classes.
pub(super) fn forgetting_heat(names: &[&str], accuracy: &[Vec<f64>]) -> Heat {
    let tasks = names.len();
    let at = |k: usize, j: usize| accuracy.get(k).and_then(|row| row.get(j)).copied().unwrap_or(f64::NAN);
    Heat {
        row_axis: "after task".into(),
        column_axis: "accuracy on task".into(),
        rows: names.iter().map(|name| (*name).to_owned()).collect(),
        columns: names.iter().map(|name| (*name).to_owned()).collect(),
        values: (0..tasks * tasks).map(|i| at(i / tasks, i % tasks)).collect(),
        letters: Vec::new(),
        range: Some((0.0, 1.0)),
        unit: "accuracy".into(),
    }
}

/// The forgetting matrix of a trial, as far as it is.
pub(super) fn forgetting(label: &str, names: &[&str], state: &State) -> Panel {
    let now = state.accuracy.last().and_then(|row| row.split_last());
    let note = now.filter(|(_, earlier)| !earlier.is_empty()).map_or_else(String::new, |(current, earlier)| {
        let kept = earlier[..state.task.saturating_sub(1).min(earlier.len())].iter().sum::<f64>();
        let earlier = kept / state.task.saturating_sub(1).max(1) as f64;
        format!("after {} tasks: earlier ones {earlier:.2}, last column {current:.2}", state.task)
    });
    Panel::new(
        "forgetting",
        format!("Forgetting matrix, {label}"),
        "Row k: test accuracy on every task after task k was learned, with all classes competing. The diagonal is \
         what was just learned; below it is what is left. A bright lower triangle: it remembers. Only the diagonal: \
         every task wiped out the ones before.",
        Body::Heat(forgetting_heat(names, &state.accuracy)),
    )
    .noting(note)
}

/// The loss of the task at hand, with the ends of tasks.
pub(super) fn loss(state: &State, tolerance: f64) -> Panel {
    let points: Vec<(f64, f64)> = state.losses.iter().map(|(step, loss)| (*step as f64, *loss)).collect();
    let last = points.last().map_or(1.0, |(step, _)| *step);
    let lines = vec![
        Line { label: "loss of the task".into(), dash: Dash::Solid, points },
        Line { label: "tolerance".into(), dash: Dash::Dotted, points: vec![(0.0, tolerance), (last, tolerance)] },
    ];
    let ends = state.steps.iter().scan(0, |sum, steps| {
        *sum += steps;
        Some(*sum)
    });
    let marks = ends.enumerate().map(|(k, x)| Mark { x: x as f64, label: format!("task {}", k + 1) }).collect();
    let body = Lines { x: Axis::linear("training step"), y: Axis::log("loss (nats)"), lines, marks };
    Panel::new(
        "loss",
        "Every task to the same loss",
        "Mean loss of all training images of the task at hand. Training on a task ends when it meets the dotted \
         line, so that optimisers are compared at the same loss and not after the same number of steps.",
        Body::Lines(body),
    )
}

/// Cosines between class means.
pub(super) fn similarity(id: &str, title: &str, cosines: &[f64], classes: usize) -> Panel {
    let names: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
    let mean = crate::instruments::spectrum::mean_off_diagonal(cosines, classes).unwrap_or(f64::NAN);
    let heat = Heat {
        row_axis: "class".into(),
        column_axis: "class".into(),
        rows: names.clone(),
        columns: names,
        values: cosines.to_vec(),
        letters: Vec::new(),
        range: Some((0.0, 1.0)),
        unit: "cosine".into(),
    };
    let says = "Cosine between the mean activations of two classes in the last hidden layer. Dark off the diagonal: \
                classes use different directions and interfere little.";
    Panel::new(id, title, says, Body::Heat(heat)).noting(format!("mean off the diagonal {mean:.2}"))
}

/// Singular values of the last step of every layer, and how far the weights have moved by task.
pub(super) fn anatomy(
    before: &[Vec<f32>],
    after: &[Vec<f32>],
    shapes: impl Iterator<Item = Vec<usize>>,
    state: &State,
) -> Option<Panel> {
    let line = |i: usize, shape: &[usize]| {
        let step: Vec<f64> = after[i].iter().zip(&before[i]).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect();
        let values = svd(shape[0], shape[1], &step).ok()?.values;
        let largest = values.first().copied().filter(|v| *v > 0.0)?;
        let points = values.iter().enumerate().map(|(j, v)| ((j + 1) as f64, (v / largest).max(1e-6))).collect();
        Some(Line { label: format!("layer {}", i + 1), dash: Dash::Solid, points })
    };
    let lines: Vec<Line> = shapes.enumerate().filter_map(|(i, shape)| line(i, &shape)).collect();
    if lines.is_empty() {
        return None;
    }
    let spectrum = Lines {
        x: Axis::linear("singular value"),
        y: Axis::log("relative size").within(1e-6, 1.0),
        lines,
        marks: Vec::new(),
    };
    let points = state.moved.iter().enumerate().map(|(k, moved)| ((k + 1) as f64, *moved)).collect();
    let moved = Lines {
        x: Axis::linear("task"),
        y: Axis::linear("|W - W0|"),
        lines: vec![Line { label: "moved".into(), dash: Dash::Solid, points }],
        marks: Vec::new(),
    };
    let panels = vec![
        Panel::new("spectrum", "Singular values of the last step", "", Body::Lines(spectrum)),
        Panel::new("moved", "Displacement", "", Body::Lines(moved)),
    ];
    Some(Panel::new(
        "anatomy",
        "Update anatomy",
        "Left: singular values of the last step of each layer, the largest as 1. A preconditioner with matrices \
         makes them flat: it moves along many directions at once; SGD follows a few. Right: how far all weights are \
         from where they began.",
        Body::Beside { panels },
    ))
}

/// Accuracy against the share of weights that is kept.
pub(super) fn pruning(curves: &[(String, Vec<(f64, f64)>)]) -> Option<Panel> {
    let line = |(label, pruned): &(String, Vec<(f64, f64)>)| {
        let mut points = pruned.clone();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Line { label: label.clone(), dash: Dash::Solid, points }
    };
    let lines: Vec<Line> = curves.iter().filter(|(_, pruned)| !pruned.is_empty()).map(line).collect();
    if lines.is_empty() {
        return None;
    }
    let y = Axis::linear("test accuracy").within(0.0, 1.0);
    let body = Lines { x: Axis::log("share of weights kept"), y, lines, marks: Vec::new() };
    let says = "All but the largest weights are set to zero, without training on. A solution whose weights are \
                sparse keeps its accuracy further to the left.";
    Some(Panel::new("pruning", "Pruning", says, Body::Lines(body)))
}
