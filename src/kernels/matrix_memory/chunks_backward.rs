//! The gradients of the chunked form, chunk by chunk from the last to the first; see [`super::chunks`].
//!
//! With `G` the gradient of the state after a chunk and `do_i` that of a read:
//! `dw_j = D_nj (G k_j) + sum_{i >= j} (q_i . k_j) D_ij do_i`, `ds_ij = do_i . D_ij w_j` by the score `q_i . k_j`,
//! `dq_i = X_0^T (D_i0 do_i) + sum_j ds_ij k_j`,
//! `dk_j = G^T (D_nj w_j) + X_0^T de_j + sum_i ds_ij q_i`, and
//! `dX_0 = D_n0 G + sum_i (D_i0 do_i) q_i^T + sum_j de_j k_j^T`. What alpha gets is gathered where each
//! decayed write walks back over the tokens, so that nothing is divided by alpha.

use std::ops::Range;

use super::backward::{HeadGradients, HeadSaved, Vectors, through_slope};
use super::chunks::{Lengths, empty_tiles, fill_tiles, read_all, scores, turn, vectors, write_all};
use super::passes::{total, widen};
use super::products::{Into, Lines, SLACK, Scalars, product};
use super::{Head, Loss, MatrixMemory, Steering, take, take_write};
use crate::kernels::isa::{Arithmetic, kernel};
use crate::kernels::lanes::Track;

impl MatrixMemory {
    /// Floats that a head's chunks need backward.
    pub(super) fn chunks_backward_work(&self) -> usize {
        let lengths = Lengths::of(self);
        let turned = 2 * (lengths.wide * lengths.key_wide + SLACK);
        let chain = lengths.tokens * lengths.tile;
        let vectors = super::backward::VALUE_VECTORS * lengths.wide + super::backward::KEY_VECTORS * lengths.key;
        let state = 2 * lengths.state() + turned + self.sizes().steering();
        let pairs = lengths.keys_across() + 2 * lengths.pairs() + 2 * lengths.keys();
        state + 7 * lengths.values() + pairs + chain + vectors
    }
}

/// The state before a chunk, the gradient of that after it, and room for one tile of every token.
struct Matrices<'a> {
    state: &'a [f32],
    d_state: &'a mut [f32],
    chain: &'a mut [f32],
}

/// Of every token of a chunk a vector over the value channels, in whole tiles.
struct Values<'a> {
    alpha: &'a mut [f32],
    /// Writes; later as they are after the chunk.
    write: &'a mut [f32],
    /// Gradients of what is read; later of what is read of the state before the chunk.
    d_out: &'a mut [f32],
    /// What the queries read of the state before the chunk.
    read: &'a mut [f32],
    /// What the keys read of the gradient of the state after the chunk; later the gradients of writes.
    d_write: &'a mut [f32],
    d_alpha: &'a mut [f32],
    d_error: &'a mut [f32],
}

kernel! {
    /// Decays, writes and gradients of reads of some tokens.
    fn gather<A>(
        head: &Head<'_>, tokens: Range<usize>, errors: &[f32], d_out: Track<'_>, gates: &mut Steering<'_>,
        values: &mut Values<'_>, vectors: &mut Vectors<'_>
    ) {
        let wide = vectors.u.len();
        for (i, t) in tokens.enumerate() {
            let at = i * wide..(i + 1) * wide;
            gates.load_steps(head, t);
            if let Some(alpha) = head.layout.alpha {
                alpha.spread(head.gates.at(t), head.h, &mut values.alpha[at.clone()]);
            }
            let error = errors.get(at.clone()).unwrap_or(vectors.none);
            take_write::<A>(head, t, gates, error, [&mut *vectors.u, &mut values.write[at.clone()]]);
            widen::<8>(d_out.at(t), &mut values.d_out[at]);
        }
    }
}

kernel! {
    /// Back over the pairs of tokens: from `scores`, what is read, and the gradient of the state `d_state` after
    /// the chunk, the gradients of scores (zeros above the diagonal), writes and alphas; decays `d_state`.
    fn pairs<A>(
        lengths: Lengths, count: usize, decays: bool, scores: &[f32], d_scores: &mut [f32], values: &mut Values<'_>,
        matrices: Matrices<'_>
    ) {
        d_scores.fill(0.0);
        match (lengths.tile, decays) {
            (8, false) => pairs_tiles::<A, 8, false>(lengths, count, scores, d_scores, values, matrices),
            (8, true) => pairs_tiles::<A, 8, true>(lengths, count, scores, d_scores, values, matrices),
            (16, false) => pairs_tiles::<A, 16, false>(lengths, count, scores, d_scores, values, matrices),
            (16, true) => pairs_tiles::<A, 16, true>(lengths, count, scores, d_scores, values, matrices),
            (_, false) => pairs_tiles::<A, 32, false>(lengths, count, scores, d_scores, values, matrices),
            (_, true) => pairs_tiles::<A, 32, true>(lengths, count, scores, d_scores, values, matrices),
        }
    }
}

#[inline(always)]
fn pairs_tiles<A: Arithmetic, const L: usize, const DECAYS: bool>(
    lengths: Lengths,
    count: usize,
    scores: &[f32],
    d_scores: &mut [f32],
    values: &mut Values<'_>,
    Matrices { state, d_state, chain }: Matrices<'_>,
) {
    let (tiles, line, key) = (lengths.wide / L, lengths.line(), lengths.key);
    let Values { alpha, write, d_out, read, d_write, d_alpha, .. } = values;
    let [alpha, read] = [&**alpha, &**read].map(|x| x.as_chunks::<L>().0);
    let [write, d_out, d_write, d_alpha] =
        [&mut **write, &mut **d_out, &mut **d_write, &mut **d_alpha].map(|x| x.as_chunks_mut::<L>().0);
    let chain = &mut chain.as_chunks_mut::<L>().0[..count];
    for tile in 0..tiles {
        for i in 0..count {
            d_alpha[i * tiles + tile] = [0.0; L];
        }
        for s in 0..count {
            let mut carried = write[s * tiles + tile];
            chain[s] = carried;
            if DECAYS {
                for i in s + 1..count {
                    let alpha = &alpha[i * tiles + tile];
                    for j in 0..L {
                        carried[j] *= alpha[j];
                    }
                    chain[i] = carried;
                }
                write[s * tiles + tile] = carried;
            }
            let mut d = d_write[s * tiles + tile];
            for i in (s..count).rev() {
                let at = i * tiles + tile;
                let (d_out, score) = (d_out[at], scores[i * line + s]);
                let now = if DECAYS { chain[i] } else { chain[s] };
                let mut product = [0.0; L];
                for j in 0..L {
                    product[j] = d_out[j] * now[j];
                    d[j] = A::mul_add(score, d_out[j], d[j]);
                }
                d_scores[i * line + s] += total(product);
                if DECAYS && i > s {
                    let (alpha, mut by_alpha, before) = (alpha[at], d_alpha[at], chain[i - 1]);
                    for j in 0..L {
                        by_alpha[j] = A::mul_add(d[j], before[j], by_alpha[j]);
                        d[j] *= alpha[j];
                    }
                    d_alpha[at] = by_alpha;
                }
            }
            d_write[s * tiles + tile] = d;
        }
        if DECAYS {
            let states = &state.as_chunks::<L>().0[tile * key..][..key];
            let d_states = &mut d_state.as_chunks_mut::<L>().0[tile * key..][..key];
            // The state before the chunk decays as if it had been written there.
            let mut d = [0.0; L];
            for (x, dx) in states.iter().zip(&*d_states) {
                for j in 0..L {
                    d[j] = A::mul_add(x[j], dx[j], d[j]);
                }
            }
            let mut kept = [1.0; L];
            for i in 0..count {
                chain[i] = kept;
                let alpha = &alpha[i * tiles + tile];
                for j in 0..L {
                    kept[j] *= alpha[j];
                }
            }
            for i in (0..count).rev() {
                let at = i * tiles + tile;
                let (alpha, read, before) = (alpha[at], read[at], chain[i]);
                let (mut by_read, mut by_alpha) = (d_out[at], d_alpha[at]);
                for j in 0..L {
                    d[j] = A::mul_add(by_read[j], read[j], d[j]);
                    by_alpha[j] = A::mul_add(d[j], before[j], by_alpha[j]);
                    d[j] *= alpha[j];
                    by_read[j] *= alpha[j] * before[j];
                }
                (d_out[at], d_alpha[at]) = (by_read, by_alpha);
            }
            for row in d_states {
                let mut d = *row;
                for j in 0..L {
                    d[j] *= kept[j];
                }
                *row = d;
            }
        }
    }
}

kernel! {
    /// From the gradients of writes those of errors, values and gates.
    fn scatter<A>(
        head: &Head<'_>, tokens: Range<usize>, errors: &[f32], gates: &mut Steering<'_>, values: &mut Values<'_>,
        vectors: &mut Vectors<'_>, gradients: &mut HeadGradients<'_>
    ) {
        let wide = vectors.u.len();
        for (i, t) in tokens.enumerate() {
            let at = i * wide..(i + 1) * wide;
            gates.load_steps(head, t);
            let error = errors.get(at.clone()).unwrap_or(vectors.none);
            let mut own = Vectors {
                u: &mut *vectors.u,
                write: &mut *vectors.write,
                d_out: &mut *vectors.d_out,
                d_write: &mut values.d_write[at.clone()],
                d_slope: &mut *vectors.d_slope,
                d_error: &mut values.d_error[at.clone()],
                d_gate: &mut *vectors.d_gate,
                none: vectors.none,
                by_query: &mut *vectors.by_query,
                by_key: &mut *vectors.by_key,
            };
            through_slope::<A>(head, t, gates, error, &mut own, gradients);
            gradients.gather(head, t, head.layout.alpha, &values.d_alpha[at]);
        }
    }
}

/// The keys or queries of a chunk: as they lie, or where too little follows the last of them, a copy.
fn lines<'a>(track: Track<'a>, [first, count]: [usize; 2], lengths: Lengths, copy: &'a mut [f32]) -> Lines<'a> {
    let data = &track.data[first * track.stride..];
    if (count - 1) * track.stride + lengths.key.next_multiple_of(SLACK) <= data.len() {
        return Lines { data, stride: track.stride };
    }
    for (i, line) in copy.chunks_exact_mut(lengths.key_wide).take(count).enumerate() {
        line[..lengths.key].copy_from_slice(track.at(first + i));
        line[lengths.key..].fill(0.0);
    }
    Lines { data: copy, stride: lengths.key_wide }
}

/// A state by its rows: `[value channel][key channel]`.
fn by_rows<'a>(state: &[f32], lengths: Lengths, to: &'a mut [f32]) -> Lines<'a> {
    let (tile, key) = (lengths.tile, lengths.key);
    for (state, to) in state.chunks_exact(tile * key).zip(to.chunks_exact_mut(tile * lengths.key_wide)) {
        turn(state, tile, key, tile, to, lengths.key_wide);
    }
    Lines { data: to, stride: lengths.key_wide }
}

/// One head from the last token to the first, as [`super::backward::head_backward`].
pub(super) fn head_backward_by_chunks(
    head: &Head<'_>,
    saved: HeadSaved<'_>,
    mut gradients: HeadGradients<'_>,
    mut work: &mut [f32],
) {
    let (memory, lengths) = (head.memory, Lengths::of(&head.memory));
    let sizes = memory.sizes();
    let (matrix, wide, key) = (sizes.matrix(), lengths.wide, lengths.key);
    let work = &mut work;
    let [state, d_state] = [(); 2].map(|()| take(work, lengths.state()));
    let turned = [(); 2].map(|()| take(work, wide * lengths.key_wide + SLACK));
    let mut gates = Steering::new(sizes, take(work, sizes.steering()));
    let [alpha, write, d_out, read, d_write, d_alpha, d_error] = [(); 7].map(|()| take(work, lengths.values()));
    alpha.fill(1.0);
    let mut values = Values { alpha, write, d_out, read, d_write, d_alpha, d_error };
    let across = take(work, lengths.keys_across());
    let [s, d_s] = [(); 2].map(|()| take(work, lengths.pairs()));
    let [keys, queries] = [(); 2].map(|()| take(work, lengths.keys()));
    let chain = take(work, lengths.tokens * lengths.tile);
    let mut vectors_of = Vectors::new(wide, key, work);
    let (kept, errors) = saved.checkpoints.split_at(memory.states_len());
    match saved.d_last {
        [] => d_state[..matrix].fill(0.0),
        d_last => fill_tiles(lengths.tile, d_last, &mut d_state[..matrix], key),
    }
    let (decays, predicts) = (memory.gates.alpha.is_some(), memory.rule.loss != Loss::DotProduct);
    let [state_rows, d_rows] = turned;
    for (chunk, kept) in kept.chunks_exact(matrix).enumerate().rev() {
        let first = chunk * lengths.tokens;
        let count = lengths.tokens.min(memory.shape.tokens - first);
        let (tokens, range) = ([first, count], first..first + count);
        let errors = errors.get(first * wide..).unwrap_or_default();
        state[..matrix].copy_from_slice(kept);
        gather(head, range.clone(), errors, saved.d_out, &mut gates, &mut values, &mut vectors_of);
        scores(head, lengths, tokens, across, s);
        let (k, q) = (vectors(&head.k, first), vectors(&head.q, first));
        if decays {
            read_all(lengths, count, state, q, values.read);
        }
        read_all(lengths, count, d_state, k, values.d_write);
        let d_rows = by_rows(&d_state[..matrix], lengths, d_rows);
        let matrices = Matrices { state: &state[..matrix], d_state: &mut d_state[..matrix], chain };
        pairs(lengths, count, decays, s, d_s, &mut values, matrices);
        scatter(head, range, errors, &mut gates, &mut values, &mut vectors_of, &mut gradients);
        let state_rows = by_rows(&state[..matrix], lengths, state_rows);
        let by_token = |data| Scalars { data, row: wide, column: 1 };
        let of_keys = |d: &mut [f32], stride: usize, add: bool, depth: usize, a: Scalars<'_>, b: Lines<'_>| {
            product([count, depth, key], a, b, Into { data: &mut d[first * stride..], stride, add });
        };
        let d_scores = Scalars { data: d_s, row: lengths.line(), column: 1 };
        let (dq, dk) = (&mut *gradients.dq, &mut *gradients.dk);
        of_keys(dq, head.q.stride, false, wide, by_token(values.d_out), state_rows);
        of_keys(dq, head.q.stride, true, count, d_scores, lines(head.k, tokens, lengths, keys));
        of_keys(dk, head.k.stride, false, wide, by_token(values.write), d_rows);
        of_keys(dk, head.k.stride, true, count, d_scores.turned(), lines(head.q, tokens, lengths, queries));
        if predicts {
            of_keys(dk, head.k.stride, true, wide, by_token(values.d_error), state_rows);
            write_all(lengths, count, values.d_error, k, d_state);
        }
        write_all(lengths, count, values.d_out, q, d_state);
    }
    if !gradients.d_initial.is_empty() {
        empty_tiles(lengths.tile, &d_state[..matrix], gradients.d_initial, key);
    }
}
