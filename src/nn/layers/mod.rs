//! Layers: weights and a `forward` over values of a graph.

mod attention;
mod batch_norm;
mod conv2d;
mod fast_weights;
mod feed_forward;
mod layer_norm;
mod linear;

pub use attention::Attention;
pub use batch_norm::{BatchNorm, Statistics};
pub use conv2d::Conv2d;
pub use fast_weights::FastWeights;
pub use feed_forward::FeedForward;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
