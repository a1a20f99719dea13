//! Encoder Transformer with padding masks (Vaswani et al. 2017): tokens in, a vector a token out.

use serde::{Deserialize, Serialize};

use super::block::{Block, BlockSettings};
use crate::engine::Var;
use crate::engine::ops::masked_attention::Seen;
use crate::nn::layers::{Embedding, Norm, Reading, Sight, sinusoidal_positions};
use crate::nn::weights::{Builder, Init, Values, Weight};

/// What an [`Encoder`] is set to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncoderShape {
    /// Different tokens.
    pub vocabulary: usize,
    /// Most tokens of a sequence.
    pub tokens: usize,
    /// Blocks.
    pub layers: usize,
    /// What a block is.
    pub block: BlockSettings,
    /// Whether positions are learned; else they are sinusoidal.
    pub learned_positions: bool,
}

/// Embedding, positions and blocks that see all real tokens.
#[derive(Clone, Debug)]
pub struct Encoder {
    embedding: TokenEmbedding,
    blocks: Vec<Block>,
    norm: Option<Norm>,
}

/// Token embedding times sqrt(width), plus positions.
#[derive(Clone, Debug)]
pub(super) struct TokenEmbedding {
    table: Embedding,
    positions: Option<Weight>,
    width: usize,
}

impl TokenEmbedding {
    /// `embedding.weight`, with deviation 1 / sqrt(width), and perhaps `positions`.
    pub(super) fn new(b: &mut Builder<'_>, vocabulary: usize, tokens: usize, width: usize, learned: bool) -> Self {
        TokenEmbedding {
            table: Embedding::new(b, "embedding", vocabulary, width, 1.0 / (width as f32).sqrt()),
            positions: learned.then(|| b.weight("positions", [tokens, width], Init::Normal(0.02))),
            width,
        }
    }

    /// `[batch, T]` to `[batch, T, width]`.
    pub(super) fn forward<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g> {
        let count = tokens.shape()[1];
        let positions = match self.positions {
            Some(table) => values[table].slice(0, 0, count),
            None => sinusoidal_positions(tokens.graph(), count, self.width),
        };
        self.scaled(values, tokens) + positions
    }

    /// The same for tokens that stand at `positions` `[T]`, of at most `most`.
    pub(super) fn forward_at<'g>(
        &self,
        values: &Values<'g>,
        tokens: Var<'g>,
        positions: Var<'g>,
        most: usize,
    ) -> Var<'g> {
        let table = match self.positions {
            Some(table) => values[table],
            None => sinusoidal_positions(tokens.graph(), most, self.width),
        };
        self.scaled(values, tokens) + table.gather_rows(positions)
    }

    /// `[.., width]` to a logit a token.
    pub(super) fn logits<'g>(&self, values: &Values<'g>, h: Var<'g>) -> Var<'g> {
        self.table.logits(values, h)
    }

    fn scaled<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Var<'g> {
        self.table.forward(values, tokens) * (self.width as f32).sqrt()
    }
}

impl Encoder {
    /// `embedding.weight`, perhaps `positions`, `layers.I`, perhaps `norm`.
    ///
    /// # Panics
    /// If the heads do not fit.
    pub fn new(b: &mut Builder<'_>, shape: &EncoderShape) -> Self {
        let EncoderShape { vocabulary, tokens, layers, block, learned_positions } = *shape;
        Encoder {
            embedding: TokenEmbedding::new(b, vocabulary, tokens, block.width, learned_positions),
            blocks: Block::stack(b, &block, layers, None),
            norm: block.last_norm(b),
        }
    }

    /// `tokens` `[batch, T]` to `[batch, T, width]`; `padding` `[batch, T]` is above 0 at real tokens and
    /// 0 at padding, which nobody sees. What comes out at padding is of no use.
    pub fn forward<'g>(&self, values: &Values<'g>, tokens: Var<'g>, padding: Var<'g>) -> Var<'g> {
        let reading = Reading::new(Sight::Seen(Seen::padded(padding)));
        let h = self.embedding.forward(values, tokens);
        let h = self.blocks.iter().fold(h, |h, block| block.forward(values, h, &reading, None).0);
        self.norm.as_ref().map_or(h, |norm| norm.forward(values, h))
    }

    /// One vector a sequence, `[batch, width]`: the mean over its real tokens. A sequence without any
    /// gives zeros.
    pub fn pooled<'g>(&self, values: &Values<'g>, tokens: Var<'g>, padding: Var<'g>) -> Var<'g> {
        let shape = tokens.shape();
        let real = padding.step().reshape([shape[0], shape[1], 1]);
        let total = (self.forward(values, tokens, padding) * real).sum_axes(&[1]);
        let count = real.sum_axes(&[1]);
        // One where there is none, so that nothing is divided by zero.
        total / (count + (count * -1.0 + 0.5).step())
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::NormPlace;
    use super::super::check::{BLOCK, Built, assert_learned, assert_near, given, tokens};
    use super::*;
    use crate::nn::layers::Linear;

    fn shapes() -> [EncoderShape; 2] {
        let before = EncoderShape { vocabulary: 11, tokens: 8, layers: 2, block: BLOCK, learned_positions: true };
        let block = BlockSettings { norm_place: NormPlace::After, key_heads: 1, ..BLOCK };
        [before, EncoderShape { block, learned_positions: false, ..before }]
    }

    /// Six tokens, of which the second sequence has four and the third none.
    const PADDING: [f32; 18] =
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

    fn run(built: &mut Built<Encoder>, ids: &[f32]) -> [Vec<f32>; 2] {
        let found = built.run(|model, values, graph| {
            let (ids, padding) = (given(graph, [3, 6], ids), given(graph, [3, 6], &PADDING));
            vec![model.forward(values, ids, padding), model.pooled(values, ids, padding)]
        });
        found.try_into().expect("two outputs")
    }

    #[test]
    fn padding_changes_no_bit_of_what_counts() {
        for shape in shapes() {
            let mut built = Built::new(|b| Encoder::new(b, &shape));
            let mut ids = tokens(1, 18, 11);
            let [all, pooled] = run(&mut built, &ids);
            (10..18).for_each(|i| ids[i] = (ids[i] + 3.0) % 11.0);
            let [other, other_pooled] = run(&mut built, &ids);
            assert_eq!(all[..10 * 12], other[..10 * 12]);
            assert_ne!(all[10 * 12..], other[10 * 12..]);
            assert_eq!(pooled, other_pooled);
            assert!(pooled[24..].iter().all(|&x| x == 0.0) && pooled[..24].iter().all(|&x| x != 0.0));
            // The same tokens without any padding.
            let alone = built.run(|model, values, graph| {
                let (ids, ones) = (given(graph, [1, 4], &ids[6..10]), given(graph, [1, 4], &[1.0; 4]));
                vec![model.forward(values, ids, ones)]
            });
            assert_near(&alone[0], &all[6 * 12..10 * 12], 1e-5);
        }
    }

    #[test]
    fn it_learns_to_classify() {
        for shape in shapes() {
            let mut built = Built::new(|b| (Encoder::new(b, &shape), Linear::new(b, "head", 12, 2, 1.0)));
            let losses = built.train(0.01, 40, |(model, head), values, graph| {
                let (ids, padding) = (given(graph, [3, 6], &tokens(1, 18, 11)), given(graph, [3, 6], &PADDING));
                let logits = head.forward(values, model.pooled(values, ids, padding));
                logits.cross_entropy(given(graph, [3], &[0.0, 1.0, -1.0])).mean()
            });
            assert_learned(&losses, 0.3);
        }
    }
}
