//! Part A: the memory alone. Rules read streams of noisy pairs of a linear map, each with the step that suits it best on
//! streams of their own, and are scored on fresh ones. They run on the scan that the trained layers use.

use super::settings::Alone;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::ops::matrix_memory::{ErrorOf, Gate, Loss, MemoryGates, Retention, Rule};
use crate::engine::{Executor, Graph, Output, Slot, Store};
use crate::tasks::linear_stream::{Disturbance, LinearStream};

/// Steps that a rule chooses from.
pub(super) const ETAS: [f32; 6] = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0];
/// Shares of the past that are kept, chosen from where the map drifts.
pub(super) const ALPHAS: [f32; 6] = [1.0, 0.999, 0.997, 0.99, 0.97, 0.9];
/// Threshold of Huber's loss.
const DELTA: f32 = 1.0;
/// Exponent of the norm; where its state begins: small, but not zero, where it has no direction.
const NORM: (f32, f32) = (4.0, 0.1);
/// How far the elastic net draws to zero.
const THRESHOLD: f32 = 3e-4;
/// What an error that is not finite counts as.
const DIVERGED: f64 = 1e6;

/// A rule without outer training.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// Name in metrics.
    pub(super) name: &'static str,
    /// Name for people.
    pub(super) title: &'static str,
    loss: Loss,
    retention: Retention,
}

const fn plain(name: &'static str, title: &'static str, loss: Loss) -> Named {
    Named { name, title, loss, retention: Retention::Linear }
}

/// The rules; Hebbian and L2 stand first: they are those that are tried with a gate.
pub(super) const RULES: [Named; 9] = [
    plain("hebbian", "Hebbian", Loss::DotProduct),
    plain("l2", "L2", Loss::Squared),
    plain("huber", "Huber", Loss::HuberNorm),
    plain("l1", "L1", Loss::Power { p: 1.0 }),
    plain("l1_5", "L1.5", Loss::Power { p: 1.5 }),
    plain("l3", "L3", Loss::Power { p: 3.0 }),
    plain("l4", "L4", Loss::Power { p: 4.0 }),
    Named { name: "norm", title: "L2, L4 norm", loss: Loss::Squared, retention: Retention::Norm { q: NORM.0 } },
    Named {
        name: "elastic_net",
        title: "L2, elastic net",
        loss: Loss::Squared,
        retention: Retention::ElasticNet { threshold: THRESHOLD },
    },
];

/// What a trial does, one after another: every rule on two kinds of stream, and two with gates on two others.
pub(super) const TASKS: [Try; 22] = tries();
/// How many that are.
pub(super) const STEPS: u64 = TASKS.len() as u64;

/// A rule on a kind of stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try {
    /// Number of the rule.
    pub(super) rule: usize,
    /// The streams.
    pub(super) disturbance: Disturbance,
    /// Whether a share of the past is chosen too.
    pub(super) gated: bool,
}

const fn tries() -> [Try; 22] {
    let mut all = [Try { rule: 0, disturbance: Disturbance::Gauss, gated: false }; 22];
    let mut at = 0;
    while at < 18 {
        let disturbance = if at < 9 { Disturbance::Outlier } else { Disturbance::Gauss };
        all[at] = Try { rule: at % 9, disturbance, gated: false };
        at += 1;
    }
    while at < 22 {
        let disturbance = if at < 20 { Disturbance::Drift } else { Disturbance::Gauss };
        all[at] = Try { rule: at % 2, disturbance, gated: true };
        at += 1;
    }
    all
}

impl Try {
    /// Name of its streams: `outlier`, `gauss`, `drift` and its twin without drift.
    pub(super) const fn streams(&self) -> &'static str {
        match (self.disturbance, self.gated) {
            (Disturbance::Outlier, _) => "outlier",
            (Disturbance::Gauss, false) => "gauss",
            (Disturbance::Drift, _) => "drift",
            (Disturbance::Gauss, true) => "no_drift",
        }
    }

    /// Name of what it finds.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.streams(), RULES[self.rule].name)
    }
}

/// Floating-point operations of the whole part.
pub(super) fn flop(alone: &Alone) -> f64 {
    let Alone { pairs, width, tuning_streams, streams, .. } = *alone;
    let of_stream = 8.0 * (pairs * width * width) as f64;
    let tuning = (18 * ETAS.len() + 4 * ETAS.len() * ALPHAS.len()) * tuning_streams;
    of_stream * (tuning + 24 * streams + 9 * width) as f64
}

/// A step, and the share of the past that is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Steering {
    pub(super) eta: f32,
    pub(super) alpha: f32,
}

/// What a rule came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tried {
    /// Mean error on the tuning streams, by share kept (outer) and step.
    pub(super) tuning: Vec<f64>,
    /// The best steering that keeps the past whole, and its errors on the fresh streams.
    pub(super) whole: (Steering, Vec<f64>),
    /// The best steering that forgets, likewise, where it was tried.
    pub(super) forgetting: Option<(Steering, Vec<f64>)>,
}

impl Tried {
    /// The share that tuning would keep.
    pub(super) fn tuned_alpha(&self) -> f32 {
        ALPHAS[least(&self.tuning) / ETAS.len()]
    }
}

/// The number of the least.
fn least(values: &[f64]) -> usize {
    (0..values.len()).min_by(|a, b| values[*a].total_cmp(&values[*b])).unwrap_or(0)
}

/// A rule with its plan over so many streams at once.
struct Reader {
    store: Store,
    executor: Executor,
    /// Keys, values, gates, state.
    inputs: [Slot; 4],
    read: Output,
    last: Output,
    rule: Rule,
    /// Heads: as many copies of the memory, each asked another unit vector.
    heads: usize,
    width: usize,
}

/// Streams of one kind.
pub(super) fn streams(alone: &Alone, disturbance: Disturbance, count: usize, key: Key) -> Vec<LinearStream> {
    let sizes = [alone.pairs, alone.width, alone.clean_keys];
    (0..count as u64).map(|i| LinearStream::new(disturbance, sizes, key.index(i))).collect()
}

/// Gives a rule the steering that suits it best on tuning streams, and scores it on fresh ones.
pub(super) fn attempt(alone: &Alone, robust: bool, attempt: &Try, key: Key, pool: &Pool) -> Tried {
    let key = key.purpose(attempt.streams());
    let tuning = streams(alone, attempt.disturbance, alone.tuning_streams, key.purpose("tuning"));
    let fresh = streams(alone, attempt.disturbance, alone.streams, key.purpose("fresh"));
    let rule = RULES[attempt.rule];
    let alphas = if attempt.gated { &ALPHAS[..] } else { &ALPHAS[..1] };
    let steerings: Vec<Steering> =
        alphas.iter().flat_map(|&alpha| ETAS.into_iter().map(move |eta| Steering { eta, alpha })).collect();
    let mut reader = Reader::new(rule, robust, 1, [tuning.len(), alone.pairs, alone.width], pool);
    let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len() as f64;
    let found: Vec<f64> = steerings.iter().map(|steering| mean(&reader.errors(&tuning, *steering))).collect();
    let mut reader = Reader::new(rule, robust, 1, [fresh.len(), alone.pairs, alone.width], pool);
    let mut best = |from: usize, to: usize| {
        let steering = steerings[from + least(&found[from..to])];
        (steering, reader.errors(&fresh, steering))
    };
    let whole = best(0, ETAS.len());
    let forgetting = attempt.gated.then(|| best(ETAS.len(), steerings.len()));
    Tried { tuning: found, whole, forgetting }
}

/// The memory of a rule after every pair of a stream, `[pairs, d, d]`.
pub(super) fn memories(rule: usize, robust: bool, stream: &LinearStream, steering: Steering, pool: &Pool) -> Vec<f32> {
    let (width, pairs) = (stream.width, stream.outliers.len());
    let mut reader = Reader::new(RULES[rule], robust, width, [1, pairs, width], pool);
    reader.run(std::slice::from_ref(stream), steering);
    let read = reader.executor.output(reader.read, &reader.store);
    // Head j was asked the j-th unit vector: it read a column.
    let of_pair = |row: &[f32]| (0..width * width).map(|n| row[n % width * width + n / width]).collect::<Vec<f32>>();
    read.chunks(width * width).flat_map(of_pair).collect()
}

impl Reader {
    fn new(named: Named, robust: bool, heads: usize, sizes: [usize; 3], pool: &Pool) -> Self {
        let [streams, pairs, width] = sizes;
        let loss = if named.loss == Loss::HuberNorm && !robust { Loss::Squared } else { named.loss };
        let rule = Rule { loss, retention: named.retention, error_of: ErrorOf::Before };
        let mut store = Store::new();
        let gates = if loss.has_threshold() { 3 } else { 2 };
        let inputs = [
            store.add("keys", [streams, pairs, heads * width]),
            store.add("values", [streams, pairs, heads * width]),
            store.add("gates", [streams, pairs, gates * heads]),
            store.add("initial", [streams, heads, width, width]),
        ];
        let graph = Graph::new();
        let [keys, values, all, initial] = inputs.map(|slot| graph.read(&store, slot));
        let gate = |i: usize| Gate::head(all.slice(2, i * heads, heads));
        let delta = loss.has_threshold().then(|| gate(2));
        let steered = MemoryGates { eta: Some(gate(0)), alpha: Some(gate(1)), delta, theta: None };
        let unit = |n: usize| f32::from(n % width == n / width % heads);
        let units = (0..streams * pairs * heads * width).map(unit).collect();
        let queries = graph.constant([streams, pairs, heads * width], units);
        let states = queries.matrix_memory(keys, values, heads, rule, steered, Some(initial));
        let (read, last) = (graph.output("read", states.read), graph.output("last", states.last));
        let executor = Executor::new(graph.plan().into(), pool.clone());
        Reader { store, executor, inputs, read, last, rule, heads, width }
    }

    /// Reads streams.
    fn run(&mut self, streams: &[LinearStream], steering: Steering) {
        let (heads, width) = (self.heads, self.width);
        let repeated = |of: fn(&LinearStream) -> &[f32]| -> Vec<f32> {
            streams.iter().flat_map(|stream| of(stream).chunks(width)).flat_map(|row| row.repeat(heads)).collect()
        };
        let [keys, values, gates, initial] = self.inputs;
        self.store.values_mut(keys).copy_from_slice(&repeated(|stream| &stream.keys));
        self.store.values_mut(values).copy_from_slice(&repeated(|stream| &stream.values));
        let of_gate = [steering.eta, steering.alpha, DELTA];
        let row = self.store.shape(gates).last_extent();
        self.store.values_mut(gates).chunks_mut(row).for_each(|row| {
            row.chunks_mut(heads).zip(of_gate).for_each(|(gate, value)| gate.fill(value));
        });
        let begin = if matches!(self.rule.retention, Retention::Norm { .. }) { NORM.1 } else { 0.0 };
        // Alternating signs in no pattern of rows or columns: a state of some direction, the same for every stream.
        let sign = |n: usize| if (n * 7 + n / width * 3) % 5 < 2 { -begin } else { begin };
        let square = width * width;
        self.store.values_mut(initial).iter_mut().enumerate().for_each(|(n, x)| *x = sign(n % square));
        self.executor.run(&mut self.store);
    }

    /// The relative error on clean keys after each stream.
    fn errors(&mut self, streams: &[LinearStream], steering: Steering) -> Vec<f64> {
        self.run(streams, steering);
        let last = self.executor.output(self.last, &self.store);
        let error = |(stream, state): (&LinearStream, &[f32])| {
            let error = stream.relative_error(&self.memory(state));
            if error.is_finite() { error.min(DIVERGED) } else { DIVERGED }
        };
        streams.iter().zip(last.chunks(self.width * self.width)).map(error).collect()
    }

    /// The memory that a state stands for.
    fn memory(&self, state: &[f32]) -> Vec<f32> {
        let factor = match self.rule.retention {
            Retention::Norm { q } => state.iter().map(|x| x.abs().powf(q)).sum::<f32>().powf((2.0 - q) / q),
            _ => 1.0,
        };
        state.iter().map(|x| factor * x).collect()
    }
}
