//! Pre-norm Transformer with causal, windowed softmax attention (GPICL, section 3).

use super::stack::{Mixer, Stack};
use super::{SequenceModel, Shape};
use crate::engine::Var;
use crate::nn::layers::Attention;
use crate::nn::weights::{Builder, Values};

/// A causal Transformer. A window changes what a query sees and no weight.
#[derive(Clone, Debug)]
struct Transformer {
    stack: Stack<Attention>,
    state: usize,
}

/// Creates the weights.
pub(super) fn build(b: &mut Builder<'_>, shape: &Shape) -> Box<dyn SequenceModel> {
    let state = 2 * shape.layers * shape.window.min(shape.tokens) * shape.width;
    Box::new(Transformer { stack: Stack::new(b, shape), state })
}

impl Mixer for Attention {
    fn new(b: &mut Builder<'_>, shape: &Shape, output_scale: f32) -> Self {
        Attention::new(b, shape.width, shape.heads, shape.window, output_scale)
    }

    fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        Attention::forward(self, values, x)
    }
}

impl SequenceModel for Transformer {
    fn representation<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g> {
        self.stack.representation(values, tokens)
    }

    fn head<'g>(&self, values: &Values<'g>, representation: Var<'g>) -> Var<'g> {
        self.stack.head(values, representation)
    }

    fn state_size(&self) -> usize {
        self.state
    }

    fn attention<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Option<Var<'g>> {
        let (mixer, x) = self.stack.last_mixer(values, tokens)?;
        Some(mixer.probabilities(values, x))
    }
}
