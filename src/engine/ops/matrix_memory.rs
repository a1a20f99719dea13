//! `matrix_memory`: a matrix a head that takes one step of an online rule at every token,
//! X_t = alpha_t X_{t-1} - eta_t u_t k_t^T with the slope u_t of a loss at e_t = M_{t-1} k_t - v_t, and is
//! then read, o_t = M_t q_t (Behrouz et al. 2025, "It's All Connected"). The backward is fused and has
//! no second derivative.

use crate::engine::{Backward, GradientError, Gradients, Io, Op, Shape, ShapeError, Var};
use crate::kernels::matrix_memory::{
    Gates, MatrixMemory as Memory, MatrixMemoryGradients, MatrixMemoryInputs, MatrixMemorySaved, matrix_memory,
    matrix_memory_backward, matrix_memory_backward_scratch, matrix_memory_scratch,
};

use super::linear_attention::scan_shape;

pub use crate::kernels::matrix_memory::{Channels, ErrorOf, Loss, Retention, Rule};

/// What a memory is: a rule for every head, and what its gates steer.
#[derive(Clone, Copy, Debug)]
struct MatrixMemory {
    heads: usize,
    rule: Rule,
    gates: Gates,
    /// Whether states before the first token are given.
    carried: bool,
}

/// Inputs: queries, keys `[B, T, H dk]`, values `[B, T, H dv]`, gates `[B, T, gates]`, what the forward
/// kept, the gradient by its output, and that by its last states if `last`. Outputs: gradients by the
/// first four and, if the states were carried, by those.
#[derive(Clone, Copy, Debug)]
struct MatrixMemoryBackward {
    forward: MatrixMemory,
    last: bool,
}

impl MatrixMemory {
    /// The kernel's description, if the shapes fit.
    fn memory(&self, q: &Shape, v: &Shape) -> Option<Memory> {
        let shape = scan_shape(self.heads, q, v).filter(|shape| shape.tokens > 0 && shape.key > 0)?;
        Some(Memory { shape, rule: self.rule, gates: self.gates })
    }

    /// The same for shapes that were checked before.
    fn checked(&self, inputs: &[Shape]) -> Memory {
        self.memory(&inputs[0], &inputs[2]).expect("shapes are checked when the op is recorded")
    }

    /// The states' shape.
    fn states(memory: &Memory) -> Shape {
        let shape = memory.shape;
        [shape.batch, shape.heads, shape.value, shape.key].into()
    }

    /// What the rule does not allow.
    fn refusal(&self) -> Option<&'static str> {
        let Gates { eta, alpha: _, delta, theta } = self.gates;
        let own_memory = !matches!(self.rule.retention, Retention::Linear | Retention::ElasticNet { .. });
        let of_head = self.rule.loss != Loss::HuberClip;
        if [eta, delta, theta].contains(&Some(Channels::Key)) {
            return Some("only alpha may steer key channels");
        }
        if self.rule.loss.has_threshold() != delta.is_some() {
            return Some("delta goes with the losses of Huber, and only with them");
        }
        if of_head && delta.is_some_and(|channels| channels != Channels::Head) {
            return Some("the threshold of a norm is one a head");
        }
        if self.rule.error_of == ErrorOf::Chunk(0) {
            return Some("a chunk has at least one token");
        }
        let decayed = self.rule.error_of == ErrorOf::Decayed;
        (decayed && own_memory).then_some("the error of a decayed memory needs one that is its state")
    }
}

impl Op for MatrixMemory {
    fn name(&self) -> &'static str {
        "matrix_memory"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        if let Some(why) = self.refusal() {
            return Err(ShapeError::new(self.name(), inputs, why));
        }
        let expected = || {
            format!(
                "queries and keys [B, T, H dk], values [B, T, H dv], gates, states [B, H, dv, dk], H = {}",
                self.heads
            )
        };
        let error = || ShapeError::new(self.name(), inputs, expected());
        let [q, k, v, gates, initial @ ..] = inputs else { return Err(error()) };
        let memory = self.memory(q, v).filter(|_| q == k).ok_or_else(error)?;
        let states = Self::states(&memory);
        let fits = **gates == q.with_last(memory.gates_width())
            && initial.len() == usize::from(self.carried)
            && initial.iter().all(|shape| **shape == states);
        let kept = [memory.shape.batch, memory.checkpoints_len()].into();
        if fits { Ok(vec![(*v).clone(), states, kept]) } else { Err(error()) }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [q, k, v, gates, initial, ..], outputs: [out, last, kept, ..], .. } = io;
        let inputs = MatrixMemoryInputs { q, k, v, gates, initial: self.carried.then_some(initial) };
        matrix_memory(io.pool, self.checked(io.input_shapes), inputs, out, last, kept, io.scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        matrix_memory_scratch(self.checked(inputs))
    }

    fn flop(&self, inputs: &[Shape], outputs: &[Shape]) -> u64 {
        8 * outputs[0].size() as u64 * (inputs[0].last_extent() / self.heads) as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[2].is_some() {
            let why = "the states on the way are kept for the backward pass alone";
            return Err(GradientError::NoRule { op: "matrix_memory", why });
        }
        let mut inputs = at.inputs[..4].to_vec();
        inputs.extend([at.outputs[2], at.d_output_or_zero(0)]);
        inputs.extend(at.d_outputs[1]);
        let op = MatrixMemoryBackward { forward: *self, last: at.d_outputs[1].is_some() };
        Ok(inputs[0].graph().apply(op, &inputs).into_iter().map(Some).collect())
    }
}

impl Op for MatrixMemoryBackward {
    fn name(&self) -> &'static str {
        "matrix_memory_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let error = || ShapeError::new(self.name(), inputs, "inputs, states on the way, gradients");
        let memory = inputs.get(2).and_then(|v| self.forward.memory(inputs[0], v)).ok_or_else(error)?;
        if inputs.len() != 6 + usize::from(self.last) {
            return Err(error());
        }
        let initial = self.forward.carried.then(|| MatrixMemory::states(&memory));
        Ok(inputs[..4].iter().map(|shape| (*shape).clone()).chain(initial).collect())
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [q, k, v, gates, checkpoints, d_out, d_last, ..], outputs, .. } = io;
        let [dq, dk, dv, d_gates, d_initial, ..] = outputs;
        let inputs = MatrixMemoryInputs { q, k, v, gates, initial: None };
        let saved = MatrixMemorySaved { inputs, checkpoints, d_out, d_last: self.last.then_some(d_last) };
        let gradients = MatrixMemoryGradients { dq, dk, dv, d_gates, d_initial };
        matrix_memory_backward(io.pool, self.forward.checked(io.input_shapes), saved, gradients, io.scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        matrix_memory_backward_scratch(self.forward.checked(inputs))
    }

    fn flop(&self, inputs: &[Shape], outputs: &[Shape]) -> u64 {
        28 * outputs[2].size() as u64 * (inputs[0].last_extent() / self.forward.heads) as u64
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::fused("matrix_memory_backward"))
    }
}

/// The values of a gate, and what each of them steers.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'g> {
    /// `[B, T, H]`, `[B, T, H dv]` or `[B, T, H dk]`.
    pub values: Var<'g>,
    /// Which of the three.
    pub channels: Channels,
}

/// The gates of a memory; one that is missing is 1 (`theta`: 0, no momentum).
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryGates<'g> {
    /// Step size, by head or value channel.
    pub eta: Option<Gate<'g>>,
    /// What is kept of the state.
    pub alpha: Option<Gate<'g>>,
    /// Threshold of Huber's losses: by head, for [`Loss::HuberClip`] by value channel too.
    pub delta: Option<Gate<'g>>,
    /// What is kept of the momentum S = theta S - eta u k^T, X = alpha X + S (Titans), by head or value
    /// channel. It begins with zeros wherever the state begins.
    pub theta: Option<Gate<'g>>,
}

/// What a memory gave.
#[derive(Clone, Copy, Debug)]
pub struct MemoryStates<'g> {
    /// What the queries read, `[B, T, H dv]`.
    pub read: Var<'g>,
    /// The states after the last token, `[B, H, dv, dk]`: of the memory itself, or under
    /// [`Retention::Softmax`] and [`Retention::Sigmoid`] its logarithm or logit.
    pub last: Var<'g>,
}

impl<'g> Gate<'g> {
    /// One number a head, `[B, T, H]`.
    pub fn head(values: Var<'g>) -> Self {
        Gate { values, channels: Channels::Head }
    }

    /// One number a value channel, `[B, T, H dv]`.
    pub fn value(values: Var<'g>) -> Self {
        Gate { values, channels: Channels::Value }
    }

    /// One number a key channel, `[B, T, H dk]`.
    pub fn key(values: Var<'g>) -> Self {
        Gate { values, channels: Channels::Key }
    }
}

impl<'g> Var<'g> {
    /// What these queries `[B, T, H dk]` read from a memory that learns `keys` and `values`
    /// `[B, T, H dv]` by `rule`, token by token, each query after its own token was written. Begins
    /// from `initial` `[B, H, dv, dk]`, or from what the retention says.
    ///
    /// A memory of row sums `c` under [`Retention::Softmax`] is one of row sums 1 whose queries and keys
    /// are `c` times, and whose `eta` is `1 / c` times as large.
    ///
    /// # Panics
    /// If the heads do not divide the widths, or the gates do not fit the rule.
    pub fn matrix_memory(
        self,
        keys: Var<'g>,
        values: Var<'g>,
        heads: usize,
        rule: Rule,
        gates: MemoryGates<'g>,
        initial: Option<Var<'g>>,
    ) -> MemoryStates<'g> {
        let MemoryGates { eta, alpha, delta, theta } = gates;
        let channels = |gate: Option<Gate<'g>>| gate.map(|gate| gate.channels);
        let kinds =
            Gates { eta: channels(eta), alpha: channels(alpha), delta: channels(delta), theta: channels(theta) };
        let all: Vec<Var<'g>> = [eta, alpha, delta, theta].into_iter().flatten().map(|gate| gate.values).collect();
        let graph = self.graph();
        let gates = match &all[..] {
            [] => graph.constant(self.shape().with_last(0), Vec::new()),
            [one] => *one,
            _ => graph.concat(2, &all),
        };
        let mut inputs = vec![self, keys, values, gates];
        inputs.extend(initial);
        let op = MatrixMemory { heads, rule, gates: kinds, carried: initial.is_some() };
        let outputs = graph.apply(op, &inputs);
        MemoryStates { read: outputs[0], last: outputs[1] }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real, within};
    const HEADS: usize = 2;

    /// Yaad (Huber's norm) or Memora (softmax): outputs and last states, from the inputs q, k, v, eta
    /// `[B, T, H dv]`, alpha and delta `[B, T, H]`, initial states.
    fn oracle(x: &[Array], softmax: bool) -> Vec<Array> {
        let (batch, tokens) = (x[0].shape()[0], x[0].shape()[1]);
        let (dk, dv) = (x[0].shape()[2] / HEADS, x[2].shape()[2] / HEADS);
        let (mut out, mut last) = (Array::zeros(x[2].raw_dim()), x[6].clone());
        for (b, h) in (0..batch).flat_map(|b| (0..HEADS).map(move |h| (b, h))) {
            for t in 0..tokens {
                let memory = |last: &Array, i: usize, j: usize| {
                    let state = last[[b, h, i, j]];
                    if softmax { state.exp() } else { state }
                };
                let recall = |last: &Array, i: usize, by: usize| {
                    (0..dk).map(|j| memory(last, i, j) * x[by][[b, t, h * dk + j]]).sum::<f64>()
                };
                let mut error: Vec<f64> = (0..dv).map(|i| recall(&last, i, 1) - x[2][[b, t, h * dv + i]]).collect();
                let norm = error.iter().map(|e| e * e).sum::<f64>().sqrt();
                let cut = (x[5][[b, t, h]] / norm).min(1.0);
                error.iter_mut().for_each(|e| *e *= cut);
                for i in 0..dv {
                    for j in 0..dk {
                        let step = x[3][[b, t, h * dv + i]] * error[i] * x[1][[b, t, h * dk + j]];
                        last[[b, h, i, j]] = x[4][[b, t, h]] * last[[b, h, i, j]] - step;
                    }
                    if softmax {
                        let total = (0..dk).map(|j| last[[b, h, i, j]].exp()).sum::<f64>().ln();
                        (0..dk).for_each(|j| last[[b, h, i, j]] -= total);
                    }
                    out[[b, t, h * dv + i]] = recall(&last, i, 0);
                }
            }
        }
        vec![out, last]
    }

    let case = |softmax: bool, [b, t, dk, dv]: [usize; 4]| {
        let keys = || within([b, t, HEADS * dk], -0.8, 0.8);
        let gate = |width: usize| within([b, t, width], 0.2, 0.95);
        let gates = [gate(HEADS * dv), gate(HEADS), gate(HEADS)];
        let [eta, alpha, delta] = gates;
        let inputs = [keys(), keys(), real([b, t, HEADS * dv]), eta, alpha, delta, real([b, HEADS, dv, dk])];
        let retention = if softmax { Retention::Softmax } else { Retention::Linear };
        let rule = Rule { loss: Loss::HuberNorm, retention, error_of: ErrorOf::Before };
        Case::new(
            format!("{retention:?} {b} {t} {dk} {dv}"),
            inputs,
            move |x| {
                let (eta, alpha, delta) = (Gate::value(x[3]), Gate::head(x[4]), Gate::head(x[5]));
                let gates = MemoryGates { eta: Some(eta), alpha: Some(alpha), delta: Some(delta), theta: None };
                let states = x[0].matrix_memory(x[1], x[2], HEADS, rule, gates, Some(x[6]));
                vec![states.read, states.last]
            },
            move |x| oracle(x, softmax),
        )
        .once()
    };
    let shapes = [[1, 1, 1, 1], [2, 5, 3, 2], [3, 7, 5, 9]];
    shapes.into_iter().flat_map(|shape| [case(false, shape), case(true, shape)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Graph;

    #[test]
    #[should_panic(expected = "delta goes with the losses of Huber")]
    fn a_threshold_without_its_loss_is_refused() {
        let graph = Graph::new();
        let x = graph.constant([1, 2, 4], vec![0.5; 8]);
        let rule = Rule { loss: Loss::Squared, retention: Retention::Linear, error_of: ErrorOf::Before };
        let delta = Some(Gate::head(graph.constant([1, 2, 2], vec![1.0; 4])));
        x.matrix_memory(x, x, 2, rule, MemoryGates { delta, ..MemoryGates::default() }, None);
    }

    #[test]
    fn without_gates_the_dot_product_is_linear_attention() {
        use crate::base::threads::Pool;
        use crate::engine::{Executor, Store};
        let graph = Graph::new();
        let noise = |seed: usize| (0..24).map(|i| ((i * 7 + seed * 5) % 11) as f32 / 5.0 - 1.0).collect();
        let [q, k, v] = [1, 2, 3].map(|seed| graph.constant([1, 3, 8], noise(seed)));
        let rule = Rule { loss: Loss::DotProduct, retention: Retention::Linear, error_of: ErrorOf::Before };
        let read = q.matrix_memory(k, v, 2, rule, MemoryGates::default(), None).read;
        let outputs = [read, q.linear_attention(k, v, 2)].map(|var| graph.output("read", var));
        let mut store = Store::new();
        let mut executor = Executor::new(graph.plan().into(), Pool::serial());
        executor.run(&mut store);
        let [got, want] = outputs.map(|output| executor.output(output, &store));
        assert!(got.iter().zip(&want).all(|(got, want)| (got - want).abs() < 1e-6), "{got:?} {want:?}");
    }
}
