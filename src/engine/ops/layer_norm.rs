//! `layer_norm`: y = (x - mean) / sqrt(var + eps) gain (+ bias) over the last axis, biased variance
//! (Ba, Kiros and Hinton 2016). The backward is fused and has no second derivative;
//! `layer_norm_composed` has every derivative.

use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::layer_norm as kernel;

/// Inputs: x, gain, perhaps bias. Outputs: y, and mean and reciprocal root a row for the backward.
#[derive(Clone, Copy, Debug)]
struct LayerNorm {
    epsilon: f32,
}

/// Inputs: x, gain, means, reciprocal roots, dy. Outputs: dx, d gain, perhaps d bias.
#[derive(Clone, Copy, Debug)]
struct LayerNormBackward {
    bias: bool,
}

impl Op for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, rest @ ..]
                if !x.is_empty()
                    && (1..=2).contains(&rest.len())
                    && rest.iter().all(|weight| weight[..] == [x.last_extent()]) =>
            {
                let rows: Shape = x[..x.len() - 1].into();
                Ok(vec![(*x).clone(), rows.clone(), rows])
            }
            _ => Err(ShapeError::new("layer_norm", inputs, "x [.., width], gain [width] and perhaps bias [width]")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, gain, bias, ..], outputs: [y, means, scales, ..], input_shapes, pool, .. } = io;
        let bias = (input_shapes.len() == 3).then_some(bias);
        kernel::layer_norm(pool, input_shapes[0].last_extent(), self.epsilon, x, gain, bias, y, means, scales);
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        8 * inputs[0].size() as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[1..].iter().any(Option::is_some) {
            return Err(GradientError::NoRule {
                op: "layer_norm",
                why: "its statistics are kept for the backward pass alone",
            });
        }
        let inputs = [at.inputs[0], at.inputs[1], at.outputs[1], at.outputs[2], at.d_output()];
        let backward = LayerNormBackward { bias: at.inputs.len() == 3 };
        Ok(inputs[0].graph().apply(backward, &inputs).into_iter().map(Some).collect())
    }
}

impl Op for LayerNormBackward {
    fn name(&self) -> &'static str {
        "layer_norm_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, gain, _, _, dy] if x == dy => {
                let weights = if self.bias { 2 } else { 1 };
                Ok(std::iter::once(*x).chain(std::iter::repeat_n(*gain, weights)).cloned().collect())
            }
            _ => Err(ShapeError::new(self.name(), inputs, "x, gain, two statistics a row, dy")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, gain, means, scales, dy, ..], outputs: [dx, d_gain, d_bias, ..], .. } = io;
        let d_bias = self.bias.then_some(d_bias);
        let width = io.input_shapes[0].last_extent();
        kernel::layer_norm_backward(io.pool, width, x, gain, means, scales, dy, dx, d_gain, d_bias, io.scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::layer_norm_backward_scratch(inputs[0].rows(), inputs[0].last_extent())
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        12 * inputs[0].size() as u64
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::fused("layer_norm_backward"))
    }
}

impl<'g> Var<'g> {
    /// Layer normalisation over the last axis, with a gain and perhaps a bias of its extent.
    ///
    /// # Panics
    /// If gain or bias do not have the extent of the last axis.
    pub fn layer_norm(self, gain: Var<'g>, bias: Option<Var<'g>>, epsilon: f32) -> Var<'g> {
        let inputs: Vec<Var<'g>> = [self, gain].into_iter().chain(bias).collect();
        self.graph().apply_one(LayerNorm { epsilon }, &inputs)
    }

    /// [`Var::layer_norm`] out of ops that differentiate any number of times.
    ///
    /// # Panics
    /// As [`Var::layer_norm`], or if this is a scalar.
    pub fn layer_norm_composed(self, gain: Var<'g>, bias: Option<Var<'g>>, epsilon: f32) -> Var<'g> {
        let shape = self.shape();
        let mean = |x: Var<'g>| x.sum_keeping(&[shape.len() - 1]) * (1.0 / shape.last_extent() as f32);
        let centred = self - mean(self);
        let y = centred / (mean(centred * centred) + epsilon).sqrt() * gain;
        bias.map_or(y, |bias| y + bias)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    fn oracle(x: &[Array]) -> Array {
        let width = x[1].len();
        let mut y = x[0].clone();
        for mut row in y.lanes_mut(ndarray::Axis(x[0].ndim() - 1)) {
            let mean = row.sum() / width as f64;
            let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / width as f64;
            for (i, v) in row.iter_mut().enumerate() {
                *v = (*v - mean) / (variance + 1e-5).sqrt() * x[1][i] + x.get(2).map_or(0.0, |bias| bias[i]);
            }
        }
        y
    }
    let inputs = |rows: &[usize], width: usize, bias: bool| {
        let shape: Vec<usize> = rows.iter().copied().chain([width]).collect();
        let mut inputs = vec![real(shape), real([width])];
        inputs.extend(bias.then(|| real([width])));
        inputs
    };
    let case = |rows: &[usize], width: usize, bias: bool| {
        let label = format!("{rows:?} {width} {bias}");
        Case::one(label, inputs(rows, width, bias), |x| x[0].layer_norm(x[1], x.get(2).copied(), 1e-5), oracle).once()
    };
    let composed = |rows: &[usize], width: usize, bias: bool| {
        let label = format!("composed {rows:?} {width} {bias}");
        Case::one(label, inputs(rows, width, bias), |x| x[0].layer_norm_composed(x[1], x.get(2).copied(), 1e-5), oracle)
    };
    vec![
        case(&[3], 7, false),
        case(&[2, 5], 19, true),
        case(&[1], 5, true),
        case(&[67], 3, false),
        composed(&[3], 7, false),
        composed(&[2, 3], 5, true),
    ]
}
