//! `expm1`: y = e^x - 1; dx = dy (y + 1).

use super::pointwise::{run_unary, same};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::Unary;

#[derive(Debug)]
struct Expm1;

impl Op for Expm1 {
    fn name(&self) -> &'static str {
        "expm1"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("expm1", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Expm1, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output() * (at.outputs[0] + 1.0))])
    }
}

impl<'g> Var<'g> {
    /// One less than e to the power of every element, accurate near 0.
    pub fn expm1(self) -> Var<'g> {
        self.graph().apply_one(Expm1, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-2.0, 1.5, |x| x.expm1(), f64::exp_m1)
}
