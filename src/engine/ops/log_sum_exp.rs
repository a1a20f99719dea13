//! `log_sum_exp`: y = ln sum e^x over the last axis, which goes away; dx = dy e^(x - y). With weights w
//! add ln w to x.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::softmax;

#[derive(Debug)]
struct LogSumExp;

impl Op for LogSumExp {
    fn name(&self) -> &'static str {
        "log_sum_exp"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x] if !x.is_empty() && x.last_extent() > 0 => Ok(vec![x[..x.len() - 1].into()]),
            _ => Err(ShapeError::new("log_sum_exp", inputs, "one input [.., n] with n above 0")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        softmax::log_sum_exp(pool, input_shapes[0].last_extent(), x, y);
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        4 * inputs[0].size() as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let x = at.inputs[0];
        let mut column = at.outputs[0].shape().to_vec();
        column.push(1);
        let (y, dy) = (at.outputs[0].reshape(column.clone()), at.d_output().reshape(column));
        Ok(vec![Some((x - y).exp() * dy)])
    }
}

impl<'g> Var<'g> {
    /// The logarithm of the sum of the exponentials of each row of `[.., n]`. Weights are added to it
    /// as logarithms: `(x + w.log()).log_sum_exp()`. A row of minus infinities has the value minus
    /// infinity and no gradient (NaN).
    ///
    /// # Panics
    /// If there is no last axis or it is empty.
    pub fn log_sum_exp(self) -> Var<'g> {
        self.graph().apply_one(LogSumExp, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real, within};
    fn oracle(x: &Array) -> Array {
        x.map_axis(ndarray::Axis(x.ndim() - 1), |lane| lane.mapv(f64::exp).sum().ln())
    }
    let case = |shape: &'static [usize]| {
        Case::one(format!("{shape:?}"), [real(shape)], |x| x[0].log_sum_exp(), |x| oracle(&x[0]))
    };
    let weighted = Case::one(
        "weighted",
        [real([3, 7]), within([7], 0.5, 2.0)],
        |x| (x[0] + x[1].log()).log_sum_exp(),
        |x| oracle(&(&x[0] + x[1].mapv(f64::ln))),
    );
    vec![case(&[5]), case(&[3, 19]), case(&[2, 3, 1]), weighted]
}
