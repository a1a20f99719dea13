//! What recurrent scans share: blocks of sequences, packed recurrent weights, weight gradients.

use super::gemm::{Batch, Gemm, gemm};
use crate::base::threads::Pool;

/// Columns of a strip of packed weights.
const STRIP: usize = 32;
/// Rows that a product takes at once without packing anew on any instruction set.
const ROWS: usize = 12;

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
    /// even number of blocks with at most [`ROWS`] each.
    pub(crate) fn rows(&self) -> usize {
        let blocks = 2 * self.batch.div_ceil(2 * ROWS);
        self.batch.div_ceil(blocks.max(1)).max(1)
    }

    /// Blocks of [`RecurrentShape::rows`] sequences.
    pub(crate) fn blocks(&self) -> usize {
        self.batch.div_ceil(self.rows())
    }
}

/// Weights `[depth, columns]` in strips, which stay in the inner caches while rows pass by: row by
/// row their distance may be a whole page, and all of a column falls into one set of the cache.
#[derive(Clone, Copy)]
pub(crate) struct Packed<'a> {
    strips: &'a [f32],
    depth: usize,
    columns: usize,
}

/// Floats of packed weights `[depth, columns]`.
pub(crate) const fn packed_len(depth: usize, columns: usize) -> usize {
    columns.div_ceil(STRIP) * STRIP * depth
}

impl<'a> Packed<'a> {
    /// Packs `w`, `[depth, columns]`, into a buffer of [`packed_len`].
    pub(crate) fn new(pool: &Pool, w: &[f32], depth: usize, columns: usize, buffer: &'a mut [f32]) -> Packed<'a> {
        pool.parts(buffer, depth * STRIP, |strip, part| {
            let first = strip * STRIP;
            let width = STRIP.min(columns - first);
            for (p, row) in part.chunks_mut(STRIP).enumerate() {
                row[..width].copy_from_slice(&w[p * columns + first..][..width]);
                row[width..].fill(0.0);
            }
        });
        Packed { strips: buffer, depth, columns }
    }

    /// Packs the transpose of `w`, `[columns, depth]`.
    pub(crate) fn transposed(
        pool: &Pool,
        w: &[f32],
        depth: usize,
        columns: usize,
        buffer: &'a mut [f32],
    ) -> Packed<'a> {
        pool.parts(buffer, depth * STRIP, |strip, part| {
            part.fill(0.0);
            let first = strip * STRIP;
            for j in 0..STRIP.min(columns - first) {
                for (y, x) in part[j..].iter_mut().step_by(STRIP).zip(&w[(first + j) * depth..][..depth]) {
                    *y = *x;
                }
            }
        });
        Packed { strips: buffer, depth, columns }
    }

    /// `out (+)= a W` for `rows` rows, which are `a_row` and `out_row` apart.
    pub(crate) fn multiply(&self, rows: usize, a: &[f32], a_row: usize, out: &mut [f32], out_row: usize, add: bool) {
        for (i, strip) in self.strips.chunks((self.depth * STRIP).max(1)).enumerate() {
            let first = i * STRIP;
            let product = Gemm {
                m: rows,
                n: STRIP.min(self.columns - first),
                k: self.depth,
                a_row,
                a_column: 1,
                b_row: STRIP,
                b_column: 1,
                c_row: out_row,
                accumulate: add,
            };
            gemm(&Pool::serial(), &product, &Batch::ONE, a, strip, &mut out[first..]);
        }
    }
}

/// `dw = sum_{b, t >= 1} h[b, t-1]^T d[b, t]`, `[hidden, width]`, from the hidden states
/// `[B, T, hidden]` and the gradients `d` `[B, T, width]` of their products.
pub(crate) fn weight_gradient(pool: &Pool, shape: RecurrentShape, width: usize, h: &[f32], d: &[f32], dw: &mut [f32]) {
    let RecurrentShape { batch, tokens, hidden } = shape;
    dw.fill(0.0);
    if tokens < 2 || hidden == 0 {
        return;
    }
    let product = Gemm::dense(hidden, width, tokens - 1).transpose_a();
    let product = Gemm { a_column: hidden, ..product }.accumulating();
    for item in 0..batch {
        let (h, d) = (&h[item * tokens * hidden..], &d[item * tokens * width + width..]);
        gemm(pool, &product, &Batch::ONE, h, d, dw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_close, noise, on_every_set};

    #[test]
    fn packed_products_agree_with_plain_loops() {
        for (rows, depth, columns) in [(1, 3, 5), (4, 7, 32), (12, 20, 75)] {
            let (a, w) = (noise(1, rows * depth), noise(2, depth * columns));
            let turned: Vec<f32> = (0..depth * columns).map(|i| w[i % depth * columns + i / depth]).collect();
            let want: Vec<f64> = (0..rows * columns)
                .map(|i| {
                    let term = |p: usize| f64::from(a[i / columns * depth + p] * w[p * columns + i % columns]);
                    1.0 + (0..depth).map(term).sum::<f64>()
                })
                .collect();
            on_every_set(|pool| {
                let mut buffer = vec![f32::NAN; packed_len(depth, columns)];
                let (mut out, mut other) = (vec![1.0; rows * columns], vec![1.0; rows * columns]);
                Packed::new(pool, &w, depth, columns, &mut buffer).multiply(rows, &a, depth, &mut out, columns, true);
                assert_close("out", &out, &want, 1e-5);
                let packed = Packed::transposed(pool, &turned, depth, columns, &mut buffer);
                packed.multiply(rows, &a, depth, &mut other, columns, true);
                assert_eq!(out, other);
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
}
