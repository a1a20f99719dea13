//! `huber`: y = x^2 / 2 where |x| <= delta, else delta (|x| - delta / 2) (Huber 1964);
//! dx = dy x brought into -delta..=delta.

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::curve::{Curve as Kernel, curve, curve_backward};

#[derive(Clone, Copy, Debug)]
struct Huber {
    delta: f32,
}

impl Curve for Huber {
    const NAME: &'static str = "huber";
    const BACKWARD: &'static str = "huber_backward";

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        curve(pool, Kernel::Huber, [self.delta, 0.0], x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        curve_backward(pool, Kernel::Huber, [self.delta, 0.0], kept, dy, dx);
    }

    fn bend<'g>(self, x: Var<'g>, weight: Var<'g>) -> Option<Var<'g>> {
        // 1 inside, 0 outside.
        Some((x.abs() * -1.0 + self.delta).step() * weight)
    }
}

impl<'g> Var<'g> {
    /// The Huber loss of every element taken as an error: square up to `delta`, linear beyond.
    pub fn huber(self, delta: f32) -> Var<'g> {
        Huber { delta }.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    let huber = |x: f64| {
        let inside = x.abs().min(0.5);
        inside * (x.abs() - 0.5 * inside)
    };
    let inputs = [super::case::real([5, 13])];
    vec![super::Case::one("0.5", inputs, |x| x[0].huber(0.5), move |x| x[0].mapv(huber))]
}
