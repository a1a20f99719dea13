//! `softplus`: y = ln(1 + e^x); dx = dy / (1 + e^-x).

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::map::{self, Backward, Unary};

#[derive(Clone, Copy, Debug)]
struct Softplus;

impl Curve for Softplus {
    const NAME: &'static str = "softplus";
    const BACKWARD: &'static str = "softplus_backward";

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        map::unary(pool, Unary::Softplus, x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        map::backward(pool, Backward::Softplus, kept, dy, dx);
    }

    fn bend<'g>(self, x: Var<'g>, weight: Var<'g>) -> Option<Var<'g>> {
        let s = x.sigmoid();
        Some(s * (s * -1.0 + 1.0) * weight)
    }
}

impl<'g> Var<'g> {
    /// The smooth form of [`Var::relu`] of every element, accurate at both ends.
    pub fn softplus(self) -> Var<'g> {
        Softplus.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-6.0, 6.0, |x| x.softplus(), |x| x.exp().ln_1p())
}
