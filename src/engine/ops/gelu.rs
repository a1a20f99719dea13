//! `gelu`: y = x/2 (1 + tanh u), u = sqrt(2/pi) (x + 0.044715 x^3) (Hendrycks and Gimpel 2016, the
//! tanh form); dx = dy ((1 + tanh u)/2 + x/2 (1 - tanh^2 u) u').

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::map::{self, Backward, Unary};

const FACTOR: f32 = 0.797_884_6; // sqrt(2 / pi)
const CUBIC: f32 = 0.044_715;

#[derive(Clone, Copy, Debug)]
struct Gelu;

impl Curve for Gelu {
    const NAME: &'static str = "gelu";
    const BACKWARD: &'static str = "gelu_backward";
    const AFTER_PRODUCT: Option<(Unary, map::Backward)> = Some((Unary::Gelu, map::Backward::Gelu));

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        map::unary(pool, Unary::Gelu, x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        map::backward(pool, Backward::Gelu, kept, dy, dx);
    }

    fn bend<'g>(self, x: Var<'g>, weight: Var<'g>) -> Option<Var<'g>> {
        let square = x.square();
        let t = (x * (square * CUBIC + 1.0) * FACTOR).tanh();
        let slope_u = (square * (3.0 * CUBIC) + 1.0) * FACTOR;
        let curve_u = x * (6.0 * CUBIC * FACTOR);
        // y'' = (1 - t^2) (u' + x u''/2 - x t u'^2)
        let bend = (t * t * -1.0 + 1.0) * (slope_u + x * curve_u * 0.5 - x * t * slope_u * slope_u);
        Some(bend * weight)
    }
}

impl<'g> Var<'g> {
    /// The Gaussian error linear unit of every element, in its tanh form.
    pub fn gelu(self) -> Var<'g> {
        Gelu.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::within;
    let gelu = |x: f64| {
        let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
        0.5 * x * (1.0 + u.tanh())
    };
    vec![Case::one("gelu", [within([5, 13], -4.0, 4.0)], |x| x[0].gelu(), move |x| x[0].mapv(gelu))]
}
