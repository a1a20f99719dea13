//! `conv2d_weight_gradient`: the gradient of `conv2d` by its weight and bias: w[t, c, f] = sum over
//! images and positions o of x[b, o stride + t dilation - padding, c] y[b, o, f], bias[f] = sum of
//! y[b, o, f].

use super::conv2d::{CHECKED, Conv2d, flop};
use super::conv2d_input_gradient::InputGradient;
use crate::engine::{Backward, Gradients, Io, Op, Shape, ShapeError, Var};
use crate::kernels::convolution::{self as kernel, Geometry};

/// Inputs: x and the gradient by the output. Outputs: the gradient by the weight and, if asked for, by
/// the bias.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightGradient {
    pub(super) options: Conv2d,
    /// Height and width of the window.
    pub(super) window: [usize; 2],
    pub(super) bias: bool,
}

impl WeightGradient {
    pub(super) fn apply<'g>(self, x: Var<'g>, dy: Var<'g>) -> Vec<Var<'g>> {
        x.graph().apply(self, &[x, dy])
    }

    fn geometry(&self, x: &[usize], dy: &[usize]) -> Option<Geometry> {
        let (&[batch, .., channels], &[images, .., filters]) = (x, dy) else { return None };
        let weights = [self.window[0], self.window[1], channels.checked_div(self.options.groups)?, filters];
        let fits = |g: &Geometry| dy[1..3] == g.output && images == batch;
        self.options.geometry(x, &weights).filter(fits)
    }
}

impl Op for WeightGradient {
    fn name(&self) -> &'static str {
        "conv2d_weight_gradient"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let geometry = match inputs {
            [x, dy] if x.len() == 4 && dy.len() == 4 => self.geometry(x, dy),
            _ => None,
        };
        let expected = || {
            let expected = "[batch, height, width, channels] and [batch, output height, output width, filters]";
            ShapeError::new(self.name(), inputs, format!("{expected} that fit {self:?}"))
        };
        let g = geometry.ok_or_else(expected)?;
        let weight = [self.window[0], self.window[1], g.channels / g.groups, g.filters].into();
        Ok(std::iter::once(weight).chain(self.bias.then(|| [g.filters].into())).collect())
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, dy, ..], outputs: [dw, d_bias, ..], input_shapes, scratch, pool, .. } = io;
        let g = self.geometry(&input_shapes[0], &input_shapes[1]).expect(CHECKED);
        kernel::weight_gradient(pool, &g, x, dy, dw, self.bias.then_some(d_bias), scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::weight_gradient_scratch(&self.geometry(&inputs[0], &inputs[1]).expect(CHECKED))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        flop(self.geometry(&inputs[0], &inputs[1]))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (x, dy) = (at.inputs[0], at.inputs[1]);
        // Both outputs together are linear in dy, and their transpose is a convolution with a bias.
        let d_bias = at.d_outputs.get(1).copied().flatten();
        let by_input = || at.d_outputs[0].map(|d_dw| InputGradient::of(self.options, x.shape()).apply(dy, d_dw));
        let by_output = || match (at.d_outputs[0], d_bias) {
            (None, None) => None,
            (None, Some(d_bias)) => Some(d_bias.broadcast_to(dy.shape())),
            (Some(d_dw), d_bias) => Some(x.conv2d(d_dw, d_bias, self.options)),
        };
        Ok(vec![at.wanted[0].then(by_input).flatten(), at.wanted[1].then(by_output).flatten()])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use super::conv2d::tests::{shapes, terms};
    let case = |(label, options, x, w): (&'static str, Conv2d, [usize; 4], [usize; 4])| {
        let [height, width] = options.output([x[1], x[2]], [w[0], w[1]]).expect("a window fits");
        let oracle = move |inputs: &[Array]| {
            let mut dw = Array::zeros(w.to_vec());
            terms(options, x, w, |i, j, k| dw[&j[..]] += inputs[0][&i[..]] * inputs[1][&k[..]]);
            let d_bias = (0..3).fold(inputs[1].clone(), |sum, _| sum.sum_axis(ndarray::Axis(0)));
            vec![dw, d_bias]
        };
        let inputs = [real(x), real([x[0], height, width, w[3]])];
        let op = WeightGradient { options, window: [w[0], w[1]], bias: true };
        Case::new(label, inputs, move |v| op.apply(v[0], v[1]), oracle)
    };
    shapes().into_iter().map(case).collect()
}
