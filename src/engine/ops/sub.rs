//! `sub`: y = a - b, with broadcasting; da = dy, db = -dy, summed over what was repeated.

use std::ops::Sub;

use super::pointwise::{broadcast, run_binary};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::binary::Binary;

#[derive(Debug)]
struct Subtract;

impl Op for Subtract {
    fn name(&self) -> &'static str {
        "sub"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        broadcast("sub", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_binary(Binary::Subtract, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (a, b, dy) = (at.inputs[0], at.inputs[1], at.d_output());
        Ok(vec![at.wanted[0].then(|| dy.sum_to(&a.shape())), at.wanted[1].then(|| dy.sum_to(&b.shape()) * -1.0)])
    }
}

impl<'g> Sub for Var<'g> {
    type Output = Var<'g>;

    fn sub(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Subtract, &[self, other])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::binary_cases(|a, b| a - b, |a, b| a - b)
}
