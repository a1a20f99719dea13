//! `log_softmax`: y = x - ln sum e^x over the last axis; dx = dy - e^y sum dy.

use super::pointwise::same;
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::softmax;

#[derive(Debug)]
struct LogSoftmax;

impl Op for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("log_softmax", inputs)
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        softmax::log_softmax(pool, input_shapes[0].last_extent(), x, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (y, dy) = (at.outputs[0], at.d_output());
        Ok(vec![Some(dy - y.exp() * dy.sum_keeping(&[y.shape().len() - 1]))])
    }
}

impl<'g> Var<'g> {
    /// Logarithms of the probabilities over the last axis.
    pub fn log_softmax(self) -> Var<'g> {
        self.graph().apply_one(LogSoftmax, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    fn oracle(x: &Array) -> Array {
        let mut y = x.clone();
        y.lanes_mut(ndarray::Axis(x.ndim() - 1)).into_iter().for_each(|mut row| {
            row -= row.mapv(f64::exp).sum().ln();
        });
        y
    }
    let case = |shape: &'static [usize]| {
        Case::one(format!("{shape:?}"), [real(shape)], |x| x[0].log_softmax(), |x| oracle(&x[0]))
    };
    vec![case(&[5]), case(&[3, 7]), case(&[2, 3, 19])]
}
