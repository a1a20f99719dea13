//! `relu`: y = max(x, 0); dx = dy where y > 0.

use super::curve::Curve;
use super::pointwise::{run_unary, same};
use crate::base::threads::Pool;
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::{self, Unary};

#[derive(Clone, Copy, Debug)]
struct Relu;

impl Curve for Relu {
    const NAME: &'static str = "relu";
    const BACKWARD: &'static str = "relu_backward";
    const FROM_OUTPUT: bool = true;
    const AFTER_PRODUCT: Option<(Unary, map::Backward)> = Some((Unary::Relu, map::Backward::Relu));

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        map::unary(pool, Unary::Relu, x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        map::backward(pool, map::Backward::Relu, kept, dy, dx);
    }

    fn bend<'g>(self, _: Var<'g>, _: Var<'g>) -> Option<Var<'g>> {
        None
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
        Relu.of(self)
    }

    /// Every element where `kept` (the input or the output of a relu) is positive, else zero: the
    /// backward of a relu that another op has done.
    pub(super) fn relu_backward(self, kept: Var<'g>) -> Var<'g> {
        Relu.backward(self, kept)
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
