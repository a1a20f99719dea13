//! Single-precision matrix products of any strides, without allocation: [`gemm`] for small and batched
//! ones, which needs no scratch, and [`gemm_blocked`] for large ones, which may end with an epilogue.
//!
//! In [`gemm`] strips of B are packed on the stack (16 kB, resident in L1) and reused by all rows of a block;
//! A is read in place when few strips use it and packed on the stack when many do. Tasks are blocks
//! of the output, fixed by the shape; each element is summed in the order of `k`, in blocks of
//! [`DEPTH`], so its bits depend neither on the threads nor on the blocking of rows and columns.
//!
//! Ours and not `matrixmultiply`'s, which allocates at every call, packs A even for a handful of
//! columns, has no batches and no epilogue. `benches/kernels.rs` measures both, `ansatz bench` the large
//! ones; `docs/performance.md` has figures.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

mod blocked;
mod epilogue;
mod pack;

use self::pack::transfer;
use super::tile::{Strip, TALLEST, Tiles, WIDEST};
use crate::base::threads::Pool;

pub use blocked::{blocked_scratch, gemm_blocked, is_blocked};
pub use epilogue::{Epilogue, Finish, finish};

/// Terms summed in registers before C is touched.
pub const DEPTH: usize = 256;
/// Rows of a task.
const ROWS: usize = 192;
/// Columns of a task, unless the rows are too few to make several.
const COLUMNS: usize = 512;
/// Multiplications worth a task of their own.
const GRAIN: usize = 1 << 20;
/// From this many columns on, A is packed.
const PACK_FROM: usize = 256;

/// The shape of `C[m, n] (+)= A[m, k] · B[k, n]`. Strides count elements; transposing an operand is
/// exchanging its two strides. C's rows are contiguous and `c_row` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gemm {
    /// Rows of A and C.
    pub m: usize,
    /// Columns of B and C.
    pub n: usize,
    /// Columns of A and rows of B.
    pub k: usize,
    /// From one row of A to the next.
    pub a_row: usize,
    /// From one column of A to the next.
    pub a_column: usize,
    /// From one row of B to the next.
    pub b_row: usize,
    /// From one column of B to the next.
    pub b_column: usize,
    /// From one row of C to the next: at least `n`.
    pub c_row: usize,
    /// Add to C instead of overwriting it.
    pub accumulate: bool,
}

impl Gemm {
    /// Both operands and C dense and row-major.
    pub const fn dense(m: usize, n: usize, k: usize) -> Gemm {
        Gemm { m, n, k, a_row: k, a_column: 1, b_row: n, b_column: 1, c_row: n, accumulate: false }
    }

    /// With A stored as its transpose, a dense `[k, m]`.
    pub const fn transpose_a(self) -> Gemm {
        Gemm { a_row: 1, a_column: self.m, ..self }
    }

    /// With B stored as its transpose, a dense `[n, k]`.
    pub const fn transpose_b(self) -> Gemm {
        Gemm { b_row: 1, b_column: self.k, ..self }
    }

    /// With C added to.
    pub const fn accumulating(self) -> Gemm {
        Gemm { accumulate: true, ..self }
    }

    /// Multiplications and additions in one product.
    pub const fn operations(&self) -> usize {
        2 * self.m * self.n * self.k
    }
}

/// How many products, and the strides from one to the next; an operand's stride of 0 shares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Products.
    pub count: usize,
    /// From one A to the next.
    pub a: usize,
    /// From one B to the next.
    pub b: usize,
    /// From one C to the next: at least the extent of one.
    pub c: usize,
}

impl Batch {
    /// One product.
    pub const ONE: Batch = Batch { count: 1, a: 0, b: 0, c: 0 };
}

/// One more than the last index of a `rows` x `columns` matrix; `None` when it overflows.
fn extent(rows: usize, columns: usize, row: usize, column: usize, count: usize, stride: usize) -> Option<usize> {
    if rows == 0 || columns == 0 || count == 0 {
        return Some(0);
    }
    let last = (rows - 1).checked_mul(row)?.checked_add((columns - 1).checked_mul(column)?)?;
    last.checked_add((count - 1).checked_mul(stride)?)?.checked_add(1)
}

/// Refuses shapes that reach outside the slices or whose outputs overlap: the pointers below rely
/// on it.
fn check(s: &Gemm, batch: &Batch, a: &[f32], b: &[f32], c: &[f32]) {
    let fits = |need: Option<usize>, len: usize| need.is_some_and(|need| need <= len);
    assert!(
        fits(extent(s.m, s.k, s.a_row, s.a_column, batch.count, batch.a), a.len()),
        "gemm: A is too short for {s:?} {batch:?}"
    );
    assert!(
        fits(extent(s.k, s.n, s.b_row, s.b_column, batch.count, batch.b), b.len()),
        "gemm: B is too short for {s:?} {batch:?}"
    );
    assert!(
        fits(extent(s.m, s.n, s.c_row, 1, batch.count, batch.c), c.len()),
        "gemm: C is too short for {s:?} {batch:?}"
    );
    assert!(s.c_row >= s.n || s.m <= 1, "gemm: rows of C overlap in {s:?}");
    let one = extent(s.m, s.n, s.c_row, 1, 1, 0);
    assert!(batch.count <= 1 || fits(one, batch.c), "gemm: the outputs overlap in {s:?} {batch:?}");
}

/// Pointers that tasks on several threads share.
#[derive(Clone, Copy)]
struct Shared {
    a: *const f32,
    b: *const f32,
    c: *mut f32,
}

impl Shared {
    /// The same, further on. Indices of operands without elements stay unused.
    fn at(&self, a: usize, b: usize, c: usize) -> Shared {
        Shared { a: self.a.wrapping_add(a), b: self.b.wrapping_add(b), c: self.c.wrapping_add(c) }
    }
}

// SAFETY: A and B are only read; tasks write disjoint blocks of C.
unsafe impl Sync for Shared {}

/// `C (+)= A · B` for every product of the batch. Allocates nothing.
///
/// # Panics
/// When a slice is too short for the shape, or outputs overlap: a bug in the caller, not bad input.
pub fn gemm(pool: &Pool, shape: &Gemm, batch: &Batch, a: &[f32], b: &[f32], c: &mut [f32]) {
    check(shape, batch, a, b, c);
    let (s, batch) = merge(*shape, *batch);
    if s.m == 0 || s.n == 0 || batch.count == 0 {
        return;
    }
    let tiles = Tiles::current();
    let shared = Shared { a: a.as_ptr(), b: b.as_ptr(), c: c.as_mut_ptr() };
    let (rows, columns) = block(&s);
    let (down, across) = (s.m.div_ceil(rows), s.n.div_ceil(columns));
    let items = (GRAIN / (s.m * s.n * s.k).max(1)).max(1);
    let groups = batch.count.div_ceil(items);
    pool.blocks(groups * down * across, |task| {
        let (group, cell) = (task / (down * across), task % (down * across));
        let (i, j) = (cell / across * rows, cell % across * columns);
        let size = Gemm { m: rows.min(s.m - i), n: columns.min(s.n - j), ..s };
        for item in group * items..batch.count.min((group + 1) * items) {
            // SAFETY: `check` proved that every index of every product lies in its slice and that
            // no two products or rows of C overlap; tasks are disjoint blocks of C.
            unsafe {
                let at = shared.at(
                    item * batch.a + i * s.a_row,
                    item * batch.b + j * s.b_column,
                    item * batch.c + i * s.c_row + j,
                );
                product(&tiles, &size, at.a, at.b, at.c);
            }
        }
    });
}

/// A batch that shares B and whose A and C follow one another is a single taller product.
fn merge(s: Gemm, batch: Batch) -> (Gemm, Batch) {
    let follows = batch.b == 0 && batch.a == s.m * s.a_row && batch.c == s.m * s.c_row;
    if batch.count > 1 && follows {
        return (Gemm { m: s.m * batch.count, ..s }, Batch::ONE);
    }
    (s, batch)
}

/// Rows and columns of a task, by the shape alone.
fn block(s: &Gemm) -> (usize, usize) {
    let tasks = (s.m * s.n * s.k / GRAIN).max(1);
    if s.m > ROWS || tasks == 1 {
        return (ROWS, COLUMNS);
    }
    let columns = s.n.div_ceil(tasks).next_multiple_of(WIDEST);
    (ROWS, columns.min(COLUMNS))
}

/// A buffer on the stack, aligned to a line of the cache, not filled.
#[repr(align(64))]
struct Buffer<const N: usize>(MaybeUninit<[f32; N]>);

impl<const N: usize> Buffer<N> {
    #[inline(always)]
    const fn new() -> Self {
        Buffer(MaybeUninit::uninit())
    }

    #[inline(always)]
    fn pointer(&mut self) -> *mut f32 {
        self.0.as_mut_ptr().cast()
    }
}

/// One block of one product, in pieces of [`DEPTH`].
///
/// # Safety
/// All elements that `s` describes from the three pointers on are in bounds, those of C writable
/// and not touched by others meanwhile.
unsafe fn product(tiles: &Tiles, s: &Gemm, a: *const f32, b: *const f32, c: *mut f32) {
    let pack = s.n >= PACK_FROM && s.m >= tiles.rows;
    let mut from = 0;
    while from < s.k.max(1) {
        let depth = DEPTH.min(s.k - from);
        let piece = Gemm { k: depth, accumulate: s.accumulate || from > 0, ..*s };
        // SAFETY: the piece is part of what the caller vouched for.
        unsafe {
            let a = a.wrapping_add(from * s.a_column);
            let b = b.wrapping_add(from * s.b_row);
            if pack {
                packed(tiles, &piece, a, b, c);
            } else {
                strips(tiles, &piece, a, tiles.rows * s.a_row, b, c);
            }
        }
        from += DEPTH;
    }
}

/// A piece with A packed into tiles of contiguous columns: 205 kB of stack, entered once at a time.
///
/// # Safety
/// As `product`; `s.k <= DEPTH` and `s.m <= ROWS`.
#[inline(never)]
unsafe fn packed(tiles: &Tiles, s: &Gemm, a: *const f32, b: *const f32, c: *mut f32) {
    let mut buffer = Buffer::<{ (ROWS + TALLEST) * DEPTH }>::new();
    let to = buffer.pointer();
    let tile = tiles.rows * s.k;
    // SAFETY: the buffer holds `s.m` rows rounded up to whole tiles; A as the caller vouched.
    unsafe {
        for first in (0..s.m).step_by(tiles.rows) {
            let to = to.add(first / tiles.rows * tile);
            let rows = tiles.rows.min(s.m - first);
            transfer(a.add(first * s.a_row), s.a_column, s.a_row, s.k, rows, to, tiles.rows);
        }
        let packed = Gemm { a_row: 1, a_column: tiles.rows, ..*s };
        strips(tiles, &packed, to, tile, b, c);
    }
}

/// A piece with A where it is: packs each strip of B and runs it over all rows.
///
/// # Safety
/// As `product`; `s.k <= DEPTH`.
#[inline(never)]
unsafe fn strips(tiles: &Tiles, s: &Gemm, a: *const f32, a_tile: usize, b: *const f32, c: *mut f32) {
    let mut buffer = Buffer::<{ WIDEST * DEPTH }>::new();
    let to = buffer.pointer();
    let mut j = 0;
    while j < s.n {
        let columns = tiles.strip_width(s.n - j);
        let width = columns.min(s.n - j);
        // SAFETY: a strip has at most WIDEST columns and DEPTH rows; the rest is the caller's.
        unsafe {
            let from = b.wrapping_add(j * s.b_column);
            // A strip that few rows use is not worth a copy.
            let direct = s.b_column == 1 && width == columns && s.m <= 2 * tiles.rows;
            if !direct {
                transfer(from, s.b_row, s.b_column, s.k, width, to, columns);
            }
            let (b, b_row) = if direct { (from, s.b_row) } else { (to.cast_const(), columns) };
            let strip = Strip {
                rows: s.m,
                width,
                depth: s.k,
                a,
                a_row: s.a_row,
                a_column: s.a_column,
                a_tile,
                b,
                b_row,
                c: c.wrapping_add(j),
                c_row: s.c_row,
                add: s.accumulate,
            };
            tiles.run(columns, &strip);
        }
        j += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::isa::{Isa, with_isa};

    fn numbers(seed: usize, len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
    }

    /// The plain loops in f64; `c` holds what is added to.
    fn oracle(s: &Gemm, batch: &Batch, a: &[f32], b: &[f32], c: &[f32]) -> Vec<f64> {
        let mut out: Vec<f64> = c.iter().map(|&x| f64::from(x)).collect();
        for item in 0..batch.count {
            for i in 0..s.m {
                for j in 0..s.n {
                    let to = &mut out[item * batch.c + i * s.c_row + j];
                    let before = if s.accumulate { *to } else { 0.0 };
                    let term = |p: usize| {
                        f64::from(a[item * batch.a + i * s.a_row + p * s.a_column])
                            * f64::from(b[item * batch.b + p * s.b_row + j * s.b_column])
                    };
                    *to = before + (0..s.k).map(term).sum::<f64>();
                }
            }
        }
        out
    }

    /// Holds a product against the oracle on every set and its bits at 1, 2 and 3 threads.
    fn holds(s: Gemm, batch: Batch) {
        let length = |need: Option<usize>| need.expect("a small shape");
        let a = numbers(1, length(extent(s.m, s.k, s.a_row, s.a_column, batch.count, batch.a)));
        let b = numbers(2, length(extent(s.k, s.n, s.b_row, s.b_column, batch.count, batch.b)));
        let c = numbers(3, length(extent(s.m, s.n, s.c_row, 1, batch.count, batch.c)));
        let want = oracle(&s, &batch, &a, &b, &c);
        for isa in Isa::available() {
            let runs: Vec<Vec<f32>> = [1, 2, 3]
                .into_iter()
                .map(|threads| {
                    let mut got = c.clone();
                    with_isa(isa, || gemm(&Pool::new(threads), &s, &batch, &a, &b, &mut got));
                    got
                })
                .collect();
            let bound = 1e-6 * (s.k as f64).sqrt() + 1e-6;
            for (i, (got, want)) in runs[0].iter().zip(&want).enumerate() {
                let error = (f64::from(*got) - want).abs();
                assert!(error <= bound, "{} {s:?} {batch:?}: {got} at {i}, wanted {want}", isa.name());
            }
            assert!(runs.iter().all(|r| *r == runs[0]), "{} {s:?}: threads change the bits", isa.name());
        }
    }

    #[test]
    fn every_edge_of_the_tiles_agrees_with_plain_loops() {
        for m in [1, 2, 5, 6, 7, 13, 20] {
            for n in [1, 5, 8, 9, 16, 17, 37, 70] {
                for k in [1, 3, 19] {
                    let dense = Gemm::dense(m, n, k);
                    holds(dense, Batch::ONE);
                    holds(dense.transpose_a().accumulating(), Batch::ONE);
                    holds(dense.transpose_b(), Batch::ONE);
                    holds(dense.transpose_a().transpose_b().accumulating(), Batch::ONE);
                }
            }
        }
    }

    #[test]
    fn long_sums_wide_outputs_and_many_tasks_agree_with_plain_loops() {
        holds(Gemm::dense(65, 67, 521).transpose_a(), Batch::ONE);
        holds(Gemm::dense(400, 90, 66), Batch::ONE);
        holds(Gemm::dense(40, 533, 260).accumulating(), Batch::ONE);
        holds(Gemm::dense(33, 300, 270).transpose_a().transpose_b(), Batch::ONE);
        holds(Gemm::dense(64, 700, 64), Batch::ONE);
    }

    #[test]
    fn strides_and_batches_leave_everything_else_alone() {
        let gaps =
            Gemm { m: 7, n: 11, k: 5, a_row: 9, a_column: 1, b_row: 40, b_column: 3, c_row: 15, accumulate: true };
        holds(gaps, Batch { count: 4, a: 70, b: 250, c: 120 });
        holds(Gemm { accumulate: false, ..gaps }, Batch { count: 4, a: 0, b: 250, c: 107 });
        holds(Gemm::dense(32, 16, 64), Batch { count: 32, a: 32 * 64, b: 0, c: 32 * 16 });
        holds(Gemm::dense(16, 24, 8), Batch { count: 700, a: 128, b: 192, c: 384 });
        holds(Gemm { c_row: 12, ..Gemm::dense(3, 4, 0) }, Batch { count: 2, a: 0, b: 0, c: 50 });
    }

    #[test]
    fn short_slices_and_overlapping_outputs_are_refused() {
        let refused = |s: Gemm, batch: Batch, lens: [usize; 3]| {
            let [a, b, mut c] = lens.map(|len| vec![0.0; len]);
            let run = std::panic::AssertUnwindSafe(|| gemm(&Pool::serial(), &s, &batch, &a, &b, &mut c));
            std::panic::catch_unwind(run).is_err()
        };
        let s = Gemm::dense(4, 5, 6);
        assert!(!refused(s, Batch::ONE, [24, 30, 20]));
        assert!(refused(s, Batch::ONE, [23, 30, 20]));
        assert!(refused(s, Batch::ONE, [24, 29, 20]));
        assert!(refused(s, Batch::ONE, [24, 30, 19]));
        assert!(refused(s, Batch { count: 2, a: 0, b: 0, c: 19 }, [24, 30, 40]));
        assert!(refused(Gemm { c_row: 4, ..s }, Batch::ONE, [24, 30, 20]));
        assert!(refused(Gemm { a_row: usize::MAX, ..s }, Batch::ONE, [24, 30, 20]));
    }
}
