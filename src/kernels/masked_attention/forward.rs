//! Masked attention forward, and its probabilities.

use super::{Block, MaskedShape, QUERIES, Visibility, blocks, hide, transpose};
use crate::base::threads::Pool;
use crate::kernels::copy::permute;
use crate::kernels::isa::kernel;
use crate::kernels::lanes::{LANES, Track, larger, max, sum};
use crate::kernels::math::{exp, log};
use crate::kernels::split::{items_per_block, split};
use crate::kernels::strided::View;

kernel! {
    /// Turns the scores of a block into probabilities, 0 where hidden; `lse` belongs to the block: the
    /// log-sum-exp of the scores that are seen, 0 where there is none.
    fn probabilities<A>(block: Block<'_>, scores: &mut [f32], lse: &mut [f32]) {
        let (from, to) = block.keys;
        let padded = block.shape.padded();
        for r in 0..block.rows {
            let row = scores[r * padded..][from..to].as_chunks_mut::<LANES>().0;
            let mut top = [f32::NEG_INFINITY; LANES];
            for chunk in row.iter() {
                for j in 0..LANES {
                    top[j] = larger(top[j], chunk[j]);
                }
            }
            let top = max(top);
            // A row that sees nothing: every score is minus infinity and every term 0.
            let top = if top == f32::NEG_INFINITY { 0.0 } else { top };
            let mut total = [0.0; LANES];
            for chunk in row.iter_mut() {
                for j in 0..LANES {
                    chunk[j] = exp::<A>(chunk[j] - top);
                    total[j] += chunk[j];
                }
            }
            let total = sum(total);
            // Written so that NaN stays NaN.
            let scale = if total == 0.0 { 0.0 } else { 1.0 / total };
            lse[r] = if total == 0.0 { 0.0 } else { top + log::<A>(total) };
            for chunk in row {
                for p in chunk {
                    *p *= scale;
                }
            }
        }
    }
}

/// Floats of one block of work: keys transposed, then the scores of a block of queries.
fn block_scratch(shape: MaskedShape) -> (usize, usize) {
    (shape.width * shape.padded(), QUERIES * shape.padded())
}

/// Calls `with` for every block of queries of head `h` of sequence `b` with its probabilities,
/// `[rows, padded]` over the keys of the block. `keys` are transposed and scaled.
fn each_block(
    shape: MaskedShape,
    see: &Visibility<'_>,
    (b, h): (usize, usize),
    q: Track<'_>,
    (keys, scores): (&[f32], &mut [f32]),
    lse: &mut [f32],
    mut with: impl FnMut(Block<'_>, &[f32]),
) {
    for block in blocks(shape, see, b, h) {
        block.products(q, keys, scores);
        hide(block, scores);
        probabilities(block, scores, &mut lse[block.first..]);
        with(block, scores);
    }
}

/// Scratch of [`masked_attention`], in floats.
pub fn masked_attention_scratch(shape: MaskedShape) -> usize {
    let (keys, scores) = block_scratch(shape);
    shape.batch * shape.heads * shape.queries * shape.value_width + shape.work_blocks() * (keys + scores)
}

/// Attention of every head. `q`: `[B, queries, heads*width]`; `k`: `[B, keys, key_heads*width]`; `v`:
/// `[B, keys, key_heads*value_width]`; `out`: `[B, queries, heads*value_width]`; `lse` (the log-sum-exp
/// of each query's scores, which the backward needs): `[B, heads, queries]`; `scratch`:
/// [`masked_attention_scratch`].
#[allow(clippy::too_many_arguments)]
pub fn masked_attention(
    pool: &Pool,
    shape: MaskedShape,
    see: Visibility<'_>,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    out: &mut [f32],
    lse: &mut [f32],
    scratch: &mut [f32],
) {
    let MaskedShape { batch, queries, heads, key_heads, width, value_width, .. } = shape;
    let (per_block, group) = (items_per_block(shape.items()), shape.group());
    let (keys, scores) = block_scratch(shape);
    // Heads lie apart here, so that each is one task's own, and are brought together at the end.
    let (apart, scratch) = scratch.split_at_mut(out.len());
    let head = queries * value_width;
    let outputs =
        [(&mut *apart, per_block * group * head), (lse, per_block * group * queries), (scratch, keys + scores)];
    split(pool, shape.work_blocks(), outputs, |work, [apart, lse, scratch]| {
        let (transposed, scores) = scratch.split_at_mut(keys);
        shape.each_item(work, |item, i| {
            transpose(
                shape.track(k, shape.keys, key_heads, width, item, 0),
                shape.keys,
                shape.scale,
                shape.padded(),
                transposed,
            );
            let v = shape.track(v, shape.keys, key_heads, value_width, item, 0);
            for g in 0..group {
                let at = (item / key_heads, item % key_heads * group + g);
                let q = shape.track(q, queries, heads, width, item, g);
                let apart = &mut apart[(i * group + g) * head..];
                let lse = &mut lse[(i * group + g) * queries..];
                each_block(shape, &see, at, q, (transposed, scores), lse, |block, p| block.gather(p, v, apart));
            }
        });
    });
    permute(pool, View::new(apart, &[batch, heads, queries, value_width]), &[0, 2, 1, 3], out);
}

/// Scratch of [`masked_attention_weights`], in floats.
pub fn masked_attention_weights_scratch(shape: MaskedShape) -> usize {
    let (keys, scores) = block_scratch(shape);
    shape.work_blocks() * (keys + scores + shape.queries)
}

/// The probabilities themselves, `[B, heads, queries, keys]`, zero where hidden. `q`, `k` as in
/// [`masked_attention`]; `scratch`: [`masked_attention_weights_scratch`].
pub fn masked_attention_weights(
    pool: &Pool,
    shape: MaskedShape,
    see: Visibility<'_>,
    q: &[f32],
    k: &[f32],
    weights: &mut [f32],
    scratch: &mut [f32],
) {
    let MaskedShape { queries, heads, key_heads, width, .. } = shape;
    let (per_block, group) = (items_per_block(shape.items()), shape.group());
    let (keys, scores) = block_scratch(shape);
    let head = queries * shape.keys;
    let outputs = [(weights, per_block * group * head), (scratch, keys + scores + queries)];
    split(pool, shape.work_blocks(), outputs, |work, [weights, scratch]| {
        weights.fill(0.0);
        let (lse, scratch) = scratch.split_at_mut(queries);
        let (transposed, scores) = scratch.split_at_mut(keys);
        shape.each_item(work, |item, i| {
            let k = shape.track(k, shape.keys, key_heads, width, item, 0);
            transpose(k, shape.keys, shape.scale, shape.padded(), transposed);
            for g in 0..group {
                let at = (item / key_heads, item % key_heads * group + g);
                let q = shape.track(q, queries, heads, width, item, g);
                let weights = &mut weights[(i * group + g) * head..];
                each_block(shape, &see, at, q, (transposed, scores), lse, |block, p| {
                    let (from, to) = block.real_keys();
                    for r in 0..block.rows {
                        let row = &mut weights[(block.first + r) * shape.keys..][from..to];
                        row.copy_from_slice(&p[r * shape.padded()..][from..to]);
                    }
                });
            }
        });
    });
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::kernels::check::{assert_close, assert_same_at_any_threads, noise, on_every_set, wide};

    /// batch, queries, keys, heads, key_heads, width, value_width.
    const fn shape(x: [usize; 7]) -> MaskedShape {
        let [batch, queries, keys, heads, key_heads, width, value_width] = x;
        MaskedShape { batch, queries, keys, heads, key_heads, width, value_width, scale: 0.7 }
    }

    /// Odd shapes: one of everything, groups, other widths of values, several blocks, many items.
    pub(in super::super) const SHAPES: [MaskedShape; 7] = [
        shape([1, 1, 1, 1, 1, 1, 1]),
        shape([2, 5, 7, 3, 3, 3, 3]),
        shape([2, 14, 19, 4, 2, 5, 3]),
        shape([1, 30, 40, 2, 1, 16, 17]),
        shape([3, 1, 33, 6, 2, 4, 4]),
        shape([1, 26, 3, 1, 1, 2, 9]),
        shape([11, 3, 4, 4, 4, 2, 2]),
    ];

    /// How a mask or bias may lie.
    #[derive(Clone, Copy, PartialEq, Debug)]
    pub(in super::super) enum Lay {
        None,
        /// One for all sequences (and heads), a row a query.
        Shared,
        /// A row of keys a sequence.
        Keys,
        Full,
    }

    pub(in super::super) const LAYS: [(Lay, Lay); 5] = [
        (Lay::None, Lay::None),
        (Lay::Shared, Lay::Full),
        (Lay::Keys, Lay::None),
        (Lay::Full, Lay::Shared),
        (Lay::Full, Lay::Full),
    ];

    /// q, k, v, d_out, mask, bias. The last query of the first sequence (all of its queries, where they
    /// share a row of keys) sees nothing.
    pub(in super::super) fn inputs(shape: MaskedShape, lay: (Lay, Lay)) -> [Vec<f32>; 6] {
        let MaskedShape { batch, queries, keys, heads, key_heads, width, value_width, .. } = shape;
        let twice = |seed, len| -> Vec<f32> { noise(seed, len).iter().map(|x| 2.0 * x).collect() };
        let mask_len = [0, queries * keys, batch * keys, batch * queries * keys][lay.0 as usize];
        let mut mask: Vec<f32> = noise(9, mask_len).iter().map(|&x| if x > -0.2 { 1.0 } else { 0.0 }).collect();
        // A mask of one row alone would leave nothing to compare.
        if mask.len() > keys {
            let blind = if lay.0 == Lay::Keys { 0 } else { (queries - 1) * keys };
            mask[blind..blind + keys].fill(0.0);
        }
        let bias_len = [0, heads * queries * keys, 0, batch * heads * queries * keys][lay.1 as usize];
        [
            twice(20, batch * queries * heads * width),
            twice(21, batch * keys * key_heads * width),
            twice(22, batch * keys * key_heads * value_width),
            twice(23, batch * queries * heads * value_width),
            mask,
            noise(24, bias_len),
        ]
    }

    pub(in super::super) fn visibility(
        shape: MaskedShape,
        (mask, bias): (Lay, Lay),
        x: &[Vec<f32>; 6],
    ) -> Visibility<'_> {
        let MaskedShape { queries, keys, heads, .. } = shape;
        let head = queries * keys;
        Visibility {
            mask: (mask != Lay::None).then_some(&x[4][..]),
            mask_strides: [[0, 0], [0, keys], [keys, 0], [head, keys]][mask as usize],
            bias: (bias != Lay::None).then_some(&x[5][..]),
            bias_strides: [[0; 3], [0, head, keys], [0; 3], [heads * head, head, keys]][bias as usize],
        }
    }

    /// The definition, in f64: output and weights. `x`: q, k, v; bias `[B, H, Q, K]` or empty.
    pub(in super::super) fn plain(shape: MaskedShape, see: &Visibility<'_>, x: &[Vec<f64>]) -> [Vec<f64>; 2] {
        let MaskedShape { batch, queries, keys, heads, key_heads, width, value_width, scale } = shape;
        let mut out = vec![0.0; batch * queries * heads * value_width];
        let mut weights = vec![0.0; batch * heads * queries * keys];
        for row in 0..batch * heads * queries {
            let (b, h, i) = (row / queries / heads, row / queries % heads, row % queries);
            let shared = h / (heads / key_heads);
            let sees = |j: usize| {
                see.mask.is_none_or(|mask| mask[b * see.mask_strides[0] + i * see.mask_strides[1] + j] > 0.0)
            };
            let score = |j: usize| -> f64 {
                let q = &x[0][((b * queries + i) * heads + h) * width..][..width];
                let k = &x[1][((b * keys + j) * key_heads + shared) * width..][..width];
                let bias = match x.get(3) {
                    Some(bias) if !bias.is_empty() => {
                        bias[b * see.bias_strides[0] + h * see.bias_strides[1] + i * see.bias_strides[2] + j]
                    }
                    _ => 0.0,
                };
                (f64::from(scale) * q.iter().zip(k).map(|(q, k)| q * k).sum::<f64>() + bias).exp()
            };
            let total: f64 = (0..keys).filter(|j| sees(*j)).map(score).sum();
            for j in (0..keys).filter(|j| sees(*j)) {
                let p = score(j) / total;
                weights[row * keys + j] = p;
                let v = &x[2][((b * keys + j) * key_heads + shared) * value_width..][..value_width];
                let out = &mut out[((b * queries + i) * heads + h) * value_width..][..value_width];
                out.iter_mut().zip(v).for_each(|(out, v)| *out += p * v);
            }
        }
        [out, weights]
    }

    /// The output, the log-sum-exp and the weights.
    pub(in super::super) fn run(pool: &Pool, shape: MaskedShape, see: Visibility<'_>, x: &[Vec<f32>]) -> [Vec<f32>; 3] {
        let rows = shape.batch * shape.heads * shape.queries;
        let (mut out, mut lse) = (vec![f32::NAN; rows * shape.value_width], vec![f32::NAN; rows]);
        let mut scratch = vec![f32::NAN; masked_attention_scratch(shape)];
        masked_attention(pool, shape, see, &x[0], &x[1], &x[2], &mut out, &mut lse, &mut scratch);
        let mut weights = vec![f32::NAN; rows * shape.keys];
        let mut scratch = vec![f32::NAN; masked_attention_weights_scratch(shape)];
        masked_attention_weights(pool, shape, see, &x[0], &x[1], &mut weights, &mut scratch);
        [out, lse, weights]
    }

    #[test]
    fn every_shape_mask_and_bias_agrees_with_the_definition() {
        for (shape, lay) in SHAPES.into_iter().flat_map(|shape| LAYS.map(|lay| (shape, lay))) {
            let x = inputs(shape, lay);
            let see = visibility(shape, lay, &x);
            let [out, weights] = plain(shape, &see, &[wide(&x[0]), wide(&x[1]), wide(&x[2]), wide(&x[5])]);
            on_every_set(|pool| {
                let [got, _, got_weights] = run(pool, shape, see, &x);
                assert_close("out", &got, &out, 5e-5);
                assert_close("weights", &got_weights, &weights, 2e-5);
            });
        }
    }

    #[test]
    fn a_hidden_key_touches_no_bit() {
        let (shape, lay) = (SHAPES[3], (Lay::Shared, Lay::Full));
        let mut x = inputs(shape, lay);
        // Keys 3 and 38 are hidden from everyone.
        for i in 0..shape.queries {
            (x[4][i * shape.keys + 3], x[4][i * shape.keys + 38]) = (0.0, 0.0);
        }
        let mut other = x.clone();
        for j in [3, 38] {
            other[1][j * 16..(j + 1) * 16].fill(50.0);
            other[2][j * 17..(j + 1) * 17].fill(-70.0);
        }
        on_every_set(|pool| {
            let want = run(pool, shape, visibility(shape, lay, &x), &x);
            assert!(want == run(pool, shape, visibility(shape, lay, &other), &other));
        });
    }

    #[test]
    fn a_query_that_sees_nothing_reads_zeros() {
        let (shape, lay) = (SHAPES[2], (Lay::Full, Lay::None));
        let x = inputs(shape, lay);
        let [out, lse, _] = run(&Pool::serial(), shape, visibility(shape, lay, &x), &x);
        let stride = shape.heads * shape.value_width;
        let blind = (shape.queries - 1) * stride;
        assert!(out[blind..blind + stride].iter().all(|&x| x == 0.0) && lse.iter().all(|x| x.is_finite()));
        assert!(out[blind - stride..blind].iter().any(|&x| x != 0.0));
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for (shape, lay) in SHAPES[1..].iter().flat_map(|shape| LAYS.map(|lay| (*shape, lay))) {
            let x = inputs(shape, lay);
            assert_same_at_any_threads(|pool| run(pool, shape, visibility(shape, lay, &x), &x).to_vec());
        }
    }
}
