//! `log_determinant`: y = ln |det A|; dA = dy A^-T (Giles 2008, 2.2.4).

use super::matrix::{column, each, identity, is_square, wide, write};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::linalg;

#[derive(Debug)]
struct LogDeterminant;

impl Op for LogDeterminant {
    fn name(&self) -> &'static str {
        "log_determinant"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [a] if is_square(a) => Ok(vec![a[..a.len() - 2].into()]),
            _ => Err(ShapeError::new("log_determinant", inputs, "square matrices")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, ..], outputs: [y, ..], input_shapes, .. } = io;
        let n = input_shapes[0].last_extent();
        for (a, y) in each(a, n * n).zip(y.chunks_exact_mut(1)) {
            write(linalg::log_determinant(n, &wide(a)).map(|(_, log)| vec![log]), y);
        }
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let a = at.inputs[0];
        let identity = identity(a.graph(), a.shape().last_extent()).broadcast_to(a.shape());
        Ok(vec![Some(a.solve_transposed(identity) * column(column(at.d_output())))])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        (inputs[0].size() * inputs[0].last_extent()) as u64 * 2 / 3
    }
}

impl<'g> Var<'g> {
    /// The logarithms of the magnitudes of the determinants of `[.., n, n]`, by LU; minus infinity
    /// where one is zero. For a matrix whose Cholesky factor is at hand, twice the sum of the
    /// logarithms of its [`Var::diagonal`] is cheaper.
    ///
    /// # Panics
    /// If the last two axes differ.
    pub fn log_determinant(self) -> Var<'g> {
        self.graph().apply_one(LogDeterminant, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use super::matrix::oracle;
    use ndarray::Axis;
    let log = |a: &Array| {
        let identity = oracle::identity(a.len_of(Axis(0)));
        oracle::solve(&(oracle::two(a) + &identity * 4.0), &identity).1
    };
    let case = |n: usize| {
        Case::one(
            format!("{n}"),
            [real([n, n])],
            move |x| (x[0] + identity(x[0].graph(), n) * 4.0).log_determinant(),
            move |x| ndarray::arr0(log(&x[0])).into_dyn(),
        )
    };
    let batch = Case::one(
        "batch",
        [real([3, 2, 2])],
        |x| (x[0] + identity(x[0].graph(), 2) * 4.0).log_determinant(),
        move |x| x[0].outer_iter().map(|a| log(&a.to_owned())).collect::<ndarray::Array1<f64>>().into_dyn(),
    );
    let diagonal = Case::one(
        "by Cholesky",
        [real([4, 4])],
        |x| super::matrix::positive(x[0]).cholesky().diagonal().log().sum() * 2.0,
        |x| ndarray::arr0(oracle::solve(&oracle::positive(&oracle::two(&x[0])), &oracle::identity(4)).1).into_dyn(),
    );
    vec![case(1), case(5), batch, diagonal]
}
