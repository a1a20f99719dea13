//! Layers: weights and a `forward` over values of a graph.

mod attention;
mod ensemble;
mod fast_weights;
mod feed_forward;
mod layer_norm;
mod linear;

pub use attention::Attention;
pub use ensemble::EnsembleLinear;
pub use fast_weights::FastWeights;
pub use feed_forward::FeedForward;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
