//! Large products: B is packed once, in parallel, and shared by all tasks; what follows a product is
//! done block by block while the block is still in the inner caches.
//!
//! The loops are those of Goto and van de Geijn (2008): a strip of B in L1, a block of A in L2, all of
//! packed B in L3.

use std::ops::Range;

use super::epilogue::{Epilogue, Shared as After};
use super::pack::transfer;
use super::{Batch, GRAIN, Gemm, PACK_FROM, Shared, check};
use crate::base::threads::Pool;
use crate::kernels::isa::kernel;
use crate::kernels::tile::{Strip, Tiles, WIDEST};

/// The most terms of a sum between two visits to C.
const PIECE: usize = 512;
/// Rows of a task, about; a block of A of that many rows and [`PIECE`] columns is a quarter of L2.
const ROWS: usize = 96;
/// Fewest columns of a task.
const COLUMNS: usize = 64;
/// The most columns of a task, so that its block of C stays near while the pieces of a sum pass.
const MOST_COLUMNS: usize = 1024;
/// Tasks that are enough for the cores of a large machine.
const TASKS: usize = 16;
/// Columns that one task packs.
const PACKED_COLUMNS: usize = 4 * WIDEST;
/// Fewest numbers of B worth several tasks.
const PACKED_ALONE: usize = 1 << 14;

/// Columns of a transposed A that one task packs, and rows of another.
const PACKED_DEPTH: usize = 32;
const PACKED_ROWS: usize = 4 * HEIGHTS;
/// What every height of tiles divides.
const HEIGHTS: usize = 24;

/// Scratch of [`gemm_blocked`], in floats: B, and A where it is packed too, both rounded up.
pub const fn blocked_scratch(s: &Gemm) -> usize {
    s.k * (s.n.next_multiple_of(WIDEST) + if packs_a(s) { s.m.next_multiple_of(HEIGHTS) } else { 0 })
}

/// Whether A is packed: transposed, it has a page between its columns; a wide product reads it often.
const fn packs_a(s: &Gemm) -> bool {
    s.a_row == 1 || s.n >= PACK_FROM
}

/// Whether packing once pays: one product that reads B often.
pub const fn is_blocked(s: &Gemm, batch: &Batch) -> bool {
    // A transposed A is packed as a whole, for which a few columns are no use.
    batch.count == 1 && s.m >= 64 && s.n >= if s.a_row == 1 { 32 } else { 8 }
}

/// The pieces of the sums: as equal as possible, at most [`PIECE`] long.
#[derive(Clone, Copy)]
struct Pieces {
    depth: usize,
    k: usize,
}

impl Pieces {
    fn of(k: usize) -> Pieces {
        let count = k.div_ceil(PIECE).max(1);
        Pieces { depth: k.div_ceil(count).max(1), k }
    }

    /// Beginnings and lengths.
    fn each(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.k).step_by(self.depth).map(move |from| (from, self.depth.min(self.k - from)))
    }
}

/// `C (+)= A · B`, then `epilogue`. For one product with many rows; bits as those of
/// [`super::gemm`] up to where sums are cut. `scratch`: [`blocked_scratch`]. `row_sums` `[n]` becomes
/// the sum of the rows of B, taken while they are packed. Allocates nothing.
///
/// # Panics
/// When a slice is too short for the shape: a bug in the caller, not bad input.
#[allow(clippy::too_many_arguments)]
pub fn gemm_blocked(
    pool: &Pool,
    s: &Gemm,
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    scratch: &mut [f32],
    epilogue: Epilogue<'_>,
    row_sums: Option<&mut [f32]>,
) {
    check(s, &Batch::ONE, a, b, c);
    assert!(scratch.len() >= blocked_scratch(s), "gemm: too little scratch for {s:?}");
    let after = After::new(s, c.len(), epilogue);
    let mut no_sums = [];
    let row_sums = match row_sums {
        Some(sums) => {
            assert!(sums.len() == s.n, "gemm: {} sums for {s:?}", sums.len());
            sums.fill(0.0);
            sums
        }
        None => &mut no_sums[..],
    };
    if s.m == 0 || s.n == 0 {
        return;
    }
    let tiles = Tiles::current();
    let (packed_b, packed_a) = scratch.split_at_mut(s.k * s.n.next_multiple_of(WIDEST));
    pack(pool, &tiles, s, [a, b], [packed_a, packed_b], row_sums);
    let a = if packs_a(s) { packed_a } else { a };
    let shared = Shared { a: a.as_ptr(), b: packed_b.as_ptr(), c: c.as_mut_ptr() };
    let (rows, columns) = block(&tiles, s);
    let across = s.n.div_ceil(columns);
    pool.blocks(s.m.div_ceil(rows) * across, |task| {
        let (i, j) = (task / across * rows, task % across * columns);
        let size = [rows.min(s.m - i), columns.min(s.n - j)];
        // SAFETY: `check` proved that every index of the product lies in its slice and that rows of C
        // do not overlap; tasks are disjoint blocks of C; packed B is as `pack` left it.
        unsafe {
            product(&tiles, s, &shared, [i, j], size);
            after.finish(s, shared.c, [i, j], size);
        }
    });
}

/// Rows and columns of a task, by the shape alone.
fn block(tiles: &Tiles, s: &Gemm) -> (usize, usize) {
    let wanted = (s.m * s.n * s.k / GRAIN).clamp(1, TASKS);
    // An even number of blocks, so that two cores end together.
    let down = s.m.div_ceil(ROWS);
    let down = if down > 2 { down.next_multiple_of(2) } else { down };
    let rows = s.m.div_ceil(down).next_multiple_of(tiles.rows);
    let across = (wanted / s.m.div_ceil(rows)).clamp(1, s.n.div_ceil(COLUMNS)).max(s.n.div_ceil(MOST_COLUMNS));
    (rows, s.n.div_ceil(across).next_multiple_of(WIDEST))
}

/// Packs B, and A where it pays: for each piece of the sums, strips (tiles) whose rows (columns)
/// follow one another.
fn pack(
    pool: &Pool,
    tiles: &Tiles,
    s: &Gemm,
    [a, b]: [&[f32]; 2],
    [packed_a, packed_b]: [&mut [f32]; 2],
    row_sums: &mut [f32],
) {
    let sums = (!row_sums.is_empty()).then_some(Shared { a: b.as_ptr(), b: b.as_ptr(), c: row_sums.as_mut_ptr() });
    let sums = sums.as_ref();
    let of_a = Shared { a: a.as_ptr(), b: a.as_ptr(), c: packed_a.as_mut_ptr() };
    let of_b = Shared { a: b.as_ptr(), b: b.as_ptr(), c: packed_b.as_mut_ptr() };
    let (of_a, of_b) = (&of_a, &of_b);
    let group = (PACKED_COLUMNS / tiles.wide).max(1);
    let strips = s.n.div_ceil(tiles.wide);
    let tasks_b = strips.div_ceil(group);
    let tasks_a = match (packs_a(s), s.a_row) {
        (false, _) => 0,
        (true, 1) => s.k.div_ceil(PACKED_DEPTH),
        (true, _) => s.m.div_ceil(PACKED_ROWS),
    };
    let one = |task: usize| {
        // SAFETY: tasks write disjoint parts of the scratch that `blocked_scratch` counts; `check` proved
        // that A and B hold what their shapes say.
        unsafe {
            if task >= tasks_a {
                let first = (task - tasks_a) * group;
                strips_of_b(tiles, s, of_b, sums, first..strips.min(first + group));
            } else if s.a_row == 1 {
                columns_of_a(tiles, s, of_a, task * PACKED_DEPTH..s.k.min((task + 1) * PACKED_DEPTH));
            } else {
                tiles_of_a(tiles, s, of_a, task * PACKED_ROWS..s.m.min((task + 1) * PACKED_ROWS));
            }
        }
    };
    if s.k * (s.n + tasks_a) < PACKED_ALONE {
        (0..tasks_a + tasks_b).for_each(one);
    } else {
        pool.blocks(tasks_a + tasks_b, one);
    }
}

/// # Safety
/// `shared.a` is B; `shared.c` its scratch; `sums.c` holds a number a column; nobody else writes these
/// strips.
unsafe fn strips_of_b(tiles: &Tiles, s: &Gemm, shared: &Shared, sums: Option<&Shared>, strips: Range<usize>) {
    let row = s.n.next_multiple_of(tiles.wide);
    for (from, depth) in Pieces::of(s.k).each() {
        for j in strips.clone().map(|strip| strip * tiles.wide) {
            let at = shared.at(from * s.b_row + j * s.b_column, 0, from * row + j * depth);
            let width = tiles.wide.min(s.n - j);
            // SAFETY: rows `from..from + depth` of at most `wide` columns, their strip, their sums.
            unsafe {
                transfer(at.a, s.b_row, s.b_column, depth, width, at.c, tiles.wide);
                if let Some(sums) = sums {
                    let strip = std::slice::from_raw_parts(at.c, depth * tiles.wide);
                    add_rows(tiles.wide, strip, std::slice::from_raw_parts_mut(sums.at(0, 0, j).c, width));
                }
            }
        }
    }
}

kernel! {
    /// Adds the sum of the rows of a strip, 4 to 32 wide, to `sums`.
    fn add_rows<A>(wide: usize, strip: &[f32], sums: &mut [f32]) {
        let mut total = [0.0f32; WIDEST];
        match wide {
            8 => strip.as_chunks::<8>().0.iter().for_each(|row| (0..8).for_each(|j| total[j] += row[j])),
            16 => strip.as_chunks::<16>().0.iter().for_each(|row| (0..16).for_each(|j| total[j] += row[j])),
            _ => strip.chunks(wide).for_each(|row| total.iter_mut().zip(row).for_each(|(total, x)| *total += x)),
        }
        sums.iter_mut().zip(&total).for_each(|(sum, total)| *sum += total);
    }
}

/// # Safety
/// `shared.a` is A, whose columns follow one another along memory; `shared.c` its scratch; nobody else
/// writes these columns.
unsafe fn columns_of_a(tiles: &Tiles, s: &Gemm, shared: &Shared, columns: Range<usize>) {
    let (pieces, column) = (Pieces::of(s.k), s.m.next_multiple_of(tiles.rows));
    for p in columns {
        let from = p / pieces.depth * pieces.depth;
        let depth = pieces.depth.min(s.k - from);
        let at = shared.at(p * s.a_column, 0, from * column + (p - from) * tiles.rows);
        // SAFETY: column `p` of A, and row `p` of every tile of its piece.
        unsafe { column_of(tiles.rows, s.m, tiles.rows * depth, at.a, at.c) }
    }
}

/// # Safety
/// `shared.a` is A; `shared.c` its scratch; nobody else writes the tiles of these rows, which begin
/// with a tile.
unsafe fn tiles_of_a(tiles: &Tiles, s: &Gemm, shared: &Shared, rows: Range<usize>) {
    let column = s.m.next_multiple_of(tiles.rows);
    for (from, depth) in Pieces::of(s.k).each() {
        for i in rows.clone().step_by(tiles.rows) {
            let at = shared.at(i * s.a_row + from * s.a_column, 0, from * column + i * depth);
            // SAFETY: a tile of A and its place.
            unsafe { transfer(at.a, s.a_column, s.a_row, depth, tiles.rows.min(rows.end - i), at.c, tiles.rows) }
        }
    }
}

/// One block of the product: `size` rows and columns from `at` on.
///
/// # Safety
/// All elements that `s` describes from the pointers on are in bounds, B packed by [`pack`], C
/// writable and its block not touched by others meanwhile.
unsafe fn product(tiles: &Tiles, s: &Gemm, shared: &Shared, at: [usize; 2], size: [usize; 2]) {
    let strips = s.n.div_ceil(tiles.wide);
    if s.k == 0 && !s.accumulate {
        for row in at[0]..at[0] + size[0] {
            // SAFETY: a row of the block, by the caller's word.
            unsafe { shared.c.add(row * s.c_row + at[1]).write_bytes(0, size[1]) };
        }
    }
    for (from, depth) in Pieces::of(s.k).each() {
        let piece = Gemm { m: size[0], n: size[1], k: depth, accumulate: s.accumulate || from > 0, ..*s };
        // SAFETY: the piece is part of what the caller vouched for; `at[1]` is a multiple of a strip.
        unsafe {
            let b = shared.b.add(from * strips * tiles.wide + at[1] * depth);
            let c = shared.c.add(at[0] * s.c_row + at[1]);
            if packs_a(s) {
                // `at[0]` is a multiple of a tile.
                let a = shared.a.add(from * s.m.next_multiple_of(tiles.rows) + at[0] * depth);
                let piece = Gemm { a_row: 1, a_column: tiles.rows, ..piece };
                rows(tiles, &piece, a, tiles.rows * depth, b, c);
            } else {
                let a = shared.a.wrapping_add(at[0] * s.a_row + from * s.a_column);
                rows(tiles, &piece, a, tiles.rows * s.a_row, b, c);
            }
        }
    }
}

/// Copies a column of a transposed A, along memory, into row after row of its tiles, which are
/// `stride` apart.
///
/// # Safety
/// `from` is readable for `m` elements; the rows are writable.
unsafe fn column_of(tile_rows: usize, m: usize, stride: usize, from: *const f32, to: *mut f32) {
    /// Copies into whole tiles of a height that the compiler knows.
    ///
    /// # Safety
    /// As [`column_of`].
    #[inline(always)]
    unsafe fn whole<const R: usize>(tiles: usize, stride: usize, from: *const f32, to: *mut f32) {
        for t in 0..tiles {
            // SAFETY: tile `t` of the column and of the buffer.
            unsafe { to.add(t * stride).cast::<[f32; R]>().write(from.add(t * R).cast::<[f32; R]>().read()) }
        }
    }
    let tiles = m / tile_rows;
    // SAFETY: `m` elements of the column, and their rows, by the caller's word.
    unsafe {
        match tile_rows {
            4 => whole::<4>(tiles, stride, from, to),
            6 => whole::<6>(tiles, stride, from, to),
            8 => whole::<8>(tiles, stride, from, to),
            _ => unreachable!("tiles are 4, 6 or 8 rows high"),
        }
        for r in tiles * tile_rows..m {
            *to.add(tiles * stride + r - tiles * tile_rows) = *from.add(r);
        }
    }
}

/// A piece: every strip of packed B over all rows.
///
/// # Safety
/// As [`product`]; strips of `b` are `s.k` times the tiles' width apart.
unsafe fn rows(tiles: &Tiles, s: &Gemm, a: *const f32, a_tile: usize, b: *const f32, c: *mut f32) {
    for j in (0..s.n).step_by(tiles.wide) {
        let width = tiles.wide.min(s.n - j);
        let strip = Strip {
            rows: s.m,
            width,
            depth: s.k,
            a,
            a_row: s.a_row,
            a_column: s.a_column,
            a_tile,
            b: b.wrapping_add(j * s.k),
            b_row: tiles.wide,
            c: c.wrapping_add(j),
            c_row: s.c_row,
            add: s.accumulate,
        };
        // SAFETY: a strip of what the caller vouched for.
        unsafe { tiles.run(tiles.strip_width(width), &strip) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_close, assert_same_at_any_threads, noise, on_every_set};
    use crate::kernels::gemm::Finish;
    use crate::kernels::map::{Backward, Unary};

    /// Odd edges of tiles, strips, blocks and pieces.
    const SHAPES: [(usize, usize, usize); 7] =
        [(1, 1, 1), (7, 5, 3), (64, 70, 19), (100, 33, 2), (130, 17, 300), (201, 300, 70), (193, 128, 1040)];

    fn layouts(m: usize, n: usize, k: usize) -> [Gemm; 4] {
        let dense = Gemm::dense(m, n, k);
        [dense, dense.transpose_a(), dense.transpose_b(), dense.transpose_a().transpose_b().accumulating()]
    }

    fn run(pool: &Pool, s: &Gemm, epilogue: Epilogue<'_>) -> Vec<f32> {
        let (a, b, mut c) = (noise(1, s.m * s.k), noise(2, s.k * s.n), noise(3, s.m * s.n));
        let mut scratch = vec![f32::NAN; blocked_scratch(s)];
        let mut sums = vec![f32::NAN; s.n];
        gemm_blocked(pool, s, &a, &b, &mut c, &mut scratch, epilogue, Some(&mut sums));
        for (j, sum) in sums.iter().enumerate() {
            let exact: f64 = (0..s.k).map(|p| f64::from(b[p * s.b_row + j * s.b_column])).sum();
            let close = 2e-5_f64.max(1e-7 * s.k as f64);
            assert!((f64::from(*sum) - exact).abs() < close, "{s:?}: sum {j} of the rows is {sum}, not {exact}");
        }
        c
    }

    /// The product by plain loops.
    fn plain(s: &Gemm) -> Vec<f64> {
        let (a, b, c) = (noise(1, s.m * s.k), noise(2, s.k * s.n), noise(3, s.m * s.n));
        let term = |i: usize, j: usize, p: usize| {
            f64::from(a[i * s.a_row + p * s.a_column]) * f64::from(b[p * s.b_row + j * s.b_column])
        };
        let element = |at: usize| {
            let (i, j) = (at / s.n, at % s.n);
            let before = if s.accumulate { f64::from(c[at]) } else { 0.0 };
            before + (0..s.k).map(|p| term(i, j, p)).sum::<f64>()
        };
        (0..s.m * s.n).map(element).collect()
    }

    #[test]
    fn blocked_products_agree_with_plain_loops() {
        for (m, n, k) in SHAPES {
            for s in layouts(m, n, k) {
                let want = plain(&s);
                on_every_set(|pool| assert_close("c", &run(pool, &s, Epilogue::default()), &want, 2e-5));
            }
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for (m, n, k) in SHAPES {
            for s in layouts(m, n, k) {
                assert_same_at_any_threads(|pool| vec![run(pool, &s, Epilogue::default())]);
            }
        }
    }

    #[test]
    fn a_sum_of_nothing_is_zero() {
        let s = Gemm::dense(70, 9, 0);
        on_every_set(|pool| assert!(run(pool, &s, Epilogue::default()).iter().all(|&x| x == 0.0)));
        on_every_set(|pool| assert_eq!(run(pool, &s.accumulating(), Epilogue::default()), noise(3, 70 * 9)));
    }

    #[test]
    fn epilogues_follow_the_product() {
        let s = Gemm::dense(130, 300, 70);
        let (bias, other) = (noise(4, s.n), noise(5, s.m * s.n));
        let sums: Vec<f64> =
            plain(&s).iter().enumerate().map(|(at, c)| c + f64::from(bias[at % s.n]) + f64::from(other[at])).collect();
        let relu: Vec<f64> = sums.iter().map(|x| x.max(0.0)).collect();
        let slope: Vec<f64> = plain(&s).iter().zip(&other).map(|(c, x)| if *x > 0.0 { *c } else { 0.0 }).collect();
        on_every_set(|pool| {
            let both = |finish| Epilogue { bias: Some(&bias), add: Some(&other), finish };
            assert_close("map", &run(pool, &s, both(Finish::Map(Unary::Relu))), &relu, 2e-5);
            let mut kept = vec![f32::NAN; s.m * s.n];
            assert_close("before", &run(pool, &s, both(Finish::Keep(Unary::Relu, &mut kept))), &sums, 2e-5);
            assert_close("kept", &kept, &relu, 2e-5);
            let finish = Finish::Slope(Backward::Relu, &other);
            assert_close("slope", &run(pool, &s, Epilogue { finish, ..Epilogue::default() }), &slope, 2e-5);
        });
    }
}
