//! `reshape`: the same numbers under another shape; costs nothing. dx = dy, reshaped back.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};

#[derive(Debug)]
struct Reshape {
    to: Shape,
}

impl Op for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        if inputs.len() == 1 && inputs[0].size() == self.to.size() {
            return Ok(vec![self.to.clone()]);
        }
        Err(ShapeError::new("reshape", inputs, format!("one input of as many elements as {}", self.to)))
    }

    fn run(&self, _: Io<'_>) {}

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output().reshape(at.inputs[0].shape()))])
    }

    fn is_view(&self) -> bool {
        true
    }
}

impl<'g> Var<'g> {
    /// The same numbers under another shape.
    ///
    /// # Panics
    /// If the shapes hold different numbers of elements.
    pub fn reshape(self, shape: impl Into<Shape>) -> Var<'g> {
        let to = shape.into();
        if self.shape() == to { self } else { self.graph().apply_one(Reshape { to }, &[self]) }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::real;
    let oracle = |x: &[super::case::Array]| {
        let y = x[0].clone().into_shape_with_order(vec![7, 6]).expect("as many elements");
        &y * &y
    };
    vec![Case::one(
        "reshape",
        [real([2, 3, 7])],
        |x| {
            let y = x[0].reshape([7, 6]);
            y * y
        },
        oracle,
    )]
}
