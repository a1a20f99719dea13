//! `div`: y = a / b, with broadcasting; da = dy / b, db = -dy y / b, summed over what was repeated.

use std::ops::Div;

use super::pointwise::{broadcast, run_binary};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::binary::Binary;

#[derive(Debug)]
struct Divide;

impl Op for Divide {
    fn name(&self) -> &'static str {
        "div"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        broadcast("div", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_binary(Binary::Divide, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (a, b, dy) = (at.inputs[0], at.inputs[1], at.d_output());
        let da = dy / b;
        Ok(vec![
            at.wanted[0].then(|| da.sum_to(&a.shape())),
            at.wanted[1].then(|| (da * at.outputs[0]).sum_to(&b.shape()) * -1.0),
        ])
    }
}

impl<'g> Div for Var<'g> {
    type Output = Var<'g>;

    fn div(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Divide, &[self, other])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::binary_cases(|a, b| a / b, |a, b| a / b)
}
