//! `sqrt`: y = sqrt x; dx = dy / (2 y).

use super::pointwise::{run_unary, same};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::Unary;

#[derive(Debug)]
struct SquareRoot;

impl Op for SquareRoot {
    fn name(&self) -> &'static str {
        "sqrt"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("sqrt", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Sqrt, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output() / (at.outputs[0] * 2.0))])
    }
}

impl<'g> Var<'g> {
    /// The square root of every element.
    pub fn sqrt(self) -> Var<'g> {
        self.graph().apply_one(SquareRoot, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(0.3, 3.0, |x| x.sqrt(), f64::sqrt)
}
