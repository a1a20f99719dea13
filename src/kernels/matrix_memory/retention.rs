//! What a retention does to the state of one head, in the tiles of [`super::passes`]: how the memory is made of
//! it, what happens to it after a write, and the gradients of both.

use super::passes::{tiles, tiles_mut, total};
use super::rule::Retention;
use super::slope::power;
use crate::kernels::isa::Arithmetic;
use crate::kernels::lanes::larger;
use crate::kernels::math::{exp, log, sigmoid};

/// Lowest logarithm of an element of a normalised memory.
const LOWEST: f32 = -30.0;
/// Added to the sum of the powers of a state, so that the norm of a state of zeros can divide.
const LEAST_POWERS: f32 = 1e-18;

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
        let mut x = *row;
        for j in 0..L {
            x[j] = larger(LOWEST, x[j] - top[j]);
        }
        *row = x;
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
                let mut x = *x;
                for x in &mut x {
                    *x = exp::<A>(*x);
                }
                *m = x;
            }
            1.0
        }
        Retention::Sigmoid => {
            for (x, m) in rows {
                let mut x = *x;
                for x in &mut x {
                    *x = sigmoid::<A>(*x);
                }
                *m = x;
            }
            1.0
        }
        Retention::Norm { q } => exp::<A>((2.0 - q) / q * log::<A>(powers::<A, L>(state, q))),
    }
}

/// The sum of the `q`-th powers of all magnitudes.
#[inline(always)]
fn powers<A: Arithmetic, const L: usize>(state: &[f32], q: f32) -> f32 {
    let (rows, mut sums) = (state.as_chunks::<L>().0, [0.0; L]);
    // The published exponent has loops of its own, which vectors can run.
    if q == 4.0 {
        for row in rows {
            for j in 0..L {
                let square = row[j] * row[j];
                sums[j] = A::mul_add(square, square, sums[j]);
            }
        }
    } else {
        for row in rows {
            for j in 0..L {
                sums[j] += power::<A>(row[j].abs(), q);
            }
        }
    }
    total(sums) + LEAST_POWERS
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
            let (by_memory, m, mut sum) = (d_memory.row::<A>(tile, k), *m, *d);
            match retention {
                Retention::Linear | Retention::ElasticNet { .. } => {
                    for j in 0..L {
                        sum[j] += by_memory[j];
                    }
                }
                Retention::Softmax => {
                    for j in 0..L {
                        sum[j] = A::mul_add(by_memory[j], m[j], sum[j]);
                    }
                }
                Retention::Sigmoid => {
                    for j in 0..L {
                        sum[j] = A::mul_add(by_memory[j], m[j] * (1.0 - m[j]), sum[j]);
                    }
                }
                Retention::Norm { q: 4.0 } => {
                    for j in 0..L {
                        sum[j] += A::mul_add(scale, by_memory[j], along * (m[j] * m[j] * m[j]));
                    }
                }
                Retention::Norm { q } => {
                    for j in 0..L {
                        let slope = power::<A>(m[j].abs(), q - 1.0).copysign(m[j]);
                        sum[j] += A::mul_add(scale, by_memory[j], along * slope);
                    }
                }
            }
            *d = sum;
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
                for (row, x) in d_state.iter_mut().zip(state) {
                    let mut d = *row;
                    for j in 0..L {
                        d[j] = if x[j] > LOWEST { d[j] } else { 0.0 };
                        total[j] += d[j];
                    }
                    *row = d;
                }
                for (row, m) in d_state.iter_mut().zip(memory) {
                    let mut d = *row;
                    for j in 0..L {
                        d[j] = A::mul_add(-m[j], total[j], d[j]);
                    }
                    *row = d;
                }
            }
        }
    }
}
