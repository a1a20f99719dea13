//! `attention_composed`: [`Var::masked_attention`] out of matrix products and a softmax, so that it
//! differentiates any number of times; its probabilities with a gradient; and heads scaled apart.

use super::masked_attention::{HeadLayout, Seen};
use crate::engine::Var;

/// What is added to the score of a hidden key: its term is 0 beside any that is seen.
const HIDDEN: f32 = 1e30;

/// `[B, T, heads d]` as `[B * heads, T, d]`.
fn heads_apart(x: Var<'_>, heads: usize) -> Var<'_> {
    let shape = x.shape();
    let (batch, tokens, width) = (shape[0], shape[1], shape[2] / heads);
    x.reshape([batch, tokens, heads, width]).permute(&[0, 2, 1, 3]).reshape([batch * heads, tokens, width])
}

/// `[B, T, key_heads d]` with every head repeated for its group of query heads.
fn repeat_heads(x: Var<'_>, layout: HeadLayout) -> Var<'_> {
    let HeadLayout { heads, key_heads } = layout;
    if heads == key_heads {
        return x;
    }
    let shape = x.shape();
    let (batch, tokens, width) = (shape[0], shape[1], shape[2] / key_heads);
    let apart = x.reshape([batch, tokens, key_heads, 1, width]);
    apart.broadcast_to([batch, tokens, key_heads, heads / key_heads, width]).reshape([batch, tokens, heads * width])
}

impl<'g> Var<'g> {
    /// Keys or values `[B, T, K d]` as `[B, T, H d]`: every head repeated for the query heads that share
    /// it, for ops that know no groups.
    ///
    /// # Panics
    /// If the heads do not fit.
    pub fn repeat_key_heads(self, layout: HeadLayout) -> Var<'g> {
        repeat_heads(self, layout)
    }

    /// The probabilities of [`Var::masked_attention_weights`], `[B, H, Tq, Tk]`, with every derivative.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn attention_weights_composed(self, keys: Var<'g>, layout: HeadLayout, seen: Seen<'g>) -> Var<'g> {
        let (shape, tokens) = (self.shape(), keys.shape()[1]);
        let (batch, queries, width) = (shape[0], shape[1], shape[2] / layout.heads);
        let q = heads_apart(self * (1.0 / (width as f32).sqrt()), layout.heads);
        let k = heads_apart(repeat_heads(keys, layout), layout.heads);
        let mut scores = q.matmul_transposed(k).reshape([batch, layout.heads, queries, tokens]);
        if let Some(bias) = seen.bias {
            scores = scores + bias;
        }
        let Some(mask) = seen.mask else { return scores.softmax() };
        // A head's axis between sequence and query.
        let extents = mask.shape();
        let mask = match extents[..] {
            [batch, queries, keys] => mask.reshape([batch, 1, queries, keys]),
            _ => mask,
        };
        let mask = mask.stop_gradient().step();
        // Hidden scores lose all they were to rounding, and the product makes their terms exact zeros
        // for a query that sees nothing too.
        (scores * mask + (mask - 1.0) * HIDDEN).softmax() * mask
    }

    /// [`Var::masked_attention`] with every derivative; it keeps `[B, H, Tq, Tk]` in memory.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn attention_composed(self, keys: Var<'g>, values: Var<'g>, layout: HeadLayout, seen: Seen<'g>) -> Var<'g> {
        let weights = self.attention_weights_composed(keys, layout, seen);
        let shape = weights.shape();
        let (batch, heads, queries, tokens) = (shape[0], shape[1], shape[2], shape[3]);
        let v = heads_apart(repeat_heads(values, layout), layout.heads);
        let width = v.shape().last_extent();
        let read = weights.reshape([batch * heads, queries, tokens]).matmul(v);
        read.reshape([batch, heads, queries, width]).permute(&[0, 2, 1, 3]).reshape([batch, queries, heads * width])
    }

    /// Every head of what attention read, `[.., heads d]`, times its own number: `factors` `[heads]`, 0
    /// to take a head out.
    ///
    /// # Panics
    /// If the heads do not divide the last axis.
    pub fn scale_heads(self, factors: Var<'g>) -> Var<'g> {
        let shape = self.shape();
        let heads = factors.shape().size();
        let mut apart = shape.to_vec();
        apart.pop();
        apart.extend([heads, shape.last_extent() / heads.max(1)]);
        (self.reshape(apart) * factors.reshape([heads, 1])).reshape(shape)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use super::masked_attention::{SETTINGS, Setting, oracle};
    let read = |setting: Setting| {
        let oracle = move |x: &[Array]| oracle::read(&setting.oracle_weights(x), &x[2], setting.layout());
        Case::one(
            setting.label("read"),
            setting.inputs(),
            move |x| x[0].attention_composed(x[1], x[2], setting.layout(), setting.seen(x)),
            oracle,
        )
    };
    let weights = |setting: Setting| {
        Case::one(
            setting.label("weights"),
            setting.inputs(),
            move |x| x[0].attention_weights_composed(x[1], setting.layout(), setting.seen(x)),
            move |x: &[Array]| setting.oracle_weights(x),
        )
    };
    let scaled = Case::one(
        "scaled heads",
        [real([2, 3, 6]), real([3])],
        |x| x[0].scale_heads(x[1]),
        |x| Array::from_shape_fn(vec![2, 3, 6], |at| x[0][&at] * x[1][[at[2] / 2]]),
    );
    let mut cases: Vec<Case> = SETTINGS.into_iter().map(read).collect();
    cases.extend([weights(SETTINGS[3]), weights(SETTINGS[4]), scaled]);
    cases
}
