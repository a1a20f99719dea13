//! `relu`: y = max(x, 0); dx = dy where x > 0.

use super::pointwise::{alike, run_backward, run_unary, same};
use crate::engine::{Backward, Io, Op, Pointwise, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::{self, Unary};

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
        // By the output, so that nobody needs the input again.
        Ok(vec![Some(at.d_output().relu_backward(at.outputs[0]))])
    }
}

/// Inputs: dy, and the input or the output of the relu. Output: dy where that is positive, else 0.
#[derive(Debug)]
struct ReluBackward;

impl Op for ReluBackward {
    fn name(&self) -> &'static str {
        "relu_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        alike("relu_backward", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_backward(map::Backward::Relu, io);
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(Pointwise::Slope(map::Backward::Relu))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        // The slope is a step, whose own slope is zero.
        Ok(vec![at.wanted[0].then(|| at.d_output().relu_backward(at.inputs[1])), None])
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

    /// This where `saved`, the input or the output of a relu, is positive, else 0.
    pub(super) fn relu_backward(self, saved: Var<'g>) -> Var<'g> {
        self.graph().apply_one(ReluBackward, &[self, saved])
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
