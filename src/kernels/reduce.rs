//! Sums and maxima in an order that is fixed by the shape.
//!
//! Sums along memory keep 16 partial sums over blocks of 4096 elements, add these as a tree and the
//! blocks in f64. Sums across memory add at most 64 rows before they join the total. So errors grow
//! with the square root of the work, not with it.

use super::isa::kernel;
use super::map::BLOCK;
use super::strided::{RANK, View, Walk, dense};
use crate::base::threads::Pool;

/// Partial sums side by side.
const LANES: usize = 16;
/// Elements of a block of a whole sum.
const RUN: usize = 4096;
/// Rows added before they join the total.
const ROWS: usize = 64;
/// Columns that are summed together over rows.
const COLUMNS: usize = 128;

/// The lanes' sum as a tree: halves are added until one is left.
#[inline(always)]
fn tree(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The sum of a contiguous run of terms.
#[inline(always)]
fn sum_run(x: &[f32]) -> f64 {
    if x.len() < LANES {
        return f64::from(x.iter().fold(0.0f32, |sum, x| sum + x));
    }
    let mut total = 0.0;
    for run in x.chunks(RUN) {
        let mut lanes = [0.0f32; LANES];
        let parts = run.chunks_exact(LANES);
        let rest = parts.remainder();
        for part in parts {
            for (lane, &x) in lanes.iter_mut().zip(part) {
                *lane += x;
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane += x;
        }
        total += f64::from(tree(lanes));
    }
    total
}

kernel! {
    fn sum_whole<A>(x: &[f32]) -> f64 {
        sum_run(x)
    }
}

kernel! {
    fn dot_whole<A>(x: &[f32], y: &[f32]) -> f64 {
        let mut total = 0.0f64;
        for (x, y) in x.chunks(RUN).zip(y.chunks(RUN)) {
            let mut lanes = [0.0f32; LANES];
            let (x_parts, y_parts) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
            let rest = x_parts.remainder().iter().zip(y_parts.remainder());
            for (x, y) in x_parts.zip(y_parts) {
                for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
                    *lane = A::mul_add(x, y, *lane);
                }
            }
            for (lane, (&x, &y)) in lanes.iter_mut().zip(rest) {
                *lane = A::mul_add(x, y, *lane);
            }
            total += f64::from(tree(lanes));
        }
        total
    }
}

/// The sum of all elements.
pub fn sum(x: &[f32]) -> f32 {
    sum_whole(x) as f32
}

/// The sum of `x[i] y[i]`.
///
/// # Panics
/// When the lengths differ.
pub fn dot(x: &[f32], y: &[f32]) -> f32 {
    assert_eq!(x.len(), y.len(), "dot: lengths differ");
    dot_whole(x, y) as f32
}

/// The sum of squares.
pub fn sum_squares(x: &[f32]) -> f32 {
    dot_whole(x, x) as f32
}

/// The larger; NaN once either is.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

kernel! {
    /// The largest of `sign x`.
    fn max_whole<A>(sign: f32, x: &[f32]) -> f32 {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        let parts = x.chunks_exact(LANES);
        let rest = parts.remainder();
        for part in parts {
            for (lane, &x) in lanes.iter_mut().zip(part) {
                // Written so that a NaN, once in a lane, stays there.
                *lane = if *lane >= sign * x || lane.is_nan() { *lane } else { sign * x };
            }
        }
        let lanes = lanes.iter().fold(f32::NEG_INFINITY, |a, &b| larger(a, b));
        rest.iter().fold(lanes, |a, &b| larger(a, sign * b))
    }
}

/// The largest element; NaN when there is one, minus infinity for none.
pub fn max(x: &[f32]) -> f32 {
    max_whole(1.0, x)
}

/// Which end of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extreme {
    /// The largest number.
    Largest,
    /// The smallest number.
    Smallest,
}

/// Where the largest or the smallest element of each row of `x[m, n]` is, first of equals; NaN
/// counts as the extreme. `indices`: `[m]`.
///
/// # Panics
/// When `n` is 0 while there are rows, or lengths disagree.
pub fn arg_extreme(pool: &Pool, extreme: Extreme, n: usize, x: &[f32], indices: &mut [f32]) {
    assert!(n > 0 || indices.is_empty(), "arg_extreme: rows are empty");
    assert_eq!(x.len(), indices.len() * n, "arg_extreme: lengths disagree");
    let sign = if extreme == Extreme::Largest { 1.0 } else { -1.0 };
    let rows = (BLOCK / n.max(1)).max(1);
    pool.parts(indices, rows, |block, indices| {
        for (row, index) in indices.iter_mut().enumerate() {
            let x = &x[(block * rows + row) * n..][..n];
            let top = max_whole(sign, x);
            let found = x.iter().position(|&x| sign * x == top || (top.is_nan() && x.is_nan()));
            *index = found.unwrap_or(0) as f32;
        }
    });
}

/// What a block of a sum over axes reads: the kept axes make outputs, the summed ones terms.
#[derive(Clone, Copy)]
struct Terms<'a> {
    x: &'a [f32],
    walk: &'a Walk<1>,
    scale: f32,
}

kernel! {
    /// `y[j] = scale * sum over terms of x[offset + term + j]`: the last axis is kept.
    fn sum_columns_block<A>(t: Terms<'_>, offset: usize, y: &mut [f32]) {
        for (part, y) in y.chunks_mut(COLUMNS).enumerate() {
            let x = &t.x[offset + part * COLUMNS..];
            let (mut total, mut sums, mut added) = ([0.0f32; COLUMNS], [0.0f32; COLUMNS], 0);
            let columns = y.len();
            let step = t.walk.column_stride(0);
            let row_step = t.walk.row_stride(0);
            t.walk.runs(0, t.walk.rows(), |[start], rows| {
                for row in 0..rows {
                    for term in 0..t.walk.columns() {
                        let x = &x[start + row * row_step + term * step..][..columns];
                        for (sum, &x) in sums[..columns].iter_mut().zip(x) {
                            *sum += x;
                        }
                        added += 1;
                        if added % ROWS == 0 {
                            for (total, sum) in total.iter_mut().zip(&mut sums) {
                                *total += std::mem::take(sum);
                            }
                        }
                    }
                }
            });
            for ((y, total), sum) in y.iter_mut().zip(&total).zip(&sums) {
                *y = t.scale * (total + sum);
            }
        }
    }
}

kernel! {
    /// `y[j] = scale * sum of all terms from offset + j step on`: the last axis is summed.
    fn sum_terms_block<A>(t: Terms<'_>, offset: usize, step: usize, y: &mut [f32]) {
        let (columns, row_step) = (t.walk.columns(), t.walk.row_stride(0));
        for (j, y) in y.iter_mut().enumerate() {
            let x = &t.x[offset + j * step..];
            let mut total = 0.0f64;
            t.walk.runs(0, t.walk.rows(), |[start], rows| {
                for row in 0..rows {
                    total += sum_run(&x[start + row * row_step..][..columns]);
                }
            });
            *y = t.scale * total as f32;
        }
    }
}

/// `y = scale * sum of x over `axes``; `y` has the shape of the axes kept, in order. The gradient
/// of a broadcast, and with `scale = 1 / count` a mean.
///
/// # Panics
/// When an axis is out of range or `y` has another length: a bug in the caller.
pub fn sum_axes(pool: &Pool, x: View<'_>, axes: &[usize], scale: f32, y: &mut [f32]) {
    assert!(axes.iter().all(|&axis| axis < x.shape.len()), "sum_axes: {axes:?} are not axes of {:?}", x.shape);
    let strides = dense(x.shape);
    let walk = |summed: bool| {
        let (mut shape, mut own, mut rank) = ([1; RANK], [0; RANK], 0);
        for axis in (0..x.shape.len()).filter(|axis| axes.contains(axis) == summed) {
            (shape[rank], own[rank]) = (x.shape[axis], strides[axis]);
            rank += 1;
        }
        Walk::new(&shape[..rank], [own])
    };
    let (kept, summed) = (walk(false), walk(true));
    assert_eq!(y.len(), kept.rows() * kept.columns(), "sum_axes: the output of {:?} over {axes:?}", x.shape);
    if x.data.is_empty() {
        return y.fill(0.0);
    }
    let terms = Terms { x: x.data, walk: &summed, scale };
    let count = summed.rows() * summed.columns();
    // Outputs whose neighbours are neighbours in `x` are summed side by side.
    let side_by_side = kept.column_stride(0) == 1 && (kept.columns() > 1 || summed.column_stride(0) != 1);
    let columns = kept.columns();
    let part = (BLOCK / count).max(if side_by_side { COLUMNS } else { 1 });
    pool.parts(y, part, |block, y| {
        let mut done = 0;
        while done < y.len() {
            let at = block * part + done;
            let (row, column) = (at / columns, at % columns);
            let len = (columns - column).min(y.len() - done);
            kept.runs(row, row + 1, |[offset], _| {
                let offset = offset + column * kept.column_stride(0);
                let y = &mut y[done..done + len];
                if side_by_side {
                    sum_columns_block(terms, offset, y);
                } else {
                    sum_terms_block(terms, offset, kept.column_stride(0), y);
                }
            });
            done += len;
        }
    });
}

/// `x[m, n]` summed over its rows to `y[n]`, times `scale`: the gradient of a bias.
///
/// # Panics
/// When lengths disagree.
pub fn sum_rows(pool: &Pool, x: &[f32], m: usize, n: usize, scale: f32, y: &mut [f32]) {
    sum_axes(pool, View::new(x, &[m, n]), &[0], scale, y);
}

/// `x[m, n]` summed over its columns to `y[m]`, times `scale`.
///
/// # Panics
/// When lengths disagree.
pub fn sum_columns(pool: &Pool, x: &[f32], m: usize, n: usize, scale: f32, y: &mut [f32]) {
    sum_axes(pool, View::new(x, &[m, n]), &[1], scale, y);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::isa::{Isa, with_isa};

    fn numbers(seed: usize, len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
    }

    #[test]
    fn whole_sums_agree_with_f64_at_any_length() {
        for len in [0, 1, 15, 16, 17, 100, RUN - 1, RUN + 3, 50_021] {
            let (x, y) = (numbers(1, len), numbers(2, len));
            let exact = |f: &dyn Fn(usize) -> f64| (0..len).map(f).sum::<f64>();
            let near = |got: f32, want: f64| (f64::from(got) - want).abs() < 1e-6 * (1.0 + len as f64).sqrt();
            for isa in Isa::available() {
                with_isa(isa, || {
                    assert!(near(sum(&x), exact(&|i| f64::from(x[i]))), "{} sum {len}", isa.name());
                    assert!(
                        near(dot(&x, &y), exact(&|i| f64::from(x[i]) * f64::from(y[i]))),
                        "{} dot {len}",
                        isa.name()
                    );
                    let squares = exact(&|i| f64::from(x[i]).powi(2));
                    assert!((f64::from(sum_squares(&x)) - squares).abs() <= 1e-6 * squares, "{} squares", isa.name());
                });
            }
        }
    }

    #[test]
    fn maxima_find_the_first_largest_and_keep_nan() {
        let pool = Pool::new(2);
        for n in [1, 7, 16, 45] {
            let mut x = numbers(3, 33 * n);
            x[5 * n] = f32::NAN;
            x[6 * n..7 * n].fill(f32::NEG_INFINITY);
            for isa in Isa::available() {
                for (extreme, sign) in [(Extreme::Largest, 1.0), (Extreme::Smallest, -1.0)] {
                    let mut indices = vec![9.0; 33];
                    with_isa(isa, || arg_extreme(&pool, extreme, n, &x, &mut indices));
                    for (row, x) in x.chunks(n).enumerate() {
                        let nan = x.iter().position(|x| x.is_nan());
                        let plain = (0..n).fold(0, |best, i| if sign * x[i] > sign * x[best] { i } else { best });
                        let want = nan.unwrap_or(plain);
                        assert_eq!(indices[row] as usize, want, "{} row {row} of {n}", isa.name());
                        let top = with_isa(isa, || max(x));
                        assert!(sign < 0.0 || top.to_bits() == x[want].to_bits());
                    }
                }
            }
        }
        assert_eq!(max(&[]), f32::NEG_INFINITY);
    }

    fn sum_axes_exact(x: &[f32], shape: &[usize], axes: &[usize]) -> Vec<f64> {
        let kept: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).collect();
        let mut out = vec![0.0; kept.iter().map(|&axis| shape[axis]).product()];
        for (flat, &x) in x.iter().enumerate() {
            let (mut rest, mut index) = (flat, [0; RANK]);
            for axis in (0..shape.len()).rev() {
                (index[axis], rest) = (rest % shape[axis], rest / shape[axis]);
            }
            out[kept.iter().fold(0, |at, &axis| at * shape[axis] + index[axis])] += f64::from(x);
        }
        out
    }

    fn sums_hold(shape: &[usize], axes: &[usize]) {
        let x = numbers(4, shape.iter().product());
        let want = sum_axes_exact(&x, shape, axes);
        let run = |threads| {
            let mut y = vec![f32::NAN; want.len()];
            sum_axes(&Pool::new(threads), View::new(&x, shape), axes, 0.5, &mut y);
            y
        };
        for isa in Isa::available() {
            for (i, (got, want)) in with_isa(isa, || run(1)).iter().zip(&want).enumerate() {
                let error = (f64::from(*got) - 0.5 * want).abs();
                assert!(error < 3e-5, "{} {shape:?} {axes:?} at {i}: {got}, wanted {}", isa.name(), 0.5 * want);
            }
        }
        assert!(run(1) == run(2) && run(1) == run(3), "{shape:?} {axes:?}: threads change the bits");
    }

    #[test]
    fn sums_over_any_axes_agree_with_f64() {
        let shape = [3, 4, 1, 5, 6];
        for mask in 0..32usize {
            let axes: Vec<usize> = (0..5).filter(|axis| mask >> axis & 1 == 1).collect();
            sums_hold(&shape, &axes);
        }
        sums_hold(&[2, 3, 2, 3, 2, 3], &[1, 3, 5]);
        sums_hold(&[2, 3, 2, 3, 2, 3], &[0, 2, 4]);
        sums_hold(&[1025, 67], &[0]);
        sums_hold(&[67, 1025], &[1]);
        sums_hold(&[9, 16_500], &[0]);
        sums_hold(&[40_000, 5], &[1]);
        sums_hold(&[30_011], &[0]);
        sums_hold(&[], &[]);
    }

    #[test]
    fn rows_columns_and_empty_sums() {
        let (pool, x) = (Pool::serial(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let (mut rows, mut columns, mut none) = ([0.0; 3], [0.0; 2], [7.0; 3]);
        sum_rows(&pool, &x, 2, 3, 0.5, &mut rows);
        sum_columns(&pool, &x, 2, 3, 2.0, &mut columns);
        sum_rows(&pool, &[], 0, 3, 1.0, &mut none);
        assert_eq!((rows, columns, none), ([2.5, 3.5, 4.5], [12.0, 30.0], [0.0; 3]));
    }
}
