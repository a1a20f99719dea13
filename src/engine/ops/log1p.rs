//! `log1p`: y = ln(1 + x); dx = dy / (1 + x).

use super::pointwise::{run_unary, same};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::Unary;

#[derive(Debug)]
struct Log1p;

impl Op for Log1p {
    fn name(&self) -> &'static str {
        "log1p"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("log1p", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Log1p, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output() / (at.inputs[0] + 1.0))])
    }
}

impl<'g> Var<'g> {
    /// The natural logarithm of one more than every element, accurate near 0.
    pub fn log1p(self) -> Var<'g> {
        self.graph().apply_one(Log1p, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-0.7, 3.0, |x| x.log1p(), f64::ln_1p)
}
