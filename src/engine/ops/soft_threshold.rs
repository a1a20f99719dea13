//! `soft_threshold`: y = sign(x) max(|x| - threshold, 0), the proximal map of the L1 norm; dx = dy
//! where |x| > threshold.

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::curve::{Curve as Kernel, curve, curve_backward};

#[derive(Clone, Copy, Debug)]
struct SoftThreshold {
    threshold: f32,
}

impl Curve for SoftThreshold {
    const NAME: &'static str = "soft_threshold";
    const BACKWARD: &'static str = "soft_threshold_backward";

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        curve(pool, Kernel::SoftThreshold, [self.threshold, 0.0], x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        curve_backward(pool, Kernel::SoftThreshold, [self.threshold, 0.0], kept, dy, dx);
    }

    fn bend<'g>(self, _: Var<'g>, _: Var<'g>) -> Option<Var<'g>> {
        None
    }
}

impl<'g> Var<'g> {
    /// Every element brought nearer to 0 by `threshold`, and 0 where its magnitude is not above it.
    pub fn soft_threshold(self, threshold: f32) -> Var<'g> {
        SoftThreshold { threshold }.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    let soft = |x: f64| x.signum() * (x.abs() - 0.5).max(0.0);
    let inputs = [super::case::real([5, 13])];
    vec![super::Case::one("0.5", inputs, |x| x[0].soft_threshold(0.5), move |x| x[0].mapv(soft))]
}
