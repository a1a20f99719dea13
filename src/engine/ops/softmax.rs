//! `softmax`: y = e^x / sum e^x over the last axis; dx = y (dy - sum dy y).

use super::pointwise::same;
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::softmax;

#[derive(Debug)]
struct Softmax;

impl Op for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("softmax", inputs)
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        softmax::softmax(pool, input_shapes[0].last_extent(), x, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (y, dy) = (at.outputs[0], at.d_output());
        let weighted = dy * y;
        Ok(vec![Some(weighted - y * weighted.sum_keeping(&[y.shape().len() - 1]))])
    }
}

impl<'g> Var<'g> {
    /// Probabilities over the last axis.
    pub fn softmax(self) -> Var<'g> {
        self.graph().apply_one(Softmax, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    fn oracle(x: &Array) -> Array {
        let mut y = x.mapv(f64::exp);
        y.lanes_mut(ndarray::Axis(x.ndim() - 1)).into_iter().for_each(|mut row| row /= row.sum());
        y
    }
    let case =
        |shape: &'static [usize]| Case::one(format!("{shape:?}"), [real(shape)], |x| x[0].softmax(), |x| oracle(&x[0]));
    vec![case(&[5]), case(&[3, 7]), case(&[2, 3, 19]), case(&[4, 1])]
}
