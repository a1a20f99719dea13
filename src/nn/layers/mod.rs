//! Layers: weights and a `forward` over values of a graph.

mod activation;
mod attention;
mod batch_norm;
mod cache;
mod conv2d;
mod deep_memory;
mod embedding;
mod ensemble;
mod experts;
mod fast_weights;
mod feed_forward;
mod general_attention;
mod graph_attention;
mod graph_network;
mod layer_norm;
mod linear;
mod message_passing;
mod norm;
mod online_memory;
mod perceptron;
mod positions;
mod swiglu;

pub use activation::Activation;
pub use attention::Attention;
pub use batch_norm::{BatchNorm, Statistics};
pub use cache::{Cache, CacheShape, CacheStep};
pub use conv2d::Conv2d;
pub use embedding::Embedding;
pub use ensemble::EnsembleLinear;
pub use experts::{ExpertSettings, Experts, Routed};
pub use fast_weights::FastWeights;
pub use feed_forward::FeedForward;
pub use general_attention::{AttentionSettings, GeneralAttention, Reading, Sight};
pub use graph_attention::{Attended, AttentionSource, GraphAttention, GraphAttentionShape, SLOPE};
pub use graph_network::{Attributes, BlockShape, GraphBlock, GraphKind, Prepared, Reduce, Widths, Wiring};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use norm::{Norm, NormKind, RmsNorm};
pub use online_memory::{Fault, MemoryKind, MemorySettings, OnlineMemory, Steered, Update};
pub use perceptron::{Perceptron, PerceptronSettings};
pub use positions::{causal_mask, document_mask, sinusoidal_positions};
pub use swiglu::SwiGlu;

use serde::{Deserialize, Serialize};

/// Added to the variance or mean square of every norm.
const EPSILON: f32 = 1e-5;

/// Which derivatives a layer must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derivatives {
    /// The first: norms and attention are fused ops, which refuse a second.
    #[default]
    First,
    /// Any number: norms and attention are composed, for learning through inner steps.
    All,
}

/// How wide the weights of a linear map begin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// Normal with standard deviation `factor / sqrt(inputs)`.
    FanIn(f32),
    /// Normal with this standard deviation.
    Fixed(f32),
    /// Uniform on +-1/sqrt(inputs), biases too: PyTorch's default ([`Linear::uniform`]).
    Uniform,
}

impl Spread {
    /// The scale for [`Linear::new`] of a map with so many inputs.
    pub fn scale(self, inputs: usize) -> f32 {
        match self {
            Spread::FanIn(factor) => factor,
            Spread::Fixed(deviation) => deviation * (inputs as f32).sqrt(),
            // The same variance, for maps that only know normal weights.
            Spread::Uniform => 1.0 / 3f32.sqrt(),
        }
    }
}
pub use message_passing::{MessagePassing, MessageWidths};
