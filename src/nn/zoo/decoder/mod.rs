//! Decoder language models: tokens in, logits of the next token out, causal. Two layouts (Llama and
//! GPT-2) and any mixture of their parts, mixtures of experts among them; whole sequences, or a few
//! tokens at a time with a cache.

use serde::{Deserialize, Serialize};

use super::block::{Block, BlockSettings, FeedForwardKind, NormPlace};
use crate::engine::ops::masked_attention::Seen;
use crate::engine::{Graph, Store, Var};
use crate::nn::layers::{
    Activation, Cache, CacheShape, CacheStep, Derivatives, Embedding, Linear, Norm, NormKind, Reading, Routed, Sight,
    Spread, sinusoidal_positions,
};
use crate::nn::weights::{Builder, Init, Values, Weight};

/// Standard deviation at which embeddings begin.
const SMALL: f32 = 0.02;

/// How a token knows where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Positions {
    /// A learned vector a position, added to the embedding.
    Learned,
    /// Fixed sines and cosines, added to the embedding (Vaswani et al. 2017).
    Sinusoidal,
    /// Queries and keys are turned (Su et al. 2021).
    Rotary {
        /// The longest wavelength over 2 pi: 10000 as a rule.
        base: f32,
    },
    /// It does not: causal attention alone tells.
    None,
}

/// What a [`Decoder`] is set to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecoderShape {
    /// Different tokens.
    pub vocabulary: usize,
    /// Most tokens of a sequence: how many learned positions there are.
    pub tokens: usize,
    /// Blocks.
    pub layers: usize,
    /// What a block is.
    pub block: BlockSettings,
    /// Positions.
    pub positions: Positions,
    /// Whether the head is the embedding's table.
    pub tied: bool,
}

impl DecoderShape {
    /// RMS norm, rotary positions, SwiGLU, no biases, tied (Touvron et al. 2023).
    pub fn llama(vocabulary: usize, tokens: usize, width: usize, layers: usize, heads: usize, hidden: usize) -> Self {
        let block = BlockSettings {
            width,
            hidden,
            heads,
            key_heads: heads,
            norm: NormKind::Rms,
            norm_place: NormPlace::Before,
            feed_forward: FeedForwardKind::SwiGlu,
            bias: false,
            spread: Spread::Fixed(SMALL),
            derivatives: Derivatives::First,
        };
        DecoderShape { vocabulary, tokens, layers, block, positions: Positions::Rotary { base: 10_000.0 }, tied: true }
    }

    /// Layer norm, learned positions, GELU, biases, four times the width inside, tied (Radford et al.
    /// 2019).
    pub fn gpt2(vocabulary: usize, tokens: usize, width: usize, layers: usize, heads: usize) -> Self {
        let llama = DecoderShape::llama(vocabulary, tokens, width, layers, heads, 4 * width);
        let block = BlockSettings {
            norm: NormKind::LayerBias,
            feed_forward: FeedForwardKind::Perceptron(Activation::Gelu),
            bias: true,
            ..llama.block
        };
        DecoderShape { block, positions: Positions::Learned, ..llama }
    }

    /// The shape of a cache for `batch` sequences of at most `capacity` tokens.
    pub fn cache(&self, batch: usize, capacity: usize) -> CacheShape {
        let width = self.block.key_heads * self.block.head_width();
        CacheShape { layers: self.layers, batch, capacity, key_width: width, value_width: width }
    }
}

/// A decoder language model.
#[derive(Clone, Debug)]
pub struct Decoder {
    embedding: Embedding,
    positions: Option<Weight>,
    blocks: Vec<Block>,
    norm: Option<Norm>,
    head: Option<Linear>,
    shape: DecoderShape,
}

/// How a decoder reads a sequence.
#[derive(Clone, Debug, Default)]
pub struct DecoderReading<'g> {
    /// Instead of plain causal attention: above 0 where token i sees token j, `[T, T]` or `[batch, T, T]`.
    /// It must be causal itself.
    pub mask: Option<Var<'g>>,
    /// Instead of 0, 1, ..: the position of every token, `[batch, T]`, for packed or left-padded rows.
    pub positions: Option<Var<'g>>,
    /// What every head of every layer is multiplied by, `[heads]` each; empty: nothing.
    pub head_factors: Vec<Var<'g>>,
}

/// What a decoder computed.
#[derive(Clone, Debug)]
pub struct Decoded<'g> {
    /// `[batch, tokens, vocabulary]`.
    pub logits: Var<'g>,
    /// The residual stream behind the embedding and behind every block, `[batch, tokens, width]`.
    pub hidden: Vec<Var<'g>>,
    /// What the mixture of every block decided, if blocks are mixtures.
    pub routes: Vec<Routed<'g>>,
}

impl Decoder {
    /// `embedding.weight`, perhaps `positions`, `layers.I`, `norm`, perhaps `head.weight`.
    ///
    /// # Panics
    /// If the heads do not fit.
    pub fn new(b: &mut Builder<'_>, shape: &DecoderShape) -> Self {
        let DecoderShape { vocabulary, tokens, layers, block, positions, tied } = *shape;
        let learned = positions == Positions::Learned;
        Decoder {
            embedding: Embedding::new(b, "embedding", vocabulary, block.width, SMALL),
            positions: learned.then(|| b.weight("positions", [tokens, block.width], Init::Normal(SMALL))),
            blocks: Block::stack(b, &block, layers, None),
            norm: block.last_norm(b),
            head: (!tied).then(|| Linear::new(b, "head", block.width, vocabulary, SMALL * (block.width as f32).sqrt())),
            shape: *shape,
        }
    }

    /// Logits `[batch, T, vocabulary]` of the token after every one of `tokens` `[batch, T]`, whole
    /// numbers.
    ///
    /// # Panics
    /// If there are more tokens than learned positions.
    pub fn forward<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g> {
        self.read(values, tokens, &DecoderReading::default()).logits
    }

    /// The same, with what is on the way, read in a given way.
    ///
    /// # Panics
    /// If there are more tokens than learned positions, or head factors for another number of layers.
    pub fn read<'g>(&self, values: &Values<'g>, tokens: Var<'g>, how: &DecoderReading<'g>) -> Decoded<'g> {
        self.read_embedded(values, self.embedding.forward(values, tokens), how)
    }

    /// The same on mixed tokens, weights over the vocabulary `[batch, T, vocabulary]`: where inputs are to be changed a
    /// little, or differentiated. One-hot weights are tokens.
    ///
    /// # Panics
    /// As [`Decoder::read`].
    pub fn read_mixed<'g>(&self, values: &Values<'g>, weights: Var<'g>, how: &DecoderReading<'g>) -> Decoded<'g> {
        self.read_embedded(values, self.embedding.mixed(values, weights), how)
    }

    /// The same from embedded tokens `[batch, T, width]`, before positions are added.
    fn read_embedded<'g>(&self, values: &Values<'g>, h: Var<'g>, how: &DecoderReading<'g>) -> Decoded<'g> {
        let readings = self.readings(h, how);
        let mut hidden = vec![self.place(values, h, how)];
        let mut routes = Vec::new();
        for (block, reading) in self.blocks.iter().zip(&readings) {
            let (h, routed) = block.forward(values, hidden[hidden.len() - 1], reading, None);
            hidden.push(h);
            routes.extend(routed);
        }
        Decoded { logits: self.logits(values, hidden[hidden.len() - 1]), hidden, routes }
    }

    /// The attention probabilities of every block, `[batch, heads, T, T]` each.
    ///
    /// # Panics
    /// As [`Decoder::read`].
    pub fn attention<'g>(&self, values: &Values<'g>, tokens: Var<'g>, how: &DecoderReading<'g>) -> Vec<Var<'g>> {
        let hidden = self.read(values, tokens, how).hidden;
        let readings = self.readings(tokens, how);
        let blocks = self.blocks.iter().zip(&hidden).zip(&readings);
        blocks.map(|((block, h), reading)| block.probabilities(values, *h, reading)).collect()
    }

    /// Logits `[batch, n, vocabulary]` after the next n tokens `[batch, n]` of the sequences in `cache`,
    /// which they join. The graph of a step is recorded once and replayed.
    ///
    /// # Panics
    /// If the cache has another shape, or less room than n or more than the learned positions.
    pub fn step<'g>(
        &self,
        values: &Values<'g>,
        graph: &'g Graph,
        store: &Store,
        cache: &Cache,
        tokens: Var<'g>,
    ) -> Var<'g> {
        let step = cache.begin(graph, store, tokens.shape()[1]);
        let mut h = self.embed_at(values, tokens, &step);
        let rotary = self.rotary(step.positions());
        // What a step sees is the cache's to say.
        let reading = Reading::new(Sight::Causal).with_rotary(rotary);
        for (layer, block) in self.blocks.iter().enumerate() {
            h = block.step(values, store, h, (&step, layer), &reading, None);
        }
        step.end(store);
        self.logits(values, h)
    }

    /// `tokens`: `[batch, T]` or `[batch, T, ..]`.
    fn readings<'g>(&self, tokens: Var<'g>, how: &DecoderReading<'g>) -> Vec<Reading<'g>> {
        let given = how.head_factors.len();
        assert!(given == 0 || given == self.blocks.len(), "head factors of {given} layers for {}", self.blocks.len());
        let sight = how.mask.map_or(Sight::Causal, |mask| Sight::Seen(Seen::masked(mask)));
        let rotary = match (how.positions, self.shape.positions) {
            (None, Positions::Rotary { base }) => {
                Some(tokens.graph().rotary_table(0, tokens.shape()[1], self.shape.block.head_width(), base))
            }
            (None, _) => None,
            (Some(positions), _) => self.rotary(positions),
        };
        let reading = |layer: usize| Reading { sight, rotary, head_factors: how.head_factors.get(layer).copied() };
        (0..self.blocks.len()).map(reading).collect()
    }

    /// The table of these positions, if positions are rotary.
    fn rotary<'g>(&self, positions: Var<'g>) -> Option<Var<'g>> {
        match self.shape.positions {
            Positions::Rotary { base } => Some(positions.rotary_table(self.shape.block.head_width(), base)),
            _ => None,
        }
    }

    /// The table of vectors that are added to embeddings, if there is one.
    fn added<'g>(&self, values: &Values<'g>, graph: &'g Graph) -> Option<Var<'g>> {
        match self.shape.positions {
            Positions::Learned => self.positions.map(|table| values[table]),
            Positions::Sinusoidal => Some(sinusoidal_positions(graph, self.shape.tokens, self.shape.block.width)),
            Positions::Rotary { .. } | Positions::None => None,
        }
    }

    /// Embedded tokens with their positions.
    fn place<'g>(&self, values: &Values<'g>, h: Var<'g>, how: &DecoderReading<'g>) -> Var<'g> {
        match (self.added(values, h.graph()), how.positions) {
            (None, _) => h,
            (Some(table), None) => h + table.slice(0, 0, h.shape()[1]),
            (Some(table), Some(positions)) => h + table.gather_rows(positions),
        }
    }

    fn embed_at<'g>(&self, values: &Values<'g>, tokens: Var<'g>, step: &CacheStep<'g, '_>) -> Var<'g> {
        let h = self.embedding.forward(values, tokens);
        self.added(values, tokens.graph()).map_or(h, |table| h + table.gather_rows(step.positions()))
    }

    fn logits<'g>(&self, values: &Values<'g>, h: Var<'g>) -> Var<'g> {
        let h = self.norm.as_ref().map_or(h, |norm| norm.forward(values, h));
        match &self.head {
            Some(head) => head.forward(values, h),
            None => self.embedding.logits(values, h),
        }
    }
}

#[cfg(test)]
mod tests;
