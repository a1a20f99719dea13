//! Multi-head attention of any queries over any keys: `o_i = sum_j softmax_j(scale q_i . k_j + bias_ij)
//! v_j` over the keys `j` that the mask lets query `i` see (Vaswani et al. 2017), with several query
//! heads to a head of keys (Ainslie et al. 2023). A query that sees nothing reads zeros.
//!
//! Queries go in blocks of [`QUERIES`] against the range of keys that any of them sees: what a mask
//! hides behind that range costs nothing. A hidden key within it has a probability of exactly 0. The
//! causal kernel beside this one knows its mask beforehand and is the faster for it.

mod backward;
mod forward;

pub use backward::{MaskedGradients, MaskedSaved, masked_attention_backward, masked_attention_backward_scratch};
pub use forward::{
    masked_attention, masked_attention_scratch, masked_attention_weights, masked_attention_weights_scratch,
};

use super::gemm::{Batch, Gemm, gemm};
use super::isa::kernel;
use super::lanes::{LANES, Track};
use super::split::{blocks_of, items_per_block};
use crate::base::threads::Pool;

/// Queries of a block.
const QUERIES: usize = 12;

/// The shape of an attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskedShape {
    /// Sequences.
    pub batch: usize,
    /// Queries of a sequence.
    pub queries: usize,
    /// Keys of a sequence.
    pub keys: usize,
    /// Heads of queries, side by side in the last axis.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`. Query head `h` reads `h / (heads / key_heads)`.
    pub key_heads: usize,
    /// Width of a head of queries and keys.
    pub width: usize,
    /// Width of a head of values.
    pub value_width: usize,
    /// What products of queries and keys are multiplied by: `1 / sqrt(width)` as a rule.
    pub scale: f32,
}

/// What is added to scores and what hides them. Strides count elements from one sequence, head or
/// query to the next and are 0 where all share the same; keys are contiguous.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visibility<'a> {
    /// Above 0 where a query sees a key; none: all see all.
    pub mask: Option<&'a [f32]>,
    /// Strides of the mask: sequence, query.
    pub mask_strides: [usize; 2],
    /// What is added to the scores.
    pub bias: Option<&'a [f32]>,
    /// Strides of the bias: sequence, head, query.
    pub bias_strides: [usize; 3],
}

impl MaskedShape {
    /// Query heads that share a head of keys.
    const fn group(&self) -> usize {
        self.heads / self.key_heads
    }

    /// Keys, rounded up to whole lanes.
    const fn padded(&self) -> usize {
        self.keys.next_multiple_of(LANES)
    }

    /// Pairs of sequence and head of keys: the items of work.
    const fn items(&self) -> usize {
        self.batch * self.key_heads
    }

    /// The part of item `item` in `x` `[B, rows, heads, width]` with `heads` a multiple of the heads
    /// of keys, beginning at its `g`-th head.
    fn track<'a>(&self, x: &'a [f32], rows: usize, heads: usize, width: usize, item: usize, g: usize) -> Track<'a> {
        let (b, h) = (item / self.key_heads, item % self.key_heads * (heads / self.key_heads) + g);
        let stride = heads * width;
        Track { data: x.get(b * rows * stride + h * width..).unwrap_or_default(), stride, width }
    }

    /// Calls `body(item, its place in the block)` for the items of a block of work.
    fn each_item(&self, block: usize, mut body: impl FnMut(usize, usize)) {
        let per_block = items_per_block(self.items());
        for i in 0..per_block.min(self.items() - block * per_block) {
            body(block * per_block + i, i);
        }
    }

    /// Blocks of work.
    fn work_blocks(&self) -> usize {
        blocks_of(self.items())
    }
}

/// A block of queries of one head and the keys that they see.
#[derive(Clone, Copy)]
struct Block<'a> {
    shape: MaskedShape,
    /// The first query.
    first: usize,
    /// How many queries.
    rows: usize,
    /// The keys that any of its queries sees, in whole lanes: first and last + 1 (perhaps behind the
    /// last key).
    keys: (usize, usize),
    /// Mask and its rows of this sequence.
    mask: Option<&'a [f32]>,
    mask_row: usize,
    /// Bias and its rows of this head.
    bias: Option<&'a [f32]>,
    bias_row: usize,
}

/// The blocks of queries of query head `h` of sequence `b`.
fn blocks<'a>(shape: MaskedShape, see: &Visibility<'a>, b: usize, h: usize) -> impl Iterator<Item = Block<'a>> {
    let [mask_sequence, mask_row] = see.mask_strides;
    let [bias_sequence, bias_head, bias_row] = see.bias_strides;
    let mask = see.mask.map(|mask| &mask[b * mask_sequence..]);
    let bias = see.bias.map(|bias| &bias[b * bias_sequence + h * bias_head..]);
    (0..shape.queries).step_by(QUERIES).map(move |first| {
        let rows = QUERIES.min(shape.queries - first);
        let block = Block { shape, first, rows, keys: (0, shape.padded()), mask, mask_row, bias, bias_row };
        Block { keys: block.visible(), ..block }
    })
}

impl<'a> Block<'a> {
    /// The keys of its mask's row `r`.
    #[inline(always)]
    fn mask_of(&self, r: usize) -> Option<&'a [f32]> {
        self.mask.map(|mask| &mask[(self.first + r) * self.mask_row..][..self.shape.keys])
    }

    /// The range of keys that any row sees, in whole lanes.
    fn visible(&self) -> (usize, usize) {
        let (mut from, mut to) = (self.shape.keys, 0);
        let distinct = if self.mask_row == 0 { 1 } else { self.rows };
        for r in 0..distinct {
            let Some(mask) = self.mask_of(r) else { return (0, self.shape.padded()) };
            // Only the parts outside what is known already are looked at.
            from = mask[..from].iter().position(|&m| m > 0.0).unwrap_or(from);
            to = mask[to..].iter().rposition(|&m| m > 0.0).map_or(to, |last| to + last + 1);
        }
        if to <= from { (0, 0) } else { (from / LANES * LANES, to.next_multiple_of(LANES)) }
    }

    /// The keys of the range that exist: first and last + 1.
    fn real_keys(&self) -> (usize, usize) {
        (self.keys.0, self.keys.1.min(self.shape.keys))
    }

    /// The products `rows of a . columns of b` over the keys of the block, into `[rows, padded]`; `b`
    /// is transposed: `[width, padded]`.
    fn products(&self, a: Track<'_>, b: &[f32], into: &mut [f32]) {
        let (from, to) = self.keys;
        let padded = self.shape.padded();
        let product =
            Gemm { a_row: a.stride, b_row: padded, c_row: padded, ..Gemm::dense(self.rows, to - from, a.width) };
        gemm(&Pool::serial(), &product, &Batch::ONE, &a.data[self.first * a.stride..], &b[from..], &mut into[from..]);
    }

    /// `out_i = sum_j weights[i, j] x_j` for its queries; `out` `[queries, width]` is dense.
    fn gather(&self, weights: &[f32], x: Track<'_>, out: &mut [f32]) {
        let (from, to) = self.real_keys();
        let product = Gemm {
            a_row: self.shape.padded(),
            b_row: x.stride,
            c_row: x.width,
            ..Gemm::dense(self.rows, x.width, to - from)
        };
        let out = &mut out[self.first * x.width..];
        gemm(&Pool::serial(), &product, &Batch::ONE, &weights[from..], &x.data[from * x.stride..], out);
    }

    /// `out_j += sum_i weights[i, j] x_i` over its queries; `out` `[keys, width]` is dense.
    fn scatter(&self, weights: &[f32], x: Track<'_>, out: &mut [f32]) {
        let (from, to) = self.real_keys();
        let product = Gemm {
            a_row: 1,
            a_column: self.shape.padded(),
            b_row: x.stride,
            c_row: x.width,
            accumulate: true,
            ..Gemm::dense(to - from, x.width, self.rows)
        };
        let queries = &x.data[self.first * x.stride..];
        gemm(&Pool::serial(), &product, &Batch::ONE, &weights[from..], queries, &mut out[from * x.width..]);
    }
}

kernel! {
    /// Adds the bias to a block of scores and puts minus infinity where a query does not see a key.
    fn hide<A>(block: Block<'_>, scores: &mut [f32]) {
        let (from, to) = block.real_keys();
        let padded = block.shape.padded();
        for r in 0..block.rows {
            let row = &mut scores[r * padded..][..padded];
            row[to..block.keys.1].fill(f32::NEG_INFINITY);
            let row = &mut row[from..to];
            if let Some(bias) = block.bias {
                let bias = &bias[(block.first + r) * block.bias_row..][from..to];
                row.iter_mut().zip(bias).for_each(|(score, bias)| *score += bias);
            }
            if let Some(mask) = block.mask_of(r) {
                for (score, &mask) in row.iter_mut().zip(&mask[from..to]) {
                    *score = if mask > 0.0 { *score } else { f32::NEG_INFINITY };
                }
            }
        }
    }
}

/// `into[d, j] = scale x[j, d]` with rows `padded` long, zero behind the keys.
fn transpose(x: Track<'_>, keys: usize, scale: f32, padded: usize, into: &mut [f32]) {
    for j in 0..keys {
        for (y, x) in into[j..].iter_mut().step_by(padded).zip(x.at(j)) {
            *y = scale * x;
        }
    }
    for row in into.chunks_mut(padded.max(1)) {
        row[keys..].fill(0.0);
    }
}
