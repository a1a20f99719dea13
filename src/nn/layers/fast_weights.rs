//! Fast weights: an outer-product memory written and read by every token. Keys and queries are
//! L2-normalised silu projections (Schlag, Irie and Schmidhuber 2021; Yang et al. 2024).

use super::Linear;
use crate::engine::Var;
use crate::nn::weights::{Builder, Values};

/// Added to the squared length before the root.
const EPSILON: f32 = 1e-6;

/// How a token writes into the memory S.
#[derive(Clone, Debug)]
enum Rule {
    /// S += v k^T.
    Add,
    /// S += beta (v - S k) k^T with beta = sigmoid(x W + b), one a head.
    Delta { beta: Linear },
}

/// Projections around a linear-attention or delta-rule scan.
#[derive(Clone, Debug)]
pub struct FastWeights {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    rule: Rule,
    heads: usize,
}

impl FastWeights {
    /// A memory that only adds. `heads` must divide `width`.
    pub fn adding(b: &mut Builder<'_>, width: usize, heads: usize, output_scale: f32) -> Self {
        b.within("linear_attention", |b| FastWeights::new(b, width, heads, output_scale, |_| Rule::Add))
    }

    /// A memory that corrects what a key recalls. `heads` must divide `width`.
    pub fn correcting(b: &mut Builder<'_>, width: usize, heads: usize, output_scale: f32) -> Self {
        let beta = |b: &mut Builder<'_>| {
            let beta = Linear::new(b, "beta", width, heads, 1.0).with_bias(b, "beta", heads, 0.0);
            Rule::Delta { beta }
        };
        b.within("delta_rule", |b| FastWeights::new(b, width, heads, output_scale, beta))
    }

    fn new(
        b: &mut Builder<'_>,
        width: usize,
        heads: usize,
        output_scale: f32,
        rule: impl FnOnce(&mut Builder<'_>) -> Rule,
    ) -> Self {
        FastWeights {
            query: Linear::new(b, "query", width, width, 1.0),
            key: Linear::new(b, "key", width, width, 1.0),
            value: Linear::new(b, "value", width, width, 1.0),
            output: Linear::new(b, "output", width, width, output_scale),
            rule: rule(b),
            heads,
        }
    }

    /// `[batch, tokens, width]`, kept.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        let unit = |projection: &Linear| self.normalise(projection.forward(values, x).silu());
        let (q, k, v) = (unit(&self.query), unit(&self.key), self.value.forward(values, x));
        let read = match &self.rule {
            Rule::Add => q.linear_attention(k, v, self.heads),
            Rule::Delta { beta } => q.delta_rule(k, v, beta.forward(values, x).sigmoid(), self.heads),
        };
        self.output.forward(values, read)
    }

    /// Every head's part of the last axis brought to length one.
    fn normalise<'g>(&self, x: Var<'g>) -> Var<'g> {
        let shape = x.shape();
        let mut by_head = shape.to_vec();
        let width = shape.last_extent() / self.heads;
        by_head.pop();
        by_head.extend([self.heads, width]);
        x.reshape(by_head).unit_length(EPSILON).reshape(shape)
    }
}
