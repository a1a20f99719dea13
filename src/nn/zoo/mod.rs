//! The models, one file each: a `mod` line and, for a model of sequences of vectors, a row of [`ALL`].
//! Models of tokens, sets and plain vectors stand beside the table, each with its own `forward`.

pub mod block;
#[cfg(test)]
mod check;
pub mod cnn;
pub mod decoder;
pub mod encoder;
pub mod encoder_decoder;
mod fast_weights;
pub mod graph_network;
mod gru;
mod lstm;
pub mod memory_net;
pub mod mlp;
pub mod neural_process;
mod stack;
#[cfg(test)]
mod tests;
mod transformer;
mod window_mlp;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::Var;
use crate::nn::weights::{Builder, Values};

/// What a sequence model is made from. Fields that a kind does not use are left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Numbers in a token.
    pub inputs: usize,
    /// Numbers that come out for each token.
    pub outputs: usize,
    /// Tokens in a sequence.
    pub tokens: usize,
    /// Width of the residual stream, or units of a recurrent layer.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Heads; must divide `width`.
    pub heads: usize,
    /// Tokens that a query sees, itself among them.
    pub window: usize,
}

/// A causal model of sequences: `[batch, tokens, inputs]` to `[batch, tokens, outputs]`.
pub trait SequenceModel: Send + Sync + std::fmt::Debug {
    /// One pass over whole sequences; output t depends on tokens up to t alone.
    fn forward<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g> {
        self.head(values, self.representation(values, tokens))
    }

    /// What the head reads, `[batch, tokens, width]`.
    fn representation<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g>;

    /// From there to `[batch, tokens, outputs]`.
    fn head<'g>(&self, values: &Values<'g>, representation: Var<'g>) -> Var<'g>;

    /// Numbers that carry over from the past into the next prediction.
    fn state_size(&self) -> usize;

    /// The attention probabilities of the last layer, `[batch, heads, tokens, tokens]`, if it has any.
    fn attention<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Option<Var<'g>> {
        let _ = (values, tokens);
        None
    }

    /// What the tokens write into the memory of the last layer, if that is a matrix a head: keys and values
    /// `[batch, tokens, width]`, head by head. Behind a token the memory is the sum of value x key up to it.
    fn writes<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Option<[Var<'g>; 2]> {
        let _ = (values, tokens);
        None
    }
}

/// The kinds of sequence model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Pre-norm Transformer with causal, windowed softmax attention.
    Transformer,
    /// Long short-term memory.
    Lstm,
    /// Gated recurrent unit.
    Gru,
    /// Linear attention: an outer-product memory that only adds.
    LinearAttention,
    /// Delta-rule memory (fast-weight programmer).
    DeltaNet,
    /// Perceptron over the last tokens side by side.
    WindowMlp,
}

/// A row of the table of models.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Which kind.
    pub kind: Kind,
    /// Name in presets and panels.
    pub name: &'static str,
    /// Creates the weights.
    pub build: fn(&mut Builder<'_>, &Shape) -> Box<dyn SequenceModel>,
    /// Multiply-adds of one sequence's forward pass, up to small terms.
    pub multiply_adds: fn(&Shape) -> f64,
}

/// Every sequence model.
pub const ALL: &[Entry] = &[
    Entry {
        kind: Kind::Transformer,
        name: "transformer",
        build: transformer::build,
        multiply_adds: stack::multiply_adds,
    },
    Entry { kind: Kind::Lstm, name: "lstm", build: lstm::build, multiply_adds: lstm::multiply_adds },
    Entry { kind: Kind::Gru, name: "gru", build: gru::build, multiply_adds: gru::multiply_adds },
    Entry {
        kind: Kind::LinearAttention,
        name: "linear_attention",
        build: fast_weights::linear_attention,
        multiply_adds: stack::multiply_adds,
    },
    Entry {
        kind: Kind::DeltaNet,
        name: "delta_net",
        build: fast_weights::delta_net,
        multiply_adds: stack::multiply_adds,
    },
    Entry {
        kind: Kind::WindowMlp,
        name: "window_mlp",
        build: window_mlp::build,
        multiply_adds: window_mlp::multiply_adds,
    },
];

impl Kind {
    /// Its row.
    pub fn entry(self) -> &'static Entry {
        ALL.iter().find(|entry| entry.kind == self).expect("every kind has a row; a test holds this")
    }
}
