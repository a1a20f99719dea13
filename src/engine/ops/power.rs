//! `power`: y = x^p for a constant p; dx = dy p x^(p - 1).

use super::pointwise::same;
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::curve;

#[derive(Debug)]
struct Power {
    exponent: f32,
}

impl Op for Power {
    fn name(&self) -> &'static str {
        "power"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("power", inputs)
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], pool, .. } = io;
        curve::power(pool, self.exponent, x, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![match self.exponent {
            // Not 0 x^-1, which is no number at 0.
            0.0 => None,
            1.0 => Some(at.d_output()),
            p => Some(at.d_output() * at.inputs[0].power(p - 1.0) * p),
        }])
    }
}

impl<'g> Var<'g> {
    /// Every element to the power of `exponent`; NaN where a negative number has a power that is
    /// not whole.
    pub fn power(self, exponent: f32) -> Var<'g> {
        self.graph().apply_one(Power { exponent }, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    let case = |exponent: f32, low: f64| {
        let inputs = [super::case::within([5, 7], low, 2.0)];
        let oracle = move |x: &[super::case::Array]| x[0].mapv(|x| x.powf(f64::from(exponent)));
        super::Case::one(format!("{exponent}"), inputs, move |x| x[0].power(exponent), oracle)
    };
    vec![case(0.0, -2.0), case(1.0, -2.0), case(3.0, -2.0), case(-2.0, 0.5), case(0.5, 0.3), case(2.7, 0.3)]
}
