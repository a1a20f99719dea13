//! `reciprocal`: y = 1 / x; dx = -dy y^2.

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::map::{self, Backward, Unary};

#[derive(Clone, Copy, Debug)]
struct Reciprocal;

impl Curve for Reciprocal {
    const NAME: &'static str = "reciprocal";
    const BACKWARD: &'static str = "reciprocal_backward";
    const FROM_OUTPUT: bool = true;

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        map::unary(pool, Unary::Reciprocal, x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        map::backward(pool, Backward::Reciprocal, kept, dy, dx);
    }

    fn bend<'g>(self, y: Var<'g>, weight: Var<'g>) -> Option<Var<'g>> {
        Some(y * weight * -2.0)
    }
}

impl<'g> Var<'g> {
    /// One over every element.
    pub fn reciprocal(self) -> Var<'g> {
        Reciprocal.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(0.5, 3.0, |x| x.reciprocal(), f64::recip)
}
