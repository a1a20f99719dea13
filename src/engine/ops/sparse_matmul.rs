//! `sparse_matmul`: y = A x for a sparse A given by coordinates; dx = A^T dy, and the gradient by the
//! values is `sampled_matmul`: z[e] = dy[row of e] . x[column of e]. Each is the other's gradient.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::rows::{self, Sparse};

/// Inputs: rows, columns, values `[entries]`, x `[columns, ..width]`.
#[derive(Debug)]
struct SparseMatMul {
    rows: usize,
}

/// Inputs: rows, columns `[entries]`, a `[_, ..width]`, b `[_, ..width]`.
#[derive(Debug)]
struct SampledMatMul;

fn width(shape: &Shape) -> usize {
    shape[1..].iter().product()
}

impl Op for SparseMatMul {
    fn name(&self) -> &'static str {
        "sparse_matmul"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [rows, columns, values, x] if rows == columns && rows == values && rows.len() == 1 && !x.is_empty() => {
                Ok(vec![[&[self.rows], &x[1..]].concat().into()])
            }
            _ => Err(ShapeError::new("sparse_matmul", inputs, "rows, columns and values [entries], x [columns, ..]")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [rows, columns, values, x, ..], outputs: [y, ..], input_shapes, scratch, pool, .. } = io;
        rows::sparse_product(pool, width(&input_shapes[3]), Sparse { rows, columns, values }, x, y, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        rows::bucket_scratch(self.rows, inputs[0].size())
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        2 * (inputs[0].size() * width(&inputs[3])) as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let &[rows, columns, values, x] = at.inputs else { unreachable!("shapes are checked when recorded") };
        let dy = at.d_output();
        Ok(vec![
            None,
            None,
            at.wanted[2].then(|| x.graph().apply_one(SampledMatMul, &[rows, columns, dy, x])),
            at.wanted[3].then(|| values.sparse_matmul(columns, rows, x.shape()[0], dy)),
        ])
    }
}

impl Op for SampledMatMul {
    fn name(&self) -> &'static str {
        "sampled_matmul"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [rows, columns, a, b]
                if rows == columns && rows.len() == 1 && !a.is_empty() && !b.is_empty() && a[1..] == b[1..] =>
            {
                Ok(vec![(*rows).clone()])
            }
            _ => Err(ShapeError::new("sampled_matmul", inputs, "rows and columns [entries], a and b [_, ..width]")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [rows, columns, a, b, ..], outputs: [z, ..], input_shapes, pool, .. } = io;
        rows::sampled_product(pool, width(&input_shapes[2]), rows, columns, a, b, z);
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        2 * (inputs[0].size() * width(&inputs[2])) as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let &[rows, columns, a, b] = at.inputs else { unreachable!("shapes are checked when recorded") };
        let dz = at.d_output();
        Ok(vec![
            None,
            None,
            at.wanted[2].then(|| dz.sparse_matmul(rows, columns, a.shape()[0], b)),
            at.wanted[3].then(|| dz.sparse_matmul(columns, rows, b.shape()[0], a)),
        ])
    }
}

impl<'g> Var<'g> {
    /// These values `[entries]` as a sparse matrix of `row_count` rows, entry `e` at
    /// `(rows[e], columns[e])`, times `x` of `[columns, ..width]`: `[row_count, ..width]`. Entries at
    /// one place add up, in any order of the coordinates. A coordinate -1 leaves its entry out, so
    /// that matrices of different fill share one plan; one that is no place gives NaN.
    ///
    /// # Panics
    /// If there are not as many rows and columns as values.
    pub fn sparse_matmul(self, rows: Var<'g>, columns: Var<'g>, row_count: usize, x: Var<'g>) -> Var<'g> {
        self.graph().apply_one(SparseMatMul { rows: row_count }, &[rows, columns, self, x])
    }

    /// The entries of this times `other` transposed at the places `(rows[e], columns[e])` alone:
    /// inner products of the rows of two matrices, as of graph attention.
    ///
    /// # Panics
    /// If the matrices have rows of different shapes, or there are not as many rows as columns.
    pub fn sampled_matmul(self, other: Var<'g>, rows: Var<'g>, columns: Var<'g>) -> Var<'g> {
        self.graph().apply_one(SampledMatMul, &[rows, columns, self, other])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    /// (entry, row, column) of all that count.
    fn entries(x: &[Array]) -> Vec<(usize, usize, usize)> {
        let all = x[0].iter().zip(&x[1]).enumerate().filter(|(_, (row, column))| **row >= 0.0 && **column >= 0.0);
        all.map(|(e, (row, column))| (e, *row as usize, *column as usize)).collect()
    }
    let product = |count: usize, extents: (usize, usize), width: usize| {
        let oracle = move |x: &[Array]| {
            let mut y = Array::zeros(vec![extents.0, width]);
            for (e, row, column) in entries(x) {
                (0..width).for_each(|c| y[[row, c]] += x[2][e] * x[3][[column, c]]);
            }
            &y * &y
        };
        let at = |extent: usize| index([count], -1, extent as i32);
        let inputs = [at(extents.0), at(extents.1), real([count]), real([extents.1, width])];
        Case::one(
            format!("product {count} {extents:?} {width}"),
            inputs,
            move |x| x[2].sparse_matmul(x[0], x[1], extents.0, x[3]).square(),
            oracle,
        )
    };
    let sampled = |count: usize, extents: (usize, usize), width: usize| {
        let oracle = move |x: &[Array]| {
            let mut z = Array::zeros(vec![count]);
            for (e, row, column) in entries(x) {
                z[e] = (0..width).map(|c| x[2][[row, c]] * x[3][[column, c]]).sum::<f64>().powi(2);
            }
            z
        };
        let at = |extent: usize| index([count], -1, extent as i32);
        let inputs = [at(extents.0), at(extents.1), real([extents.0, width]), real([extents.1, width])];
        Case::one(
            format!("sampled {count} {extents:?} {width}"),
            inputs,
            move |x| x[2].sampled_matmul(x[3], x[0], x[1]).square(),
            oracle,
        )
    };
    vec![
        product(9, (4, 5), 3),
        product(23, (3, 2), 17),
        product(1, (1, 1), 1),
        sampled(9, (4, 5), 3),
        sampled(5, (2, 3), 17),
    ]
}
