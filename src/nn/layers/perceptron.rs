//! A feed-forward half with any activation: W_2 f(W_1 x + b_1) + b_2.

use super::{Activation, Linear, Spread};
use crate::engine::Var;
use crate::nn::weights::{Builder, Values};

/// Two linear maps around an activation.
#[derive(Clone, Debug)]
pub struct Perceptron {
    up: Linear,
    down: Linear,
    activation: Activation,
}

/// What a [`Perceptron`] is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerceptronSettings {
    /// Numbers in.
    pub inputs: usize,
    /// Numbers between the maps.
    pub hidden: usize,
    /// Numbers out.
    pub outputs: usize,
    /// Between the maps.
    pub activation: Activation,
    /// Whether the maps have biases, which begin at zero.
    pub bias: bool,
    /// How weights begin.
    pub spread: Spread,
    /// What the second map begins smaller by.
    pub output_scale: f32,
}

impl Perceptron {
    /// `name.up` and `name.down`.
    pub fn new(b: &mut Builder<'_>, name: &str, settings: &PerceptronSettings) -> Self {
        let PerceptronSettings { inputs, hidden, outputs, activation, bias, spread, output_scale } = *settings;
        let linear = |b: &mut Builder<'_>, name: &str, inputs, outputs, scale| {
            let linear = Linear::new(b, name, inputs, outputs, scale);
            if bias { linear.with_bias(b, name, outputs, 0.0) } else { linear }
        };
        b.within(name, |b| Perceptron {
            up: linear(b, "up", inputs, hidden, spread.scale(inputs)),
            down: linear(b, "down", hidden, outputs, output_scale * spread.scale(hidden)),
            activation,
        })
    }

    /// `[.., inputs]` to `[.., outputs]`.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        self.down.forward(values, self.activation.forward(self.up.forward(values, x)))
    }
}
