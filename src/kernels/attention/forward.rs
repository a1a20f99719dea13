//! Attention forward, and its weights for pictures.

use std::ops::Range;

use super::operands::Heads;
use super::pack::{Packed, Strips, packed_len, strips_len};
use super::{AttentionInputs, AttentionShape, Block, QUERIES, Track, each_head, scratch_of};
use crate::base::threads::Pool;
use crate::kernels::isa::{Arithmetic, kernel};
use crate::kernels::lanes::{LANES, larger, max, sum};
use crate::kernels::math::{exp, log};
use crate::kernels::tile::Tiles;

/// Turns a row of scores, in whole lanes, into probabilities, 0 outside `seen` (counted within the
/// row). Returns the largest score and the sum of `exp(score - largest)`.
#[inline(always)]
fn normalise<A: Arithmetic>(row: &mut [f32], seen: Range<usize>) -> (f32, f32) {
    let row = row.as_chunks_mut::<LANES>().0;
    let is_seen = |i: usize, j: usize| ((i * LANES + j) as u32).wrapping_sub(seen.start as u32) < seen.len() as u32;
    let mut top = [f32::NEG_INFINITY; LANES];
    for (i, chunk) in row.iter().enumerate() {
        // A copy, or LLVM takes one lane at a time.
        let mut scores = *chunk;
        for (j, score) in scores.iter_mut().enumerate() {
            *score = if is_seen(i, j) { *score } else { f32::NEG_INFINITY };
        }
        for j in 0..LANES {
            top[j] = larger(top[j], scores[j]);
        }
    }
    let top = max(top);
    let mut total = [0.0; LANES];
    for (i, chunk) in row.iter_mut().enumerate() {
        for j in 0..LANES {
            // Masked afterwards: a score that is not meant for use may be anything.
            let p = exp::<A>(chunk[j] - top);
            chunk[j] = if is_seen(i, j) { p } else { 0.0 };
            total[j] += chunk[j];
        }
    }
    let total = sum(total);
    let scale = 1.0 / total;
    for chunk in row {
        for p in chunk {
            *p *= scale;
        }
    }
    (top, total)
}

kernel! {
    /// Turns the scores of a block into probabilities, 0 where masked; `lse` belongs to the block.
    fn probabilities<A>(block: Block, scores: &mut [f32], lse: &mut [f32]) {
        let (mut tops, mut totals) = ([0.0; QUERIES], [1.0; QUERIES]);
        for r in 0..block.rows {
            let (row, seen, span) = (r * block.shape.padded(), block.seen(r), block.span(r));
            let seen = seen.start - span.start..seen.end - span.start;
            (tops[r], totals[r]) = normalise::<A>(&mut scores[row + span.start..row + span.end], seen);
        }
        for r in 0..QUERIES {
            tops[r] += log::<A>(totals[r]);
        }
        lse[..block.rows].copy_from_slice(&tops[..block.rows]);
    }
}

/// Floats that the probabilities of a head need: keys transposed and the scores of a block.
fn weights_scratch(shape: AttentionShape) -> usize {
    strips_len(shape) + shape.block_rows() * shape.padded()
}

/// Calls `with` for every block of queries of a head with its probabilities, `[rows, padded]`.
fn each_block(
    tiles: &Tiles,
    shape: AttentionShape,
    q: Track<'_>,
    k: Track<'_>,
    lse: &mut [f32],
    mut scratch: &mut [f32],
    mut with: impl FnMut(Block, &[f32]),
) {
    let keys = Strips::new(tiles, shape, k, shape.scale, &mut scratch);
    for block in shape.blocks() {
        block.scores(tiles, q, keys, scratch);
        probabilities(block, scratch, &mut lse[block.first..]);
        with(block, scratch);
    }
}

/// Scratch of [`attention`], in floats.
pub fn attention_scratch(shape: AttentionShape) -> usize {
    scratch_of(shape, packed_len(shape) + weights_scratch(shape))
}

/// Attention for every head. `out`: `[B, T, H*width]`; `lse` (the log-sum-exp of each query's scores,
/// which the backward needs): `[B, H, T]`; `scratch`: [`attention_scratch`].
pub fn attention(
    pool: &Pool,
    shape: AttentionShape,
    inputs: AttentionInputs<'_>,
    out: &mut [f32],
    lse: &mut [f32],
    scratch: &mut [f32],
) {
    if shape.is_empty() {
        return;
    }
    let tiles = Tiles::current();
    let out = Heads::new(out, shape.stride());
    let floats = packed_len(shape) + weights_scratch(shape);
    each_head(pool, shape, (lse, shape.tokens), (scratch, floats), |item, h, lse, mut scratch| {
        let [q, k, v] = inputs.head(shape, item, h);
        // SAFETY: `each_head` visits every head once.
        #[allow(unsafe_code)]
        let mut out = unsafe { out.head(shape, item, h) };
        let values = Packed::new(shape, v, &mut scratch);
        each_block(&tiles, shape, q, k, lse, scratch, |block, weights| block.gather(&tiles, weights, values, &mut out));
    });
}

/// Scratch of [`attention_weights`], in floats.
pub fn attention_weights_scratch(shape: AttentionShape) -> usize {
    scratch_of(shape, shape.tokens + weights_scratch(shape))
}

/// The probabilities themselves, `[B, H, T, T]` (query, key), zero where masked: for pictures.
/// The values of `inputs` are not read; `scratch`: [`attention_weights_scratch`].
pub fn attention_weights(
    pool: &Pool,
    shape: AttentionShape,
    inputs: AttentionInputs<'_>,
    weights: &mut [f32],
    scratch: &mut [f32],
) {
    if shape.is_empty() {
        return;
    }
    let tiles = Tiles::current();
    let tokens = shape.tokens;
    let floats = tokens + weights_scratch(shape);
    each_head(pool, shape, (weights, tokens * tokens), (scratch, floats), |item, h, weights, scratch| {
        weights.fill(0.0);
        let (lse, scratch) = scratch.split_at_mut(tokens);
        let [q, k, _] = inputs.head(shape, item, h);
        each_block(&tiles, shape, q, k, lse, scratch, |block, found| {
            for r in 0..block.rows {
                let seen = block.seen(r);
                let row = &mut weights[(block.first + r) * tokens..][seen.clone()];
                row.copy_from_slice(&found[r * shape.padded()..][seen]);
            }
        });
    });
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::kernels::check::{assert_close, assert_same_at_any_threads, noise, on_every_set, wide};

    pub(in super::super) const fn shape(
        batch: usize,
        tokens: usize,
        heads: usize,
        width: usize,
        window: usize,
    ) -> AttentionShape {
        AttentionShape { batch, tokens, heads, width, window, scale: 0.7 }
    }

    /// Odd shapes; one token; several blocks of queries; windows of one, few and many keys.
    pub(in super::super) const SHAPES: [AttentionShape; 10] = [
        shape(2, 5, 3, 3, 5),
        shape(1, 1, 1, 2, 1),
        shape(1, 14, 2, 4, 1),
        shape(2, 17, 1, 5, 3),
        shape(1, 30, 1, 16, 13),
        shape(1, 26, 2, 17, 100),
        shape(33, 3, 2, 2, 2),
        shape(1, 40, 1, 2, 20),
        shape(1, 101, 1, 3, 101),
        shape(1, 197, 1, 2, 30),
    ];

    /// q, k, v and, for the backward, the gradient of the output.
    pub(in super::super) fn inputs(shape: AttentionShape) -> [Vec<f32>; 4] {
        std::array::from_fn(|i| noise(20 + i as u64, shape.len()).iter().map(|x| 2.0 * x).collect())
    }

    fn separate(shape: AttentionShape, x: &[Vec<f32>]) -> AttentionInputs<'_> {
        AttentionInputs::separate(shape, &x[0], &x[1], &x[2])
    }

    /// The output and the log-sum-exp.
    pub(in super::super) fn run(pool: &Pool, shape: AttentionShape, x: &[Vec<f32>]) -> [Vec<f32>; 2] {
        let (mut out, mut lse) = (vec![f32::NAN; shape.len()], vec![f32::NAN; shape.rows()]);
        let mut scratch = vec![f32::NAN; attention_scratch(shape)];
        attention(pool, shape, separate(shape, x), &mut out, &mut lse, &mut scratch);
        [out, lse]
    }

    fn weights(pool: &Pool, shape: AttentionShape, x: &[Vec<f32>]) -> Vec<f32> {
        let mut weights = vec![f32::NAN; shape.rows() * shape.tokens];
        let mut scratch = vec![f32::NAN; attention_weights_scratch(shape)];
        attention_weights(pool, shape, separate(shape, x), &mut weights, &mut scratch);
        weights
    }

    /// The definition, in f64: output, log-sum-exp, weights.
    pub(in super::super) fn plain(shape: AttentionShape, x: &[Vec<f64>]) -> [Vec<f64>; 3] {
        let AttentionShape { batch, tokens, heads, width, window, scale } = shape;
        let (mut out, mut lse) = (vec![0.0; shape.len()], vec![0.0; shape.rows()]);
        let mut weights = vec![0.0; shape.rows() * tokens];
        for (row, lse) in lse.iter_mut().enumerate() {
            let (b, h, t) = (row / tokens / heads, row / tokens % heads, row % tokens);
            let at = |t: usize| ((b * tokens + t) * heads + h) * width;
            let score = |s: usize| {
                let terms = (0..width).map(|i| x[0][at(t) + i] * x[1][at(s) + i]);
                (f64::from(scale) * terms.sum::<f64>()).exp()
            };
            let seen = (t + 1).saturating_sub(window)..t + 1;
            *lse = seen.clone().map(score).sum::<f64>().ln();
            for s in seen {
                let p = score(s) / lse.exp();
                weights[row * tokens + s] = p;
                (0..width).for_each(|i| out[at(t) + i] += p * x[2][at(s) + i]);
            }
        }
        debug_assert_eq!(weights.len(), batch * heads * tokens * tokens);
        [out, lse, weights]
    }

    #[test]
    fn output_sums_and_weights_agree_with_the_definition() {
        for shape in SHAPES {
            let x = inputs(shape);
            let [out, lse, p] = plain(shape, &x.clone().map(|x| wide(&x)));
            on_every_set(|pool| {
                let got = run(pool, shape, &x);
                assert_close("out", &got[0], &out, 5e-6);
                assert_close("lse", &got[1], &lse, 5e-6);
                let got = weights(pool, shape, &x);
                assert_close("weights", &got, &p, 5e-6);
                assert!(got.iter().zip(&p).all(|(got, p)| *p != 0.0 || *got == 0.0), "a masked weight");
            });
        }
    }

    #[test]
    fn a_window_as_long_as_the_sequence_is_full_attention_bit_for_bit() {
        let full = shape(2, 29, 2, 7, usize::MAX);
        let x = inputs(full);
        on_every_set(|pool| {
            let want = run(pool, full, &x);
            assert!(run(pool, AttentionShape { window: 29, ..full }, &x) == want);
            assert!(run(pool, AttentionShape { window: 28, ..full }, &x) != want);
        });
    }

    #[test]
    fn later_tokens_change_no_bit_whatever_they_hold() {
        for window in [4, 40] {
            let shape = shape(1, 40, 2, 5, window);
            let x = inputs(shape);
            on_every_set(|pool| {
                let [out, lse] = run(pool, shape, &x);
                for cut in [1, 7, 12, 13, 25, 39] {
                    let mut changed = x.clone();
                    let at = cut * shape.stride();
                    changed.iter_mut().for_each(|x| x[at..].fill(f32::NAN));
                    let [new_out, new_lse] = run(pool, shape, &changed);
                    assert_eq!(new_out[..at], out[..at]);
                    assert_eq!(new_lse[..cut], lse[..cut]);
                    assert_eq!(new_lse[40..40 + cut], lse[40..40 + cut]);
                    assert!(new_out[at..].iter().all(|x| x.is_nan()));
                }
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for shape in SHAPES {
            let x = inputs(shape);
            assert_same_at_any_threads(|pool| [&run(pool, shape, &x)[..], &[weights(pool, shape, &x)]].concat());
        }
    }
}
