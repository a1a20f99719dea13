//! A perceptron over a window: every answer reads the last tokens side by side, each place with weights of its
//! own. It compares nothing with anything: what Transformers are set against.

use super::stack::head;
use super::{SequenceModel, Shape};
use crate::engine::Var;
use crate::engine::ops::conv2d;
use crate::nn::layers::{Conv2d, Linear};
use crate::nn::weights::{Builder, Values};

/// Relu layers on the window's tokens, and a linear head.
#[derive(Clone, Debug)]
struct WindowMlp {
    window: usize,
    inputs: usize,
    first: Conv2d,
    hidden: Vec<Linear>,
    head: Linear,
}

/// Multiply-adds of one sequence.
pub(super) fn multiply_adds(shape: &Shape) -> f64 {
    let Shape { inputs, outputs, tokens, width, layers, window, .. } = *shape;
    let deeper = (layers.max(1) - 1) * width * width;
    (tokens * (window.min(tokens) * inputs * width + deeper + width * outputs)) as f64
}

/// Creates the weights; layers before a relu begin as He et al. (2015) say.
pub(super) fn build(b: &mut Builder<'_>, shape: &Shape) -> Box<dyn SequenceModel> {
    let Shape { inputs, outputs, tokens, width, layers, .. } = *shape;
    let (window, relu) = (shape.window.min(tokens), 2f32.sqrt());
    // Zeros before the first token alone: a window ends at its own token.
    let options = conv2d::Conv2d { padding: [[window - 1, 0], [0, 0]], relu: true, ..conv2d::Conv2d::default() };
    let first =
        Conv2d::new(b, "layers.0", [window, 1], inputs, width, options, relu).with_bias(b, "layers.0", width, 0.0);
    let hidden = (1..layers).map(|i| {
        let name = format!("layers.{i}");
        Linear::new(b, &name, width, width, relu).with_bias(b, &name, width, 0.0)
    });
    let hidden = hidden.collect();
    Box::new(WindowMlp { window, inputs, first, hidden, head: head(b, width, outputs) })
}

impl SequenceModel for WindowMlp {
    fn representation<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g> {
        let (batch, length) = (tokens.shape()[0], tokens.shape()[1]);
        let seen = self.first.forward(values, tokens.reshape([batch, length, 1, self.inputs]));
        let width = seen.shape()[3];
        let seen = seen.reshape([batch, length, width]);
        self.hidden.iter().fold(seen, |x, layer| layer.forward(values, x).relu())
    }

    fn head<'g>(&self, values: &Values<'g>, representation: Var<'g>) -> Var<'g> {
        self.head.forward(values, representation)
    }

    fn state_size(&self) -> usize {
        (self.window - 1) * self.inputs
    }
}
