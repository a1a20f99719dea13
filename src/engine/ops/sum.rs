//! `sum`: over some axes, in an order fixed by the shape; dx = dy repeated over them.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::reduce;
use crate::kernels::strided::View;

/// Sums over `axes` (ascending), which keep an extent of 1.
#[derive(Debug)]
struct Sum {
    axes: Vec<usize>,
}

impl Op for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x] if self.axes.iter().all(|axis| *axis < x.len()) => {
                let extent = |(axis, extent): (usize, &usize)| if self.axes.contains(&axis) { 1 } else { *extent };
                Ok(vec![x.iter().enumerate().map(extent).collect::<Vec<_>>().into()])
            }
            _ => Err(ShapeError::new("sum", inputs, format!("one input with the axes {:?}", self.axes))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        reduce::sum_axes(pool, View::new(x, &input_shapes[0]), &self.axes, 1.0, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output().broadcast_to(at.inputs[0].shape()))])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        inputs[0].size() as u64
    }

    fn sums_rows(&self, input: &Shape) -> bool {
        !input.is_empty() && self.axes.iter().copied().eq(0..input.len() - 1)
    }
}

impl<'g> Var<'g> {
    /// The sum over some axes, which stay with an extent of 1.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn sum_keeping(self, axes: &[usize]) -> Var<'g> {
        let mut axes = axes.to_vec();
        axes.sort_unstable();
        axes.dedup();
        if axes.is_empty() { self } else { self.graph().apply_one(Sum { axes }, &[self]) }
    }

    /// The sum over some axes, which go away.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn sum_axes(self, axes: &[usize]) -> Var<'g> {
        let shape = self.shape();
        let left: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).collect();
        self.sum_keeping(axes).reshape(left)
    }

    /// The sum of all elements, as a scalar.
    pub fn sum(self) -> Var<'g> {
        let axes: Vec<usize> = (0..self.shape().len()).collect();
        self.sum_axes(&axes)
    }

    /// The mean of all elements, as a scalar.
    pub fn mean(self) -> Var<'g> {
        self.sum() * (1.0 / self.shape().size() as f32)
    }

    /// The sum over whatever broadcasting repeated to get here from `shape`.
    pub(crate) fn sum_to(self, shape: &Shape) -> Var<'g> {
        let own = self.shape();
        let new = own.len() - shape.len();
        let repeated = |axis: &usize| *axis < new || (shape[axis - new] == 1 && own[*axis] != 1);
        let axes: Vec<usize> = (0..own.len()).filter(repeated).collect();
        self.sum_keeping(&axes).reshape(shape.clone())
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use ndarray::Axis;
    let case = |shape: &'static [usize], axes: &'static [usize]| {
        let oracle = move |x: &[Array]| {
            let sum = axes.iter().rev().fold(&x[0] * &x[0], |sum, axis| sum.sum_axis(Axis(*axis)));
            &sum * &sum
        };
        Case::one(
            format!("{shape:?} {axes:?}"),
            [real(shape)],
            move |x| {
                let y = (x[0] * x[0]).sum_axes(axes);
                y * y
            },
            oracle,
        )
    };
    vec![
        case(&[4, 5], &[0]),
        case(&[4, 5], &[1]),
        case(&[4, 5], &[0, 1]),
        case(&[2, 3, 4, 5], &[1, 3]),
        case(&[3, 1, 7], &[0, 2]),
        case(&[67, 3], &[0]),
        case(&[3, 67], &[1]),
    ]
}
