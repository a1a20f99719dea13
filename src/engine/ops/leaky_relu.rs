//! `leaky_relu`: y = x above 0, else slope x; dx = dy above 0, else slope dy.

use super::curve::Curve;
use crate::base::threads::Pool;
use crate::engine::Var;
use crate::kernels::curve::{Curve as Kernel, curve, curve_backward};

#[derive(Clone, Copy, Debug)]
struct LeakyRelu {
    slope: f32,
}

impl Curve for LeakyRelu {
    const NAME: &'static str = "leaky_relu";
    const BACKWARD: &'static str = "leaky_relu_backward";

    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]) {
        curve(pool, Kernel::LeakyRelu, [self.slope, 0.0], x, y);
    }

    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]) {
        curve_backward(pool, Kernel::LeakyRelu, [self.slope, 0.0], kept, dy, dx);
    }

    fn bend<'g>(self, _: Var<'g>, _: Var<'g>) -> Option<Var<'g>> {
        None
    }
}

impl<'g> Var<'g> {
    /// Every element, times `slope` where it is negative. For a learned slope see [`Var::prelu`].
    pub fn leaky_relu(self, slope: f32) -> Var<'g> {
        LeakyRelu { slope }.of(self)
    }

    /// Every element, times a learned slope where it is negative (He, Zhang, Ren and Sun 2015);
    /// `slope` is one number, or one a channel of the last axis.
    ///
    /// # Panics
    /// If `slope` cannot be broadcast to this shape.
    pub fn prelu(self, slope: Var<'g>) -> Var<'g> {
        let above = self.relu();
        above + (self - above) * slope
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    let leaky = |x: f64| if x > 0.0 { x } else { f64::from(0.2f32) * x };
    let inputs = [super::case::real([5, 13])];
    let prelu = |channels: usize| {
        use super::case::{Array, real};
        let oracle = |x: &[Array]| x[0].mapv(|x| x.max(0.0)) + x[0].mapv(|x| x.min(0.0)) * &x[1];
        let inputs = [real([5, 13]), real([channels])];
        super::Case::one(format!("prelu {channels}"), inputs, |x| x[0].prelu(x[1]), oracle)
    };
    let leaky = super::Case::one("0.2", inputs, |x| x[0].leaky_relu(0.2), move |x| x[0].mapv(leaky));
    vec![leaky, prelu(1), prelu(13)]
}
