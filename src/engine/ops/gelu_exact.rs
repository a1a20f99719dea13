//! `gelu_exact`: y = x Phi(x) with the normal distribution function Phi (Hendrycks and Gimpel 2016);
//! dx = dy (Phi(x) + x phi(x)) with the normal density phi.

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::map::{self, Backward, Unary};

const DENSITY_AT_0: f32 = 0.398_942_3; // 1 / sqrt(2 pi)

#[derive(Clone, Copy, Debug)]
struct GeluExact;

impl Curve for GeluExact {
    const NAME: &'static str = "gelu_exact";
    const BACKWARD: &'static str = "gelu_exact_backward";

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        map::unary(pool, Unary::GeluExact, x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        map::backward(pool, Backward::GeluExact, kept, dy, dx);
    }

    fn bend<'g>(self, x: Var<'g>, weight: Var<'g>) -> Option<Var<'g>> {
        let density = (x.square() * -0.5).exp() * DENSITY_AT_0;
        // The slope bends by phi (2 - x^2).
        Some(density * (x.square() * -1.0 + 2.0) * weight)
    }
}

impl<'g> Var<'g> {
    /// The Gaussian error linear unit of every element, by the error function ([`Var::gelu`] is its
    /// tanh form).
    pub fn gelu_exact(self) -> Var<'g> {
        GeluExact.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(
        -3.5,
        3.5,
        |x| x.gelu_exact(),
        |x| 0.5 * x * (1.0 + super::erf::in_f64(x / 2f64.sqrt())),
    )
}
