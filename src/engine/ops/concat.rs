//! `concat`: values side by side along one axis; each gets its own slice of dy.

use crate::engine::{Backward, Graph, Io, MAX_INPUTS, Op, Shape, ShapeError, Var, op::Gradients};

#[derive(Debug)]
struct Concat {
    axis: usize,
}

impl Op for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let error = || ShapeError::new("concat", inputs, format!("inputs that differ in axis {} alone", self.axis));
        let first = inputs.first().filter(|x| self.axis < x.len()).ok_or_else(error)?;
        let others =
            |x: &Shape| x.len() == first.len() && (0..x.len()).all(|axis| axis == self.axis || x[axis] == first[axis]);
        if !inputs.iter().all(|x| others(x)) {
            return Err(error());
        }
        let mut extents = first.to_vec();
        extents[self.axis] = inputs.iter().map(|x| x[self.axis]).sum();
        Ok(vec![extents.into()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs, outputs: [y, ..], input_shapes, output_shapes, .. } = io;
        let inner: usize = output_shapes[0][self.axis + 1..].iter().product();
        let row = output_shapes[0][self.axis] * inner;
        let mut start = 0;
        for (x, shape) in inputs.iter().zip(input_shapes) {
            let part = shape[self.axis] * inner;
            for (y, x) in y.chunks_exact_mut(row.max(1)).zip(x.chunks_exact(part.max(1))) {
                y[start..start + part].copy_from_slice(x);
            }
            start += part;
        }
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let mut start = 0;
        let slice = |(input, wanted): (&Var<'g>, &bool)| {
            let len = input.shape()[self.axis];
            start += len;
            wanted.then(|| at.d_output().slice(self.axis, start - len, len))
        };
        Ok(at.inputs.iter().zip(at.wanted).map(slice).collect())
    }
}

impl Graph {
    /// Values side by side along one axis.
    ///
    /// # Panics
    /// If there are none, or they differ in another axis.
    pub fn concat<'g>(&'g self, axis: usize, values: &[Var<'g>]) -> Var<'g> {
        // More than an op can take are joined in groups.
        if values.len() > MAX_INPUTS {
            let groups: Vec<Var<'g>> = values.chunks(MAX_INPUTS).map(|group| self.concat(axis, group)).collect();
            return self.concat(axis, &groups);
        }
        self.apply_one(Concat { axis }, values)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    let case = |axis: usize, shapes: [[usize; 3]; 3]| {
        let oracle = move |x: &[Array]| {
            let views: Vec<_> = x.iter().map(|x| x.view()).collect();
            let y = ndarray::concatenate(ndarray::Axis(axis), &views).expect("they fit");
            let y = y.as_standard_layout().into_owned();
            &y * &y
        };
        Case::one(
            format!("axis {axis}"),
            shapes.map(real),
            move |x| {
                let y = x[0].graph().concat(axis, x);
                y * y
            },
            oracle,
        )
    };
    vec![
        case(0, [[1, 3, 2], [2, 3, 2], [3, 3, 2]]),
        case(1, [[2, 1, 5], [2, 4, 5], [2, 2, 5]]),
        case(2, [[2, 3, 1], [2, 3, 7], [2, 3, 4]]),
    ]
}
