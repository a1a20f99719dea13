//! `minimum`: y = min(a, b), with broadcasting; dy goes to the smaller of both, half to each where
//! they are equal.

use super::pointwise::{broadcast, run_binary};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::binary::Binary;

#[derive(Debug)]
struct Minimum;

impl Op for Minimum {
    fn name(&self) -> &'static str {
        "minimum"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        broadcast("minimum", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_binary(Binary::Min, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (a, b, dy) = (at.inputs[0], at.inputs[1], at.d_output());
        Ok(vec![
            at.wanted[0].then(|| (dy * b.share(a)).sum_to(&a.shape())),
            at.wanted[1].then(|| (dy * a.share(b)).sum_to(&b.shape())),
        ])
    }
}

impl<'g> Var<'g> {
    /// The smaller of two values, element by element, with broadcasting; NaN where either is NaN.
    ///
    /// # Panics
    /// If the shapes cannot be broadcast to one.
    pub fn minimum(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Minimum, &[self, other])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::case::real;
    let mut cases = super::pointwise::binary_cases(|a, b| (a + 0.5).minimum(b), |a, b| oracle(&a.mapv(|a| a + 0.5), b));
    // The last and largest has pairs that are equal within the step of the differences.
    cases.pop();
    // Where both are equal the shares of dy must add up to it.
    cases.push(super::Case::one("ties", [real([4, 9])], |x| x[0].minimum(x[0]), |x| x[0].clone()));
    cases
}

#[cfg(test)]
fn oracle(a: &super::case::Array, b: &super::case::Array) -> super::case::Array {
    // By the magnitude of the difference, which ndarray broadcasts.
    let (sum, apart) = (a + b, (a - b).mapv(f64::abs));
    (sum - apart) * 0.5
}
