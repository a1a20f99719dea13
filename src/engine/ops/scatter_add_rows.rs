//! `scatter_add_rows`: y[r] = sum of the x[i] with indices[i] = r, in their order, by a sort instead of
//! atomics; dx = dy[indices] (`gather_rows`).

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::rows;

/// Inputs: x `[..entries, ..width]`, indices `[..entries]`.
#[derive(Debug)]
struct ScatterAddRows {
    rows: usize,
}

impl Op for ScatterAddRows {
    fn name(&self) -> &'static str {
        "scatter_add_rows"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, indices] if x.starts_with(indices) => Ok(vec![[&[self.rows], &x[indices.len()..]].concat().into()]),
            _ => Err(ShapeError::new("scatter_add_rows", inputs, "x [..i, ..] and indices [..i]")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, indices, ..], outputs: [y, ..], output_shapes, scratch, pool, .. } = io;
        rows::scatter_add(pool, output_shapes[0][1..].iter().product(), x, indices, y, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        rows::bucket_scratch(self.rows, inputs[1].size())
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        inputs[0].size() as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output().gather_rows(at.inputs[1])), None])
    }
}

impl<'g> Var<'g> {
    /// Rows added up by index: from `x` of `[..i, ..w]` and indices `[..i]` below `rows` the sums
    /// `[rows, ..w]`, zeros where a row has none. The index -1 is left out; a number that is no row
    /// makes all NaN.
    ///
    /// # Panics
    /// If there is not one index a row.
    pub fn scatter_add_rows(self, indices: Var<'g>, rows: usize) -> Var<'g> {
        self.graph().apply_one(ScatterAddRows { rows }, &[self, indices])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    let case = |rows: usize, width: &'static [usize], entries: &'static [usize]| {
        let oracle = move |x: &[Array]| {
            let size: usize = width.iter().product();
            let mut sums = vec![0.0; rows * size];
            let indices: Vec<f64> = x[1].iter().copied().collect();
            for (place, value) in x[0].iter().enumerate() {
                if indices[place / size] >= 0.0 {
                    sums[indices[place / size] as usize * size + place % size] += value;
                }
            }
            sums.iter_mut().for_each(|sum| *sum *= *sum);
            Array::from_shape_vec([&[rows], width].concat(), sums).expect("a sum a row")
        };
        let inputs = [real([entries, width].concat()), index(entries, -1, rows as i32)];
        Case::one(
            format!("{rows} {width:?} {entries:?}"),
            inputs,
            move |x| x[0].scatter_add_rows(x[1], rows).square(),
            oracle,
        )
    };
    vec![case(5, &[3], &[7]), case(3, &[2, 5], &[4, 3]), case(4, &[], &[9]), case(7, &[19], &[3])]
}
