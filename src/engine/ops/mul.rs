//! `mul`: y = a b, with broadcasting; da = dy b, db = dy a, summed over what was repeated.

use std::ops::Mul;

use super::pointwise::{broadcast, run_binary};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::binary::Binary;

#[derive(Debug)]
struct Multiply;

impl Op for Multiply {
    fn name(&self) -> &'static str {
        "mul"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        broadcast("mul", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_binary(Binary::Multiply, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (a, b, dy) = (at.inputs[0], at.inputs[1], at.d_output());
        Ok(vec![at.wanted[0].then(|| (dy * b).sum_to(&a.shape())), at.wanted[1].then(|| (dy * a).sum_to(&b.shape()))])
    }
}

impl<'g> Mul for Var<'g> {
    type Output = Var<'g>;

    fn mul(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Multiply, &[self, other])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::binary_cases(|a, b| a * b, |a, b| a * b)
}
