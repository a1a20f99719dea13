//! Causal, windowed multi-head attention: `o_t = sum_s softmax_s(scale q_t . k_s) v_s` over the
//! keys `max(0, t - w + 1) ..= t` (Vaswani et al. 2017; window of Beltagy et al. 2020).
//!
//! A head is a unit of work. What its products read again and again is packed next to each other
//! ([`pack`]); queries go in blocks of [`QUERIES`] against the keys that they see, by register tiles
//! whose rows and columns beyond the mask are left out ([`product`]). Inside a tile a masked weight
//! is 0, which changes no sum as long as the other factor is finite; where it is not, exact loops
//! take over, so a masked key touches nothing whatever it holds.

mod backward;
mod forward;
mod operands;
mod pack;
mod product;

use std::ops::Range;

pub use backward::{AttentionSaved, attention_backward, attention_backward_scratch};
pub use forward::{attention, attention_scratch, attention_weights, attention_weights_scratch};
pub use operands::{AttentionGradients, AttentionInputs};

use super::lanes::{LANES, Track};
use super::split::{blocks_of, items_per_block, split};
use super::tile::TALLEST;
use crate::base::threads::Pool;

/// Queries of a block: whole tiles of every instruction set.
const QUERIES: usize = 96;

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
        self.batch * self.tokens * self.stride()
    }

    /// Whether there is nothing to compute.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers in the log-sum-exp: `[B, H, T]`.
    pub const fn rows(&self) -> usize {
        self.batch * self.heads * self.tokens
    }

    /// Pairs of a query and a key that it sees, over all heads: `[0, T)` unless a window cuts it.
    pub fn pairs(&self) -> usize {
        let window = self.window.clamp(1, self.tokens.max(1));
        let first = window.min(self.tokens) * (window.min(self.tokens) + 1) / 2;
        self.batch * self.heads * (first + self.tokens.saturating_sub(window) * window)
    }

    /// From one token of the output to the next.
    const fn stride(&self) -> usize {
        self.heads * self.width
    }

    /// Tokens, rounded up to whole lanes.
    const fn padded(&self) -> usize {
        self.tokens.next_multiple_of(LANES)
    }

    /// Queries of the largest block.
    fn block_rows(&self) -> usize {
        QUERIES.min(self.tokens)
    }

    /// The first key that query `t` sees.
    fn first_key(&self, t: usize) -> usize {
        if self.window >= self.tokens { 0 } else { (t + 1).saturating_sub(self.window.max(1)) }
    }

    /// One more than the last query that sees key `s`.
    fn last_query(&self, s: usize) -> usize {
        s.saturating_add(self.window.max(1)).min(self.tokens)
    }

    /// Head `h` of sequence `item`, from one token of `x` to the next of which are `stride` numbers.
    fn track<'a>(&self, x: &'a [f32], stride: usize, item: usize, h: usize) -> Track<'a> {
        Track { data: &x[item * self.tokens * stride + h * self.width..], stride, width: self.width }
    }

    /// The blocks of queries of one head.
    fn blocks(self) -> impl Iterator<Item = Block> {
        let block = move |first| Block { shape: self, first, rows: QUERIES.min(self.tokens - first) };
        (0..self.tokens).step_by(QUERIES).map(block)
    }
}

/// A block of queries.
#[derive(Clone, Copy)]
struct Block {
    shape: AttentionShape,
    /// The first query.
    first: usize,
    /// How many queries.
    rows: usize,
}

impl Block {
    /// The keys that row `r` sees.
    #[inline(always)]
    fn seen(&self, r: usize) -> Range<usize> {
        let t = self.first + r;
        self.shape.first_key(t)..t + 1
    }

    /// The keys, in whole lanes, for which row `r` needs a weight: those of the tiles that it is in.
    #[inline(always)]
    fn span(&self, r: usize) -> Range<usize> {
        let seen = self.seen(r);
        let from = seen.start.saturating_sub(TALLEST - 1) / LANES * LANES;
        from..(seen.end + TALLEST - 1).next_multiple_of(LANES).min(self.shape.padded())
    }
}

/// Calls `body(item, head, part, scratch)` for every head of every sequence, on all threads.
/// `parts` holds `part` numbers for every head, `scratch` as many as [`scratch_of`] says.
fn each_head(
    pool: &Pool,
    shape: AttentionShape,
    (parts, part): (&mut [f32], usize),
    (scratch, floats): (&mut [f32], usize),
    body: impl Fn(usize, usize, &mut [f32], &mut [f32]) + Sync,
) {
    let pairs = shape.batch * shape.heads;
    let items = items_per_block(pairs);
    let block = |block: usize, parts: &mut [f32], scratch: &mut [f32]| {
        for i in 0..items.min(pairs - block * items) {
            let pair = block * items + i;
            body(pair / shape.heads, pair % shape.heads, &mut parts[i * part..(i + 1) * part], scratch);
        }
    };
    if pool.threads() == 1 {
        // One scratch for all, which then stays in the caches.
        for (i, first) in (0..pairs).step_by(items).enumerate() {
            block(i, &mut parts[first * part..], &mut scratch[..floats]);
        }
    } else {
        let outputs = [(parts, items * part), (scratch, floats)];
        split(pool, blocks_of(pairs), outputs, |i, [parts, scratch]| block(i, parts, scratch));
    }
}

/// Scratch of [`each_head`] for `floats` numbers a head.
fn scratch_of(shape: AttentionShape, floats: usize) -> usize {
    blocks_of(shape.batch * shape.heads) * floats
}

#[cfg(test)]
mod tests {
    use super::forward::tests::SHAPES;

    #[test]
    fn pairs_are_those_that_the_mask_lets_through() {
        for shape in SHAPES {
            let seen: usize = (0..shape.tokens).map(|t| t + 1 - shape.first_key(t)).sum();
            assert_eq!(shape.pairs(), shape.batch * shape.heads * seen, "{shape:?}");
        }
    }
}
