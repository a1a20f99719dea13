//! `abs`: y = |x|; dx = dy sign x, 0 at 0.

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::map::{self, Backward, Unary};

#[derive(Clone, Copy, Debug)]
struct Abs;

impl Curve for Abs {
    const NAME: &'static str = "abs";
    const BACKWARD: &'static str = "abs_backward";

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        map::unary(pool, Unary::Abs, x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        map::backward(pool, Backward::Abs, kept, dy, dx);
    }

    fn bend<'g>(self, _: Var<'g>, _: Var<'g>) -> Option<Var<'g>> {
        None
    }
}

impl<'g> Var<'g> {
    /// The magnitude of every element.
    pub fn abs(self) -> Var<'g> {
        Abs.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-2.0, 2.0, |x| x.abs(), f64::abs)
}
