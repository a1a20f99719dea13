//! Gated recurrent unit (Cho et al. 2014), with the reset gate behind the recurrent product.

use super::{SequenceModel, Shape, stack::head};
use crate::engine::Var;
use crate::nn::layers::Linear;
use crate::nn::weights::{Builder, Init, Values, Weight};

#[derive(Clone, Debug)]
struct Layer {
    input: Weight,
    input_bias: Weight,
    recurrent: Weight,
    recurrent_bias: Weight,
}

/// Stacked GRU layers and a linear head.
#[derive(Clone, Debug)]
struct Gru {
    layers: Vec<Layer>,
    head: Linear,
    state: usize,
}

impl Gru {
    /// `width` units a layer; gates in the order reset, update, candidate.
    fn new(b: &mut Builder<'_>, shape: &Shape) -> Self {
        let Shape { inputs, outputs, width, layers, .. } = *shape;
        let layer = |b: &mut Builder<'_>, i: usize| {
            let inputs = if i == 0 { inputs } else { width };
            let std = |fan_in: usize| Init::Normal(1.0 / (fan_in as f32).sqrt());
            b.within(format_args!("layers.{i}"), |b| Layer {
                input: b.weight("input.weight", [inputs, 3 * width], std(inputs)),
                input_bias: b.weight("input.bias", [3 * width], Init::Constant(0.0)),
                recurrent: b.weight("recurrent.weight", [width, 3 * width], std(width)),
                recurrent_bias: b.weight("recurrent.bias", [3 * width], Init::Constant(0.0)),
            })
        };
        let layers: Vec<Layer> = (0..layers).map(|i| layer(b, i)).collect();
        let state = layers.len() * width;
        Gru { layers, head: head(b, width, outputs), state }
    }
}

/// Multiply-adds of one sequence.
pub(super) fn multiply_adds(shape: &Shape) -> f64 {
    super::stack::gated(3.0, shape)
}

/// Creates the weights.
pub(super) fn build(b: &mut Builder<'_>, shape: &Shape) -> Box<dyn SequenceModel> {
    Box::new(Gru::new(b, shape))
}

impl SequenceModel for Gru {
    fn representation<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g> {
        self.layers.iter().fold(tokens, |x, layer| {
            let gates = x.matmul(values[layer.input]) + values[layer.input_bias];
            gates.gru(values[layer.recurrent], values[layer.recurrent_bias])
        })
    }

    fn head<'g>(&self, values: &Values<'g>, representation: Var<'g>) -> Var<'g> {
        self.head.forward(values, representation)
    }

    fn state_size(&self) -> usize {
        self.state
    }
}
