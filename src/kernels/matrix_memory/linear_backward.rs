//! The backward of a memory that is its state, rows of which decay: one sweep over the state and its
//! gradient for each token.

use super::backward::{HeadGradients, HeadSaved, Vectors, through_slope};
use super::buffers::vector_or;
use super::passes::{add_outer, decay_and_write_into, from_tiles, into_tiles, read, read_across, total, widen};
use super::rule::ErrorOf;
use super::{Head, Steering, take, take_write};
use crate::kernels::isa::Arithmetic;

/// What [`step_back`] takes of token `t` (its write, the gradient of its error, its decay and key), and of
/// the token before (the gradient of its read, its query and key).
struct Pair<'a> {
    write: &'a [f32],
    d_error: &'a [f32],
    alpha: &'a [f32],
    key: &'a [f32],
    d_out_before: &'a [f32],
    query_before: &'a [f32],
    key_before: &'a [f32],
}

/// What [`step_back`] gives: adds to the gradients of token `t`'s key and of the query before, and sets
/// those of `t`'s decay and of the write before.
struct Given<'a> {
    d_key: &'a mut [f32],
    d_query_before: &'a mut [f32],
    d_alpha: &'a mut [f32],
    d_write_before: &'a mut [f32],
}

/// From the gradient of the state after token `t` to that of the state before it, which is `state`, with
/// all that the token before reads there; `DECAYED`: the error is of the decayed state.
#[inline(always)]
fn step_back<A: Arithmetic, const L: usize, const DECAYED: bool>(
    d_state: &mut [f32],
    state: &[f32],
    pair: &Pair<'_>,
    given: Given<'_>,
) {
    let key = pair.key.len();
    let tiles = state.as_chunks::<L>().0.chunks_exact(key).zip(d_state.as_chunks_mut::<L>().0.chunks_exact_mut(key));
    for (i, (states, d_states)) in tiles.enumerate() {
        let lanes = |x: &[f32]| x.as_chunks::<L>().0[i];
        let (write, d_error, alpha) = (lanes(pair.write), lanes(pair.d_error), lanes(pair.alpha));
        let d_out = lanes(pair.d_out_before);
        let (mut d_alpha, mut d_write) = ([0.0; L], [0.0; L]);
        let keys = pair.key.iter().zip(pair.query_before.iter().zip(pair.key_before));
        let outputs = given.d_key.iter_mut().zip(&mut *given.d_query_before);
        for (((x, d), (&k, (&q, &k_before))), (d_key, d_query)) in states.iter().zip(d_states).zip(keys).zip(outputs) {
            let (x, mut next) = (*x, *d);
            let (mut by_key, mut by_query) = ([0.0; L], [0.0; L]);
            for j in 0..L {
                by_query[j] = d_out[j] * x[j];
                let before = if DECAYED {
                    by_key[j] = A::mul_add(alpha[j] * d_error[j], x[j], write[j] * next[j]);
                    let whole = A::mul_add(d_error[j], k, next[j]);
                    d_alpha[j] = A::mul_add(whole, x[j], d_alpha[j]);
                    alpha[j] * whole
                } else {
                    by_key[j] = A::mul_add(d_error[j], x[j], write[j] * next[j]);
                    d_alpha[j] = A::mul_add(next[j], x[j], d_alpha[j]);
                    A::mul_add(d_error[j], k, alpha[j] * next[j])
                };
                next[j] = A::mul_add(d_out[j], q, before);
                d_write[j] = A::mul_add(next[j], k_before, d_write[j]);
            }
            *d = next;
            *d_key += total(by_key);
            *d_query += total(by_query);
        }
        given.d_alpha.as_chunks_mut::<L>().0[i] = d_alpha;
        given.d_write_before.as_chunks_mut::<L>().0[i] = d_write;
    }
}

/// One head from the last token to the first.
#[inline(always)]
pub(super) fn linear_tiles<A: Arithmetic, const L: usize>(
    head: &Head<'_>,
    saved: HeadSaved<'_>,
    mut gradients: HeadGradients<'_>,
    mut work: &mut [f32],
) {
    let (memory, sizes) = (head.memory, head.memory.sizes());
    let (matrix, segment, last) = (sizes.matrix(), memory.segment(), memory.shape.tokens - 1);
    let states = take(&mut work, (segment + 1) * matrix);
    let mut gates = Steering::new(sizes, take(&mut work, sizes.steering()));
    let d_state = take(&mut work, matrix);
    let mut vectors = Vectors::new(sizes.wide, sizes.key, &mut work);
    let (kept, errors) = saved.checkpoints.split_at(memory.states_len());
    match saved.d_last {
        [] => d_state.fill(0.0),
        d_last => into_tiles::<L>(d_last, d_state, sizes.key),
    }
    for s in (0..memory.segments()).rev() {
        let first = s * segment;
        let count = segment.min(memory.shape.tokens - first);
        states[..matrix].copy_from_slice(&kept[s * matrix..][..matrix]);
        for i in 0..count {
            let (before, after) = states.split_at_mut((i + 1) * matrix);
            gates.load(head, first + i);
            let error = vector_or(errors, first + i, sizes.wide, vectors.none);
            take_write::<A>(head, first + i, &gates, error, [&mut *vectors.u, &mut *vectors.write]);
            let key = head.k.at(first + i);
            let before = &before[i * matrix..];
            decay_and_write_into::<A, L>(before, gates.decay(), vectors.write, key, &mut after[..matrix]);
        }
        if first + count == last + 1 {
            // What the last token reads: later ones come with the step back to them.
            widen::<L>(saved.d_out.at(last), vectors.d_out);
            add_outer::<A, L>(d_state, vectors.d_out, head.q.at(last));
            let d_query = &mut gradients.dq[last * head.q.stride..][..sizes.key];
            d_query.fill(0.0);
            read_across::<A, L>(&states[count * matrix..][..matrix], 1.0, vectors.d_out, d_query);
            read::<A, L>(d_state, 1.0, head.k.at(last), vectors.d_write);
        }
        for i in (0..count).rev() {
            let t = first + i;
            gates.load(head, t);
            let error = vector_or(errors, t, sizes.wide, vectors.none);
            through_slope::<A>(head, t, &gates, error, &mut vectors, &mut gradients);
            one_token::<A, L>(
                head,
                t,
                &gates,
                &saved,
                [&mut *d_state, &mut states[i * matrix..][..matrix]],
                &mut vectors,
                &mut gradients,
            );
        }
    }
    if !gradients.d_initial.is_empty() {
        from_tiles::<L>(d_state, gradients.d_initial, sizes.key);
    }
}

/// Steps back over token `t` and its read of the state before.
#[inline(always)]
fn one_token<A: Arithmetic, const L: usize>(
    head: &Head<'_>,
    t: usize,
    gates: &Steering<'_>,
    saved: &HeadSaved<'_>,
    [d_state, state]: [&mut [f32]; 2],
    vectors: &mut Vectors<'_>,
    gradients: &mut HeadGradients<'_>,
) {
    // Before the first token nobody reads; what comes out for its query goes nowhere.
    let before = t.saturating_sub(1);
    match t {
        0 => vectors.d_out.fill(0.0),
        _ => widen::<L>(saved.d_out.at(before), vectors.d_out),
    }
    let width = head.k.width;
    let d_query = if t == 0 { &mut *vectors.by_query } else { &mut gradients.dq[before * head.q.stride..][..width] };
    d_query.fill(0.0);
    let pair = Pair {
        write: vectors.write,
        d_error: vectors.d_error,
        alpha: gates.alpha,
        key: head.k.at(t),
        d_out_before: vectors.d_out,
        query_before: head.q.at(before),
        key_before: head.k.at(before),
    };
    let given = Given {
        d_key: &mut gradients.dk[t * head.k.stride..][..width],
        d_query_before: d_query,
        d_alpha: vectors.d_gate,
        d_write_before: vectors.d_write,
    };
    match head.memory.rule.error_of {
        ErrorOf::Decayed => step_back::<A, L, true>(d_state, state, &pair, given),
        _ => step_back::<A, L, false>(d_state, state, &pair, given),
    }
    gradients.gather(head, t, head.layout.alpha, vectors.d_gate);
}
