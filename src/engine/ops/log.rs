//! `log`: y = ln x; dx = dy / x.

use super::pointwise::{run_unary, same};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::Unary;

#[derive(Debug)]
struct Log;

impl Op for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("log", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Log, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output() / at.inputs[0])])
    }
}

impl<'g> Var<'g> {
    /// The natural logarithm of every element.
    pub fn log(self) -> Var<'g> {
        self.graph().apply_one(Log, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(0.2, 3.0, |x| x.log(), f64::ln)
}
