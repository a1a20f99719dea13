//! `flip`: the order along an axis turned round; dx = dy turned back.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::along::{self, Axis};

#[derive(Debug)]
struct Flip {
    axis: usize,
}

impl Op for Flip {
    fn name(&self) -> &'static str {
        "flip"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x] if self.axis < x.len() => Ok(vec![(*x).clone()]),
            _ => Err(ShapeError::new("flip", inputs, format!("one input with the axis {}", self.axis))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        along::flip(pool, Axis::of(&input_shapes[0], self.axis), x, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output().flip(self.axis))])
    }
}

impl<'g> Var<'g> {
    /// The order along an axis turned round.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn flip(self, axis: usize) -> Var<'g> {
        self.graph().apply_one(Flip { axis }, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    let case = |axis: usize| {
        let oracle = move |x: &[Array]| {
            let mut y = x[0].clone();
            y.invert_axis(ndarray::Axis(axis));
            let y = y.as_standard_layout().into_owned();
            &y * &y
        };
        Case::one(format!("{axis}"), [real([3, 5, 7])], move |x| x[0].flip(axis).square(), oracle)
    };
    vec![case(0), case(1), case(2)]
}
