//! The residual block that encoders and decoders are stacks of: attention, perhaps attention over
//! another stream, and a feed-forward half, each with a norm before it or behind it.

use serde::{Deserialize, Serialize};

use crate::engine::ops::masked_attention::HeadLayout;
use crate::engine::{Store, Var};
use crate::nn::layers::{
    Activation, AttentionSettings, CacheStep, Derivatives, ExpertSettings, Experts, GeneralAttention, Norm, NormKind,
    Perceptron, PerceptronSettings, Reading, Routed, Spread, SwiGlu,
};
use crate::nn::weights::{Builder, Values};

/// Where the norm of a half stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormPlace {
    /// h + f(norm(h)).
    Before,
    /// norm(h + f(h)), as in Vaswani et al. 2017.
    After,
}

/// The feed-forward half of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedForwardKind {
    /// Two maps around an activation.
    Perceptron(Activation),
    /// Three maps, gated.
    SwiGlu,
    /// A mixture of experts; `hidden` is that of one expert.
    Experts {
        /// How many.
        experts: usize,
        /// How many of them a token goes to.
        chosen: usize,
        /// Between the maps of an expert.
        activation: Activation,
        /// Whether experts are gated, as in SwiGLU.
        gated: bool,
        /// Whether the weights of the chosen sum to one.
        renormalise: bool,
    },
}

/// What a block is set to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockSettings {
    /// Width of the residual stream.
    pub width: usize,
    /// Hidden units of the feed-forward half.
    pub hidden: usize,
    /// Heads; must divide `width`.
    pub heads: usize,
    /// Heads of keys and values; must divide `heads`.
    pub key_heads: usize,
    /// Which norm.
    pub norm: NormKind,
    /// Where it stands.
    pub norm_place: NormPlace,
    /// The feed-forward half.
    pub feed_forward: FeedForwardKind,
    /// Whether linear maps have biases (those of SwiGLU and experts never have).
    pub bias: bool,
    /// How weights begin.
    pub spread: Spread,
    /// Fused, or with every derivative.
    pub derivatives: Derivatives,
}

#[derive(Clone, Debug)]
enum FeedForward {
    Perceptron(Perceptron),
    SwiGlu(SwiGlu),
    Experts(Experts),
}

/// Attention over another stream, with its norm.
#[derive(Clone, Debug)]
struct Cross {
    norm: Norm,
    attention: GeneralAttention,
}

impl Cross {
    /// `x` `[batch, tokens, width]` over a memory of as many sequences; or of fewer, each of which as many that follow
    /// one another in `x` attend to: its keys and values are then worked out once.
    fn attend<'g>(&self, values: &Values<'g>, x: Var<'g>, memory: &Memory<'g>) -> Var<'g> {
        let (shape, memories) = (x.shape(), memory.stream.shape()[0]);
        let over = |x| self.attention.cross(values, x, memory.stream, &memory.reading);
        if shape[0] == memories {
            return over(x);
        }
        let shared = shape[0] / memories * shape[1];
        over(x.reshape([memories, shared, shape[2]])).reshape([shape[0], shape[1], shape[2]])
    }
}

/// Weights of a block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    attention_norm: Norm,
    attention: GeneralAttention,
    cross: Option<Cross>,
    feed_forward_norm: Norm,
    feed_forward: FeedForward,
    place: NormPlace,
}

/// A stream to attend to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory<'g> {
    pub(super) stream: Var<'g>,
    pub(super) reading: Reading<'g>,
}

impl BlockSettings {
    /// Its heads.
    pub fn layout(&self) -> HeadLayout {
        HeadLayout::grouped(self.heads, self.key_heads)
    }

    /// Width of a head.
    pub fn head_width(&self) -> usize {
        self.width / self.heads
    }

    fn norm(&self, b: &mut Builder<'_>, name: &str) -> Norm {
        Norm::new(b, name, self.width, self.norm, self.derivatives)
    }

    /// A norm at the end of a stack: none where every block ends with one.
    pub(super) fn last_norm(&self, b: &mut Builder<'_>) -> Option<Norm> {
        (self.norm_place == NormPlace::Before).then(|| self.norm(b, "norm"))
    }

    fn attention(&self, b: &mut Builder<'_>, name: &str, memory_width: usize, output_scale: f32) -> GeneralAttention {
        let settings = AttentionSettings {
            width: self.width,
            memory_width,
            layout: self.layout(),
            bias: self.bias,
            spread: self.spread,
            output_scale,
            derivatives: self.derivatives,
        };
        GeneralAttention::new(b, name, &settings)
    }

    fn feed_forward(&self, b: &mut Builder<'_>, output_scale: f32) -> FeedForward {
        let BlockSettings { width, hidden, bias, spread, .. } = *self;
        match self.feed_forward {
            FeedForwardKind::Perceptron(activation) => {
                let settings = PerceptronSettings {
                    inputs: width,
                    hidden,
                    outputs: width,
                    activation,
                    bias,
                    spread,
                    output_scale,
                };
                FeedForward::Perceptron(Perceptron::new(b, "feed_forward", &settings))
            }
            FeedForwardKind::SwiGlu => FeedForward::SwiGlu(SwiGlu::new(b, width, hidden, spread, output_scale)),
            FeedForwardKind::Experts { experts, chosen, activation, gated, renormalise } => {
                let settings = ExpertSettings {
                    width,
                    hidden,
                    experts,
                    chosen,
                    activation,
                    gated,
                    renormalise,
                    spread,
                    output_scale,
                };
                FeedForward::Experts(Experts::new(b, &settings))
            }
        }
    }
}

impl Block {
    /// `layers` blocks under `layers.I`, with attention over a stream of `memory_width` if there is one.
    /// The last map of every half begins smaller by the root of the number of halves.
    pub(super) fn stack(
        b: &mut Builder<'_>,
        settings: &BlockSettings,
        layers: usize,
        memory_width: Option<usize>,
    ) -> Vec<Block> {
        let halves = layers * (2 + usize::from(memory_width.is_some()));
        let output_scale = 1.0 / (halves as f32).sqrt();
        let block = |b: &mut Builder<'_>| Block {
            attention_norm: settings.norm(b, "attention_norm"),
            attention: settings.attention(b, "attention", settings.width, output_scale),
            cross: memory_width.map(|width| Cross {
                norm: settings.norm(b, "cross_norm"),
                attention: settings.attention(b, "cross_attention", width, output_scale),
            }),
            feed_forward_norm: settings.norm(b, "feed_forward_norm"),
            feed_forward: settings.feed_forward(b, output_scale),
            place: settings.norm_place,
        };
        (0..layers).map(|i| b.within(format_args!("layers.{i}"), block)).collect()
    }

    /// `[batch, tokens, width]`, kept; what a mixture of experts decided.
    pub(super) fn forward<'g>(
        &self,
        values: &Values<'g>,
        h: Var<'g>,
        reading: &Reading<'g>,
        memory: Option<&Memory<'g>>,
    ) -> (Var<'g>, Option<Routed<'g>>) {
        let h = self.half(values, &self.attention_norm, h, |x| self.attention.forward(values, x, reading));
        self.finish(values, h, memory)
    }

    /// The same for the next tokens of sequences in a cache.
    pub(super) fn step<'g>(
        &self,
        values: &Values<'g>,
        store: &Store,
        h: Var<'g>,
        at: (&CacheStep<'g, '_>, usize),
        reading: &Reading<'g>,
        memory: Option<&Memory<'g>>,
    ) -> Var<'g> {
        let h = self.half(values, &self.attention_norm, h, |x| self.attention.step(values, store, x, at, reading));
        self.finish(values, h, memory).0
    }

    /// The attention probabilities of this block.
    pub(super) fn probabilities<'g>(&self, values: &Values<'g>, h: Var<'g>, reading: &Reading<'g>) -> Var<'g> {
        let x = match self.place {
            NormPlace::Before => self.attention_norm.forward(values, h),
            NormPlace::After => h,
        };
        self.attention.probabilities(values, x, x, reading)
    }

    fn half<'g>(&self, values: &Values<'g>, norm: &Norm, h: Var<'g>, f: impl FnOnce(Var<'g>) -> Var<'g>) -> Var<'g> {
        match self.place {
            NormPlace::Before => h + f(norm.forward(values, h)),
            NormPlace::After => norm.forward(values, h + f(h)),
        }
    }

    /// What follows self-attention.
    fn finish<'g>(
        &self,
        values: &Values<'g>,
        h: Var<'g>,
        memory: Option<&Memory<'g>>,
    ) -> (Var<'g>, Option<Routed<'g>>) {
        let h = match (&self.cross, memory) {
            (Some(cross), Some(memory)) => self.half(values, &cross.norm, h, |x| cross.attend(values, x, memory)),
            (None, None) => h,
            _ => panic!("a block attends to another stream just when it was built to"),
        };
        let mut routed = None;
        let h = self.half(values, &self.feed_forward_norm, h, |x| match &self.feed_forward {
            FeedForward::Perceptron(layer) => layer.forward(values, x),
            FeedForward::SwiGlu(layer) => layer.forward(values, x),
            FeedForward::Experts(layer) => routed.insert(layer.forward(values, x)).output,
        });
        (h, routed)
    }
}
