//! Attention backward: the probabilities are computed again from the log-sum-exp (Dao et al. 2022).

use super::operands::Columns;
use super::pack::{Packed, Strips, packed_len, strips_len, take};
use super::{AttentionGradients, AttentionInputs, AttentionShape, Block, Track, each_head, scratch_of};
use crate::base::threads::Pool;
use crate::kernels::isa::kernel;
use crate::kernels::lanes::{LANES, sum_of_products};
use crate::kernels::math::exp;
use crate::kernels::tile::Tiles;

kernel! {
    /// Turns scores into probabilities `p` and `d_weights` (`do . v`) into the gradients of
    /// `q . k`: `scale p (do . v - do . o)`; both 0 where masked.
    fn differentiate<A>(
        block: Block, out: Track<'_>, d_out: Track<'_>, lse: &[f32], scores: &mut [f32], d_weights: &mut [f32]
    ) {
        let scale = block.shape.scale;
        for r in 0..block.rows {
            let t = block.first + r;
            let mean = sum_of_products::<A>(out.at(t), d_out.at(t));
            let (row, seen, span) = (r * block.shape.padded(), block.seen(r), block.span(r));
            let p = scores[row + span.start..row + span.end].as_chunks_mut::<LANES>().0;
            let d = d_weights[row + span.start..row + span.end].as_chunks_mut::<LANES>().0;
            let (first, count) = (seen.start as u32, seen.len() as u32);
            for (i, (p, d)) in p.iter_mut().zip(d).enumerate() {
                let from = (span.start + i * LANES) as u32;
                for j in 0..LANES {
                    let is_seen = (from + j as u32).wrapping_sub(first) < count;
                    let weight = exp::<A>(p[j] - lse[t]);
                    let gradient = weight * (d[j] - mean) * scale;
                    p[j] = if is_seen { weight } else { 0.0 };
                    d[j] = if is_seen { gradient } else { 0.0 };
                }
            }
        }
    }
}

/// What [`attention_backward`] reads beside the inputs of the forward.
#[derive(Clone, Copy, Debug)]
pub struct AttentionSaved<'a> {
    /// The output, `[B, T, H*width]`.
    pub out: &'a [f32],
    /// The log-sum-exp, `[B, H, T]`.
    pub lse: &'a [f32],
    /// The gradient of the output, `[B, T, H*width]`.
    pub d_out: &'a [f32],
}

/// Floats of one head: keys and values transposed; queries, keys and `d_out` packed; two blocks of
/// scores.
fn head_scratch(shape: AttentionShape) -> usize {
    2 * strips_len(shape) + 3 * packed_len(shape) + 2 * shape.block_rows() * shape.padded()
}

/// Scratch of [`attention_backward`], in floats.
pub fn attention_backward_scratch(shape: AttentionShape) -> usize {
    scratch_of(shape, head_scratch(shape))
}

/// The gradients of [`super::attention`]. `scratch`: [`attention_backward_scratch`].
pub fn attention_backward(
    pool: &Pool,
    shape: AttentionShape,
    inputs: AttentionInputs<'_>,
    saved: AttentionSaved<'_>,
    gradients: &AttentionGradients<'_>,
    scratch: &mut [f32],
) {
    if shape.is_empty() {
        return;
    }
    let tiles = Tiles::current();
    each_head(pool, shape, (&mut [], 0), (scratch, head_scratch(shape)), |item, h, _, scratch| {
        let head = Head {
            inputs: inputs.head(shape, item, h),
            out: shape.track(saved.out, shape.stride(), item, h),
            d_out: shape.track(saved.d_out, shape.stride(), item, h),
            lse: &saved.lse[(item * shape.heads + h) * shape.tokens..],
        };
        // SAFETY: `each_head` visits every head once.
        #[allow(unsafe_code)]
        let gradients = unsafe { gradients.head(shape, item, h) };
        head.differentiate(&tiles, shape, gradients, scratch);
    });
}

/// What one head reads.
struct Head<'a> {
    inputs: [Track<'a>; 3],
    out: Track<'a>,
    d_out: Track<'a>,
    lse: &'a [f32],
}

impl Head<'_> {
    fn differentiate(
        &self,
        tiles: &Tiles,
        shape: AttentionShape,
        [mut dq, mut dk, mut dv]: [Columns<'_>; 3],
        mut scratch: &mut [f32],
    ) {
        let [q, k, v] = self.inputs;
        let keys = Strips::new(tiles, shape, k, shape.scale, &mut scratch);
        let values = Strips::new(tiles, shape, v, 1.0, &mut scratch);
        let [packed_q, packed_k, packed_d_out] = [q, k, self.d_out].map(|x| Packed::new(shape, x, &mut scratch));
        let scores = take(&mut scratch, shape.block_rows() * shape.padded());
        let d_weights = scratch;
        for block in shape.blocks() {
            block.scores(tiles, q, keys, scores);
            block.scores(tiles, self.d_out, values, d_weights);
            differentiate(block, self.out, self.d_out, self.lse, scores, d_weights);
            block.gather(tiles, d_weights, packed_k, &mut dq);
            block.scatter(tiles, d_weights, packed_q, &mut dk);
            block.scatter(tiles, scores, packed_d_out, &mut dv);
        }
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
        let saved = AttentionSaved { out: &out, lse: &lse, d_out };
        let gradients = AttentionGradients::separate(shape, &mut dq, &mut dk, &mut dv);
        attention_backward(pool, shape, AttentionInputs::separate(shape, q, k, v), saved, &gradients, &mut scratch);
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
