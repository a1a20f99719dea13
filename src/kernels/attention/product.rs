//! The products of attention: register tiles over what the mask leaves.
#![allow(unsafe_code)]

use super::operands::Columns;
use super::pack::{Packed, Strips};
use super::{Block, Track};
use crate::kernels::isa::{Arithmetic, kernel};
use crate::kernels::tile::{Strip, Tiles};

/// `C (+)= A B` for all columns of C.
struct Product<'a> {
    rows: usize,
    /// Length of the sums.
    depth: usize,
    a: &'a [f32],
    a_row: usize,
    a_column: usize,
    /// As many columns as whole strips need.
    b: &'a [f32],
    b_row: usize,
    add: bool,
}

impl Product<'_> {
    /// Writes rows of `c` from `first` on.
    #[inline(always)]
    fn run(&self, tiles: &Tiles, c: &mut Columns<'_>, first: usize) {
        let to = c.rows(first, self.rows);
        let last = (self.rows - 1) * self.a_row + (self.depth - 1) * self.a_column;
        assert!(self.depth > 0 && last < self.a.len(), "attention: A is too short");
        let mut j = 0;
        while j < c.width() {
            let columns = tiles.strip_width(c.width() - j);
            assert!((self.depth - 1) * self.b_row + j + columns <= self.b.len(), "attention: B is too short");
            let strip = Strip {
                rows: self.rows,
                width: columns.min(c.width() - j),
                depth: self.depth,
                a: self.a.as_ptr(),
                a_row: self.a_row,
                a_column: self.a_column,
                a_tile: tiles.rows * self.a_row,
                b: self.b[j..].as_ptr(),
                b_row: self.b_row,
                c: to.wrapping_add(j),
                c_row: c.stride(),
                add: self.add,
            };
            // SAFETY: the bounds of A and B are checked above, those of C by `rows`, and C is
            // exclusively ours; `width <= columns`.
            unsafe { tiles.run(columns, &strip) };
            j += columns;
        }
    }
}

impl Block {
    /// The scores `rows of a . columns of b`, into `[rows, padded]`, wherever a query sees a key; what
    /// else of the matrix is written is undefined.
    pub(super) fn scores(&self, tiles: &Tiles, a: Track<'_>, b: Strips<'_>, scores: &mut [f32]) {
        let padded = self.shape.padded();
        let mut s = self.shape.first_key(self.first) / tiles.wide * tiles.wide;
        while s < self.first + self.rows {
            let columns = tiles.strip_width(padded - s);
            let from = s.max(self.first);
            let to = self.shape.last_query(s + columns - 1).min(self.first + self.rows);
            let product = Product {
                rows: to - from,
                depth: a.width,
                a: &a.data[from * a.stride..],
                a_row: a.stride,
                a_column: 1,
                b: b.at(s),
                b_row: columns,
                add: false,
            };
            product.run(tiles, &mut Columns::of(&mut scores[s..], padded, columns), from - self.first);
            s += columns;
        }
    }

    /// `out_t = sum_s weights[t, s] x_s` over the keys that each query sees. Masked weights are 0.
    pub(super) fn gather(&self, tiles: &Tiles, weights: &[f32], x: Packed<'_>, out: &mut Columns<'_>) {
        if !x.finite {
            return gather_exactly(*self, weights, x, out);
        }
        let padded = self.shape.padded();
        for r in (0..self.rows).step_by(tiles.rows) {
            let rows = tiles.rows.min(self.rows - r);
            let from = self.seen(r).start;
            let product = Product {
                rows,
                depth: self.first + r + rows - from,
                a: &weights[r * padded + from..],
                a_row: padded,
                a_column: 1,
                b: &x.data[from * x.row..],
                b_row: x.row,
                add: false,
            };
            product.run(tiles, out, self.first + r);
        }
    }

    /// `out_s = sum_t weights[t, s] x_t` over the queries `t` of this block that see each key, added to
    /// the sums of the blocks before where there are any. Masked weights are 0.
    pub(super) fn scatter(&self, tiles: &Tiles, weights: &[f32], x: Packed<'_>, out: &mut Columns<'_>) {
        if !x.finite {
            return scatter_exactly(*self, weights, x, out);
        }
        let padded = self.shape.padded();
        let first_key = self.shape.first_key(self.first) / tiles.rows * tiles.rows;
        let end = self.first + self.rows;
        for s in (first_key..end).step_by(tiles.rows) {
            let rows = tiles.rows.min(end - s);
            let (from, to) = (s.max(self.first), self.shape.last_query(s + rows - 1).min(end));
            let product = Product {
                rows,
                depth: to - from,
                a: &weights[(from - self.first) * padded + s..],
                a_row: 1,
                a_column: padded,
                b: &x.data[from * x.row..],
                b_row: x.row,
                // A block is the first to reach its own keys.
                add: s < self.first,
            };
            product.run(tiles, out, s);
        }
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
    /// As `gather`, over seen keys alone and in the same order.
    fn gather_exactly<A>(block: Block, weights: &[f32], x: Packed<'_>, out: &mut Columns<'_>) {
        let padded = block.shape.padded();
        for r in 0..block.rows {
            let out = out.row(block.first + r);
            out.fill(0.0);
            for s in block.seen(r) {
                add_scaled::<A>(weights[r * padded + s], &x.data[s * x.row..], out);
            }
        }
    }
}

kernel! {
    /// As `scatter`, over seen keys alone.
    fn scatter_exactly<A>(block: Block, weights: &[f32], x: Packed<'_>, out: &mut Columns<'_>) {
        let padded = block.shape.padded();
        for r in 0..block.rows {
            let t = block.first + r;
            out.row(t).fill(0.0);
            for s in block.seen(r) {
                add_scaled::<A>(weights[r * padded + s], &x.data[t * x.row..], out.row(s));
            }
        }
    }
}
