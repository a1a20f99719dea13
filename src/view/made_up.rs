//! A made-up system, run and bench for tests: shaped like in-context learning on few and many tasks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bench, Feed, RunRow, Wish};
use crate::base::random::Key;
use crate::contract::*;
use crate::run::{Changes, load};

/// What a preset sets.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Knobs {
    /// d: width of the residual stream; every head has its share of it.
    width: u32,
    /// H: attention heads.
    heads: u32,
    /// K: numbers of training tasks that are compared, each a condition of its own; the last says `inf` where every
    /// sequence has a task that was never seen before.
    tasks: Vec<String>,
    /// The rate that Adam's steps warm up to.
    learning_rate: f64,
    /// What learns.
    model: Model,
}

/// A model with what it is made from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Model {
    /// Attention over all that came before.
    Transformer,
    /// A decision tree; nobody knows a good depth.
    Tree {
        /// Questions in a row.
        depth: u32,
    },
    /// Convolutions along the sequence, each over its neighbours alone.
    Cnn {
        /// Filters of every convolution.
        filters: u32,
        /// Whether neighbours are averaged behind it.
        #[serde(default)]
        pool: bool,
    },
}

pub(crate) struct MadeUp;

impl System for MadeUp {
    const CARD: Card = Card {
        slug: "gpicl",
        number: 1,
        title: "General-purpose in-context learning",
        family: Family::Memory,
        sentence: "A plain transformer trained on enough random tasks stops recalling them and starts to learn new \
                   ones from the examples in its context.",
        paper: Paper {
            title: "General-Purpose In-Context Learning by Meta-Learning Transformers",
            authors: "Louis Kirsch et al.",
            year: 2024,
        },
        claims: &[
            "Three algorithms, one architecture: memorising, identifying the task, learning to learn.",
            "What is learned works on data sets that were never seen.",
            "Accuracy follows the size of the state in reach, not the number of parameters.",
        ],
        thresholds: &["R1 transition: u(inf) - u(4) >= 0.30", "R4 control: permuted labels <= chance + 0.05"],
        kept: "Task generator, architecture, loss, purely in-context test.",
        shrunk: "8x8 digits, 5 classes, sequences of 32, width 64.",
        substituted: "Paired tokens for speed; they remove only the previous-token circuit.",
        metrics: &[
            MetricCard { name: "unseen.last", unit: "accuracy", says: "Accuracy on unseen tasks, last 8 positions." },
            MetricCard { name: "loss", unit: "nats", says: "Cross-entropy over all positions." },
        ],
    };
    const PRESETS: &'static [ShippedPreset] = &[
        ShippedPreset {
            name: "quick",
            text: r#"(system: "gpicl", about: "The switch from recalling tasks to learning them, in a minute.", seed: 7,
                seeds: 3, settings: (width: 64, heads: 2, tasks: ["4", "32", "inf"], learning_rate: 0.003,
                model: cnn(filters: 16)))"#,
        },
        ShippedPreset {
            name: "full",
            text: r#"(system: "gpicl", about: "The whole map of tasks against width, the state study, the plateaus.",
                seed: 7, seeds: 2, settings: (width: 128, heads: 4, tasks: ["4", "64", "1024", "inf"],
                learning_rate: 0.003, model: transformer))"#,
        },
    ];
    const SEQUENCES: bool = true;
    const KNOBS: &'static [Knob] =
        &[Knob { name: "learning_rate", about: "the rate that Adam's steps warm up to", range: (0.0, 1.0) }];
    type Settings = Knobs;
    type Condition = ();

    fn check(settings: &Knobs, checks: &mut Checks) {
        let fits = settings.heads > 0 && settings.width.is_multiple_of(settings.heads);
        checks.holds("width", fits, settings.width, format!("a multiple of heads ({})", settings.heads));
        checks.positive("learning_rate", settings.learning_rate, 1.0);
    }

    fn cells(settings: &Knobs, seeds: u64) -> Vec<Cell<()>> {
        let flop = 69e9 * (f64::from(settings.width) / 64.0).powi(6);
        let cell = |tasks: &String| {
            let cell = Cell::new(format!("K = {tasks}"), (), seeds, 150).at("tasks", tasks);
            cell.costing(flop).taking(12_000_000, 480_000)
        };
        settings.tasks.iter().rev().map(cell).collect()
    }

    fn start(_: &Knobs, _: Cell<()>, _: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        Err(TrialError::Data("a made-up system cannot be started".into()))
    }

    fn panels(_: &Knobs, _: &Evidence<'_, ()>) -> Vec<Panel> {
        Vec::new()
    }

    fn judge(_: &Knobs, _: &Evidence<'_, ()>, _: Key) -> Verdict {
        verdict()
    }
}

pub(crate) const TABLE: &[Entry] = &[Entry::of::<MadeUp>()];

/// A smooth rise from chance to `top`, with the wobble of a live run.
fn curve(x: f64, middle: f64, top: f64, phase: f64) -> f64 {
    let wobble = 0.018 * ((x * 0.37 + phase).sin() + (x * 0.11 + 2.0 * phase).cos());
    0.2 + (top - 0.2) / (1.0 + (-(x - middle) / (0.18 * middle)).exp()) + wobble
}

fn check(id: &str, says: &str, effect: f64, threshold: &str, passed: bool) -> Check {
    Check {
        id: id.into(),
        says: says.into(),
        statistic: format!("difference of {id}"),
        effect: Some(effect),
        interval: Some((effect - 0.07, effect + 0.06)),
        threshold: threshold.into(),
        passed,
        seeds: vec![effect - 0.03, effect + 0.01, effect + 0.02],
    }
}

pub(crate) fn verdict() -> Verdict {
    let seeds = (0..3).flat_map(|seed| {
        [("K = inf", 0.79), ("K = 32", 0.46), ("K = 4", 0.2)].map(|(condition, u)| SeedRow {
            condition: condition.into(),
            seed,
            values: BTreeMap::from([("u".into(), u + 0.01 * seed as f64), ("m".into(), 0.94 - u / 9.0)]),
        })
    });
    Verdict {
        outcome: Outcome::Reproduced,
        statistic: "u(inf) - u(4)".into(),
        effect: Some(0.588),
        interval: Some((0.541, 0.629)),
        threshold: ">= 0.30, interval above 0.20".into(),
        checks: vec![
            check("R1", "With endless tasks it learns unseen ones; with four it only recalls.", 0.588, ">= 0.30", true),
            check("R2", "It beats the majority on wine, iris and breast cancer.", 0.214, ">= 0.10 on each", true),
            check("R3", "A window of two examples costs it the skill.", 0.482, ">= 0.20", true),
        ],
        controls: vec![check("R4", "Permuted labels in the context: at chance.", 0.013, "<= 0.05 above chance", true)],
        seeds: seeds.collect(),
        sentence: "Trained on endless tasks the model learns new ones in context (0.79 against 0.20 with four tasks), \
                   and every control stays at chance."
            .into(),
    }
}

fn line(label: &str, dash: Dash, at: impl Fn(f64) -> f64) -> Line {
    Line { label: label.into(), dash, points: (1..=32).map(|x| (f64::from(x), at(f64::from(x)))).collect() }
}

/// The panels of the study.
pub(crate) fn study_panels() -> Vec<Panel> {
    let context = Lines {
        x: Axis::linear("examples seen").within(1.0, 32.0),
        y: Axis::linear("accuracy").within(0.0, 1.0),
        lines: vec![
            line("unseen tasks", Dash::Solid, |x| curve(x, 7.0, 0.79, 0.3)),
            line("seen tasks", Dash::Solid, |x| curve(x, 6.0, 0.81, 1.3)),
            line("wine", Dash::Dashed, |x| curve(x, 4.0, 0.9, 2.3)),
            line("1-NN", Dash::Dotted, |x| curve(x, 6.5, 0.82, 0.0)),
            line("majority", Dash::Dotted, |x| 0.2 + 0.003 * x),
        ],
        marks: vec![Mark { x: 8.0, label: "leaves chance".into() }],
    };
    let values = vec![0.2, 0.2, 0.21, 0.22, 0.2, 0.24, 0.46, 0.61, 0.21, 0.33, 0.74, f64::NAN];
    let letters = ["F", "F", "F", "F", "M", "I", "I", "L", "M", "I", "L", ""].map(str::to_owned);
    let map = Heat {
        row_axis: "width".into(),
        column_axis: "tasks K".into(),
        rows: ["16", "32", "64"].map(str::to_owned).into(),
        columns: ["4", "32", "1024", "inf"].map(str::to_owned).into(),
        values,
        letters: letters.into(),
        range: Some((0.2, 0.8)),
        unit: "accuracy on unseen tasks".into(),
    };
    let bar = |label: &str, value: f64, note: &str| Bar {
        label: label.into(),
        value,
        interval: Some((value * 0.85, value * 1.2)),
        note: note.into(),
    };
    let plateaus = Bars {
        axis: Axis::linear("steps on the plateau"),
        bars: vec![bar("batch 8", 412.0, ""), bar("batch 32", 205.0, ""), bar("bias 0.9", 62.0, "censored")],
    };
    let point = |x: f64, y: f64, group: &str| Point { x, y, group: group.into(), label: format!("{group} {x}") };
    let state = Scatter {
        x: Axis::log("state in reach"),
        y: Axis::linear("accuracy").within(0.0, 1.0),
        points: vec![
            point(512.0, 0.3, "window"),
            point(1536.0, 0.54, "window"),
            point(8192.0, 0.79, "window"),
            point(128.0, 0.27, "LSTM"),
            point(512.0, 0.29, "LSTM"),
            point(1024.0, 0.41, "DeltaNet"),
        ],
    };
    vec![
        Panel::new(
            "in-context",
            "Learning curves in context",
            "Accuracy by number of examples seen. Flat and high: recall. Rising everywhere: it learns.",
            Body::Lines(context),
        )
        .noting("gain on unseen tasks 0.59"),
        Panel::new("regimes", "Regime map", "Which algorithm each model became.", Body::Heat(map)),
        Panel::new("plateaus", "Plateau length", "Steps before the loss leaves chance.", Body::Bars(plateaus)),
        Panel::new("state", "State against accuracy", "Accuracy follows the state.", Body::Scatter(state))
            .noting("rank correlation 0.94"),
    ]
}

/// The panels of a trial.
pub(crate) fn trial_panels() -> Vec<Panel> {
    let side = 32;
    let weight = |row: usize, column: usize| {
        if column > row { f64::NAN } else { f64::from(u8::from((row * 7 + column * 5).is_multiple_of(5))) * 0.8 + 0.05 }
    };
    let attention = Heat {
        row_axis: "query".into(),
        column_axis: "key".into(),
        rows: (1..=side).map(|i| i.to_string()).collect(),
        columns: (1..=side).map(|i| i.to_string()).collect(),
        values: (0..side * side).map(|i| weight(i / side, i % side)).collect(),
        letters: Vec::new(),
        range: Some((0.0, 1.0)),
        unit: "attention".into(),
    };
    let pixel = |i: usize| {
        let (x, y) = ((i % 8) as f32 - 3.5, (i / 8) as f32 - 3.5);
        (1.2 - ((x * x + y * y).sqrt() - 2.6).abs()).clamp(0.0, 1.0)
    };
    let digit = Image { label: "digit 0".into(), width: 8, height: 8, pixels: (0..64).map(pixel).collect() };
    let images = Panel::new("digit", "What it sees", "The query.", Body::Images(Images { images: vec![digit] }));
    let tokens = ["3", "1", "3", "0", "4", "1"].iter().enumerate().map(|(i, text)| Token {
        text: (*text).into(),
        weight: 0.15 * (i as f64 + 1.0),
        note: if i == 4 { "wrong".into() } else { String::new() },
    });
    let strip = Tokens { tokens: tokens.collect() };
    let rows = [("unseen first", "0.204"), ("unseen last", "0.791"), ("seen last", "0.812")];
    let table = Table {
        columns: vec!["accuracy".into(), "value".into()],
        rows: rows.iter().map(|(a, b)| vec![(*a).into(), (*b).into()]).collect(),
    };
    vec![
        Panel::new("attention", "Inside one sequence", "Attention of the last layer.", Body::Heat(attention)),
        Panel::new(
            "beside",
            "Query and guesses",
            "The query and what the model says.",
            Body::Beside {
                panels: vec![
                    images,
                    Panel::new("guesses", "Guesses", "Probability of the right label.", Body::Tokens(strip)),
                ],
            },
        ),
        Panel::new("accuracies", "Accuracies", "By position.", Body::Table(table)),
    ]
    .into_iter()
    .chain(sequence_panels().into_iter().take(1))
    .collect()
}

/// A search through a small graph as it should go and as a network does it, and the tree of a sentence.
pub(crate) fn graphs_panel() -> Panel {
    const PARENTS: [usize; 5] = [0, 0, 1, 1, 0];
    const EDGES: [(usize, usize); 7] = [(0, 1), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3), (3, 4)];
    let reached_at = [0, 1, 2, 2, 1];
    let frame = |step: usize, learned: bool| {
        let wrong = |node: usize| learned && step >= 2 && node == 3;
        let node = |node: usize| NodeState {
            state: usize::from(reached_at[node] <= step),
            value: if wrong(node) { "4".into() } else { PARENTS[node].to_string() },
            place: None,
        };
        let plain = EDGES.map(|(from, to)| Edge { from, to, weight: 0.4, kind: EdgeKind::Plain });
        let pointer = |to: usize| {
            let (from, kind) = if wrong(to) { (4, EdgeKind::Wrong) } else { (PARENTS[to], EdgeKind::Chosen) };
            Edge { from, to, weight: 1.0, kind }
        };
        let chosen = (1..5).filter(|node| reached_at[*node] <= step).map(pointer);
        let note = if learned && step >= 2 { "1 of 5 wrong".into() } else { String::new() };
        let (nodes, edges) = ((0..5).map(node).collect(), plain.into_iter().chain(chosen).collect());
        Frame { note, marked: learned && step == 2, nodes, edges }
    };
    let graph = |label: &str, learned| Graph {
        label: label.into(),
        directed: true,
        layout: Layout::Circle,
        nodes: (0..5).map(|node| node.to_string()).collect(),
        frames: (0..4).map(|step| frame(step, learned)).collect(),
    };
    let heads = [(0, 1), (2, 0), (2, 4), (4, 3)];
    let words = ["jump", "left", "after", "walk", "twice"];
    let values = ["JUMP", "LT JUMP", "WALK WALK LT JUMP", "WALK", "WALK WALK"];
    let tree = Graph {
        label: "tree".into(),
        directed: true,
        layout: Layout::Tree,
        nodes: words.map(str::to_owned).to_vec(),
        frames: vec![Frame {
            nodes: values.map(|value| NodeState { state: 1, value: value.into(), place: None }).to_vec(),
            edges: heads.map(|(from, to)| Edge { from, to, weight: 0.8, kind: EdgeKind::Plain }).to_vec(),
            ..Frame::default()
        }],
    };
    let body = Graphs {
        states: vec!["open".into(), "reached".into()],
        steps: ["start", "from 0", "from 1 and 4", "the end"].map(str::to_owned).to_vec(),
        graphs: vec![graph("compiled", false), graph("trained", true), tree],
    };
    Panel::new("twins", "The same search twice", "Pointers as they should be and as they are.", Body::Graphs(body))
}

/// A memory that is written, read and broken, and what flows between its experts.
pub(crate) fn sequence_panels() -> Vec<Panel> {
    const TOKENS: usize = 40;
    let pairs = ["k3", "v7", "k1", "v2", "k8", "v5"];
    let note = |at: usize| match at {
        14 | 27 => "fault",
        at if at % 9 == 8 => "query",
        _ => "",
    };
    let token = |at: usize| Token {
        text: pairs[at * 5 % 6].into(),
        weight: if at % 9 == 8 { 0.9 - 0.015 * at as f64 } else { f64::NAN },
        note: note(at).into(),
    };
    let error = |at: usize| 0.08 + 0.9 * (-((at as f64 - 14.0).max(0.0)) / 6.0).exp() * f64::from(u8::from(at >= 14));
    let gate = |at: usize| 0.5 + 0.4 * (at as f64 * 0.7).sin();
    let asked = |at: usize| if note(at) == "query" { 0.9 - 0.015 * at as f64 } else { f64::NAN };
    let track = |label: &str, unit: &str, value: &dyn Fn(usize) -> f64| Track {
        label: label.into(),
        unit: unit.into(),
        scale: crate::contract::Scale::Linear,
        values: (0..TOKENS).map(value).collect(),
    };
    let cell = |at: usize, i: usize| {
        let (row, column) = ((i / 16) as f32, (i % 16) as f32);
        (0.4 * row + 0.7 * column + at as f32 * 0.2).sin() * (at as f32 / TOKENS as f32)
    };
    let memory = |label: &str, head: usize| Matrix {
        label: label.into(),
        row_axis: "value".into(),
        column_axis: "key".into(),
        rows: 16,
        columns: 16,
        frames: (0..TOKENS).map(|at| (0..256).map(|i| cell(at + 3 * head, i + head)).collect()).collect(),
        ..Matrix::default()
    };
    let looks = |i: usize| {
        let (row, column) = (i / TOKENS, i % TOKENS);
        if column > row { f32::NAN } else { 1.0 / (1.0 + ((row - column) % 9) as f32) }
    };
    let attention = Matrix {
        label: "attention".into(),
        row_axis: "query".into(),
        column_axis: "key".into(),
        rows: TOKENS,
        columns: TOKENS,
        frames: vec![(0..TOKENS * TOKENS).map(looks).collect()],
        range: Some((0.0, 1.0)),
        by_token: true,
    };
    let visits: Vec<usize> = (0..TOKENS * 3).map(|i| (i / 3 * 7 + i % 3 * (1 + i / 9)) % 4).collect();
    let pathways = Pathways { experts: 4, layers: 3, chosen: 1, weights: vec![0.62; visits.len()], visits };
    let flow = pathways.flow(0..TOKENS, |expert| format!("expert {expert}"));
    let sequence = Sequence {
        tokens: (0..TOKENS).map(token).collect(),
        tracks: vec![track("error", "", &error), track("write gate", "", &gate), track("asked", "probability", &asked)],
        matrices: vec![memory("memory, head 1", 0), memory("memory, head 2", 1), attention],
        pathways: Some(pathways),
    };
    let says = "Pairs are written, two faults break the memory, and it is asked.";
    vec![
        Panel::new("sequence", "A memory under fire", says, Body::Sequence(sequence)).noting("6 of 40 noted"),
        graphs_panel(),
        Panel::new("flow", "From layer to layer", "How many tokens go where.", Body::Sankey(flow)),
    ]
}

fn trial(spec: TrialSpec, at: usize, done: u64) -> TrialState {
    let steps = 150;
    let mut trial = TrialState::new(spec);
    trial.progress = Progress { step: done, steps };
    trial.status = match done {
        0 => Status::Waiting,
        150 => Status::Done,
        _ => Status::Running,
    };
    trial.rate = (trial.status == Status::Running).then_some(11.8);
    let top = if trial.result.spec.condition.ends_with("inf") { 0.79 } else { 0.24 + 0.07 * (at % 3) as f64 };
    for step in (5..=done).step_by(5) {
        let value = curve(step as f64, 60.0, top, at as f64);
        trial.apply(&Event::Metric { step, name: "unseen.last".into(), value });
        trial.apply(&Event::Metric { step, name: "loss".into(), value: 1.7 * (1.02 - value) });
    }
    trial.times = (12..=done).step_by(12).map(|step| (step, step as f64 / 11.8)).collect();
    trial.progress.step = done;
    if at == 0 {
        trial.panels = trial_panels();
        trial.apply(&Event::Note { step: 60, level: Level::Info, text: "left the plateau at step 60".into() });
    }
    trial
}

/// A run part of the way, or judged.
pub(crate) fn state(finished: bool) -> StudyState {
    let study = (TABLE[0].open)(MadeUp::PRESETS[0].text).unwrap();
    let done = |at: usize| if finished { 150 } else { [150, 150, 150, 97, 64][at.min(4)] * u64::from(at < 5) };
    let trials = study.trials().into_iter().enumerate().map(|(at, spec)| trial(spec, at, done(at))).collect();
    StudyState {
        run: "gpicl-quick-1".into(),
        preset: "quick".into(),
        header: study.header(),
        status: if finished { Status::Done } else { Status::Running },
        trials,
        panels: study_panels(),
        verdict: finished.then(verdict),
        eta: (!finished).then_some(18.0),
        journal: vec![
            (1000.0, Level::Info, "began with 2 threads".into()),
            (1009.0, Level::Info, "K-inf.s0 done".into()),
            (1015.5, Level::Warning, "the disk has 400 MB left".into()),
        ],
        annotations: Annotations::default(),
    }
}

/// A run that stays as it is.
pub(crate) struct Still(pub(crate) StudyState);

impl Feed for Still {
    fn folder(&self) -> &Path {
        Path::new("runs/gpicl-quick-1")
    }
    fn refresh(&mut self) -> Result<bool, String> {
        Ok(false)
    }
    fn state(&self) -> &StudyState {
        &self.0
    }
}

/// The clock of the made-up bench.
const NOW: f64 = 1e9;

/// A bench that only remembers what was asked of it.
#[derive(Clone, Default)]
pub(crate) struct FakeBench {
    pub(crate) asked: Rc<RefCell<Vec<String>>>,
    pub(crate) finished: bool,
}

pub(crate) fn bench() -> FakeBench {
    FakeBench::default()
}

impl Bench for FakeBench {
    fn runs(&mut self) -> Vec<RunRow> {
        let row = |name: &str, preset: &str, status, step, age: f64| RunRow {
            folder: PathBuf::from("runs").join(name),
            name: name.into(),
            system: "gpicl".into(),
            preset: preset.into(),
            status,
            progress: Progress { step, steps: 1350 },
            outcome: None,
            sentence: None,
            seed: 7,
            trials: 9,
            created: NOW - age,
            tags: Vec::new(),
        };
        let judged = verdict();
        let done = RunRow {
            outcome: Some(judged.outcome),
            sentence: Some(judged.sentence),
            tags: vec!["paper-fig-2".into()],
            ..row("gpicl-quick", "quick", Status::Done, 1350, 7200.0)
        };
        vec![
            row("gpicl-quick-1", "quick", Status::Running, 611, 130.0),
            done,
            row("gpicl-ablated", "ablated", Status::Stopped, 300, 3.5 * 86_400.0),
        ]
    }

    fn load(&self, preset: &str, set: &[String]) -> Result<Box<dyn Study>, String> {
        let changes = Changes { set: set.to_vec(), ..Changes::default() };
        load(TABLE, preset, &changes).map(|preset| preset.study).map_err(|error| error.to_string())
    }

    fn start(&mut self, preset: &str, set: &[String]) -> Result<Box<dyn Feed>, String> {
        self.asked.borrow_mut().push(format!("start {preset} {}", set.join(" ")).trim_end().into());
        Ok(Box::new(Still(state(self.finished))))
    }

    fn open(&mut self, folder: &Path) -> Result<Box<dyn Feed>, String> {
        self.asked.borrow_mut().push(format!("open {}", folder.display()));
        Ok(Box::new(Still(state(self.finished))))
    }

    fn preset(&self, folder: &Path) -> Result<serde_json::Value, String> {
        let ablated =
            ["settings.width=32", "settings.learning_rate=3e-4", "settings.tasks=[\"4\", \"inf\"]"].map(String::from);
        let set = if folder.ends_with("gpicl-ablated") { &ablated[..] } else { &[] };
        self.load("gpicl/quick", set).map(|study| study.to_json())
    }

    fn ask(&mut self, _: &Path, wish: Wish) -> Result<(), String> {
        self.asked.borrow_mut().push(format!("{wish:?}"));
        Ok(())
    }

    fn turn(&mut self, _: &Path, turn: &Turn) -> Result<(), String> {
        self.asked.borrow_mut().push(format!("turn {} {}", turn.knob, turn.value));
        Ok(())
    }

    fn checkpoints(&self, _: &Path, _: &str) -> Result<Vec<u64>, String> {
        Ok(vec![120, 60, 0])
    }

    fn go_back(&mut self, _: &Path, trial: &str, step: u64) -> Result<u64, String> {
        self.asked.borrow_mut().push(format!("back {trial} {step}"));
        Ok(step)
    }

    fn annotate(&mut self, _: &Path, annotation: Annotation) -> Result<(), String> {
        self.asked.borrow_mut().push(format!("{annotation:?}"));
        Ok(())
    }

    fn report(&mut self, _: &Path, _: &str) {}

    fn diagnose(&mut self, _: &Path, trial: &str) -> Result<(), String> {
        self.asked.borrow_mut().push(format!("diagnose {trial}"));
        Ok(())
    }
    fn snapshot(&mut self, folder: &Path) -> Result<PathBuf, String> {
        self.asked.borrow_mut().push("snapshot".into());
        Ok(folder.join("snapshot"))
    }

    fn thumbnail(&self, folder: &Path) -> Option<Panel> {
        folder.ends_with("gpicl-quick").then(|| thumbnail(&study_panels())).flatten()
    }

    fn free_space(&self) -> Option<u64> {
        Some(41_200_000_000)
    }

    fn now(&self) -> f64 {
        NOW
    }
}
