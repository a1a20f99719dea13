//! Causal, windowed multi-head attention: `o_t = sum_s softmax_s(scale q_t . k_s) v_s` over the
//! keys `max(0, t - w + 1) ..= t` (Vaswani et al. 2017; window of Beltagy et al. 2020).
//!
//! Queries go in blocks of [`QUERIES`] against all their keys, so one head stays in the inner
//! caches and the masked half is never visited. The keys that all queries of a block see are
//! matrix products; the rest, the edges of the mask, are taken one query at a time, so a masked
//! key touches nothing, not even by a product with zero.

mod backward;
mod forward;

use std::ops::Range;

pub use backward::{AttentionSaved, attention_backward, attention_backward_scratch};
pub use forward::{attention, attention_scratch, attention_weights, attention_weights_scratch};

use super::gemm::{Batch, Gemm, gemm};
use super::isa::{Arithmetic, kernel};
use super::lanes::{LANES, Track};
use crate::base::threads::Pool;

/// Queries of a block.
const QUERIES: usize = 12;

/// The shape of an attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionShape {
    /// Sequences.
    pub batch: usize,
    /// Tokens of a sequence.
    pub tokens: usize,
    /// Heads, side by side in the last axis.
    pub heads: usize,
    /// Width of a head.
    pub width: usize,
    /// How many keys a query sees, its own included (0 counts as 1); from `tokens` on, all before.
    pub window: usize,
    /// What scores are multiplied by: `1 / sqrt(width)` as a rule.
    pub scale: f32,
}

impl AttentionShape {
    /// Numbers in q, and in k, v and the output: `[B, T, H*width]`.
    pub const fn len(&self) -> usize {
        self.batch * self.item()
    }

    /// Whether there is nothing to compute.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers in the log-sum-exp: `[B, H, T]`.
    pub const fn rows(&self) -> usize {
        self.batch * self.heads * self.tokens
    }

    /// Numbers of one sequence.
    const fn item(&self) -> usize {
        self.tokens * self.stride()
    }

    /// From one token to the next.
    const fn stride(&self) -> usize {
        self.heads * self.width
    }

    /// Tokens, rounded up to whole lanes.
    const fn padded(&self) -> usize {
        self.tokens.next_multiple_of(LANES)
    }

    /// The first key that query `t` sees. A block may ask for queries beyond the last: a window
    /// that reaches everything must do so for them too.
    fn first_key(&self, t: usize) -> usize {
        if self.window >= self.tokens { 0 } else { (t + 1).saturating_sub(self.window.max(1)) }
    }

    /// Head `h` of sequence `item`.
    fn track<'a>(&self, x: &'a [f32], item: usize, h: usize) -> Track<'a> {
        Track { data: &x[item * self.item() + h * self.width..], stride: self.stride(), width: self.width }
    }

    /// The blocks of queries of one head.
    fn blocks(self) -> impl Iterator<Item = Block> {
        (0..self.tokens).step_by(QUERIES).map(move |first| Block::new(self, first))
    }
}

/// A block of queries and the keys that they see.
#[derive(Clone, Copy)]
struct Block {
    shape: AttentionShape,
    /// The first query.
    first: usize,
    /// How many queries.
    rows: usize,
    /// The keys of all its queries, in whole lanes: first and last + 1.
    keys: (usize, usize),
    /// The keys that each of its queries sees: first and last + 1.
    common: (usize, usize),
}

impl Block {
    fn new(shape: AttentionShape, first: usize) -> Block {
        let rows = QUERIES.min(shape.tokens - first);
        let from = shape.first_key(first) / LANES * LANES;
        let keys = (from, (first + rows).next_multiple_of(LANES));
        let common = (shape.first_key(first + QUERIES - 1).min(first + 1), first + 1);
        Block { shape, first, rows, keys, common }
    }

    /// The keys that row `r` sees.
    fn seen(&self, r: usize) -> Range<usize> {
        let t = self.first + r;
        self.shape.first_key(t)..t + 1
    }

    /// The keys that row `r` sees and not every row of the block does.
    #[inline(always)]
    fn edges(&self, r: usize) -> impl Iterator<Item = usize> {
        let seen = self.seen(r);
        (seen.start..self.common.0).chain(seen.start.max(self.common.1)..seen.end)
    }

    /// The scores `rows of a . columns of b` against all keys of the block, into `[rows, padded]`;
    /// `b` is transposed: `[width, padded]`.
    fn scores(&self, a: Track<'_>, b: &[f32], scores: &mut [f32]) {
        let (from, to) = self.keys;
        let padded = self.shape.padded();
        let product = Gemm {
            a_row: a.stride,
            b_row: padded,
            c_row: padded,
            ..Gemm::dense(self.rows, to - from, self.shape.width)
        };
        gemm(&Pool::serial(), &product, &Batch::ONE, &a.data[self.first * a.stride..], &b[from..], &mut scores[from..]);
    }

    /// `out_t = sum_s weights[t, s] x_s` over the keys that each query sees.
    fn gather(&self, weights: &[f32], x: Track<'_>, out: &mut [f32]) {
        let (from, to) = self.common;
        let product = Gemm {
            a_row: self.shape.padded(),
            b_row: x.stride,
            c_row: x.stride,
            ..Gemm::dense(self.rows, x.width, to - from)
        };
        let out = &mut out[self.first * x.stride..];
        gemm(&Pool::serial(), &product, &Batch::ONE, &weights[from..], &x.data[from * x.stride..], out);
        gather_edges(*self, weights, x, out);
    }

    /// `out_s += sum_t weights[t, s] x_t` over the queries `t` that see each key.
    fn scatter(&self, weights: &[f32], x: Track<'_>, out: &mut [f32]) {
        let (from, to) = self.common;
        let product = Gemm {
            a_row: 1,
            a_column: self.shape.padded(),
            b_row: x.stride,
            c_row: x.stride,
            accumulate: true,
            ..Gemm::dense(to - from, x.width, self.rows)
        };
        let queries = &x.data[self.first * x.stride..];
        gemm(&Pool::serial(), &product, &Batch::ONE, &weights[from..], queries, &mut out[from * x.stride..]);
        scatter_edges(*self, weights, x, out);
    }
}

/// `y += a x`.
#[inline(always)]
fn add_scaled<A: Arithmetic>(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = A::mul_add(a, *x, *y);
    }
}

kernel! {
    fn gather_edges<A>(block: Block, weights: &[f32], x: Track<'_>, out: &mut [f32]) {
        let padded = block.shape.padded();
        for r in 0..block.rows {
            let out = &mut out[r * x.stride..][..x.width];
            for s in block.edges(r) {
                add_scaled::<A>(weights[r * padded + s], x.at(s), out);
            }
        }
    }
}

kernel! {
    fn scatter_edges<A>(block: Block, weights: &[f32], x: Track<'_>, out: &mut [f32]) {
        let padded = block.shape.padded();
        for r in 0..block.rows {
            for s in block.edges(r) {
                add_scaled::<A>(weights[r * padded + s], x.at(block.first + r), &mut out[s * x.stride..][..x.width]);
            }
        }
    }
}

/// `into[d, t] = scale x[t, d]` with rows `padded` long, zero beyond the tokens.
fn transpose(x: Track<'_>, tokens: usize, scale: f32, padded: usize, into: &mut [f32]) {
    for t in 0..tokens {
        for (y, x) in into[t..].iter_mut().step_by(padded).zip(x.at(t)) {
            *y = scale * x;
        }
    }
    for row in into.chunks_mut(padded) {
        row[tokens..].fill(0.0);
    }
}
