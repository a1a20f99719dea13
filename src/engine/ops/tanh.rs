//! `tanh`: y = tanh x; dx = dy (1 - y^2).

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::map::{self, Backward, Unary};

#[derive(Clone, Copy, Debug)]
struct Tanh;

impl Curve for Tanh {
    const NAME: &'static str = "tanh";
    const BACKWARD: &'static str = "tanh_backward";
    const FROM_OUTPUT: bool = true;
    const AFTER_PRODUCT: Option<(Unary, map::Backward)> = Some((Unary::Tanh, map::Backward::Tanh));

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        map::unary(pool, Unary::Tanh, x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        map::backward(pool, Backward::Tanh, kept, dy, dx);
    }

    fn bend<'g>(self, y: Var<'g>, weight: Var<'g>) -> Option<Var<'g>> {
        Some(y * weight * -2.0)
    }
}

impl<'g> Var<'g> {
    /// The hyperbolic tangent of every element.
    pub fn tanh(self) -> Var<'g> {
        Tanh.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-2.5, 2.5, |x| x.tanh(), f64::tanh)
}
