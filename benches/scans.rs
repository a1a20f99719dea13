//! Scans at the sizes of two small models: an LSTM of 256 units over 32 sequences of 100 tokens,
//! and a delta-rule memory of 4 heads of 32x32 over 16 sequences of 128: `cargo bench --bench scans`.
//! Kernels run on one thread; items are tokens. Whole steps are `ansatz bench W6 W8`.

use ansatz::base::threads::Pool;
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
