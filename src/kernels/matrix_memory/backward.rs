//! The gradients of a matrix memory, token by token from the last to the first.

use super::buffers::vector_or;
use super::chunks_backward::head_backward_by_chunks;
use super::linear_backward::linear_tiles;
use super::passes::{
    add_outer, decay_backward, from_tiles, into_tiles, move_backward, read, read_across, read_decayed_across, widen,
};
use super::retention::{Outer, Whole, refresh, refresh_backward, settle_backward};
use super::rule::{ErrorOf, Gate, Loss};
use super::slope::slope_backward;
use super::{
    Head, MatrixMemory, MatrixMemoryInputs, Record, ScanShape, Steering, View, take, take_write, write_token_into,
};
use crate::base::threads::Pool;
use crate::kernels::isa::{Arithmetic, kernel};
use crate::kernels::lanes::{Track, sum_of_products};
use crate::kernels::linear_attention::tile_columns;
use crate::kernels::split::{blocks_of, items_per_block, split};

/// What one head writes backward, each from its first number on; all hold zeros before.
pub(super) struct HeadGradients<'a> {
    pub(super) dq: &'a mut [f32],
    pub(super) dk: &'a mut [f32],
    pub(super) dv: &'a mut [f32],
    /// The rows of all heads.
    pub(super) d_gates: &'a mut [f32],
    /// `[dv, dk]`, or empty.
    pub(super) d_initial: &'a mut [f32],
}

impl HeadGradients<'_> {
    /// Sets the gradient of a gate at token `t`, if there is one, from that of every channel.
    #[inline(always)]
    pub(super) fn gather(&mut self, head: &Head<'_>, t: usize, gate: Option<Gate>, channels: &[f32]) {
        if let Some(gate) = gate {
            gate.gather(channels, &mut self.d_gates[t * head.layout.width..][..head.layout.width], head.h);
        }
    }
}

/// What one head reads backward beside its inputs.
#[derive(Clone, Copy)]
pub(super) struct HeadSaved<'a> {
    pub(super) checkpoints: &'a [f32],
    pub(super) d_out: Track<'a>,
    /// `[dv, dk]`, or empty.
    pub(super) d_last: &'a [f32],
}

/// The gradients that walk back from token to token.
struct Carried<'a> {
    /// Of the state.
    state: &'a mut [f32],
    /// Of the momentum, or empty.
    momentum: &'a mut [f32],
    /// Of the next token's error, if it was taken of the memory before that token; else zeros.
    error: &'a mut [f32],
    /// Of the memory that the chunk's errors were taken of; empty if there are no chunks.
    chunk_start: &'a mut [f32],
}

/// Vectors over the channels that a token needs.
pub(super) struct Vectors<'a> {
    pub(super) u: &'a mut [f32],
    pub(super) write: &'a mut [f32],
    pub(super) d_out: &'a mut [f32],
    pub(super) d_write: &'a mut [f32],
    pub(super) d_slope: &'a mut [f32],
    pub(super) d_error: &'a mut [f32],
    /// Gradient of the gate at hand.
    pub(super) d_gate: &'a mut [f32],
    pub(super) none: &'a [f32],
    pub(super) by_query: &'a mut [f32],
    pub(super) by_key: &'a mut [f32],
}

pub(super) const VALUE_VECTORS: usize = 8;
pub(super) const KEY_VECTORS: usize = 2;

impl<'a> Vectors<'a> {
    pub(super) fn new(wide: usize, key: usize, work: &mut &'a mut [f32]) -> Self {
        let [u, write, d_out, d_write] = [(); 4].map(|()| take(work, wide));
        let [d_slope, d_error, d_gate, none] = [(); 4].map(|()| take(work, wide));
        none.fill(0.0);
        let [by_query, by_key] = [(); 2].map(|()| take(work, key));
        Vectors { u, write, d_out, d_write, d_slope, d_error, d_gate, none, by_query, by_key }
    }
}

kernel! {
    /// One head from the last token to the first.
    fn head_backward<A>(head: Head<'_>, saved: HeadSaved<'_>, gradients: HeadGradients<'_>, work: &mut [f32]) {
        match (tile_columns(head.v.width), head.memory.is_linear()) {
            (8, true) => linear_tiles::<A, 8>(&head, saved, gradients, work),
            (16, true) => linear_tiles::<A, 16>(&head, saved, gradients, work),
            (_, true) => linear_tiles::<A, 32>(&head, saved, gradients, work),
            (8, false) => backward_tiles::<A, 8>(&head, saved, gradients, work),
            (16, false) => backward_tiles::<A, 16>(&head, saved, gradients, work),
            (_, false) => backward_tiles::<A, 32>(&head, saved, gradients, work),
        }
    }
}

#[inline(always)]
fn backward_tiles<A: Arithmetic, const L: usize>(
    head: &Head<'_>,
    saved: HeadSaved<'_>,
    mut gradients: HeadGradients<'_>,
    mut work: &mut [f32],
) {
    let (memory, sizes) = (head.memory, head.memory.sizes());
    let segment = memory.segment();
    let records = take(&mut work, (segment + 1) * sizes.record());
    let scales = take(&mut work, segment + 1);
    let (states, errors) = saved.checkpoints.split_at(memory.states_len());
    let mut gates = Steering::new(sizes, take(&mut work, sizes.steering()));
    let state = take(&mut work, sizes.matrix());
    let momentum = take(&mut work, sizes.kept() - sizes.matrix());
    let moved = take(&mut work, sizes.kept() - sizes.matrix());
    let error = take(&mut work, sizes.wide);
    let mut carried = Carried { state, momentum, error, chunk_start: take(&mut work, memory.chunk_start_len()) };
    let mut vectors = Vectors::new(sizes.wide, sizes.key, &mut work);
    carried.momentum.fill(0.0);
    carried.error.fill(0.0);
    carried.chunk_start.fill(0.0);
    match saved.d_last {
        [] => carried.state.fill(0.0),
        d_last => into_tiles::<L>(d_last, carried.state, sizes.key),
    }
    for s in (0..memory.segments()).rev() {
        let first = s * segment;
        let count = segment.min(memory.shape.tokens - first);
        let kept = &states[s * sizes.kept()..][..sizes.kept()];
        let errors = errors.get(first * sizes.wide..).unwrap_or_default();
        replay::<A, L>(head, [first, count], [kept, errors], &mut gates, [&mut *records, &mut *scales], &mut vectors);
        for i in (0..count).rev() {
            let (t, view) = (first + i, |i| View::of(sizes, records, i));
            gates.load(head, t);
            widen::<L>(saved.d_out.at(t), vectors.d_out);
            let after = (view(i + 1), scales[i + 1]);
            through_memory::<A, L>(head, Some(t), after, &mut carried, &mut vectors, &mut gradients);
            let [state, seen] = [after.0.state, after.0.seen()];
            settle_backward::<A, L>(memory.rule.retention, state, seen, carried.state, sizes.key);
            let token = Token {
                t,
                error: vector_or(errors, i, sizes.wide, vectors.none),
                before: view(i),
                chunk_start: (view(i - i % memory.chunk()).seen(), scales[i - i % memory.chunk()]),
            };
            through_write::<A, L>(head, token, &gates, moved, &mut carried, &mut vectors, &mut gradients);
        }
    }
    let start = (View::of(sizes, records, 0), scales[0]);
    vectors.d_out.fill(0.0);
    through_memory::<A, L>(head, None, start, &mut carried, &mut vectors, &mut gradients);
    if !gradients.d_initial.is_empty() {
        from_tiles::<L>(carried.state, gradients.d_initial, sizes.key);
    }
}

/// Computes the records of a segment again: `records[i]` is the one before token `first + i`.
#[inline(always)]
fn replay<A: Arithmetic, const L: usize>(
    head: &Head<'_>,
    [first, count]: [usize; 2],
    [kept, errors]: [&[f32]; 2],
    gates: &mut Steering<'_>,
    [records, scales]: [&mut [f32]; 2],
    vectors: &mut Vectors<'_>,
) {
    let sizes = head.memory.sizes();
    records[..sizes.kept()].copy_from_slice(kept);
    let start = Record::of(sizes, &mut records[..sizes.record()]);
    scales[0] = refresh::<A, L>(head.memory.rule.retention, start.state, start.memory);
    for i in 0..count {
        let (before, after) = records.split_at_mut((i + 1) * sizes.record());
        let mut after = Record::of(sizes, &mut after[..sizes.record()]);
        gates.load(head, first + i);
        let error = vector_or(errors, i, sizes.wide, vectors.none);
        take_write::<A>(head, first + i, gates, error, [&mut *vectors.u, &mut *vectors.write]);
        let before = View::of(sizes, before, i);
        scales[i + 1] = write_token_into::<A, L>(head, first + i, gates, vectors.write, before, &mut after);
    }
}

/// The gradient through the memory after token `t` (or before the first): what `t` read from it, and
/// what the next token's error, or those of the chunk that begins there, did. Adds to the gradients
/// of that query and that key.
#[inline(always)]
fn through_memory<A: Arithmetic, const L: usize>(
    head: &Head<'_>,
    t: Option<usize>,
    (record, scale): (View<'_>, f32),
    carried: &mut Carried<'_>,
    vectors: &mut Vectors<'_>,
    gradients: &mut HeadGradients<'_>,
) {
    let key = head.k.width;
    let next = t.map_or(0, |t| (t + 1).min(head.memory.shape.tokens - 1));
    let (query, next_key) = (head.q.at(t.unwrap_or(0)), head.k.at(next));
    vectors.by_query.fill(0.0);
    vectors.by_key.fill(0.0);
    if let Some(t) = t {
        read_across::<A, L>(record.seen(), 1.0, vectors.d_out, vectors.by_query);
        let dq = &mut gradients.dq[t * head.q.stride..][..key];
        for (dq, x) in dq.iter_mut().zip(&*vectors.by_query) {
            *dq = scale * x;
        }
    }
    if head.memory.predicts() && !head.memory.is_chunked() {
        read_across::<A, L>(record.seen(), 1.0, carried.error, vectors.by_key);
        let dk = &mut gradients.dk[next * head.k.stride..][..key];
        for (dk, x) in dk.iter_mut().zip(&*vectors.by_key) {
            *dk = A::mul_add(scale, *x, *dk);
        }
    }
    let inner = sum_of_products::<A>(query, vectors.by_query) + sum_of_products::<A>(next_key, vectors.by_key);
    let pairs = [(&*vectors.d_out, query), (&*carried.error, next_key)];
    let (retention, states) = (head.memory.rule.retention, [record.state, record.memory]);
    refresh_backward::<A, L>(retention, states, key, inner, carried.state, &Outer(pairs));
    if head.memory.is_chunked() && t.is_none_or(|t| (t + 1) % head.memory.chunk() == 0) {
        let inner = sum_of_products::<A>(carried.chunk_start, record.state);
        let rows = Whole(carried.chunk_start, key);
        refresh_backward::<A, L>(retention, states, key, inner, carried.state, &rows);
        carried.chunk_start.fill(0.0);
    }
}

/// What the backward of a token's write reads of the forward.
#[derive(Clone, Copy)]
struct Token<'a> {
    t: usize,
    error: &'a [f32],
    before: View<'a>,
    /// The memory that the error was taken of: a buffer and its factor.
    chunk_start: (&'a [f32], f32),
}

/// From `d_write`, the gradient of token `t`'s write `-eta u`: sets `u`, `write`, `d_slope` and `d_error`
/// of the vectors, and the gradients of eta, delta and the value.
#[inline(always)]
pub(super) fn through_slope<A: Arithmetic>(
    head: &Head<'_>,
    t: usize,
    gates: &Steering<'_>,
    error: &[f32],
    vectors: &mut Vectors<'_>,
    gradients: &mut HeadGradients<'_>,
) {
    let loss = head.memory.rule.loss;
    take_write::<A>(head, t, gates, error, [&mut *vectors.u, &mut *vectors.write]);
    for (((d_slope, d_eta), (dw, u)), eta) in vectors
        .d_slope
        .iter_mut()
        .zip(&mut *vectors.d_gate)
        .zip(vectors.d_write.iter().zip(&*vectors.u))
        .zip(&*gates.eta)
    {
        (*d_slope, *d_eta) = (-eta * dw, -u * dw);
    }
    gradients.gather(head, t, head.layout.eta, vectors.d_gate);
    slope_backward::<A>(loss, error, gates.delta, vectors.d_slope, vectors.d_error, vectors.d_gate);
    gradients.gather(head, t, head.layout.delta, vectors.d_gate);
    let by_value = if loss == Loss::DotProduct { &*vectors.d_slope } else { &*vectors.d_error };
    let dv = &mut gradients.dv[t * head.v.stride..][..head.v.width];
    for (dv, x) in dv.iter_mut().zip(by_value) {
        *dv = -x;
    }
}

/// The gradient through the write of token `t`, its error and the decay of the state before.
#[inline(always)]
fn through_write<A: Arithmetic, const L: usize>(
    head: &Head<'_>,
    token: Token<'_>,
    gates: &Steering<'_>,
    moved: &mut [f32],
    carried: &mut Carried<'_>,
    vectors: &mut Vectors<'_>,
    gradients: &mut HeadGradients<'_>,
) {
    let Token { t, error, before, chunk_start } = token;
    let (rule, layout, key) = (head.memory.rule, head.layout, head.k.at(t));
    let decayed = rule.error_of == ErrorOf::Decayed;
    let by_write: &[f32] = if moved.is_empty() {
        carried.state
    } else {
        let buffers = [&mut *carried.momentum, &mut *moved];
        move_backward::<A, L>(carried.state, before.momentum, gates.theta, buffers, vectors.d_gate, key.len());
        gradients.gather(head, t, layout.theta, vectors.d_gate);
        moved
    };
    read::<A, L>(by_write, 1.0, key, vectors.d_write);
    through_slope::<A>(head, t, gates, error, vectors, gradients);
    let dk = &mut gradients.dk[t * head.k.stride..][..key.len()];
    read_across::<A, L>(by_write, 1.0, vectors.write, dk);
    if decayed {
        read_decayed_across::<A, L>(before.state, gates.decay(), vectors.d_error, dk);
    }
    if head.memory.is_chunked() {
        read_across::<A, L>(chunk_start.0, chunk_start.1, vectors.d_error, dk);
        add_outer::<A, L>(carried.chunk_start, vectors.d_error, key);
    } else if head.memory.predicts() {
        carried.error.copy_from_slice(vectors.d_error);
    }
    if layout.alpha.is_some() || decayed {
        let d_error = if decayed { &*vectors.d_error } else { vectors.none };
        let (d_alpha, d_alpha_key) = (&mut *vectors.d_gate, &mut *vectors.by_key);
        decay_backward::<A, L>(carried.state, before.state, gates.decay(), [d_error, key], d_alpha, d_alpha_key);
        let of_keys = layout.alpha.is_some_and(|gate| gate.is_of_keys());
        gradients.gather(head, t, layout.alpha, if of_keys { vectors.by_key } else { vectors.d_gate });
    }
}

/// What [`matrix_memory_backward`] reads.
#[derive(Clone, Copy, Debug)]
pub struct MatrixMemorySaved<'a> {
    /// The inputs of the forward; `initial` is not read.
    pub inputs: MatrixMemoryInputs<'a>,
    /// The states that it kept.
    pub checkpoints: &'a [f32],
    /// The gradient of its output, `[B, T, H*dv]`.
    pub d_out: &'a [f32],
    /// The gradient of its last states, `[B, H, dv, dk]`, if anything read them.
    pub d_last: Option<&'a [f32]>,
}

/// The gradients that [`matrix_memory_backward`] overwrites, shaped as what they belong to.
#[derive(Debug)]
pub struct MatrixMemoryGradients<'a> {
    /// By the queries.
    pub dq: &'a mut [f32],
    /// By the keys.
    pub dk: &'a mut [f32],
    /// By the values.
    pub dv: &'a mut [f32],
    /// By the gates.
    pub d_gates: &'a mut [f32],
    /// By the states before the first token; empty if not wanted.
    pub d_initial: &'a mut [f32],
}

/// Floats of one block.
fn backward_work(memory: MatrixMemory) -> usize {
    if memory.by_chunks() {
        return memory.chunks_backward_work();
    }
    let (sizes, segment) = (memory.sizes(), memory.segment());
    let records = (segment + 1) * (sizes.record() + 1);
    let carried = sizes.matrix() + 2 * (sizes.kept() - sizes.matrix()) + sizes.wide + memory.chunk_start_len();
    records + sizes.steering() + carried + VALUE_VECTORS * sizes.wide + KEY_VECTORS * sizes.key
}

/// Scratch of [`matrix_memory_backward`], in floats.
pub fn matrix_memory_backward_scratch(memory: MatrixMemory) -> usize {
    blocks_of(memory.shape.batch) * backward_work(memory)
}

/// The gradients of [`super::matrix_memory`]. `scratch`: [`matrix_memory_backward_scratch`].
pub fn matrix_memory_backward(
    pool: &Pool,
    memory: MatrixMemory,
    saved: MatrixMemorySaved<'_>,
    gradients: MatrixMemoryGradients<'_>,
    scratch: &mut [f32],
) {
    let ScanShape { batch, tokens, heads, key, value } = memory.shape;
    let (items, blocks) = (items_per_block(batch), blocks_of(batch));
    let (keys, values, wide) = (memory.shape.item_keys(), memory.shape.item_values(), memory.gates_width());
    let (state, kept) = (heads * value * key, memory.checkpoints_len());
    let MatrixMemoryGradients { dq, dk, dv, d_gates, d_initial } = gradients;
    let outputs = [
        (dq, items * keys),
        (dk, items * keys),
        (dv, items * values),
        (d_gates, items * tokens * wide),
        (d_initial, items * state),
        (scratch, backward_work(memory)),
    ];
    split(pool, blocks, outputs, |block, [dq, dk, dv, d_gates, d_initial, work]| {
        dk.fill(0.0);
        for (i, h) in (0..items.min(batch - block * items)).flat_map(|i| (0..heads).map(move |h| (i, h))) {
            let item = block * items + i;
            let at = (item * heads + h) * value * key;
            let saved_head = HeadSaved {
                checkpoints: &saved.checkpoints[item * kept + h * (kept / heads)..][..kept / heads],
                d_out: memory.shape.track(saved.d_out, item, h, value),
                d_last: saved.d_last.map_or(&[], |x| &x[at..at + value * key]),
            };
            let gradients = HeadGradients {
                dq: &mut dq[i * keys + h * key..],
                dk: &mut dk[i * keys + h * key..],
                dv: &mut dv[i * values + h * value..],
                d_gates: &mut d_gates[i * tokens * wide..],
                d_initial: match d_initial.is_empty() {
                    true => &mut [],
                    false => &mut d_initial[i * state + h * value * key..][..value * key],
                },
            };
            let head = Head::new(memory, saved.inputs, item, h);
            match memory.by_chunks() {
                true => head_backward_by_chunks(&head, saved_head, gradients, work),
                false => head_backward(head, saved_head, gradients, work),
            }
        }
    });
}
