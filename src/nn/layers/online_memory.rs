//! A sequence layer whose memory learns while the sequence is read (Behrouz et al. 2025, "It's All Connected"):
//! which loss it descends, how it is kept near its past and by which gates, around a scan of a matrix a head, a deep
//! memory, or softmax attention.

use super::deep_memory::DeepMemory;
use super::{LayerNorm, Linear};
use crate::engine::Var;
use crate::engine::ops::matrix_memory::{ErrorOf, Gate, Loss, MemoryGates, Retention, Rule};
use crate::nn::weights::{Builder, Init, Values, Weight};

/// Added to the squared length of queries and keys before the root.
const LENGTH: f32 = 1e-6;
/// Added to the mean square of values before the root.
const SQUARE: f32 = 1e-5;
/// Where the gates begin, before their sigmoid or softplus: a step of one half, a past that is kept, a threshold of 0.97.
const ETA: f32 = 0.0;
const ALPHA: f32 = 4.0;
const DELTA: f32 = 0.5;
/// The same for the step of deep memories and of powers of the error, which take larger ones.
const SMALL_ETA: f32 = -2.0;
/// Before its softplus: the row sums of a normalised memory begin at 1.
const ROW_SUM: f32 = 0.541_324_9;
/// A window that holds every sequence.
const ALL: usize = 1 << 20;
/// Standard deviation at which the state under a norm begins: small, but not zero, where it has no direction.
const NORMED: f32 = 0.1;

/// What a memory does with a token: the corners of the family that have names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Update {
    /// Linear attention: the sum of v k^T.
    Add,
    /// The same with a past that fades (RetNet, gated linear attention).
    GatedAdd,
    /// DeltaNet.
    Delta,
    /// Gated DeltaNet: the error of the decayed memory.
    GatedDelta,
    /// Titans: the gated delta rule with momentum.
    Titans,
    /// Moneta: the p-th power of the error, and an Lq norm of the state.
    Power {
        /// Exponent of the loss.
        p: f32,
        /// Exponent of the norm; 2 is none.
        q: f32,
    },
    /// Yaad: Huber's loss, whose tail has the direction of the error (`sign: false`) or its signs (the published form).
    Huber {
        /// Which tail.
        sign: bool,
    },
    /// Memora: KL retention; the rows of the memory are positive and have a sum.
    Softmax,
    /// The delta rule, drawn to zero by a soft threshold.
    ElasticNet {
        /// How far a token draws.
        threshold: f32,
    },
    /// The delta rule on logits of a memory between 0 and 1.
    Sigmoid,
}

/// What reads and writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MemoryKind {
    /// Softmax attention over all tokens so far.
    Attention,
    /// A matrix a head.
    Matrix(Update),
    /// A perceptron a head, M(x) = x + LN(W_1 gelu(W_2 x)), four times as wide inside.
    Deep(Update),
}

/// What an [`OnlineMemory`] is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemorySettings {
    /// Width of a token.
    pub width: usize,
    /// Heads; must divide the width.
    pub heads: usize,
    /// Rank of the maps from a token to its gates.
    pub rank: usize,
    /// Taps of the causal convolutions behind queries, keys and values.
    pub taps: usize,
    /// What reads and writes.
    pub kind: MemoryKind,
    /// Whether a gate alpha that the update knows is learned, or 1.
    pub forgets: bool,
    /// Whether Huber's threshold is learned, or infinite.
    pub threshold: bool,
    /// b: tokens whose slopes are taken of one memory; 1 is the recurrence.
    pub chunk: usize,
}

/// Values that reach the memory as noise, whatever the token says.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'g> {
    /// 1 at such tokens, 0 elsewhere, `[batch, tokens, 1]`.
    pub faulty: Var<'g>,
    /// The noise there, zeros elsewhere, `[batch, tokens, width]`.
    pub noise: Var<'g>,
}

/// A linear map and a causal convolution of each channel.
#[derive(Clone, Debug)]
struct Projection {
    map: Linear,
    taps: Weight,
}

/// A map to gates through few numbers.
#[derive(Clone, Debug)]
struct LowRank {
    down: Linear,
    up: Linear,
}

/// What a memory learns from: what the layer made of the tokens.
#[derive(Clone, Copy, Debug)]
pub struct Steered<'g> {
    /// Queries, keys, values, `[batch, tokens, width]`.
    pub query: Var<'g>,
    /// See `query`.
    pub key: Var<'g>,
    /// See `query`.
    pub value: Var<'g>,
    /// Step, by value channel (deep memories: by head).
    pub eta: Option<Var<'g>>,
    /// What is kept of the past, likewise.
    pub alpha: Option<Var<'g>>,
    /// Threshold, `[batch, tokens, heads]`.
    pub delta: Option<Var<'g>>,
    /// What is kept of the momentum, by value channel.
    theta: Option<Var<'g>>,
}

/// The layer.
#[derive(Clone, Debug)]
pub struct OnlineMemory {
    settings: MemorySettings,
    query: Projection,
    key: Projection,
    value: Projection,
    eta: Option<LowRank>,
    alpha: Option<LowRank>,
    theta: Option<LowRank>,
    delta: Option<Linear>,
    row_sum: Option<Weight>,
    initial: Option<Weight>,
    deep: Option<DeepMemory>,
    norm: LayerNorm,
    gate: Linear,
    output: Linear,
}

impl Update {
    /// The loss that is descended.
    pub(super) const fn loss(self, threshold: bool) -> Loss {
        match self {
            Update::Add | Update::GatedAdd => Loss::DotProduct,
            Update::Power { p, .. } => Loss::SmoothPower { p },
            Update::Huber { sign: true } if threshold => Loss::HuberSign,
            Update::Huber { sign: false } if threshold => Loss::HuberNorm,
            _ => Loss::Squared,
        }
    }

    /// How the past is kept.
    pub(super) const fn retention(self) -> Retention {
        match self {
            Update::Power { q, .. } => Retention::Norm { q },
            Update::Softmax => Retention::Softmax,
            Update::Sigmoid => Retention::Sigmoid,
            Update::ElasticNet { threshold } => Retention::ElasticNet { threshold },
            _ => Retention::Linear,
        }
    }

    const fn forgets(self) -> bool {
        !matches!(self, Update::Add | Update::Delta)
    }
}

impl MemoryKind {
    const fn update(self) -> Option<Update> {
        match self {
            MemoryKind::Attention => None,
            MemoryKind::Matrix(update) | MemoryKind::Deep(update) => Some(update),
        }
    }
}

impl MemorySettings {
    fn head(&self) -> usize {
        self.width / self.heads
    }

    /// Numbers that carry over from the past into the next prediction, in sequences of so many tokens: memories and
    /// momentum, and the last tokens of the convolutions.
    pub fn state_size(&self, tokens: usize) -> usize {
        let matrices = self.width * self.head();
        let memory = match self.kind {
            MemoryKind::Attention => 2 * tokens * self.width,
            MemoryKind::Matrix(Update::Titans) => 2 * matrices,
            MemoryKind::Matrix(_) => matrices,
            MemoryKind::Deep(_) => 2 * DeepMemory::EXPANSION * matrices,
        };
        memory + 3 * (self.taps - 1) * self.width
    }

    /// The rule of a matrix memory.
    fn rule(&self, update: Update) -> Rule {
        let error_of = match self.chunk {
            1 if update == Update::GatedDelta => ErrorOf::Decayed,
            1 => ErrorOf::Before,
            tokens => ErrorOf::Chunk(tokens),
        };
        Rule { loss: update.loss(self.threshold), retention: update.retention(), error_of }
    }
}

impl Projection {
    fn new(b: &mut Builder<'_>, name: &str, width: usize, taps: usize) -> Self {
        let init = Init::Uniform(1.0 / (taps as f32).sqrt());
        let map = Linear::uniform(b, name, width, width, false);
        Projection { map, taps: b.within(name, |b| b.weight("convolution", [taps, width], init)) }
    }
}

impl LowRank {
    fn new(b: &mut Builder<'_>, name: &str, [width, rank, outputs]: [usize; 3], bias: f32) -> Self {
        b.within(name, |b| LowRank {
            down: Linear::uniform(b, "down", width, rank, false),
            up: Linear::uniform(b, "up", rank, outputs, false).with_bias(b, "up", outputs, bias),
        })
    }

    fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        self.up.forward(values, self.down.forward(values, x))
    }
}

impl OnlineMemory {
    /// Weights of a layer; its maps begin as PyTorch's do, uniform on +-1/sqrt(inputs).
    ///
    /// # Panics
    /// If the heads do not divide the width.
    pub fn new(b: &mut Builder<'_>, settings: &MemorySettings) -> Self {
        let MemorySettings { width, heads, rank, taps, kind, forgets, threshold, .. } = *settings;
        assert!(width.is_multiple_of(heads), "{heads} heads divide {width}");
        let (update, deep) = (kind.update(), matches!(kind, MemoryKind::Deep(_)));
        let channels = if deep { heads } else { width };
        let learns = update.is_some_and(|update| update.loss(threshold) != Loss::DotProduct);
        let steep = matches!(update, Some(Update::Power { .. }));
        let huber = matches!(update, Some(Update::Huber { .. }));
        b.within("memory", |b| {
            let mut gate =
                |has: bool, name: &str, bias: f32| has.then(|| LowRank::new(b, name, [width, rank, channels], bias));
            let eta = gate(learns, "eta", if deep || steep { SMALL_ETA } else { ETA });
            let alpha = gate(forgets && update.is_some_and(Update::forgets), "alpha", ALPHA);
            let theta = gate(update == Some(Update::Titans), "theta", ETA);
            let delta = (huber && threshold)
                .then(|| Linear::uniform(b, "delta", width, heads, false).with_bias(b, "delta", heads, DELTA));
            let normed = matches!(kind, MemoryKind::Matrix(Update::Power { q, .. }) if q != 2.0);
            let row_sums = update == Some(Update::Softmax);
            let head = settings.head();
            OnlineMemory {
                settings: *settings,
                query: Projection::new(b, "query", width, taps),
                key: Projection::new(b, "key", width, taps),
                value: Projection::new(b, "value", width, taps),
                row_sum: row_sums.then(|| b.weight("row_sum", [heads], Init::Constant(ROW_SUM))),
                initial: normed.then(|| b.weight("initial", [heads, head, head], Init::Normal(NORMED))),
                deep: update.filter(|_| deep).map(|update| DeepMemory::new(b, settings, update)),
                norm: LayerNorm::new(b, "norm", head),
                gate: Linear::uniform(b, "gate", width, width, false),
                output: Linear::uniform(b, "output", width, width, false),
                eta,
                alpha,
                theta,
                delta,
            }
        })
    }

    /// `[batch, tokens, width]`, kept.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>, fault: Option<Fault<'g>>) -> Var<'g> {
        let read = self.read(values, self.steer(values, x, fault));
        let shape = read.shape();
        let by_head = [shape.rows() * self.settings.heads, self.settings.head()];
        let read = self.norm.forward(values, read.reshape(by_head)).reshape(shape);
        self.output.forward(values, read * self.gate.forward(values, x).sigmoid())
    }

    /// What the memory is given: projections, convolved and brought to length, and gates.
    pub fn steer<'g>(&self, values: &Values<'g>, x: Var<'g>, fault: Option<Fault<'g>>) -> Steered<'g> {
        let attends = self.settings.kind == MemoryKind::Attention;
        let [query, key] = [&self.query, &self.key].map(|projection| {
            let y = projection.map.forward(values, x).causal_conv1d(values[projection.taps], None);
            if attends { y } else { self.of_unit_length(y) }
        });
        let width = self.settings.width;
        let ones = x.graph().constant([width], vec![1.0; width]);
        // A fault of fixed size must not be outgrown, and must not be dodged by the convolution's memory.
        let mut value = self.value.map.forward(values, x).rms_norm(ones, SQUARE);
        if let Some(Fault { faulty, noise }) = fault {
            value = value - value * faulty + noise;
        }
        let gate = |gate: &Option<LowRank>| gate.as_ref().map(|gate| gate.forward(values, x).sigmoid());
        Steered {
            query,
            key,
            value: value.causal_conv1d(values[self.value.taps], None),
            eta: gate(&self.eta),
            alpha: gate(&self.alpha),
            theta: gate(&self.theta),
            delta: self.delta.as_ref().map(|delta| delta.forward(values, x).softplus()),
        }
    }

    /// What the queries read, `[batch, tokens, width]`.
    fn read<'g>(&self, values: &Values<'g>, steered: Steered<'g>) -> Var<'g> {
        let Steered { query, key, value, .. } = steered;
        match (self.settings.kind, &self.deep) {
            (MemoryKind::Matrix(update), _) => self.scan(values, update, steered),
            (MemoryKind::Deep(_), Some(deep)) => deep.forward(values, &steered, self.row_sum),
            _ => query.attention(key, value, self.settings.heads, ALL),
        }
    }

    fn scan<'g>(&self, values: &Values<'g>, update: Update, steered: Steered<'g>) -> Var<'g> {
        let Steered { mut query, mut key, value, mut eta, alpha, delta, theta } = steered;
        let MemorySettings { heads, width, .. } = self.settings;
        if let Some(row_sum) = self.row_sum {
            // A memory of row sums c is one of row sums 1 for c times as long queries and keys, and steps 1 / c.
            let head = self.settings.head();
            let by_channel = |sum: Var<'g>| sum.reshape([heads, 1]).broadcast_to([heads, head]).reshape([width]);
            let sum = by_channel(values[row_sum].softplus());
            (query, key) = (query * sum, key * sum);
            eta = eta.map(|eta| eta / sum);
        }
        let initial = self.initial.map(|initial| {
            let (batch, state) = (query.shape()[0], values[initial]);
            let shape = state.shape();
            state.reshape([1, shape[0], shape[1], shape[2]]).broadcast_to([batch, shape[0], shape[1], shape[2]])
        });
        let gates = MemoryGates {
            eta: eta.map(Gate::value),
            alpha: alpha.map(Gate::value),
            delta: delta.map(Gate::head),
            theta: theta.map(Gate::value),
        };
        query.matrix_memory(key, value, heads, self.settings.rule(update), gates, initial).read
    }

    /// The memory after every token of one sequence, for looking at it: `[columns, tokens, heads rows]`, a memory of
    /// whose heads column j, as many as a head has keys, is what the j-th unit vector reads. Matrix memories alone.
    pub fn memories<'g>(&self, values: &Values<'g>, steered: Steered<'g>) -> Option<Var<'g>> {
        let MemoryKind::Matrix(update) = self.settings.kind else { return None };
        let (head, heads, shape) = (self.settings.head(), self.settings.heads, steered.key.shape());
        let tokens = shape[1];
        let unit = |n: usize| f32::from(n % head == n / (tokens * heads * head));
        let units = (0..head * tokens * heads * head).map(unit).collect();
        let query = steered.key.graph().constant([head, tokens, heads * head], units);
        let each = |x: Var<'g>| x.broadcast_to([head, tokens, x.shape().last_extent()]);
        let all = Steered {
            query,
            key: each(steered.key),
            value: each(steered.value),
            eta: steered.eta.map(each),
            alpha: steered.alpha.map(each),
            delta: steered.delta.map(each),
            theta: steered.theta.map(each),
        };
        Some(self.scan(values, update, all))
    }

    /// The attention probabilities `[batch, heads, tokens, tokens]`, if it attends.
    pub fn attention<'g>(&self, steered: Steered<'g>) -> Option<Var<'g>> {
        let attends = self.settings.kind == MemoryKind::Attention;
        attends.then(|| steered.query.attention_weights(steered.key, self.settings.heads, ALL))
    }

    /// Every head's part of the last axis brought to length one.
    fn of_unit_length<'g>(&self, x: Var<'g>) -> Var<'g> {
        let shape = x.shape();
        x.reshape([shape.rows() * self.settings.heads, self.settings.head()]).unit_length(LENGTH).reshape(shape)
    }
}

#[cfg(test)]
#[path = "online_memory_tests.rs"]
mod tests;
