//! `arg_max`, `arg_min`: where the largest or smallest element of each row is, first of equals, as a
//! number; no gradient. `max` and `min` over axes take the element there, so dy goes to the first.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::reduce::{self, Extreme};

#[derive(Debug)]
struct ArgExtreme {
    extreme: Extreme,
}

impl Op for ArgExtreme {
    fn name(&self) -> &'static str {
        match self.extreme {
            Extreme::Largest => "arg_max",
            Extreme::Smallest => "arg_min",
        }
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x] if !x.is_empty() && x.last_extent() > 0 => Ok(vec![x[..x.len() - 1].into()]),
            _ => Err(ShapeError::new(self.name(), inputs, "one input [.., n] with n above 0")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [indices, ..], input_shapes, pool, .. } = io;
        reduce::arg_extreme(pool, self.extreme, input_shapes[0].last_extent(), x, indices);
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        inputs[0].size() as u64
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![None])
    }
}

impl<'g> Var<'g> {
    /// Where the largest element of each row of `[.., n]` is, as a number; first of equals, and NaN
    /// counts as the largest. Its gradient is zero.
    ///
    /// # Panics
    /// If there is no last axis or it is empty; so do all extremes.
    pub fn arg_max(self) -> Var<'g> {
        self.graph().apply_one(ArgExtreme { extreme: Extreme::Largest }, &[self])
    }

    /// Where the smallest element of each row is; otherwise as [`Var::arg_max`].
    pub fn arg_min(self) -> Var<'g> {
        self.graph().apply_one(ArgExtreme { extreme: Extreme::Smallest }, &[self])
    }

    /// The largest element over some axes, which go away; the gradient goes to the first of equals.
    pub fn max_axes(self, axes: &[usize]) -> Var<'g> {
        let rows = self.axes_last(axes);
        rows.pick(rows.arg_max())
    }

    /// The smallest element over some axes, which go away; the gradient goes to the first of equals.
    pub fn min_axes(self, axes: &[usize]) -> Var<'g> {
        let rows = self.axes_last(axes);
        rows.pick(rows.arg_min())
    }

    /// These axes as one last axis.
    fn axes_last(self, axes: &[usize]) -> Var<'g> {
        let shape = self.shape();
        let (gone, kept): (Vec<usize>, Vec<usize>) = (0..shape.len()).partition(|axis| axes.contains(axis));
        let mut extents: Vec<usize> = kept.iter().map(|axis| shape[*axis]).collect();
        extents.push(gone.iter().map(|axis| shape[*axis]).product());
        let order = [kept, gone].concat();
        let in_order = if order.is_sorted() { self } else { self.permute(&order) };
        in_order.reshape(extents)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    use ndarray::Axis;
    let case = |axes: &'static [usize], sign: f64| {
        let oracle = move |x: &[Array]| {
            let top = axes.iter().rev().fold(&x[0] * sign, |x, axis| {
                x.map_axis(Axis(*axis), |lane| lane.iter().copied().fold(f64::NEG_INFINITY, f64::max))
            });
            &top * &top
        };
        Case::one(
            format!("{axes:?} {sign}"),
            [real([3, 5, 17])],
            move |x| {
                if sign > 0.0 { x[0].max_axes(axes).square() } else { x[0].min_axes(axes).square() }
            },
            oracle,
        )
    };
    fn first(x: &Array, sign: f64) -> Array {
        let place = |lane: ndarray::ArrayView1<'_, f64>| {
            let best = |best: usize, i: usize| if sign * lane[i] > sign * lane[best] { i } else { best };
            (0..lane.len()).fold(0, best) as f64
        };
        x.map_axis(Axis(x.ndim() - 1), place)
    }
    // Few different numbers, so that some are equal; times a real input, whose gradient sees them.
    let inputs = || [index([5, 19], 0, 3), real([5])];
    vec![
        case(&[2], 1.0),
        case(&[0], 1.0),
        case(&[0, 2], 1.0),
        case(&[0, 1, 2], 1.0),
        case(&[1], -1.0),
        case(&[1, 2], -1.0),
        Case::one("arg_max", inputs(), |x| x[0].arg_max() * x[1], |x| first(&x[0], 1.0) * &x[1]),
        Case::one("arg_min", inputs(), |x| x[0].arg_min() * x[1], |x| first(&x[0], -1.0) * &x[1]),
    ]
}
