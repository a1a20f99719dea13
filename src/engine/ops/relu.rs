//! `relu`: y = max(x, 0); dx = dy where x > 0.

use super::pointwise::{run_unary, same};
use crate::engine::{Backward, Io, Op, Pointwise, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::Unary;

#[derive(Debug)]
struct Relu;

impl Op for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("relu", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Relu, io);
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(Pointwise::Map(Unary::Relu))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output() * at.inputs[0].step())])
    }
}

/// 1 where x > 0, else 0; its gradient is zero.
#[derive(Debug)]
struct Step;

impl Op for Step {
    fn name(&self) -> &'static str {
        "step"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("step", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Step, io);
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![None])
    }
}

impl<'g> Var<'g> {
    /// Every element, or zero where it is negative.
    pub fn relu(self) -> Var<'g> {
        self.graph().apply_one(Relu, &[self])
    }

    /// 1 where an element is positive, else 0.
    pub fn step(self) -> Var<'g> {
        self.graph().apply_one(Step, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::real;
    let relu = Case::one("relu", [real([5, 13])], |x| x[0].relu(), |x| x[0].mapv(|x| x.max(0.0)));
    let step = |x: f64| f64::from(u8::from(x > 0.0));
    let step = Case::one("step", [real([5, 13])], |x| x[0].step() * x[0], move |x| x[0].mapv(|x| x * step(x)));
    vec![relu, step]
}
