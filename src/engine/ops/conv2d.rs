//! `conv2d`: y[b, o, f] = sum over taps t and channels c of x[b, o stride + t dilation - padding, c]
//! w[t, c, f] (+ bias[f]) over images `[batch, height, width, channels]`; the gradients by x and w are
//! the ops `conv2d_input_gradient` and `conv2d_weight_gradient`, whose gradients are these three again.

use super::conv2d_input_gradient::InputGradient;
use super::conv2d_weight_gradient::WeightGradient;
use crate::engine::{Backward, Gradients, Io, Op, Shape, ShapeError, Var};
use crate::kernels::convolution::{self as kernel, Geometry};

/// How a convolution goes over its images. Pairs are of height and width. Begin with
/// [`Conv2d::default`]: every position, no padding, one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// From one window to the next.
    pub stride: [usize; 2],
    /// Zeros before and after the image, along height and width.
    pub padding: [[usize; 2]; 2],
    /// From one tap of a window to the next.
    pub dilation: [usize; 2],
    /// Parts into which channels and filters are split: a filter sees the channels of its part. As
    /// many as channels and filters make a depthwise convolution.
    pub groups: usize,
    /// Cut the output at zero, in the same pass.
    pub relu: bool,
}

impl Default for Conv2d {
    fn default() -> Self {
        Conv2d { stride: [1; 2], padding: [[0; 2]; 2], dilation: [1; 2], groups: 1, relu: false }
    }
}

impl Conv2d {
    /// With this stride along both axes.
    pub const fn stride(self, stride: usize) -> Self {
        Conv2d { stride: [stride; 2], ..self }
    }

    /// With this many zeros on all four sides.
    pub const fn padding(self, padding: usize) -> Self {
        Conv2d { padding: [[padding; 2]; 2], ..self }
    }

    /// With this dilation along both axes.
    pub const fn dilation(self, dilation: usize) -> Self {
        Conv2d { dilation: [dilation; 2], ..self }
    }

    /// With this many groups.
    pub const fn groups(self, groups: usize) -> Self {
        Conv2d { groups, ..self }
    }

    /// Cut at zero.
    pub const fn relu(self) -> Self {
        Conv2d { relu: true, ..self }
    }

    /// The same without the cut at zero: what the gradients are made of.
    pub(super) const fn linear(self) -> Self {
        Conv2d { relu: false, ..self }
    }

    /// Extents of the output for images of `input` and windows of `window`; none when a window does not
    /// fit.
    pub fn output(&self, input: [usize; 2], window: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let extent = input[axis] + self.padding[axis][0] + self.padding[axis][1];
            kernel::windows(extent, window[axis], self.stride[axis], self.dilation[axis])
        };
        Some([along(0)?, along(1)?])
    }

    /// The kernel's shape, for images `[batch, height, width, channels]` and weights `[window height,
    /// window width, channels / groups, filters]`; none when they do not fit.
    pub(super) fn geometry(&self, images: &[usize], weights: &[usize]) -> Option<Geometry> {
        let (&[batch, height, width, channels], &[down, across, seen, filters]) = (images, weights) else {
            return None;
        };
        let (input, window) = ([height, width], [down, across]);
        let output = self.output(input, window)?;
        let before = self.padding.map(|[before, _]| before);
        let Conv2d { stride, dilation, groups, .. } = *self;
        let fits = groups > 0
            && images.iter().chain(weights).all(|extent| *extent > 0)
            && seen * groups == channels
            && filters.is_multiple_of(groups);
        fits.then_some(Geometry { batch, input, channels, output, filters, window, stride, dilation, before, groups })
    }
}

/// Multiplications and additions of a convolution or of either gradient.
pub(super) fn flop(geometry: Option<Geometry>) -> u64 {
    geometry.map_or(0, |g| 2 * (g.positions() * g.column() * g.filters) as u64)
}

/// Shapes are checked when an op is recorded.
pub(super) const CHECKED: &str = "shapes are checked when the op is recorded";

/// Inputs: x, weight, perhaps bias.
impl Op for Conv2d {
    fn name(&self) -> &'static str {
        if self.relu { "conv2d_relu" } else { "conv2d" }
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let geometry = match inputs {
            [x, w] => self.geometry(x, w),
            [x, w, bias] if bias[..] == [w.last_extent()] => self.geometry(x, w),
            _ => None,
        };
        let expected = || {
            let expected = "x [batch, height, width, channels], weight [height, width, channels / groups, filters]";
            ShapeError::new(self.name(), inputs, format!("{expected} and perhaps bias [filters] that fit {self:?}"))
        };
        let g = geometry.ok_or_else(expected)?;
        Ok(vec![[g.batch, g.output[0], g.output[1], g.filters].into()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, w, bias, ..], outputs: [y, ..], input_shapes, scratch, pool, .. } = io;
        let g = self.geometry(&input_shapes[0], &input_shapes[1]).expect(CHECKED);
        let bias = (input_shapes.len() == 3).then_some(bias);
        kernel::convolution(pool, &g, x, w, bias, self.relu, y, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::convolution_scratch(&self.geometry(&inputs[0], &inputs[1]).expect(CHECKED))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        flop(self.geometry(&inputs[0], &inputs[1]))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (x, w) = (at.inputs[0], at.inputs[1]);
        let dy = if self.relu { at.d_output().relu_backward(at.outputs[0]) } else { at.d_output() };
        let dx = || InputGradient::of(self.linear(), x.shape()).apply(dy, w);
        let with_bias = at.wanted.get(2) == Some(&true);
        let mut gradients = vec![at.wanted[0].then(dx)];
        if at.wanted[1] {
            let window = [w.shape()[0], w.shape()[1]];
            let weights = WeightGradient { options: self.linear(), window, bias: with_bias }.apply(x, dy);
            gradients.extend(weights.into_iter().map(Some));
        } else {
            gradients.push(None);
            gradients.extend(with_bias.then(|| Some(dy.sum_axes(&[0, 1, 2]))));
        }
        gradients.resize(at.inputs.len(), None);
        Ok(gradients)
    }
}

impl<'g> Var<'g> {
    /// The convolution of images `[batch, height, width, channels]` with `weight` `[window height,
    /// window width, channels / groups, filters]` and perhaps a `bias` `[filters]`: `[batch, output
    /// height, output width, filters]`. As in every library of networks, windows are not mirrored.
    ///
    /// # Panics
    /// If the shapes do not fit each other and the options.
    pub fn conv2d(self, weight: Var<'g>, bias: Option<Var<'g>>, options: Conv2d) -> Var<'g> {
        let inputs: Vec<Var<'g>> = [self, weight].into_iter().chain(bias).collect();
        self.graph().apply_one(options, &inputs)
    }

    /// The mean over windows of `window`, every `stride`, of each channel of images.
    ///
    /// # Panics
    /// If this is not `[batch, height, width, channels]`, or a window does not fit.
    pub fn avg_pool2d(self, window: [usize; 2], stride: [usize; 2]) -> Var<'g> {
        let channels = self.shape().last_extent();
        let taps = window[0] * window[1];
        let shape = [window[0], window[1], 1, channels];
        let weight = self.graph().constant(shape, vec![1.0 / taps as f32; taps * channels]);
        self.conv2d(weight, None, Conv2d { stride, ..Conv2d::default() }.groups(channels))
    }

    /// The mean of each channel over whole images: `[batch, height, width, channels]` to `[batch,
    /// channels]`.
    ///
    /// # Panics
    /// If there are not four axes.
    pub fn global_avg_pool2d(self) -> Var<'g> {
        let shape = self.shape();
        self.sum_axes(&[1, 2]) * (1.0 / (shape[1] * shape[2]) as f32)
    }

    /// Every pixel of images repeated `factor` times down and across: nearest up-sampling.
    ///
    /// # Panics
    /// If this is not `[batch, height, width, channels]`.
    pub fn upsample_nearest2d(self, factor: usize) -> Var<'g> {
        let shape = self.shape();
        let [batch, height, width, channels] = shape[..] else { panic!("upsample_nearest2d cannot take {shape}") };
        let pixels = self.reshape([batch, height, 1, width, 1, channels]);
        let repeated = pixels.broadcast_to([batch, height, factor, width, factor, channels]);
        repeated.reshape([batch, height * factor, width * factor, channels])
    }

    /// A causal convolution over time, each channel by itself: y[b, t, c] = sum over taps i of
    /// x[b, t - (window - 1 - i), c] w[i, c] (+ bias[c]). `[batch, tokens, channels]`, kept; `weight`
    /// `[window, channels]`, whose last tap meets the token itself; `bias` `[channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn causal_conv1d(self, weight: Var<'g>, bias: Option<Var<'g>>) -> Var<'g> {
        let (shape, window) = (self.shape(), weight.shape());
        let (&[batch, tokens, channels], &[taps, _]) = (&shape[..], &window[..]) else {
            panic!("causal_conv1d cannot take {shape} and {window}: [batch, tokens, channels] and [window, channels]")
        };
        let options = Conv2d { padding: [[taps.saturating_sub(1), 0], [0; 2]], ..Conv2d::default() };
        let (x, weight) = (self.reshape([batch, tokens, 1, channels]), weight.reshape([taps, 1, 1, channels]));
        x.conv2d(weight, bias, options.groups(channels)).reshape(shape)
    }
}

#[cfg(test)]
pub(super) use tests::cases;

#[cfg(test)]
pub(super) mod tests {
    use super::Conv2d;
    use crate::engine::ops::Case;
    use crate::engine::ops::case::{Array, real};
    use ndarray::Array4;

    /// Calls `visit` with the indices of every product of a convolution: of x, of w and of y.
    pub(in crate::engine::ops) fn terms(
        options: Conv2d,
        x: [usize; 4],
        w: [usize; 4],
        mut visit: impl FnMut([usize; 4], [usize; 4], [usize; 4]),
    ) {
        let output = options.output([x[1], x[2]], [w[0], w[1]]).expect("a window fits");
        let made = w[3] / options.groups;
        for (y, _) in Array4::<f64>::zeros([x[0], output[0], output[1], w[3]]).indexed_iter() {
            for (t, _) in Array4::<f64>::zeros([w[0], w[1], w[2], 1]).indexed_iter() {
                let place = |axis: usize, at: usize, tap: usize| {
                    let place = at * options.stride[axis] + tap * options.dilation[axis];
                    place.checked_sub(options.padding[axis][0]).filter(|place| *place < x[axis + 1])
                };
                if let (Some(row), Some(column)) = (place(0, y.1, t.0), place(1, y.2, t.1)) {
                    let channel = y.3 / made * w[2] + t.2;
                    visit([y.0, row, column, channel], [t.0, t.1, t.2, y.3], [y.0, y.1, y.2, y.3]);
                }
            }
        }
    }

    /// The convolution by its definition.
    pub(in crate::engine::ops) fn convolved(options: Conv2d, x: &Array, w: &Array) -> Array {
        let four = |a: &Array| -> [usize; 4] { a.shape().try_into().expect("four axes") };
        let output = options.output([x.shape()[1], x.shape()[2]], [w.shape()[0], w.shape()[1]]).expect("it fits");
        let mut y = Array::zeros(vec![x.shape()[0], output[0], output[1], w.shape()[3]]);
        terms(options, four(x), four(w), |i, j, k| y[&k[..]] += x[&i[..]] * w[&j[..]]);
        if options.relu { y.mapv(|y| y.max(0.0)) } else { y }
    }

    /// Options with shapes of images and weights that fit them: odd extents, every option.
    pub(in crate::engine::ops) fn shapes() -> Vec<(&'static str, Conv2d, [usize; 4], [usize; 4])> {
        let plain = Conv2d::default();
        let uneven = Conv2d { stride: [1, 2], padding: [[0, 1], [2, 0]], dilation: [2, 1], ..plain };
        vec![
            ("plain", plain, [2, 5, 4, 3], [3, 2, 3, 4]),
            ("one channel", plain, [1, 4, 5, 1], [2, 3, 1, 5]),
            ("stride 2 padding 1", plain.stride(2).padding(1), [2, 5, 4, 2], [3, 3, 2, 3]),
            ("dilation 2", plain.dilation(2), [1, 7, 5, 2], [3, 2, 2, 3]),
            ("uneven", uneven, [1, 5, 5, 2], [2, 3, 2, 3]),
            ("pointwise", plain, [2, 3, 3, 4], [1, 1, 4, 3]),
            ("two groups", plain.groups(2).padding(1), [1, 3, 4, 4], [3, 2, 2, 6]),
            ("depthwise", plain.groups(3).padding(1).stride(2), [2, 4, 5, 3], [3, 3, 1, 3]),
        ]
    }

    pub(in crate::engine::ops) fn cases() -> Vec<Case> {
        let plain = |(label, options, x, w): (&str, Conv2d, [usize; 4], [usize; 4])| {
            let oracle = move |x: &[Array]| convolved(options, &x[0], &x[1]);
            Case::one(label, [real(x), real(w)], move |x| x[0].conv2d(x[1], None, options), oracle)
        };
        // The square makes a second derivative by the bias as well.
        let biased = |relu: bool| {
            let options = Conv2d { relu, ..Conv2d::default().padding(1) };
            let oracle = move |x: &[Array]| {
                let sum = convolved(options.linear(), &x[0], &x[1]) + &x[2];
                sum.mapv(|y| if relu && y < 0.0 { 0.0 } else { y * y })
            };
            Case::one(
                format!("bias {relu}"),
                [real([2, 3, 4, 2]), real([3, 3, 2, 5]), real([5])],
                move |x| {
                    let y = x[0].conv2d(x[1], Some(x[2]), options);
                    y * y
                },
                oracle,
            )
        };
        shapes().into_iter().map(plain).chain([biased(false), biased(true)]).chain(composed()).collect()
    }

    fn composed() -> Vec<Case> {
        let squared = |x: Array| &x * &x;
        let average = move |x: &[Array]| {
            let mut w = Array::zeros(vec![2, 3, 1, 3]);
            w.fill(1.0 / 6.0);
            squared(convolved(Conv2d { stride: [2, 1], ..Conv2d::default() }.groups(3), &x[0], &w))
        };
        let average = Case::one(
            "average pool",
            [real([2, 5, 4, 3])],
            |x| {
                let y = x[0].avg_pool2d([2, 3], [2, 1]);
                y * y
            },
            average,
        );
        let global = Case::one(
            "global average pool",
            [real([2, 3, 5, 3])],
            |x| {
                let y = x[0].global_avg_pool2d();
                y * y
            },
            move |x| squared(x[0].sum_axis(ndarray::Axis(2)).sum_axis(ndarray::Axis(1)) / 15.0),
        );
        let upsample = Case::one(
            "nearest up-sampling",
            [real([2, 2, 3, 2])],
            |x| {
                let y = x[0].upsample_nearest2d(3);
                y * y
            },
            move |x| {
                let pixel = |i: ndarray::IxDyn| x[0][[i[0], i[1] / 3, i[2] / 3, i[3]]];
                squared(Array::from_shape_fn(vec![2, 6, 9, 2], pixel))
            },
        );
        vec![average, global, upsample, causal(4, 7), causal(3, 2), causal(1, 3)]
    }

    fn causal(window: usize, tokens: usize) -> Case {
        let oracle = move |x: &[Array]| {
            Array::from_shape_fn(vec![2, tokens, 3], |i| {
                let taps = (0..window).filter_map(|tap| {
                    let token = (i[1] + tap + 1).checked_sub(window)?;
                    Some(x[0][[i[0], token, i[2]]] * x[1][[tap, i[2]]])
                });
                taps.sum::<f64>() + x[2][i[2]]
            })
        };
        Case::one(
            format!("causal {window} over {tokens}"),
            [real([2, tokens, 3]), real([window, 3]), real([3])],
            |x| x[0].causal_conv1d(x[1], Some(x[2])),
            oracle,
        )
    }
}
