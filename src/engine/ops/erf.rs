//! `erf`: y = 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x; dx = dy 2/sqrt(pi) e^(-x^2).

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::map::{self, Backward, Unary};

#[derive(Clone, Copy, Debug)]
struct Erf;

impl Curve for Erf {
    const NAME: &'static str = "erf";
    const BACKWARD: &'static str = "erf_backward";

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        map::unary(pool, Unary::Erf, x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        map::backward(pool, Backward::Erf, kept, dy, dx);
    }

    fn bend<'g>(self, x: Var<'g>, weight: Var<'g>) -> Option<Var<'g>> {
        Some(x * (x.square() * -1.0).exp() * weight * (-2.0 * std::f32::consts::FRAC_2_SQRT_PI))
    }
}

impl<'g> Var<'g> {
    /// The error function of every element.
    pub fn erf(self) -> Var<'g> {
        Erf.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    super::pointwise::unary_cases(-2.5, 2.5, |x| x.erf(), in_f64)
}

/// The error function by its series.
#[cfg(test)]
pub(super) fn in_f64(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..120 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}
