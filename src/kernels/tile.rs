//! Register tiles: the innermost loops of the matrix product, one for each instruction set.
//!
//! A tile of C stays in registers while a strip of B streams by. LLVM keeps the sums of the same
//! loop over plain arrays in memory, one scalar at a time, hence the intrinsics. Every
//! element is `c (+)= sum over p in order of a[p] b[p]`, so all tiles of a set give the same bits.
#![allow(unsafe_code)]

use super::isa::{Isa, isa};

/// The widest strip of any set, in columns.
pub(super) const WIDEST: usize = 32;
/// The tallest tile of any set, in rows.
pub(super) const TALLEST: usize = 8;

/// Terms of a sum for one turn of the inner loop. A core whose other thread is busy decodes half as
/// much; what the loop itself costs then shows (a tenth on AVX2).
/// The loop lists as many terms.
const UNROLL: usize = 4;

/// What the compiler knows of the strides: nothing,
const ANY: u8 = 0;
/// that the columns of A follow one another along memory,
const ROWS: u8 = 1;
/// that its rows do,
const COLUMNS: u8 = 2;
/// or that A and B are packed.
const PACKED: u8 = 3;

/// `C[rows, width] (+)= A[rows, depth] · B[depth, strip width]`, by pointers into checked slices.
#[derive(Clone, Copy)]
pub(super) struct Strip {
    /// Rows of A and C.
    pub(super) rows: usize,
    /// Columns of C to write: at most the strip's.
    pub(super) width: usize,
    /// Length of the sums.
    pub(super) depth: usize,
    /// A and the distances between its rows, its columns and its tiles.
    pub(super) a: *const f32,
    pub(super) a_row: usize,
    pub(super) a_column: usize,
    pub(super) a_tile: usize,
    /// B, each of whose rows has the strip's whole width.
    pub(super) b: *const f32,
    pub(super) b_row: usize,
    /// C and the distance between its rows.
    pub(super) c: *mut f32,
    pub(super) c_row: usize,
    /// Add to C instead of overwriting it.
    pub(super) add: bool,
}

/// The tiles of one instruction set.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    /// Rows of a tile.
    pub(super) rows: usize,
    /// Columns of a strip.
    pub(super) wide: usize,
    /// Columns of the strip for a narrow rest.
    pub(super) narrow: usize,
    wide_strip: unsafe fn(&Strip),
    narrow_strip: unsafe fn(&Strip),
}

impl Tiles {
    /// Those of the set in use.
    pub(super) fn current() -> Tiles {
        match isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => avx512::TILES,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => avx2::TILES,
            _ => plain::TILES,
        }
    }

    /// The columns of the strip that serves `remaining` more columns best.
    pub(super) fn strip_width(&self, remaining: usize) -> usize {
        if remaining <= self.narrow { self.narrow } else { self.wide }
    }

    /// Computes a strip that is `columns` (wide or narrow) wide.
    ///
    /// # Safety
    /// All elements that the fields of `strip` describe are in bounds, those of C writable and not
    /// touched by others meanwhile; `strip.width <= columns`.
    pub(super) unsafe fn run(&self, columns: usize, strip: &Strip) {
        let body = if columns == self.wide { self.wide_strip } else { self.narrow_strip };
        // SAFETY: the caller's promise; `current` chose a set that this CPU has.
        unsafe { body(strip) }
    }
}

/// Defines a module with the tiles of one set from its vector type and five operations on it.
macro_rules! tiles {
    (
        $(#[$attribute:meta])* mod $name:ident $(uses $arch:ident)?;
        lanes $lanes:literal, rows $rows:literal { $($rest:literal),* };
        zero $zero:expr; splat $splat:expr; load $load:expr; store $store:expr;
        add $add:expr; multiply_add $multiply_add:expr;
    ) => {
        mod $name {
            use super::{ANY, COLUMNS, PACKED, ROWS, Strip, Tiles, UNROLL};
            $(use std::arch::$arch::*;)?

            pub(super) const TILES: Tiles = Tiles {
                rows: $rows,
                wide: 2 * $lanes,
                narrow: $lanes,
                wide_strip: strip::<2>,
                narrow_strip: strip::<1>,
            };

            /// One tile of `R` rows and `V` vectors at `a` and `c`.
            ///
            /// # Safety
            /// As [`Tiles::run`], for R whole rows of the strip's width; the strides are of `LAYOUT`; the
            /// CPU has the set.
            $(#[$attribute])*
            #[inline]
            unsafe fn tile<const R: usize, const V: usize, const LAYOUT: u8>(
                s: &Strip,
                a: *const f32,
                c: *mut f32,
                c_row: usize,
                add: bool,
            ) {
                let a_row = [s.a_row, s.a_row, 1, 1][LAYOUT as usize];
                let a_column = [s.a_column, 1, s.a_column, $rows][LAYOUT as usize];
                let b_row = if LAYOUT == PACKED { V * $lanes } else { s.b_row };
                // SAFETY: `p < depth`, `i < R` and `j < V` stay inside what the caller vouched for.
                unsafe {
                    let mut sums = [[$zero; V]; R];
                    let (mut a, mut b) = (a, s.b);
                    let mut left = s.depth;
                    macro_rules! term {
                        ($p:expr) => {{
                            let (a, b) = (a.wrapping_add($p * a_column), b.wrapping_add($p * b_row));
                            let mut row = [$zero; V];
                            for j in 0..V {
                                row[j] = $load(b.add(j * $lanes));
                            }
                            for i in 0..R {
                                let x = $splat(*a.add(i * a_row));
                                for j in 0..V {
                                    sums[i][j] = $multiply_add(x, row[j], sums[i][j]);
                                }
                            }
                        }};
                    }
                    while left >= UNROLL {
                        term!(0);
                        term!(1);
                        term!(2);
                        term!(3);
                        (a, b) = (a.wrapping_add(UNROLL * a_column), b.wrapping_add(UNROLL * b_row));
                        left -= UNROLL;
                    }
                    for p in 0..left {
                        term!(p);
                    }
                    for i in 0..R {
                        for j in 0..V {
                            let to = c.add(i * c_row + j * $lanes);
                            $store(to, if add { $add($load(to), sums[i][j]) } else { sums[i][j] });
                        }
                    }
                }
            }

            /// As `tile`, for a strip of which C has only `s.width` columns.
            ///
            /// # Safety
            /// As `tile`.
            $(#[$attribute])*
            #[inline]
            unsafe fn edge<const R: usize, const V: usize, const LAYOUT: u8>(s: &Strip, a: *const f32, c: *mut f32) {
                const SIZE: usize = 2 * $lanes * $rows;
                let columns = V * $lanes;
                let mut whole = [0.0f32; SIZE];
                // SAFETY: `whole` holds R x V vectors; only `s.width` columns of C are touched.
                unsafe {
                    tile::<R, V, LAYOUT>(s, a, whole.as_mut_ptr(), columns, false);
                    for i in 0..R {
                        let c = std::slice::from_raw_parts_mut(c.add(i * s.c_row), s.width);
                        for (c, x) in c.iter_mut().zip(&whole[i * columns..]) {
                            *c = if s.add { *c + x } else { *x };
                        }
                    }
                }
            }

            /// # Safety
            /// As [`Tiles::run`]; the CPU has the set.
            $(#[$attribute])*
            unsafe fn strip<const V: usize>(s: &Strip) {
                // SAFETY: the strides are looked at; the rest is the caller's promise.
                unsafe {
                    match (s.b_row == V * $lanes, s.a_row, s.a_column) {
                        (true, 1, $rows) => tiles::<V, PACKED>(s),
                        (_, _, 1) => tiles::<V, ROWS>(s),
                        (_, 1, _) => tiles::<V, COLUMNS>(s),
                        _ => tiles::<V, ANY>(s),
                    }
                }
            }

            /// # Safety
            /// As [`Tiles::run`]; the strides are of `LAYOUT`; the CPU has the set.
            $(#[$attribute])*
            unsafe fn tiles<const V: usize, const LAYOUT: u8>(s: &Strip) {
                let (mut a, mut c, mut rows) = (s.a, s.c, s.rows);
                // SAFETY: tiles step through the rows that the caller vouched for.
                unsafe {
                    if s.width == V * $lanes {
                        while rows >= $rows {
                            tile::<$rows, V, LAYOUT>(s, a, c, s.c_row, s.add);
                            (a, c, rows) = (a.wrapping_add(s.a_tile), c.wrapping_add($rows * s.c_row), rows - $rows);
                        }
                        match rows {
                            $($rest => tile::<$rest, V, LAYOUT>(s, a, c, s.c_row, s.add),)*
                            _ => {}
                        }
                    } else {
                        while rows >= $rows {
                            edge::<$rows, V, LAYOUT>(s, a, c);
                            (a, c, rows) = (a.wrapping_add(s.a_tile), c.wrapping_add($rows * s.c_row), rows - $rows);
                        }
                        match rows {
                            $($rest => edge::<$rest, V, LAYOUT>(s, a, c),)*
                            _ => {}
                        }
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
tiles! {
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
    mod avx512 uses x86_64;
    lanes 16, rows 8 { 1, 2, 3, 4, 5, 6, 7 };
    zero _mm512_setzero_ps(); splat _mm512_set1_ps; load _mm512_loadu_ps; store _mm512_storeu_ps;
    add _mm512_add_ps; multiply_add _mm512_fmadd_ps;
}

#[cfg(target_arch = "x86_64")]
tiles! {
    #[target_feature(enable = "avx2,fma")]
    mod avx2 uses x86_64;
    lanes 8, rows 6 { 1, 2, 3, 4, 5 };
    zero _mm256_setzero_ps(); splat _mm256_set1_ps; load _mm256_loadu_ps; store _mm256_storeu_ps;
    add _mm256_add_ps; multiply_add _mm256_fmadd_ps;
}

#[cfg(target_arch = "x86_64")]
tiles! {
    #[target_feature(enable = "sse2")]
    mod plain uses x86_64;
    lanes 4, rows 4 { 1, 2, 3 };
    zero _mm_setzero_ps(); splat _mm_set1_ps; load _mm_loadu_ps; store _mm_storeu_ps;
    add _mm_add_ps; multiply_add (|a, b, c| _mm_add_ps(_mm_mul_ps(a, b), c));
}

#[cfg(target_arch = "aarch64")]
tiles! {
    #[target_feature(enable = "neon")]
    mod plain uses aarch64;
    lanes 4, rows 8 { 1, 2, 3, 4, 5, 6, 7 };
    zero vdupq_n_f32(0.0); splat vdupq_n_f32; load vld1q_f32; store vst1q_f32;
    add vaddq_f32; multiply_add (|a, b, c| vfmaq_f32(c, a, b));
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
tiles! {
    mod plain;
    lanes 1, rows 4 { 1, 2, 3 };
    zero 0.0f32; splat std::convert::identity; load std::ptr::read; store std::ptr::write;
    add (|a, b| a + b); multiply_add (|a, b, c| a * b + c);
}
