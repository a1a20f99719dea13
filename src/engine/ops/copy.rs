//! `copy`: y = x, in memory of its own; dx = dy. As an update it assigns to a stored value.

use super::pointwise::same;
use crate::engine::{Backward, Io, Op, Shape, ShapeError, op::Gradients};

/// Copies its input.
#[derive(Debug)]
pub struct Copy;

impl Op for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("copy", inputs)
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], .. } = io;
        y.copy_from_slice(x);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output())])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::real;
    vec![Case::one(
        "copy",
        [real([3, 7])],
        |x| {
            let copied = x[0].graph().apply_one(Copy, &[x[0]]);
            copied * copied
        },
        |x| &x[0] * &x[0],
    )]
}
