//! `gelu`: y = x/2 (1 + tanh u), u = sqrt(2/pi) (x + 0.044715 x^3) (Hendrycks and Gimpel 2016, the
//! tanh form); dx = dy ((1 + tanh u)/2 + x/2 (1 - tanh^2 u) u').

use super::pointwise::{alike, run_backward, run_unary, same};
use crate::engine::{Backward, Io, Op, Pointwise, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::{self, Unary};

const FACTOR: f32 = 0.797_884_6; // sqrt(2 / pi)
const CUBIC: f32 = 0.044_715;

#[derive(Debug)]
struct Gelu;

impl Op for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("gelu", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Gelu, io);
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(Pointwise::Map(Unary::Gelu))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let x = at.inputs[0];
        Ok(vec![Some(x.graph().apply_one(GeluBackward, &[at.d_output(), x]))])
    }
}

/// dy times the slope at x, in one pass.
#[derive(Debug)]
struct GeluBackward;

impl Op for GeluBackward {
    fn name(&self) -> &'static str {
        "gelu_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        alike("gelu_backward", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_backward(map::Backward::Gelu, io);
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(Pointwise::Slope(map::Backward::Gelu))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (dy, x, by) = (at.inputs[0], at.inputs[1], at.d_output());
        let square = x * x;
        let t = (x * (square * CUBIC + 1.0) * FACTOR).tanh();
        let slope_u = (square * (3.0 * CUBIC) + 1.0) * FACTOR;
        let curve_u = x * (6.0 * CUBIC * FACTOR);
        // y'' = (1 - t^2) (u' + x u''/2 - x t u'^2)
        let curvature = (t * t * -1.0 + 1.0) * (slope_u + x * curve_u * 0.5 - x * t * slope_u * slope_u);
        Ok(vec![Some(x.graph().apply_one(GeluBackward, &[by, x])), Some(by * dy * curvature)])
    }
}

impl<'g> Var<'g> {
    /// The Gaussian error linear unit of every element, in its tanh form.
    pub fn gelu(self) -> Var<'g> {
        self.graph().apply_one(Gelu, &[self])
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
