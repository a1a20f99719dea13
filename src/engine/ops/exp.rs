//! `exp`: y = e^x; dx = dy y.

use super::pointwise::{run_unary, same};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::Unary;

#[derive(Debug)]
struct Exp;

impl Op for Exp {
    fn name(&self) -> &'static str {
        "exp"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("exp", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Exp, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output() * at.outputs[0])])
    }
}

impl<'g> Var<'g> {
    /// e to the power of every element.
    pub fn exp(self) -> Var<'g> {
        self.graph().apply_one(Exp, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-1.5, 1.5, |x| x.exp(), f64::exp)
}
