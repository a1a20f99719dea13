//! What a preset sets: the memory alone, and grids of trained memories.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Cell, Checks};
use crate::nn::layers::{MemoryKind, MemorySettings, Update};
use crate::nn::zoo::memory_net::MemoryNetShape;
use crate::tasks::pixel_strings::PixelStrings;
use crate::tasks::recall::Recall;

use super::alone;

/// Taps of the convolutions behind queries, keys and values.
const TAPS: usize = 4;

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether Huber's loss has its threshold. Without it (delta = inf) Huber is L2 and Yaad the gated delta rule: the
    /// ablation.
    pub robust: bool,
    /// The memory alone, without outer training.
    pub alone: Alone,
    /// Vocabulary and trained model.
    pub network: Network,
    /// How models are trained and examined.
    pub training: Training,
    /// What the faulty task does to values.
    pub faults: Faults,
    /// Which models are trained on what.
    pub recall: Vec<Grid>,
}

/// The memory alone: streams of noisy pairs of a linear map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alone {
    /// n: pairs of a stream.
    pub pairs: usize,
    /// d: width of keys and values.
    pub width: usize,
    /// Clean keys on which a memory is scored.
    pub clean_keys: usize,
    /// Streams on which every rule is given its own step.
    pub tuning_streams: usize,
    /// Fresh streams on which it is scored.
    pub streams: usize,
}

/// Vocabulary and model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Keys of the vocabulary.
    pub keys: usize,
    /// Values of the vocabulary.
    pub values: usize,
    /// d: width of the residual stream.
    pub width: usize,
    /// Heads of a memory.
    pub heads: usize,
    /// Rank of the maps from a token to its gates.
    pub rank: usize,
    /// Hidden units of the gated feed-forward half.
    pub hidden: usize,
}

/// How models are trained and examined.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// B: sequences in a batch.
    pub batch: usize,
    /// Learning rate of Adam, without warm-up.
    pub learning_rate: f32,
    /// Largest global norm of the gradient.
    pub clip: f32,
    /// Keys asked at the end of a sequence.
    pub queries: usize,
    /// Steps from one examination to the next.
    pub every: u64,
    /// Sequences of an examination: whole batches.
    pub sequences: usize,
}

/// What the faulty task does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// How often each pair is shown.
    pub showings: usize,
    /// Probability that a shown value reaches the memory as noise.
    pub probability: f64,
    /// Standard deviation of that noise; values have one of 1.
    pub size: f32,
}

/// A model, by the name of its paper.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Softmax attention.
    Attention,
    /// Linear attention: a sum.
    LinearAttention,
    /// The same with a gate on the past.
    GatedLinearAttention,
    /// DeltaNet.
    DeltaNet,
    /// Gated DeltaNet.
    GatedDeltaNet,
    /// Titans' memory: with momentum.
    Titans,
    /// Moneta: p-th power of the error, Lq norm of the state.
    Moneta {
        /// Exponent of the loss.
        p: f32,
        /// Exponent of the norm.
        q: f32,
    },
    /// Yaad: Huber's loss by the norm of the error.
    Yaad,
    /// Yaad as published: the tail has the signs of the error.
    YaadSign,
    /// Memora: KL retention.
    Memora,
    /// The delta rule with a soft threshold.
    ElasticNet {
        /// How far a token draws to zero.
        threshold: f32,
    },
    /// The delta rule on logits of a memory between 0 and 1.
    Sigmoid,
}

/// What is to be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Each pair is shown once.
    Clean,
    /// Pairs are shown several times, and some values reach the memory as noise.
    Faulty,
    /// Each key is shown twice with two values; the last is asked for.
    Rebind,
    /// The digits as strings of pixels, each to be told from those before.
    Pixels,
}

/// Models on tasks: the product of the lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// The models.
    pub models: Vec<Model>,
    /// The tasks.
    pub tasks: Vec<Task>,
    /// N: keys of a sequence; the pixels have none and take the first.
    pub pairs: Vec<usize>,
    /// b: tokens whose slopes are taken of one memory; 1 is the recurrence.
    #[serde(default = "one")]
    pub chunks: Vec<usize>,
    /// Whether the memory is a perceptron a head instead of a matrix.
    #[serde(default)]
    pub deep: bool,
    /// Whether the gate alpha is learned; without, the past is kept whole.
    #[serde(default = "yes")]
    pub forgets: bool,
    /// Layers of the model.
    pub layers: usize,
    /// Training steps.
    pub steps: u64,
    /// At most so many seeds; the preset's number when absent.
    #[serde(default)]
    pub seeds: Option<u64>,
}

fn one() -> Vec<usize> {
    vec![1]
}

const fn yes() -> bool {
    true
}

/// What a trial is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Condition {
    /// The memory alone.
    Alone,
    /// A trained model.
    Trained(Trained),
}

/// A model on a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// Whether its memory is deep.
    pub deep: bool,
    /// Whether alpha is learned.
    pub forgets: bool,
    /// The task.
    pub task: Task,
    /// N.
    pub pairs: usize,
    /// b.
    pub chunk: usize,
    /// Layers.
    pub layers: usize,
    /// Training steps.
    pub steps: u64,
}

impl Model {
    /// The name for people.
    pub fn name(self) -> String {
        let plain = match self {
            Model::Attention => "softmax attention",
            Model::LinearAttention => "linear attention",
            Model::GatedLinearAttention => "gated linear attention",
            Model::DeltaNet => "DeltaNet",
            Model::GatedDeltaNet => "Gated DeltaNet",
            Model::Titans => "Titans",
            Model::Moneta { p, q } => return format!("Moneta p = {p}, q = {q}"),
            Model::Yaad => "Yaad",
            Model::YaadSign => "Yaad by signs",
            Model::Memora => "Memora",
            Model::ElasticNet { .. } => "elastic net",
            Model::Sigmoid => "sigmoid",
        };
        plain.to_owned()
    }

    /// What its memory does with a token; none for attention.
    pub const fn update(self) -> Option<Update> {
        Some(match self {
            Model::Attention => return None,
            Model::LinearAttention => Update::Add,
            Model::GatedLinearAttention => Update::GatedAdd,
            Model::DeltaNet => Update::Delta,
            Model::GatedDeltaNet => Update::GatedDelta,
            Model::Titans => Update::Titans,
            Model::Moneta { p, q } => Update::Power { p, q },
            Model::Yaad => Update::Huber { sign: false },
            Model::YaadSign => Update::Huber { sign: true },
            Model::Memora => Update::Softmax,
            Model::ElasticNet { threshold } => Update::ElasticNet { threshold },
            Model::Sigmoid => Update::Sigmoid,
        })
    }
}

impl Task {
    /// Every task.
    pub const ALL: [Task; 4] = [Task::Clean, Task::Faulty, Task::Rebind, Task::Pixels];

    /// The word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Task::Clean => "clean",
            Task::Faulty => "faulty",
            Task::Rebind => "rebind",
            Task::Pixels => "pixels",
        }
    }
}

impl Trained {
    /// The name for people, unique in a study whose conditions are.
    fn label(&self) -> String {
        let mut label = format!("{}, {}", self.model.name(), self.task.name());
        if self.task != Task::Pixels {
            label += &format!(", N = {}", self.pairs);
        }
        let others = [
            (self.deep, "deep".to_owned()),
            (self.chunk > 1, format!("b = {}", self.chunk)),
            (!self.forgets, "alpha = 1".to_owned()),
            (self.layers > 1, format!("L = {}", self.layers)),
        ];
        let others = others.into_iter().filter(|(is, _)| *is);
        others.fold(label, |label, (_, word)| label + ", " + &word)
    }
}

impl Settings {
    /// The recall task of a condition; none for the pixels.
    pub fn recall(&self, trained: &Trained) -> Option<Recall> {
        let (showings, fault, rebind) = match trained.task {
            Task::Clean => (1, 0.0, false),
            Task::Faulty => (self.faults.showings, self.faults.probability, false),
            Task::Rebind => (2, 0.0, true),
            Task::Pixels => return None,
        };
        let Network { keys, values, .. } = self.network;
        let (queries, fault_size) = (self.training.queries, self.faults.size);
        Some(Recall { keys, values, pairs: trained.pairs, showings, rebind, queries, fault, fault_size })
    }

    /// Tokens of a sequence, and how many of them ask.
    pub fn lengths(&self, trained: &Trained) -> [usize; 2] {
        let pixels = [PixelStrings::TOKENS, PixelStrings::TOKENS];
        self.recall(trained).map_or(pixels, |recall| [recall.tokens(), recall.queries])
    }

    /// What the model of a condition is made from.
    pub fn shape(&self, trained: &Trained) -> MemoryNetShape {
        let Network { width, heads, rank, hidden, .. } = self.network;
        let kind = match trained.model.update() {
            None => MemoryKind::Attention,
            Some(update) if trained.deep => MemoryKind::Deep(update),
            Some(update) => MemoryKind::Matrix(update),
        };
        let (forgets, threshold, chunk) = (trained.forgets, self.robust, trained.chunk);
        let memory = MemorySettings { width, heads, rank, taps: TAPS, kind, forgets, threshold, chunk };
        let vocabulary = self.recall(trained).map_or(PixelStrings::VOCABULARY, |recall| recall.vocabulary());
        MemoryNetShape { vocabulary, layers: trained.layers, hidden, memory }
    }

    /// Floating-point operations of a training step.
    pub fn step_flop(&self, trained: &Trained) -> f64 {
        let ([tokens, asked], shape) = (self.lengths(trained), self.shape(trained));
        let MemorySettings { width, heads, rank, .. } = shape.memory;
        let (d, tokens, head) = (width as f64, tokens as f64, (width / heads) as f64);
        let maps = d * d * 5.0 + d * 12.0 + 4.0 * rank as f64 * d + 3.0 * d * shape.hidden as f64;
        let memory = match shape.memory.kind {
            MemoryKind::Attention => 6.0 * 2.0 * tokens * d,
            MemoryKind::Matrix(_) => 24.0 * head * d,
            MemoryKind::Deep(_) => 160.0 * head * d,
        };
        let of_token = shape.layers as f64 * (6.0 * maps + memory);
        let head = 6.0 * asked as f64 * d * shape.vocabulary as f64;
        self.training.batch as f64 * (tokens * of_token + head)
    }

    /// Checks everything.
    pub fn check(&self, checks: &mut Checks) {
        let Alone { pairs, width, clean_keys, tuning_streams, streams } = self.alone;
        checks.under("alone", |checks| {
            checks.range("pairs", pairs, 4..=100_000);
            checks.range("width", width, 1..=256);
            checks.range("clean_keys", clean_keys, 1..=100_000);
            checks.range("tuning_streams", tuning_streams, 1..=1000);
            checks.range("streams", streams, 2..=1000);
        });
        let Network { keys, values, width, heads, rank, hidden } = self.network;
        checks.under("network", |checks| {
            checks.range("keys", keys, 1..=65_536);
            checks.range("values", values, 1..=65_536);
            checks.range("width", width, 1..=1024);
            checks.range("heads", heads, 1..=64);
            checks.holds("heads", heads == 0 || width.is_multiple_of(heads), heads, format!("a divisor of {width}"));
            checks.range("rank", rank, 1..=1024);
            checks.range("hidden", hidden, 1..=65_536);
        });
        checks.under("training", |checks| self.training.check(checks));
        checks.under("faults", |checks| {
            checks.range("showings", self.faults.showings, 1..=64);
            checks.range("probability", self.faults.probability, 0.0..=1.0);
            checks.range("size", self.faults.size, 0.0..=1e6);
        });
        for (i, grid) in self.recall.iter().enumerate() {
            checks.under(format!("recall[{i}]"), |checks| grid.check(keys, checks));
        }
        let all: Vec<Trained> = self.recall.iter().flat_map(Grid::conditions).collect();
        let twice = all.iter().enumerate().find(|(i, one)| all[..*i].iter().any(|other| other.label() == one.label()));
        checks.holds(
            "recall",
            twice.is_none(),
            twice.map_or_else(String::new, |(_, one)| format!("{} twice", one.label())),
            "every condition once",
        );
    }

    /// The memory alone first, then every trained model.
    pub fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let alone = Cell::new("memory alone", Condition::Alone, 1, alone::STEPS)
            .at("task", "streams")
            .costing(alone::flop(&self.alone))
            .taking(32 << 20, 200_000);
        let of_grid = |grid: &Grid| {
            let seeds = grid.seeds.map_or(seeds, |most| most.min(seeds));
            grid.conditions().into_iter().map(|trained| self.cell(trained, seeds)).collect::<Vec<_>>()
        };
        [alone].into_iter().chain(self.recall.iter().flat_map(of_grid)).collect()
    }

    fn cell(&self, trained: Trained, seeds: u64) -> Cell<Condition> {
        let (shape, [tokens, _], Training { batch, sequences, every, .. }) =
            (self.shape(&trained), self.lengths(&trained), self.training);
        let examinations = 1.0 + trained.steps as f64 / every.max(1) as f64;
        let step = self.step_flop(&trained);
        let flop = step * (trained.steps as f64 + examinations * sequences as f64 / batch.max(1) as f64 / 3.0);
        let width = shape.memory.width;
        let weights = shape.layers * (8 * width * width + 3 * width * shape.hidden) + 2 * width * shape.vocabulary;
        let activations = batch * tokens * width * (30 * shape.layers + 4);
        Cell::new(trained.label(), Condition::Trained(trained), seeds, trained.steps)
            .at("model", trained.model.name())
            .at("task", trained.task.name())
            .at("pairs", trained.pairs)
            .at("chunk", trained.chunk)
            .at("memory", if trained.deep { "deep" } else { "matrix" })
            .seeing(batch)
            .costing(flop)
            .taking(4 * (4 * weights + 2 * activations) as u64, 24 * weights as u64 + 60_000)
    }
}

impl Training {
    fn check(&self, checks: &mut Checks) {
        let Training { batch, learning_rate, clip, queries, every, sequences } = *self;
        checks.range("batch", batch, 1..=4096);
        checks.positive("learning_rate", learning_rate, 1.0);
        checks.positive("clip", clip, 1e6);
        checks.range("queries", queries, 1..=4096);
        checks.range("every", every, 1..=1_000_000);
        checks.range("sequences", sequences, 1..=100_000);
        let whole = batch == 0 || sequences.is_multiple_of(batch);
        checks.holds("sequences", whole, sequences, format!("a multiple of the batch, {batch}"));
    }
}

impl Grid {
    fn conditions(&self) -> Vec<Trained> {
        let Grid { deep, forgets, layers, steps, .. } = *self;
        let mut all = Vec::new();
        for &task in &self.tasks {
            let pairs = if task == Task::Pixels { &self.pairs[..self.pairs.len().min(1)] } else { &self.pairs[..] };
            for &pairs in pairs {
                let of_chunk = |chunk: usize| {
                    self.models.iter().map(move |&model| Trained {
                        model,
                        deep,
                        forgets,
                        task,
                        pairs,
                        chunk,
                        layers,
                        steps,
                    })
                };
                all.extend(self.chunks.iter().copied().flat_map(of_chunk));
            }
        }
        all
    }

    fn check(&self, keys: usize, checks: &mut Checks) {
        let filled = |list: usize| if list == 0 { "an empty list" } else { "a list" };
        for (name, len) in [("models", self.models.len()), ("tasks", self.tasks.len()), ("pairs", self.pairs.len())] {
            checks.holds(name, len > 0, filled(len), "at least one");
        }
        checks.holds("chunks", !self.chunks.is_empty(), filled(self.chunks.len()), "at least one");
        checks.range_of_each("pairs", self.pairs.iter().copied(), 1..=keys.max(1));
        checks.range_of_each("chunks", self.chunks.iter().copied(), 1..=4096);
        checks.range("layers", self.layers, 1..=16);
        checks.range("steps", self.steps, 1..=10_000_000);
        checks.holds("seeds", self.seeds != Some(0), 0, "at least 1 seed");
        for (i, model) in self.models.iter().enumerate() {
            model.check(self.deep, &self.chunks, &format!("models[{i}]"), checks);
        }
    }
}

impl Model {
    fn check(self, deep: bool, chunks: &[usize], path: &str, checks: &mut Checks) {
        checks.under(path, |checks| match self {
            Model::Moneta { p, q } => {
                checks.range("moneta.p", p, 1.0..=10.0);
                checks.range("moneta.q", q, 2.0..=10.0);
            }
            Model::ElasticNet { threshold } => checks.share("elastic_net.threshold", threshold, 1.0),
            _ => {}
        });
        let as_perceptron = matches!(self, Model::Moneta { .. } | Model::Yaad | Model::YaadSign | Model::Memora);
        let plain = matches!(self, Model::DeltaNet);
        let expected = "moneta, yaad, yaad_sign, memora or delta_net";
        checks.holds(path, !deep || as_perceptron || plain, format!("{} as a deep memory", self.name()), expected);
        let exact = !(deep && self == Model::Memora) || chunks.iter().all(|chunk| *chunk == 1);
        checks.holds(path, exact, "a deep memora in chunks", "chunks: [1]");
    }
}
