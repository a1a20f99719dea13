//! `cholesky`: A = L L^T of symmetric positive definite matrices, L lower; with P the lower triangle
//! of L^T dL and its diagonal halved, S = L^-T P L^-1, dA = (S + S^T) / 2 (Murray 2016, section 3.2).

use super::matrix::{constant, each, is_square, symmetric, wide, write};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::linalg::{self, Triangle};

#[derive(Debug)]
struct Cholesky;

impl Op for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [a] if is_square(a) => Ok(vec![(*a).clone()]),
            _ => Err(ShapeError::new("cholesky", inputs, "square matrices")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, ..], outputs: [l, ..], input_shapes, .. } = io;
        let n = input_shapes[0].last_extent();
        for (a, l) in each(a, n * n).zip(l.chunks_exact_mut(n * n)) {
            write(linalg::cholesky(n, &wide(a)), l);
        }
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (l, dl) = (at.outputs[0], at.d_output());
        let half = constant(l.graph(), l.shape().last_extent(), |i, j| match i.cmp(&j) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 1.0,
        });
        let p = l.transposed_matmul(dl) * half;
        let left = l.triangular_solve(p, Triangle::Lower, true);
        let s = l.triangular_solve(left.transpose(), Triangle::Lower, true);
        Ok(vec![Some(symmetric(s))])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        (inputs[0].size() * inputs[0].last_extent()) as u64 / 3
    }
}

impl<'g> Var<'g> {
    /// The lower Cholesky factors of symmetric positive definite matrices `[.., n, n]`; only their
    /// lower triangles are read. NaN where a matrix has none: add to the diagonal what it lacks.
    ///
    /// # Panics
    /// If the last two axes differ.
    pub fn cholesky(self) -> Var<'g> {
        self.graph().apply_one(Cholesky, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::real;
    use super::matrix::{oracle, positive};
    let case = |shape: &'static [usize]| {
        let expected = |x: &[super::case::Array]| oracle::batched(x, |x| oracle::cholesky(&oracle::positive(&x[0])));
        Case::one(format!("{shape:?}"), [real(shape)], |x| positive(x[0]).cholesky(), expected)
    };
    vec![case(&[1, 1]), case(&[5, 5]), case(&[2, 3, 3])]
}
