//! Where an attention reads and writes: three arrays, or one with queries, keys and values side by
//! side.
#![allow(unsafe_code)]

use std::marker::PhantomData;

use super::{AttentionShape, Track};

/// Queries, keys and values.
#[derive(Clone, Copy, Debug)]
pub struct AttentionInputs<'a> {
    parts: [&'a [f32]; 3],
    stride: usize,
}

impl<'a> AttentionInputs<'a> {
    /// Three arrays `[B, T, H*width]`.
    pub fn separate(shape: AttentionShape, q: &'a [f32], k: &'a [f32], v: &'a [f32]) -> Self {
        AttentionInputs { parts: [q, k, v], stride: shape.stride() }
    }

    /// One array `[B, T, 3*H*width]`: queries, keys and values of all heads side by side.
    pub fn packed(shape: AttentionShape, x: &'a [f32]) -> Self {
        let parts = [0, 1, 2].map(|i| x.get(i * shape.stride()..).unwrap_or_default());
        AttentionInputs { parts, stride: 3 * shape.stride() }
    }

    /// Queries, keys and values of head `h` of sequence `item`.
    pub(super) fn head(&self, shape: AttentionShape, item: usize, h: usize) -> [Track<'a>; 3] {
        self.parts.map(|x| shape.track(x, self.stride, item, h))
    }
}

/// The gradients by queries, keys and values, to be overwritten.
#[derive(Debug)]
pub struct AttentionGradients<'a> {
    parts: [Heads<'a>; 3],
}

impl<'a> AttentionGradients<'a> {
    /// Three arrays `[B, T, H*width]`.
    pub fn separate(shape: AttentionShape, dq: &'a mut [f32], dk: &'a mut [f32], dv: &'a mut [f32]) -> Self {
        AttentionGradients { parts: [dq, dk, dv].map(|x| Heads::new(x, shape.stride())) }
    }

    /// One array `[B, T, 3*H*width]`.
    pub fn packed(shape: AttentionShape, dx: &'a mut [f32]) -> Self {
        let all = Heads::new(dx, 3 * shape.stride());
        AttentionGradients { parts: [0, 1, 2].map(|i| all.from(i * shape.stride())) }
    }

    /// Those of head `h` of sequence `item`.
    ///
    /// # Safety
    /// As [`Heads::head`].
    pub(super) unsafe fn head(&self, shape: AttentionShape, item: usize, h: usize) -> [Columns<'_>; 3] {
        // SAFETY: the three parts lie in different arrays or `H*width` columns apart.
        self.parts.each_ref().map(|heads| unsafe { heads.head(shape, item, h) })
    }
}

/// An output whose heads lie side by side in every token, for several threads to fill.
#[derive(Debug)]
pub(super) struct Heads<'a> {
    start: *mut f32,
    len: usize,
    stride: usize,
    whole: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is an exclusive slice that is only reached through `head`, whose callers keep apart.
unsafe impl Sync for Heads<'_> {}

impl<'a> Heads<'a> {
    pub(super) fn new(x: &'a mut [f32], stride: usize) -> Self {
        Heads { start: x.as_mut_ptr(), len: x.len(), stride, whole: PhantomData }
    }

    /// The same from a later column on.
    fn from(&self, column: usize) -> Self {
        let skipped = column.min(self.len);
        Heads { start: self.start.wrapping_add(skipped), len: self.len - skipped, ..*self }
    }

    /// Head `h` of sequence `item`.
    ///
    /// # Safety
    /// While the result lives nobody else may ask for the same head of the same sequence.
    pub(super) unsafe fn head(&self, shape: AttentionShape, item: usize, h: usize) -> Columns<'_> {
        let at = item * shape.tokens * self.stride + h * shape.width;
        assert!(at <= self.len, "attention: an output is too short for {shape:?}");
        Columns {
            start: self.start.wrapping_add(at),
            len: self.len - at,
            stride: self.stride,
            width: shape.width,
            part: PhantomData,
        }
    }
}

/// Some columns of a matrix, exclusively: row `t` is `width` numbers from `t * stride` on.
pub(super) struct Columns<'a> {
    start: *mut f32,
    len: usize,
    stride: usize,
    width: usize,
    part: PhantomData<&'a mut [f32]>,
}

impl<'a> Columns<'a> {
    /// The first `width` columns of the matrix `x`.
    pub(super) fn of(x: &'a mut [f32], stride: usize, width: usize) -> Self {
        assert!(width <= stride);
        Columns { start: x.as_mut_ptr(), len: x.len(), stride, width, part: PhantomData }
    }

    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Where `rows` rows from `first` on begin; all their numbers may be written.
    #[inline(always)]
    pub(super) fn rows(&mut self, first: usize, rows: usize) -> *mut f32 {
        assert!(rows > 0 && (first + rows - 1) * self.stride + self.width <= self.len, "attention: rows out of bounds");
        self.start.wrapping_add(first * self.stride)
    }

    /// One row.
    #[inline(always)]
    pub(super) fn row(&mut self, t: usize) -> &mut [f32] {
        let start = self.rows(t, 1);
        // SAFETY: `rows` checked the bounds, and the columns are exclusively ours.
        unsafe { std::slice::from_raw_parts_mut(start, self.width) }
    }
}
