//! Passes over the state of one head, which lies in tiles of `L` value channels: `[tile][key][L]`.
//! The lanes beyond the last value channel hold what does no harm: their errors, reads and gradients
//! are zero.
//!
//! Rows are worked on in copies: where a loop over lanes writes through one reference and reads through
//! another, the compiler does not know them apart, and goes number by number.

use crate::kernels::isa::Arithmetic;
use crate::kernels::lanes::load;

/// The rows (one a key channel) of every tile.
#[inline(always)]
pub(super) fn tiles<const L: usize>(state: &[f32], key: usize) -> impl Iterator<Item = &[[f32; L]]> {
    state.as_chunks::<L>().0.chunks_exact(key)
}

/// As [`tiles`], to write.
#[inline(always)]
pub(super) fn tiles_mut<const L: usize>(state: &mut [f32], key: usize) -> impl Iterator<Item = &mut [[f32; L]]> {
    state.as_chunks_mut::<L>().0.chunks_exact_mut(key)
}

/// The lanes of every tile of a vector over the value channels.
#[inline(always)]
fn lanes<const L: usize>(vector: &[f32]) -> impl Iterator<Item = &[f32; L]> {
    vector.as_chunks::<L>().0.iter()
}

/// As [`lanes`], to write.
#[inline(always)]
fn lanes_mut<const L: usize>(vector: &mut [f32]) -> impl Iterator<Item = &mut [f32; L]> {
    vector.as_chunks_mut::<L>().0.iter_mut()
}

/// What keeps the past: `alpha` by value and by key channel.
#[derive(Clone, Copy)]
pub(super) struct Decay<'a> {
    pub(super) value: &'a [f32],
    pub(super) key: &'a [f32],
}

/// `out = scale M vector`, over the key channels.
#[inline(always)]
pub(super) fn read<A: Arithmetic, const L: usize>(memory: &[f32], scale: f32, vector: &[f32], out: &mut [f32]) {
    for (tile, out) in tiles::<L>(memory, vector.len()).zip(lanes_mut::<L>(out)) {
        let mut total = [0.0; L];
        for (row, &x) in tile.iter().zip(vector) {
            for j in 0..L {
                total[j] = A::mul_add(x, row[j], total[j]);
            }
        }
        for x in &mut total {
            *x *= scale;
        }
        *out = total;
    }
}

/// `out = (alpha X) vector`.
#[inline(always)]
pub(super) fn read_decayed<A: Arithmetic, const L: usize>(
    state: &[f32],
    decay: Decay<'_>,
    vector: &[f32],
    out: &mut [f32],
) {
    for ((tile, out), alpha) in tiles::<L>(state, vector.len()).zip(lanes_mut::<L>(out)).zip(lanes::<L>(decay.value)) {
        let mut total = [0.0; L];
        for ((row, &x), &by_key) in tile.iter().zip(vector).zip(decay.key) {
            for j in 0..L {
                total[j] = A::mul_add(x * by_key, row[j], total[j]);
            }
        }
        for j in 0..L {
            total[j] *= alpha[j];
        }
        *out = total;
    }
}

/// `out_key += scale sum over the value channels of M vector`.
#[inline(always)]
pub(super) fn read_across<A: Arithmetic, const L: usize>(memory: &[f32], scale: f32, vector: &[f32], out: &mut [f32]) {
    for (tile, vector) in tiles::<L>(memory, out.len()).zip(lanes::<L>(vector)) {
        let vector = *vector;
        for (row, out) in tile.iter().zip(out.iter_mut()) {
            let mut product = [0.0; L];
            for j in 0..L {
                product[j] = row[j] * vector[j];
            }
            *out = A::mul_add(scale, total(product), *out);
        }
    }
}

/// `out_key += (alpha X)^T vector`.
#[inline(always)]
pub(super) fn read_decayed_across<A: Arithmetic, const L: usize>(
    state: &[f32],
    decay: Decay<'_>,
    vector: &[f32],
    out: &mut [f32],
) {
    let both = lanes::<L>(vector).zip(lanes::<L>(decay.value));
    for (tile, (vector, alpha)) in tiles::<L>(state, out.len()).zip(both) {
        for ((row, out), by_key) in tile.iter().zip(out.iter_mut()).zip(decay.key) {
            let mut product = [0.0; L];
            for j in 0..L {
                product[j] = row[j] * (vector[j] * alpha[j]);
            }
            *out = A::mul_add(*by_key, total(product), *out);
        }
    }
}

/// A row of a state after a write.
#[inline(always)]
fn written<A: Arithmetic, const L: usize>(
    mut row: [f32; L],
    alpha: &[f32; L],
    by_key: f32,
    write: &[f32; L],
    k: f32,
) -> [f32; L] {
    for j in 0..L {
        row[j] = A::mul_add(write[j], k, alpha[j] * by_key * row[j]);
    }
    row
}

/// The sum of the lanes, first of those eight apart: what stays in registers.
#[inline(always)]
pub(super) fn total<const L: usize>(lanes: [f32; L]) -> f32 {
    let mut eight = [0.0; 8];
    for part in lanes.as_chunks::<8>().0 {
        for j in 0..8 {
            eight[j] += part[j];
        }
    }
    let four = [eight[0] + eight[4], eight[1] + eight[5], eight[2] + eight[6], eight[3] + eight[7]];
    (four[0] + four[2]) + (four[1] + four[3])
}

/// `X = alpha X + write key^T`.
#[inline(always)]
pub(super) fn decay_and_write<A: Arithmetic, const L: usize>(
    state: &mut [f32],
    decay: Decay<'_>,
    write: &[f32],
    key: &[f32],
) {
    let both = lanes::<L>(write).zip(lanes::<L>(decay.value));
    for (tile, (write, alpha)) in tiles_mut::<L>(state, key.len()).zip(both) {
        let (write, alpha) = (*write, *alpha);
        for ((row, &k), &by_key) in tile.iter_mut().zip(key).zip(decay.key) {
            *row = written::<A, L>(*row, &alpha, by_key, &write, k);
        }
    }
}

/// The same from one buffer into another.
#[inline(always)]
pub(super) fn decay_and_write_into<A: Arithmetic, const L: usize>(
    before: &[f32],
    decay: Decay<'_>,
    write: &[f32],
    key: &[f32],
    after: &mut [f32],
) {
    let both = lanes::<L>(write).zip(lanes::<L>(decay.value));
    let states = tiles::<L>(before, key.len()).zip(tiles_mut::<L>(after, key.len()));
    for ((before, after), (write, alpha)) in states.zip(both) {
        let (write, alpha) = (*write, *alpha);
        for (((row, after), &k), &by_key) in before.iter().zip(after).zip(key).zip(decay.key) {
            *after = written::<A, L>(*row, &alpha, by_key, &write, k);
        }
    }
}

/// What a sweep of [`write_and_read`] takes of the tokens.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub(super) key: &'a [f32],
    pub(super) query: &'a [f32],
    /// The key of the next token, or any other.
    pub(super) next: &'a [f32],
}

/// `X = alpha X + write key^T`, with alpha by value channel, and in the same sweep `out = X query` and
/// `foretold = X next`.
#[inline(always)]
pub(super) fn write_and_read<A: Arithmetic, const L: usize>(
    state: &mut [f32],
    alpha: &[f32],
    write: &[f32],
    keys: Keys<'_>,
    [out, foretold]: [&mut [f32]; 2],
) {
    let gates = lanes::<L>(write).zip(lanes::<L>(alpha)).zip(lanes_mut::<L>(out).zip(lanes_mut::<L>(foretold)));
    for (tile, ((write, alpha), (out, foretold))) in tiles_mut::<L>(state, keys.key.len()).zip(gates) {
        let (write, alpha) = (*write, *alpha);
        let (mut read, mut ahead) = ([0.0; L], [0.0; L]);
        for (((row, &k), &q), &next) in tile.iter_mut().zip(keys.key).zip(keys.query).zip(keys.next) {
            let mut x = *row;
            for j in 0..L {
                x[j] = A::mul_add(write[j], k, alpha[j] * x[j]);
                read[j] = A::mul_add(q, x[j], read[j]);
                ahead[j] = A::mul_add(next, x[j], ahead[j]);
            }
            *row = x;
        }
        (*out, *foretold) = (read, ahead);
    }
}

/// `S = theta S + write key^T`, `X = alpha X + S`.
#[inline(always)]
pub(super) fn decay_and_move<A: Arithmetic, const L: usize>(
    [state, momentum]: [&mut [f32]; 2],
    decay: Decay<'_>,
    theta: &[f32],
    write: &[f32],
    key: &[f32],
) {
    let gates = lanes::<L>(write).zip(lanes::<L>(decay.value)).zip(lanes::<L>(theta));
    let both = tiles_mut::<L>(state, key.len()).zip(tiles_mut::<L>(momentum, key.len()));
    for ((tile, momentum), ((write, alpha), theta)) in both.zip(gates) {
        let (write, alpha, theta) = (*write, *alpha, *theta);
        for (((row, moved), &k), &by_key) in tile.iter_mut().zip(momentum).zip(key).zip(decay.key) {
            let (mut x, mut s) = (*row, *moved);
            for j in 0..L {
                s[j] = A::mul_add(theta[j], s[j], write[j] * k);
                x[j] = A::mul_add(alpha[j] * by_key, x[j], s[j]);
            }
            (*row, *moved) = (x, s);
        }
    }
}

/// `M += vector key^T`.
#[inline(always)]
pub(super) fn add_outer<A: Arithmetic, const L: usize>(matrix: &mut [f32], vector: &[f32], key: &[f32]) {
    for (tile, vector) in tiles_mut::<L>(matrix, key.len()).zip(lanes::<L>(vector)) {
        let vector = *vector;
        for (row, &k) in tile.iter_mut().zip(key) {
            let mut x = *row;
            for j in 0..L {
                x[j] = A::mul_add(vector[j], k, x[j]);
            }
            *row = x;
        }
    }
}

/// The gradient through the momentum: `dS += dX`, then of theta, then `dS *= theta`; `d_moved` holds
/// `dS` on return as it was before that, in place of a buffer the caller must have.
#[inline(always)]
pub(super) fn move_backward<A: Arithmetic, const L: usize>(
    d_state: &[f32],
    before: &[f32],
    theta: &[f32],
    [carried, d_moved]: [&mut [f32]; 2],
    d_theta: &mut [f32],
    key: usize,
) {
    let states = tiles::<L>(d_state, key).zip(tiles::<L>(before, key));
    let buffers = tiles_mut::<L>(carried, key).zip(tiles_mut::<L>(d_moved, key));
    let gates = lanes::<L>(theta).zip(lanes_mut::<L>(d_theta));
    for (((d_state, before), (carried, d_moved)), (theta, d_theta)) in states.zip(buffers).zip(gates) {
        let mut total = [0.0; L];
        for ((d, before), (carried, moved)) in d_state.iter().zip(before).zip(carried.iter_mut().zip(d_moved)) {
            let (mut sum, mut kept) = (*carried, [0.0; L]);
            for j in 0..L {
                sum[j] += d[j];
                total[j] = A::mul_add(sum[j], before[j], total[j]);
                kept[j] = theta[j] * sum[j];
            }
            (*moved, *carried) = (sum, kept);
        }
        *d_theta = total;
    }
}

/// The gradient through `alpha X` (and through the error, if it was taken of it): sets those of
/// alpha by value and by key channel, and leaves in `d_state` that of the state before.
#[inline(always)]
pub(super) fn decay_backward<A: Arithmetic, const L: usize>(
    d_state: &mut [f32],
    before: &[f32],
    decay: Decay<'_>,
    error: [&[f32]; 2],
    d_alpha: &mut [f32],
    d_alpha_key: &mut [f32],
) {
    let [d_error, key] = error;
    d_alpha_key.fill(0.0);
    let states = tiles_mut::<L>(d_state, key.len()).zip(tiles::<L>(before, key.len()));
    let gates = lanes::<L>(decay.value).zip(lanes::<L>(d_error)).zip(lanes_mut::<L>(d_alpha));
    for ((d_state, before), ((alpha, d_error), d_alpha)) in states.zip(gates) {
        let (alpha, d_error, mut by_value) = (*alpha, *d_error, [0.0; L]);
        let rows = d_state.iter_mut().zip(before).zip(key.iter().zip(decay.key)).zip(d_alpha_key.iter_mut());
        for (((d, before), (&k, &by_key)), d_by_key) in rows {
            let (mut across, mut sum) = ([0.0; L], *d);
            for j in 0..L {
                let whole = A::mul_add(d_error[j], k, sum[j]);
                let product = whole * before[j];
                by_value[j] = A::mul_add(product, by_key, by_value[j]);
                across[j] = product * alpha[j];
                sum[j] = whole * alpha[j] * by_key;
            }
            *d = sum;
            *d_by_key += total(across);
        }
        *d_alpha = by_value;
    }
}

/// Copies `[value, key]` into tiles, zeros in the lanes beyond.
#[inline(always)]
pub(super) fn into_tiles<const L: usize>(matrix: &[f32], state: &mut [f32], key: usize) {
    let value = matrix.len() / key.max(1);
    for (i, tile) in tiles_mut::<L>(state, key).enumerate() {
        for (k, row) in tile.iter_mut().enumerate() {
            for (j, x) in row.iter_mut().enumerate() {
                let channel = i * L + j;
                *x = if channel < value { matrix[channel * key + k] } else { 0.0 };
            }
        }
    }
}

/// Copies tiles to `[value, key]`.
#[inline(always)]
pub(super) fn from_tiles<const L: usize>(state: &[f32], matrix: &mut [f32], key: usize) {
    for (i, tile) in tiles::<L>(state, key).enumerate() {
        for (j, row) in matrix.chunks_exact_mut(key.max(1)).skip(i * L).take(L).enumerate() {
            for (x, from) in row.iter_mut().zip(tile) {
                *x = from[j];
            }
        }
    }
}

/// A vector of a token in whole tiles, zeros in the lanes beyond.
#[inline(always)]
pub(super) fn widen<const L: usize>(vector: &[f32], wide: &mut [f32]) {
    for (i, lanes) in wide.as_chunks_mut::<L>().0.iter_mut().enumerate() {
        *lanes = load::<L>(&vector[(i * L).min(vector.len())..], 0.0);
    }
}
