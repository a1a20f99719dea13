//! Rows of a table by index, and the sum of rows into a table: its transpose.
//!
//! An index is a whole number held as a float. -1 stands for no row; any other index outside the
//! table is a fault of the data and shows as NaN.

use super::split::{blocks_of, items_per_block, split};
use crate::base::threads::Pool;

/// Numbers worth a block of their own.
const GRAIN: usize = 1 << 14;

/// What an index asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Of(usize),
    /// -1.
    None,
    Invalid,
}

impl Row {
    #[inline(always)]
    fn of(index: f32, rows: usize) -> Row {
        if index == -1.0 {
            return Row::None;
        }
        let row = index as usize;
        // The cast saturates, and turns NaN into 0: only a whole number in range comes back.
        if row < rows && row as f32 == index { Row::Of(row) } else { Row::Invalid }
    }
}

/// `out[n] = table[index[n]]`; zeros where the index is -1, NaN where it is no row. `table`:
/// `[rows, width]`; `out`: `[indices, width]`.
pub fn embedding(pool: &Pool, width: usize, table: &[f32], indices: &[f32], out: &mut [f32]) {
    if width == 0 {
        return;
    }
    let rows = table.len() / width;
    let items = (GRAIN / width).max(1);
    pool.parts(out, items * width, |block, out| {
        for (out, &index) in out.chunks_exact_mut(width).zip(&indices[block * items..]) {
            match Row::of(index, rows) {
                Row::Of(row) => out.copy_from_slice(&table[row * width..][..width]),
                Row::None => out.fill(0.0),
                Row::Invalid => out.fill(f32::NAN),
            }
        }
    });
}

/// `table[r] = sum of values[n] over n with index[n] = r`, in the order of `n`. Indices that are no
/// row add nothing. `values`: `[indices, width]`; `table`: `[rows, width]`, overwritten.
pub fn scatter_rows(pool: &Pool, width: usize, values: &[f32], indices: &[f32], table: &mut [f32]) {
    if width == 0 {
        return;
    }
    let rows = table.len() / width;
    // Every block reads all indices and keeps those of its own rows.
    let items = items_per_block(rows).max(GRAIN.div_ceil(width));
    let blocks = blocks_of(rows).min(rows.div_ceil(items));
    split(pool, blocks, [(table, items * width)], |block, [table]| {
        table.fill(0.0);
        let (first, end) = (block * items, block * items + table.len() / width);
        for (values, &index) in values.chunks_exact(width).zip(indices) {
            if let Row::Of(row) = Row::of(index, rows)
                && (first..end).contains(&row)
            {
                let sum = &mut table[(row - first) * width..][..width];
                sum.iter_mut().zip(values).for_each(|(sum, x)| *sum += x);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_close, assert_same_at_any_threads, dot, noise, wide};

    fn indices(rows: usize, count: usize) -> Vec<f32> {
        (0..count).map(|i| (i * 7919 % (rows + 1)) as f32 - 1.0).collect()
    }

    #[test]
    fn what_is_read_is_summed_back() {
        for (rows, width, count) in [(1, 1, 4), (7, 5, 40), (900, 33, 700)] {
            let (table, values, at) = (noise(1, rows * width), noise(2, count * width), indices(rows, count));
            let (mut read, mut sum) = (vec![f32::NAN; count * width], vec![f32::NAN; rows * width]);
            embedding(&Pool::serial(), width, &table, &at, &mut read);
            scatter_rows(&Pool::serial(), width, &values, &at, &mut sum);
            let mut want = vec![0.0; rows * width];
            for n in 0..count {
                for j in 0..width {
                    let expected = if at[n] < 0.0 { 0.0 } else { table[at[n] as usize * width + j] };
                    assert_eq!(read[n * width + j], expected);
                    if at[n] >= 0.0 {
                        want[at[n] as usize * width + j] += f64::from(values[n * width + j]);
                    }
                }
            }
            assert_close("sum", &sum, &want, 1e-5);
            // The two are transposes of each other.
            let (left, right) = (dot(&wide(&read), &wide(&values)), dot(&wide(&table), &wide(&sum)));
            assert!((left - right).abs() < 1e-3 * left.abs().max(1.0), "{left} {right}");
        }
    }

    #[test]
    fn an_index_outside_the_table_shows() {
        let table = [1.0, 2.0, 3.0, 4.0];
        let mut out = [0.0; 12];
        embedding(&Pool::serial(), 2, &table, &[1.0, 2.0, -1.0, 0.5, f32::NAN, -2.0], &mut out);
        assert_eq!(out[..2], [3.0, 4.0]);
        assert_eq!(out[4..6], [0.0, 0.0]);
        assert!([2, 3, 6, 7, 8, 9, 10, 11].iter().all(|&i| out[i].is_nan()), "{out:?}");
        let mut sum = [7.0; 4];
        scatter_rows(&Pool::serial(), 2, &out, &[1.0, 2.0, -1.0, 0.5, f32::NAN, -2.0], &mut sum);
        assert_eq!(sum, [0.0, 0.0, 3.0, 4.0]);
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        let (rows, width, count) = (3000, 40, 500);
        let (table, values, at) = (noise(1, rows * width), noise(2, count * width), indices(rows, count));
        assert_same_at_any_threads(|pool| {
            let (mut read, mut sum) = (vec![f32::NAN; count * width], vec![f32::NAN; rows * width]);
            embedding(pool, width, &table, &at, &mut read);
            scatter_rows(pool, width, &values, &at, &mut sum);
            vec![read, sum]
        });
    }
}
