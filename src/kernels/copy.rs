//! Copies between strided blocks: permuted axes, repeated axes, parts of arrays.

use super::isa::kernel;
use super::map::BLOCK;
use super::strided::{RANK, View, Walk, broadcast, dense};
use crate::base::threads::Pool;

/// The side of the tiles in which a transposed block is read, so that its lines stay in L1.
const TILE: usize = 16;

/// `y[r, c] = x[c, r]` for a whole tile; both have contiguous rows, so many apart.
#[inline(always)]
fn transpose_tile(x: &[f32], x_row: usize, y: &mut [f32], y_row: usize) {
    let mut tile = [[0.0f32; TILE]; TILE];
    for (c, line) in tile.iter_mut().enumerate() {
        line.copy_from_slice(&x[c * x_row..][..TILE]);
    }
    for r in 0..TILE {
        let line: [f32; TILE] = std::array::from_fn(|c| tile[c][r]);
        y[r * y_row..][..TILE].copy_from_slice(&line);
    }
}

kernel! {
    /// `y[r, c] = x[r row + c column]`, with `y` dense.
    fn gather_block<A>(x: &[f32], row: usize, column: usize, columns: usize, y: &mut [f32]) {
        if column == 1 {
            for (r, y) in y.chunks_mut(columns).enumerate() {
                y.copy_from_slice(&x[r * row..][..columns]);
            }
        } else if column == 0 {
            for (r, y) in y.chunks_mut(columns).enumerate() {
                y.fill(x[r * row]);
            }
        } else {
            let rows = y.len() / columns;
            for top in (0..rows).step_by(TILE) {
                for left in (0..columns).step_by(TILE) {
                    let right = (left + TILE).min(columns);
                    if row == 1 && top + TILE <= rows && left + TILE <= columns {
                        transpose_tile(&x[left * column + top..], column, &mut y[top * columns + left..], columns);
                        continue;
                    }
                    for r in top..(top + TILE).min(rows) {
                        for (c, y) in (left..right).zip(&mut y[r * columns + left..r * columns + right]) {
                            *y = x[r * row + c * column];
                        }
                    }
                }
            }
        }
    }
}

/// Fills the dense `y` by a walk over `x`.
fn gather(pool: &Pool, x: &[f32], walk: &Walk<1>, y: &mut [f32]) {
    if y.is_empty() {
        return;
    }
    let (columns, step) = (walk.columns(), walk.column_stride(0));
    if walk.rows() == 1 {
        pool.parts(y, BLOCK, |block, y| {
            gather_block(&x[block * BLOCK * step..], 0, step, y.len(), y);
        });
        return;
    }
    // At least one, as 0 is a multiple too: rows may be longer than a block.
    let rows = (BLOCK / columns).max(1).next_multiple_of(TILE);
    pool.parts(y, rows * columns, |block, y| {
        let (first, mut done) = (block * rows, 0);
        walk.runs(first, first + y.len() / columns, |[offset], rows| {
            let y = &mut y[done..done + rows * columns];
            gather_block(&x[offset..], walk.row_stride(0), step, columns, y);
            done += rows * columns;
        });
    });
}

/// `y = x` with its axes permuted: axis `i` of `y` is axis `axes[i]` of `x`.
///
/// # Panics
/// When `axes` is no permutation or `y` has another length: a bug in the caller.
pub fn permute(pool: &Pool, x: View<'_>, axes: &[usize], y: &mut [f32]) {
    let rank = x.shape.len();
    let whole = axes.len() == rank && (0..rank).all(|axis| axes.contains(&axis));
    assert!(whole && y.len() == x.data.len(), "permute: {axes:?} of {:?} to {} elements", x.shape, y.len());
    let own = dense(x.shape);
    let (mut shape, mut strides) = ([1; RANK], [0; RANK]);
    for (to, &from) in axes.iter().enumerate() {
        (shape[to], strides[to]) = (x.shape[from], own[from]);
    }
    gather(pool, x.data, &Walk::new(&shape[..rank], [strides]), y);
}

/// `y = x` repeated to `shape` by numpy's rules.
///
/// # Panics
/// When `x` cannot be broadcast to `shape` or `y` has another length.
pub fn broadcast_to(pool: &Pool, x: View<'_>, shape: &[usize], y: &mut [f32]) {
    assert_eq!(y.len(), shape.iter().product::<usize>(), "broadcast_to: the output is not {shape:?}");
    gather(pool, x.data, &Walk::new(shape, [broadcast(x.shape, shape)]), y);
}

/// The walk over a block of `whole` and the offset of its first element.
fn inside(whole: &[usize], start: &[usize], block: &[usize]) -> (Walk<1>, usize) {
    let fits = whole.len() == block.len()
        && start.len() == block.len()
        && whole.iter().zip(start).zip(block).all(|((&w, &s), &b)| s.checked_add(b).is_some_and(|end| end <= w));
    assert!(fits && whole.len() <= RANK, "a block {block:?} at {start:?} is not inside {whole:?}");
    let strides = dense(whole);
    (Walk::new(block, [strides]), start.iter().zip(&strides).map(|(s, stride)| s * stride).sum())
}

/// `y = x[start .. start + shape]` along every axis; `shape` is that of `y`.
///
/// # Panics
/// When the block is not inside `x` or `y` has another length.
pub fn slice_copy(pool: &Pool, x: View<'_>, start: &[usize], y: &mut [f32], shape: &[usize]) {
    let (walk, offset) = inside(x.shape, start, shape);
    assert_eq!(y.len(), shape.iter().product::<usize>(), "slice_copy: the output is not {shape:?}");
    if !y.is_empty() {
        gather(pool, &x.data[offset..], &walk, y);
    }
}

kernel! {
    /// `y[r row + c] = x[r, c]`, or `+=`; `x` is dense, and so is every row of `y`.
    fn scatter_block<A>(x: &[f32], add: bool, row: usize, columns: usize, y: &mut [f32]) {
        for (r, x) in x.chunks(columns).enumerate() {
            let y = &mut y[r * row..][..columns];
            if add {
                for (y, x) in y.iter_mut().zip(x) {
                    *y += x;
                }
            } else {
                y.copy_from_slice(x);
            }
        }
    }
}

/// Writes or adds the dense `x` to a block of `y`, on the calling thread: bound by memory.
fn scatter(x: View<'_>, add: bool, y: &mut [f32], whole: &[usize], start: &[usize]) {
    let (walk, offset) = inside(whole, start, x.shape);
    assert_eq!(y.len(), whole.iter().product::<usize>(), "the output is not {whole:?}");
    if x.data.is_empty() {
        return;
    }
    let (columns, step, row_step) = (walk.columns(), walk.column_stride(0), walk.row_stride(0));
    let y = &mut y[offset..];
    let mut done = 0;
    walk.runs(0, walk.rows(), |[offset], rows| {
        let x = &x.data[done..done + rows * columns];
        if step == 1 {
            scatter_block(x, add, row_step, columns, &mut y[offset..]);
        } else {
            // A block one element wide walks down a column.
            for (row, x) in x.chunks(columns).enumerate() {
                scatter_block(x, add, step, 1, &mut y[offset + row * row_step..]);
            }
        }
        done += rows * columns;
    });
}

/// `y[start .. start + shape of x] = x` in the array `y` of shape `whole`: a part of a joined array.
///
/// # Panics
/// When the block is not inside `whole` or `y` has another length.
pub fn slice_write(x: View<'_>, y: &mut [f32], whole: &[usize], start: &[usize]) {
    scatter(x, false, y, whole, start);
}

/// `y[start .. start + shape of x] += x`: the gradient of [`slice_copy`].
///
/// # Panics
/// As [`slice_write`].
pub fn slice_add(x: View<'_>, y: &mut [f32], whole: &[usize], start: &[usize]) {
    scatter(x, true, y, whole, start);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(len: usize) -> Vec<f32> {
        (0..len).map(|i| i as f32 + 1.0).collect()
    }

    /// The index along each axis of the `flat`-th element.
    fn unravel(mut flat: usize, shape: &[usize]) -> Vec<usize> {
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            (index[axis], flat) = (flat % shape[axis], flat / shape[axis]);
        }
        index
    }

    fn ravel(index: &[usize], shape: &[usize]) -> usize {
        index.iter().zip(shape).fold(0, |at, (i, length)| at * length + i)
    }

    #[test]
    fn axes_go_where_they_are_told() {
        let cases: [(&[usize], &[usize]); 8] = [
            (&[130, 257], &[1, 0]),
            (&[5, 33, 70], &[0, 2, 1]),
            (&[4, 16, 3, 8], &[0, 2, 1, 3]),
            (&[4, 3, 160, 18], &[0, 2, 1, 3]),
            (&[2, 3, 4, 5], &[3, 2, 1, 0]),
            (&[2, 3, 1, 2, 4, 3], &[4, 0, 5, 2, 1, 3]),
            (&[40_000], &[0]),
            (&[0, 3], &[1, 0]),
        ];
        for (shape, axes) in cases {
            let x = numbers(shape.iter().product());
            let out: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
            for threads in [1, 2, 3] {
                let mut y = vec![0.0; x.len()];
                permute(&Pool::new(threads), View::new(&x, shape), axes, &mut y);
                for (flat, &y) in y.iter().enumerate() {
                    let mut from = vec![0; axes.len()];
                    unravel(flat, &out).iter().zip(axes).for_each(|(&i, &axis)| from[axis] = i);
                    assert_eq!(y, x[ravel(&from, shape)], "{shape:?} {axes:?} at {flat}");
                }
            }
        }
    }

    #[test]
    fn repeated_axes_are_repeated() {
        let x = numbers(6);
        let mut y = vec![0.0; 2 * 3 * 7 * 2];
        broadcast_to(&Pool::serial(), View::new(&x, &[3, 1, 2]), &[2, 3, 7, 2], &mut y);
        for (flat, &y) in y.iter().enumerate() {
            let index = unravel(flat, &[2, 3, 7, 2]);
            assert_eq!(y, x[index[1] * 2 + index[3]]);
        }
        let mut y = vec![0.0; 50_000];
        broadcast_to(&Pool::new(2), View::new(&[3.0], &[]), &[50_000], &mut y);
        assert!(y.iter().all(|y| *y == 3.0));
        // Rows longer than a block of work.
        let (x, mut y) = (numbers(BLOCK + 5), vec![0.0; 3 * (BLOCK + 5)]);
        broadcast_to(&Pool::new(2), View::new(&x, &[BLOCK + 5]), &[3, BLOCK + 5], &mut y);
        assert!(y.chunks(BLOCK + 5).all(|row| row == x));
    }

    #[test]
    fn parts_are_cut_out_written_and_added() {
        let cases: [(&[usize], &[usize], &[usize]); 6] = [
            (&[9, 40], &[2, 7], &[5, 11]),
            (&[9, 40], &[0, 3], &[9, 1]),
            (&[3, 4, 5, 6], &[1, 0, 2, 3], &[2, 4, 1, 2]),
            (&[3, 4, 5, 6], &[1, 1, 2, 3], &[2, 2, 3, 1]),
            (&[2, 2, 3, 2, 2, 4], &[0, 1, 1, 0, 0, 2], &[2, 1, 2, 2, 1, 2]),
            (&[5, 6], &[1, 6], &[3, 0]),
        ];
        for (whole, start, shape) in cases {
            let x = numbers(whole.iter().product());
            let mut part = vec![0.0; shape.iter().product()];
            slice_copy(&Pool::new(2), View::new(&x, whole), start, &mut part, shape);
            let (mut written, mut added) = (vec![0.0; x.len()], x.clone());
            slice_write(View::new(&part, shape), &mut written, whole, start);
            slice_add(View::new(&part, shape), &mut added, whole, start);
            for (flat, &x) in x.iter().enumerate() {
                let index = unravel(flat, whole);
                let within =
                    (0..whole.len()).all(|axis| (start[axis]..start[axis] + shape[axis]).contains(&index[axis]));
                let want = if within { (x, 2.0 * x) } else { (0.0, x) };
                assert_eq!((written[flat], added[flat]), want, "{whole:?} {start:?} {shape:?} at {index:?}");
            }
            let count = written.iter().filter(|x| **x != 0.0).count();
            assert_eq!(count, part.len());
        }
    }

    #[test]
    #[should_panic(expected = "is not inside")]
    fn a_block_outside_is_refused() {
        slice_copy(&Pool::serial(), View::new(&[0.0; 6], &[2, 3]), &[1, 2], &mut [0.0; 2], &[1, 2]);
    }
}
