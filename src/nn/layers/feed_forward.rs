//! The feed-forward half of a Transformer block: W_2 gelu(W_1 x + b_1) + b_2.

use super::Linear;
use crate::engine::Var;
use crate::nn::weights::{Builder, Values};

/// Two linear maps around a gelu.
#[derive(Clone, Debug)]
pub struct FeedForward {
    up: Linear,
    down: Linear,
}

impl FeedForward {
    /// The second map begins smaller by `output_scale`; biases begin at zero.
    pub fn new(b: &mut Builder<'_>, width: usize, hidden: usize, output_scale: f32) -> Self {
        b.within("feed_forward", |b| FeedForward {
            up: Linear::new(b, "up", width, hidden, 1.0).with_bias(b, "up", hidden, 0.0),
            down: Linear::new(b, "down", hidden, width, output_scale).with_bias(b, "down", width, 0.0),
        })
    }

    /// `[.., width]`, kept.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        self.down.forward(values, self.up.forward(values, x).gelu())
    }
}
