//! Convolution of images `[batch, height, width, channels]`.

use crate::engine::Var;
use crate::engine::ops::conv2d;
use crate::nn::weights::{Builder, Init, Values, Weight};

/// A convolution with or without a bias.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Weight,
    bias: Option<Weight>,
    options: conv2d::Conv2d,
}

impl Conv2d {
    /// `weight` `[window height, window width, channels / groups, filters]`, normal with standard
    /// deviation `scale / sqrt(fan in)`, where the fan in is what a filter sees; a scale of `sqrt(2)`
    /// suits relu (He et al. 2015).
    pub fn new(
        b: &mut Builder<'_>,
        name: &str,
        window: [usize; 2],
        channels: usize,
        filters: usize,
        options: conv2d::Conv2d,
        scale: f32,
    ) -> Self {
        let seen = channels / options.groups.max(1);
        let std = scale / ((window[0] * window[1] * seen) as f32).sqrt();
        let shape = [window[0], window[1], seen, filters];
        Conv2d { weight: b.within(name, |b| b.weight("weight", shape, Init::Normal(std))), bias: None, options }
    }

    /// The same with a bias `[filters]` that begins at `value`.
    pub fn with_bias(mut self, b: &mut Builder<'_>, name: &str, filters: usize, value: f32) -> Self {
        self.bias = Some(b.within(name, |b| b.weight("bias", [filters], Init::Constant(value))));
        self
    }

    /// `[batch, height, width, channels]` to `[batch, output height, output width, filters]`.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        x.conv2d(values[self.weight], self.bias.map(|bias| values[bias]), self.options)
    }
}
