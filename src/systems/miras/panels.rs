//! What there is to see of one trial.

use super::alone_trial::AloneTrial;
use super::sequence_panels;
use super::settings::{Model, Task};
use super::study_panels;
use super::trial::{Inside, Look, RecallTrial};
use crate::contract::{Axis, Bar, Bars, Body, Dash, Line, Lines, Mark, Panel};

/// Points of a loss's picture, and bars of the errors met.
const POINTS: usize = 61;
const BINS: usize = 12;

/// The memory alone.
pub(super) fn alone(trial: &AloneTrial) -> Vec<Panel> {
    let vector = |name: &str| trial.state.found.get(name).cloned();
    let found = [study_panels::under_fire(vector), study_panels::errors(vector), study_panels::retention(vector)];
    found.into_iter().flatten().chain(sequence_panels::alone(trial)).collect()
}

/// A trained model.
pub(super) fn trained(trial: &RecallTrial, inside: &Inside) -> Vec<Panel> {
    let panels = [accuracy(trial), sequence_panels::trained(trial, inside)];
    panels.into_iter().chain(loss_shape(trial, inside)).collect()
}

fn accuracy(trial: &RecallTrial) -> Panel {
    let line = |label: &str, of: fn(&Look) -> f64| {
        let points = trial.state.looks.iter().map(|look| (look.step as f64, of(look))).collect();
        Line { label: label.into(), dash: Dash::Solid, points }
    };
    let chart = |id: &str, title: &str, y: Axis, line: Line| {
        let body = Lines { x: Axis::linear("training step"), y, lines: vec![line], marks: Vec::new() };
        Panel::new(id, title, "", Body::Lines(body))
    };
    let panels = vec![
        chart("right", "Accuracy", Axis::linear("accuracy").within(0.0, 1.0), line("accuracy", |look| look.accuracy)),
        chart("loss", "Loss", Axis::linear("nats"), line("loss", |look| look.loss)),
    ];
    let says = match trial.trained.task {
        Task::Pixels => "How well the next pixel is told on digits never trained on.",
        _ => {
            "Share of questions answered rightly on sequences never trained on, and their loss. At chance for long, then \
             up at once: that is when the memory is first used."
        }
    };
    Panel::new("accuracy", "Learning to recall", says, Body::Beside { panels })
}

/// The loss that the memory descends and its slope, with the errors that the first layer met.
fn loss_shape(trial: &RecallTrial, inside: &Inside) -> Option<Panel> {
    if inside.errors.is_empty() {
        return None;
    }
    let deltas = inside.delta.as_deref().unwrap_or_default();
    let delta = if deltas.is_empty() { f64::INFINITY } else { deltas.iter().sum::<f64>() / deltas.len() as f64 };
    let (loss, slope) = shape(trial.trained.model, delta)?;
    let longest = inside.errors.iter().copied().fold(1.0, f64::max);
    let curve = |label: &str, dash, of: &dyn Fn(f64) -> f64| {
        let x = |i: usize| longest * i as f64 / (POINTS - 1) as f64;
        Line { label: label.into(), dash, points: (0..POINTS).map(|i| (x(i), of(x(i)))).collect() }
    };
    let lines = vec![curve("slope", Dash::Solid, &*slope), curve("loss", Dash::Dashed, &*loss)];
    let marks = delta.is_finite().then(|| Mark { x: delta, label: "delta".into() }).into_iter().collect();
    let body = Lines { x: Axis::linear("length of the error"), y: Axis::linear("loss, slope"), lines, marks };
    let shape = Panel::new("shape", "The loss and its slope", "", Body::Lines(body));
    let mut counts = [0usize; BINS];
    for error in &inside.errors {
        counts[((error / longest * BINS as f64) as usize).min(BINS - 1)] += 1;
    }
    let bar = |(i, count): (usize, &usize)| Bar {
        label: format!("{:.2}", longest * (i as f64 + 0.5) / BINS as f64),
        value: *count as f64,
        interval: None,
        note: String::new(),
    };
    let bars = Bars { axis: Axis::linear("tokens"), bars: counts.iter().enumerate().map(bar).collect() };
    let met = Panel::new("met", "Errors that it met", "", Body::Bars(bars));
    let says = "The attentional bias: what an error of some length costs, and how far it moves the memory, beside the \
                errors of one sequence. What lies beyond delta is cut to it.";
    let clipped = inside.errors.iter().zip(deltas).filter(|(error, delta)| error > delta).count();
    let note = match deltas.is_empty() {
        true => String::new(),
        false => format!("delta {delta:.2}; {clipped} of {} tokens clipped", inside.errors.len()),
    };
    let body = Body::Beside { panels: vec![shape, met] };
    Some(Panel::new("loss-shape", "What is descended", says, body).noting(note))
}

/// A loss of the length of the error.
type Curve = Box<dyn Fn(f64) -> f64>;

/// Loss and slope by the length of the error; none where the error is not descended.
fn shape(model: Model, delta: f64) -> Option<(Curve, Curve)> {
    match model {
        Model::Attention | Model::LinearAttention | Model::GatedLinearAttention => None,
        Model::Moneta { p, .. } => {
            let p = f64::from(p);
            Some((Box::new(move |e| e.powf(p)), Box::new(move |e| p * e.powf(p - 1.0))))
        }
        Model::Yaad | Model::YaadSign if delta.is_finite() => {
            let loss = move |e: f64| if e <= delta { e * e / 2.0 } else { delta * (e - delta / 2.0) };
            Some((Box::new(loss), Box::new(move |e| e.min(delta))))
        }
        _ => Some((Box::new(|e| e * e / 2.0), Box::new(|e| e))),
    }
}
