//! What the windows of a block of positions see, as the rows of a matrix; and its transpose, which
//! adds the rows of a matrix back to where they were seen.

use super::Geometry;
use crate::kernels::isa::kernel;

/// Calls `visit(place in the row, place in x, length)` for the parts of `x` that the window of one
/// group at position `at` sees. What no part covers lies outside the image.
#[inline(always)]
fn parts(g: &Geometry, group: usize, at: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let channels = g.group_channels();
    if g.dilation[1] != 1 || g.groups != 1 {
        return g.taps(at, |tap, pixel| visit(tap * channels, pixel * g.channels + group * channels, channels));
    }
    // The taps of a row of the window lie side by side in memory.
    let [image, row, column] = g.place(at);
    let ((rows, top), (columns, left)) = (g.inside(0, row), g.inside(1, column));
    if columns.is_empty() {
        return;
    }
    for i in rows {
        let y = (top + (i * g.dilation[0]) as isize) as usize;
        let x = (left + columns.start as isize) as usize;
        let pixel = (image * g.input[0] + y) * g.input[1] + x;
        let tap = i * g.window[1] + columns.start;
        visit(tap * channels, pixel * channels, columns.len() * channels);
    }
}

kernel! {
    /// Fills the rows of `columns`, `[positions, column]`, with what one group sees from position
    /// `first` on.
    pub(super) fn gather<A>(g: &Geometry, group: usize, first: usize, x: &[f32], columns: &mut [f32]) {
        for (i, row) in columns.chunks_exact_mut(g.column()).enumerate() {
            let mut seen = 0;
            parts(g, group, first + i, |to, from, length| {
                row[to..to + length].copy_from_slice(&x[from..from + length]);
                seen += length;
            });
            if seen < row.len() {
                row.fill(0.0);
                parts(g, group, first + i, |to, from, length| {
                    row[to..to + length].copy_from_slice(&x[from..from + length]);
                });
            }
        }
    }
}

kernel! {
    /// Adds the rows of `columns` to the places of `x` that they were gathered from.
    pub(super) fn scatter<A>(g: &Geometry, group: usize, first: usize, columns: &[f32], x: &mut [f32]) {
        for (i, row) in columns.chunks_exact(g.column()).enumerate() {
            parts(g, group, first + i, |from, to, length| {
                for (x, row) in x[to..to + length].iter_mut().zip(&row[from..from + length]) {
                    *x += row;
                }
            });
        }
    }
}
