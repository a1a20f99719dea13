//! `scale`: y = factor x + shift with fixed numbers; dx = factor dy.

use std::ops::{Add, Mul, Neg, Sub};

use super::pointwise::same;
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map;

#[derive(Debug)]
struct Scale {
    factor: f32,
    shift: f32,
}

impl Op for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("scale", inputs)
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], pool, .. } = io;
        map::scale_shift(pool, self.factor, self.shift, x, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output() * self.factor)])
    }
}

impl<'g> Mul<f32> for Var<'g> {
    type Output = Var<'g>;

    fn mul(self, factor: f32) -> Var<'g> {
        self.graph().apply_one(Scale { factor, shift: 0.0 }, &[self])
    }
}

impl<'g> Add<f32> for Var<'g> {
    type Output = Var<'g>;

    fn add(self, shift: f32) -> Var<'g> {
        self.graph().apply_one(Scale { factor: 1.0, shift }, &[self])
    }
}

impl<'g> Sub<f32> for Var<'g> {
    type Output = Var<'g>;

    fn sub(self, shift: f32) -> Var<'g> {
        self + -shift
    }
}

impl<'g> Neg for Var<'g> {
    type Output = Var<'g>;

    fn neg(self) -> Var<'g> {
        self * -1.0
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::real;
    vec![Case::one("scale", [real([3, 7])], |x| -(x[0] * 2.5) + 0.5 - 3.0, |x| x[0].mapv(|x| -2.5 * x - 2.5))]
}
