//! `elu`: y = x above 0, else a (e^x - 1) (Clevert, Unterthiner and Hochreiter 2016); dx = dy above
//! 0, else dy a e^x.

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::curve::{Curve as Kernel, curve, curve_backward};

#[derive(Clone, Copy, Debug)]
struct Elu {
    alpha: f32,
}

impl Curve for Elu {
    const NAME: &'static str = "elu";
    const BACKWARD: &'static str = "elu_backward";

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        curve(pool, Kernel::Elu, [self.alpha, 0.0], x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        curve_backward(pool, Kernel::Elu, [self.alpha, 0.0], kept, dy, dx);
    }

    fn bend<'g>(self, x: Var<'g>, weight: Var<'g>) -> Option<Var<'g>> {
        let below = (x * -1.0).step();
        Some((x - x.relu()).exp() * below * weight * self.alpha)
    }
}

impl<'g> Var<'g> {
    /// The exponential linear unit of every element, which falls to `-alpha`.
    pub fn elu(self, alpha: f32) -> Var<'g> {
        Elu { alpha }.of(self)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    let case = |alpha: f32| {
        let a = f64::from(alpha);
        let elu = move |x: f64| if x > 0.0 { x } else { a * x.exp_m1() };
        let inputs = [super::case::real([5, 13])];
        super::Case::one(format!("{alpha}"), inputs, move |x| x[0].elu(alpha), move |x| x[0].mapv(elu))
    };
    vec![case(1.0), case(0.3)]
}
