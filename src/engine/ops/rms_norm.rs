//! `rms_norm`: y = x / sqrt(mean(x^2) + eps) gain over the last axis (Zhang and Sennrich 2019). The
//! backward is fused and has no second derivative; `rms_norm_composed` has every derivative.

use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::rms_norm as kernel;

/// Inputs: x, gain. Outputs: y, and the reciprocal root of every row for the backward.
#[derive(Clone, Copy, Debug)]
struct RmsNorm {
    epsilon: f32,
}

/// Inputs: x, gain, reciprocal roots, dy. Outputs: dx, d gain.
#[derive(Clone, Copy, Debug)]
struct RmsNormBackward;

impl Op for RmsNorm {
    fn name(&self) -> &'static str {
        "rms_norm"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, gain] if !x.is_empty() && gain[..] == [x.last_extent()] => {
                Ok(vec![(*x).clone(), x[..x.len() - 1].into()])
            }
            _ => Err(ShapeError::new("rms_norm", inputs, "x [.., width] and gain [width]")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, gain, ..], outputs: [y, scales, ..], input_shapes, pool, .. } = io;
        kernel::rms_norm(pool, input_shapes[0].last_extent(), self.epsilon, x, gain, y, scales);
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        4 * inputs[0].size() as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[1].is_some() {
            return Err(GradientError::NoRule {
                op: "rms_norm",
                why: "its roots are kept for the backward pass alone",
            });
        }
        let inputs = [at.inputs[0], at.inputs[1], at.outputs[1], at.d_output()];
        Ok(inputs[0].graph().apply(RmsNormBackward, &inputs).into_iter().map(Some).collect())
    }
}

impl Op for RmsNormBackward {
    fn name(&self) -> &'static str {
        "rms_norm_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, gain, _, dy] if x == dy => Ok(vec![(*x).clone(), (*gain).clone()]),
            _ => Err(ShapeError::new(self.name(), inputs, "x, gain, a root a row, dy")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, gain, scales, dy, ..], outputs: [dx, d_gain, ..], .. } = io;
        let width = io.input_shapes[0].last_extent();
        kernel::rms_norm_backward(io.pool, width, x, gain, scales, dy, dx, d_gain, io.scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::rms_norm_backward_scratch(inputs[0].rows(), inputs[0].last_extent())
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        8 * inputs[0].size() as u64
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::fused("rms_norm_backward"))
    }
}

impl<'g> Var<'g> {
    /// Root-mean-square normalisation over the last axis with a gain of its extent.
    ///
    /// # Panics
    /// If the gain does not have the extent of the last axis.
    pub fn rms_norm(self, gain: Var<'g>, epsilon: f32) -> Var<'g> {
        self.graph().apply_one(RmsNorm { epsilon }, &[self, gain])
    }

    /// [`Var::rms_norm`] out of ops that differentiate any number of times.
    ///
    /// # Panics
    /// As [`Var::rms_norm`], or if this is a scalar.
    pub fn rms_norm_composed(self, gain: Var<'g>, epsilon: f32) -> Var<'g> {
        let shape = self.shape();
        let mean_square = (self * self).sum_keeping(&[shape.len() - 1]) * (1.0 / shape.last_extent() as f32);
        self / (mean_square + epsilon).sqrt() * gain
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    fn oracle(x: &[Array]) -> Array {
        let mut y = x[0].clone();
        for mut row in y.lanes_mut(ndarray::Axis(x[0].ndim() - 1)) {
            let mean_square = row.iter().map(|v| v * v).sum::<f64>() / row.len() as f64;
            row.iter_mut().zip(&x[1]).for_each(|(v, gain)| *v *= gain / (mean_square + 1e-5).sqrt());
        }
        y
    }
    let inputs = |rows: &[usize], width: usize| {
        let shape: Vec<usize> = rows.iter().copied().chain([width]).collect();
        [real(shape), real([width])]
    };
    let fused = |rows: &[usize], width: usize| {
        Case::one(format!("{rows:?} {width}"), inputs(rows, width), |x| x[0].rms_norm(x[1], 1e-5), oracle).once()
    };
    let composed = |rows: &[usize], width: usize| {
        let label = format!("composed {rows:?} {width}");
        Case::one(label, inputs(rows, width), |x| x[0].rms_norm_composed(x[1], 1e-5), oracle)
    };
    vec![fused(&[], 7), fused(&[5], 3), fused(&[2, 3], 19), fused(&[41], 16), composed(&[], 7), composed(&[2, 3], 5)]
}
