//! A memory that is a perceptron a head, M(x) = x + LN(W_1 gelu(W_2 x)), and learns while the sequence is read
//! (Behrouz et al. 2025). Within a chunk all slopes are taken at the memory with which it begins, so that a chunk is a few
//! matrix products; a chunk of one token is the recurrence. Every derivative comes from the graph.

use super::online_memory::{MemorySettings, Steered, Update};
use crate::engine::ops::matrix_memory::{Loss, Retention};
use crate::engine::{Graph, Var};
use crate::nn::weights::{Builder, Init, Values, Weight};

/// Added to the variance of the layer norm.
const VARIANCE: f32 = 1e-5;
/// Added to squared errors and sums of powers before their root.
const SQUARE: f32 = 1e-6;
/// What `tanh` is this steep stands in for the sign.
const STEEP: f32 = 10.0;
/// sqrt(2 / pi) and the cubic factor of gelu's tanh form.
const GELU: (f32, f32) = (0.797_884_6, 0.044_715);

/// The memory with which every sequence begins, and how it learns.
#[derive(Clone, Debug)]
pub(super) struct DeepMemory {
    /// W_2, `[heads, inside, head]`.
    first: Weight,
    /// W_1, `[heads, head, inside]`.
    second: Weight,
    settings: MemorySettings,
    update: Update,
}

/// The states of both matrices, for every sequence and head.
#[derive(Clone, Copy)]
struct State<'g> {
    /// `[batch, heads, inside, head]`.
    first: Var<'g>,
    /// `[batch, heads, head, inside]`.
    second: Var<'g>,
}

/// The tokens of a chunk, `[batch, heads, tokens, ..]`.
#[derive(Clone, Copy)]
struct Chunk<'g> {
    query: Var<'g>,
    key: Var<'g>,
    value: Var<'g>,
    eta: Var<'g>,
    /// log alpha.
    decay: Option<Var<'g>>,
    delta: Option<Var<'g>>,
}

/// The slopes of a chunk's tokens, each the product of a column and a row.
#[derive(Clone, Copy)]
struct Slopes<'g> {
    /// By W_2 k, `[batch, heads, tokens, inside]`; times the key.
    first: Var<'g>,
    /// By W_1 a, `[batch, heads, tokens, head]`; times the activations.
    second: Var<'g>,
    /// gelu(W_2 k).
    activations: Var<'g>,
}

impl DeepMemory {
    /// How much wider it is inside.
    pub(super) const EXPANSION: usize = 4;

    pub(super) fn new(b: &mut Builder<'_>, settings: &MemorySettings, update: Update) -> Self {
        let (heads, head) = (settings.heads, settings.width / settings.heads);
        let inside = Self::EXPANSION * head;
        let normal = |inputs: usize| Init::Normal(1.0 / (inputs as f32).sqrt());
        DeepMemory {
            first: b.weight("first", [heads, inside, head], normal(head)),
            second: b.weight("second", [heads, head, inside], normal(inside)),
            settings: *settings,
            update,
        }
    }

    /// Both matrices with which a sequence begins.
    #[cfg(test)]
    pub(super) const fn weights(&self) -> [Weight; 2] {
        [self.first, self.second]
    }

    /// What the queries read, `[batch, tokens, width]`; `row_sum` of a normalised memory before its softplus, `[heads]`.
    ///
    /// # Panics
    /// If a memory of more than one token a chunk is normalised by a softmax: its rows have no linear part.
    pub(super) fn forward<'g>(&self, values: &Values<'g>, given: &Steered<'g>, row_sum: Option<Weight>) -> Var<'g> {
        let (heads, head) = (self.settings.heads, self.settings.width / self.settings.heads);
        let (batch, tokens) = (given.key.shape()[0], given.key.shape()[1]);
        assert!(row_sum.is_none() || self.settings.chunk == 1, "a normalised memory is read token by token");
        let row_sum = row_sum.map(|sum| values[sum].softplus().reshape([1, heads, 1, 1]));
        let begin = |weight: Weight| {
            let shape = values[weight].shape();
            let one = values[weight].reshape([1, heads, shape[1], shape[2]]);
            let one = if self.update == Update::Softmax { one.log_softmax() } else { one };
            one.broadcast_to([batch, heads, shape[1], shape[2]])
        };
        let mut state = State { first: begin(self.first), second: begin(self.second) };
        let (mut read, mut from) = (Vec::new(), 0);
        while from < tokens {
            let len = self.settings.chunk.min(tokens - from);
            let part = |x: Var<'g>| {
                let width = x.shape().last_extent() / heads;
                x.slice(1, from, len).reshape([batch, len, heads, width]).permute(&[0, 2, 1, 3])
            };
            let chunk = Chunk {
                query: part(given.query),
                key: part(given.key),
                value: part(given.value),
                eta: part(given.eta.expect("every deep memory has a step")),
                decay: given.alpha.map(|alpha| part(alpha).log()),
                delta: given.delta.map(part),
            };
            let (next, found) = self.step(state, &chunk, row_sum);
            state = next;
            read.push(found.permute(&[0, 2, 1, 3]).reshape([batch, len, heads * head]));
            from += len;
        }
        given.key.graph().concat(1, &read)
    }

    /// One chunk: the state behind it and what was read.
    fn step<'g>(&self, state: State<'g>, chunk: &Chunk<'g>, row_sum: Option<Var<'g>>) -> (State<'g>, Var<'g>) {
        let memory = State { first: self.map(state.first, row_sum), second: self.map(state.second, row_sum) };
        let slopes = self.slopes(memory, chunk);
        let tokens = chunk.key.shape()[2];
        let decays = Decays::new(chunk, tokens);
        let written = |state: Var<'g>, column: Var<'g>, row: Var<'g>| {
            let kept = decays.whole.map_or(state, |whole| state * whole);
            kept - (column * decays.to_end).transposed_matmul(row)
        };
        let next = State {
            first: written(state.first, slopes.first, chunk.key),
            second: written(state.second, slopes.second, slopes.activations),
        };
        if tokens == 1 {
            let memory = State { first: self.map(next.first, row_sum), second: self.map(next.second, row_sum) };
            let inside = chunk.query.matmul_transposed(memory.first).gelu();
            return (next, chunk.query + standardised(inside.matmul_transposed(memory.second)).0);
        }
        // Inside a chunk what the map does to the state is that of its beginning: a factor, by a norm.
        let [first, second] = [state.first, state.second].map(|state| self.factor(state));
        let part = |queries: Var<'g>, state: Var<'g>, rows: Var<'g>, columns: Var<'g>, factor: Option<Var<'g>>| {
            let of_state = queries.matmul_transposed(state);
            let of_state = decays.since_begin.map_or(of_state, |since| of_state * since);
            let found = of_state - (queries.matmul_transposed(rows) * decays.between).matmul(columns);
            factor.map_or(found, |factor| found * factor)
        };
        let inside = part(chunk.query, state.first, chunk.key, slopes.first, first).gelu();
        let read = part(inside, state.second, slopes.activations, slopes.second, second);
        (next, chunk.query + standardised(read).0)
    }

    /// The memory that a state stands for.
    fn map<'g>(&self, state: Var<'g>, row_sum: Option<Var<'g>>) -> Var<'g> {
        match (self.update.retention(), row_sum) {
            (Retention::Softmax, Some(sum)) => state.softmax() * sum,
            _ => self.factor(state).map_or(state, |factor| state * factor),
        }
    }

    /// What a norm multiplies the state by: |A|_q^(2 - q).
    fn factor<'g>(&self, state: Var<'g>) -> Option<Var<'g>> {
        match self.update.retention() {
            Retention::Norm { q } if q != 2.0 => {
                let powers = (state.square() + SQUARE * SQUARE).power(q / 2.0).sum_keeping(&[2, 3]);
                Some(powers.power((2.0 - q) / q))
            }
            _ => None,
        }
    }

    /// The slopes of the loss at this memory, for every token of a chunk.
    fn slopes<'g>(&self, memory: State<'g>, chunk: &Chunk<'g>) -> Slopes<'g> {
        let hidden = chunk.key.matmul_transposed(memory.first);
        let activations = hidden.gelu();
        let (normed, scale) = standardised(activations.matmul_transposed(memory.second));
        let slope = self.loss_slope(chunk.key + normed - chunk.value, chunk.delta);
        // Through the layer norm: what its mean and its variance take away.
        let along = (slope * normed).mean_keeping(&[3]);
        let second = (slope - slope.mean_keeping(&[3]) - normed * along) * scale;
        let first = second.matmul(memory.second) * gelu_slope(hidden);
        Slopes { first, second, activations }
    }

    /// The slope of the loss by the error `[batch, heads, tokens, head]`.
    fn loss_slope<'g>(&self, error: Var<'g>, delta: Option<Var<'g>>) -> Var<'g> {
        let sign = || (error * STEEP).tanh();
        let norm = || (error.square().sum_keeping(&[3]) + SQUARE * SQUARE).sqrt();
        match (self.update.loss(self.settings.threshold), delta) {
            (Loss::SmoothPower { p }, _) => sign() * (error.square() + SQUARE).power((p - 1.0) / 2.0) * p,
            (Loss::HuberNorm, Some(delta)) => {
                let one = error.graph().scalar(1.0);
                error * (delta / norm()).minimum(one)
            }
            (Loss::HuberSign, Some(delta)) => {
                let beyond = norm().greater(delta);
                error + beyond * (sign() * delta - error)
            }
            (Loss::DotProduct, _) => panic!("a deep memory descends the error"),
            _ => error,
        }
    }
}

/// How much of what was written is left, by the tokens of a chunk.
struct Decays<'g> {
    /// From before the chunk to every token, `[batch, heads, tokens, 1]`; none where nothing fades.
    since_begin: Option<Var<'g>>,
    /// From before the chunk to behind it, `[batch, heads, 1, 1]`.
    whole: Option<Var<'g>>,
    /// From token s to token t, times the step of s; zero for s behind t, `[batch, heads, t, s]`.
    between: Var<'g>,
    /// From token s to the end, times its step, `[batch, heads, tokens, 1]`.
    to_end: Var<'g>,
}

impl<'g> Decays<'g> {
    fn new(chunk: &Chunk<'g>, tokens: usize) -> Self {
        let graph: &'g Graph = chunk.key.graph();
        let (eta, steps) = (chunk.eta, chunk.eta.permute(&[0, 1, 3, 2]));
        let seen = |at: usize| at % tokens <= at / tokens;
        let Some(decay) = chunk.decay else {
            let seen =
                graph.constant([1, 1, tokens, tokens], (0..tokens * tokens).map(|i| f32::from(seen(i))).collect());
            return Decays { since_begin: None, whole: None, between: seen * steps, to_end: eta };
        };
        let behind = (0..tokens * tokens).map(|i| if seen(i) { 0.0 } else { -1e9 }).collect();
        let behind = graph.constant([1, 1, tokens, tokens], behind);
        let sum = decay.cumsum(2);
        let last = sum.slice(2, tokens - 1, 1);
        Decays {
            since_begin: Some(sum.exp()),
            whole: Some(last.exp()),
            between: (sum - sum.permute(&[0, 1, 3, 2]) + behind).exp() * steps,
            to_end: (last - sum).exp() * eta,
        }
    }
}

/// The last axis brought to mean 0 and variance 1, and what it was multiplied by.
fn standardised(x: Var<'_>) -> (Var<'_>, Var<'_>) {
    let centred = x - x.mean_keeping(&[3]);
    let scale = (centred.square().mean_keeping(&[3]) + VARIANCE).sqrt().reciprocal();
    (centred * scale, scale)
}

/// The derivative of gelu's tanh form.
fn gelu_slope(x: Var<'_>) -> Var<'_> {
    let (root, cubic) = GELU;
    let square = x.square();
    let bent = (x * (square * cubic + 1.0) * root).tanh();
    let slope = (square * (3.0 * cubic) + 1.0) * root;
    (bent + 1.0) * 0.5 + x * (bent.square() * -1.0 + 1.0) * slope * 0.5
}
