//! `embedding`: y[n] = table[index[n]], zeros at -1; d table = `scatter_rows` of dy, which sums rows
//! into a table in the order of n, and whose gradient is `embedding`.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::embedding as kernel;

/// Inputs: table `[rows, width]`, indices `[..]`.
#[derive(Debug)]
struct Embedding;

/// Inputs: values `[.., width]`, indices `[..]`. Output: `[rows, width]`.
#[derive(Debug)]
struct ScatterRows {
    rows: usize,
}

impl Op for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [table, indices] if table.len() == 2 => {
                let mut extents = indices.to_vec();
                extents.push(table[1]);
                Ok(vec![extents.into()])
            }
            _ => Err(ShapeError::new("embedding", inputs, "a table [rows, width] and indices")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [table, indices, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        kernel::embedding(pool, input_shapes[0][1], table, indices, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let d_table = || at.d_output().scatter_rows(at.inputs[1], at.inputs[0].shape()[0]);
        Ok(vec![at.wanted[0].then(d_table), None])
    }
}

impl Op for ScatterRows {
    fn name(&self) -> &'static str {
        "scatter_rows"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [values, indices] if !values.is_empty() && values[..values.len() - 1] == indices[..] => {
                Ok(vec![[self.rows, values.last_extent()].into()])
            }
            _ => Err(ShapeError::new("scatter_rows", inputs, "values [.., width] and an index a row")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [values, indices, ..], outputs: [table, ..], output_shapes, pool, .. } = io;
        kernel::scatter_rows(pool, output_shapes[0][1], values, indices, table);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output().embedding(at.inputs[1])), None])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        inputs[0].size() as u64
    }
}

impl<'g> Var<'g> {
    /// The rows of this table `[rows, width]` at `indices` `[..]`, whole numbers: `[.., width]`. An
    /// index of -1 reads zeros; one that is no row reads NaN.
    ///
    /// # Panics
    /// If this is no table.
    pub fn embedding(self, indices: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Embedding, &[self, indices])
    }

    /// A table of `rows` rows: the sum of these rows `[.., width]` over equal `indices` `[..]`, in
    /// their order. An index of -1, or one that is no row, adds nothing.
    ///
    /// # Panics
    /// If there is not one index a row.
    pub fn scatter_rows(self, indices: Var<'g>, rows: usize) -> Var<'g> {
        self.graph().apply_one(ScatterRows { rows }, &[self, indices])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    fn read(table: &Array, indices: &Array) -> Array {
        let width = table.shape()[1];
        let mut shape = indices.shape().to_vec();
        shape.push(width);
        let row =
            |at: &f64| (0..width).map(|j| if *at < 0.0 { 0.0 } else { table[[*at as usize, j]] }).collect::<Vec<_>>();
        Array::from_shape_vec(shape, indices.iter().flat_map(row).collect()).expect("a row an index")
    }
    fn sum(values: &Array, indices: &Array, rows: usize) -> Array {
        let width = *values.shape().last().expect("rows have a width");
        let mut table = Array::zeros(vec![rows, width]);
        for (n, at) in indices.iter().enumerate().filter(|(_, at)| **at >= 0.0) {
            let row = values.iter().skip(n * width).take(width);
            row.enumerate().for_each(|(j, x)| table[[*at as usize, j]] += x);
        }
        table
    }
    let reads = |rows: usize, width: usize, at: &'static [usize]| {
        let inputs = [real([rows, width]), index(at, -1, rows as i32)];
        let oracle = |x: &[Array]| {
            let y = read(&x[0], &x[1]);
            &y * &y
        };
        Case::one(
            format!("read {rows} {width} {at:?}"),
            inputs,
            |x| {
                let y = x[0].embedding(x[1]);
                y * y
            },
            oracle,
        )
    };
    let sums = |rows: usize, width: usize, at: &'static [usize]| {
        let values: Vec<usize> = at.iter().copied().chain([width]).collect();
        let inputs = [real(values), index(at, -1, rows as i32)];
        let oracle = move |x: &[Array]| {
            let y = sum(&x[0], &x[1], rows);
            &y * &y
        };
        Case::one(
            format!("sum {rows} {width} {at:?}"),
            inputs,
            move |x| {
                let y = x[0].scatter_rows(x[1], rows);
                y * y
            },
            oracle,
        )
    };
    vec![
        reads(1, 1, &[3]),
        reads(5, 7, &[2, 4]),
        reads(11, 3, &[]),
        reads(3, 19, &[13]),
        sums(4, 3, &[9]),
        sums(7, 5, &[2, 3]),
    ]
}
