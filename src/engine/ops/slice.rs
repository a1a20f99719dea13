//! `slice`: a range of one axis; dx = dy with zeros around it (`pad`, whose gradient is `slice`).

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};

/// Indices `start..start + len` of an axis.
#[derive(Clone, Copy, Debug)]
struct Slice {
    axis: usize,
    start: usize,
    len: usize,
}

/// Zeros before and after an axis.
#[derive(Clone, Copy, Debug)]
struct Pad {
    axis: usize,
    before: usize,
    after: usize,
}

fn with_extent(shape: &Shape, axis: usize, extent: usize) -> Shape {
    let mut extents = shape.to_vec();
    extents[axis] = extent;
    extents.into()
}

impl Op for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x] if self.axis < x.len() && self.start + self.len <= x[self.axis] => {
                Ok(vec![with_extent(x, self.axis, self.len)])
            }
            _ => Err(ShapeError::new("slice", inputs, format!("one input that holds {self:?}"))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], input_shapes, .. } = io;
        let inner: usize = input_shapes[0][self.axis + 1..].iter().product();
        let (from, to) = (input_shapes[0][self.axis] * inner, self.len * inner);
        for (y, x) in y.chunks_exact_mut(to.max(1)).zip(x.chunks_exact(from.max(1))) {
            y.copy_from_slice(&x[self.start * inner..][..to]);
        }
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let after = at.inputs[0].shape()[self.axis] - self.start - self.len;
        let pad = Pad { axis: self.axis, before: self.start, after };
        Ok(vec![Some(at.inputs[0].graph().apply_one(pad, &[at.d_output()]))])
    }
}

impl Op for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x] if self.axis < x.len() => Ok(vec![with_extent(x, self.axis, self.before + x[self.axis] + self.after)]),
            _ => Err(ShapeError::new("pad", inputs, format!("one input with the axis {}", self.axis))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], input_shapes, output_shapes, .. } = io;
        let inner: usize = input_shapes[0][self.axis + 1..].iter().product();
        let (from, to) = (input_shapes[0][self.axis] * inner, output_shapes[0][self.axis] * inner);
        y.fill(0.0);
        for (y, x) in y.chunks_exact_mut(to.max(1)).zip(x.chunks_exact(from.max(1))) {
            y[self.before * inner..][..from].copy_from_slice(x);
        }
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let len = at.inputs[0].shape()[self.axis];
        Ok(vec![Some(at.d_output().slice(self.axis, self.before, len))])
    }
}

impl<'g> Var<'g> {
    /// Indices `start..start + len` of an axis.
    ///
    /// # Panics
    /// If the axis does not hold them.
    pub fn slice(self, axis: usize, start: usize, len: usize) -> Var<'g> {
        self.graph().apply_one(Slice { axis, start, len }, &[self])
    }

    /// Zeros put before and after an axis.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn pad(self, axis: usize, before: usize, after: usize) -> Var<'g> {
        self.graph().apply_one(Pad { axis, before, after }, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use ndarray::{Axis, Slice as Range};
    let case = |axis: usize, start: usize, len: usize| {
        let oracle = move |x: &[Array]| {
            let y = x[0].slice_axis(Axis(axis), Range::from(start..start + len)).to_owned();
            &y * &y
        };
        Case::one(
            format!("{axis} {start} {len}"),
            [real([3, 5, 7])],
            move |x| {
                let y = x[0].slice(axis, start, len);
                y * y
            },
            oracle,
        )
    };
    let padded = Case::one(
        "pad",
        [real([3, 5, 7])],
        |x| x[0].pad(1, 2, 1).square(),
        |x| {
            let zeros = |extent: usize| Array::zeros(vec![3, extent, 7]);
            let y = ndarray::concatenate(Axis(1), &[zeros(2).view(), x[0].view(), zeros(1).view()]).expect("they fit");
            (&y * &y).as_standard_layout().into_owned()
        },
    );
    vec![case(0, 1, 2), case(1, 0, 3), case(2, 4, 3), case(1, 2, 1), padded]
}
