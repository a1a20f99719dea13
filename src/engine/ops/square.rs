//! `square`: y = x^2; dx = 2 dy x.

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::map::{self, Backward, Unary};

#[derive(Clone, Copy, Debug)]
struct Square;

impl Curve for Square {
    const NAME: &'static str = "square";
    const BACKWARD: &'static str = "square_backward";

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        map::unary(pool, Unary::Square, x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        map::backward(pool, Backward::Square, kept, dy, dx);
    }

    fn bend<'g>(self, _: Var<'g>, weight: Var<'g>) -> Option<Var<'g>> {
        Some(weight * 2.0)
    }
}

impl<'g> Var<'g> {
    /// The square of every element.
    pub fn square(self) -> Var<'g> {
        Square.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-2.0, 2.0, |x| x.square(), |x| x * x)
}
