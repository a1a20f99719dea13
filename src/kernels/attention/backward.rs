//! Attention backward: the probabilities are computed again from the log-sum-exp (Dao et al. 2022).

use super::{AttentionShape, Block, QUERIES, transpose};
use crate::base::threads::Pool;
use crate::kernels::isa::kernel;
use crate::kernels::lanes::{LANES, Track, sum_of_products};
use crate::kernels::math::exp;
use crate::kernels::split::{blocks_of, items_per_block, split};

kernel! {
    /// Turns scores into probabilities `p` and `d_weights` (`do . v`) into the gradients of
    /// `q . k`: `scale p (do . v - do . o)`. What stands at masked keys is not meant for use.
    fn differentiate<A>(
        block: Block, out: Track<'_>, d_out: Track<'_>, lse: &[f32], scores: &mut [f32], d_weights: &mut [f32]
    ) {
        let (from, to) = block.keys;
        let scale = block.shape.scale;
        for r in 0..block.rows {
            let t = block.first + r;
            let mean = sum_of_products::<A>(out.at(t), d_out.at(t));
            let row = r * block.shape.padded();
            let p = scores[row + from..row + to].as_chunks_mut::<LANES>().0;
            let d = d_weights[row + from..row + to].as_chunks_mut::<LANES>().0;
            for (p, d) in p.iter_mut().zip(d) {
                for j in 0..LANES {
                    p[j] = exp::<A>(p[j] - lse[t]);
                    d[j] = p[j] * (d[j] - mean) * scale;
                }
            }
        }
    }
}

/// What [`attention_backward`] reads: inputs and outputs of the forward, and the gradient of its
/// output; `[B, T, H*width]` but for `lse`.
#[derive(Clone, Copy, Debug)]
pub struct AttentionSaved<'a> {
    /// Queries.
    pub q: &'a [f32],
    /// Keys.
    pub k: &'a [f32],
    /// Values.
    pub v: &'a [f32],
    /// The output.
    pub out: &'a [f32],
    /// The log-sum-exp, `[B, H, T]`.
    pub lse: &'a [f32],
    /// The gradient of the output.
    pub d_out: &'a [f32],
}

/// Floats of one block: keys and values transposed, and two blocks of scores.
fn block_scratch(shape: AttentionShape) -> usize {
    2 * (shape.width + QUERIES) * shape.padded()
}

/// Scratch of [`attention_backward`], in floats.
pub fn attention_backward_scratch(shape: AttentionShape) -> usize {
    blocks_of(shape.batch) * block_scratch(shape)
}

/// The gradients of [`super::attention`], `[B, T, H*width]`; they are overwritten. `scratch`:
/// [`attention_backward_scratch`].
pub fn attention_backward(
    pool: &Pool,
    shape: AttentionShape,
    saved: AttentionSaved<'_>,
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
    scratch: &mut [f32],
) {
    let (items, blocks) = (items_per_block(shape.batch), blocks_of(shape.batch));
    let part = shape.item();
    let outputs = [(dq, items * part), (dk, items * part), (dv, items * part), (scratch, block_scratch(shape))];
    split(pool, blocks, outputs, |block, [dq, dk, dv, scratch]| {
        dk.fill(0.0);
        dv.fill(0.0);
        for i in 0..items.min(shape.batch - block * items) {
            for h in 0..shape.heads {
                let at = i * part + h * shape.width;
                let gradients = [&mut dq[at..], &mut dk[at..], &mut dv[at..]];
                one_head(shape, block * items + i, h, saved, gradients, scratch);
            }
        }
    });
}

/// Head `h` of sequence `item`; the gradients begin at it, and those of keys and values hold 0.
fn one_head(
    shape: AttentionShape,
    item: usize,
    h: usize,
    saved: AttentionSaved<'_>,
    [dq, dk, dv]: [&mut [f32]; 3],
    scratch: &mut [f32],
) {
    let [q, k, v] = [saved.q, saved.k, saved.v].map(|x| shape.track(x, item, h));
    let [out, d_out] = [saved.out, saved.d_out].map(|x| shape.track(x, item, h));
    let lse = &saved.lse[(item * shape.heads + h) * shape.tokens..];
    let padded = shape.padded();
    let (keys, scratch) = scratch.split_at_mut(shape.width * padded);
    let (values, scratch) = scratch.split_at_mut(shape.width * padded);
    let (scores, d_weights) = scratch.split_at_mut(QUERIES * padded);
    transpose(k, shape.tokens, shape.scale, padded, keys);
    transpose(v, shape.tokens, 1.0, padded, values);
    for block in shape.blocks() {
        block.scores(q, keys, scores);
        block.scores(d_out, values, d_weights);
        differentiate(block, out, d_out, lse, scores, d_weights);
        block.gather(d_weights, k, dq);
        block.scatter(d_weights, q, dk);
        block.scatter(scores, d_out, dv);
    }
}

#[cfg(test)]
mod tests {
    use super::super::forward::tests::{SHAPES, inputs, plain, run, shape};
    use super::*;
    use crate::kernels::check::{assert_close, assert_same_at_any_threads, differences, dot, on_every_set, wide};

    fn backward(pool: &Pool, shape: AttentionShape, x: &[Vec<f32>; 4]) -> [Vec<f32>; 3] {
        let [out, lse] = run(pool, shape, x);
        let mut scratch = vec![f32::NAN; attention_backward_scratch(shape)];
        let [q, k, v, d_out] = x;
        let [mut dq, mut dk, mut dv] = [q, k, v].map(|x| vec![f32::NAN; x.len()]);
        let saved = AttentionSaved { q, k, v, out: &out, lse: &lse, d_out };
        attention_backward(pool, shape, saved, &mut dq, &mut dk, &mut dv, &mut scratch);
        [dq, dk, dv]
    }

    #[test]
    fn gradients_agree_with_differences() {
        for shape in SHAPES {
            let x = inputs(shape);
            let exact = x.clone().map(|x| wide(&x));
            let want: [Vec<f64>; 3] =
                std::array::from_fn(|i| differences(&exact[..3], i, |x| dot(&plain(shape, x)[0], &exact[3])));
            on_every_set(|pool| {
                for (i, got) in backward(pool, shape, &x).iter().enumerate() {
                    assert_close(["dq", "dk", "dv"][i], got, &want[i], 2e-5);
                }
            });
        }
    }

    #[test]
    fn a_window_as_long_as_the_sequence_is_full_attention_bit_for_bit() {
        let full = shape(2, 29, 2, 7, usize::MAX);
        let x = inputs(full);
        on_every_set(|pool| {
            let want = backward(pool, full, &x);
            assert!(backward(pool, AttentionShape { window: 29, ..full }, &x) == want);
        });
    }

    #[test]
    fn a_query_moves_no_gradient_of_later_keys() {
        let shape = shape(1, 30, 1, 3, 30);
        let mut x = inputs(shape);
        // Only tokens before the cut have a loss, so nothing after it may have a gradient.
        let at = 17 * shape.stride();
        x[3][at..].fill(0.0);
        on_every_set(|pool| {
            for gradient in backward(pool, shape, &x) {
                assert!(gradient[at..].iter().all(|&x| x == 0.0) && gradient[..at].iter().any(|&x| x != 0.0));
            }
        });
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for shape in SHAPES {
            let x = inputs(shape);
            assert_same_at_any_threads(|pool| backward(pool, shape, &x).to_vec());
        }
    }
}
