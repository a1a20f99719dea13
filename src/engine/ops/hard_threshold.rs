//! `hard_threshold`: y = x where |x| > threshold, else 0; dx = dy there.

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::curve::{Curve as Kernel, curve, curve_backward};

#[derive(Clone, Copy, Debug)]
struct HardThreshold {
    threshold: f32,
}

impl Curve for HardThreshold {
    const NAME: &'static str = "hard_threshold";
    const BACKWARD: &'static str = "hard_threshold_backward";

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        curve(pool, Kernel::HardThreshold, [self.threshold, 0.0], x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        curve_backward(pool, Kernel::HardThreshold, [self.threshold, 0.0], kept, dy, dx);
    }

    fn bend<'g>(self, _: Var<'g>, _: Var<'g>) -> Option<Var<'g>> {
        None
    }
}

impl<'g> Var<'g> {
    /// Every element whose magnitude is above `threshold`, and 0 for the others.
    pub fn hard_threshold(self, threshold: f32) -> Var<'g> {
        HardThreshold { threshold }.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    let hard = |x: f64| if x.abs() > 0.5 { x } else { 0.0 };
    let inputs = [super::case::real([5, 13])];
    vec![super::Case::one("0.5", inputs, |x| x[0].hard_threshold(0.5), move |x| x[0].mapv(hard))]
}
