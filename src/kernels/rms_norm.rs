//! Root-mean-square normalisation over the last axis with a gain (Zhang and Sennrich 2019).

use super::isa::kernel;
use super::lanes::sum_of_products;
use super::layer_norm::{rows_per_block, sum_blocks};
use super::split::split;
use crate::base::threads::Pool;

kernel! {
    fn forward_block<A>(n: usize, eps: f32, x: &[f32], gain: &[f32], y: &mut [f32], scales: &mut [f32]) {
        for ((x, y), scale) in x.chunks(n).zip(y.chunks_mut(n)).zip(scales) {
            *scale = 1.0 / (sum_of_products::<A>(x, x) / n as f32 + eps).sqrt();
            for ((y, x), gain) in y.iter_mut().zip(x).zip(gain) {
                *y = x * *scale * gain;
            }
        }
    }
}

kernel! {
    /// `d_gain` sums over the rows of this block alone.
    fn backward_block<A>(
        n: usize, x: &[f32], gain: &[f32], scales: &[f32], dy: &[f32], dx: &mut [f32], d_gain: &mut [f32]
    ) {
        d_gain.fill(0.0);
        let rows = x.chunks(n).zip(dy.chunks(n)).zip(dx.chunks_mut(n));
        for (((x, dy), dx), &scale) in rows.zip(scales) {
            // First dx holds dy gain, which the mean below needs.
            for ((((x, dy), dx), gain), d_gain) in x.iter().zip(dy).zip(dx.iter_mut()).zip(gain).zip(d_gain.iter_mut()) {
                *dx = dy * gain;
                *d_gain = A::mul_add(*dy, x * scale, *d_gain);
            }
            let mean = sum_of_products::<A>(dx, x) * scale * scale / n as f32;
            for (dx, x) in dx.iter_mut().zip(x) {
                *dx = scale * A::mul_add(-*x, mean, *dx);
            }
        }
    }
}

/// `y = x / sqrt(mean(x^2) + eps) * gain` over rows of `n`. `x`, `y`: `[rows, n]`; `gain`: `[n]`;
/// `scales` (the reciprocal of the root), `[rows]`, is what the backward needs.
pub fn rms_norm(pool: &Pool, n: usize, eps: f32, x: &[f32], gain: &[f32], y: &mut [f32], scales: &mut [f32]) {
    let all = scales.len();
    let rows = rows_per_block(all, n);
    split(pool, all.div_ceil(rows), [(y, rows * n), (scales, rows)], |block, [y, scales]| {
        let first = block * rows * n;
        forward_block(n, eps, &x[first..first + y.len()], gain, y, scales);
    });
}

/// Scratch of [`rms_norm_backward`], in floats.
pub fn rms_norm_backward_scratch(rows: usize, n: usize) -> usize {
    rows.div_ceil(rows_per_block(rows, n)) * n
}

/// The gradients of [`rms_norm`] from `dy`: `dx` `[rows, n]` and `d_gain` `[n]`; they are
/// overwritten. `scratch`: [`rms_norm_backward_scratch`].
#[allow(clippy::too_many_arguments)]
pub fn rms_norm_backward(
    pool: &Pool,
    n: usize,
    x: &[f32],
    gain: &[f32],
    scales: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    d_gain: &mut [f32],
    scratch: &mut [f32],
) {
    let all = scales.len();
    let rows = rows_per_block(all, n);
    let blocks = all.div_ceil(rows);
    let partial = &mut scratch[..blocks * n];
    split(pool, blocks, [(dx, rows * n), (&mut *partial, n)], |block, [dx, d_gain]| {
        let range = block * rows..all.min((block + 1) * rows);
        let numbers = range.start * n..range.end * n;
        backward_block(n, &x[numbers.clone()], gain, &scales[range], &dy[numbers], dx, d_gain);
    });
    sum_blocks(partial, n, d_gain);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{
        assert_close, assert_same_at_any_threads, differences, dot, noise, on_every_set, wide,
    };

    const EPS: f32 = 1e-5;
    const SHAPES: [(usize, usize); 5] = [(3, 1), (5, 15), (4, 16), (70, 37), (40, 1000)];

    fn plain(n: usize, x: &[f64], gain: &[f64]) -> Vec<f64> {
        let row = |x: &[f64]| {
            let scale = 1.0 / (x.iter().map(|x| x * x).sum::<f64>() / n as f64 + f64::from(EPS)).sqrt();
            (0..n).map(|i| x[i] * scale * gain[i]).collect::<Vec<_>>()
        };
        x.chunks(n).flat_map(row).collect()
    }

    /// y, scales, dx, d_gain.
    fn run(pool: &Pool, n: usize, x: &[f32], gain: &[f32], dy: &[f32]) -> Vec<Vec<f32>> {
        let rows = x.len() / n;
        let (mut y, mut dx) = (vec![f32::NAN; rows * n], vec![f32::NAN; rows * n]);
        let (mut scales, mut d_gain) = (vec![f32::NAN; rows], vec![f32::NAN; n]);
        let mut scratch = vec![f32::NAN; rms_norm_backward_scratch(rows, n)];
        rms_norm(pool, n, EPS, x, gain, &mut y, &mut scales);
        rms_norm_backward(pool, n, x, gain, &scales, dy, &mut dx, &mut d_gain, &mut scratch);
        vec![y, scales, dx, d_gain]
    }

    #[test]
    fn forward_agrees_with_the_definition() {
        for (rows, n) in SHAPES {
            let (x, gain) = (noise(1, rows * n), noise(2, n));
            on_every_set(|pool| {
                assert_close("y", &run(pool, n, &x, &gain, &x)[0], &plain(n, &wide(&x), &wide(&gain)), 1e-5);
            });
        }
    }

    #[test]
    fn backward_agrees_with_differences() {
        for (rows, n) in [(3, 5), (2, 16), (5, 19)] {
            let (x, gain, dy) = (noise(1, rows * n), noise(2, n), noise(4, rows * n));
            let exact = [wide(&x), wide(&gain)];
            on_every_set(|pool| {
                let got = run(pool, n, &x, &gain, &dy);
                for i in 0..2 {
                    let loss = |x: &[Vec<f64>]| dot(&plain(n, &x[0], &x[1]), &wide(&dy));
                    assert_close(["dx", "d_gain"][i], &got[2 + i], &differences(&exact, i, loss), 2e-5);
                }
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for (rows, n) in SHAPES {
            let (x, gain, dy) = (noise(1, rows * n), noise(2, n), noise(4, rows * n));
            assert_same_at_any_threads(|pool| run(pool, n, &x, &gain, &dy));
        }
    }
}
