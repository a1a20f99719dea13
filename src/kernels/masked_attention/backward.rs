//! Masked attention backward: the probabilities are computed again from the log-sum-exp (Dao et al.
//! 2022).

use super::{Block, MaskedShape, QUERIES, Visibility, blocks, hide, transpose};
use crate::base::threads::Pool;
use crate::kernels::copy::permute;
use crate::kernels::isa::kernel;
use crate::kernels::lanes::{LANES, sum_of_products};
use crate::kernels::math::exp;
use crate::kernels::split::{items_per_block, split};
use crate::kernels::strided::View;

kernel! {
    /// Turns scores into probabilities `p`, and `d` (`do . v`) into the gradients of the scores:
    /// `p (d - sum p d)`, 0 where hidden.
    fn differentiate<A>(block: Block<'_>, lse: &[f32], scores: &mut [f32], d: &mut [f32]) {
        let (from, to) = block.keys;
        let padded = block.shape.padded();
        for r in 0..block.rows {
            let p = &mut scores[r * padded..][from..to];
            let d = &mut d[r * padded..][from..to];
            for p in p.as_chunks_mut::<LANES>().0 {
                for p in p {
                    *p = exp::<A>(*p - lse[r]);
                }
            }
            let mean = sum_of_products::<A>(p, d);
            for (p, d) in p.as_chunks::<LANES>().0.iter().zip(d.as_chunks_mut::<LANES>().0) {
                for j in 0..LANES {
                    d[j] = p[j] * (d[j] - mean);
                }
            }
        }
    }
}

/// What [`masked_attention_backward`] reads: inputs of the forward, and the gradient of its output.
#[derive(Clone, Copy, Debug)]
pub struct MaskedSaved<'a> {
    /// Queries.
    pub q: &'a [f32],
    /// Keys.
    pub k: &'a [f32],
    /// Values.
    pub v: &'a [f32],
    /// The log-sum-exp, `[B, heads, queries]`.
    pub lse: &'a [f32],
    /// The gradient of the output.
    pub d_out: &'a [f32],
}

/// What it writes, in the shapes of the inputs.
#[derive(Debug)]
pub struct MaskedGradients<'a> {
    /// Of the queries.
    pub dq: &'a mut [f32],
    /// Of the keys.
    pub dk: &'a mut [f32],
    /// Of the values.
    pub dv: &'a mut [f32],
    /// Of the bias of every head and sequence, `[B, heads, queries, keys]`, if it is wanted.
    pub d_bias: Option<&'a mut [f32]>,
}

/// Floats of one block of work: keys and values transposed, and two blocks of scores.
fn block_scratch(shape: MaskedShape) -> usize {
    (shape.width + shape.value_width + 2 * QUERIES) * shape.padded()
}

/// Scratch of [`masked_attention_backward`], in floats.
pub fn masked_attention_backward_scratch(shape: MaskedShape) -> usize {
    let queries = shape.batch * shape.queries * shape.heads * shape.width;
    let keys = shape.batch * shape.keys * shape.key_heads * (shape.width + shape.value_width);
    queries + keys + shape.work_blocks() * block_scratch(shape)
}

/// The gradients of [`super::masked_attention`]; they are overwritten. `scratch`:
/// [`masked_attention_backward_scratch`].
pub fn masked_attention_backward(
    pool: &Pool,
    shape: MaskedShape,
    see: Visibility<'_>,
    saved: MaskedSaved<'_>,
    into: MaskedGradients<'_>,
    scratch: &mut [f32],
) {
    let MaskedShape { batch, queries, keys, heads, key_heads, width, value_width, .. } = shape;
    let MaskedGradients { dq, dk, dv, d_bias } = into;
    // Heads lie apart here, so that each is one task's own, and are brought together at the end.
    let (apart_q, scratch) = scratch.split_at_mut(dq.len());
    let (apart_k, scratch) = scratch.split_at_mut(dk.len());
    let (apart_v, scratch) = scratch.split_at_mut(dv.len());
    let wants_bias = d_bias.is_some();
    let (items, head) = (items_per_block(shape.items()), queries * keys);
    let outputs = [
        (&mut *apart_q, items * shape.group() * queries * width),
        (&mut *apart_k, items * keys * width),
        (&mut *apart_v, items * keys * value_width),
        (d_bias.unwrap_or_default(), items * shape.group() * head),
        (scratch, block_scratch(shape)),
    ];
    split(pool, shape.work_blocks(), outputs, |work, [dq, dk, dv, d_bias, scratch]| {
        [&mut *dk, &mut *dv, &mut *d_bias].into_iter().for_each(|x| x.fill(0.0));
        shape.each_item(work, |item, i| {
            let gradients = MaskedGradients {
                dq: &mut dq[i * shape.group() * queries * width..],
                dk: &mut dk[i * keys * width..],
                dv: &mut dv[i * keys * value_width..],
                d_bias: wants_bias.then(|| &mut d_bias[i * shape.group() * head..]),
            };
            one_item(shape, &see, item, saved, gradients, scratch);
        });
    });
    let together = |x: &[f32], heads: usize, rows: usize, width: usize, y: &mut [f32]| {
        permute(pool, View::new(x, &[batch, heads, rows, width]), &[0, 2, 1, 3], y);
    };
    together(apart_q, heads, queries, width, dq);
    together(apart_k, key_heads, keys, width, dk);
    together(apart_v, key_heads, keys, value_width, dv);
}

/// One head of keys of one sequence with its group of query heads; the gradients begin at it, heads
/// apart, and those of keys, values and bias hold 0.
fn one_item(
    shape: MaskedShape,
    see: &Visibility<'_>,
    item: usize,
    saved: MaskedSaved<'_>,
    into: MaskedGradients<'_>,
    scratch: &mut [f32],
) {
    let MaskedShape { queries, keys, heads, key_heads, width, value_width, scale, .. } = shape;
    let MaskedGradients { dq, dk, dv, mut d_bias } = into;
    let padded = shape.padded();
    let (transposed_k, scratch) = scratch.split_at_mut(width * padded);
    let (transposed_v, scratch) = scratch.split_at_mut(value_width * padded);
    let (scores, d_scores) = scratch.split_at_mut(QUERIES * padded);
    let k = shape.track(saved.k, keys, key_heads, width, item, 0);
    transpose(k, keys, scale, padded, transposed_k);
    transpose(shape.track(saved.v, keys, key_heads, value_width, item, 0), keys, 1.0, padded, transposed_v);
    for g in 0..shape.group() {
        let h = item % key_heads * shape.group() + g;
        let q = shape.track(saved.q, queries, heads, width, item, g);
        let d_out = shape.track(saved.d_out, queries, heads, value_width, item, g);
        let lse = &saved.lse[(item / key_heads * heads + h) * queries..];
        for block in blocks(shape, see, item / key_heads, h) {
            block.products(q, transposed_k, scores);
            hide(block, scores);
            block.products(d_out, transposed_v, d_scores);
            differentiate(block, &lse[block.first..], scores, d_scores);
            if let Some(d_bias) = &mut d_bias {
                copy_scores(block, d_scores, &mut d_bias[g * queries * keys..]);
            }
            block.scatter(scores, d_out, dv);
            rescale(block, scale, d_scores);
            block.gather(d_scores, k, &mut dq[g * queries * width..]);
            block.scatter(d_scores, q, dk);
        }
    }
}

/// The gradients of the scores, out of their padded rows.
fn copy_scores(block: Block<'_>, d_scores: &[f32], d_bias: &mut [f32]) {
    let (from, to) = block.real_keys();
    for r in 0..block.rows {
        let row = &mut d_bias[(block.first + r) * block.shape.keys..][from..to];
        row.copy_from_slice(&d_scores[r * block.shape.padded()..][from..to]);
    }
}

/// From scores to products of queries and keys.
fn rescale(block: Block<'_>, scale: f32, d_scores: &mut [f32]) {
    let (from, to) = block.keys;
    for row in d_scores.chunks_mut(block.shape.padded().max(1)).take(block.rows) {
        row[from..to].iter_mut().for_each(|d| *d *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::super::forward::tests::{LAYS, Lay, SHAPES, inputs, plain, run, visibility};
    use super::*;
    use crate::kernels::check::{assert_close, assert_same_at_any_threads, differences, dot, on_every_set, wide};

    /// dq, dk, dv and, for every sequence and head, d_bias.
    fn backward(pool: &Pool, shape: MaskedShape, see: Visibility<'_>, x: &[Vec<f32>; 6]) -> [Vec<f32>; 4] {
        let [_, lse, _] = run(pool, shape, see, x);
        let [q, k, v, d_out, ..] = x;
        let [mut dq, mut dk, mut dv] = [q, k, v].map(|x| vec![f32::NAN; x.len()]);
        let mut d_bias = vec![f32::NAN; shape.batch * shape.heads * shape.queries * shape.keys];
        let mut scratch = vec![f32::NAN; masked_attention_backward_scratch(shape)];
        let saved = MaskedSaved { q, k, v, lse: &lse, d_out };
        let into = MaskedGradients { dq: &mut dq, dk: &mut dk, dv: &mut dv, d_bias: Some(&mut d_bias) };
        masked_attention_backward(pool, shape, see, saved, into, &mut scratch);
        let without = MaskedGradients { dq: &mut dq.clone(), dk: &mut dk.clone(), dv: &mut dv.clone(), d_bias: None };
        masked_attention_backward(pool, shape, see, saved, without, &mut scratch);
        [dq, dk, dv, d_bias]
    }

    #[test]
    fn gradients_agree_with_differences() {
        // The widest shape has too many numbers to move one by one.
        let shapes = SHAPES.into_iter().filter(|shape| shape.width < 16);
        for (shape, lay) in shapes.flat_map(|shape| LAYS.map(|lay| (shape, lay))) {
            let x = inputs(shape, lay);
            let see = visibility(shape, lay, &x);
            let exact = [wide(&x[0]), wide(&x[1]), wide(&x[2]), wide(&x[5])];
            let d_out = wide(&x[3]);
            let wanted = if lay.1 == Lay::Full { 4 } else { 3 };
            let want: Vec<Vec<f64>> =
                (0..wanted).map(|i| differences(&exact, i, |x| dot(&plain(shape, &see, x)[0], &d_out))).collect();
            on_every_set(|pool| {
                let got = backward(pool, shape, see, &x);
                for (i, want) in want.iter().enumerate() {
                    assert_close(["dq", "dk", "dv", "d_bias"][i], &got[i], want, 1e-4);
                }
            });
        }
    }

    #[test]
    fn hidden_keys_and_blind_queries_have_no_gradient() {
        let (shape, lay) = (SHAPES[3], (Lay::Shared, Lay::Full));
        let mut x = inputs(shape, lay);
        (0..shape.queries).for_each(|i| x[4][i * shape.keys + 3] = 0.0);
        let [dq, dk, dv, _] = backward(&Pool::serial(), shape, visibility(shape, lay, &x), &x);
        let blind = (shape.queries - 1) * 32;
        assert!(dq[blind..].iter().all(|&x| x == 0.0) && dq[..blind].iter().any(|&x| x != 0.0));
        assert!(dk[48..64].iter().all(|&x| x == 0.0) && dv[51..68].iter().all(|&x| x == 0.0));
        assert!(dk[64..80].iter().any(|&x| x != 0.0));
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for (shape, lay) in SHAPES[1..].iter().flat_map(|shape| LAYS.map(|lay| (*shape, lay))) {
            let x = inputs(shape, lay);
            assert_same_at_any_threads(|pool| backward(pool, shape, visibility(shape, lay, &x), &x).to_vec());
        }
    }
}
