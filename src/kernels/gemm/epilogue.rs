//! What is done to a block of a product while it is still in the inner caches: bias, sum with
//! another array, an activation or the slope of one.

#![allow(unsafe_code)]

use super::Gemm;
use crate::base::threads::Pool;
use crate::kernels::isa::kernel;
use crate::kernels::map::{BLOCK, Backward, Unary, backward_in_place, unary_in_place, unary_row};

/// What follows `C = A · B`, in the order of the fields. All arrays but the bias are laid as C.
#[derive(Debug, Default)]
pub struct Epilogue<'a> {
    /// Added to every row: `[n]`.
    pub bias: Option<&'a [f32]>,
    /// Added.
    pub add: Option<&'a [f32]>,
    /// The last step.
    pub finish: Finish<'a>,
}

/// The last step of an [`Epilogue`].
#[derive(Debug, Default)]
pub enum Finish<'a> {
    /// None.
    #[default]
    Nothing,
    /// `C = f(C)`.
    Map(Unary),
    /// `f(C)` goes to another array; C stays for the backward.
    Keep(Unary, &'a mut [f32]),
    /// `C = C f'`, with the slope from what was saved: the backward of an activation.
    Slope(Backward, &'a [f32]),
}

/// The same with pointers that tasks on several threads share.
pub(super) struct Shared<'a> {
    bias: Option<&'a [f32]>,
    add: Option<&'a [f32]>,
    finish: SharedFinish<'a>,
}

enum SharedFinish<'a> {
    Nothing,
    Map(Unary),
    Keep(Unary, *mut f32),
    Slope(Backward, &'a [f32]),
}

// SAFETY: what is kept is written in disjoint blocks, by the word of `Shared::finish`.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    /// # Panics
    /// When an array is too short for the shape: a bug in the caller.
    pub(super) fn new(s: &Gemm, len: usize, epilogue: Epilogue<'a>) -> Shared<'a> {
        let whole = |x: &[f32]| assert!(x.len() == len, "gemm: an epilogue's array is not laid as C of {s:?}");
        if let Some(bias) = epilogue.bias {
            assert!(bias.len() == s.n, "gemm: the bias of {s:?} has {} numbers", bias.len());
        }
        epilogue.add.into_iter().for_each(whole);
        let finish = match epilogue.finish {
            Finish::Nothing => SharedFinish::Nothing,
            Finish::Map(f) => SharedFinish::Map(f),
            Finish::Keep(f, to) => {
                whole(to);
                SharedFinish::Keep(f, to.as_mut_ptr())
            }
            Finish::Slope(f, saved) => {
                whole(saved);
                SharedFinish::Slope(f, saved)
            }
        };
        Shared { bias: epilogue.bias, add: epilogue.add, finish }
    }

    /// Finishes `rows` x `columns` of C from row `i` and column `j` on.
    ///
    /// # Safety
    /// The block lies inside C, and no other thread touches it or the block of what is kept.
    pub(super) unsafe fn finish(&self, s: &Gemm, c: *mut f32, [i, j]: [usize; 2], [rows, columns]: [usize; 2]) {
        for row in i..i + rows {
            let at = row * s.c_row + j;
            // SAFETY: a row of the block, by the caller's word.
            let c = unsafe { std::slice::from_raw_parts_mut(c.wrapping_add(at), columns) };
            if let Some(bias) = self.bias {
                add_row(&bias[j..j + columns], c);
            }
            if let Some(add) = self.add {
                add_row(&add[at..at + columns], c);
            }
            match self.finish {
                SharedFinish::Nothing => {}
                SharedFinish::Map(f) => unary_in_place(f, c),
                SharedFinish::Keep(f, to) => {
                    // SAFETY: as long as C, which was checked; the same block of it.
                    let kept = unsafe { std::slice::from_raw_parts_mut(to.add(at), columns) };
                    unary_row(f, c, kept);
                }
                SharedFinish::Slope(f, saved) => backward_in_place(f, &saved[at..at + columns], c),
            }
        }
    }
}

/// Does what follows a product to `c`, whole and dense, with rows of `n`.
///
/// # Panics
/// When an array is too short: a bug in the caller.
pub fn finish(pool: &Pool, n: usize, c: &mut [f32], epilogue: Epilogue<'_>) {
    let rows = c.len().checked_div(n).unwrap_or(0);
    let shape = Gemm::dense(rows, n, 0);
    let after = Shared::new(&shape, c.len(), epilogue);
    let part = (BLOCK / n.max(1)).max(1);
    pool.parts(c, part * n, |block, c| {
        let first = block * part;
        // SAFETY: whole rows of C, which this task alone holds; the pointer is to row 0, so that row
        // `first` is where the part begins.
        unsafe { after.finish(&shape, c.as_mut_ptr().wrapping_sub(first * n), [first, 0], [c.len() / n, n]) };
    });
}

kernel! {
    fn add_row<A>(x: &[f32], y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y += x;
        }
    }
}
