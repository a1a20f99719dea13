//! `sum_squares`: y = sum of x^2 over all elements, in an order fixed by the shape; dx = 2 x dy.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::reduce;

#[derive(Debug)]
struct SumSquares;

impl Op for SumSquares {
    fn name(&self) -> &'static str {
        "sum_squares"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        if inputs.len() == 1 {
            Ok(vec![Shape::SCALAR])
        } else {
            Err(ShapeError::new("sum_squares", inputs, "one input"))
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], .. } = io;
        y[0] = reduce::sum_squares(x);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.inputs[0] * at.d_output() * 2.0)])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        2 * inputs[0].size() as u64
    }
}

impl<'g> Var<'g> {
    /// The sum of the squares of all elements, as a scalar.
    pub fn sum_squares(self) -> Var<'g> {
        self.graph().apply_one(SumSquares, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    let oracle = |x: &[Array]| ndarray::arr0((&x[0] * &x[0]).sum()).into_dyn();
    let case = |shape: &'static [usize]| Case::one(format!("{shape:?}"), [real(shape)], |x| x[0].sum_squares(), oracle);
    vec![case(&[]), case(&[37]), case(&[5, 41])]
}
