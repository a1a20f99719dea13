//! Causal linear attention without normaliser: `S_t = S_{t-1} + k_t v_t^T`, `o_t = S_t^T q_t`
//! (Katharopoulos et al. 2020, identity feature map).

use super::isa::{Arithmetic, kernel};
use super::lanes::{Track, load, store};
use super::split::{blocks_of, items_per_block, split};
use crate::base::threads::Pool;

/// The shape of a scan whose state is a matrix a head: linear attention and the delta rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanShape {
    /// Sequences.
    pub batch: usize,
    /// Tokens of a sequence.
    pub tokens: usize,
    /// Heads, side by side in the last axis.
    pub heads: usize,
    /// Width of a head's queries and keys.
    pub key: usize,
    /// Width of a head's values and outputs.
    pub value: usize,
}

impl ScanShape {
    /// Numbers in the queries, and in the keys.
    pub const fn keys_len(&self) -> usize {
        self.batch * self.tokens * self.heads * self.key
    }

    /// Numbers in the values, and in the outputs.
    pub const fn values_len(&self) -> usize {
        self.batch * self.tokens * self.heads * self.value
    }
}

/// The columns of a state that are swept at once for values `width` wide.
pub(crate) const fn tile_columns(width: usize) -> usize {
    match width {
        0..=8 => 8,
        9..=16 => 16,
        _ => 32,
    }
}

/// One head's sum: `out_t += scale * sum_s (query_t . key_s) value_s` over earlier tokens.
#[derive(Clone, Copy)]
pub(crate) struct CausalSum<'a> {
    pub(crate) query: Track<'a>,
    pub(crate) key: Track<'a>,
    pub(crate) value: Track<'a>,
    pub(crate) tokens: usize,
    /// Later tokens instead of earlier ones.
    pub(crate) reverse: bool,
    /// Without the token itself.
    pub(crate) strict: bool,
    pub(crate) scale: f32,
}

kernel! {
    /// Adds a head's sum to `out`, whose vectors are `stride` apart. `state` holds the key's width
    /// times [`tile_columns`] of the value's width.
    pub(crate) fn causal_sum<A>(sum: CausalSum<'_>, state: &mut [f32], out: &mut [f32], stride: usize) {
        match (tile_columns(sum.value.width), sum.strict) {
            (8, false) => tiles::<A, 8, false>(sum, state, out, stride),
            (8, true) => tiles::<A, 8, true>(sum, state, out, stride),
            (16, false) => tiles::<A, 16, false>(sum, state, out, stride),
            (16, true) => tiles::<A, 16, true>(sum, state, out, stride),
            (_, false) => tiles::<A, 32, false>(sum, state, out, stride),
            (_, true) => tiles::<A, 32, true>(sum, state, out, stride),
        }
    }
}

/// Columns of the state do not meet, so each tile of them sweeps the whole sequence.
#[inline(always)]
fn tiles<A: Arithmetic, const L: usize, const STRICT: bool>(
    sum: CausalSum<'_>,
    state: &mut [f32],
    out: &mut [f32],
    stride: usize,
) {
    let state = &mut state.as_chunks_mut::<L>().0[..sum.key.width];
    for first in (0..sum.value.width).step_by(L) {
        state.fill([0.0; L]);
        for step in 0..sum.tokens {
            let t = if sum.reverse { sum.tokens - 1 - step } else { step };
            let value = load::<L>(&sum.value.at(t)[first..], 0.0);
            let read = token::<A, L, STRICT>(state, sum.key.at(t), sum.query.at(t), &value);
            let out = &mut out[t * stride + first..t * stride + sum.value.width];
            let mut total = load::<L>(out, 0.0);
            for (total, read) in total.iter_mut().zip(read) {
                *total = A::mul_add(sum.scale, read, *total);
            }
            store(&total, out);
        }
    }
}

/// `S += key value^T`, and what `query` reads after it (or, if strict, before).
#[inline(always)]
fn token<A: Arithmetic, const L: usize, const STRICT: bool>(
    state: &mut [[f32; L]],
    key: &[f32],
    query: &[f32],
    value: &[f32; L],
) -> [f32; L] {
    let mut read = [0.0; L];
    for ((row, &k), &q) in state.iter_mut().zip(key).zip(query) {
        for j in 0..L {
            let before = row[j];
            row[j] = A::mul_add(k, value[j], before);
            read[j] = A::mul_add(q, if STRICT { before } else { row[j] }, read[j]);
        }
    }
    read
}

impl ScanShape {
    /// The vectors of head `h` of sequence `item` in `x`, `width` wide.
    pub(crate) fn track<'a>(&self, x: &'a [f32], item: usize, h: usize, width: usize) -> Track<'a> {
        let stride = self.heads * width;
        Track { data: &x[item * self.tokens * stride + h * width..], stride, width }
    }

    /// Numbers of keys in one sequence.
    pub(crate) const fn item_keys(&self) -> usize {
        self.tokens * self.heads * self.key
    }

    /// Numbers of values in one sequence.
    pub(crate) const fn item_values(&self) -> usize {
        self.tokens * self.heads * self.value
    }
}

/// Scratch of [`linear_attention`], in floats.
pub fn linear_attention_scratch(shape: ScanShape) -> usize {
    blocks_of(shape.batch) * shape.key * tile_columns(shape.value)
}

/// `out_t = sum_{s <= t} (q_t . k_s) v_s` for every head. `q`, `k`: `[B, T, H*dk]`; `v`, `out`:
/// `[B, T, H*dv]`; `scratch`: [`linear_attention_scratch`].
pub fn linear_attention(
    pool: &Pool,
    shape: ScanShape,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    out: &mut [f32],
    scratch: &mut [f32],
) {
    let ScanShape { batch, tokens, heads, key, value } = shape;
    let (items, blocks) = (items_per_block(batch), blocks_of(batch));
    let state = key * tile_columns(value);
    let part = shape.item_values();
    split(pool, blocks, [(out, items * part), (scratch, state)], |block, [out, state]| {
        out.fill(0.0);
        for i in 0..items.min(batch - block * items) {
            for h in 0..heads {
                let track = |x, width| shape.track(x, block * items + i, h, width);
                let (query, key, values) = (track(q, key), track(k, key), track(v, value));
                let sum = CausalSum { query, key, value: values, tokens, reverse: false, strict: false, scale: 1.0 };
                causal_sum(sum, state, &mut out[i * part + h * value..], heads * value);
            }
        }
    });
}

/// Scratch of [`linear_attention_backward`], in floats.
pub fn linear_attention_backward_scratch(shape: ScanShape) -> usize {
    let (key, value) = (shape.key, shape.value);
    blocks_of(shape.batch) * (key * tile_columns(value)).max(value * tile_columns(key))
}

/// The gradients of [`linear_attention`] from `d_out`, shaped as what they belong to; they are
/// overwritten. `scratch`: [`linear_attention_backward_scratch`].
///
/// Each is a causal sum itself: `dq_t = sum_{s <= t} (do_t . v_s) k_s`,
/// `dk_s = sum_{t >= s} (v_s . do_t) q_t`, `dv_s = sum_{t >= s} (k_s . q_t) do_t`.
#[allow(clippy::too_many_arguments)]
pub fn linear_attention_backward(
    pool: &Pool,
    shape: ScanShape,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    d_out: &[f32],
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
    scratch: &mut [f32],
) {
    let ScanShape { batch, tokens, heads, key, value } = shape;
    let (items, blocks) = (items_per_block(batch), blocks_of(batch));
    let state = (key * tile_columns(value)).max(value * tile_columns(key));
    let (keys, values) = (shape.item_keys(), shape.item_values());
    let outputs = [(dq, items * keys), (dk, items * keys), (dv, items * values), (scratch, state)];
    split(pool, blocks, outputs, |block, [dq, dk, dv, state]| {
        for x in [&mut *dq, &mut *dk, &mut *dv] {
            x.fill(0.0);
        }
        for i in 0..items.min(batch - block * items) {
            for h in 0..heads {
                let track = |x, width| shape.track(x, block * items + i, h, width);
                let (q, k, v, d_out) = (track(q, key), track(k, key), track(v, value), track(d_out, value));
                let sum =
                    CausalSum { query: d_out, key: v, value: k, tokens, reverse: false, strict: false, scale: 1.0 };
                let (at_key, at_value) = (i * keys + h * key, i * values + h * value);
                causal_sum(sum, state, &mut dq[at_key..], heads * key);
                let sum = CausalSum { query: v, key: d_out, value: q, reverse: true, ..sum };
                causal_sum(sum, state, &mut dk[at_key..], heads * key);
                let sum = CausalSum { query: k, key: q, value: d_out, ..sum };
                causal_sum(sum, state, &mut dv[at_value..], heads * value);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{
        assert_close, assert_same_at_any_threads, differences, dot, noise, on_every_set, wide,
    };

    const SHAPES: [ScanShape; 4] = [
        ScanShape { batch: 2, tokens: 5, heads: 3, key: 3, value: 4 },
        ScanShape { batch: 1, tokens: 7, heads: 2, key: 11, value: 13 },
        ScanShape { batch: 2, tokens: 4, heads: 1, key: 32, value: 37 },
        ScanShape { batch: 35, tokens: 2, heads: 2, key: 2, value: 3 },
    ];

    /// Inputs q, k, v and the output's gradient.
    fn inputs(shape: ScanShape) -> [Vec<f32>; 4] {
        let len = [shape.keys_len(), shape.keys_len(), shape.values_len(), shape.values_len()];
        std::array::from_fn(|i| noise(i as u64, len[i]))
    }

    fn forward(pool: &Pool, shape: ScanShape, q: &[f32], k: &[f32], v: &[f32]) -> Vec<f32> {
        // What scratch and output held before must not matter.
        let (mut out, mut scratch) =
            (vec![f32::NAN; shape.values_len()], vec![f32::NAN; linear_attention_scratch(shape)]);
        linear_attention(pool, shape, q, k, v, &mut out, &mut scratch);
        out
    }

    fn backward(pool: &Pool, shape: ScanShape, [q, k, v, d_out]: &[Vec<f32>; 4]) -> [Vec<f32>; 3] {
        let mut scratch = vec![f32::NAN; linear_attention_backward_scratch(shape)];
        let [mut dq, mut dk, mut dv] = [q, k, v].map(|x| vec![f32::NAN; x.len()]);
        linear_attention_backward(pool, shape, q, k, v, d_out, &mut dq, &mut dk, &mut dv, &mut scratch);
        [dq, dk, dv]
    }

    /// The definition, in f64.
    fn plain(shape: ScanShape, x: &[Vec<f64>]) -> Vec<f64> {
        let ScanShape { batch, tokens, heads, key, value } = shape;
        let mut out = vec![0.0; shape.values_len()];
        for (b, h) in (0..batch).flat_map(|b| (0..heads).map(move |h| (b, h))) {
            let at = |t: usize, width: usize| ((b * tokens + t) * heads + h) * width;
            for (t, s) in (0..tokens).flat_map(|t| (0..=t).map(move |s| (t, s))) {
                let score: f64 = (0..key).map(|i| x[0][at(t, key) + i] * x[1][at(s, key) + i]).sum();
                for j in 0..value {
                    out[at(t, value) + j] += score * x[2][at(s, value) + j];
                }
            }
        }
        out
    }

    #[test]
    fn forward_and_backward_agree_with_the_definition() {
        for shape in SHAPES {
            let x = inputs(shape);
            let exact = x.clone().map(|x| wide(&x));
            on_every_set(|pool| {
                assert_close("out", &forward(pool, shape, &x[0], &x[1], &x[2]), &plain(shape, &exact), 1e-5);
                for (i, got) in backward(pool, shape, &x).iter().enumerate() {
                    let want = differences(&exact[..3], i, |x| dot(&plain(shape, x), &exact[3]));
                    assert_close(["dq", "dk", "dv"][i], got, &want, 2e-5);
                }
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for shape in SHAPES {
            let x = inputs(shape);
            assert_same_at_any_threads(|pool| {
                let mut all = backward(pool, shape, &x).to_vec();
                all.push(forward(pool, shape, &x[0], &x[1], &x[2]));
                all
            });
        }
    }

    #[test]
    fn a_repeated_key_recalls_the_sum_of_its_values() {
        let shape = ScanShape { batch: 1, tokens: 3, heads: 1, key: 2, value: 1 };
        let key = [1.0, 0.0].repeat(3);
        assert_eq!(forward(&Pool::serial(), shape, &key, &key, &[2.0, 5.0, -3.0]), [2.0, 7.0, 4.0]);
    }
}
