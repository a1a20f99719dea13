//! Multi-head attention for every use: over its own tokens or another stream, causal or masked, with
//! grouped heads (Ainslie et al. 2023), rotary positions (Su et al. 2021) and a cache for decoding.

use super::{CacheStep, Derivatives, Linear, Spread, causal_mask};
use crate::engine::ops::masked_attention::{HeadLayout, Seen};
use crate::engine::{Store, Var};
use crate::nn::weights::{Builder, Values};

/// What a [`GeneralAttention`] is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionSettings {
    /// Width of the stream that asks; a head has `width / heads` of it.
    pub width: usize,
    /// Width of the stream that keys and values come from.
    pub memory_width: usize,
    /// Heads, and those of keys and values.
    pub layout: HeadLayout,
    /// Whether the projections have biases, which begin at zero.
    pub bias: bool,
    /// How weights begin.
    pub spread: Spread,
    /// What the output projection begins smaller by.
    pub output_scale: f32,
    /// Fused, or with every derivative.
    pub derivatives: Derivatives,
}

/// What queries see.
#[derive(Clone, Copy, Debug)]
pub enum Sight<'g> {
    /// Themselves and the tokens before; the fastest.
    Causal,
    /// What a mask lets them see, with a bias on the scores or none.
    Seen(Seen<'g>),
}

/// How attention reads.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'g> {
    /// What queries see.
    pub sight: Sight<'g>,
    /// Table of rotary positions for heads of this width ([`crate::engine::Graph::rotary_table`]), if
    /// positions are rotary.
    pub rotary: Option<Var<'g>>,
    /// What every head's reading is multiplied by, `[heads]`: 0 takes a head out.
    pub head_factors: Option<Var<'g>>,
}

impl<'g> Reading<'g> {
    /// Everything that `sight` shows, no rotary positions, all heads.
    pub const fn new(sight: Sight<'g>) -> Self {
        Reading { sight, rotary: None, head_factors: None }
    }

    /// The same with rotary positions.
    pub const fn with_rotary(self, table: Option<Var<'g>>) -> Self {
        Reading { rotary: table, ..self }
    }
}

/// Query, key, value and output projections around attention.
#[derive(Clone, Debug)]
pub struct GeneralAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    layout: HeadLayout,
    derivatives: Derivatives,
}

impl GeneralAttention {
    /// `name.query`, `name.key`, `name.value`, `name.output`.
    ///
    /// # Panics
    /// If the heads do not divide the width, or those of keys the heads.
    pub fn new(b: &mut Builder<'_>, name: &str, settings: &AttentionSettings) -> Self {
        let AttentionSettings { width, memory_width, layout, bias, spread, output_scale, derivatives } = *settings;
        let HeadLayout { heads, key_heads } = layout;
        let fits = heads > 0 && key_heads > 0 && width.is_multiple_of(heads) && heads.is_multiple_of(key_heads);
        assert!(fits, "{heads} heads, {key_heads} of keys, do not fit a width of {width}");
        let narrow = width / heads * key_heads;
        let linear = |b: &mut Builder<'_>, name: &str, inputs: usize, outputs, scale: f32| {
            let linear = Linear::new(b, name, inputs, outputs, scale * spread.scale(inputs));
            if bias { linear.with_bias(b, name, outputs, 0.0) } else { linear }
        };
        b.within(name, |b| GeneralAttention {
            query: linear(b, "query", width, width, 1.0),
            key: linear(b, "key", memory_width, narrow, 1.0),
            value: linear(b, "value", memory_width, narrow, 1.0),
            output: linear(b, "output", width, width, output_scale),
            layout,
            derivatives,
        })
    }

    /// Self-attention: `[batch, tokens, width]`, kept.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>, reading: &Reading<'g>) -> Var<'g> {
        self.cross(values, x, x, reading)
    }

    /// Attention of `x` `[batch, queries, width]` over `memory` `[batch, keys, memory width]`: the shape
    /// of `x`. Rotary positions only make sense when both are the same tokens.
    pub fn cross<'g>(&self, values: &Values<'g>, x: Var<'g>, memory: Var<'g>, reading: &Reading<'g>) -> Var<'g> {
        let v = self.value.forward(values, memory);
        let [q, k] = self.turned(values, x, memory, reading);
        let read = match (reading.sight, self.derivatives) {
            // The causal kernel knows no groups; repeated keys cost it less than a mask.
            (Sight::Causal, Derivatives::First) => {
                let [k, v] = [k, v].map(|x| x.repeat_key_heads(self.layout));
                q.attention(k, v, self.layout.heads, k.shape()[1])
            }
            (Sight::Seen(seen), Derivatives::First) => q.masked_attention(k, v, self.layout, seen),
            (_, Derivatives::All) => q.attention_composed(k, v, self.layout, seen(reading, k)),
        };
        self.finish(values, read, reading)
    }

    /// The attention probabilities `[batch, heads, queries, keys]`: row the query, column the key. They
    /// have a gradient when the layer has every derivative.
    pub fn probabilities<'g>(
        &self,
        values: &Values<'g>,
        x: Var<'g>,
        memory: Var<'g>,
        reading: &Reading<'g>,
    ) -> Var<'g> {
        let [q, k] = self.turned(values, x, memory, reading);
        let seen = seen(reading, k);
        match self.derivatives {
            Derivatives::First => q.masked_attention_weights(k, self.layout, seen),
            Derivatives::All => q.attention_weights_composed(k, self.layout, seen),
        }
    }

    /// The next tokens `[batch, n, width]` of sequences whose keys and values stand in layer `layer` of
    /// a cache; theirs are added to it. `reading` says rotary positions and head factors alone.
    pub fn step<'g>(
        &self,
        values: &Values<'g>,
        store: &Store,
        x: Var<'g>,
        (cache, layer): (&CacheStep<'g, '_>, usize),
        reading: &Reading<'g>,
    ) -> Var<'g> {
        let v = self.value.forward(values, x);
        let [q, k] = self.turned(values, x, x, reading);
        let [k, v] = cache.extend(store, layer, [k, v]);
        let read = q.masked_attention(k, v, self.layout, cache.seen());
        self.finish(values, read, reading)
    }

    /// Queries and keys, turned by their positions.
    fn turned<'g>(&self, values: &Values<'g>, x: Var<'g>, memory: Var<'g>, reading: &Reading<'g>) -> [Var<'g>; 2] {
        let [q, k] = [self.query.forward(values, x), self.key.forward(values, memory)];
        reading.rotary.map_or([q, k], |table| [q.rotary(table), k.rotary(table)])
    }

    fn finish<'g>(&self, values: &Values<'g>, read: Var<'g>, reading: &Reading<'g>) -> Var<'g> {
        let read = reading.head_factors.map_or(read, |factors| read.scale_heads(factors));
        self.output.forward(values, read)
    }
}

/// A sight as mask and bias.
fn seen<'g>(reading: &Reading<'g>, keys: Var<'g>) -> Seen<'g> {
    match reading.sight {
        Sight::Causal => Seen::masked(causal_mask(keys.graph(), keys.shape()[1])),
        Sight::Seen(seen) => seen,
    }
}
