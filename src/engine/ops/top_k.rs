//! `top_k`: the places of the k largest elements of each row, largest first; no gradient. The values
//! are taken there, so that each has its own gradient.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::along;

#[derive(Debug)]
struct TopK {
    count: usize,
}

impl Op for TopK {
    fn name(&self) -> &'static str {
        "top_k"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x] if !x.is_empty() && self.count <= x.last_extent() => Ok(vec![x.with_last(self.count)]),
            _ => Err(ShapeError::new("top_k", inputs, format!("one input [.., n] with n at least {}", self.count))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [indices, ..], input_shapes, pool, .. } = io;
        along::top(pool, input_shapes[0].last_extent(), self.count, x, indices);
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        inputs[0].size() as u64
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![None])
    }
}

impl<'g> Var<'g> {
    /// The `count` largest elements of each row of `[.., n]`, largest first, and their places as
    /// numbers, both `[.., count]`. First of equals first; NaN counts as the largest.
    ///
    /// # Panics
    /// If a row has fewer elements.
    pub fn top_k(self, count: usize) -> (Var<'g>, Var<'g>) {
        let indices = self.graph().apply_one(TopK { count }, &[self]);
        (self.take_along(self.shape().len() - 1, indices), indices)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    let case = |shape: &'static [usize], count: usize| {
        let oracle = move |x: &[Array]| {
            let mut sorted = Vec::new();
            for lane in x[0].lanes(ndarray::Axis(shape.len() - 1)) {
                let mut places: Vec<usize> = (0..lane.len()).collect();
                places.sort_by(|&a, &b| lane[b].total_cmp(&lane[a]));
                sorted.extend(places[..count].iter().map(|&i| (lane[i].powi(2), i as f64)));
            }
            let mut extents = shape.to_vec();
            extents[shape.len() - 1] = count;
            let array = |values: Vec<f64>| Array::from_shape_vec(extents.clone(), values).expect("so many a row");
            let (values, places) = sorted.into_iter().unzip();
            vec![array(values), array(places)]
        };
        Case::new(
            format!("{shape:?} {count}"),
            [real(shape)],
            move |x| {
                let (values, indices) = x[0].top_k(count);
                vec![values.square(), indices]
            },
            oracle,
        )
    };
    vec![case(&[7], 1), case(&[3, 19], 4), case(&[2, 3, 5], 5)]
}
