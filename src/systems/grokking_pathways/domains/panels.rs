//! What there is to see of one trial on mixed domains.

use super::super::times;
use super::groups::{Matched, own_domain};
use super::trial::{DomainTrial, Look};
use crate::contract::{Axis, Bar, Bars, Body, Dash, Heat, Line, Lines, Panel, Table};
use crate::instruments::pathways::Pathways;
use crate::tasks::modular_domains::Domain;

/// Every panel. `pathways` are those of the followed training questions.
pub(super) fn panels(trial: &DomainTrial, pathways: &Pathways, matched: &[Matched]) -> Vec<Panel> {
    let network = trial.settings.network;
    vec![
        accuracy(&trial.state.looks),
        gauge(&trial.state.looks),
        matrix(trial, pathways),
        load(network.chosen, network.experts, pathways),
        clock(Domain::ALL.map(Domain::name), trial.clock(true), trial.clock(false)),
        matching(matched),
    ]
}

fn line(label: String, dash: Dash, looks: &[Look], value: impl Fn(&Look) -> Option<f64>) -> Line {
    // A logarithmic axis begins behind zero.
    let points = looks.iter().map(|look| (look.step.max(1) as f64, value(look).unwrap_or(f64::NAN)));
    Line { label, dash, points: points.collect() }
}

fn accuracy(looks: &[Look]) -> Panel {
    let of = |i: usize| {
        let name = Domain::ALL[i].name();
        [
            line(format!("{name}, test"), Dash::Solid, looks, move |look| Some(look.test[i])),
            line(format!("{name}, train"), Dash::Dotted, looks, move |look| Some(look.train[i])),
        ]
    };
    let lines = (0..Domain::ALL.len()).flat_map(of).collect();
    let (x, y) = (Axis::log("training step"), Axis::linear("accuracy").within(0.0, 1.0));
    Panel::new(
        "accuracy",
        "Every domain in its own time",
        "Share of the questions of every operation that are answered rightly: held out (solid) and trained on (dotted). \
         Operations of which more is shown should generalise first; where a solid line stays down, what was memorised \
         stays memorised.",
        Body::Lines(Lines { x, y, lines, marks: Vec::new() }),
    )
}

fn gauge(looks: &[Look]) -> Panel {
    let whole = |label: &str, dash, of: fn(&Look) -> Option<f64>| line(label.into(), dash, looks, of);
    let lines = vec![
        whole("distance D", Dash::Solid, |look| look.distance),
        whole("by load alone", Dash::Dotted, |look| Some(look.load_alone)),
        whole("same domain / all", Dash::Solid, |look| look.same_domain),
        whole("same answer / same domain", Dash::Dashed, |look| look.same_answer),
        whole("consistency C", Dash::Dashed, |look| look.consistency),
    ];
    let (x, y) = (Axis::log("training step"), Axis::linear("share, ratio or cosine"));
    Panel::new(
        "gauge",
        "The gauge on training questions",
        "D: how unlike the pathways of training questions are at their last token. Dotted: what expert load alone would \
         give. Below 1: questions of one domain, and within it those of one answer, share experts.",
        Body::Lines(Lines { x, y, lines, marks: Vec::new() }),
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
fn ways(pathways: &Pathways, samples: &[(usize, String)], chosen: usize, experts: usize) -> Heat {
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

/// The load of every expert at every place of the pathways, of which a layer has `chosen`.
fn load(chosen: usize, experts: usize, pathways: &Pathways) -> Panel {
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

fn matrix(trial: &DomainTrial, pathways: &Pathways) -> Panel {
    let question = |place: usize| trial.data.questions[trial.probes[0][place]];
    let mut order: Vec<usize> = (0..pathways.samples()).collect();
    order.sort_by_key(|place| (question(*place).domain, question(*place).answer, question(*place).a));
    let name = |place: usize| format!("{} {}", question(place).domain.name(), question(place).answer);
    let samples: Vec<(usize, String)> = order.into_iter().map(|place| (place, name(place))).collect();
    let network = trial.settings.network;
    Panel::new(
        "pathways",
        "Pathways",
        "Which expert the last token of every followed training question goes to, block by block. Questions are sorted \
         by domain and answer: bands of one shade share experts.",
        Body::Heat(ways(pathways, &samples, network.chosen, network.experts)),
    )
}

/// A bar a domain: from memorised to generalised.
pub(super) fn clock(names: [&str; 4], memorised: [f64; 4], generalised: [f64; 4]) -> Panel {
    let bar = |i: usize| {
        let (first, second) = (memorised[i], generalised[i]);
        let lag = second - first.min(second);
        Bar {
            label: names[i].to_owned(),
            value: if lag.is_finite() { lag } else { 0.0 },
            interval: None,
            note: format!("memorised {}, generalised {}", times::told(first), times::told(second)),
        }
    };
    Panel::new(
        "clock",
        "Group clock",
        "How many steps lie between the moment when half of a domain's training questions were memorised and that when \
         half of its held-out questions stayed right. No bar where one of them never came.",
        Body::Bars(Bars { axis: Axis::linear("steps of lag"), bars: (0..names.len()).map(bar).collect() }),
    )
}

fn matching(matched: &[Matched]) -> Panel {
    let row = |pair: &Matched| {
        vec![
            pair.training.domain.name().to_owned(),
            times::told(pair.training.step),
            pair.test.domain.name().to_owned(),
            times::told(pair.test.step),
            format!("{:.3}", pair.distance),
        ]
    };
    let columns = ["training group", "memorised", "test group", "generalised", "distance"].map(str::to_owned);
    let note = own_domain(matched).map_or_else(String::new, |own| format!("{:.0} % of one domain", 100.0 * own));
    Panel::new(
        "matching",
        "Groups matched",
        "Training questions of a domain grouped by when they were memorised, each group with the test group whose \
         pathways are least far from its own: one to one, and least in all (Hungarian method). By chance a quarter would \
         be of one domain.",
        Body::Table(Table { columns: columns.to_vec(), rows: matched.iter().map(row).collect() }),
    )
    .noting(note)
}
