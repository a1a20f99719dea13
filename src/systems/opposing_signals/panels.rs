//! What there is to see of one trial.

use super::measure::changes;
use super::settings::Leg;
use super::trial::OpposingTrial;
use crate::contract::{Axis, Body, Dash, Image, Images, Line, Lines, Mark, Panel, Point, Scatter, Table, short_number};
use crate::instruments::opposing::Groups;

/// Steps that the oscilloscope shows.
const SCOPE: usize = 200;
/// Steps of the window in which the most moved examples are looked for.
const WINDOW: usize = 50;
/// Examples in that table.
const LISTED: usize = 12;
/// Places of the valley cut on either side.
const PLACES: i32 = 20;

fn crossing_marks(trial: &OpposingTrial, from: usize) -> Vec<Mark> {
    let mark = |step: u64| Mark { x: step as f64, label: "crossing".into() };
    trial.state.crossing.filter(|step| *step as usize >= from).map(mark).into_iter().collect()
}

/// The losses of A, upwards, and of B, downwards, and of all.
pub(super) fn oscilloscope(trial: &OpposingTrial) -> Panel {
    let means = &trial.state.means;
    let from = means.len().saturating_sub(SCOPE);
    let line = |label: &str, dash, value: fn(&[f64; 3]) -> f64| {
        let points = means[from..].iter().enumerate().map(|(i, m)| ((from + i) as f64, value(m))).collect();
        Line { label: label.into(), dash, points }
    };
    let body = Lines {
        x: Axis::linear("training step"),
        y: Axis::linear("loss (B downwards)"),
        lines: vec![
            line("A", Dash::Solid, |m| m[0]),
            line("B, mirrored", Dash::Solid, |m| -m[1]),
            line("all", Dash::Dashed, |m| m[2]),
        ],
        marks: crossing_marks(trial, from),
    };
    Panel::new(
        "oscilloscope",
        format!("Two-group oscilloscope, {}", trial.cell.label),
        "The mean loss of group A upwards and that of group B downwards, step by step. Opposing signals: once \
         sharpness is past 2 / eta both lines swing up and down together, as the one group's loss rises when the \
         other's falls; the loss of all spikes with them. Groups that agree swell and shrink at the same time.",
        Body::Lines(body),
    )
}

/// Sharpness against the edge, and the norms under it.
pub(super) fn sharpness(trial: &OpposingTrial) -> Panel {
    let moments = &trial.state.moments;
    let last = trial.state.step.max(1) as f64;
    let level =
        |label: String, value: f64| Line { label, dash: Dash::Dotted, points: vec![(0.0, value), (last, value)] };
    let measured = [(0.0, trial.state.initial)].into_iter().chain(moments.iter().map(|m| (m.step as f64, m.sharpness)));
    let mut lines = vec![
        Line { label: "sharpness".into(), dash: Dash::Solid, points: measured.collect() },
        level("2 / eta".into(), trial.edge()),
    ];
    if let Leg::Linear(norm) = trial.cell.condition.leg {
        lines.push(level("p a^2 |beta|".into(), trial.settings.linear.law() * norm));
    }
    let top = Lines {
        x: Axis::linear("training step"),
        y: Axis::linear("sharpness"),
        lines,
        marks: crossing_marks(trial, 0),
    };
    let layers = moments.first().map_or(0, |m| m.norms.len());
    let norm = |i: usize| {
        let points = moments.iter().map(|m| (m.step as f64, m.norms[i])).collect();
        Line { label: format!("layer {}", i + 1), dash: Dash::Solid, points }
    };
    let norms = Lines {
        x: Axis::linear("training step"),
        y: Axis::linear("norm of the weights"),
        lines: (0..layers).map(norm).collect(),
        marks: Vec::new(),
    };
    let panels = vec![
        Panel::new("sharpness-line", "Sharpness", "", Body::Lines(top)),
        Panel::new("norms", "Norms", "", Body::Lines(norms)),
    ];
    let now = moments.last().map_or(trial.state.initial, |m| m.sharpness);
    Panel::new(
        "sharpness",
        "Sharpness",
        "The largest eigenvalue of the loss's Hessian. It grows with the weights of the layers above (right) until \
         it meets 2 / eta, where gradient descent starts to bounce: the edge of stability.",
        Body::Beside { panels },
    )
    .noting(format!("now {}, edge {}", short_number(now), short_number(trial.edge())))
}

/// The examples whose loss moved most in the last steps.
fn moved_most(trial: &OpposingTrial) -> Option<Groups> {
    let (losses, count) = (&trial.losses, trial.data.count);
    changes(losses, (losses.len() / count).saturating_sub(WINDOW), count).groups(LISTED)
}

/// The table of these.
pub(super) fn most_moved(trial: &OpposingTrial) -> Option<Panel> {
    let groups = moved_most(trial)?;
    let planted = |i: usize| match (trial.data.a.contains(&i), trial.data.b.contains(&i)) {
        (true, _) => "A",
        (_, true) => "B",
        _ => "",
    };
    let row = |((&i, moved), side): ((&usize, &f64), &f64)| {
        let class = trial.data.classes.get(i).map_or("-".to_owned(), |class| class.to_string());
        let guess = if *side > 0.0 { "+" } else { "-" };
        let target = trial.data.targets[i * trial.data.outputs];
        let last = short_number(f64::from(trial.last[i]));
        [
            i.to_string(),
            guess.into(),
            planted(i).into(),
            class,
            if trial.data.outputs == 1 { format!("{target:.2}") } else { "-".into() },
            short_number(*moved),
            last,
        ]
        .to_vec()
    };
    let body = Table {
        columns: ["example", "side", "planted", "class", "target", "mean |change|", "loss now"]
            .map(str::to_owned)
            .into(),
        rows: groups.listed.iter().zip(&groups.moved).zip(&groups.side).map(row).collect(),
    };
    let hits = groups.precision(&trial.data.planted());
    Some(
        Panel::new(
            "most-moved",
            "Most moved examples",
            "The examples whose loss changed most in the last steps, found without knowing what was planted. Side: \
             whether its loss rises or falls with the leading pattern. Opposing groups: planted ones fill the list, \
             A on one side and B on the other.",
            Body::Table(body),
        )
        .noting(format!("planted: {:.0} %", 100.0 * hits)),
    )
}

/// The pictures of the most moved examples, a side at a time.
pub(super) fn most_moved_pictures(trial: &OpposingTrial) -> Option<Panel> {
    let [height, width, channels] = trial.data.picture?;
    let groups = moved_most(trial)?;
    let image = |i: usize, side: &str| {
        let pixels = trial.data.inputs[i * trial.data.width..(i + 1) * trial.data.width].chunks_exact(channels);
        let grey: Vec<f32> = pixels.map(|pixel| pixel.iter().sum::<f32>() / channels as f32).collect();
        let low = grey.iter().copied().fold(f32::INFINITY, f32::min);
        let high = grey.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let pixels = grey.iter().map(|x| (x - low) / (high - low).max(f32::MIN_POSITIVE)).collect();
        Image { label: format!("{side} class {}", trial.data.classes[i]), width, height, pixels }
    };
    let [up, down] = groups.sides();
    let images = up.iter().map(|&i| image(i, "+")).chain(down.iter().map(|&i| image(i, "-"))).collect();
    let says = "The pictures whose loss changed most in the last steps: first those that rise and fall with the leading \
                pattern (+), then those that go against it (-). A pair of opposing groups has something large in common \
                and different classes.";
    Some(Panel::new("most-moved-pictures", "Most moved pictures", says, Body::Images(Images { images })))
}

/// The losses along the direction of largest curvature, with where training has just been.
pub(super) fn valley(trial: &mut OpposingTrial) -> Option<Panel> {
    let OpposingTrial { trained, state, data, positions, .. } = trial;
    let here = trained.flat();
    let direction = state.tracker.vector();
    let along = |weights: &[f32]| -> f64 {
        weights.iter().zip(&here).zip(direction).map(|((w, h), v)| f64::from(w - h) * v).sum()
    };
    let places: Vec<f64> = positions.chunks(here.len()).map(along).collect();
    let widest = places.iter().fold(1e-3f64, |a, p| a.max(p.abs())) * 1.5;
    let mean = |losses: &[f32], members: &[usize]| {
        members.iter().map(|&i| f64::from(losses[i])).sum::<f64>() / members.len().max(1) as f64
    };
    let all: Vec<usize> = (0..data.count).collect();
    let mut points = Vec::new();
    let point = |x: f64, y: f64, group: &str| Point { x, y, group: group.into(), label: String::new() };
    for i in -PLACES..=PLACES {
        let x = widest * f64::from(i) / f64::from(PLACES);
        let moved: Vec<f32> = here.iter().zip(direction).map(|(w, v)| w + (x * v) as f32).collect();
        let losses = trained.losses_at(&moved);
        points.push(point(x, mean(&losses, &data.a), "A"));
        points.push(point(x, mean(&losses, &data.b), "B"));
        points.push(point(x, mean(&losses, &all), "all"));
    }
    let recent = state.means.iter().rev().zip(places.iter().rev());
    points.extend(recent.map(|(means, x)| point(*x, means[2], "last steps")));
    if points.iter().any(|p| !p.y.is_finite()) {
        return None;
    }
    let body = Scatter { x: Axis::linear("along the top Hessian direction"), y: Axis::linear("loss"), points };
    Some(Panel::new(
        "valley",
        "A cut through the valley",
        "The losses of A, of B and of all along the direction of largest curvature through the weights as they are \
         (0), and where the last steps were. Opposing signals: A rises where B falls, and training jumps between the \
         walls on either side.",
        Body::Scatter(body),
    ))
}
