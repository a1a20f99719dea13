//! `solve`: X with A X = B or A^T X = B for invertible A; dB = A^-T dX (or A^-1 dX), dA = -dB X^T
//! (or -X dB^T) (Giles 2008, 2.2.3 and 2.3.2).

use super::matrix::{each, extents, identity, wide, write};
use super::triangular_solve::fits;
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::linalg;

#[derive(Clone, Copy, Debug)]
struct Solve {
    transposed: bool,
}

impl Op for Solve {
    fn name(&self) -> &'static str {
        "solve"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [a, b] if fits(a, b) => Ok(vec![(*b).clone()]),
            _ => Err(ShapeError::new("solve", inputs, "[.., n, n] and [.., n, columns]")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, b, ..], outputs: [x, ..], input_shapes, .. } = io;
        let (n, columns) = extents(&input_shapes[1]).expect("shapes are checked when the op is recorded");
        let items = each(a, n * n).zip(each(b, n * columns)).zip(x.chunks_exact_mut(n * columns));
        for ((a, b), x) in items {
            let mut a = wide(a);
            if self.transposed {
                (0..n).for_each(|i| (0..i).for_each(|j| a.swap(i * n + j, j * n + i)));
            }
            write(linalg::solve(n, &a, columns, &wide(b)), x);
        }
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (a, x, dx) = (at.inputs[0], at.outputs[0], at.d_output());
        let db = a.graph().apply_one(Solve { transposed: !self.transposed }, &[a, dx]);
        let da = || if self.transposed { x.matmul_transposed(db) } else { db.matmul_transposed(x) } * -1.0;
        Ok(vec![at.wanted[0].then(da), Some(db)])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        let n = inputs[0].last_extent();
        (inputs[0].size() * n * 2 / 3 + 2 * inputs[1].size() * n) as u64
    }
}

impl<'g> Var<'g> {
    /// `X` with `A X = B` for this `A` `[.., n, n]` and `B` `[.., n, columns]`, by LU with row pivots.
    /// NaN where `A` is singular.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn solve(self, b: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Solve { transposed: false }, &[self, b])
    }

    /// `X` with `A^T X = B`, as [`Var::solve`].
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn solve_transposed(self, b: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Solve { transposed: true }, &[self, b])
    }

    /// The inverses of `[.., n, n]`; NaN where a matrix is singular. To multiply by an inverse,
    /// [`Var::solve`] is faster and closer.
    ///
    /// # Panics
    /// If the last two axes differ.
    pub fn inverse(self) -> Var<'g> {
        let shape = self.shape();
        self.solve(identity(self.graph(), shape.last_extent()).broadcast_to(shape))
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use super::matrix::oracle;
    fn raised<'g>(x: Var<'g>) -> Var<'g> {
        x + identity(x.graph(), x.shape().last_extent()) * 4.0
    }
    let case = |batch: &[usize], n: usize, columns: usize, transposed: bool| {
        let shape = |last: [usize; 2]| [batch, &last[..]].concat();
        let expected = move |x: &[Array]| {
            oracle::batched(x, |x| {
                let a = &x[0] + oracle::identity(n) * 4.0;
                oracle::solve(&if transposed { a.reversed_axes() } else { a }, &x[1]).0
            })
        };
        let inputs = [real(shape([n, n])), real(shape([n, columns]))];
        Case::one(
            format!("{batch:?} {n} {columns} {transposed}"),
            inputs,
            move |x| {
                let (a, b) = (raised(x[0]), x[1]);
                a.graph().apply_one(Solve { transposed }, &[a, b])
            },
            expected,
        )
    };
    let inverse = Case::one(
        "inverse",
        [real([2, 4, 4])],
        |x| raised(x[0]).inverse(),
        |x| oracle::batched(x, |x| oracle::solve(&(&x[0] + oracle::identity(4) * 4.0), &oracle::identity(4)).0),
    );
    vec![case(&[], 5, 3, false), case(&[], 4, 2, true), case(&[3], 2, 1, false), inverse]
}
