//! `sigmoid`: y = 1 / (1 + e^-x); dx = dy y (1 - y).

use super::pointwise::{run_unary, same};
use crate::engine::{Backward, Io, Op, Pointwise, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::Unary;

#[derive(Debug)]
struct Sigmoid;

impl Op for Sigmoid {
    fn name(&self) -> &'static str {
        "sigmoid"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("sigmoid", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Sigmoid, io);
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(Pointwise::Map(Unary::Sigmoid))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let y = at.outputs[0];
        Ok(vec![Some(at.d_output() * y * (y * -1.0 + 1.0))])
    }
}

impl<'g> Var<'g> {
    /// The logistic function of every element.
    pub fn sigmoid(self) -> Var<'g> {
        self.graph().apply_one(Sigmoid, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-4.0, 4.0, |x| x.sigmoid(), |x| 1.0 / (1.0 + (-x).exp()))
}
