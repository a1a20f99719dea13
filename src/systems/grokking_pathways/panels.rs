//! What there is to see of one trial.

use super::times;
use super::trial::{Look, PathwayTrial, State};
use crate::contract::{Axis, Bar, Bars, Body, Dash, Heat, Line, Lines, Mark, Panel};
use crate::instruments::pathways::Pathways;

/// Every panel.
pub(super) fn panels(trial: &PathwayTrial, state: &State, pathways: &Pathways) -> Vec<Panel> {
    let mut shown = vec![accuracy(state), gauge(state), matrix(trial, pathways)];
    shown.push(load(trial.settings.network.chosen, trial.settings.network.experts, pathways));
    shown.push(distances(trial, pathways));
    shown.push(clock(trial));
    shown
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

/// A place of a pathway in words.
fn place_name(place: usize, chosen: usize) -> String {
    match chosen {
        1 => format!("layer {}", place + 1),
        k => format!("layer {}, rank {}", place / k + 1, place % k + 1),
    }
}

/// Columns: samples, by number and name; rows: layer and rank; values: experts.
pub(super) fn ways(pathways: &Pathways, samples: &[(usize, String)], chosen: usize, experts: usize) -> Heat {
    let places = samples.first().map_or(0, |(first, _)| pathways.of(*first).len());
    let row = |place: usize| samples.iter().map(move |(sample, _)| f64::from(pathways.of(*sample)[place]));
    Heat {
        row_axis: "layer".into(),
        column_axis: "training sample, by answer".into(),
        rows: (0..places).map(|place| place_name(place, chosen)).collect(),
        columns: samples.iter().map(|(_, name)| name.clone()).collect(),
        values: (0..places).flat_map(row).collect(),
        letters: Vec::new(),
        range: Some((0.0, (experts - 1) as f64)),
        unit: "expert".into(),
    }
}

fn matrix(trial: &PathwayTrial, pathways: &Pathways) -> Panel {
    let train = &trial.sums.pairs[..trial.sums.train];
    let mut order: Vec<usize> = (0..train.len()).collect();
    order.sort_by_key(|i| (train[*i].answer, train[*i].a));
    let samples: Vec<(usize, String)> = order.into_iter().map(|i| (i, train[i].answer.to_string())).collect();
    let network = trial.settings.network;
    let heat = ways(pathways, &samples, network.chosen, network.experts);
    Panel::new(
        "pathways",
        "Pathways",
        "Which expert every training sample goes to, layer by layer. Samples are sorted by answer: bands of one shade \
         mean that samples of an answer share experts; noise means that every sample has a way of its own.",
        Body::Heat(heat),
    )
}

/// The load of every expert at every place of the pathways, of which a layer has `chosen`.
pub(super) fn load(chosen: usize, experts: usize, pathways: &Pathways) -> Panel {
    let places = pathways.load(experts);
    let bar = |(place, load): (usize, &Vec<f64>)| {
        let name = place_name(place, chosen);
        let one = move |(e, share): (usize, &f64)| Bar {
            label: format!("{name}, expert {e}"),
            value: *share,
            interval: None,
            note: String::new(),
        };
        load.iter().enumerate().map(one).collect::<Vec<_>>()
    };
    let bars = places.iter().enumerate().flat_map(bar).collect();
    let entropy =
        pathways.load_entropy(experts).map_or_else(String::new, |h| format!("entropy {h:.3} of an even load"));
    Panel::new(
        "load",
        "Expert load",
        "Share of the training samples at every expert. All at one expert would look like perfect sharing, and be \
         nothing but a collapsed router.",
        Body::Bars(Bars { axis: Axis::linear("share of samples").within(0.0, 1.0), bars }),
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
