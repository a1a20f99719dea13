//! `cumsum`: y[i] = x[0] + .. + x[i] along an axis, or from its end; dx is the same of dy from the
//! other end.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::along::{self, Axis};

#[derive(Clone, Copy, Debug)]
struct Cumsum {
    axis: usize,
    reverse: bool,
}

impl Op for Cumsum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x] if self.axis < x.len() => Ok(vec![(*x).clone()]),
            _ => Err(ShapeError::new("cumsum", inputs, format!("one input with the axis {}", self.axis))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        along::cumulate(pool, Axis::of(&input_shapes[0], self.axis), self.reverse, x, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let back = Cumsum { reverse: !self.reverse, ..*self };
        Ok(vec![Some(at.inputs[0].graph().apply_one(back, &[at.d_output()]))])
    }
}

impl<'g> Var<'g> {
    /// The running sums along an axis; each includes its own place.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn cumsum(self, axis: usize) -> Var<'g> {
        self.graph().apply_one(Cumsum { axis, reverse: false }, &[self])
    }

    /// The running sums from the end of an axis, as of rewards to come.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn cumsum_reverse(self, axis: usize) -> Var<'g> {
        self.graph().apply_one(Cumsum { axis, reverse: true }, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use ndarray::Axis;
    let case = |axis: usize, reverse: bool| {
        let oracle = move |x: &[Array]| {
            let mut y = x[0].clone();
            for mut lane in y.lanes_mut(Axis(axis)) {
                if reverse {
                    lane.invert_axis(Axis(0));
                }
                let mut sum = 0.0;
                lane.iter_mut().for_each(|y| {
                    sum += *y;
                    *y = sum;
                });
            }
            &y * &y
        };
        Case::one(
            format!("{axis} {reverse}"),
            [real([3, 5, 7])],
            move |x| {
                if reverse { x[0].cumsum_reverse(axis).square() } else { x[0].cumsum(axis).square() }
            },
            oracle,
        )
    };
    vec![case(0, false), case(1, true), case(2, false), case(2, true)]
}
