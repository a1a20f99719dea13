//! Copies blocks of an operand into the order in which tiles read them.

use crate::kernels::isa::{Isa, isa};

/// Rows and columns of a block that is turned at once.
const BLOCK: usize = 8;

/// Copies `depth` rows of `width` elements, any distances apart, to rows of `padded` elements, the
/// rest of which is zero.
///
/// # Safety
/// The elements described from `from` are readable, `depth * padded` from `to` writable.
pub(super) unsafe fn transfer(
    from: *const f32,
    row: usize,
    column: usize,
    depth: usize,
    width: usize,
    to: *mut f32,
    padded: usize,
) {
    // SAFETY: `p < depth` and `j < padded` throughout.
    unsafe {
        if column != 1 && row == 1 && width == padded {
            return turned(from, column, depth, width, to);
        }
        if width < padded {
            to.write_bytes(0, depth * padded);
        }
        if column == 1 {
            match width {
                6 => rows_of::<6>(from, row, depth, to, padded),
                8 => rows_of::<8>(from, row, depth, to, padded),
                16 => rows_of::<16>(from, row, depth, to, padded),
                32 => rows_of::<32>(from, row, depth, to, padded),
                _ => (0..depth).for_each(|p| from.add(p * row).copy_to_nonoverlapping(to.add(p * padded), width)),
            }
        } else {
            plain(from, row, column, 0..depth, width, to, padded);
        }
    }
}

/// One element after the other.
///
/// # Safety
/// As [`transfer`].
unsafe fn plain(
    from: *const f32,
    row: usize,
    column: usize,
    depths: std::ops::Range<usize>,
    width: usize,
    to: *mut f32,
    padded: usize,
) {
    for j in 0..width {
        for p in depths.clone() {
            // SAFETY: `p` is a row and `j` a column of both, by the caller's word.
            unsafe { *to.add(p * padded + j) = *from.add(p * row + j * column) };
        }
    }
}

/// Copies rows of a width that the compiler knows.
///
/// # Safety
/// As [`transfer`].
#[inline(always)]
unsafe fn rows_of<const W: usize>(from: *const f32, row: usize, depth: usize, to: *mut f32, padded: usize) {
    for p in 0..depth {
        // SAFETY: row `p` of both, by the caller's promise.
        unsafe { to.add(p * padded).cast::<[f32; W]>().write(from.add(p * row).cast::<[f32; W]>().read()) }
    }
}

/// Columns that lie `column` apart and whose elements follow one another become rows.
///
/// # Safety
/// As [`transfer`] with `row` 1 and `padded` equal to `width`.
unsafe fn turned(from: *const f32, column: usize, depth: usize, width: usize, to: *mut f32) {
    // A block may write behind the last of its rows, so the last row is not among the whole blocks
    // unless these fill the width.
    let blocks = if width.is_multiple_of(BLOCK) { depth } else { depth.saturating_sub(1) };
    let whole = blocks / BLOCK * BLOCK;
    for p in (0..whole).step_by(BLOCK) {
        // Columns upwards: what a block writes behind its last column the next one overwrites.
        for j in (0..width).step_by(BLOCK) {
            let columns = BLOCK.min(width - j);
            // SAFETY: a block of `columns` columns and `BLOCK` elements of each; rows are written
            // upwards, so that the next row overwrites what stands behind one, and there is a next row.
            unsafe {
                let (from, to) = (from.add(p + j * column), to.add(p * width + j));
                match isa() {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 | Isa::Avx2 => x86::turn(from, column, columns, to, width),
                    _ => plain(from, 1, column, 0..BLOCK, columns, to, width),
                }
            }
        }
    }
    // SAFETY: the rows that are left.
    unsafe { plain(from, 1, column, whole..depth, width, to, width) };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::BLOCK;

    /// Turns `columns` (at most 8) columns of 8 elements into 8 rows of 8, `width` apart, in order;
    /// behind the columns stand zeros.
    ///
    /// # Safety
    /// The columns are readable; 8 elements of each row are writable, or the next row follows; the CPU
    /// has AVX.
    #[target_feature(enable = "avx")]
    pub(super) unsafe fn turn(from: *const f32, column: usize, columns: usize, to: *mut f32, width: usize) {
        // SAFETY: as the caller says.
        unsafe {
            let mut x = [_mm256_setzero_ps(); BLOCK];
            if columns == BLOCK {
                for (j, x) in x.iter_mut().enumerate() {
                    *x = _mm256_loadu_ps(from.add(j * column));
                }
            } else {
                for (j, x) in x.iter_mut().enumerate().take(columns) {
                    *x = _mm256_loadu_ps(from.add(j * column));
                }
            }
            let pairs = |a, b| (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            let ((a0, a1), (a2, a3)) = (pairs(x[0], x[1]), pairs(x[2], x[3]));
            let ((a4, a5), (a6, a7)) = (pairs(x[4], x[5]), pairs(x[6], x[7]));
            let quads = |a, b| (_mm256_shuffle_ps::<0b01_00_01_00>(a, b), _mm256_shuffle_ps::<0b11_10_11_10>(a, b));
            let ((b0, b1), (b2, b3)) = (quads(a0, a2), quads(a1, a3));
            let ((b4, b5), (b6, b7)) = (quads(a4, a6), quads(a5, a7));
            let rows = [
                _mm256_permute2f128_ps::<0x20>(b0, b4),
                _mm256_permute2f128_ps::<0x20>(b1, b5),
                _mm256_permute2f128_ps::<0x20>(b2, b6),
                _mm256_permute2f128_ps::<0x20>(b3, b7),
                _mm256_permute2f128_ps::<0x31>(b0, b4),
                _mm256_permute2f128_ps::<0x31>(b1, b5),
                _mm256_permute2f128_ps::<0x31>(b2, b6),
                _mm256_permute2f128_ps::<0x31>(b3, b7),
            ];
            for (p, row) in rows.into_iter().enumerate() {
                _mm256_storeu_ps(to.add(p * width), row);
            }
        }
    }
}
