//! Encoder-decoder Transformer with padding masks (Vaswani et al. 2017): a source sequence in, the logits
//! of a target sequence out, all at once or token by token.

use serde::{Deserialize, Serialize};

use super::block::{Block, BlockSettings, Memory};
use super::encoder::{Encoder, EncoderShape, TokenEmbedding};
use crate::engine::ops::masked_attention::Seen;
use crate::engine::{Graph, Store, Var};
use crate::nn::layers::{Cache, CacheShape, Norm, Reading, Sight};
use crate::nn::weights::{Builder, Values};

/// What an [`EncoderDecoder`] is set to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncoderDecoderShape {
    /// Different tokens of the source.
    pub source_vocabulary: usize,
    /// Most tokens of a source.
    pub source_tokens: usize,
    /// Different tokens of the target.
    pub target_vocabulary: usize,
    /// Most tokens of a target.
    pub target_tokens: usize,
    /// Blocks of the encoder.
    pub encoder_layers: usize,
    /// Blocks of the decoder.
    pub decoder_layers: usize,
    /// What a block is.
    pub block: BlockSettings,
    /// Whether positions are learned; else they are sinusoidal.
    pub learned_positions: bool,
}

impl EncoderDecoderShape {
    /// The shape of a cache for `batch` targets.
    pub fn cache(&self, batch: usize) -> CacheShape {
        let width = self.block.key_heads * self.block.head_width();
        CacheShape {
            layers: self.decoder_layers,
            batch,
            capacity: self.target_tokens,
            key_width: width,
            value_width: width,
        }
    }
}

/// An encoder, and a decoder that attends to what it gives. The head is the target's embedding.
#[derive(Clone, Debug)]
pub struct EncoderDecoder {
    encoder: Encoder,
    embedding: TokenEmbedding,
    blocks: Vec<Block>,
    norm: Option<Norm>,
    target_tokens: usize,
}

impl EncoderDecoder {
    /// `encoder.` and `decoder.`.
    ///
    /// # Panics
    /// If the heads do not fit.
    pub fn new(b: &mut Builder<'_>, shape: &EncoderDecoderShape) -> Self {
        let EncoderDecoderShape { block, learned_positions, target_vocabulary, target_tokens, .. } = *shape;
        let encoder = EncoderShape {
            vocabulary: shape.source_vocabulary,
            tokens: shape.source_tokens,
            layers: shape.encoder_layers,
            block,
            learned_positions,
        };
        let encoder = b.within("encoder", |b| Encoder::new(b, &encoder));
        b.within("decoder", |b| EncoderDecoder {
            encoder,
            embedding: TokenEmbedding::new(b, target_vocabulary, target_tokens, block.width, learned_positions),
            blocks: Block::stack(b, &block, shape.decoder_layers, Some(block.width)),
            norm: block.last_norm(b),
            target_tokens,
        })
    }

    /// Logits `[batch, T, target vocabulary]` of the token after every one of `target` `[batch, T]`, given
    /// `source` `[batch, S]` and its `padding` `[batch, S]`, above 0 at real tokens. Targets are padded at
    /// their end: no token sees what follows it, so padding there needs no mask but in the loss.
    pub fn forward<'g>(&self, values: &Values<'g>, source: Var<'g>, padding: Var<'g>, target: Var<'g>) -> Var<'g> {
        let memory = self.memory(self.encode(values, source, padding), padding);
        let reading = Reading::new(Sight::Causal);
        let h = self.embedding.forward(values, target);
        let h = self.blocks.iter().fold(h, |h, block| block.forward(values, h, &reading, Some(&memory)).0);
        self.logits(values, h)
    }

    /// What the decoder attends to, `[batch, S, width]`: computed once and kept while a target grows.
    pub fn encode<'g>(&self, values: &Values<'g>, source: Var<'g>, padding: Var<'g>) -> Var<'g> {
        self.encoder.forward(values, source, padding)
    }

    /// Logits `[batch, n, target vocabulary]` after the next n tokens `[batch, n]` of the targets in
    /// `cache`, which they join; `encoded` is what [`EncoderDecoder::encode`] gave, of a source a target or of fewer:
    /// then as many targets that follow one another belong to each source.
    ///
    /// # Panics
    /// If the cache has another shape or less room than n, or the targets are no multiple of the sources.
    #[allow(clippy::too_many_arguments)]
    pub fn step<'g>(
        &self,
        values: &Values<'g>,
        graph: &'g Graph,
        store: &Store,
        cache: &Cache,
        encoded: Var<'g>,
        padding: Var<'g>,
        tokens: Var<'g>,
    ) -> Var<'g> {
        let memory = self.memory(encoded, padding);
        let step = cache.begin(graph, store, tokens.shape()[1]);
        let reading = Reading::new(Sight::Causal);
        let mut h = self.embedding.forward_at(values, tokens, step.positions(), self.target_tokens);
        for (layer, block) in self.blocks.iter().enumerate() {
            h = block.step(values, store, h, (&step, layer), &reading, Some(&memory));
        }
        step.end(store);
        self.logits(values, h)
    }

    fn memory<'g>(&self, encoded: Var<'g>, padding: Var<'g>) -> Memory<'g> {
        Memory { stream: encoded, reading: Reading::new(Sight::Seen(Seen::padded(padding))) }
    }

    fn logits<'g>(&self, values: &Values<'g>, h: Var<'g>) -> Var<'g> {
        let h = self.norm.as_ref().map_or(h, |norm| norm.forward(values, h));
        self.embedding.logits(values, h)
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::NormPlace;
    use super::super::check::{BLOCK, Built, assert_learned, assert_near, given, tokens};
    use super::*;
    use crate::base::threads::Pool;
    use crate::engine::Executor;

    fn shapes() -> [EncoderDecoderShape; 2] {
        let before = EncoderDecoderShape {
            source_vocabulary: 11,
            source_tokens: 6,
            target_vocabulary: 7,
            target_tokens: 5,
            encoder_layers: 1,
            decoder_layers: 2,
            block: BLOCK,
            learned_positions: false,
        };
        let block = BlockSettings { norm_place: NormPlace::After, key_heads: 1, ..BLOCK };
        [before, EncoderDecoderShape { block, learned_positions: true, ..before }]
    }

    const PADDING: [f32; 12] = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0];

    fn run(built: &mut Built<EncoderDecoder>, source: &[f32], target: &[f32]) -> Vec<f32> {
        let mut found = built.run(|model, values, graph| {
            let (source, padding) = (given(graph, [2, 6], source), given(graph, [2, 6], &PADDING));
            vec![model.forward(values, source, padding, given(graph, [2, 5], target))]
        });
        found.remove(0)
    }

    #[test]
    fn padding_and_later_targets_change_no_bit() {
        for shape in shapes() {
            let mut built = Built::new(|b| EncoderDecoder::new(b, &shape));
            let (source, target) = (tokens(1, 12, 11), tokens(2, 10, 7));
            let logits = run(&mut built, &source, &target);
            let mut padded = source.clone();
            (9..12).for_each(|i| padded[i] = (padded[i] + 1.0) % 11.0);
            assert_eq!(logits, run(&mut built, &padded, &target));
            let mut other = source.clone();
            other[8] = (other[8] + 1.0) % 11.0;
            let changed = run(&mut built, &other, &target);
            assert!(logits[..35] == changed[..35] && logits[35..42] != changed[35..42]);
            for t in 1..5 {
                let mut later = target.clone();
                later[t] = (later[t] + 1.0) % 7.0;
                let changed = run(&mut built, &source, &later);
                assert_eq!(logits[..t * 7], changed[..t * 7]);
                assert_ne!(logits[t * 7..(t + 1) * 7], changed[t * 7..(t + 1) * 7]);
            }
        }
    }

    #[test]
    fn token_by_token_is_all_at_once() {
        for shape in shapes() {
            let mut built = Built::new(|b| EncoderDecoder::new(b, &shape));
            let (source, target) = (tokens(1, 12, 11), tokens(2, 10, 7));
            let want = run(&mut built, &source, &target);
            let cache = Cache::new(&mut built.store, "cache", &shape.cache(2));
            let next = built.store.add("next", [2, 1]);
            let graph = Graph::new();
            let values = built.weights.read(&graph, &built.store);
            let (source, padding) = (given(&graph, [2, 6], &source), given(&graph, [2, 6], &PADDING));
            let encoded = built.model.encode(&values, source, padding);
            let token = graph.read(&built.store, next);
            let logits = built.model.step(&values, &graph, &built.store, &cache, encoded, padding, token);
            let output = graph.output("logits", logits);
            let mut executor = Executor::new(graph.plan().into(), Pool::serial());
            for t in 0..5 {
                built.store.values_mut(next).copy_from_slice(&[target[t], target[5 + t]]);
                executor.run(&mut built.store);
                let got = executor.output(output, &built.store);
                assert_near(&got[..7], &want[t * 7..][..7], 1e-5);
                assert_near(&got[7..], &want[(5 + t) * 7..][..7], 1e-5);
            }
        }
    }

    #[test]
    fn it_learns_to_copy() {
        for shape in shapes() {
            let losses = Built::new(|b| EncoderDecoder::new(b, &shape)).train(0.01, 60, |model, values, graph| {
                let source = tokens(1, 12, 7);
                let answers: Vec<f32> = source[..5].iter().chain(&source[6..9]).chain(&[-1.0, -1.0]).copied().collect();
                let target: Vec<f32> =
                    [0.0].iter().chain(&answers[..4]).chain(&[0.0]).chain(&answers[5..9]).copied().collect();
                let (source, padding) = (given(graph, [2, 6], &source), given(graph, [2, 6], &PADDING));
                let logits = model.forward(values, source, padding, given(graph, [2, 5], &target));
                logits.cross_entropy(given(graph, [2, 5], &answers)).mean()
            });
            assert_learned(&losses, 0.3);
        }
    }
}
