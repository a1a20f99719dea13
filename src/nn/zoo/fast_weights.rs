//! Models whose memory is a matrix of fast weights: linear attention, which only adds, and DeltaNet,
//! which corrects what a key recalls. The state is layers x heads x d_k x d_v numbers.

use super::stack::{Mixer, Stack};
use super::{SequenceModel, Shape};
use crate::engine::Var;
use crate::nn::layers::FastWeights;
use crate::nn::weights::{Builder, Values};

#[derive(Clone, Debug)]
struct FastWeightModel<M> {
    stack: Stack<M>,
    state: usize,
}

#[derive(Clone, Debug)]
struct Adding(FastWeights);

#[derive(Clone, Debug)]
struct Correcting(FastWeights);

/// Creates the weights of a linear-attention model.
pub(super) fn linear_attention(b: &mut Builder<'_>, shape: &Shape) -> Box<dyn SequenceModel> {
    build::<Adding>(b, shape)
}

/// Creates the weights of a DeltaNet.
pub(super) fn delta_net(b: &mut Builder<'_>, shape: &Shape) -> Box<dyn SequenceModel> {
    build::<Correcting>(b, shape)
}

fn build<M: Mixer + 'static>(b: &mut Builder<'_>, shape: &Shape) -> Box<dyn SequenceModel> {
    let head = shape.width / shape.heads;
    Box::new(FastWeightModel::<M> { stack: Stack::new(b, shape), state: shape.layers * shape.heads * head * head })
}

impl Mixer for Adding {
    fn new(b: &mut Builder<'_>, shape: &Shape, output_scale: f32) -> Self {
        Adding(FastWeights::adding(b, shape.width, shape.heads, output_scale))
    }

    fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        self.0.forward(values, x)
    }

    fn writes<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Option<[Var<'g>; 2]> {
        Some(self.0.writes(values, x))
    }
}

impl Mixer for Correcting {
    fn new(b: &mut Builder<'_>, shape: &Shape, output_scale: f32) -> Self {
        Correcting(FastWeights::correcting(b, shape.width, shape.heads, output_scale))
    }

    fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        self.0.forward(values, x)
    }

    fn writes<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Option<[Var<'g>; 2]> {
        Some(self.0.writes(values, x))
    }
}

impl<M: Mixer> SequenceModel for FastWeightModel<M> {
    fn representation<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g> {
        self.stack.representation(values, tokens)
    }

    fn head<'g>(&self, values: &Values<'g>, representation: Var<'g>) -> Var<'g> {
        self.stack.head(values, representation)
    }

    fn state_size(&self) -> usize {
        self.state
    }

    fn writes<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Option<[Var<'g>; 2]> {
        let (mixer, x) = self.stack.last_mixer(values, tokens)?;
        mixer.writes(values, x)
    }
}
