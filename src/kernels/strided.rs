//! Walks over strided blocks: axes that lie together are merged, so that few loops remain.

/// The most axes that kernels take.
pub const RANK: usize = 6;

/// A dense row-major array and its shape.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// As many elements as the shape says.
    pub data: &'a [f32],
    /// Lengths of the axes, at most [`RANK`] of them.
    pub shape: &'a [usize],
}

impl<'a> View<'a> {
    /// # Panics
    /// When data and shape disagree or the rank is above [`RANK`]: a bug in the caller.
    pub fn new(data: &'a [f32], shape: &'a [usize]) -> Self {
        assert!(shape.len() <= RANK, "kernels take at most {RANK} axes, not {shape:?}");
        assert_eq!(data.len(), shape.iter().product::<usize>(), "the shape {shape:?} does not fit the data");
        View { data, shape }
    }
}

/// Row-major strides of a dense array.
pub(super) fn dense(shape: &[usize]) -> [usize; RANK] {
    let mut strides = [0; RANK];
    let mut step = 1;
    for (stride, &length) in strides[..shape.len()].iter_mut().zip(shape).rev() {
        *stride = step;
        step *= length;
    }
    strides
}

/// Strides by which a dense `shape` is read as `out`, by numpy's rules: 0 along repeated axes.
pub(super) fn broadcast(shape: &[usize], out: &[usize]) -> [usize; RANK] {
    let fits = shape.len() <= out.len()
        && shape.iter().rev().zip(out.iter().rev()).all(|(&from, &to)| from == to || from == 1);
    assert!(fits && out.len() <= RANK, "the shape {shape:?} cannot be broadcast to {out:?}");
    let own = dense(shape);
    let mut strides = [0; RANK];
    let lead = out.len() - shape.len();
    for (axis, &length) in shape.iter().enumerate() {
        strides[lead + axis] = if length == 1 { 0 } else { own[axis] };
    }
    strides
}

/// A walk in row-major order over a shape, with the offsets of `N` strided operands. The last axis
/// (columns) and the one before it (rows) are left to the caller's loops.
#[derive(Clone, Copy)]
pub(super) struct Walk<const N: usize> {
    rank: usize,
    shape: [usize; RANK],
    strides: [[usize; RANK]; N],
}

impl<const N: usize> Walk<N> {
    /// Drops axes of length 1 and merges axes that every operand passes through in one stride.
    pub(super) fn new(shape: &[usize], strides: [[usize; RANK]; N]) -> Self {
        let mut walk = Walk { rank: 0, shape: [1; RANK], strides: [[1; RANK]; N] };
        for (axis, &length) in shape.iter().enumerate().filter(|(_, length)| **length != 1) {
            let continues =
                walk.rank > 0 && (0..N).all(|n| walk.strides[n][walk.rank - 1] == strides[n][axis] * length);
            if continues {
                walk.shape[walk.rank - 1] *= length;
            } else {
                walk.shape[walk.rank] = length;
                walk.rank += 1;
            }
            for (own, strides) in walk.strides.iter_mut().zip(&strides) {
                own[walk.rank - 1] = strides[axis];
            }
        }
        walk.rank = walk.rank.max(1);
        walk
    }

    /// The length of the last axis.
    pub(super) fn columns(&self) -> usize {
        self.shape[self.rank - 1]
    }

    /// The product of the other axes.
    pub(super) fn rows(&self) -> usize {
        self.shape[..self.rank - 1].iter().product()
    }

    /// From one column to the next.
    pub(super) fn column_stride(&self, operand: usize) -> usize {
        self.strides[operand][self.rank - 1]
    }

    /// From one row to the next within a run.
    pub(super) fn row_stride(&self, operand: usize) -> usize {
        if self.rank < 2 { 0 } else { self.strides[operand][self.rank - 2] }
    }

    /// Calls `body(offsets, rows)` for the runs of rows that make up `first..end`.
    #[inline(always)]
    pub(super) fn runs(&self, first: usize, end: usize, mut body: impl FnMut([usize; N], usize)) {
        let outer = self.rank.saturating_sub(1);
        let run = if outer == 0 { 1 } else { self.shape[outer - 1] };
        let mut row = first;
        while row < end {
            let mut offsets = [0; N];
            let mut rest = row;
            for axis in (0..outer).rev() {
                let index = rest % self.shape[axis];
                rest /= self.shape[axis];
                for (offset, strides) in offsets.iter_mut().zip(&self.strides) {
                    *offset += index * strides[axis];
                }
            }
            let rows = (run - row % run).min(end - row);
            body(offsets, rows);
            row += rows;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_that_lie_together_become_one() {
        let shape = [2, 3, 4, 1, 5];
        let walk = Walk::new(&shape, [dense(&shape)]);
        assert_eq!((walk.rows(), walk.columns(), walk.column_stride(0)), (1, 120, 1));
        let bias = Walk::new(&shape, [dense(&shape), broadcast(&[4, 1, 5], &shape)]);
        assert_eq!((bias.rows(), bias.columns(), bias.row_stride(1)), (6, 20, 0));
        assert_eq!(Walk::new(&[], [dense(&[])]).columns(), 1);
    }

    #[test]
    fn runs_visit_every_row_with_its_offset() {
        // A [4, 3, 2] array read with its first two axes exchanged.
        let walk = Walk::new(&[3, 4, 2], [[2, 6, 1, 0, 0, 0]]);
        for (first, end) in [(0, 12), (1, 7), (5, 6)] {
            let mut seen = Vec::new();
            walk.runs(first, end, |[offset], rows| seen.extend((0..rows).map(|r| offset + r * walk.row_stride(0))));
            let want: Vec<usize> = (first..end).map(|row| row / 4 * 2 + row % 4 * 6).collect();
            assert_eq!(seen, want);
        }
    }

    #[test]
    #[should_panic(expected = "cannot be broadcast")]
    fn shapes_that_do_not_fit_are_refused() {
        broadcast(&[2, 3], &[3, 2]);
    }
}
