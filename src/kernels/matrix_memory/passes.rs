//! Passes over the state of one head, which lies in tiles of `L` value channels: `[tile][key][L]`.
//! The lanes beyond the last value channel hold what does no harm: their errors, reads and gradients
//! are zero.

use super::rule::Retention;
use super::slope::power;
use crate::kernels::isa::Arithmetic;
use crate::kernels::lanes::{larger, load, sum};
use crate::kernels::math::{exp, log, sigmoid};

/// Lowest logarithm of an element of a normalised memory.
const LOWEST: f32 = -30.0;
/// Added to the sum of the powers of a state, so that the norm of a state of zeros can divide.
const LEAST_POWERS: f32 = 1e-18;

/// The rows (one a key channel) of every tile.
#[inline(always)]
fn tiles<const L: usize>(state: &[f32], key: usize) -> impl Iterator<Item = &[[f32; L]]> {
    state.as_chunks::<L>().0.chunks_exact(key)
}

/// As [`tiles`], to write.
#[inline(always)]
fn tiles_mut<const L: usize>(state: &mut [f32], key: usize) -> impl Iterator<Item = &mut [[f32; L]]> {
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
        for j in 0..L {
            out[j] = scale * total[j];
        }
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
            out[j] = alpha[j] * total[j];
        }
    }
}

/// `out_key += scale sum over the value channels of M vector`.
#[inline(always)]
pub(super) fn read_across<A: Arithmetic, const L: usize>(memory: &[f32], scale: f32, vector: &[f32], out: &mut [f32]) {
    for (tile, vector) in tiles::<L>(memory, out.len()).zip(lanes::<L>(vector)) {
        for (row, out) in tile.iter().zip(out.iter_mut()) {
            let mut product = [0.0; L];
            for j in 0..L {
                product[j] = row[j] * vector[j];
            }
            *out = A::mul_add(scale, sum(product), *out);
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
            *out = A::mul_add(*by_key, sum(product), *out);
        }
    }
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
        for ((row, &k), &by_key) in tile.iter_mut().zip(key).zip(decay.key) {
            for j in 0..L {
                row[j] = A::mul_add(write[j], k, alpha[j] * by_key * row[j]);
            }
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
        for (((row, after), &k), &by_key) in before.iter().zip(after).zip(key).zip(decay.key) {
            for j in 0..L {
                after[j] = A::mul_add(write[j], k, alpha[j] * by_key * row[j]);
            }
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
        let (mut read, mut ahead) = ([0.0; L], [0.0; L]);
        for (((row, &k), &q), &next) in tile.iter_mut().zip(keys.key).zip(keys.query).zip(keys.next) {
            for j in 0..L {
                row[j] = A::mul_add(write[j], k, alpha[j] * row[j]);
                read[j] = A::mul_add(q, row[j], read[j]);
                ahead[j] = A::mul_add(next, row[j], ahead[j]);
            }
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
        for (((row, moved), &k), &by_key) in tile.iter_mut().zip(momentum).zip(key).zip(decay.key) {
            for j in 0..L {
                moved[j] = A::mul_add(theta[j], moved[j], write[j] * k);
                row[j] = A::mul_add(alpha[j] * by_key, row[j], moved[j]);
            }
        }
    }
}

/// What the retention does to the state after a write.
#[inline(always)]
pub(super) fn settle<A: Arithmetic, const L: usize>(retention: Retention, state: &mut [f32], key: usize) {
    match retention {
        Retention::Linear | Retention::Sigmoid | Retention::Norm { .. } => {}
        Retention::ElasticNet { threshold } => {
            for row in state.as_chunks_mut::<L>().0 {
                for x in row {
                    *x = if x.abs() > threshold { *x - threshold.copysign(*x) } else { 0.0 };
                }
            }
        }
        Retention::Softmax => {
            for tile in tiles_mut::<L>(state, key) {
                normalise::<A, L>(tile);
            }
        }
    }
}

/// Every lane less the logarithm of the sum of its exponentials.
#[inline(always)]
fn normalise<A: Arithmetic, const L: usize>(tile: &mut [[f32; L]]) {
    let mut top = [f32::NEG_INFINITY; L];
    for row in &*tile {
        for j in 0..L {
            top[j] = larger(row[j], top[j]);
        }
    }
    let mut total = [0.0; L];
    for row in &*tile {
        for j in 0..L {
            total[j] += exp::<A>(row[j] - top[j]);
        }
    }
    for j in 0..L {
        top[j] += log::<A>(total[j]);
    }
    for row in tile {
        for j in 0..L {
            row[j] = larger(LOWEST, row[j] - top[j]);
        }
    }
}

/// Makes the memory of the state: fills `memory` where it is no multiple of the state, and gives
/// the factor where it is one.
#[inline(always)]
pub(super) fn refresh<A: Arithmetic, const L: usize>(retention: Retention, state: &[f32], memory: &mut [f32]) -> f32 {
    let rows = state.as_chunks::<L>().0.iter().zip(memory.as_chunks_mut::<L>().0);
    match retention {
        Retention::Linear | Retention::ElasticNet { .. } => 1.0,
        Retention::Softmax => {
            for (x, m) in rows {
                for j in 0..L {
                    m[j] = exp::<A>(x[j]);
                }
            }
            1.0
        }
        Retention::Sigmoid => {
            for (x, m) in rows {
                for j in 0..L {
                    m[j] = sigmoid::<A>(x[j]);
                }
            }
            1.0
        }
        Retention::Norm { q } => exp::<A>((2.0 - q) / q * log::<A>(powers::<A, L>(state, q))),
    }
}

/// The sum of the `q`-th powers of all magnitudes.
#[inline(always)]
fn powers<A: Arithmetic, const L: usize>(state: &[f32], q: f32) -> f32 {
    let mut total = [0.0; L];
    for row in state.as_chunks::<L>().0 {
        for j in 0..L {
            total[j] += power::<A>(row[j].abs(), q);
        }
    }
    sum(total) + LEAST_POWERS
}

/// The gradient of a memory, row by row. Not a closure: one that is not inlined is compiled without
/// the instruction set.
pub(super) trait Rows<const L: usize> {
    /// Of one tile and key channel.
    fn row<A: Arithmetic>(&self, tile: usize, key: usize) -> [f32; L];
}

/// The sum of the outer products of two pairs (value channels, key channels).
pub(super) struct Outer<'a>(pub(super) [(&'a [f32], &'a [f32]); 2]);

impl<const L: usize> Rows<L> for Outer<'_> {
    #[inline(always)]
    fn row<A: Arithmetic>(&self, tile: usize, key: usize) -> [f32; L] {
        let [a, b] = self.0;
        let (x, y) = (&a.0.as_chunks::<L>().0[tile], &b.0.as_chunks::<L>().0[tile]);
        let mut row = [0.0; L];
        for j in 0..L {
            row[j] = A::mul_add(x[j], a.1[key], y[j] * b.1[key]);
        }
        row
    }
}

/// A matrix with this many key channels.
pub(super) struct Whole<'a>(pub(super) &'a [f32], pub(super) usize);

impl<const L: usize> Rows<L> for Whole<'_> {
    #[inline(always)]
    fn row<A: Arithmetic>(&self, tile: usize, key: usize) -> [f32; L] {
        self.0.as_chunks::<L>().0[tile * self.1 + key]
    }
}

/// Adds to `d_state` what comes through the memory, whose gradient is `d_memory`; `inner` is the sum of
/// the products of that gradient and the state.
#[inline(always)]
pub(super) fn refresh_backward<A: Arithmetic, const L: usize>(
    retention: Retention,
    [state, memory]: [&[f32]; 2],
    key: usize,
    inner: f32,
    d_state: &mut [f32],
    d_memory: &impl Rows<L>,
) {
    // By the norm: how much of the state's powers comes off.
    let (scale, along) = match retention {
        Retention::Norm { q } => {
            let total = log::<A>(powers::<A, L>(state, q));
            let scale = exp::<A>((2.0 - q) / q * total);
            (scale, (2.0 - q) * inner * exp::<A>(((2.0 - q) / q - 1.0) * total))
        }
        _ => (1.0, 0.0),
    };
    let memory = if retention.is_scaled() { state } else { memory };
    let states = tiles::<L>(memory, key).zip(tiles_mut::<L>(d_state, key)).enumerate();
    for (tile, (memory, d_state)) in states {
        for (k, (m, d)) in memory.iter().zip(d_state).enumerate() {
            let by_memory = d_memory.row::<A>(tile, k);
            match retention {
                Retention::Linear | Retention::ElasticNet { .. } => {
                    for j in 0..L {
                        d[j] += by_memory[j];
                    }
                }
                Retention::Softmax => {
                    for j in 0..L {
                        d[j] = A::mul_add(by_memory[j], m[j], d[j]);
                    }
                }
                Retention::Sigmoid => {
                    for j in 0..L {
                        d[j] = A::mul_add(by_memory[j], m[j] * (1.0 - m[j]), d[j]);
                    }
                }
                Retention::Norm { q } => {
                    for j in 0..L {
                        let slope = power::<A>(m[j].abs(), q - 1.0).copysign(m[j]);
                        d[j] += A::mul_add(scale, by_memory[j], along * slope);
                    }
                }
            }
        }
    }
}

/// `M += vector key^T`.
#[inline(always)]
pub(super) fn add_outer<A: Arithmetic, const L: usize>(matrix: &mut [f32], vector: &[f32], key: &[f32]) {
    for (tile, vector) in tiles_mut::<L>(matrix, key.len()).zip(lanes::<L>(vector)) {
        for (row, &k) in tile.iter_mut().zip(key) {
            for j in 0..L {
                row[j] = A::mul_add(vector[j], k, row[j]);
            }
        }
    }
}

/// Turns the gradient of the settled state into that before [`settle`].
#[inline(always)]
pub(super) fn settle_backward<A: Arithmetic, const L: usize>(
    retention: Retention,
    state: &[f32],
    memory: &[f32],
    d_state: &mut [f32],
    key: usize,
) {
    match retention {
        Retention::Linear | Retention::Sigmoid | Retention::Norm { .. } => {}
        Retention::ElasticNet { .. } => {
            for (d, &x) in d_state.iter_mut().zip(state) {
                *d = if x == 0.0 { 0.0 } else { *d };
            }
        }
        Retention::Softmax => {
            let tiles = tiles::<L>(state, key).zip(tiles::<L>(memory, key)).zip(tiles_mut::<L>(d_state, key));
            for ((state, memory), d_state) in tiles {
                let mut total = [0.0; L];
                for (d, x) in d_state.iter_mut().zip(state) {
                    for j in 0..L {
                        d[j] = if x[j] > LOWEST { d[j] } else { 0.0 };
                        total[j] += d[j];
                    }
                }
                for (d, m) in d_state.iter_mut().zip(memory) {
                    for j in 0..L {
                        d[j] = A::mul_add(-m[j], total[j], d[j]);
                    }
                }
            }
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
            for j in 0..L {
                moved[j] = carried[j] + d[j];
                total[j] = A::mul_add(moved[j], before[j], total[j]);
                carried[j] = theta[j] * moved[j];
            }
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
        let mut total = [0.0; L];
        let rows = d_state.iter_mut().zip(before).zip(key.iter().zip(decay.key)).zip(d_alpha_key.iter_mut());
        for (((d, before), (&k, &by_key)), d_by_key) in rows {
            let mut across = [0.0; L];
            for j in 0..L {
                let whole = A::mul_add(d_error[j], k, d[j]);
                let product = whole * before[j];
                total[j] = A::mul_add(product, by_key, total[j]);
                across[j] = product * alpha[j];
                d[j] = whole * alpha[j] * by_key;
            }
            *d_by_key += sum(across);
        }
        *d_alpha = total;
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
