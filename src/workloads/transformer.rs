//! W3: the GPICL Transformer on real vectors. W4: a decoder language model with tied embedding.
//! Pre-norm blocks with gelu (tanh form), learned positions, causal attention.

use super::training::{Maker, Scope, Training};
use crate::engine::{Slot, Var};

const EPSILON: f32 = 1e-5;

/// Extents of a Transformer.
pub(super) struct Transformer {
    batch: usize,
    tokens: usize,
    /// Numbers in a token; none for a language model, whose tokens are indices.
    inputs: Option<usize>,
    width: usize,
    layers: usize,
    heads: usize,
    hidden: usize,
    /// Classes or words.
    outputs: usize,
}

/// W3.
pub(super) const GPICL: Transformer =
    Transformer { batch: 16, tokens: 100, inputs: Some(74), width: 128, layers: 4, heads: 4, hidden: 512, outputs: 10 };

/// W4.
pub(super) const LANGUAGE: Transformer =
    Transformer { batch: 16, tokens: 128, inputs: None, width: 192, layers: 6, heads: 6, hidden: 768, outputs: 512 };

/// See [`super::Workload::flop`].
pub(super) fn flop(t: &Transformer) -> u64 {
    let rows = t.batch * t.tokens;
    let block = rows * t.width * (4 * t.width + 2 * t.hidden) + 2 * rows * t.tokens * t.width;
    let first = t.inputs.map_or(0, |inputs| rows * inputs * t.width);
    let products = 3 * (t.layers * block + rows * t.width * t.outputs) + 2 * first;
    2 * products as u64
}

/// Gain and bias.
type Norm = (Slot, Slot);

struct Block {
    attention_norm: Norm,
    query_key_value: (Slot, Slot),
    projection: (Slot, Slot),
    feed_forward_norm: Norm,
    up: (Slot, Slot),
    down: (Slot, Slot),
}

fn norm(maker: &mut Maker, name: &str, width: usize) -> Norm {
    (maker.vector(format!("{name}.gain"), width, 1.0), maker.vector(format!("{name}.bias"), width, 0.0))
}

impl Block {
    fn new(maker: &mut Maker, i: usize, t: &Transformer) -> Block {
        let width = t.width;
        Block {
            attention_norm: norm(maker, &format!("{i}.attention_norm"), width),
            query_key_value: maker.linear(&format!("{i}.query_key_value"), width, 3 * width),
            projection: maker.linear(&format!("{i}.projection"), width, width),
            feed_forward_norm: norm(maker, &format!("{i}.feed_forward_norm"), width),
            up: maker.linear(&format!("{i}.up"), width, t.hidden),
            down: maker.linear(&format!("{i}.down"), t.hidden, width),
        }
    }

    fn forward<'g>(&self, scope: &Scope<'g, '_>, h: Var<'g>, heads: usize) -> Var<'g> {
        let joined = scope.linear(normalise(scope, h, self.attention_norm), self.query_key_value);
        let mixed = joined.packed_attention(heads, usize::MAX);
        let h = h + scope.linear(mixed, self.projection);
        let hidden = scope.linear(normalise(scope, h, self.feed_forward_norm), self.up).gelu();
        h + scope.linear(hidden, self.down)
    }
}

fn normalise<'g>(scope: &Scope<'g, '_>, x: Var<'g>, (gain, bias): Norm) -> Var<'g> {
    x.layer_norm(scope.read(gain), Some(scope.read(bias)), EPSILON)
}

/// What comes before the blocks, and what turns their output into logits.
enum Ends {
    Vectors {
        embedding: (Slot, Slot),
    },
    /// The embedding of words is the head too.
    Words {
        embedding: Slot,
    },
}

impl Ends {
    fn embed<'g>(&self, scope: &Scope<'g, '_>, tokens: Var<'g>) -> Var<'g> {
        match *self {
            Ends::Vectors { embedding } => scope.linear(tokens, embedding),
            Ends::Words { embedding } => scope.read(embedding).gather_rows(tokens),
        }
    }
}

/// The training step.
pub(super) fn build(workload: u64, t: &Transformer) -> Training {
    let mut maker = Maker::new(workload);
    let ends = match t.inputs {
        Some(inputs) => Ends::Vectors { embedding: maker.linear("embedding", inputs, t.width) },
        None => Ends::Words { embedding: maker.weight("embedding", [t.outputs, t.width], t.width) },
    };
    let positions = maker.weight("positions", [t.tokens, t.width], t.width);
    let blocks: Vec<Block> = (0..t.layers).map(|i| Block::new(&mut maker, i, t)).collect();
    let last = norm(&mut maker, "norm", t.width);
    let head = t.inputs.map(|_| maker.linear("head", t.width, t.outputs));
    let tokens = match t.inputs {
        Some(inputs) => maker.inputs([t.batch, t.tokens, inputs]),
        None => maker.indices("tokens", 0, [t.batch, t.tokens], t.outputs),
    };
    let targets = maker.indices("targets", 1, [t.batch, t.tokens], t.outputs);
    maker.train(targets, |scope| {
        let h = ends.embed(scope, scope.read(tokens)) + scope.read(positions);
        let h = normalise(scope, blocks.iter().fold(h, |h, block| block.forward(scope, h, t.heads)), last);
        match (&ends, head) {
            (Ends::Words { embedding }, _) => {
                let rows = h.reshape([t.batch * t.tokens, t.width]);
                let logits = rows.matmul_transposed(scope.read(*embedding));
                logits.reshape([t.batch, t.tokens, t.outputs])
            }
            (Ends::Vectors { .. }, head) => scope.linear(h, head.expect("vectors have a head of their own")),
        }
    })
}
