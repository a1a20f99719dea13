//! `clamp`: y = min(max(x, low), high); dx = dy where low <= x <= high.

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::curve::{Curve as Kernel, curve, curve_backward};

#[derive(Clone, Copy, Debug)]
struct Clamp {
    low: f32,
    high: f32,
}

impl Curve for Clamp {
    const NAME: &'static str = "clamp";
    const BACKWARD: &'static str = "clamp_backward";

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        curve(pool, Kernel::Clamp, [self.low, self.high], x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        curve_backward(pool, Kernel::Clamp, [self.low, self.high], kept, dy, dx);
    }

    fn bend<'g>(self, _: Var<'g>, _: Var<'g>) -> Option<Var<'g>> {
        None
    }
}

impl<'g> Var<'g> {
    /// Every element brought into `low..=high`; either may be infinite.
    ///
    /// # Panics
    /// If `low` is above `high`.
    pub fn clamp(self, low: f32, high: f32) -> Var<'g> {
        assert!(low <= high, "clamp from {low} to {high}");
        Clamp { low, high }.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    let case = |low: f32, high: f32| {
        let (l, h) = (f64::from(low), f64::from(high));
        let inputs = [super::case::real([5, 13])];
        super::Case::one(
            format!("{low} {high}"),
            inputs,
            move |x| x[0].clamp(low, high),
            move |x| x[0].mapv(|x| x.clamp(l, h)),
        )
    };
    vec![case(-0.5, 0.75), case(0.25, f32::INFINITY)]
}
