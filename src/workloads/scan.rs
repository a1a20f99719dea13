//! The scan of a matrix memory, forward and backward, at 16 sequences of 128 tokens and 4 heads of
//! 32x32: the rules that `benches/scan_jax.py` gives to JAX, and their chunked forms.

use super::cases::uniform;
use crate::base::threads::Pool;
use crate::kernels::linear_attention::ScanShape;
use crate::kernels::matrix_memory::{
    Channels, ErrorOf, Gates, Loss, MatrixMemory, MatrixMemoryGradients, MatrixMemoryInputs, MatrixMemorySaved,
    Retention, Rule, matrix_memory, matrix_memory_backward, matrix_memory_backward_scratch, matrix_memory_scratch,
};

const SHAPE: ScanShape = ScanShape { batch: 16, tokens: 128, heads: 4, key: 32, value: 32 };

/// A rule to time.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Short name, as the peer's program has it.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    rule: Rule,
    gates: Gates,
    /// Every number of the states before the first token, if they are not what the retention begins with.
    initial: Option<f32>,
}

const fn case(name: &'static str, about: &'static str, loss: Loss, retention: Retention, error_of: ErrorOf) -> Case {
    let value = Some(Channels::Value);
    let alpha = if matches!(name.as_bytes(), [b's', b'c', b'a', b'n', b'-', b'd', ..]) { None } else { value };
    let delta = if loss.has_threshold() { Some(Channels::Head) } else { None };
    let initial = if matches!(retention, Retention::Norm { .. }) { Some(0.1) } else { None };
    let rule = Rule { loss, retention, error_of };
    Case { name, about, rule, gates: Gates { eta: value, alpha, delta, theta: None }, initial }
}

const BEFORE: ErrorOf = ErrorOf::Before;
const LINEAR: Retention = Retention::Linear;
const MONETA: (Loss, Retention) = (Loss::Power { p: 3.0 }, Retention::Norm { q: 4.0 });

/// Every case.
pub const ALL: &[Case] = &[
    case("scan-delta", "delta rule", Loss::Squared, LINEAR, BEFORE),
    case("scan-delta-8", "delta rule", Loss::Squared, LINEAR, ErrorOf::Chunk(8)),
    case("scan-delta-16", "delta rule", Loss::Squared, LINEAR, ErrorOf::Chunk(16)),
    case("scan-delta-32", "delta rule", Loss::Squared, LINEAR, ErrorOf::Chunk(32)),
    case("scan-gated", "gated delta rule", Loss::Squared, LINEAR, ErrorOf::Decayed),
    case("scan-yaad", "Yaad", Loss::HuberNorm, LINEAR, BEFORE),
    case("scan-yaad-8", "Yaad", Loss::HuberNorm, LINEAR, ErrorOf::Chunk(8)),
    case("scan-yaad-16", "Yaad", Loss::HuberNorm, LINEAR, ErrorOf::Chunk(16)),
    case("scan-yaad-32", "Yaad", Loss::HuberNorm, LINEAR, ErrorOf::Chunk(32)),
    case("scan-moneta", "Moneta", MONETA.0, MONETA.1, BEFORE),
    case("scan-moneta-16", "Moneta", MONETA.0, MONETA.1, ErrorOf::Chunk(16)),
    case("scan-memora", "Memora", Loss::Squared, Retention::Softmax, BEFORE),
    case("scan-memora-16", "Memora", Loss::Squared, Retention::Softmax, ErrorOf::Chunk(16)),
];

/// A case with its buffers.
#[derive(Debug)]
pub struct Scan {
    pool: Pool,
    memory: MatrixMemory,
    /// q, k, v, gates, initial states.
    inputs: [Vec<f32>; 5],
    /// The weights of the outputs in the value, which are their gradients.
    weights: Vec<f32>,
    out: Vec<f32>,
    last: Vec<f32>,
    checkpoints: Vec<f32>,
    gradients: [Vec<f32>; 5],
    scratch: Vec<f32>,
}

impl Case {
    /// With inputs of its own.
    pub fn prepare(&self, pool: Pool) -> Scan {
        let memory = MatrixMemory { shape: SHAPE, rule: self.rule, gates: self.gates };
        let numbers = |seed: u64, len: usize, low: f32, high: f32| {
            let mut x = vec![0.0; len];
            uniform(seed, 1.0, &mut x);
            x.iter_mut().for_each(|x| *x = (*x + 1.0) / 2.0 * (high - low) + low);
            x
        };
        let values = SHAPE.values_len();
        let [q, k, v] = [(9001, 0.25), (9002, 0.25), (9003, 1.0)].map(|(seed, size)| numbers(seed, values, -size, size));
        let (eta, alpha) = (numbers(9004, values, 0.25, 0.75), numbers(9005, values, 0.9, 1.0));
        let delta = numbers(9006, values / SHAPE.value, 0.5, 2.0);
        let mut gates = Vec::new();
        for t in 0..SHAPE.batch * SHAPE.tokens {
            for (gate, x) in [(self.gates.eta, &eta), (self.gates.alpha, &alpha), (self.gates.delta, &delta)] {
                let width = x.len() / (SHAPE.batch * SHAPE.tokens);
                if gate.is_some() {
                    gates.extend(&x[t * width..][..width]);
                }
            }
        }
        let states = SHAPE.batch * SHAPE.heads * SHAPE.value * SHAPE.key;
        let initial = self.initial.map_or_else(Vec::new, |x| vec![x; states]);
        let inputs = [q, k, v, gates, initial];
        let scratch = matrix_memory_scratch(memory).max(matrix_memory_backward_scratch(memory));
        Scan {
            pool,
            memory,
            gradients: inputs.clone(),
            inputs,
            weights: numbers(9007, values, -1.0, 1.0),
            out: vec![0.0; values],
            last: vec![0.0; states],
            checkpoints: vec![0.0; SHAPE.batch * memory.checkpoints_len()],
            scratch: vec![0.0; scratch],
        }
    }
}

impl Scan {
    fn read(inputs: &[Vec<f32>; 5]) -> MatrixMemoryInputs<'_> {
        let [q, k, v, gates, initial] = inputs;
        MatrixMemoryInputs { q, k, v, gates, initial: (!initial.is_empty()).then_some(initial) }
    }

    /// The outputs.
    pub fn forward(&mut self) {
        let Scan { pool, memory, inputs, out, last, checkpoints, scratch, .. } = self;
        matrix_memory(pool, *memory, Self::read(inputs), out, last, checkpoints, scratch);
    }

    /// The gradients of the value.
    pub fn backward(&mut self) {
        let Scan { pool, memory, inputs, weights, checkpoints, gradients, scratch, .. } = self;
        let saved =
            MatrixMemorySaved { inputs: Self::read(inputs), checkpoints, d_out: weights, d_last: None };
        let [dq, dk, dv, d_gates, d_initial] = gradients;
        let gradients = MatrixMemoryGradients { dq, dk, dv, d_gates, d_initial };
        matrix_memory_backward(pool, *memory, saved, gradients, scratch);
    }

    /// The value, and the sum of the magnitudes of its gradients by q, k, v and all gates.
    pub fn sums(&self) -> (f64, [f64; 4]) {
        let value = self.out.iter().zip(&self.weights).map(|(x, c)| f64::from(*x) * f64::from(*c)).sum();
        let total = |x: &Vec<f32>| x.iter().map(|x| f64::from(x.abs())).sum();
        (value, [0, 1, 2, 3].map(|i| total(&self.gradients[i])))
    }
}
