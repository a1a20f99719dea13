//! `sigmoid`: y = 1 / (1 + e^-x); dx = dy y (1 - y).

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::map::{self, Backward, Unary};

#[derive(Clone, Copy, Debug)]
struct Sigmoid;

impl Curve for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const BACKWARD: &'static str = "sigmoid_backward";
    const FROM_OUTPUT: bool = true;
    const AFTER_PRODUCT: Option<(Unary, map::Backward)> = Some((Unary::Sigmoid, map::Backward::Sigmoid));

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        map::unary(pool, Unary::Sigmoid, x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        map::backward(pool, Backward::Sigmoid, kept, dy, dx);
    }

    fn bend<'g>(self, y: Var<'g>, weight: Var<'g>) -> Option<Var<'g>> {
        Some((y * -2.0 + 1.0) * weight)
    }
}

impl<'g> Var<'g> {
    /// The logistic function of every element.
    pub fn sigmoid(self) -> Var<'g> {
        Sigmoid.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-4.0, 4.0, |x| x.sigmoid(), |x| 1.0 / (1.0 + (-x).exp()))
}
