//! Layer normalisation over the last axis (Ba, Kiros and Hinton 2016): with a gain, and a bias or
//! none.

use super::isa::{Arithmetic, kernel};
use super::lanes::{LANES, sum, sum_of};
use super::split::split;
use crate::base::threads::Pool;

/// Numbers worth a block of their own.
const GRAIN: usize = 1 << 14;
/// The most blocks of the backward, each of which sums the gradients of gain and bias apart.
const MOST_BLOCKS: usize = 32;

/// How many rows of `n` numbers make a block, out of `rows`.
pub(super) fn rows_per_block(rows: usize, n: usize) -> usize {
    (GRAIN / n.max(1)).max(rows.div_ceil(MOST_BLOCKS)).max(1)
}

/// Mean and reciprocal standard deviation of a row, in two passes: no cancellation.
#[inline(always)]
fn moments<A: Arithmetic>(x: &[f32], eps: f32) -> (f32, f32) {
    let count = x.len() as f32;
    let mean = sum_of(x) / count;
    let (whole, rest) = x.as_chunks::<LANES>();
    let mut squares = [0.0; LANES];
    for lanes in whole {
        for j in 0..LANES {
            squares[j] = A::mul_add(lanes[j] - mean, lanes[j] - mean, squares[j]);
        }
    }
    for (square, x) in squares.iter_mut().zip(rest) {
        *square = A::mul_add(x - mean, x - mean, *square);
    }
    (mean, 1.0 / (sum(squares) / count + eps).sqrt())
}

kernel! {
    #[allow(clippy::too_many_arguments)]
    fn forward_block<A>(
        n: usize, eps: f32, x: &[f32], gain: &[f32], bias: Option<&[f32]>,
        y: &mut [f32], means: &mut [f32], scales: &mut [f32]
    ) {
        let rows = x.chunks(n).zip(y.chunks_mut(n));
        for ((x, y), (mean_out, scale_out)) in rows.zip(means.iter_mut().zip(scales)) {
            let (mean, scale) = moments::<A>(x, eps);
            (*mean_out, *scale_out) = (mean, scale);
            match bias {
                Some(bias) => {
                    for (((y, x), gain), bias) in y.iter_mut().zip(x).zip(gain).zip(bias) {
                        *y = A::mul_add((x - mean) * scale, *gain, *bias);
                    }
                }
                None => {
                    for ((y, x), gain) in y.iter_mut().zip(x).zip(gain) {
                        *y = (x - mean) * scale * gain;
                    }
                }
            }
        }
    }
}

kernel! {
    /// `partial` holds the block's sums for gain and bias, `[2, n]`.
    #[allow(clippy::too_many_arguments)]
    fn backward_block<A>(
        n: usize, x: &[f32], gain: &[f32], means: &[f32], scales: &[f32], dy: &[f32],
        dx: &mut [f32], partial: &mut [f32]
    ) {
        partial.fill(0.0);
        let (d_gain, d_bias) = partial.split_at_mut(n);
        let rows = x.chunks(n).zip(dy.chunks(n)).zip(dx.chunks_mut(n));
        for (((x, dy), dx), (&mean, &scale)) in rows.zip(means.iter().zip(scales)) {
            // First dx holds the normalised x, which all four sums need.
            let sums = d_gain.iter_mut().zip(d_bias.iter_mut());
            for (((x, dy), dx), (d_gain, d_bias)) in x.iter().zip(dy).zip(dx.iter_mut()).zip(sums) {
                *dx = (x - mean) * scale;
                *d_gain = A::mul_add(*dy, *dx, *d_gain);
                *d_bias += dy;
            }
            let (mean_d, mean_product) = row_means::<A>(dy, gain, dx);
            for ((dx, dy), gain) in dx.iter_mut().zip(dy).zip(gain) {
                *dx = scale * A::mul_add(-*dx, mean_product, A::mul_add(*dy, *gain, -mean_d));
            }
        }
    }
}

/// The means over a row of `dy gain` and of `dy gain normal`.
#[inline(always)]
fn row_means<A: Arithmetic>(dy: &[f32], gain: &[f32], normal: &[f32]) -> (f32, f32) {
    let ((dy, dy_rest), (gain, gain_rest)) = (dy.as_chunks::<LANES>(), gain.as_chunks::<LANES>());
    let (normal, normal_rest) = normal.as_chunks::<LANES>();
    let (mut total, mut product) = ([0.0; LANES], [0.0; LANES]);
    for ((dy, gain), normal) in dy.iter().zip(gain).zip(normal) {
        for j in 0..LANES {
            let d = dy[j] * gain[j];
            total[j] += d;
            product[j] = A::mul_add(d, normal[j], product[j]);
        }
    }
    for (j, ((dy, gain), normal)) in dy_rest.iter().zip(gain_rest).zip(normal_rest).enumerate() {
        let d = dy * gain;
        total[j] += d;
        product[j] = A::mul_add(d, *normal, product[j]);
    }
    let count = (dy.len() * LANES + dy_rest.len()) as f32;
    (sum(total) / count, sum(product) / count)
}

/// `y = (x - mean) / sqrt(variance + eps) * gain (+ bias)` over rows of `n`, with the biased
/// variance. `x`, `y`: `[rows, n]`; `gain`, `bias`: `[n]`. `means` and `scales` (the reciprocal of
/// the root), `[rows]`, are what the backward needs.
#[allow(clippy::too_many_arguments)]
pub fn layer_norm(
    pool: &Pool,
    n: usize,
    eps: f32,
    x: &[f32],
    gain: &[f32],
    bias: Option<&[f32]>,
    y: &mut [f32],
    means: &mut [f32],
    scales: &mut [f32],
) {
    let all = means.len();
    let rows = rows_per_block(all, n);
    let outputs = [(y, rows * n), (means, rows), (scales, rows)];
    split(pool, all.div_ceil(rows), outputs, |block, [y, means, scales]| {
        let first = block * rows * n;
        forward_block(n, eps, &x[first..first + y.len()], gain, bias, y, means, scales);
    });
}

/// Scratch of [`layer_norm_backward`], in floats.
pub fn layer_norm_backward_scratch(rows: usize, n: usize) -> usize {
    rows.div_ceil(rows_per_block(rows, n)) * 2 * n
}

/// The gradients of [`layer_norm`] from `dy`: `dx` `[rows, n]`, `d_gain` and (where there is a
/// bias) `d_bias` `[n]`; they are overwritten. `scratch`: [`layer_norm_backward_scratch`].
#[allow(clippy::too_many_arguments)]
pub fn layer_norm_backward(
    pool: &Pool,
    n: usize,
    x: &[f32],
    gain: &[f32],
    means: &[f32],
    scales: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    d_gain: &mut [f32],
    d_bias: Option<&mut [f32]>,
    scratch: &mut [f32],
) {
    let all = means.len();
    let rows = rows_per_block(all, n);
    let blocks = all.div_ceil(rows);
    let partial = &mut scratch[..blocks * 2 * n];
    split(pool, blocks, [(dx, rows * n), (&mut *partial, 2 * n)], |block, [dx, partial]| {
        let range = block * rows..all.min((block + 1) * rows);
        let (means, scales) = (&means[range.clone()], &scales[range.clone()]);
        let numbers = range.start * n..range.end * n;
        backward_block(n, &x[numbers.clone()], gain, means, scales, &dy[numbers], dx, partial);
    });
    sum_blocks(partial, 2 * n, d_gain);
    if let Some(d_bias) = d_bias {
        sum_blocks(partial.get(n..).unwrap_or_default(), 2 * n, d_bias);
    }
}

/// Sums over blocks, in their order, the numbers at the beginning of each.
pub(super) fn sum_blocks(partial: &[f32], stride: usize, total: &mut [f32]) {
    total.fill(0.0);
    for block in partial.chunks(stride.max(1)) {
        for (total, x) in total.iter_mut().zip(block) {
            *total += x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{
        assert_close, assert_same_at_any_threads, differences, dot, noise, on_every_set, wide,
    };

    const EPS: f32 = 1e-5;
    const SHAPES: [(usize, usize); 5] = [(3, 2), (5, 15), (4, 16), (70, 37), (40, 1000)];

    fn plain(n: usize, x: &[f64], gain: &[f64], bias: Option<&[f64]>) -> Vec<f64> {
        let row = |x: &[f64]| {
            let mean = x.iter().sum::<f64>() / n as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
            let scale = 1.0 / (variance + f64::from(EPS)).sqrt();
            (0..n).map(|i| (x[i] - mean) * scale * gain[i] + bias.map_or(0.0, |b| b[i])).collect::<Vec<_>>()
        };
        x.chunks(n).flat_map(row).collect()
    }

    /// y, means, scales, dx, d_gain and, with a bias, d_bias.
    fn run(pool: &Pool, n: usize, x: &[f32], gain: &[f32], bias: Option<&[f32]>, dy: &[f32]) -> Vec<Vec<f32>> {
        let rows = x.len() / n;
        let (mut y, mut dx) = (vec![f32::NAN; rows * n], vec![f32::NAN; rows * n]);
        let (mut means, mut scales) = (vec![f32::NAN; rows], vec![f32::NAN; rows]);
        let (mut d_gain, mut d_bias) = (vec![f32::NAN; n], bias.map(|_| vec![f32::NAN; n]));
        let mut scratch = vec![f32::NAN; layer_norm_backward_scratch(rows, n)];
        layer_norm(pool, n, EPS, x, gain, bias, &mut y, &mut means, &mut scales);
        let into = d_bias.as_deref_mut();
        layer_norm_backward(pool, n, x, gain, &means, &scales, dy, &mut dx, &mut d_gain, into, &mut scratch);
        [y, means, scales, dx, d_gain].into_iter().chain(d_bias).collect()
    }

    #[test]
    fn forward_agrees_with_the_definition_far_from_zero_too() {
        for (rows, n) in SHAPES {
            let x: Vec<f32> = noise(1, rows * n).iter().map(|x| 50.0 + x).collect();
            let (gain, bias) = (noise(2, n), noise(3, n));
            on_every_set(|pool| {
                for bias in [None, Some(&bias[..])] {
                    let got = run(pool, n, &x, &gain, bias, &x);
                    let want = plain(n, &wide(&x), &wide(&gain), bias.map(wide).as_deref());
                    assert_close("y", &got[0], &want, 1e-4);
                }
            });
        }
    }

    #[test]
    fn backward_agrees_with_differences() {
        for (rows, n) in [(3, 5), (2, 16), (5, 19)] {
            let (x, gain, bias, dy) = (noise(1, rows * n), noise(2, n), noise(3, n), noise(4, rows * n));
            let exact = [wide(&x), wide(&gain), wide(&bias)];
            on_every_set(|pool| {
                let with = run(pool, n, &x, &gain, Some(&bias), &dy);
                let without = run(pool, n, &x, &gain, None, &dy);
                assert_eq!((&with[3..5], without.len()), (&without[3..], 5));
                for i in 0..3 {
                    let loss = |x: &[Vec<f64>]| dot(&plain(n, &x[0], &x[1], Some(&x[2])), &wide(&dy));
                    assert_close(["dx", "d_gain", "d_bias"][i], &with[3 + i], &differences(&exact, i, loss), 2e-5);
                }
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for (rows, n) in SHAPES {
            let (x, gain, bias, dy) = (noise(1, rows * n), noise(2, n), noise(3, n), noise(4, rows * n));
            assert_same_at_any_threads(|pool| run(pool, n, &x, &gain, Some(&bias), &dy));
        }
    }

    #[test]
    fn rows_come_out_centred_with_variance_one() {
        let x: Vec<f32> = noise(1, 4 * 64).iter().map(|x| 3.0 * x - 7.0).collect();
        let y = &run(&Pool::serial(), 64, &x, &[1.0; 64], None, &x)[0];
        for row in y.chunks(64) {
            let mean = row.iter().sum::<f32>() / 64.0;
            let variance = row.iter().map(|y| y * y).sum::<f32>() / 64.0;
            assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-3, "{mean} {variance}");
        }
    }
}
