//! What there is to see of one trial.

use super::settings::Network;
use super::times;
use super::trial::{Look, PathwayTrial, Seen, State};
use crate::contract::{
    Axis, Bar, Bars, Body, Dash, Heat, Line, Lines, Mark, Panel, Pathways as Ways, Scale, Sequence, Token, Track,
};
use crate::instruments::pathways::Pathways;

/// Every panel.
pub(super) fn panels(trial: &PathwayTrial, state: &State, seen: &Seen) -> Vec<Panel> {
    vec![
        accuracy(state),
        gauge(state),
        one_by_one(trial, seen),
        flow(trial, seen),
        distances(trial, &seen.pathways),
        clock(trial),
    ]
}

fn line(label: &str, dash: Dash, looks: &[Look], value: impl Fn(&Look) -> Option<f64>) -> Line {
    // A logarithmic axis begins behind zero.
    let points = looks.iter().map(|look| ((look.step.max(1)) as f64, value(look).unwrap_or(f64::NAN)));
    Line { label: label.into(), dash, points: points.collect() }
}

/// When it memorised and when it began to generalise.
pub(super) fn marks(looks: &[Look]) -> Vec<Mark> {
    let first = |least: f64, of: fn(&Look) -> f64| looks.iter().find(|look| of(look) >= least);
    let mark = |look: &Look, label: &str| Mark { x: look.step.max(1) as f64, label: label.into() };
    let memorised = first(0.99, |look| look.train_accuracy).map(|look| mark(look, "memorised"));
    let generalised = first(0.5, |look| look.test_accuracy).map(|look| mark(look, "generalises"));
    memorised.into_iter().chain(generalised).collect()
}

fn accuracy(state: &State) -> Panel {
    let lines = vec![
        line("train", Dash::Solid, &state.looks, |look| Some(look.train_accuracy)),
        line("test", Dash::Solid, &state.looks, |look| Some(look.test_accuracy)),
    ];
    let (x, y) = (Axis::log("training step"), Axis::linear("accuracy").within(0.0, 1.0));
    Panel::new(
        "accuracy",
        "Memorising, then generalising",
        "Share of the pairs that are answered rightly, trained on and held out. Long after the first the second rises: \
         that is grokking. A test curve that stays down: what was memorised stays memorised.",
        Body::Lines(Lines { x, y, lines, marks: marks(&state.looks) }),
    )
}

fn gauge(state: &State) -> Panel {
    let lines = vec![
        line("distance D", Dash::Solid, &state.looks, |look| look.distance),
        line("by load alone", Dash::Dotted, &state.looks, |look| Some(look.load_alone)),
        line("same answer / all", Dash::Solid, &state.looks, |look| look.same_answer),
        line("same difference / all", Dash::Dashed, &state.looks, |look| look.same_difference),
        line("consistency C", Dash::Dashed, &state.looks, |look| look.consistency),
    ];
    let (x, y) = (Axis::log("training step"), Axis::linear("share, ratio or cosine"));
    Panel::new(
        "gauge",
        "The gauge on training samples",
        "D: how unlike the pathways of training samples are. Dotted: what expert load alone would give; where D lies on \
         it, D tells nothing but load. Same answer / all below 1: samples of one answer share experts. Same difference \
         is not what the task asks for and should stay at 1.",
        Body::Lines(Lines { x, y, lines, marks: marks(&state.looks) }),
    )
}

/// The most samples whose pathways are told one by one.
const SAMPLES: usize = 256;

/// Training samples by answer, of many an even choice.
fn told(trial: &PathwayTrial) -> Vec<usize> {
    let train = &trial.sums.pairs[..trial.sums.train];
    let mut order: Vec<usize> = (0..train.len()).collect();
    order.sort_by_key(|i| (train[*i].answer, train[*i].a));
    let count = order.len().min(SAMPLES);
    (0..count).map(|at| order[at * order.len() / count]).collect()
}

/// Which experts samples go to, as the contract tells it.
fn ways(trial: &PathwayTrial, seen: &Seen, samples: impl Iterator<Item = usize>) -> Ways {
    let Network { layers, experts, chosen, .. } = trial.settings.network;
    let mut ways = Ways { experts, layers, chosen, ..Ways::default() };
    for sample in samples {
        ways.visits.extend(seen.pathways.of(sample).iter().map(|expert| usize::from(*expert)));
        ways.weights.extend(&seen.weights[sample * layers * chosen..][..layers * chosen]);
    }
    ways
}

/// Training samples one by one: which experts they go to, layer by layer, and how well they are known.
fn one_by_one(trial: &PathwayTrial, seen: &Seen) -> Panel {
    let samples = told(trial);
    let pairs = &trial.sums.pairs;
    let begins = |at: usize| at == 0 || pairs[samples[at - 1]].answer != pairs[samples[at]].answer;
    let token = |(at, sample): (usize, &usize)| Token {
        text: format!("{}+{}={}", pairs[*sample].a, pairs[*sample].b, pairs[*sample].answer),
        weight: (-seen.losses[*sample]).exp(),
        note: if begins(at) { "answer".into() } else { String::new() },
    };
    let loss = Track {
        label: "loss".into(),
        unit: "nats".into(),
        scale: Scale::Log,
        values: samples.iter().map(|sample| seen.losses[*sample]).collect(),
    };
    let sequence = Sequence {
        tokens: samples.iter().enumerate().map(token).collect(),
        tracks: vec![loss],
        matrices: Vec::new(),
        pathways: Some(ways(trial, seen, samples.iter().copied())),
    };
    let all = trial.sums.train;
    Panel::new(
        "pathways",
        "Pathways",
        "Training samples by answer, and which expert each goes to, layer by layer; S steps through them, e to the next \
         answer. Bands of one letter: samples of an answer share experts. Noise: every sample has a way of its own. The \
         shade of a sample is the probability of its right answer.",
        Body::Sequence(sequence),
    )
    .noting(format!("{} of {all} training samples", samples.len()))
}

/// How all training samples flow through the experts.
fn flow(trial: &PathwayTrial, seen: &Seen) -> Panel {
    let network = trial.settings.network;
    let all = ways(trial, seen, 0..trial.sums.train);
    let entropy = seen.pathways.load_entropy(network.experts);
    let entropy = entropy.map_or_else(String::new, |h| format!("entropy {h:.3} of an even load"));
    Panel::new(
        "load",
        "Expert load and flow",
        "Share of the training samples at every expert of every layer, and how many go from which to which. All at one \
         expert would look like perfect sharing, and be nothing but a collapsed router.",
        Body::Sankey(all.flow(0..trial.sums.train, |expert| format!("e{expert}"))),
    )
    .noting(entropy)
}

fn distances(trial: &PathwayTrial, pathways: &Pathways) -> Panel {
    let modulus = trial.settings.modulus;
    let [answers, _] = trial.groups();
    let names: Vec<String> = (0..modulus).map(|answer| answer.to_string()).collect();
    let heat = Heat {
        row_axis: "answer".into(),
        column_axis: "answer".into(),
        rows: names.clone(),
        columns: names,
        values: pathways.between(&answers, modulus),
        letters: Vec::new(),
        range: Some((0.0, 1.0)),
        unit: "mean distance of pathways".into(),
    };
    Panel::new(
        "distances",
        "Distance between answers",
        "Mean distance of the pathways of two answers. A dark diagonal: samples of one answer go together.",
        Body::Heat(heat),
    )
}

/// A bar an answer: from memorised to generalised.
fn clock(trial: &PathwayTrial) -> Panel {
    let (memorised, generalised) = (trial.clock(true), trial.clock(false));
    let mut all: Vec<(usize, f64, f64)> = memorised
        .into_iter()
        .zip(generalised)
        .enumerate()
        .map(|(answer, (first, second))| (answer, first, second))
        .collect();
    all.sort_by(|a, b| a.2.total_cmp(&b.2).then(a.1.total_cmp(&b.1)));
    let bar = |(answer, first, second): (usize, f64, f64)| Bar {
        label: format!("answer {answer}"),
        value: if second.is_nan() { 0.0 } else { second - first.min(second) },
        interval: None,
        note: format!("memorised {}, generalised {}", times::told(first), times::told(second)),
    };
    Panel::new(
        "clock",
        "Group clock",
        "One row an answer: how many steps lie between the moment when half of its training pairs were memorised and \
         that when half of its held-out pairs stayed right. Groups that take long are the hard ones.",
        Body::Bars(Bars { axis: Axis::linear("steps of lag"), bars: all.into_iter().map(bar).collect() }),
    )
}
