//! `conv2d_input_gradient`: the gradient of `conv2d` by its input, which is the transposed convolution:
//! x[b, i, c] = sum over positions o, taps t and filters f with i = o stride + t dilation - padding of
//! y[b, o, f] w[t, c, f].

use super::conv2d::{CHECKED, Conv2d, flop};
use super::conv2d_weight_gradient::WeightGradient;
use crate::engine::{Backward, Gradients, Io, Op, Shape, ShapeError, Var};
use crate::kernels::convolution::{self as kernel, Geometry};

/// Inputs: the gradient by the output, weight. Output: the gradient by the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct InputGradient {
    options: Conv2d,
    /// Height and width of the input.
    extents: [usize; 2],
}

impl InputGradient {
    /// For an input of this shape.
    pub(super) fn of(options: Conv2d, input: Shape) -> Self {
        InputGradient { options, extents: [input[1], input[2]] }
    }

    pub(super) fn apply<'g>(self, dy: Var<'g>, weight: Var<'g>) -> Var<'g> {
        dy.graph().apply_one(self, &[dy, weight])
    }

    fn geometry(&self, dy: &[usize], weights: &[usize]) -> Option<Geometry> {
        let (&[batch, .., filters], &[_, _, seen, _]) = (dy, weights) else { return None };
        let input = [batch, self.extents[0], self.extents[1], seen * self.options.groups];
        let fits = |g: &Geometry| dy[1..3] == g.output && filters == g.filters;
        self.options.geometry(&input, weights).filter(fits)
    }
}

impl Op for InputGradient {
    fn name(&self) -> &'static str {
        "conv2d_input_gradient"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let geometry = match inputs {
            [dy, w] if dy.len() == 4 => self.geometry(dy, w),
            _ => None,
        };
        let expected = || {
            let expected = "[batch, output height, output width, filters] and weight";
            let whole = "[height, width, channels / groups, filters]";
            ShapeError::new(self.name(), inputs, format!("{expected} {whole} that fit {self:?}"))
        };
        let g = geometry.ok_or_else(expected)?;
        Ok(vec![[g.batch, g.input[0], g.input[1], g.channels].into()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [dy, w, ..], outputs: [dx, ..], input_shapes, scratch, pool, .. } = io;
        let g = self.geometry(&input_shapes[0], &input_shapes[1]).expect(CHECKED);
        kernel::input_gradient(pool, &g, dy, w, dx, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::input_gradient_scratch(&self.geometry(&inputs[0], &inputs[1]).expect(CHECKED))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        flop(self.geometry(&inputs[0], &inputs[1]))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (dy, w, d_dx) = (at.inputs[0], at.inputs[1], at.d_output());
        let by_output = || d_dx.conv2d(w, None, self.options);
        let by_weight = || {
            let window = [w.shape()[0], w.shape()[1]];
            WeightGradient { options: self.options, window, bias: false }.apply(d_dx, dy)[0]
        };
        Ok(vec![at.wanted[0].then(by_output), at.wanted[1].then(by_weight)])
    }
}

impl<'g> Var<'g> {
    /// The transposed convolution of `[batch, height, width, channels]`: the gradient by its input of a
    /// convolution with these options. `weight` is that convolution's: `[window height, window width,
    /// outputs / groups, channels]`. Along an axis `n` pixels become `(n - 1) stride + (window - 1)
    /// dilation + 1 - padding + output_padding`, and `output_padding` (below the stride) says which
    /// of the extents is meant that the convolution would bring to `n`. `bias`: `[outputs]`.
    ///
    /// # Panics
    /// If the shapes do not fit each other and the options.
    pub fn conv_transpose2d(
        self,
        weight: Var<'g>,
        bias: Option<Var<'g>>,
        options: Conv2d,
        output_padding: [usize; 2],
    ) -> Var<'g> {
        let (shape, window) = (self.shape(), weight.shape());
        assert!(shape.len() == 4 && window.len() == 4, "conv_transpose2d cannot take {shape} and {window}: four axes");
        let extents = [0, 1].map(|axis| {
            let grown = (shape[axis + 1].saturating_sub(1)) * options.stride[axis]
                + window[axis].saturating_sub(1) * options.dilation[axis]
                + 1
                + output_padding[axis];
            grown.saturating_sub(options.padding[axis][0] + options.padding[axis][1])
        });
        let mut y = InputGradient { options: options.linear(), extents }.apply(self, weight);
        if let Some(bias) = bias {
            y = y + bias;
        }
        if options.relu { y.relu() } else { y }
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
            let mut dx = Array::zeros(x.to_vec());
            terms(options, x, w, |i, j, k| dx[&i[..]] += inputs[0][&k[..]] * inputs[1][&j[..]]);
            dx
        };
        let inputs = [real([x[0], height, width, w[3]]), real(w)];
        Case::one(label, inputs, move |v| InputGradient::of(options, x.into()).apply(v[0], v[1]), oracle)
    };
    let options = Conv2d::default().stride(2).padding(1).relu();
    let whole = Case::one(
        "transposed with bias and relu",
        [real([2, 3, 2, 2]), real([3, 3, 3, 2]), real([3])],
        move |v| v[0].conv_transpose2d(v[1], Some(v[2]), options, [1, 0]),
        move |inputs| {
            let mut y = Array::zeros(vec![2, 6, 3, 3]);
            terms(options, [2, 6, 3, 3], [3, 3, 3, 2], |i, j, k| y[&i[..]] += inputs[0][&k[..]] * inputs[1][&j[..]]);
            (y + &inputs[2]).mapv(|y| y.max(0.0))
        },
    );
    shapes().into_iter().map(case).chain([whole]).collect()
}
