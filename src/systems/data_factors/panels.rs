//! What there is to see of one trial.

use super::examination::{Look, bin_name};
use super::trial::ArmTrial;
use crate::contract::{Axis, Bar, Bars, Body, Dash, Heat, Line, Lines, Panel, Point, Scatter};
use crate::instruments::representation::Components;

/// Columns of the command board, at most.
const COLUMNS: usize = 24;

pub(super) fn of_trial(trial: &mut ArmTrial) -> Vec<Panel> {
    let clock = clock(&trial.repetition(), trial.looks().last().map_or(0.0, |look| look.zero_shot));
    [Some(race(trial.looks())), Some(clock), board(trial), embeddings(trial)].into_iter().flatten().collect()
}

fn race(looks: &[Look]) -> Panel {
    let line = |label: &str, dash: Dash, of: fn(&Look) -> f64| Line {
        label: label.into(),
        dash,
        points: looks.iter().map(|look| (look.step as f64, of(look))).collect(),
    };
    let lines = vec![
        line("zero-shot", Dash::Solid, |look| look.zero_shot),
        line("training lines", Dash::Dotted, |look| look.train),
    ];
    let (x, y) = (Axis::linear("training step"), Axis::linear("accuracy").within(0.0, 1.0));
    let says = "Share of commands carried out exactly: test commands with the new word in a context, and a sample of \
                training lines. A model that memorises has the second alone.";
    Panel::new("race", "Composition and training", says, Body::Lines(Lines { x, y, lines, marks: Vec::new() }))
}

/// How often lines were shown.
pub(super) fn clock(bins: &[f64], zero_shot: f64) -> Panel {
    let last = bins.iter().rposition(|count| *count > 0.0).map_or(1, |last| last + 1);
    let bar = |(bin, count): (usize, &f64)| Bar { label: bin_name(bin), value: *count, ..Bar::default() };
    let bars = bins.iter().take(last).enumerate().map(bar).collect();
    let says = "How many training lines were shown how often so far: few lines seen often are memorised, many lines seen \
                once or twice are not.";
    let body = Body::Bars(Bars { axis: Axis::linear("training lines"), bars });
    Panel::new("clock", "Repetition clock", says, body).noting(format!("zero-shot accuracy now {zero_shot:.3}"))
}

/// Rows: what training lacks; columns: looks.
fn board(trial: &ArmTrial) -> Option<Panel> {
    let looks = trial.looks();
    let every = looks.len().div_ceil(COLUMNS).max(1);
    // From the end, so that the newest look is always there.
    let mut shown: Vec<&Look> = looks.iter().rev().step_by(every).collect();
    shown.reverse();
    let rows = trial.board.rows.clone();
    let values = (0..rows.len()).flat_map(|row| shown.iter().map(move |look| look.board[row])).collect::<Vec<f64>>();
    let heat = Heat {
        row_axis: "what training lacks".into(),
        column_axis: "training step".into(),
        rows,
        columns: shown.iter().map(|look| look.step.to_string()).collect(),
        values,
        letters: Vec::new(),
        range: Some((0.0, 1.0)),
        unit: "share of test commands that are right".into(),
    };
    let says = "Test commands by the phrase that no training line has; a row lights up when its template composes.";
    (!heat.values.is_empty()).then(|| Panel::new("board", "Command board", says, Body::Heat(heat)))
}

/// Verbs and their copies on the first two principal components of their embeddings.
fn embeddings(trial: &ArmTrial) -> Option<Panel> {
    let all = trial.embeddings();
    let width = all.first()?.2.len();
    let layer: Vec<f32> = all.iter().flat_map(|(.., vector)| vector.iter().copied()).collect();
    let components = Components::of(&layer, width).ok()?;
    let scores = components.scores(&layer, 2);
    let point = |((name, new, _), at): (&(String, bool, Vec<f32>), &[f32])| Point {
        x: f64::from(at[0]),
        y: f64::from(at[1]),
        group: if *new { "new word and copies" } else { "other verbs" }.into(),
        label: name.clone(),
    };
    let points = all.iter().zip(scores.chunks(2)).map(point).collect();
    let map = Scatter { x: Axis::linear("component 1"), y: Axis::linear("component 2"), points };
    let far = trial.looks().iter().filter_map(|look| Some((look.step as f64, look.distance?))).collect::<Vec<_>>();
    let line = Line { label: "new word".into(), dash: Dash::Solid, points: far };
    let lines =
        Lines { x: Axis::linear("training step"), y: Axis::linear("distance"), lines: vec![line], marks: Vec::new() };
    let panels = vec![
        Panel::new("map", "Embeddings", "", Body::Scatter(map)),
        Panel::new("distance", "From the centroid", "", Body::Lines(lines)),
    ];
    let says = "Embeddings of the verbs and their copies, and how far the new word lies from the centroid of the others, in \
                their own spread: near 1 it is one of them, far above 1 it stands apart and is not composed.";
    Some(Panel::new("embeddings", "Embedding map", says, Body::Beside { panels }))
}
