//! Segments: rows grouped by an index, as the nodes of several graphs or the edges at a node.
//! `segment_arg_max` is an op without a gradient; sums, means, maxima and softmax are composed.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::rows;

/// Inputs: x `[entries, ..width]`, segments `[entries]`.
#[derive(Debug)]
struct SegmentArgMax {
    count: usize,
}

impl Op for SegmentArgMax {
    fn name(&self) -> &'static str {
        "segment_arg_max"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, segments] if segments.len() == 1 && x.starts_with(segments) => {
                Ok(vec![[&[self.count], &x[1..]].concat().into()])
            }
            _ => Err(ShapeError::new("segment_arg_max", inputs, "x [entries, ..] and segments [entries]")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, segments, ..], outputs: [y, ..], output_shapes, scratch, pool, .. } = io;
        rows::segment_arg_max(pool, output_shapes[0][1..].iter().product(), x, segments, y, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        rows::bucket_scratch(self.count, inputs[1].size())
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        inputs[0].size() as u64
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![None, None])
    }
}

/// In all of these `self` is `[entries, ..width]`, `segments` `[entries]` holds numbers below `count`
/// (-1 leaves an entry out; a number that is no segment makes the result NaN), and the result of one
/// row a segment is `[count, ..width]`.
impl<'g> Var<'g> {
    /// The sum of each segment, 0 where it is empty.
    ///
    /// # Panics
    /// If there is not one segment an entry; so do all of these.
    pub fn segment_sum(self, segments: Var<'g>, count: usize) -> Var<'g> {
        self.scatter_add_rows(segments, count)
    }

    /// The mean of each segment, 0 where it is empty.
    pub fn segment_mean(self, segments: Var<'g>, count: usize) -> Var<'g> {
        let graph = self.graph();
        let entries = segments.shape();
        let ones = graph.constant(entries.clone(), vec![1.0; entries.size()]);
        let mut rows = vec![1; self.shape().len()];
        rows[0] = count;
        let sizes = ones.segment_sum(segments, count).maximum(graph.scalar(1.0)).reshape(rows);
        self.segment_sum(segments, count) / sizes
    }

    /// The largest element of each segment and column, 0 where a segment is empty; the gradient goes
    /// to the first of equals.
    pub fn segment_max(self, segments: Var<'g>, count: usize) -> Var<'g> {
        self.take_along(0, self.graph().apply_one(SegmentArgMax { count }, &[self, segments]))
    }

    /// The softmax over the entries of each segment, column by column: `[entries, ..width]`, zeros for
    /// entries left out.
    pub fn segment_softmax(self, segments: Var<'g>, count: usize) -> Var<'g> {
        // The maximum only keeps the exponentials in range, so that no gradient goes through it.
        let top = self.stop_gradient().segment_max(segments, count).gather_rows(segments);
        // Entries left out are weighed by 0, whatever they hold.
        let mut rows = vec![1; self.shape().len()];
        rows[0] = segments.shape()[0];
        let counted = (segments + 0.5).step().reshape(rows);
        let zero = self.graph().scalar(0.0);
        let weights = counted.select(counted.select(self - top, zero).exp(), zero);
        let totals = weights.segment_sum(segments, count).gather_rows(segments);
        weights / counted.select(totals, self.graph().scalar(1.0))
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    use ndarray::Axis;
    /// `f` of the numbers of every segment and column that has some, 0 elsewhere.
    fn by_segment(x: &[Array], count: usize, f: fn(&[f64]) -> f64) -> Array {
        let width = x[0].len() / x[1].len();
        let mut y = Array::zeros([&[count], &x[0].shape()[1..]].concat());
        for (place, y) in y.iter_mut().enumerate() {
            let of_row = x[0].axis_iter(Axis(0)).zip(&x[1]).filter(|(_, segment)| **segment == (place / width) as f64);
            let numbers: Vec<f64> = of_row.map(|(row, _)| *row.iter().nth(place % width).expect("a column")).collect();
            *y = if numbers.is_empty() { 0.0 } else { f(&numbers) };
        }
        y
    }
    fn square(y: Array) -> Array {
        &y * &y
    }
    fn sum(x: &[f64]) -> f64 {
        x.iter().sum()
    }
    fn largest(x: &[f64]) -> f64 {
        x.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
    let softmax = |x: &[Array]| {
        let weights = x[0].mapv(f64::exp);
        let totals = by_segment(&[weights.clone(), x[1].clone()], 4, sum);
        let mut y = weights;
        for (mut row, segment) in y.axis_iter_mut(Axis(0)).zip(&x[1]) {
            if *segment < 0.0 {
                row.fill(0.0);
            } else {
                row /= &totals.index_axis(Axis(0), *segment as usize);
            }
        }
        y
    };
    let inputs = || [real([11, 3]), index([11], -1, 4)];
    vec![
        Case::one("sum", inputs(), |x| x[0].segment_sum(x[1], 4).square(), |x| square(by_segment(x, 4, sum))),
        Case::one(
            "mean",
            inputs(),
            |x| x[0].segment_mean(x[1], 4).square(),
            |x| square(by_segment(x, 4, |x| sum(x) / x.len() as f64)),
        ),
        Case::one(
            "mean of numbers",
            [real([11]), index([11], -1, 4)],
            |x| x[0].segment_mean(x[1], 4).square(),
            |x| square(by_segment(x, 4, |x| sum(x) / x.len() as f64)),
        ),
        Case::one("max", inputs(), |x| x[0].segment_max(x[1], 4).square(), |x| square(by_segment(x, 4, largest))),
        Case::one(
            "max of blocks",
            [real([7, 2, 3]), index([7], -1, 9)],
            |x| x[0].segment_max(x[1], 9).square(),
            |x| square(by_segment(x, 9, largest)),
        ),
        Case::one("softmax", inputs(), |x| x[0].segment_softmax(x[1], 4), softmax),
    ]
}
