//! Causal multi-head self-attention with a window (Vaswani et al. 2017).

use super::Linear;
use crate::engine::Var;
use crate::nn::weights::{Builder, Values};

/// Query, key, value and output projections without bias, around the fused attention op.
#[derive(Clone, Debug)]
pub struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
    window: usize,
}

impl Attention {
    /// `heads` must divide `width`. A query sees the last `window` tokens, itself among them. The
    /// output projection begins smaller by `output_scale`.
    pub fn new(b: &mut Builder<'_>, width: usize, heads: usize, window: usize, output_scale: f32) -> Self {
        b.within("attention", |b| Attention {
            query: Linear::new(b, "query", width, width, 1.0),
            key: Linear::new(b, "key", width, width, 1.0),
            value: Linear::new(b, "value", width, width, 1.0),
            output: Linear::new(b, "output", width, width, output_scale),
            heads,
            window,
        })
    }

    /// `[batch, tokens, width]`, kept.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        let [q, k, v] = [&self.query, &self.key, &self.value].map(|projection| projection.forward(values, x));
        self.output.forward(values, q.attention(k, v, self.heads, self.window))
    }

    /// The attention probabilities `[batch, heads, tokens, tokens]`: row the query, column the key.
    pub fn probabilities<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        let [q, k] = [&self.query, &self.key].map(|projection| projection.forward(values, x));
        q.attention_weights(k, self.heads, self.window)
    }
}
