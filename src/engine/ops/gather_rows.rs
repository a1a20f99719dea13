//! `gather_rows`: y[i] = x[indices[i]], an embedding: rows of a table by index; dx adds dy into the
//! rows it came from (`scatter_add_rows`, whose gradient is `gather_rows`).

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::rows;

/// Inputs: x `[rows, ..width]`, indices `[..entries]`.
#[derive(Debug)]
struct GatherRows;

impl Op for GatherRows {
    fn name(&self) -> &'static str {
        "gather_rows"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, indices] if !x.is_empty() => Ok(vec![[&indices[..], &x[1..]].concat().into()]),
            _ => Err(ShapeError::new("gather_rows", inputs, "x [rows, ..] and indices")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, indices, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        rows::gather(pool, input_shapes[0][1..].iter().product(), x, indices, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (x, indices) = (at.inputs[0], at.inputs[1]);
        Ok(vec![at.wanted[0].then(|| at.d_output().scatter_add_rows(indices, x.shape()[0])), None])
    }
}

impl<'g> Var<'g> {
    /// Rows (items of the first axis) by index, as an embedding looks tokens up: `x` of `[rows, ..w]`
    /// at indices `[..i]` is `[..i, ..w]`. The index -1 gives zeros and has no gradient; a number
    /// that is no row gives NaN.
    ///
    /// # Panics
    /// If this is a scalar.
    pub fn gather_rows(self, indices: Var<'g>) -> Var<'g> {
        self.graph().apply_one(GatherRows, &[self, indices])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    let case = |rows: usize, width: &'static [usize], entries: &'static [usize]| {
        let oracle = move |x: &[Array]| {
            let size: usize = width.iter().product();
            let table: Vec<f64> = x[0].iter().copied().collect();
            let row = |at: &f64| match *at {
                at if at < 0.0 => vec![0.0; size],
                at => table[at as usize * size..][..size].to_vec(),
            };
            let values = x[1].iter().flat_map(row).map(|y| y * y).collect();
            Array::from_shape_vec([entries, width].concat(), values).expect("a row an index")
        };
        let inputs = [real([&[rows], width].concat()), index(entries, -1, rows as i32)];
        Case::one(format!("{rows} {width:?} {entries:?}"), inputs, |x| x[0].gather_rows(x[1]).square(), oracle)
    };
    vec![case(5, &[3], &[7]), case(3, &[2, 5], &[4, 3]), case(4, &[], &[9]), case(2, &[19], &[])]
}
