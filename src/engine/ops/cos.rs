//! `cos`: y = cos x; dx = -dy sin x.

use super::pointwise::{run_unary, same};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::Unary;

#[derive(Debug)]
struct Cosine;

impl Op for Cosine {
    fn name(&self) -> &'static str {
        "cos"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("cos", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Cos, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output() * at.inputs[0].sin() * -1.0)])
    }
}

impl<'g> Var<'g> {
    /// The cosine of every element.
    pub fn cos(self) -> Var<'g> {
        self.graph().apply_one(Cosine, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-9.0, 9.0, |x| x.cos(), f64::cos)
}
