//! `matmul`: C = A B over the last two axes, batched over the rest, either operand transposed for
//! free; dA = dC B^T, dB = A^T dC.

use super::fused_matmul::FusedMatMul;
use crate::engine::{Backward, Follow, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::gemm::{self, Batch, Epilogue, Gemm};

/// A product of matrices `[.., m, k]` and `[.., k, n]`; a transposed operand is stored the other way.
#[derive(Clone, Copy, Debug)]
pub(super) struct MatMul {
    transpose_a: bool,
    transpose_b: bool,
}

impl MatMul {
    /// Whether the rows of B follow one another as they are summed over.
    pub(super) fn sums_over_rows(self) -> bool {
        !self.transpose_b
    }

    /// Extents (batch, m, n, k) of the product.
    fn extents(&self, a: &[usize], b: &[usize]) -> Option<(usize, usize, usize, usize)> {
        let ([batch_a @ .., a0, a1], [batch_b @ .., b0, b1]) = (a, b) else { return None };
        let (m, k) = if self.transpose_a { (*a1, *a0) } else { (*a0, *a1) };
        let (k_b, n) = if self.transpose_b { (*b1, *b0) } else { (*b0, *b1) };
        (k == k_b && batch_a == batch_b).then(|| (batch_a.iter().product(), m, n, k))
    }

    /// The product for the kernels, of shapes that were checked before.
    pub(super) fn layout(&self, a: &[usize], b: &[usize]) -> (Gemm, Batch) {
        let (count, m, n, k) = self.extents(a, b).expect("shapes are checked when the op is recorded");
        let strides = |transposed: bool, stored: &[usize]| {
            let last = stored[stored.len() - 1];
            if transposed { (1, last) } else { (last, 1) }
        };
        let ((a_row, a_column), (b_row, b_column)) = (strides(self.transpose_a, a), strides(self.transpose_b, b));
        let gemm = Gemm { m, n, k, a_row, a_column, b_row, b_column, c_row: n, accumulate: false };
        (gemm, Batch { count, a: m * k, b: k * n, c: m * n })
    }
}

impl Op for MatMul {
    fn name(&self) -> &'static str {
        match (self.transpose_a, self.transpose_b) {
            (false, false) => "matmul",
            (true, false) => "matmul_t_",
            (false, true) => "matmul__t",
            (true, true) => "matmul_tt",
        }
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let extents = match inputs {
            [a, b] => self.extents(a, b).map(|(_, m, n, _)| (a[..a.len() - 2].to_vec(), m, n)),
            _ => None,
        };
        let (mut shape, m, n) = extents.ok_or_else(|| {
            ShapeError::new(self.name(), inputs, "matrices whose inner extents agree, batched alike".to_owned())
        })?;
        shape.extend([m, n]);
        Ok(vec![shape.into()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, b, ..], outputs: [c, ..], input_shapes, scratch, pool, .. } = io;
        let (gemm, batch) = self.layout(&input_shapes[0], &input_shapes[1]);
        if gemm::is_blocked(&gemm, &batch) {
            gemm::gemm_blocked(pool, &gemm, a, b, c, scratch, Epilogue::default(), None);
        } else {
            gemm::gemm(pool, &gemm, &batch, a, b, c);
        }
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        let (gemm, batch) = self.layout(&inputs[0], &inputs[1]);
        if gemm::is_blocked(&gemm, &batch) { gemm::blocked_scratch(&gemm) } else { 0 }
    }

    fn flop(&self, inputs: &[Shape], outputs: &[Shape]) -> u64 {
        let k = self.extents(&inputs[0], &inputs[1]).map_or(0, |(.., k)| k);
        2 * outputs[0].size() as u64 * k as u64
    }

    fn with_epilogue(&self, follow: &[Follow]) -> Option<Box<dyn Op>> {
        FusedMatMul::new(*self, follow).map(|op| Box::new(op) as Box<dyn Op>)
    }

    fn with_row_sums(&self) -> Option<Box<dyn Op>> {
        FusedMatMul::new(*self, &[])?.with_row_sums()
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (a, b, dc) = (at.inputs[0], at.inputs[1], at.d_output());
        let product = |x: Var<'g>, transpose_a, y: Var<'g>, transpose_b| {
            x.graph().apply_one(MatMul { transpose_a, transpose_b }, &[x, y])
        };
        let da = || match self.transpose_a {
            false => product(dc, false, b, !self.transpose_b),
            true => product(b, self.transpose_b, dc, true),
        };
        let db = || match self.transpose_b {
            false => product(a, !self.transpose_a, dc, false),
            true => product(dc, true, a, self.transpose_a),
        };
        Ok(vec![at.wanted[0].then(da), at.wanted[1].then(db)])
    }
}

impl<'g> Var<'g> {
    /// The matrix product over the last two axes. A right operand of two axes is shared by the whole
    /// batch: `[.., m, k]` by `[k, n]` is `[.., m, n]`; otherwise the leading axes must be equal.
    ///
    /// # Panics
    /// If the extents do not fit.
    pub fn matmul(self, other: Var<'g>) -> Var<'g> {
        let shape = self.shape();
        let plain = MatMul { transpose_a: false, transpose_b: false };
        if shape.len() > 2 && other.shape().len() == 2 {
            let flat = self.reshape([shape.rows(), shape.last_extent()]);
            let product = flat.graph().apply_one(plain, &[flat, other]);
            return product.reshape(shape.with_last(product.shape().last_extent()));
        }
        self.graph().apply_one(plain, &[self, other])
    }

    /// The product with the right operand transposed over its last two axes.
    ///
    /// # Panics
    /// If the extents do not fit.
    pub fn matmul_transposed(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(MatMul { transpose_a: false, transpose_b: true }, &[self, other])
    }

    /// The product with this, the left operand, transposed over its last two axes.
    ///
    /// # Panics
    /// If the extents do not fit.
    pub fn transposed_matmul(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(MatMul { transpose_a: true, transpose_b: false }, &[self, other])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use ndarray::{Array2, Ix2, Ix3};
    fn product(a: &Array, b: &Array) -> Array2<f64> {
        let two = |x: &Array| x.clone().into_dimensionality::<Ix2>().expect("a matrix");
        two(a).dot(&two(b))
    }
    let plain = |m: usize, k: usize, n: usize| {
        let label = format!("{m} {k} {n}");
        Case::one(label, [real([m, k]), real([k, n])], |x| x[0].matmul(x[1]), |x| product(&x[0], &x[1]).into_dyn())
    };
    let transposed = Case::one(
        "transposed",
        [real([5, 7]), real([3, 7])],
        |x| x[0].matmul_transposed(x[1]),
        |x| product(&x[0], &x[1].t().to_owned()).into_dyn(),
    );
    let shared = Case::one(
        "shared right operand",
        [real([2, 3, 5]), real([5, 4])],
        |x| x[0].matmul(x[1]),
        |x| {
            let flat = x[0].clone().into_shape_with_order(vec![6, 5]).expect("6 rows of 5");
            product(&flat, &x[1]).into_dyn().into_shape_with_order(vec![2, 3, 4]).expect("6 rows of 4")
        },
    );
    let batched = Case::one(
        "batched",
        [real([3, 4, 5]), real([3, 5, 2])],
        |x| x[0].matmul(x[1]),
        |x| {
            let three = |x: &Array| x.clone().into_dimensionality::<Ix3>().expect("a batch of matrices");
            let (a, b) = (three(&x[0]), three(&x[1]));
            let products: Vec<_> = a.outer_iter().zip(b.outer_iter()).map(|(a, b)| a.dot(&b)).collect();
            let views: Vec<_> = products.iter().map(|p| p.view()).collect();
            ndarray::stack(ndarray::Axis(0), &views).expect("equal shapes").into_dyn()
        },
    );
    let left = Case::one(
        "left transposed",
        [real([7, 5]), real([7, 3])],
        |x| x[0].transposed_matmul(x[1]),
        |x| product(&x[0].t().to_owned(), &x[1]).into_dyn(),
    );
    vec![plain(1, 1, 1), plain(7, 5, 3), plain(13, 17, 19), transposed, left, shared, batched]
}
