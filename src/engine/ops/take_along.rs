//! `take_along`: y = x at indices along one axis, as numpy's take_along_axis; dx adds dy where it came
//! from (`put_along`, whose gradient is `take_along`).

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::along::{self, Axis};

/// Inputs: x, and indices that differ from its shape in the axis alone.
#[derive(Debug)]
struct TakeAlong {
    axis: usize,
}

/// Inputs: x and indices of one shape. The output has `length` places along the axis.
#[derive(Debug)]
struct PutAlong {
    axis: usize,
    length: usize,
}

fn with_extent(shape: &[usize], axis: usize, extent: usize) -> Shape {
    let mut extents = shape.to_vec();
    extents[axis] = extent;
    extents.into()
}

impl Op for TakeAlong {
    fn name(&self) -> &'static str {
        "take_along"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, indices]
                if self.axis < x.len()
                    && x.len() == indices.len()
                    && **indices == with_extent(x, self.axis, indices[self.axis]) =>
            {
                Ok(vec![(*indices).clone()])
            }
            _ => Err(ShapeError::new("take_along", inputs, format!("shapes that differ in axis {} alone", self.axis))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, indices, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        along::take(pool, Axis::of(&input_shapes[0], self.axis), input_shapes[1][self.axis], x, indices, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let put = PutAlong { axis: self.axis, length: at.inputs[0].shape()[self.axis] };
        Ok(vec![at.wanted[0].then(|| at.inputs[0].graph().apply_one(put, &[at.d_output(), at.inputs[1]])), None])
    }
}

impl Op for PutAlong {
    fn name(&self) -> &'static str {
        "put_along"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, indices] if x == indices && self.axis < x.len() => Ok(vec![with_extent(x, self.axis, self.length)]),
            _ => Err(ShapeError::new("put_along", inputs, format!("two of one shape with the axis {}", self.axis))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, indices, ..], outputs: [y, ..], input_shapes, output_shapes, pool, .. } = io;
        along::put(pool, Axis::of(&output_shapes[0], self.axis), input_shapes[0][self.axis], x, indices, y);
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        inputs[0].size() as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output().take_along(self.axis, at.inputs[1])), None])
    }
}

impl<'g> Var<'g> {
    /// Elements by index along an axis: `indices` differs from this shape in that axis alone and is
    /// the shape of the result. The index -1 gives 0 and has no gradient; a number that is no place
    /// gives NaN.
    ///
    /// # Panics
    /// If the shapes differ elsewhere.
    pub fn take_along(self, axis: usize, indices: Var<'g>) -> Var<'g> {
        self.graph().apply_one(TakeAlong { axis }, &[self, indices])
    }

    /// Elements added up by index along an axis of `length`, from zeros; `indices` has this shape.
    /// The index -1 is left out; a number that is no place makes its item NaN.
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn put_along(self, axis: usize, length: usize, indices: Var<'g>) -> Var<'g> {
        self.graph().apply_one(PutAlong { axis, length }, &[self, indices])
    }

    /// One element a row: `x` of `[.., n]` at indices `[..]`, as of logits at their targets.
    ///
    /// # Panics
    /// If there is not one index a row.
    pub fn pick(self, indices: Var<'g>) -> Var<'g> {
        let rows = indices.shape();
        let mut column = rows.to_vec();
        column.push(1);
        self.take_along(rows.len(), indices.reshape(column)).reshape(rows)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    /// Calls `body(place of x, place of the indices)` for every index that is a place.
    fn pairs(axis: usize, indices: &Array, mut body: impl FnMut(&[usize], &[usize])) {
        for (at, index) in indices.indexed_iter().filter(|(_, index)| **index >= 0.0) {
            let mut from = ndarray::Dimension::slice(&at).to_vec();
            from[axis] = *index as usize;
            body(&from, ndarray::Dimension::slice(&at));
        }
    }
    let take = |axis: usize, picks: usize| {
        let oracle = move |x: &[Array]| {
            let mut y = Array::zeros(x[1].raw_dim());
            pairs(axis, &x[1], |from, to| y[to] = x[0][from].powi(2));
            y
        };
        let mut shape = [2, 4, 5];
        shape[axis] = picks;
        let inputs = [real([2, 4, 5]), index(shape, -1, [2, 4, 5][axis])];
        Case::one(format!("take {axis} {picks}"), inputs, move |x| x[0].take_along(axis, x[1]).square(), oracle)
    };
    let put = |axis: usize, length: usize| {
        let oracle = move |x: &[Array]| {
            let mut shape = vec![2, 4, 5];
            shape[axis] = length;
            let mut y = Array::zeros(shape);
            pairs(axis, &x[1], |to, from| y[to] += x[0][from]);
            &y * &y
        };
        let inputs = [real([2, 4, 5]), index([2, 4, 5], -1, length as i32)];
        Case::one(format!("put {axis} {length}"), inputs, move |x| x[0].put_along(axis, length, x[1]).square(), oracle)
    };
    let pick = |x: &[Array]| Array::from_shape_fn(vec![7], |at| x[0][[at[0], x[1][at] as usize]].powi(2));
    vec![
        take(0, 3),
        take(1, 1),
        take(2, 9),
        put(0, 3),
        put(1, 2),
        put(2, 7),
        Case::one("pick", [real([7, 5]), index([7], 0, 5)], |x| x[0].pick(x[1]).square(), pick),
    ]
}
