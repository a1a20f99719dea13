//! The residual stack that the attention-like models share: h = W_e u + pos; L times h += Mix(LN h),
//! h += FF(LN h); logits = W_y LN(h). Norms have a gain only.

use super::Shape;
use crate::engine::Var;
use crate::nn::layers::{FeedForward, LayerNorm, Linear};
use crate::nn::weights::{Builder, Init, Values, Weight};

/// Standard deviation at which positions and heads begin.
const SMALL: f32 = 0.02;

/// What mixes tokens in a block.
pub(super) trait Mixer: Send + Sync + std::fmt::Debug + Sized {
    /// `output_scale` shrinks the last map.
    fn new(b: &mut Builder<'_>, shape: &Shape, output_scale: f32) -> Self;
    /// `[batch, tokens, width]`, kept; causal.
    fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g>;
    /// As [`SequenceModel::writes`](super::SequenceModel::writes), of this mixer.
    fn writes<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Option<[Var<'g>; 2]> {
        let _ = (values, x);
        None
    }
}

#[derive(Clone, Debug)]
struct Block<M> {
    mixer_norm: LayerNorm,
    mixer: M,
    feed_forward_norm: LayerNorm,
    feed_forward: FeedForward,
}

/// Embedding, positions, blocks, norm and head.
#[derive(Clone, Debug)]
pub(super) struct Stack<M> {
    embedding: Linear,
    positions: Weight,
    blocks: Vec<Block<M>>,
    norm: LayerNorm,
    head: Linear,
}

/// A linear head that begins near zero, so that an untrained model predicts evenly.
pub(super) fn head(b: &mut Builder<'_>, width: usize, outputs: usize) -> Linear {
    Linear::new(b, "head", width, outputs, SMALL * (width as f32).sqrt())
}

/// Multiply-adds of one sequence.
pub(super) fn multiply_adds(shape: &Shape) -> f64 {
    let (d, tokens, layers) = (shape.width as f64, shape.tokens as f64, shape.layers as f64);
    let ends = d * (shape.inputs + shape.outputs) as f64;
    let mixing = layers * d * tokens.min(2.0 * shape.window as f64);
    tokens * (ends + layers * 12.0 * d * d + mixing)
}

/// Multiply-adds of one sequence through recurrent layers with so many gates.
pub(super) fn gated(gates: f64, shape: &Shape) -> f64 {
    let (d, layers) = (shape.width as f64, shape.layers as f64);
    let outputs = d * shape.outputs as f64;
    shape.tokens as f64 * (d * gates * (shape.inputs as f64 + d + (layers - 1.0) * 2.0 * d) + outputs)
}

impl<M: Mixer> Stack<M> {
    /// Feed-forward layers are four times as wide as the stream; the last map of each half of a
    /// block begins smaller by sqrt(2 L).
    pub(super) fn new(b: &mut Builder<'_>, shape: &Shape) -> Self {
        let Shape { inputs, outputs, tokens, width, layers, .. } = *shape;
        let output_scale = 1.0 / (2.0 * layers as f32).sqrt();
        let block = |b: &mut Builder<'_>| Block {
            mixer_norm: LayerNorm::new(b, "mixer_norm", width),
            mixer: M::new(b, shape, output_scale),
            feed_forward_norm: LayerNorm::new(b, "feed_forward_norm", width),
            feed_forward: FeedForward::new(b, width, 4 * width, output_scale),
        };
        Stack {
            embedding: Linear::new(b, "embedding", inputs, width, 1.0),
            positions: b.weight("positions", [tokens, width], Init::Normal(SMALL)),
            blocks: (0..layers).map(|i| b.within(format_args!("layers.{i}"), block)).collect(),
            norm: LayerNorm::new(b, "norm", width),
            head: head(b, width, outputs),
        }
    }

    /// `[batch, tokens, inputs]` to `[batch, tokens, width]`.
    pub(super) fn representation<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g> {
        let h = self.blocks.iter().fold(self.embed(values, tokens), |h, block| block.forward(values, h));
        self.norm.forward(values, h)
    }

    /// From there to `[batch, tokens, outputs]`.
    pub(super) fn head<'g>(&self, values: &Values<'g>, representation: Var<'g>) -> Var<'g> {
        self.head.forward(values, representation)
    }

    /// The last mixer and what goes into it.
    pub(super) fn last_mixer<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Option<(&M, Var<'g>)> {
        let (last, below) = self.blocks.split_last()?;
        let h = below.iter().fold(self.embed(values, tokens), |h, block| block.forward(values, h));
        Some((&last.mixer, last.mixer_norm.forward(values, h)))
    }

    fn embed<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g> {
        self.embedding.forward(values, tokens) + values[self.positions]
    }
}

impl<M: Mixer> Block<M> {
    fn forward<'g>(&self, values: &Values<'g>, h: Var<'g>) -> Var<'g> {
        let h = h + self.mixer.forward(values, self.mixer_norm.forward(values, h));
        h + self.feed_forward.forward(values, self.feed_forward_norm.forward(values, h))
    }
}
