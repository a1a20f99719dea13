//! `tanh`: y = tanh x; dx = dy (1 - y^2).

use super::pointwise::{run_unary, same};
use crate::engine::{Backward, Io, Op, Pointwise, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::Unary;

#[derive(Debug)]
struct Tanh;

impl Op for Tanh {
    fn name(&self) -> &'static str {
        "tanh"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("tanh", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Tanh, io);
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(Pointwise::Map(Unary::Tanh))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let y = at.outputs[0];
        Ok(vec![Some(at.d_output() * (y * y * -1.0 + 1.0))])
    }
}

impl<'g> Var<'g> {
    /// The hyperbolic tangent of every element.
    pub fn tanh(self) -> Var<'g> {
        self.graph().apply_one(Tanh, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-2.5, 2.5, |x| x.tanh(), f64::tanh)
}
