//! `triangular_solve`: X with A X = B or A^T X = B for triangular A; dB = A^-T dX (or A^-1 dX),
//! dA = -dB X^T (or -X dB^T) on the triangle (Giles 2008).

use super::matrix::{constant, each, extents, is_square, wide, write};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::linalg;

pub use crate::kernels::linalg::Triangle;

#[derive(Clone, Copy, Debug)]
struct TriangularSolve {
    triangle: Triangle,
    transposed: bool,
}

/// The right-hand sides of a solve with `a`: equal leading axes and as many rows.
pub(super) fn fits(a: &Shape, b: &Shape) -> bool {
    is_square(a) && a.len() == b.len() && extents(b).is_some() && a[..a.len() - 1] == b[..b.len() - 1]
}

impl Op for TriangularSolve {
    fn name(&self) -> &'static str {
        "triangular_solve"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [a, b] if fits(a, b) => Ok(vec![(*b).clone()]),
            _ => Err(ShapeError::new("triangular_solve", inputs, "[.., n, n] and [.., n, columns]")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, b, ..], outputs: [x, ..], input_shapes, .. } = io;
        let (n, columns) = extents(&input_shapes[1]).expect("shapes are checked when the op is recorded");
        let items = each(a, n * n).zip(each(b, n * columns)).zip(x.chunks_exact_mut(n * columns));
        for ((a, b), x) in items {
            write(linalg::solve_triangular(n, &wide(a), self.triangle, self.transposed, columns, &wide(b)), x);
        }
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (a, x, dx) = (at.inputs[0], at.outputs[0], at.d_output());
        let db = a.triangular_solve(dx, self.triangle, !self.transposed);
        let da = || {
            let product = if self.transposed { x.matmul_transposed(db) } else { db.matmul_transposed(x) };
            product
                * constant(a.graph(), a.shape().last_extent(), |i, j| match self.triangle {
                    Triangle::Lower if i >= j => -1.0,
                    Triangle::Upper if i <= j => -1.0,
                    _ => 0.0,
                })
        };
        Ok(vec![at.wanted[0].then(da), Some(db)])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        (inputs[1].size() * inputs[0].last_extent()) as u64
    }
}

impl<'g> Var<'g> {
    /// `X` with `A X = B` for this triangular `A` `[.., n, n]` and `B` `[.., n, columns]`, or with
    /// `A^T X = B`; the other half of `A` is not read. NaN where the diagonal has a zero.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn triangular_solve(self, b: Var<'g>, triangle: Triangle, transposed: bool) -> Var<'g> {
        self.graph().apply_one(TriangularSolve { triangle, transposed }, &[self, b])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use super::matrix::{identity, oracle};
    let case = |batch: &[usize], n: usize, columns: usize, triangle: Triangle, transposed: bool| {
        let shape = |last: [usize; 2]| [batch, &last[..]].concat();
        let expected = move |x: &[Array]| {
            oracle::batched(x, |x| {
                let mut a = &x[0] + oracle::identity(n) * 4.0;
                a.indexed_iter_mut().for_each(|((i, j), a)| {
                    let kept = if triangle == Triangle::Lower { i >= j } else { i <= j };
                    *a = if kept { *a } else { 0.0 };
                });
                let a = if transposed { a.reversed_axes() } else { a };
                oracle::solve(&a, &x[1]).0
            })
        };
        Case::one(
            format!("{batch:?} {n} {columns} {triangle:?} {transposed}"),
            [real(shape([n, n])), real(shape([n, columns]))],
            move |x| (x[0] + identity(x[0].graph(), n) * 4.0).triangular_solve(x[1], triangle, transposed),
            expected,
        )
    };
    vec![
        case(&[], 5, 3, Triangle::Lower, false),
        case(&[], 5, 3, Triangle::Lower, true),
        case(&[], 4, 1, Triangle::Upper, false),
        case(&[3], 3, 2, Triangle::Upper, true),
        case(&[], 1, 1, Triangle::Lower, false),
    ]
}
