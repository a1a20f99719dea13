//! One sequence as a memory reads it, token by token.

use super::alone_trial::AloneTrial;
use super::settings::Task;
use super::trial::{Inside, RecallTrial};
use crate::contract::{Body, Matrix, Panel, Scale, Sequence, Token, Track};

/// Tokens of the stream that are shown of the memory alone.
const SHOWN: usize = 48;

/// A square picture, one or one a token.
fn matrix(label: &str, side: usize, [rows, columns]: [&str; 2], frames: Vec<Vec<f32>>) -> Matrix {
    Matrix {
        label: label.into(),
        row_axis: rows.into(),
        column_axis: columns.into(),
        rows: side,
        columns: side,
        frames,
        range: None,
        by_token: false,
    }
}

fn track(label: &str, unit: &str, scale: Scale, values: Vec<f64>) -> Track {
    Track { label: label.into(), unit: unit.into(), scale, values }
}

/// The memory alone: L2 and Huber on the beginning of an outlier stream, beside the map that they should hold.
pub(super) fn alone(trial: &AloneTrial) -> Option<Panel> {
    let stream = trial.shown();
    let (width, square) = (trial.alone.width, trial.alone.width * trial.alone.width);
    let shown = SHOWN.min(stream.outliers.len());
    let [l2, huber] = [1, 2].map(|rule| trial.memories(rule, &stream));
    let (l2, huber) = (l2?, huber?);
    let frames = |memories: &[f32]| memories.chunks(square).take(shown).map(<[f32]>::to_vec).collect::<Vec<_>>();
    let errors = |memories: &[f32]| memories.chunks(square).take(shown).map(|m| stream.relative_error(m)).collect();
    let residual = frames(&huber).iter().map(|m| m.iter().zip(&stream.map).map(|(w, map)| w - map).collect()).collect();
    let token = |(t, outlier): (usize, &bool)| Token {
        text: (t + 1).to_string(),
        weight: f64::NAN,
        note: if *outlier { "fault".into() } else { String::new() },
    };
    let axes = ["value channel", "key channel"];
    let sequence = Sequence {
        tokens: stream.outliers.iter().take(shown).enumerate().map(token).collect(),
        tracks: vec![
            track("L2", "error on clean keys", Scale::Log, errors(&l2)),
            track("Huber", "error on clean keys", Scale::Log, errors(&huber)),
        ],
        matrices: vec![
            matrix("Huber's memory W", width, axes, frames(&huber)),
            matrix("L2's memory W", width, axes, frames(&l2)),
            matrix("the map W*", width, axes, vec![stream.map.clone()]),
            matrix("Huber's W - W*", width, axes, residual),
        ],
        pathways: None,
    };
    let says = "The memory after each token of a stream with outliers (fault), by two losses, and the map that they should \
                come to hold. An outlier writes a stripe into L2's memory; Huber's step has a bounded length.";
    Some(Panel::new("sequence", "The memory, token by token", says, Body::Sequence(sequence)))
}

/// A trained model on one sequence of the examination.
pub(super) fn trained(trial: &RecallTrial, inside: &Inside) -> Panel {
    let (tokens, questions) = (inside.tokens.len(), inside.targets.len());
    let keys = trial.settings.network.keys;
    let pixels = trial.trained.task == Task::Pixels;
    let word = |token: usize| match (pixels, token) {
        (true, token) => token.to_string(),
        (_, key) if key < keys => format!("k{key}"),
        (_, value) => format!("v{}", value - keys),
    };
    let token = |t: usize| {
        let asked = (t + questions).checked_sub(tokens);
        let right = asked.map_or(f64::NAN, |q| inside.right[q]);
        let wrong = asked.filter(|q| inside.answers[*q] != inside.targets[*q]);
        let note = match (wrong, asked) {
            _ if inside.faulty[t] => "fault",
            (Some(_), _) if !pixels => "wrong",
            (None, Some(_)) if !pixels => "query",
            _ => "",
        };
        let text = match asked.filter(|_| !pixels) {
            Some(q) => format!("{}={}", word(inside.tokens[t]), word(inside.targets[q])),
            None => word(inside.tokens[t]),
        };
        let said = wrong.map_or_else(String::new, |q| format!(", not {}", word(inside.answers[q])));
        Token { text: text + &said, weight: right, note: note.into() }
    };
    let mut tracks = Vec::new();
    if !inside.errors.is_empty() {
        tracks.push(track("error", "length", Scale::Linear, inside.errors.clone()));
    }
    let gates = [("eta", &inside.eta), ("alpha", &inside.alpha), ("delta", &inside.delta)];
    let gates = gates.into_iter().filter_map(|(name, gate)| Some((name, gate.clone()?)));
    tracks.extend(gates.map(|(name, values)| track(name, "gate", Scale::Linear, values)));
    let side = trial.settings.network.width / trial.settings.network.heads;
    let mut matrices = Vec::new();
    if !inside.memories.is_empty() {
        matrices.push(matrix("memory W", side, ["value channel", "key channel"], inside.memories.clone()));
    }
    if !inside.attention.is_empty() {
        let attention = matrix("attention", tokens, ["query", "key"], vec![inside.attention.clone()]);
        matrices.push(Matrix { by_token: true, range: Some((0.0, 1.0)), ..attention });
    }
    let sequence = Sequence { tokens: (0..tokens).map(token).collect(), tracks, matrices, pathways: None };
    let says = "One sequence of the examination: keys k and values v as they are read, then the keys that are asked, with their \
                value, and what was answered where that was wrong. The first head's memory after each token, the length of \
                the error that the token descended, and its gates. A fault reaches the memory as noise, and the gates \
                cannot see it.";
    Panel::new("sequence", "One sequence in memory", says, Body::Sequence(sequence))
}
