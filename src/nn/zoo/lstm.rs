//! Long short-term memory (Hochreiter and Schmidhuber 1997), forget gate beginning open.

use super::{SequenceModel, Shape, stack::head};
use crate::engine::Var;
use crate::nn::layers::Linear;
use crate::nn::weights::{Builder, Init, Values, Weight};

#[derive(Clone, Debug)]
struct Layer {
    input: Weight,
    recurrent: Weight,
    bias: Weight,
}

/// Stacked LSTM layers and a linear head.
#[derive(Clone, Debug)]
struct Lstm {
    layers: Vec<Layer>,
    head: Linear,
    state: usize,
}

impl Lstm {
    /// `width` units a layer; gates in the order input, forget, candidate, output.
    fn new(b: &mut Builder<'_>, shape: &Shape) -> Self {
        let Shape { inputs, outputs, width, layers, .. } = *shape;
        let layer = |b: &mut Builder<'_>, i: usize| {
            let inputs = if i == 0 { inputs } else { width };
            let std = |fan_in: usize| Init::Normal(1.0 / (fan_in as f32).sqrt());
            b.within(format_args!("layers.{i}"), |b| Layer {
                input: b.weight("input.weight", [inputs, 4 * width], std(inputs)),
                recurrent: b.weight("recurrent.weight", [width, 4 * width], std(width)),
                bias: b.weight("bias", [4 * width], Init::Part { from: width, to: 2 * width, value: 1.0 }),
            })
        };
        let layers: Vec<Layer> = (0..layers).map(|i| layer(b, i)).collect();
        let state = 2 * layers.len() * width;
        Lstm { layers, head: head(b, width, outputs), state }
    }
}

/// Multiply-adds of one sequence.
pub(super) fn multiply_adds(shape: &Shape) -> f64 {
    super::stack::gated(4.0, shape)
}

/// Creates the weights.
pub(super) fn build(b: &mut Builder<'_>, shape: &Shape) -> Box<dyn SequenceModel> {
    Box::new(Lstm::new(b, shape))
}

impl SequenceModel for Lstm {
    fn representation<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g> {
        self.layers.iter().fold(tokens, |x, layer| {
            let gates = x.matmul(values[layer.input]) + values[layer.bias];
            gates.lstm(values[layer.recurrent])
        })
    }

    fn head<'g>(&self, values: &Values<'g>, representation: Var<'g>) -> Var<'g> {
        self.head.forward(values, representation)
    }

    fn state_size(&self) -> usize {
        self.state
    }
}
