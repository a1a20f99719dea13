//! What recurrent scans share: blocks of sequences, packed recurrent weights, weight gradients.
#![allow(unsafe_code)]

use super::gemm::{Batch, DEPTH, Gemm, gemm};
use super::tile::{Strip, Tiles, WIDEST};
use crate::base::threads::Pool;

/// Sequences of a block, where there are enough: two register tiles of four rows. Fewer would read
/// the weights from the outer caches too often, more would leave cores without work.
const ROWS: usize = 8;
/// The smallest block worth its own: one tile of four rows keeps the multipliers busy.
const LEAST_ROWS: usize = 4;

/// The shape of a recurrent scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecurrentShape {
    /// Sequences.
    pub batch: usize,
    /// Tokens of a sequence.
    pub tokens: usize,
    /// Width of the hidden state.
    pub hidden: usize,
}

impl RecurrentShape {
    /// How many sequences go through the tokens together, reading the weights once a token: an
    /// even number of blocks with at most [`ROWS`] each, or one block of few sequences.
    pub(crate) fn rows(&self) -> usize {
        let blocks = if self.batch < 2 * LEAST_ROWS { 1 } else { 2 * self.batch.div_ceil(2 * ROWS) };
        self.batch.div_ceil(blocks).max(1)
    }

    /// Blocks of [`RecurrentShape::rows`] sequences.
    pub(crate) fn blocks(&self) -> usize {
        self.batch.div_ceil(self.rows())
    }

    /// The sequences of a block: the first, and how many.
    pub(crate) fn block(&self, block: usize) -> (usize, usize) {
        let first = block * self.rows();
        (first, self.rows().min(self.batch - first))
    }
}

/// The distance between the rows of a block's scratch, `width` wide: no multiple of a page, or the
/// same column of all rows would fall into one set of the cache.
pub(crate) const fn pitch(width: usize) -> usize {
    width.next_multiple_of(16) + 16
}

/// Weights `[depth, columns]` in strips as wide as a register tile, read from end to end while the
/// rows of a block stay in the inner cache.
#[derive(Clone, Copy)]
pub(crate) struct Packed<'a> {
    strips: &'a [f32],
    depth: usize,
    columns: usize,
    tiles: Tiles,
}

/// Floats of packed weights `[depth, columns]`.
pub(crate) const fn packed_len(depth: usize, columns: usize) -> usize {
    columns.next_multiple_of(WIDEST) * depth
}

impl<'a> Packed<'a> {
    /// Packs `w`, `[depth, columns]`, into a buffer of [`packed_len`].
    pub(crate) fn new(pool: &Pool, w: &[f32], depth: usize, columns: usize, buffer: &'a mut [f32]) -> Packed<'a> {
        Packed::fill(pool, depth, columns, buffer, |first, width, wide, part| {
            for (p, row) in part.chunks_mut(wide).enumerate() {
                row[..width].copy_from_slice(&w[p * columns + first..][..width]);
                row[width..].fill(0.0);
            }
        })
    }

    /// Packs the transpose of `w`, `[columns, depth]`.
    pub(crate) fn transposed(
        pool: &Pool,
        w: &[f32],
        depth: usize,
        columns: usize,
        buffer: &'a mut [f32],
    ) -> Packed<'a> {
        Packed::fill(pool, depth, columns, buffer, |first, width, wide, part| {
            part.fill(0.0);
            for j in 0..width {
                for (y, x) in part[j..].iter_mut().step_by(wide).zip(&w[(first + j) * depth..][..depth]) {
                    *y = *x;
                }
            }
        })
    }

    /// Fills every strip by `pack(first column, columns, width of the strip, strip)`.
    fn fill(
        pool: &Pool,
        depth: usize,
        columns: usize,
        buffer: &'a mut [f32],
        pack: impl Fn(usize, usize, usize, &mut [f32]) + Sync,
    ) -> Packed<'a> {
        let tiles = Tiles::current();
        let wide = tiles.wide;
        let strips = &mut buffer[..columns.next_multiple_of(wide) * depth];
        pool.parts(strips, depth * wide, |i, strip| pack(i * wide, wide.min(columns - i * wide), wide, strip));
        Packed { strips, depth, columns, tiles }
    }

    /// `out (+)= a W` for `rows` rows, which are `a_row` and `out_row` apart. Each element is summed
    /// in the order of the weights' rows, in pieces of [`DEPTH`].
    ///
    /// # Panics
    /// When a slice is too short, or rows of `out` overlap.
    pub(crate) fn multiply(&self, rows: usize, a: &[f32], a_row: usize, out: &mut [f32], out_row: usize, add: bool) {
        let Packed { strips, depth, columns, tiles } = *self;
        if rows == 0 || columns == 0 {
            return;
        }
        assert!((rows - 1) * a_row + depth <= a.len(), "recurrent product: the rows are too short");
        assert!((rows - 1) * out_row + columns <= out.len(), "recurrent product: the output is too short");
        assert!(out_row >= columns || rows == 1, "recurrent product: rows of the output overlap");
        if depth == 0 && !add {
            (0..rows).for_each(|r| out[r * out_row..][..columns].fill(0.0));
        }
        for (i, strip) in strips.chunks_exact((depth * tiles.wide).max(1)).enumerate() {
            let first = i * tiles.wide;
            for from in (0..depth).step_by(DEPTH) {
                let b = &strip[from * tiles.wide..];
                for (row, rows) in even_tiles(rows, tiles.rows) {
                    let (a, c) = (&a[row * a_row + from..], &mut out[row * out_row + first..]);
                    let piece = Strip {
                        rows,
                        width: tiles.wide.min(columns - first),
                        depth: DEPTH.min(depth - from),
                        a: a.as_ptr(),
                        a_row,
                        a_column: 1,
                        a_tile: 0,
                        b: b.as_ptr(),
                        b_row: tiles.wide,
                        c: c.as_mut_ptr(),
                        c_row: out_row,
                        add: add || from > 0,
                    };
                    // SAFETY: the asserts above hold the last row of A and of C inside their slices,
                    // the strip has `depth` rows of its width, and C is borrowed mutably.
                    unsafe { tiles.run(tiles.wide, &piece) }
                }
            }
        }
    }
}

/// Rows in tiles of nearly the same height, at most `tallest`: 8 as 4 and 4, since a tile of 6 and
/// one of 2 would take longer. Gives the first row of each and its height.
fn even_tiles(rows: usize, tallest: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = rows.div_ceil(tallest).max(1);
    (0..count).map(move |i| {
        let first = i * rows / count;
        (first, (i + 1) * rows / count - first)
    })
}

/// `to += from`, as far as `to` reaches.
pub(crate) fn add_to(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// Floats of scratch that [`weight_gradient`] needs.
pub(crate) const fn weight_gradient_scratch(shape: RecurrentShape) -> usize {
    shape.batch * shape.tokens * shape.hidden
}

/// `dw = sum_{b, t} h[b, t-1]^T d[b, t]`, `[hidden, width]`, from the hidden states `h`
/// `[B, T, hidden]`, those before the first token `[B, hidden]` (or zeros), and the gradients `d`
/// `[B, T, width]` of their products. One product over all tokens: the states are shifted by a
/// token in `scratch`, [`weight_gradient_scratch`] long.
#[allow(clippy::too_many_arguments)]
pub(crate) fn weight_gradient(
    pool: &Pool,
    shape: RecurrentShape,
    width: usize,
    h: &[f32],
    initial: Option<&[f32]>,
    d: &[f32],
    dw: &mut [f32],
    scratch: &mut [f32],
) {
    let RecurrentShape { batch, tokens, hidden } = shape;
    let before = &mut scratch[..weight_gradient_scratch(shape)];
    pool.parts(before, tokens * hidden, |b, before| {
        let (first, rest) = before.split_at_mut(hidden);
        match initial {
            Some(initial) => first.copy_from_slice(&initial[b * hidden..][..hidden]),
            None => first.fill(0.0),
        }
        rest.copy_from_slice(&h[b * tokens * hidden..][..rest.len()]);
    });
    let product = Gemm::dense(hidden, width, batch * tokens).transpose_a();
    gemm(pool, &product, &Batch::ONE, before, d, dw);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_close, noise, on_every_set};

    #[test]
    fn packed_products_agree_with_plain_loops() {
        for (rows, depth, columns) in [(1, 3, 5), (4, 7, 32), (8, 300, 33), (17, 20, 75)] {
            let (a, w) = (noise(1, rows * depth), noise(2, depth * columns));
            let turned: Vec<f32> = (0..depth * columns).map(|i| w[i % depth * columns + i / depth]).collect();
            let want: Vec<f64> = (0..rows * columns)
                .map(|i| {
                    let term = |p: usize| f64::from(a[i / columns * depth + p] * w[p * columns + i % columns]);
                    1.0 + (0..depth).map(term).sum::<f64>()
                })
                .collect();
            let whole: Vec<f64> = want.iter().map(|x| x - 1.0).collect();
            on_every_set(|pool| {
                let mut buffer = vec![f32::NAN; packed_len(depth, columns)];
                let (mut out, mut other) = (vec![1.0; rows * columns], vec![1.0; rows * columns]);
                Packed::new(pool, &w, depth, columns, &mut buffer).multiply(rows, &a, depth, &mut out, columns, true);
                assert_close("out", &out, &want, 2e-5);
                let packed = Packed::transposed(pool, &turned, depth, columns, &mut buffer);
                packed.multiply(rows, &a, depth, &mut other, columns, true);
                assert_eq!(out, other);
                packed.multiply(rows, &a, depth, &mut other, columns, false);
                assert_close("overwritten", &other, &whole, 2e-5);
            });
        }
    }

    #[test]
    fn blocks_of_sequences_cover_the_batch() {
        for batch in 0..100 {
            let shape = RecurrentShape { batch, tokens: 1, hidden: 1 };
            assert!(shape.rows() <= ROWS && shape.rows() * shape.blocks() >= batch);
        }
    }

    #[test]
    fn tiles_cover_the_rows_evenly() {
        for (rows, tallest) in (0..40).flat_map(|rows| [4, 6, 8].map(|tallest| (rows, tallest))) {
            let tiles: Vec<_> = even_tiles(rows, tallest).collect();
            assert_eq!(tiles.iter().map(|(_, height)| height).sum::<usize>(), rows);
            assert!(tiles.windows(2).all(|pair| pair[0].0 + pair[0].1 == pair[1].0));
            assert!(tiles.iter().all(|&(_, height)| height <= tallest && height + 1 >= rows / tiles.len()));
        }
    }
}
