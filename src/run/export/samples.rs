//! A made-up study with one panel of every kind, for the tests of the exports.

use std::collections::BTreeMap;

use crate::contract::*;

fn curves() -> Panel {
    let wave = |shift: f64| (0..200).map(move |i| (i as f64, 0.5 + 0.4 * (i as f64 / 30.0 + shift).sin()));
    let mut seen: Vec<(f64, f64)> = wave(0.0).collect();
    seen[100].1 = f64::NAN;
    let line = |label: &str, dash, points| Line { label: label.into(), dash, points };
    let lines = vec![
        line("seen tasks", Dash::Solid, seen),
        line("unseen <tasks> & more", Dash::Dashed, wave(1.0).collect()),
        line("chance", Dash::Dotted, vec![(0.0, 0.2), (199.0, 0.2)]),
    ];
    let marks = vec![Mark { x: 60.0, label: "leaves".into() }, Mark { x: 140.0, label: "M".into() }];
    let x = Axis::linear("examples seen");
    let body = Body::Lines(Lines { x, y: Axis::linear("accuracy").within(0.0, 1.0), lines, marks });
    let says = "Accuracy along the sequence. A rising line is a learner; a flat high one remembers; a flat low one \
                has learned nothing at all.";
    Panel::new("curves", "Learning curves in context", says, body).noting("last 8: 0.79 unseen, 0.95 seen")
}

fn race() -> Panel {
    let line = |label: &str, half: f64| Line {
        label: label.into(),
        points: (1..=120).map(|i| (i as f64 * 10.0, 1.6 * (-(i as f64) / half).exp() + 0.001)).collect(),
        ..Line::default()
    };
    let lines = vec![line("B = 8", 60.0), line("B = 32", 30.0), line("B = 128", 12.0)];
    let body = Body::Lines(Lines { x: Axis::log("step"), y: Axis::log("loss, nats"), lines, marks: vec![] });
    Panel::new("race", "Plateau race", "Earlier is better.", body)
}

fn map() -> Panel {
    let values = vec![0.2, 0.21, 0.46, 0.8, f64::NAN, 0.22, 0.5, 0.79];
    let body = Body::Heat(Heat {
        row_axis: "width".into(),
        column_axis: "training tasks".into(),
        rows: vec!["16".into(), "64".into()],
        columns: ["4", "32", "1024", "inf"].map(String::from).to_vec(),
        values,
        letters: ["M", "M", "I", "L", "", "M", "I", "L"].map(String::from).to_vec(),
        range: Some((0.0, 1.0)),
        unit: "accuracy".into(),
    });
    Panel::new("map", "Regime map", "L learns, I identifies, M memorises.", body)
}

fn attention() -> Panel {
    let side = 32;
    let values = (0..side * side).map(|i| {
        let (row, column) = (i / side, i % side);
        if column > row { f64::NAN } else { 1.0 / (1.0 + (row - column) as f64) }
    });
    let names: Vec<String> = (0..side).map(|i| i.to_string()).collect();
    let body = Body::Heat(Heat {
        row_axis: "query".into(),
        column_axis: "key".into(),
        rows: names.clone(),
        columns: names,
        values: values.collect(),
        ..Heat::default()
    });
    Panel::new("attention", "Attention", "", body)
}

fn bars() -> Panel {
    let bar =
        |label: &str, value, interval, note: &str| Bar { label: label.into(), value, interval, note: note.into() };
    let bars = vec![
        bar("wine", 0.27, Some((0.18, 0.33)), ""),
        bar("breast cancer", 0.21, Some((0.1, 0.3)), "censored"),
        bar("iris", -0.05, None, ""),
        bar("later", f64::NAN, None, "running"),
    ];
    Panel::new("gains", "Gain over majority", "", Body::Bars(Bars { axis: Axis::linear("accuracy gained"), bars }))
}

fn plane() -> Panel {
    let point = |i: usize| Point {
        x: 10f64.powf(1.0 + (i % 7) as f64 * 0.6),
        y: 0.2 + 0.08 * (i % 7) as f64 + 0.02 * (i / 7) as f64,
        group: ["Transformer", "LSTM", "DeltaNet"][i / 7 % 3].into(),
        label: if i % 7 == 6 { format!("w = {i}") } else { String::new() },
    };
    let (x, y) = (Axis::log("state, numbers"), Axis::linear("accuracy").within(0.0, 1.0));
    let body = Body::Scatter(Scatter { x, y, points: (0..21).map(point).collect() });
    Panel::new("state", "Accuracy against state", "", body)
}

fn table() -> Panel {
    let row = |cells: [&str; 3]| cells.map(String::from).to_vec();
    let rows = vec![row(["wine", "0.90", "learns | well"]), row(["iris", "0.77", "learns"])];
    let body = Body::Table(Table { columns: ["set", "accuracy", "regime"].map(String::from).to_vec(), rows });
    Panel::new("sets", "Sets never trained on", "", body)
}

fn digits() -> Panel {
    let image = |label: &str, shift: usize| Image {
        label: label.into(),
        width: 8,
        height: 8,
        pixels: (0..64).map(|i| ((i + shift) % 9) as f32 / 8.0).collect(),
    };
    let images = Images { images: vec![image("3", 0), image("the nearest seen digit", 4)] };
    Panel::new("digits", "What the model sees", "", Body::Images(images))
}

fn strip() -> Panel {
    let words = ["The", " cat", "\n", " sat", " on", " the", " <mat>"];
    let token = |(i, word): (usize, &&str)| Token {
        text: (*word).into(),
        weight: i as f64 / 6.0,
        note: if i == 3 { "wrong".into() } else { String::new() },
    };
    let tokens = words.iter().enumerate().map(token).collect();
    Panel::new("strip", "Probability of each token", "", Body::Tokens(Tokens { tokens }))
}

fn pathways() -> Pathways {
    Pathways { experts: 3, layers: 2, chosen: 1, visits: vec![0, 1, 0, 2, 1, 2], weights: vec![0.5; 6] }
}

fn memory() -> Panel {
    let token = |text: &str, note: &str, weight| Token { text: text.into(), weight, note: note.into() };
    let memory = Matrix {
        label: "M".into(),
        row_axis: "value".into(),
        column_axis: "key".into(),
        rows: 2,
        columns: 3,
        frames: vec![vec![0.0; 6], vec![1.0, -0.5, 0.0, f32::NAN, 0.25, -1.0]],
        ..Matrix::default()
    };
    let attention = Matrix {
        label: "attention".into(),
        rows: 2,
        columns: 2,
        frames: vec![vec![1.0, f32::NAN, 0.5, 0.5]],
        by_token: true,
        ..Matrix::default()
    };
    let body = Body::Sequence(Sequence {
        tokens: vec![token("a", "", 0.9), token("<b>", "fault", f64::NAN)],
        tracks: vec![Track { label: "error".into(), values: vec![f64::NAN, 0.75], ..Track::default() }],
        matrices: vec![memory, attention],
        pathways: Some(pathways()),
    });
    Panel::new("memory", "Inside one sequence", "Token by token.", body)
}

fn flow() -> Panel {
    let mut flow = pathways().flow(0..3, |expert| expert.to_string());
    flow.join(0, 0, 1, 1.0);
    Panel::new("flow", "From layer to layer", "", Body::Sankey(flow))
}

fn trace() -> Panel {
    let node = |state, x: f64| NodeState { state, value: "<1>".into(), place: Some((x, x * x)) };
    let frame = |shift: f64| Frame {
        note: "one <moves>".into(),
        marked: shift > 0.0,
        nodes: vec![node(0, shift), node(1, 1.0), node(0, 2.0)],
        edges: vec![
            Edge { from: 0, to: 1, weight: 0.5, kind: EdgeKind::Plain },
            Edge { from: 1, to: 2, weight: 1.0, kind: EdgeKind::Chosen },
            Edge { from: 2, to: 0, weight: 1.0, kind: EdgeKind::Wrong },
            Edge { from: 2, to: 2, weight: f64::NAN, kind: EdgeKind::Reference },
        ],
    };
    let graph = |layout| Graph {
        label: "G".into(),
        directed: true,
        layout,
        nodes: ["a", "<b>", "c"].map(str::to_owned).to_vec(),
        frames: vec![frame(0.0), frame(0.5)],
    };
    let body = Body::Graphs(Graphs {
        states: vec!["open".into(), "shut".into()],
        steps: vec!["before".into(), "after".into()],
        graphs: [Layout::Circle, Layout::Placed, Layout::Tree].map(graph).to_vec(),
    });
    Panel::new("trace", "Three graphs", "Step by step.", body)
}

/// One panel of every kind, all with data; the first has lines.
pub(crate) fn panels() -> Vec<Panel> {
    let pair = Panel::new("pair", "A digit and its curve", "", Body::Beside { panels: vec![digits(), race()] });
    vec![
        curves(),
        race(),
        map(),
        attention(),
        bars(),
        plane(),
        table(),
        digits(),
        strip(),
        pair,
        memory(),
        flow(),
        trace(),
    ]
}

/// One panel of every kind, none with data.
pub(crate) fn empty_panels() -> Vec<Panel> {
    let bodies = [
        Body::Lines(Lines::default()),
        Body::Heat(Heat::default()),
        Body::Heat(Heat { rows: vec!["a".into()], columns: vec!["b".into()], ..Heat::default() }),
        Body::Bars(Bars::default()),
        Body::Scatter(Scatter::default()),
        Body::Table(Table::default()),
        Body::Images(Images { images: vec![Image::default()] }),
        Body::Tokens(Tokens::default()),
        Body::Sequence(Sequence::default()),
        Body::Sankey(Sankey::default()),
        Body::Graphs(Graphs::default()),
        Body::Graphs(Graphs { graphs: vec![Graph::default()], ..Graphs::default() }),
        Body::Beside { panels: vec![] },
    ];
    bodies.into_iter().map(|body| Panel::new("empty", "", "", body)).collect()
}

/// The card of the made-up system.
pub(crate) const CARD: Card = Card {
    slug: "sample",
    number: 1,
    title: "A sample",
    family: Family::Memory,
    sentence: "Enough tasks make a learner.",
    paper: Paper { title: "On samples", authors: "A. Author and others", year: 2024 },
    claims: &["Three algorithms, one architecture."],
    thresholds: &["R1: gain >= 0.30, interval above 0.20"],
    kept: "The task.",
    shrunk: "The images.",
    substituted: "Nothing.",
    metrics: &[MetricCard { name: "unseen.last", unit: "accuracy", says: "On unseen tasks." }],
};

fn trial(condition: &str, seed: u64, value: f64) -> TrialState {
    let name = format!("{}.s{seed}", condition.replace([' ', '='], ""));
    let axes = BTreeMap::from([("tasks".to_owned(), condition.to_owned())]);
    let mut trial =
        TrialState::new(TrialSpec { name, condition: condition.into(), seed, axes, steps: 20, examples: 0, flop: 0.0 });
    trial.apply(&Event::Opened { steps: 20 });
    for step in [10, 20] {
        trial.apply(&Event::Metric { step, name: "unseen.last".into(), value: value * step as f64 / 20.0 });
    }
    trial.apply(&Event::Vector { step: 20, name: "by position".into(), values: vec![0.2, value] });
    trial.apply(&Event::Note { step: 20, level: Level::Info, text: "plateau left".into() });
    trial.apply(&Event::Closed { closing: Closing::Done });
    trial.panels = vec![curves(), digits()];
    trial
}

/// A judged study of two conditions and two seeds.
pub(crate) fn study() -> StudyState {
    let check = |id: &str, effect: Option<f64>, passed| Check {
        seeds: effect.map_or_else(Vec::new, |effect| vec![effect - 0.05, effect + 0.05]),
        id: id.into(),
        says: "The gain is large.".into(),
        statistic: "u(inf) - u(4)".into(),
        effect,
        interval: Some((0.44, 0.6)),
        threshold: ">= 0.30, interval above 0.20".into(),
        passed,
    };
    let trials =
        vec![trial("K = inf", 0, 0.79), trial("K = inf", 1, 0.75), trial("K = 4", 0, 0.2), trial("K = 4", 1, 0.21)];
    let seeds = trials.iter().map(|trial| SeedRow {
        condition: trial.result.spec.condition.clone(),
        seed: trial.result.spec.seed,
        values: BTreeMap::from([("unseen.last".to_owned(), trial.result.last("unseen.last").unwrap())]),
    });
    let verdict = Verdict {
        outcome: Outcome::Partly,
        statistic: "u(inf) - u(4)".into(),
        effect: Some(0.52),
        interval: Some((0.44, 0.6)),
        threshold: ">= 0.30".into(),
        checks: vec![check("R1", Some(0.52), true), check("R2", None, false)],
        controls: vec![check("R4", Some(0.01), true)],
        seeds: seeds.collect(),
        sentence: "More tasks made a learner, but not a general one.".into(),
    };
    StudyState {
        run: "sample-quick-ab12".into(),
        preset: "quick".into(),
        header: Header {
            system: "sample".into(),
            about: "A minute.".into(),
            seed: 7,
            seeds: 2,
            watch: Watch::default(),
        },
        status: Status::Done,
        trials,
        panels: panels(),
        verdict: Some(verdict),
        eta: None,
        journal: vec![(1.0, Level::Info, "judged".into())],
        annotations: Annotations::default(),
    }
}
