//! Memories of a matrix a head that learn while a sequence is read: each token takes one step of a
//! rule `X_t = alpha_t X_{t-1} - eta_t u_t k_t^T`, `u_t` the slope of a loss at the error
//! `e_t = M_{t-1} k_t - v_t`, and then reads `o_t = M_t q_t` (Behrouz et al. 2025, "It's All
//! Connected"). Linear attention, RetNet, gated linear attention, the delta rule, Titans, Moneta,
//! Yaad and Memora are members: see [`Rule`].
//!
//! The forward keeps the state every `sqrt(T)` tokens, and every error; the backward computes the states
//! between two of them again, and walks back over them. There are three ways: token by token for every
//! rule; one sweep a token backward where the memory is its state (`linear_backward`); products of
//! matrices where it is and its errors are taken a chunk at a time (`chunks`).

mod backward;
mod buffers;
mod chunks;
mod chunks_backward;
mod linear_backward;
mod passes;
mod products;
mod retention;
mod rule;
mod slope;
#[cfg(test)]
mod tests;

pub use backward::{MatrixMemoryGradients, MatrixMemorySaved, matrix_memory_backward, matrix_memory_backward_scratch};
pub use rule::{Channels, ErrorOf, Gates, Loss, Retention, Rule};

use super::isa::{Arithmetic, kernel};
use super::lanes::Track;
use super::linear_attention::{ScanShape, tile_columns};
use super::split::{blocks_of, items_per_block, split};
use crate::base::threads::Pool;
use buffers::{Record, Sizes, Steering, View, take};
use passes::{
    Keys, decay_and_move, decay_and_write, decay_and_write_into, from_tiles, into_tiles, read, read_decayed,
    write_and_read,
};
use retention::{refresh, settle};
use rule::Layout;
use slope::slope;

/// A memory: its shape, its rule and its gates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatrixMemory {
    /// Sequences, tokens, heads and widths.
    pub shape: ScanShape,
    /// What a token does.
    pub rule: Rule,
    /// Which gates steer it.
    pub gates: Gates,
}

impl MatrixMemory {
    /// Numbers of a token's gates.
    pub fn gates_width(&self) -> usize {
        self.gates.width(self.shape.heads, self.shape.key, self.shape.value)
    }

    /// Numbers that one sequence keeps for the backward: states and errors of all heads.
    pub fn checkpoints_len(&self) -> usize {
        self.shape.heads * (self.states_len() + self.errors_len())
    }

    /// Numbers of the states that are kept of a head.
    fn states_len(&self) -> usize {
        self.segments() * self.sizes().kept()
    }

    /// Numbers of the errors that are kept of a head.
    fn errors_len(&self) -> usize {
        if self.rule.loss == Loss::DotProduct { 0 } else { self.shape.tokens * self.sizes().wide }
    }

    /// Tokens between two states that are kept.
    fn segment(&self) -> usize {
        if self.by_chunks() {
            return self.chunk().min(self.shape.tokens).max(1);
        }
        self.shape.tokens.isqrt().max(1).next_multiple_of(self.chunk())
    }

    fn segments(&self) -> usize {
        self.shape.tokens.div_ceil(self.segment())
    }

    fn sizes(&self) -> Sizes {
        let (key, value) = (self.shape.key, self.shape.value);
        let wide = value.next_multiple_of(tile_columns(value));
        let (momentum, own) = (self.gates.theta.is_some(), !self.rule.retention.is_scaled());
        Sizes { key, wide, momentum, own }
    }

    /// Tokens whose errors are taken of one memory.
    fn chunk(&self) -> usize {
        match self.rule.error_of {
            ErrorOf::Chunk(tokens) => tokens.max(1),
            ErrorOf::Before | ErrorOf::Decayed => 1,
        }
    }

    /// Whether errors are taken of a memory (and not of a decayed state, or not at all).
    fn predicts(&self) -> bool {
        self.rule.loss != Loss::DotProduct && self.rule.error_of != ErrorOf::Decayed
    }

    /// Whether one sweep may write a token and read the next: the memory is its state up to a factor,
    /// and rows alone decay.
    fn sweeps_once(&self) -> bool {
        matches!(self.rule.retention, Retention::Linear | Retention::Norm { .. })
            && self.gates.theta.is_none()
            && self.gates.alpha != Some(Channels::Key)
    }

    /// Whether the memory is the state itself, and a sweep does a token backward too.
    fn is_linear(&self) -> bool {
        self.sweeps_once() && self.rule.retention == Retention::Linear && !self.is_chunked()
    }

    /// Numbers of a chunk's memory, or of its gradient.
    fn chunk_start_len(&self) -> usize {
        if self.is_chunked() { self.sizes().matrix() } else { 0 }
    }

    /// Whether they are taken of an earlier memory than the one before the token.
    fn is_chunked(&self) -> bool {
        self.predicts() && self.chunk() > 1
    }
}

/// What one head reads in both directions.
#[derive(Clone, Copy)]
struct Head<'a> {
    memory: MatrixMemory,
    layout: Layout,
    h: usize,
    q: Track<'a>,
    k: Track<'a>,
    v: Track<'a>,
    gates: Track<'a>,
}

impl<'a> Head<'a> {
    /// Head `h` of sequence `item`.
    fn new(memory: MatrixMemory, inputs: MatrixMemoryInputs<'a>, item: usize, h: usize) -> Self {
        let shape = memory.shape;
        let layout = memory.gates.layout(shape.heads, shape.key, shape.value);
        let gates = &inputs.gates[item * shape.tokens * layout.width..];
        Head {
            memory,
            layout,
            h,
            q: shape.track(inputs.q, item, h, shape.key),
            k: shape.track(inputs.k, item, h, shape.key),
            v: shape.track(inputs.v, item, h, shape.value),
            gates: Track { data: gates, stride: layout.width, width: layout.width },
        }
    }
}

/// Where the error of a token comes from.
#[derive(Clone, Copy)]
enum Prediction<'a> {
    /// The memory that is a factor times a buffer.
    Read(&'a [f32], f32),
    /// What the sweep before foretold of the state, and the factor of its memory.
    Foretold(&'a [f32], f32),
}

/// Sets `error` of token `t`; by [`ErrorOf::Decayed`] of the decayed `state`.
#[inline(always)]
fn take_error<A: Arithmetic, const L: usize>(
    head: &Head<'_>,
    t: usize,
    gates: &Steering<'_>,
    state: &[f32],
    prediction: Prediction<'_>,
    error: &mut [f32],
) {
    let decayed = head.memory.rule.error_of == ErrorOf::Decayed;
    match prediction {
        _ if head.memory.rule.loss == Loss::DotProduct => return error.fill(0.0),
        Prediction::Read(..) if decayed => read_decayed::<A, L>(state, gates.decay(), head.k.at(t), error),
        Prediction::Read(seen, scale) => read::<A, L>(seen, scale, head.k.at(t), error),
        Prediction::Foretold(read, _) if decayed => {
            for ((e, x), alpha) in error.iter_mut().zip(read).zip(&*gates.alpha) {
                *e = alpha * x;
            }
        }
        Prediction::Foretold(read, scale) => {
            for (e, x) in error.iter_mut().zip(read) {
                *e = scale * x;
            }
        }
    }
    let (real, beyond) = error.split_at_mut(head.v.width);
    for (e, v) in real.iter_mut().zip(head.v.at(t)) {
        *e -= v;
    }
    beyond.fill(0.0);
}

/// Sets the slope `u` and the write `-eta u` of token `t`.
#[inline(always)]
fn take_write<A: Arithmetic>(
    head: &Head<'_>,
    t: usize,
    gates: &Steering<'_>,
    error: &[f32],
    [u, write]: [&mut [f32]; 2],
) {
    slope::<A>(head.memory.rule.loss, error, head.v.at(t), gates.delta, u);
    for ((w, u), eta) in write.iter_mut().zip(&*u).zip(&*gates.eta) {
        *w = -eta * u;
    }
}

/// Writes token `t` into the record, and gives the new factor of its memory.
#[inline(always)]
fn write_token<A: Arithmetic, const L: usize>(
    head: &Head<'_>,
    t: usize,
    gates: &Steering<'_>,
    write: &[f32],
    record: &mut Record<'_>,
) -> f32 {
    let (retention, key) = (head.memory.rule.retention, head.k.at(t));
    if record.momentum.is_empty() {
        decay_and_write::<A, L>(record.state, gates.decay(), write, key);
    } else {
        let both = [&mut *record.state, &mut *record.momentum];
        decay_and_move::<A, L>(both, gates.decay(), gates.theta, write, key);
    }
    settle::<A, L>(retention, record.state, key.len());
    refresh::<A, L>(retention, record.state, record.memory)
}

/// The same from the record `before` into `record`.
#[inline(always)]
fn write_token_into<A: Arithmetic, const L: usize>(
    head: &Head<'_>,
    t: usize,
    gates: &Steering<'_>,
    write: &[f32],
    before: View<'_>,
    record: &mut Record<'_>,
) -> f32 {
    if !record.momentum.is_empty() {
        record.state.copy_from_slice(before.state);
        record.momentum.copy_from_slice(before.momentum);
        return write_token::<A, L>(head, t, gates, write, record);
    }
    let (retention, key) = (head.memory.rule.retention, head.k.at(t));
    decay_and_write_into::<A, L>(before.state, gates.decay(), write, key, record.state);
    settle::<A, L>(retention, record.state, key.len());
    refresh::<A, L>(retention, record.state, record.memory)
}

/// What one head writes forward; `out` has the stride of the values.
struct HeadOutputs<'a> {
    out: &'a mut [f32],
    last: &'a mut [f32],
    checkpoints: &'a mut [f32],
}

kernel! {
    /// One head from the first token to the last, from the state `initial` (`[dv, dk]`, or empty).
    fn head_forward<A>(head: Head<'_>, initial: &[f32], outputs: HeadOutputs<'_>, work: &mut [f32]) {
        match tile_columns(head.v.width) {
            8 => forward_tiles::<A, 8>(&head, initial, outputs, work),
            16 => forward_tiles::<A, 16>(&head, initial, outputs, work),
            _ => forward_tiles::<A, 32>(&head, initial, outputs, work),
        }
    }
}

#[inline(always)]
fn forward_tiles<A: Arithmetic, const L: usize>(
    head: &Head<'_>,
    initial: &[f32],
    outputs: HeadOutputs<'_>,
    mut work: &mut [f32],
) {
    let (memory, sizes) = (head.memory, head.memory.sizes());
    let mut record = Record::of(sizes, take(&mut work, sizes.record()));
    let mut gates = Steering::new(sizes, take(&mut work, sizes.steering()));
    let [error, u, write, wide, foretold] = [(); 5].map(|()| take(&mut work, sizes.wide));
    let (states, errors) = outputs.checkpoints.split_at_mut(memory.states_len());
    // The memory that a chunk's errors are taken of, if it is not the record's own.
    let chunk_start = take(&mut work, memory.chunk_start_len());
    let mut chunk_scale = 1.0;
    record.momentum.fill(0.0);
    if initial.is_empty() {
        // The logarithm of a uniform row; zeros for all others.
        let uniform = memory.rule.retention == Retention::Softmax;
        record.state.fill(if uniform { -(sizes.key as f32).ln() } else { 0.0 });
    } else {
        into_tiles::<L>(initial, record.state, sizes.key);
    }
    let mut scale = refresh::<A, L>(memory.rule.retention, record.state, record.memory);
    let once = memory.sweeps_once();
    if once {
        read::<A, L>(record.state, 1.0, head.k.at(0), foretold);
    }
    for t in 0..memory.shape.tokens {
        if t % memory.segment() == 0 {
            let kept = &mut states[t / memory.segment() * sizes.kept()..][..sizes.kept()];
            kept[..sizes.matrix()].copy_from_slice(record.state);
            kept[sizes.matrix()..].copy_from_slice(record.momentum);
        }
        gates.load(head, t);
        if memory.is_chunked() && t % memory.chunk() == 0 {
            chunk_start.copy_from_slice(record.view().seen());
            chunk_scale = scale;
        }
        let prediction = match (memory.is_chunked(), once) {
            (true, _) => Prediction::Read(chunk_start, chunk_scale),
            (_, true) => Prediction::Foretold(foretold, scale),
            _ => Prediction::Read(record.view().seen(), scale),
        };
        take_error::<A, L>(head, t, &gates, record.state, prediction, error);
        if !errors.is_empty() {
            errors[t * sizes.wide..][..sizes.wide].copy_from_slice(error);
        }
        take_write::<A>(head, t, &gates, error, [&mut *u, &mut *write]);
        if once {
            // After the last token nothing is foretold: any key will do.
            let next = head.k.at((t + 1).min(memory.shape.tokens - 1));
            let keys = Keys { key: head.k.at(t), query: head.q.at(t), next };
            write_and_read::<A, L>(record.state, gates.alpha, write, keys, [&mut *wide, &mut *foretold]);
            scale = refresh::<A, L>(memory.rule.retention, record.state, record.memory);
            for x in &mut *wide {
                *x *= scale;
            }
        } else {
            scale = write_token::<A, L>(head, t, &gates, write, &mut record);
            read::<A, L>(record.view().seen(), scale, head.q.at(t), wide);
        }
        outputs.out[t * head.v.stride..][..head.v.width].copy_from_slice(&wide[..head.v.width]);
    }
    from_tiles::<L>(record.state, outputs.last, sizes.key);
}

/// What a memory reads.
#[derive(Clone, Copy, Debug)]
pub struct MatrixMemoryInputs<'a> {
    /// Queries, `[B, T, H*dk]`.
    pub q: &'a [f32],
    /// Keys, `[B, T, H*dk]`.
    pub k: &'a [f32],
    /// Values, `[B, T, H*dv]`.
    pub v: &'a [f32],
    /// Gates side by side in the order of [`Gates`], `[B, T,` [`MatrixMemory::gates_width`]`]`.
    pub gates: &'a [f32],
    /// States before the first token, `[B, H, dv, dk]`: of the memory itself by [`Retention::Linear`],
    /// its logarithm by [`Retention::Softmax`].
    pub initial: Option<&'a [f32]>,
}

/// Scratch of [`matrix_memory`], in floats.
pub fn matrix_memory_scratch(memory: MatrixMemory) -> usize {
    blocks_of(memory.shape.batch) * forward_work(memory)
}

fn forward_work(memory: MatrixMemory) -> usize {
    if memory.by_chunks() {
        return memory.chunks_forward_work();
    }
    let sizes = memory.sizes();
    sizes.record() + sizes.steering() + 5 * sizes.wide + memory.chunk_start_len()
}

/// The memory over a sequence: `out` `[B, T, H*dv]`, the states after the `last` token
/// `[B, H, dv, dk]`, and `checkpoints` (`[B,` [`MatrixMemory::checkpoints_len`]`]`) for the backward.
/// `scratch`: [`matrix_memory_scratch`].
pub fn matrix_memory(
    pool: &Pool,
    memory: MatrixMemory,
    inputs: MatrixMemoryInputs<'_>,
    out: &mut [f32],
    last: &mut [f32],
    checkpoints: &mut [f32],
    scratch: &mut [f32],
) {
    let ScanShape { batch, heads, key, value, .. } = memory.shape;
    let (items, blocks) = (items_per_block(batch), blocks_of(batch));
    let (part, state, kept) = (memory.shape.item_values(), heads * value * key, memory.checkpoints_len());
    let outputs =
        [(out, items * part), (last, items * state), (checkpoints, items * kept), (scratch, forward_work(memory))];
    split(pool, blocks, outputs, |block, [out, last, checkpoints, work]| {
        for i in 0..items.min(batch - block * items) {
            let item = block * items + i;
            for h in 0..heads {
                let at = i * state + h * value * key;
                let initial = inputs.initial.map_or(&[][..], |x| &x[(item * heads + h) * value * key..][..value * key]);
                let outputs = HeadOutputs {
                    out: &mut out[i * part + h * value..],
                    last: &mut last[at..at + value * key],
                    checkpoints: &mut checkpoints[i * kept + h * (kept / heads)..][..kept / heads],
                };
                let head = Head::new(memory, inputs, item, h);
                match memory.by_chunks() {
                    true => chunks::head_forward_by_chunks(&head, initial, outputs, work),
                    false => head_forward(head, initial, outputs, work),
                }
            }
        }
    });
}
