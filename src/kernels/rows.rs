//! Rows by index: gather, scatter-add, segment maxima, sparse products.
//!
//! Whatever adds into rows first sorts the entries by row (a stable counting sort in scratch), so
//! that each block of output rows adds its own entries in their order: no two blocks write one row,
//! and the bits do not depend on the threads. -1 leaves an entry out; a number that is no row makes
//! the result NaN.

use super::index::Index;
use super::isa::kernel;
use super::lanes::sum_of_products;
use super::split::split;
use crate::base::threads::Pool;

/// Numbers worth a block of their own.
const GRAIN: usize = 1 << 14;

/// The entries of every row, in their order. Kept in scratch: whole numbers as bits of floats.
#[derive(Clone, Copy)]
struct Buckets<'a> {
    /// Where the entries of row `r` end in `order`.
    ends: &'a [f32],
    order: &'a [f32],
    /// Whether an index is no row.
    invalid: bool,
}

/// Floats of scratch that the entries of `rows` rows need.
pub fn bucket_scratch(rows: usize, entries: usize) -> usize {
    rows + entries
}

impl<'a> Buckets<'a> {
    /// Sorts the entries by row.
    fn new(rows: usize, indices: &[f32], scratch: &'a mut [f32]) -> Self {
        let (ends, order) = scratch[..bucket_scratch(rows, indices.len())].split_at_mut(rows);
        let add = |x: &mut f32, n: u32| *x = f32::from_bits(x.to_bits() + n);
        let mut invalid = false;
        ends.fill(f32::from_bits(0));
        for &index in indices {
            match Index::of(index, rows) {
                Index::At(row) => add(&mut ends[row], 1),
                Index::Nothing => {}
                Index::Invalid => invalid = true,
            }
        }
        // Counts become beginnings, which move to the ends as entries are put in.
        let mut begin = 0;
        for end in ends.iter_mut() {
            let count = end.to_bits();
            *end = f32::from_bits(begin);
            begin += count;
        }
        for (entry, &index) in indices.iter().enumerate() {
            if let Index::At(row) = Index::of(index, rows) {
                order[ends[row].to_bits() as usize] = f32::from_bits(entry as u32);
                add(&mut ends[row], 1);
            }
        }
        Buckets { ends, order, invalid }
    }

    /// The entries of a row.
    #[inline(always)]
    fn of(&self, row: usize) -> impl Iterator<Item = usize> + use<'a> {
        let begin = if row == 0 { 0 } else { self.ends[row - 1].to_bits() as usize };
        let order: &'a [f32] = &self.order[begin..self.ends[row].to_bits() as usize];
        order.iter().map(|entry| entry.to_bits() as usize)
    }
}

/// How many of `rows` output rows of `width` make a block when `entries` rows come in.
fn rows_per_block(rows: usize, entries: usize, width: usize) -> usize {
    let blocks = ((rows + entries) * width).div_ceil(GRAIN).clamp(1, rows.max(1));
    rows.div_ceil(blocks).max(1)
}

kernel! {
    fn gather_block<A>(width: usize, rows: usize, x: &[f32], indices: &[f32], y: &mut [f32]) {
        for (y, &index) in y.chunks_mut(width).zip(indices) {
            match Index::of(index, rows) {
                Index::At(row) => y.copy_from_slice(&x[row * width..][..width]),
                Index::Nothing => y.fill(0.0),
                Index::Invalid => y.fill(f32::NAN),
            }
        }
    }
}

/// `y[i] = x[indices[i]]` for rows of `width`; zeros for the index -1. `x`: `[rows, width]`,
/// `indices`: `[entries]`, `y`: `[entries, width]`.
pub fn gather(pool: &Pool, width: usize, x: &[f32], indices: &[f32], y: &mut [f32]) {
    if width == 0 {
        return;
    }
    let part = (GRAIN / width).max(1);
    pool.parts(y, part * width, |block, y| {
        gather_block(width, x.len() / width, x, &indices[block * part..][..y.len() / width], y);
    });
}

kernel! {
    fn scatter_add_block<A>(width: usize, first: usize, x: &[f32], buckets: Buckets<'_>, y: &mut [f32]) {
        for (row, y) in y.chunks_mut(width).enumerate() {
            y.fill(if buckets.invalid { f32::NAN } else { 0.0 });
            for entry in buckets.of(first + row) {
                for (y, x) in y.iter_mut().zip(&x[entry * width..][..width]) {
                    *y += x;
                }
            }
        }
    }
}

/// `y[r] = sum of x[i] with indices[i] = r`, in the order of the entries: the gradient of
/// [`gather`]. Shapes as there, exchanged; `scratch` as [`bucket_scratch`] says.
pub fn scatter_add(pool: &Pool, width: usize, x: &[f32], indices: &[f32], y: &mut [f32], scratch: &mut [f32]) {
    if width == 0 {
        return;
    }
    let rows = y.len() / width;
    let buckets = Buckets::new(rows, indices, scratch);
    let part = rows_per_block(rows, indices.len(), width);
    pool.parts(y, part * width, |block, y| scatter_add_block(width, block * part, x, buckets, y));
}

kernel! {
    fn segment_arg_max_block<A>(width: usize, first: usize, x: &[f32], buckets: Buckets<'_>, y: &mut [f32]) {
        for (row, y) in y.chunks_mut(width).enumerate() {
            y.fill(if buckets.invalid { f32::NAN } else { -1.0 });
            for entry in buckets.of(first + row) {
                let candidates = &x[entry * width..][..width];
                for (column, (y, &candidate)) in y.iter_mut().zip(candidates).enumerate() {
                    let larger = match Index::of(*y, usize::MAX) {
                        Index::At(best) => {
                            let best = x[best * width + column];
                            candidate > best || (candidate.is_nan() && !best.is_nan())
                        }
                        Index::Nothing => true,
                        Index::Invalid => false,
                    };
                    if larger {
                        *y = entry as f32;
                    }
                }
            }
        }
    }
}

/// For every segment and column, the first entry with the largest number (NaN counts as the
/// largest), -1 where a segment is empty. `x`: `[entries, width]`, `indices` (segments):
/// `[entries]`, `y`: `[segments, width]`; `scratch` as [`bucket_scratch`] says.
pub fn segment_arg_max(pool: &Pool, width: usize, x: &[f32], indices: &[f32], y: &mut [f32], scratch: &mut [f32]) {
    if width == 0 {
        return;
    }
    let rows = y.len() / width;
    let buckets = Buckets::new(rows, indices, scratch);
    let part = rows_per_block(rows, indices.len(), width);
    pool.parts(y, part * width, |block, y| segment_arg_max_block(width, block * part, x, buckets, y));
}

/// A sparse matrix as coordinates: entry `e` stands at `(rows[e], columns[e])`.
#[derive(Clone, Copy)]
pub struct Sparse<'a> {
    /// The row of every entry; -1 leaves it out.
    pub rows: &'a [f32],
    /// The column of every entry; -1 leaves it out.
    pub columns: &'a [f32],
    /// The value of every entry.
    pub values: &'a [f32],
}

kernel! {
    fn sparse_block<A>(width: usize, first: usize, a: Sparse<'_>, x: &[f32], buckets: Buckets<'_>, y: &mut [f32]) {
        let columns = x.len() / width;
        for (row, y) in y.chunks_mut(width).enumerate() {
            y.fill(if buckets.invalid { f32::NAN } else { 0.0 });
            for entry in buckets.of(first + row) {
                let value = a.values[entry];
                match Index::of(a.columns[entry], columns) {
                    Index::At(column) => {
                        for (y, x) in y.iter_mut().zip(&x[column * width..][..width]) {
                            *y = A::mul_add(value, *x, *y);
                        }
                    }
                    Index::Nothing => {}
                    Index::Invalid => y.fill(f32::NAN),
                }
            }
        }
    }
}

/// `y = A x` for a sparse `A`, whose entries at one place add up. `x`: `[columns, width]`, `y`:
/// `[rows, width]`; `scratch` as [`bucket_scratch`] says.
pub fn sparse_product(pool: &Pool, width: usize, a: Sparse<'_>, x: &[f32], y: &mut [f32], scratch: &mut [f32]) {
    if width == 0 {
        return;
    }
    let rows = y.len() / width;
    let buckets = Buckets::new(rows, a.rows, scratch);
    let part = rows_per_block(rows, a.rows.len(), width);
    pool.parts(y, part * width, |block, y| sparse_block(width, block * part, a, x, buckets, y));
}

kernel! {
    fn sampled_block<A>(width: usize, rows: &[f32], columns: &[f32], a: &[f32], b: &[f32], z: &mut [f32]) {
        for ((z, &row), &column) in z.iter_mut().zip(rows).zip(columns) {
            *z = match (Index::of(row, a.len() / width), Index::of(column, b.len() / width)) {
                (Index::Invalid, _) | (_, Index::Invalid) => f32::NAN,
                (Index::At(row), Index::At(column)) => {
                    sum_of_products::<A>(&a[row * width..][..width], &b[column * width..][..width])
                }
                _ => 0.0,
            };
        }
    }
}

/// `z[e] = a[rows[e]] . b[columns[e]]`: the entries of `a b^T` at the places of a sparse matrix.
/// `a`: `[_, width]`, `b`: `[_, width]`, the others `[entries]`.
pub fn sampled_product(pool: &Pool, width: usize, rows: &[f32], columns: &[f32], a: &[f32], b: &[f32], z: &mut [f32]) {
    if width == 0 {
        return z.fill(0.0);
    }
    let part = (GRAIN / width).max(1);
    let blocks = z.len().div_ceil(part);
    split(pool, blocks, [(z, part)], |block, [z]| {
        let entries = block * part..block * part + z.len();
        sampled_block(width, &rows[entries.clone()], &columns[entries], a, b, z);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_close, assert_same_at_any_threads, noise, on_every_set};

    /// Rows below `bound`, now and then -1.
    fn indices(seed: u64, len: usize, bound: usize) -> Vec<f32> {
        noise(seed, len).iter().map(|x| ((x + 1.0) * 0.5 * (bound + 1) as f32).floor() - 1.0).collect()
    }

    const SHAPES: [(usize, usize, usize); 5] = [(1, 1, 1), (5, 17, 3), (7, 3, 16), (40, 300, 37), (3, 200, 1)];

    #[test]
    fn gather_and_scatter_agree_with_the_definition() {
        for (rows, entries, width) in SHAPES {
            let (table, x, at) = (noise(1, rows * width), noise(2, entries * width), indices(3, entries, rows));
            let mut gathered = vec![0.0f64; entries * width];
            let mut added = vec![0.0f64; rows * width];
            for (i, &row) in at.iter().enumerate().filter(|(_, row)| **row >= 0.0) {
                for c in 0..width {
                    gathered[i * width + c] = f64::from(table[row as usize * width + c]);
                    added[row as usize * width + c] += f64::from(x[i * width + c]);
                }
            }
            on_every_set(|pool| {
                let (mut y, mut sums) = (vec![f32::NAN; entries * width], vec![f32::NAN; rows * width]);
                gather(pool, width, &table, &at, &mut y);
                assert_close("gather", &y, &gathered, 0.0);
                scatter_add(pool, width, &x, &at, &mut sums, &mut vec![f32::NAN; bucket_scratch(rows, entries)]);
                assert_close("scatter_add", &sums, &added, 1e-5);
            });
        }
    }

    #[test]
    fn segment_maxima_are_the_first_largest() {
        for (rows, entries, width) in SHAPES {
            // Few different numbers, so that ties are common.
            let x: Vec<f32> = noise(2, entries * width).iter().map(|x| (3.0 * x).round()).collect();
            let at = indices(3, entries, rows);
            on_every_set(|pool| {
                let mut y = vec![f32::NAN; rows * width];
                segment_arg_max(pool, width, &x, &at, &mut y, &mut vec![0.0; bucket_scratch(rows, entries)]);
                for (place, &got) in y.iter().enumerate() {
                    let (row, c) = (place / width, place % width);
                    let mut best = None;
                    for i in (0..entries).filter(|&i| at[i] == row as f32) {
                        if best.is_none_or(|best: usize| x[i * width + c] > x[best * width + c]) {
                            best = Some(i);
                        }
                    }
                    assert_eq!(got, best.map_or(-1.0, |i| i as f32));
                }
            });
        }
    }

    #[test]
    fn sparse_products_agree_with_dense_ones() {
        for (rows, entries, width) in SHAPES {
            let columns = rows + 2;
            let (at_row, at_column) = (indices(1, entries, rows), indices(2, entries, columns));
            let (values, x, a) = (noise(3, entries), noise(4, columns * width), noise(5, rows * width));
            let mut want = vec![0.0f64; rows * width];
            let mut sampled = vec![0.0f64; entries];
            for e in (0..entries).filter(|&e| at_row[e] >= 0.0 && at_column[e] >= 0.0) {
                for c in 0..width {
                    let (left, right) = (at_row[e] as usize * width + c, at_column[e] as usize * width + c);
                    want[left] += f64::from(values[e]) * f64::from(x[right]);
                    sampled[e] += f64::from(a[left]) * f64::from(x[right]);
                }
            }
            on_every_set(|pool| {
                let (mut y, mut z) = (vec![f32::NAN; rows * width], vec![f32::NAN; entries]);
                let sparse = Sparse { rows: &at_row, columns: &at_column, values: &values };
                sparse_product(pool, width, sparse, &x, &mut y, &mut vec![0.0; bucket_scratch(rows, entries)]);
                assert_close("sparse_product", &y, &want, 1e-5);
                sampled_product(pool, width, &at_row, &at_column, &a, &x, &mut z);
                assert_close("sampled_product", &z, &sampled, 1e-5);
            });
        }
    }

    #[test]
    fn what_is_no_row_is_seen() {
        let (x, at) = ([1.0, 2.0, 3.0], [0.0, 5.0, 0.5]);
        let pool = Pool::serial();
        let (mut y, mut sums, mut scratch) = ([0.0; 3], [0.0; 2], [0.0; 5]);
        gather(&pool, 1, &x[..2], &at, &mut y);
        assert!(y[0] == 1.0 && y[1].is_nan() && y[2].is_nan());
        scatter_add(&pool, 1, &x, &at, &mut sums, &mut scratch);
        assert!(sums.iter().all(|sum| sum.is_nan()));
        segment_arg_max(&pool, 1, &x, &at, &mut sums, &mut scratch);
        assert!(sums.iter().all(|sum| sum.is_nan()));
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        let (rows, entries, width) = (900, 5000, 33);
        let (x, table, at) = (noise(1, entries * width), noise(2, rows * width), indices(3, entries, rows));
        let at_column = indices(4, entries, rows);
        assert_same_at_any_threads(|pool| {
            let mut scratch = vec![0.0; bucket_scratch(rows, entries)];
            let mut out = vec![vec![0.0; entries * width], vec![0.0; rows * width], vec![0.0; rows * width]];
            gather(pool, width, &table, &at, &mut out[0]);
            scatter_add(pool, width, &x, &at, &mut out[1], &mut scratch);
            let sparse = Sparse { rows: &at, columns: &at_column, values: &x[..entries] };
            sparse_product(pool, width, sparse, &table, &mut out[2], &mut scratch);
            let mut sampled = vec![0.0; entries];
            sampled_product(pool, width, &at, &at_column, &table, &table, &mut sampled);
            out.push(sampled);
            out
        });
    }
}
