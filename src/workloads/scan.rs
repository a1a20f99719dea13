//! Scans of a matrix memory, forward and backward, over 16 sequences of 128 tokens with 4 heads of
//! 32x32: the rules that `benches/scan_jax.py` gives to JAX, and their forms by chunks of 8, 16 and 32
//! tokens, which no peer has.

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
pub struct ScanCase {
    /// Short name, as the peer's program has it.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    rule: Rule,
    gates: Gates,
    /// Every number of the states before the first token, if they are not what the retention begins with.
    initial: Option<f32>,
}

const VALUE: Option<Channels> = Some(Channels::Value);
const ETA: Gates = Gates { eta: VALUE, alpha: None, delta: None, theta: None };
const DECAYED: Gates = Gates { alpha: VALUE, ..ETA };
const HUBER: Gates = Gates { delta: Some(Channels::Head), ..DECAYED };

const fn linear(name: &'static str, about: &'static str, loss: Loss, gates: Gates, error_of: ErrorOf) -> ScanCase {
    ScanCase { name, about, rule: Rule { loss, retention: Retention::Linear, error_of }, gates, initial: None }
}

const fn moneta(name: &'static str, about: &'static str, error_of: ErrorOf) -> ScanCase {
    let rule = Rule { loss: Loss::Power { p: 3.0 }, retention: Retention::Norm { q: 4.0 }, error_of };
    // Not zeros: the norm would divide by nothing.
    ScanCase { name, about, rule, gates: DECAYED, initial: Some(0.1) }
}

const fn memora(name: &'static str, about: &'static str, error_of: ErrorOf) -> ScanCase {
    let rule = Rule { loss: Loss::Squared, retention: Retention::Softmax, error_of };
    ScanCase { name, about, rule, gates: DECAYED, initial: None }
}

/// Every case.
pub const SCANS: &[ScanCase] = &[
    linear("scan-delta", "delta rule", Loss::Squared, ETA, ErrorOf::Before),
    linear("scan-delta-8", "by chunks of 8 tokens", Loss::Squared, ETA, ErrorOf::Chunk(8)),
    linear("scan-delta-16", "by chunks of 16", Loss::Squared, ETA, ErrorOf::Chunk(16)),
    linear("scan-delta-32", "by chunks of 32", Loss::Squared, ETA, ErrorOf::Chunk(32)),
    linear("scan-gated", "gated delta rule", Loss::Squared, DECAYED, ErrorOf::Decayed),
    linear("scan-yaad", "Yaad: Huber's norm, decay by channel", Loss::HuberNorm, HUBER, ErrorOf::Before),
    linear("scan-yaad-8", "by chunks of 8 tokens", Loss::HuberNorm, HUBER, ErrorOf::Chunk(8)),
    linear("scan-yaad-16", "by chunks of 16", Loss::HuberNorm, HUBER, ErrorOf::Chunk(16)),
    linear("scan-yaad-32", "by chunks of 32", Loss::HuberNorm, HUBER, ErrorOf::Chunk(32)),
    moneta("scan-moneta", "Moneta: p 3, q 4", ErrorOf::Before),
    moneta("scan-moneta-16", "by chunks of 16 tokens", ErrorOf::Chunk(16)),
    memora("scan-memora", "Memora: softmax of rows", ErrorOf::Before),
    memora("scan-memora-16", "by chunks of 16 tokens", ErrorOf::Chunk(16)),
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

impl ScanCase {
    /// Floating-point operations of a recall, a write and a read for every token, three times over as
    /// backward takes two: the same count for every rule and engine, whatever it really does.
    pub fn flop(&self) -> u64 {
        (2 * 3 * 3 * SHAPE.values_len() * SHAPE.key) as u64
    }

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
        let [q, k, v] =
            [(9001, 0.25), (9002, 0.25), (9003, 1.0)].map(|(seed, size)| numbers(seed, values, -size, size));
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
        let saved = MatrixMemorySaved { inputs: Self::read(inputs), checkpoints, d_out: weights, d_last: None };
        let [dq, dk, dv, d_gates, d_initial] = gradients;
        let gradients = MatrixMemoryGradients { dq, dk, dv, d_gates, d_initial };
        matrix_memory_backward(pool, *memory, saved, gradients, scratch);
    }

    /// The value, sum(out * c), and the sums of the magnitudes of its gradients by q, k, v and all gates.
    pub fn sums(&self) -> (f64, [f64; 4]) {
        let value = self.out.iter().zip(&self.weights).map(|(x, c)| f64::from(*x) * f64::from(*c)).sum();
        let total = |x: &Vec<f32>| x.iter().map(|x| f64::from(x.abs())).sum();
        (value, [0, 1, 2, 3].map(|i| total(&self.gradients[i])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `benches/scan_jax.py` prints.
    const JAX: [(&str, f64, [f64; 4]); 5] = [
        ("scan-delta", -18.6128, [169_355.57, 187_936.46, 40_403.07, 42_085.13]),
        ("scan-gated", 6.3552, [84_224.32, 86_352.57, 20_203.0, 20_402.87 + 33_876.03]),
        ("scan-yaad", -1.4348, [35_001.55, 33_416.59, 7_966.86, 8_024.84 + 14_744.87 + 669.64]),
        ("scan-moneta", -1.6357, [39_705.86, 39_303.52, 11_989.66, 8_055.84 + 16_046.59]),
        ("scan-memora", 3.1215, [21_586.61, 2_782.14, 668.56, 669.64 + 1_208.56]),
    ];

    #[test]
    fn scans_compute_what_jax_does() {
        for (name, value, gradients) in JAX {
            let case = SCANS.iter().find(|case| case.name == name).expect("a case of that name");
            let mut scan = case.prepare(Pool::serial());
            scan.forward();
            scan.backward();
            let (ours, by_input) = scan.sums();
            assert!((ours - value).abs() < 1e-3, "{name}: {ours}, not {value}");
            for (ours, want) in by_input.into_iter().zip(gradients) {
                assert!((ours - want).abs() < 2e-6 * want + 0.02, "{name}: {ours}, not {want}");
            }
        }
    }
}
