//! A model of tokens whose layers are memories that learn while they read: h = Emb(tokens); L times
//! h += Memory(RMSNorm h), h += SwiGLU(RMSNorm h); logits = W_y RMSNorm(h) (Behrouz et al. 2025, section 5).

use super::stack;
use crate::engine::Var;
use crate::nn::layers::{Embedding, Fault, Linear, MemorySettings, OnlineMemory, RmsNorm, Spread, Steered, SwiGlu};
use crate::nn::weights::{Builder, Values};

/// Standard deviation at which the embedding begins: small beside what the layers add.
const EMBEDDING: f32 = 0.1;

/// What a model is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemoryNetShape {
    /// Tokens of the vocabulary; as many logits.
    pub vocabulary: usize,
    /// Layers.
    pub layers: usize,
    /// Hidden units of a SwiGLU.
    pub hidden: usize,
    /// The memories, all alike; their width is that of the stream.
    pub memory: MemorySettings,
}

#[derive(Clone, Debug)]
struct Block {
    memory_norm: RmsNorm,
    memory: OnlineMemory,
    feed_forward_norm: RmsNorm,
    feed_forward: SwiGlu,
}

/// The model.
#[derive(Clone, Debug)]
pub struct MemoryNet {
    embedding: Embedding,
    blocks: Vec<Block>,
    norm: RmsNorm,
    head: Linear,
}

impl MemoryNet {
    /// Fresh weights.
    pub fn new(b: &mut Builder<'_>, shape: &MemoryNetShape) -> Self {
        let MemoryNetShape { vocabulary, layers, hidden, memory } = *shape;
        let width = memory.width;
        let block = |b: &mut Builder<'_>| Block {
            memory_norm: RmsNorm::new(b, "memory_norm", width),
            memory: OnlineMemory::new(b, &memory),
            feed_forward_norm: RmsNorm::new(b, "feed_forward_norm", width),
            feed_forward: SwiGlu::new(b, width, hidden, Spread::Uniform, 1.0),
        };
        MemoryNet {
            embedding: Embedding::new(b, "embedding", vocabulary, width, EMBEDDING),
            blocks: (0..layers).map(|layer| b.within(format_args!("layers.{layer}"), block)).collect(),
            norm: RmsNorm::new(b, "norm", width),
            head: stack::head(b, width, vocabulary),
        }
    }

    /// Tokens `[batch, tokens]` to what the head reads, `[batch, tokens, width]`. A fault hits every layer's memory.
    pub fn representation<'g>(&self, values: &Values<'g>, tokens: Var<'g>, fault: Option<Fault<'g>>) -> Var<'g> {
        let h = self.embedding.forward(values, tokens);
        let h = self.blocks.iter().fold(h, |h, block| block.forward(values, h, fault));
        self.norm.forward(values, h)
    }

    /// From there to logits `[batch, tokens, vocabulary]`.
    pub fn head<'g>(&self, values: &Values<'g>, representation: Var<'g>) -> Var<'g> {
        self.head.forward(values, representation)
    }

    /// The first layer's memory and what it is given on tokens `[batch, tokens]`.
    ///
    /// # Panics
    /// If the model has no layer.
    pub fn first_memory<'g>(
        &self,
        values: &Values<'g>,
        tokens: Var<'g>,
        fault: Option<Fault<'g>>,
    ) -> (&OnlineMemory, Steered<'g>) {
        let first = self.blocks.first().expect("a model has a layer");
        let x = first.memory_norm.forward(values, self.embedding.forward(values, tokens));
        (&first.memory, first.memory.steer(values, x, fault))
    }
}

impl Block {
    fn forward<'g>(&self, values: &Values<'g>, h: Var<'g>, fault: Option<Fault<'g>>) -> Var<'g> {
        let h = h + self.memory.forward(values, self.memory_norm.forward(values, h), fault);
        h + self.feed_forward.forward(values, self.feed_forward_norm.forward(values, h))
    }
}
