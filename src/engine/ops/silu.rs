//! `silu`: y = x s(x) with the logistic s; dx = dy (s + x s (1 - s)).

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::map::{self, Backward, Unary};

#[derive(Clone, Copy, Debug)]
struct Silu;

impl Curve for Silu {
    const NAME: &'static str = "silu";
    const BACKWARD: &'static str = "silu_backward";
    const AFTER_PRODUCT: Option<(Unary, map::Backward)> = Some((Unary::Silu, map::Backward::Silu));

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        map::unary(pool, Unary::Silu, x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        map::backward(pool, Backward::Silu, kept, dy, dx);
    }

    fn bend<'g>(self, x: Var<'g>, weight: Var<'g>) -> Option<Var<'g>> {
        let s = x.sigmoid();
        Some(s * (s * -1.0 + 1.0) * (x * (s * -2.0 + 1.0) + 2.0) * weight)
    }
}

impl<'g> Var<'g> {
    /// Every element times its logistic function (swish).
    pub fn silu(self) -> Var<'g> {
        Silu.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-4.0, 4.0, |x| x.silu(), |x| x / (1.0 + (-x).exp()))
}
