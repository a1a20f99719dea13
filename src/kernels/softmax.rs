//! Softmax and log-softmax over the last axis, and the cross-entropy of class targets.

use super::index::Index;
use super::isa::{Arithmetic, kernel};
use super::lanes::{LANES, larger, load, max, sum, sum_of, sum_of_products};
use super::math::{exp, log};
use super::split::split;
use crate::base::threads::Pool;

/// Numbers worth a block of their own.
const GRAIN: usize = 1 << 14;

/// How many rows of `n` numbers make a block.
fn rows_per_block(n: usize) -> usize {
    (GRAIN / n.max(1)).max(1)
}

/// The largest number of a row.
#[inline(always)]
fn largest(x: &[f32]) -> f32 {
    let (whole, rest) = x.as_chunks::<LANES>();
    let mut top = load::<LANES>(rest, f32::NEG_INFINITY);
    for lanes in whole {
        for j in 0..LANES {
            top[j] = larger(top[j], lanes[j]);
        }
    }
    max(top)
}

/// The largest number of a row, and the sum of `exp(x - largest)`.
#[inline(always)]
fn largest_and_sum<A: Arithmetic>(x: &[f32]) -> (f32, f32) {
    let top = largest(x);
    let (whole, rest) = x.as_chunks::<LANES>();
    let mut total = [0.0; LANES];
    for lanes in whole {
        for j in 0..LANES {
            total[j] += exp::<A>(lanes[j] - top);
        }
    }
    for (total, x) in total.iter_mut().zip(rest) {
        *total += exp::<A>(x - top);
    }
    (top, sum(total))
}

kernel! {
    fn softmax_block<A>(n: usize, x: &[f32], y: &mut [f32]) {
        for (x, y) in x.chunks(n).zip(y.chunks_mut(n)) {
            let top = largest(x);
            for (x, y) in x.iter().zip(y.iter_mut()) {
                *y = exp::<A>(x - top);
            }
            let scale = 1.0 / sum_of(y);
            for y in y {
                *y *= scale;
            }
        }
    }
}

kernel! {
    fn softmax_backward_block<A>(n: usize, y: &[f32], dy: &[f32], dx: &mut [f32]) {
        for ((y, dy), dx) in y.chunks(n).zip(dy.chunks(n)).zip(dx.chunks_mut(n)) {
            let mean = sum_of_products::<A>(y, dy);
            for ((y, dy), dx) in y.iter().zip(dy).zip(dx) {
                *dx = y * (dy - mean);
            }
        }
    }
}

kernel! {
    fn log_softmax_block<A>(n: usize, x: &[f32], y: &mut [f32]) {
        for (x, y) in x.chunks(n).zip(y.chunks_mut(n)) {
            let (top, total) = largest_and_sum::<A>(x);
            let log_total = log::<A>(total);
            for (x, y) in x.iter().zip(y) {
                // In this order the large numbers cancel first.
                *y = (x - top) - log_total;
            }
        }
    }
}

kernel! {
    fn log_softmax_backward_block<A>(n: usize, y: &[f32], dy: &[f32], dx: &mut [f32]) {
        for ((y, dy), dx) in y.chunks(n).zip(dy.chunks(n)).zip(dx.chunks_mut(n)) {
            let total = sum_of(dy);
            for ((y, dy), dx) in y.iter().zip(dy).zip(dx) {
                *dx = A::mul_add(-exp::<A>(*y), total, *dy);
            }
        }
    }
}

kernel! {
    fn log_sum_exp_block<A>(n: usize, x: &[f32], y: &mut [f32]) {
        for (x, y) in x.chunks(n).zip(y) {
            let (top, total) = largest_and_sum::<A>(x);
            // A row of minus infinities has the sum 0, and one with infinity an infinite one.
            let infinite = top.is_infinite() && !x.iter().any(|x| x.is_nan());
            *y = if infinite { top } else { top + log::<A>(total) };
        }
    }
}

kernel! {
    fn cross_entropy_block<A>(classes: usize, logits: &[f32], targets: &[f32], losses: &mut [f32]) {
        for ((x, &target), loss) in logits.chunks(classes).zip(targets).zip(losses) {
            *loss = match Index::of(target, classes) {
                Index::Nothing => 0.0,
                Index::Invalid => f32::NAN,
                Index::At(class) => {
                    let (top, total) = largest_and_sum::<A>(x);
                    log::<A>(total) + (top - x[class])
                }
            };
        }
    }
}

kernel! {
    fn cross_entropy_backward_block<A>(
        classes: usize, logits: &[f32], targets: &[f32], d_losses: &[f32], d_logits: &mut [f32]
    ) {
        let rows = logits.chunks(classes).zip(d_logits.chunks_mut(classes));
        for ((x, dx), (&target, &d_loss)) in rows.zip(targets.iter().zip(d_losses)) {
            match Index::of(target, classes) {
                Index::Nothing => dx.fill(0.0),
                Index::Invalid => dx.fill(f32::NAN),
                Index::At(class) => {
                    let top = largest(x);
                    for (x, dx) in x.iter().zip(dx.iter_mut()) {
                        *dx = exp::<A>(x - top);
                    }
                    let scale = d_loss / sum_of(dx);
                    for dx in dx.iter_mut() {
                        *dx *= scale;
                    }
                    dx[class] -= d_loss;
                }
            }
        }
    }
}

/// Rows `first..` of `x`, as many as `part` has numbers.
fn same_part<'a>(x: &'a [f32], first: usize, part: &[f32]) -> &'a [f32] {
    &x[first..first + part.len()]
}

/// `y = softmax(x)` over rows of `n`; `x`, `y`: `[rows, n]`.
pub fn softmax(pool: &Pool, n: usize, x: &[f32], y: &mut [f32]) {
    let len = rows_per_block(n) * n;
    pool.parts(y, len, |block, y| softmax_block(n, same_part(x, block * len, y), y));
}

/// `dx = y (dy - sum(y dy))` from the output `y` of [`softmax`]; all `[rows, n]`.
pub fn softmax_backward(pool: &Pool, n: usize, y: &[f32], dy: &[f32], dx: &mut [f32]) {
    let len = rows_per_block(n) * n;
    pool.parts(dx, len, |block, dx| {
        let first = block * len;
        softmax_backward_block(n, same_part(y, first, dx), same_part(dy, first, dx), dx);
    });
}

/// `y = log softmax(x)` over rows of `n`; `x`, `y`: `[rows, n]`.
pub fn log_softmax(pool: &Pool, n: usize, x: &[f32], y: &mut [f32]) {
    let len = rows_per_block(n) * n;
    pool.parts(y, len, |block, y| log_softmax_block(n, same_part(x, block * len, y), y));
}

/// `dx = dy - exp(y) sum(dy)` from the output `y` of [`log_softmax`]; all `[rows, n]`.
pub fn log_softmax_backward(pool: &Pool, n: usize, y: &[f32], dy: &[f32], dx: &mut [f32]) {
    let len = rows_per_block(n) * n;
    pool.parts(dx, len, |block, dx| {
        let first = block * len;
        log_softmax_backward_block(n, same_part(y, first, dx), same_part(dy, first, dx), dx);
    });
}

/// `y = ln sum exp(x)` over rows of `n`; `x`: `[rows, n]`, `y`: `[rows]`. Minus infinity for a row of
/// nothing else.
pub fn log_sum_exp(pool: &Pool, n: usize, x: &[f32], y: &mut [f32]) {
    let rows = rows_per_block(n);
    pool.parts(y, rows, |block, y| {
        log_sum_exp_block(n, &x[block * rows * n..][..y.len() * n], y);
    });
}

/// The cross-entropy in nats of every row, `-log softmax(logits)[target]`. `logits`:
/// `[rows, classes]`; `targets` (class numbers) and `losses`: `[rows]`. The target -1 leaves its
/// row out (loss 0); any other number that is no class makes the loss NaN.
pub fn cross_entropy(pool: &Pool, classes: usize, logits: &[f32], targets: &[f32], losses: &mut [f32]) {
    let rows = rows_per_block(classes);
    pool.parts(losses, rows, |block, losses| {
        let first = block * rows;
        let logits = &logits[first * classes..(first + losses.len()) * classes];
        cross_entropy_block(classes, logits, same_part(targets, first, losses), losses);
    });
}

/// `d_logits = (softmax(logits) - onehot(target)) d_loss` for every row, and 0 where the target is
/// -1. Shapes as in [`cross_entropy`]; `d_losses`: `[rows]`.
pub fn cross_entropy_backward(
    pool: &Pool,
    classes: usize,
    logits: &[f32],
    targets: &[f32],
    d_losses: &[f32],
    d_logits: &mut [f32],
) {
    let rows = rows_per_block(classes);
    let blocks = targets.len().div_ceil(rows);
    split(pool, blocks, [(d_logits, rows * classes)], |block, [d_logits]| {
        let range = block * rows..targets.len().min((block + 1) * rows);
        let logits = same_part(logits, range.start * classes, d_logits);
        cross_entropy_backward_block(classes, logits, &targets[range.clone()], &d_losses[range], d_logits);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{
        assert_close, assert_same_at_any_threads, differences, dot, noise, on_every_set, wide,
    };

    const SHAPES: [(usize, usize); 6] = [(1, 1), (3, 2), (5, 15), (4, 16), (3, 37), (2, 128)];

    fn plain_log(n: usize, x: &[f64]) -> Vec<f64> {
        let row = |x: &[f64]| {
            let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total = x.iter().map(|x| (x - top).exp()).sum::<f64>().ln();
            x.iter().map(|x| x - top - total).collect::<Vec<_>>()
        };
        x.chunks(n).flat_map(row).collect()
    }

    fn plain(n: usize, x: &[f64]) -> Vec<f64> {
        plain_log(n, x).into_iter().map(f64::exp).collect()
    }

    type Forward = fn(&Pool, usize, &[f32], &mut [f32]);
    type Backward = fn(&Pool, usize, &[f32], &[f32], &mut [f32]);
    type Plain = fn(usize, &[f64]) -> Vec<f64>;
    const BOTH: [(&str, Forward, Backward, Plain); 2] =
        [("softmax", softmax, softmax_backward, plain), ("log_softmax", log_softmax, log_softmax_backward, plain_log)];

    #[test]
    fn softmax_and_its_logarithm_agree_with_the_definition() {
        for (name, forward, backward, plain) in BOTH {
            for (rows, n) in SHAPES {
                let x: Vec<f32> = noise(1, rows * n).iter().map(|x| 6.0 * x).collect();
                let dy = noise(2, rows * n);
                on_every_set(|pool| {
                    let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
                    forward(pool, n, &x, &mut y);
                    assert_close(name, &y, &plain(n, &wide(&x)), 1e-6);
                    backward(pool, n, &y, &dy, &mut dx);
                    let want = differences(&[wide(&x)], 0, |x| dot(&plain(n, &x[0]), &wide(&dy)));
                    assert_close(name, &dx, &want, 5e-6);
                });
            }
        }
    }

    #[test]
    fn log_sum_exp_agrees_with_the_definition_at_any_size() {
        for (rows, n) in SHAPES {
            for size in [1.0, 1e4] {
                let x: Vec<f32> = noise(3, rows * n).iter().map(|x| size * x).collect();
                let want: Vec<f64> = wide(&x)
                    .chunks(n)
                    .zip(plain_log(n, &wide(&x)).chunks(n))
                    .map(|(x, log_p)| x[0] - log_p[0])
                    .collect();
                on_every_set(|pool| {
                    let mut y = vec![f32::NAN; rows];
                    log_sum_exp(pool, n, &x, &mut y);
                    assert_close("log_sum_exp", &y, &want, 1e-6);
                });
            }
        }
        let (low, mut y) = (f32::NEG_INFINITY, [0.0; 4]);
        log_sum_exp(&Pool::serial(), 2, &[low, low, low, 2.0, f32::NAN, 0.0, f32::NAN, low], &mut y);
        assert!(y[0] == low && y[1] == 2.0 && y[2].is_nan() && y[3].is_nan(), "{y:?}");
    }

    #[test]
    fn rows_sum_to_one_however_large_the_numbers() {
        let x: Vec<f32> = noise(1, 5 * 50).iter().map(|x| 1e4 * x).collect();
        let mut y = vec![0.0; x.len()];
        softmax(&Pool::serial(), 50, &x, &mut y);
        assert!(y.chunks(50).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6));
    }

    #[test]
    fn cross_entropy_agrees_with_the_definition() {
        for (rows, n) in SHAPES {
            let (logits, d) = (noise(1, rows * n), noise(2, rows));
            let targets: Vec<f32> = (0..rows).map(|r| if r == 2 { -1.0 } else { ((r * 7) % n) as f32 }).collect();
            let plain = |x: &[f64]| -> Vec<f64> {
                let y = plain_log(n, x);
                let loss = |(r, &t): (usize, &f32)| if t < 0.0 { 0.0 } else { -y[r * n + t as usize] };
                targets.iter().enumerate().map(loss).collect()
            };
            on_every_set(|pool| {
                let (mut losses, mut dx) = (vec![f32::NAN; rows], vec![f32::NAN; rows * n]);
                cross_entropy(pool, n, &logits, &targets, &mut losses);
                assert_close("losses", &losses, &plain(&wide(&logits)), 2e-6);
                cross_entropy_backward(pool, n, &logits, &targets, &d, &mut dx);
                let want = differences(&[wide(&logits)], 0, |x| dot(&plain(&x[0]), &wide(&d)));
                assert_close("d_logits", &dx, &want, 2e-6);
            });
        }
    }

    #[test]
    fn uniform_logits_cost_the_logarithm_of_the_classes() {
        for classes in [2, 10, 1000] {
            let mut loss = [0.0];
            cross_entropy(&Pool::serial(), classes, &vec![0.3; classes], &[1.0], &mut loss);
            assert!((loss[0] - (classes as f32).ln()).abs() < 1e-6 * loss[0].max(1.0), "{loss:?}");
        }
    }

    #[test]
    fn ignored_rows_cost_nothing_and_wrong_targets_are_seen() {
        let targets = [-1.0, 3.0, -2.0, 0.5, f32::NAN, 2.0];
        let (logits, d) = (noise(1, 3 * targets.len()), vec![1.0; targets.len()]);
        let (mut losses, mut dx) = (vec![7.0; targets.len()], vec![7.0; logits.len()]);
        cross_entropy(&Pool::serial(), 3, &logits, &targets, &mut losses);
        cross_entropy_backward(&Pool::serial(), 3, &logits, &targets, &d, &mut dx);
        assert_eq!((losses[0], &dx[..3]), (0.0, &[0.0; 3][..]));
        assert!(losses[1..5].iter().chain(&dx[3..15]).all(|x| x.is_nan()));
        assert!(losses[5] > 0.0 && dx[15..].iter().sum::<f32>().abs() < 1e-6);
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        const N: usize = 700;
        let (x, dy) = (noise(1, 100 * N), noise(2, 100 * N));
        let targets: Vec<f32> = (0..100).map(|i| (i % N) as f32).collect();
        assert_same_at_any_threads(|pool| {
            let mut out = vec![vec![0.0; 100 * N]; 5];
            let mut losses = vec![0.0; 100];
            softmax(pool, N, &x, &mut out[0]);
            log_softmax(pool, N, &x, &mut out[1]);
            softmax_backward(pool, N, &x, &dy, &mut out[2]);
            log_softmax_backward(pool, N, &x, &dy, &mut out[3]);
            cross_entropy_backward(pool, N, &x, &targets, &targets, &mut out[4]);
            cross_entropy(pool, N, &x, &targets, &mut losses);
            out.push(losses);
            out
        });
    }
}
