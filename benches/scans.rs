//! Scans at the sizes of two small models: an LSTM of 256 units over 32 sequences of 100 tokens,
//! and a delta-rule memory of 4 heads of 32x32 over 16 sequences of 128: `cargo bench --bench scans`.
//! Kernels run on one thread; a whole step (forward, mean cross entropy, backward, Adam) on one and
//! two. Items are tokens.

use ansatz::base::threads::Pool;
use ansatz::engine::ops::adam::Adam;
use ansatz::engine::ops::copy::Copy;
use ansatz::engine::{Executor, Graph, Shape, Slot, Store, Var};
use ansatz::kernels::delta_rule::{
    DeltaRuleSaved, delta_rule, delta_rule_backward, delta_rule_backward_scratch, delta_rule_scratch,
};
use ansatz::kernels::linear_attention::ScanShape;
use ansatz::kernels::lstm::{LstmInputs, LstmSaved, lstm, lstm_backward, lstm_backward_scratch, lstm_scratch};
use ansatz::kernels::recurrence::RecurrentShape;
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

const LSTM: RecurrentShape = RecurrentShape { batch: 32, tokens: 100, hidden: 256 };
const MEMORY: ScanShape = ScanShape { batch: 16, tokens: 128, heads: 4, key: 32, value: 32 };
/// Width of what a model reads at a token.
const INPUTS: usize = 74;
/// What it tells apart.
const CLASSES: usize = 10;

/// Numbers in `[-size, size)` without a pattern that matters here.
fn numbers(seed: usize, len: usize, size: f32) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 * size / 1001.5 - size).collect()
}

/// The buffers of an LSTM scan.
pub(crate) struct LstmScan {
    xz: Vec<f32>,
    wh: Vec<f32>,
    d_h: Vec<f32>,
    h: Vec<f32>,
    c: Vec<f32>,
    gates: Vec<f32>,
    dxz: Vec<f32>,
    d_wh: Vec<f32>,
    scratch: Vec<f32>,
}

impl LstmScan {
    pub(crate) fn new() -> Self {
        let states = LSTM.batch * LSTM.tokens * LSTM.hidden;
        let weights = 4 * LSTM.hidden * LSTM.hidden;
        let scratch = lstm_scratch(LSTM).max(lstm_backward_scratch(LSTM));
        LstmScan {
            xz: numbers(1, 4 * states, 1.0),
            wh: numbers(2, weights, 1.0 / 16.0),
            d_h: numbers(3, states, 1.0),
            h: vec![0.0; states],
            c: vec![0.0; states],
            gates: vec![0.0; 4 * states],
            dxz: vec![0.0; 4 * states],
            d_wh: vec![0.0; weights],
            scratch: vec![0.0; scratch],
        }
    }

    pub(crate) fn forward(&mut self) {
        let LstmScan { xz, wh, h, c, gates, scratch, .. } = self;
        lstm(&Pool::serial(), LSTM, LstmInputs { xz, wh, initial: None }, h, c, gates, scratch);
    }

    pub(crate) fn backward(&mut self) {
        let LstmScan { wh, d_h, h, c, gates, dxz, d_wh, scratch, .. } = self;
        let saved = LstmSaved { wh, initial: None, h, c, gates, d_h, d_c: None };
        lstm_backward(&Pool::serial(), LSTM, saved, dxz, d_wh, [&mut [], &mut []], scratch);
    }
}

#[divan::bench]
fn lstm_forward(bencher: Bencher<'_, '_>) {
    let mut scan = LstmScan::new();
    bencher.counter(ItemsCount::new(LSTM.batch * LSTM.tokens)).bench_local(|| scan.forward());
}

#[divan::bench]
fn lstm_back(bencher: Bencher<'_, '_>) {
    let mut scan = LstmScan::new();
    scan.forward();
    bencher.counter(ItemsCount::new(LSTM.batch * LSTM.tokens)).bench_local(|| scan.backward());
}

/// The buffers of a delta-rule scan.
pub(crate) struct MemoryScan {
    inputs: [Vec<f32>; 4],
    d_out: Vec<f32>,
    out: Vec<f32>,
    errors: Vec<f32>,
    gradients: [Vec<f32>; 4],
    scratch: Vec<f32>,
}

impl MemoryScan {
    pub(crate) fn new() -> Self {
        let tokens = MEMORY.batch * MEMORY.tokens * MEMORY.heads;
        let mut inputs = [0, 1, 2, 3].map(|i| numbers(i, tokens * if i == 3 { 1 } else { MEMORY.key }, 0.3));
        inputs[3].iter_mut().for_each(|beta| *beta += 0.5);
        let values = tokens * MEMORY.value;
        let scratch = delta_rule_scratch(MEMORY).max(delta_rule_backward_scratch(MEMORY));
        MemoryScan {
            gradients: inputs.clone(),
            inputs,
            d_out: numbers(5, values, 1.0),
            out: vec![0.0; values],
            errors: vec![0.0; values],
            scratch: vec![0.0; scratch],
        }
    }

    pub(crate) fn forward(&mut self) {
        let MemoryScan { inputs: [q, k, v, beta], out, errors, scratch, .. } = self;
        delta_rule(&Pool::serial(), MEMORY, q, k, v, beta, out, errors, scratch);
    }

    pub(crate) fn backward(&mut self) {
        let MemoryScan { inputs: [q, k, v, beta], d_out, errors, gradients, scratch, .. } = self;
        let [dq, dk, dv, d_beta] = gradients;
        let saved = DeltaRuleSaved { q, k, v, beta, errors, d_out };
        delta_rule_backward(&Pool::serial(), MEMORY, saved, dq, dk, dv, d_beta, scratch);
    }
}

#[divan::bench]
fn delta_rule_forward(bencher: Bencher<'_, '_>) {
    let mut scan = MemoryScan::new();
    bencher.counter(ItemsCount::new(MEMORY.batch * MEMORY.tokens)).bench_local(|| scan.forward());
}

#[divan::bench]
fn delta_rule_back(bencher: Bencher<'_, '_>) {
    let mut scan = MemoryScan::new();
    scan.forward();
    bencher.counter(ItemsCount::new(MEMORY.batch * MEMORY.tokens)).bench_local(|| scan.backward());
}

/// A model's training step.
pub(crate) struct Step {
    store: Store,
    executor: Executor,
}

impl Step {
    /// `model` makes logits from the inputs and the weights, which have these shapes.
    fn new(
        threads: usize,
        [batch, tokens]: [usize; 2],
        weights: &[&[usize]],
        model: impl for<'g> Fn(Var<'g>, &[Var<'g>]) -> Var<'g>,
    ) -> Self {
        let mut store = Store::new();
        let mut add = |name: String, shape: &[usize], values: Vec<f32>| -> Slot {
            let slot = store.add(name, Shape::from(shape.to_vec()));
            store.values_mut(slot).copy_from_slice(&values);
            slot
        };
        let rows = batch * tokens;
        let x = add("x".into(), &[batch, tokens, INPUTS], numbers(1, rows * INPUTS, 1.7));
        let labels = (0..rows).map(|i| (i * 7 % CLASSES) as f32).collect();
        let labels = add("labels".into(), &[batch, tokens], labels);
        let (rate, count) = (add("rate".into(), &[], vec![1e-3]), add("count".into(), &[], vec![0.0]));
        let slots: Vec<[Slot; 3]> = weights
            .iter()
            .enumerate()
            .map(|(i, &shape)| {
                let len: usize = shape.iter().product();
                let size = if shape.len() == 1 { 0.0 } else { 1.0 / (shape[0] as f32).sqrt() };
                let weight = add(format!("weight{i}"), shape, numbers(i, len, size));
                [weight, add(format!("m{i}"), shape, vec![0.0; len]), add(format!("v{i}"), shape, vec![0.0; len])]
            })
            .collect();
        let graph = Graph::new();
        let values: Vec<Var<'_>> = slots.iter().map(|[w, ..]| graph.read(&store, *w)).collect();
        let loss = model(graph.read(&store, x), &values).cross_entropy(graph.read(&store, labels)).mean();
        let gradients = graph.gradient(loss, &values).expect("the model has a gradient");
        let (rate, steps) = (graph.read(&store, rate), graph.read(&store, count));
        for (gradient, slots) in gradients.iter().zip(&slots) {
            let op = Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
            graph.update(&store, op, &[*gradient, graph.scalar(1.0), rate, steps], slots);
        }
        graph.update(&store, Copy, &[steps + 1.0], &[count]);
        let executor = Executor::new(graph.plan().into(), Pool::new(threads));
        Step { store, executor }
    }

    pub(crate) fn run(&mut self) {
        self.executor.run(&mut self.store);
    }
}

pub(crate) fn lstm_model(threads: usize) -> Step {
    let width = LSTM.hidden;
    let weights: [&[usize]; 5] =
        [&[INPUTS, 4 * width], &[width, 4 * width], &[4 * width], &[width, CLASSES], &[CLASSES]];
    Step::new(threads, [LSTM.batch, LSTM.tokens], &weights, |x, w| {
        (x.matmul(w[0]) + w[2]).lstm(w[1]).matmul(w[3]) + w[4]
    })
}

/// Every head's part of `x` at unit length.
fn unit(x: Var<'_>) -> Var<'_> {
    let ScanShape { batch, tokens, heads, key, .. } = MEMORY;
    let x = x.reshape([batch, tokens, heads, key]);
    (x / ((x * x).sum_keeping(&[3]) + 1e-6).sqrt()).reshape([batch, tokens, heads * key])
}

pub(crate) fn memory_model(threads: usize) -> Step {
    let ScanShape { batch, tokens, heads, key, .. } = MEMORY;
    let width = heads * key;
    let weights: [&[usize]; 7] =
        [&[INPUTS, width], &[width], &[width, 3 * width], &[width, heads], &[heads], &[width, CLASSES], &[CLASSES]];
    Step::new(threads, [batch, tokens], &weights, |x, w| {
        let z = x.matmul(w[0]) + w[1];
        let joined = z.matmul(w[2]);
        let part = |i: usize| joined.slice(2, i * width, width);
        let beta = (z.matmul(w[3]) + w[4]).sigmoid();
        let read = unit(part(0)).delta_rule(unit(part(1)), part(2), beta, heads);
        read.matmul(w[5]) + w[6]
    })
}

#[divan::bench(args = [1, 2])]
fn lstm_step(bencher: Bencher<'_, '_>, threads: usize) {
    let mut step = lstm_model(threads);
    bencher.counter(ItemsCount::new(LSTM.batch * LSTM.tokens)).bench_local(|| step.run());
}

#[divan::bench(args = [1, 2])]
fn memory_step(bencher: Bencher<'_, '_>, threads: usize) {
    let mut step = memory_model(threads);
    bencher.counter(ItemsCount::new(MEMORY.batch * MEMORY.tokens)).bench_local(|| step.run());
}
