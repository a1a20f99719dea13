//! `silu`: y = x s(x) with the logistic s; dx = dy (s + x s (1 - s)).

use super::pointwise::{alike, run_backward, run_unary, same};
use crate::engine::{Backward, Io, Op, Pointwise, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::{self, Unary};

#[derive(Debug)]
struct Silu;

impl Op for Silu {
    fn name(&self) -> &'static str {
        "silu"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("silu", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_unary(Unary::Silu, io);
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(Pointwise::Map(Unary::Silu))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let x = at.inputs[0];
        Ok(vec![Some(x.graph().apply_one(SiluBackward, &[at.d_output(), x]))])
    }
}

/// dy times the slope at x, in one pass.
#[derive(Debug)]
struct SiluBackward;

impl Op for SiluBackward {
    fn name(&self) -> &'static str {
        "silu_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        alike("silu_backward", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_backward(map::Backward::Silu, io);
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(Pointwise::Slope(map::Backward::Silu))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (dy, x, by) = (at.inputs[0], at.inputs[1], at.d_output());
        let s = x.sigmoid();
        let curvature = s * (s * -1.0 + 1.0) * (x * (s * -2.0 + 1.0) + 2.0);
        Ok(vec![Some(x.graph().apply_one(SiluBackward, &[by, x])), Some(by * dy * curvature)])
    }
}

impl<'g> Var<'g> {
    /// Every element times its logistic function (swish).
    pub fn silu(self) -> Var<'g> {
        self.graph().apply_one(Silu, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::within;
    let silu = |x: f64| x / (1.0 + (-x).exp());
    vec![Case::one("silu", [within([5, 13], -4.0, 4.0)], |x| x[0].silu(), move |x| x[0].mapv(silu))]
}
