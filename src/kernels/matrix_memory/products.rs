//! The small matrix products of a chunk, on register tiles.
#![allow(unsafe_code)]

use crate::kernels::tile::{Strip, Tiles, WIDEST};

/// Numbers that must follow the last line of a right-hand side: strips read whole.
pub(super) const SLACK: usize = WIDEST;

/// A left-hand side, number by number: element `(i, p)` is `data[i * row + p * column]`.
#[derive(Clone, Copy)]
pub(super) struct Scalars<'a> {
    pub(super) data: &'a [f32],
    pub(super) row: usize,
    pub(super) column: usize,
}

/// A right-hand side, line by line, [`SLACK`] numbers behind the last.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a> {
    pub(super) data: &'a [f32],
    pub(super) stride: usize,
}

/// What a product writes: lines that are `stride` apart, over what they hold or added to it.
pub(super) struct Into<'a> {
    pub(super) data: &'a mut [f32],
    pub(super) stride: usize,
    pub(super) add: bool,
}

/// `C (+)= A B` for `[rows, depth]` and `[depth, width]`, none of them 0.
pub(super) fn product([rows, depth, width]: [usize; 3], a: Scalars<'_>, b: Lines<'_>, c: Into<'_>) {
    let tiles = Tiles::current();
    assert!(rows * depth * width > 0, "a product of nothing");
    assert!((rows - 1) * a.row + (depth - 1) * a.column < a.data.len(), "A is too short");
    assert!((rows - 1) * c.stride + width <= c.data.len() && width <= c.stride, "C is too short");
    let mut first = 0;
    while first < width {
        let columns = tiles.strip_width(width - first);
        assert!((depth - 1) * b.stride + first + columns <= b.data.len(), "B is too short");
        let strip = Strip {
            rows,
            width: columns.min(width - first),
            depth,
            a: a.data.as_ptr(),
            a_row: a.row,
            a_column: a.column,
            a_tile: tiles.rows * a.row,
            b: b.data[first..].as_ptr(),
            b_row: b.stride,
            c: c.data[first..].as_mut_ptr(),
            c_row: c.stride,
            add: c.add,
        };
        // SAFETY: the bounds of A, B and C are checked above, C is exclusively ours, and
        // `width <= columns`.
        unsafe { tiles.run(columns, &strip) };
        first += columns;
    }
}
