//! `maximum`: y = max(a, b), with broadcasting; dy goes to the larger of both, half to each where
//! they are equal.

use super::pointwise::{broadcast, run_binary};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::binary::Binary;

#[derive(Debug)]
struct Maximum;

impl Op for Maximum {
    fn name(&self) -> &'static str {
        "maximum"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        broadcast("maximum", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_binary(Binary::Max, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (a, b, dy) = (at.inputs[0], at.inputs[1], at.d_output());
        Ok(vec![
            at.wanted[0].then(|| (dy * a.share(b)).sum_to(&a.shape())),
            at.wanted[1].then(|| (dy * b.share(a)).sum_to(&b.shape())),
        ])
    }
}

/// The share of a in the larger of a and b: 1, 1/2 where they are equal, or 0; its gradient is zero.
#[derive(Debug)]
struct Share;

impl Op for Share {
    fn name(&self) -> &'static str {
        "share"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        broadcast("share", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_binary(Binary::Share, io);
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![None, None])
    }
}

impl<'g> Var<'g> {
    /// The larger of two values, element by element, with broadcasting; NaN where either is NaN.
    ///
    /// # Panics
    /// If the shapes cannot be broadcast to one.
    pub fn maximum(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Maximum, &[self, other])
    }

    /// Its share in the larger of itself and `other`.
    pub(super) fn share(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Share, &[self, other])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::case::real;
    let mut cases = super::pointwise::binary_cases(|a, b| (a + 0.5).maximum(b), |a, b| oracle(&a.mapv(|a| a + 0.5), b));
    // The last and largest has pairs that are equal within the step of the differences.
    cases.pop();
    // Where both are equal the shares of dy must add up to it.
    cases.push(super::Case::one("ties", [real([4, 9])], |x| x[0].maximum(x[0]), |x| x[0].clone()));
    cases
}

#[cfg(test)]
fn oracle(a: &super::case::Array, b: &super::case::Array) -> super::case::Array {
    // By the magnitude of the difference, which ndarray broadcasts.
    let (sum, apart) = (a + b, (a - b).mapv(f64::abs));
    (sum + apart) * 0.5
}
