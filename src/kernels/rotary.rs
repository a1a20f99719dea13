//! Rotary positions (Su et al. 2021, eq. 34): pairs `(i, i + d/2)` of every head turn by
//! `position * base^(-2 i / d)`.

use super::isa::kernel;
use crate::base::threads::Pool;

/// Rows of a task.
const ROWS: usize = 128;

/// Cosines, then sines, of the angles of one position: `width` numbers for heads of that width. The
/// angles are taken in f64, whose error does not grow with the position.
pub fn rotary_row(position: f64, base: f64, row: &mut [f32]) {
    let half = row.len() / 2;
    for i in 0..half {
        let angle = position * base.powf(-(i as f64) / half as f64);
        (row[i], row[half + i]) = (angle.cos() as f32, angle.sin() as f32);
    }
}

kernel! {
    /// Turns the heads of consecutive rows; `sign` is -1 to turn back.
    fn rotate_rows<A>(width: usize, sign: f32, x: &[f32], table: &[f32], stride: usize, y: &mut [f32]) {
        let half = width / 2;
        let rows = x.chunks_exact(stride).zip(y.chunks_exact_mut(stride)).zip(table.chunks_exact(width));
        for ((x, y), table) in rows {
            let (cos, sin) = table.split_at(half);
            for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
                let ((x0, x1), (y0, y1)) = (x.split_at(half), y.split_at_mut(half));
                for i in 0..half {
                    let sin = sign * sin[i];
                    y0[i] = A::mul_add(x0[i], cos[i], -(x1[i] * sin));
                    y1[i] = A::mul_add(x1[i], cos[i], x0[i] * sin);
                }
            }
        }
    }
}

/// Turns every head of `x` `[rows, heads*width]` by its row of `table` `[table rows, width]`
/// ([`rotary_row`]), which repeats over the rows; backwards if `inverse`.
pub fn rotary(pool: &Pool, width: usize, heads: usize, inverse: bool, x: &[f32], table: &[f32], y: &mut [f32]) {
    let stride = heads * width;
    if x.is_empty() {
        return;
    }
    let period = table.len() / width;
    let sign = if inverse { -1.0 } else { 1.0 };
    pool.parts(y, ROWS * stride, |block, y| {
        let (mut row, end) = (block * ROWS, block * ROWS + y.len() / stride);
        let mut rest = y;
        while row < end {
            let rows = (period - row % period).min(end - row);
            let (part, after) = rest.split_at_mut(rows * stride);
            rotate_rows(width, sign, &x[row * stride..][..rows * stride], &table[row % period * width..], stride, part);
            (rest, row) = (after, row + rows);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_close, assert_same_at_any_threads, noise, on_every_set};

    const SHAPES: [(usize, usize, usize, usize); 4] = [(1, 1, 2, 1), (7, 3, 6, 7), (300, 2, 34, 50), (12, 1, 16, 4)];

    fn table(period: usize, width: usize, from: f64) -> Vec<f32> {
        let mut table = vec![0.0; period * width];
        table.chunks_mut(width).enumerate().for_each(|(t, row)| rotary_row(from + t as f64, 100.0, row));
        table
    }

    fn run(pool: &Pool, width: usize, heads: usize, inverse: bool, x: &[f32], table: &[f32]) -> Vec<f32> {
        let mut y = vec![f32::NAN; x.len()];
        rotary(pool, width, heads, inverse, x, table, &mut y);
        y
    }

    #[test]
    fn pairs_turn_by_their_angle_and_back() {
        for (rows, heads, width, period) in SHAPES {
            let x = noise(3, rows * heads * width);
            let mut want = vec![0.0; x.len()];
            for (i, want) in want.iter_mut().enumerate() {
                let (row, at, half) = (i / (heads * width), i % width, width / 2);
                let angle = (row % period) as f64 * 100f64.powf(-((at % half) as f64) / half as f64);
                let (own, other) = (f64::from(x[i]), f64::from(x[if at < half { i + half } else { i - half }]));
                *want = own * angle.cos() + other * if at < half { -angle.sin() } else { angle.sin() };
            }
            let table = table(period, width, 0.0);
            on_every_set(|pool| {
                let y = run(pool, width, heads, false, &x, &table);
                assert_close("y", &y, &want, 1e-6);
                let back: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
                assert_close("back", &run(pool, width, heads, true, &y, &table), &back, 1e-6);
            });
        }
    }

    #[test]
    fn only_distances_enter_a_score() {
        let (q, k) = (noise(1, 16), noise(2, 16));
        let score = |shift: f64| -> f32 {
            let turned = |x: &[f32], at: f64| run(&Pool::serial(), 16, 1, false, x, &table(1, 16, at));
            turned(&q, 9.0 + shift).iter().zip(turned(&k, 4.0 + shift)).map(|(q, k)| q * k).sum()
        };
        for shift in [1.0, 100.0, 20_000.0] {
            assert!((score(shift) - score(0.0)).abs() < 1e-5, "{shift}");
        }
        assert!((score(0.0) - q.iter().zip(&k).map(|(q, k)| q * k).sum::<f32>()).abs() > 1e-2);
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for (rows, heads, width, period) in SHAPES {
            let (x, table) = (noise(3, rows * heads * width), table(period, width, 5.0));
            assert_same_at_any_threads(|pool| vec![run(pool, width, heads, false, &x, &table)]);
        }
    }
}
