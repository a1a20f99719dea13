//! `sin`: y = sin x; dx = dy cos x.

use super::pointwise::{run_unary, same};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::Unary;

#[derive(Debug)]
struct Sine;

impl Op for Sine {
    fn name(&self) -> &'static str {
        "sin"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("sin", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Sin, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output() * at.inputs[0].cos())])
    }
}

impl<'g> Var<'g> {
    /// The sine of every element.
    pub fn sin(self) -> Var<'g> {
        self.graph().apply_one(Sine, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-9.0, 9.0, |x| x.sin(), f64::sin)
}
