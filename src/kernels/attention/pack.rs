//! What the products of one head read many times, laid out for the register tiles.

use std::ops::Range;

use super::{AttentionShape, LANES, Track};
use crate::kernels::isa::kernel;
use crate::kernels::lanes::{load, store};
use crate::kernels::tile::Tiles;

/// Rows and columns that are transposed at once.
const SIDE: usize = 8;

/// The vectors of a head, one a token, filled up to whole lanes with zeros.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    pub(super) data: &'a [f32],
    /// From one token to the next.
    pub(super) row: usize,
    /// Whether a product with 0 is 0 for all of them.
    pub(super) finite: bool,
}

/// Numbers of a [`Packed`].
pub(super) fn packed_len(shape: AttentionShape) -> usize {
    shape.tokens * shape.width.next_multiple_of(LANES)
}

impl<'a> Packed<'a> {
    /// Copies `x`; takes its memory from the front of `scratch`.
    pub(super) fn new(shape: AttentionShape, x: Track<'_>, scratch: &mut &'a mut [f32]) -> Self {
        let data = take(scratch, packed_len(shape));
        let row = shape.width.next_multiple_of(LANES);
        let finite = copy(x, row, data);
        Packed { data, row, finite }
    }
}

/// The first `len` numbers of `scratch`, which then begins behind them.
pub(super) fn take<'a>(scratch: &mut &'a mut [f32], len: usize) -> &'a mut [f32] {
    let (front, rest) = std::mem::take(scratch).split_at_mut(len);
    *scratch = rest;
    front
}

kernel! {
    /// Copies the rows of `x` into rows of `row` numbers; whether all of them are finite.
    fn copy<A>(x: Track<'_>, row: usize, into: &mut [f32]) -> bool {
        let mut zero = [0.0; LANES];
        for (t, into) in into.chunks_exact_mut(row).enumerate() {
            let (whole, rest) = x.at(t).as_chunks::<LANES>();
            let (into, _) = into.as_chunks_mut::<LANES>();
            for (x, into) in whole.iter().zip(&mut *into) {
                for j in 0..LANES {
                    into[j] = x[j];
                    zero[j] = A::mul_add(x[j], 0.0, zero[j]);
                }
            }
            if let Some(into) = into.get_mut(whole.len()) {
                *into = load::<LANES>(rest, 0.0);
                for j in 0..LANES {
                    zero[j] = A::mul_add(into[j], 0.0, zero[j]);
                }
            }
        }
        zero.iter().all(|&zero| zero == 0.0)
    }
}

/// The vectors of a head as columns, in strips of as many tokens as a register tile has columns; a
/// strip is `[width, its tokens]`. Zeros beyond the last token.
#[derive(Clone, Copy)]
pub(super) struct Strips<'a> {
    data: &'a [f32],
    width: usize,
}

/// Numbers of a [`Strips`].
pub(super) fn strips_len(shape: AttentionShape) -> usize {
    shape.padded() * shape.width
}

impl<'a> Strips<'a> {
    /// Transposes `scale x`; takes its memory from the front of `scratch`.
    pub(super) fn new(
        tiles: &Tiles,
        shape: AttentionShape,
        x: Track<'_>,
        scale: f32,
        scratch: &mut &'a mut [f32],
    ) -> Self {
        let data = take(scratch, strips_len(shape));
        let (mut first, mut rest) = (0, &mut *data);
        while first < shape.padded() {
            let columns = tiles.strip_width(shape.padded() - first);
            let (strip, later) = rest.split_at_mut(columns * shape.width);
            transpose(x, first, shape.tokens, scale, columns, strip);
            (first, rest) = (first + columns, later);
        }
        Strips { data, width: shape.width }
    }

    /// The strip that begins at token `first`.
    #[inline(always)]
    pub(super) fn at(&self, first: usize) -> &'a [f32] {
        &self.data[first * self.width..]
    }
}

/// One of three equal steps that transpose a square of 8: the halves, a row of each in turn,
/// interleaved.
#[inline(always)]
fn interleave(x: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
    let mut y = [[0.0; SIDE]; SIDE];
    for i in 0..SIDE / 2 {
        for j in 0..SIDE / 2 {
            y[2 * i][2 * j] = x[i][j];
            y[2 * i][2 * j + 1] = x[i + SIDE / 2][j];
            y[2 * i + 1][2 * j] = x[i][j + SIDE / 2];
            y[2 * i + 1][2 * j + 1] = x[i + SIDE / 2][j + SIDE / 2];
        }
    }
    y
}

/// The square of `x` at the rows `tokens` and column `d`; zeros outside.
#[inline(always)]
fn square(x: Track<'_>, tokens: Range<usize>, d: usize) -> [[f32; SIDE]; SIDE] {
    let mut square = [[0.0; SIDE]; SIDE];
    if tokens.len() == SIDE && d + SIDE <= x.width {
        let from = &x.data[tokens.start * x.stride + d..][..(SIDE - 1) * x.stride + SIDE];
        for i in 0..SIDE {
            square[i].copy_from_slice(&from[i * x.stride..][..SIDE]);
        }
    } else {
        for (row, t) in square.iter_mut().zip(tokens) {
            *row = load::<SIDE>(&x.at(t)[d..], 0.0);
        }
    }
    square
}

kernel! {
    /// `into[d, s] = scale x[first + s, d]`, `columns` numbers a row.
    fn transpose<A>(x: Track<'_>, first: usize, tokens: usize, scale: f32, columns: usize, into: &mut [f32]) {
        // The narrowest tiles have fewer columns than a square.
        let side = SIDE.min(columns);
        for s in (0..columns).step_by(side) {
            let from = (first + s).min(tokens);
            let to = (first + s + side).min(tokens);
            for d in (0..x.width).step_by(SIDE) {
                let turned = interleave(interleave(interleave(square(x, from..to, d))));
                for (row, into) in turned.iter().zip(into.chunks_exact_mut(columns).skip(d)) {
                    store(&row.map(|x| scale * x), &mut into[s..s + side]);
                }
            }
        }
    }
}
