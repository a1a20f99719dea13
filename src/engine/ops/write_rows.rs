//! `write_rows`: x with rows p..p+n of its second axis replaced, at a position p that is a value of
//! the graph; `read_rows` reads them. Each is the gradient of the other. `StoreRows` does the same in
//! place to a stored value: how a cache of keys and values grows.

use crate::engine::{Backward, GradientError, Graph, Io, Op, Shape, ShapeError, Slot, Store, Var, op::Gradients};

/// Inputs: x `[B, capacity, ..]`, rows `[B, n, ..]`, position (one, or one a sequence).
#[derive(Debug)]
struct WriteRows;

/// Inputs: x `[B, capacity, ..]`, position. Output: `[B, rows, ..]`.
#[derive(Debug)]
struct ReadRows {
    rows: usize,
}

/// Inputs: rows `[B, n, ..]`, position. Updates: `[B, capacity, ..]`.
#[derive(Debug)]
struct StoreRows {
    capacity: usize,
}

/// The same with another second extent.
fn with_rows(shape: &Shape, rows: usize) -> Shape {
    let mut extents = shape.to_vec();
    extents[1] = rows;
    extents.into()
}

fn is_position(position: &Shape, batch: usize) -> bool {
    position.size() == 1 || position[..] == [batch]
}

/// Calls `body(sequence, row of the cache, row of the new)` for the rows that lie in the cache.
fn each_row(position: &[f32], batch: usize, rows: usize, capacity: usize, mut body: impl FnMut(usize, usize, usize)) {
    for b in 0..batch {
        let first = position[if position.len() == 1 { 0 } else { b }];
        for i in 0..rows {
            // The cast saturates; a position below zero or NaN has no row.
            let at = first + i as f32;
            if at >= 0.0 && (at as usize) < capacity {
                body(b, at as usize, i);
            }
        }
    }
}

/// Writes the rows over `cache`.
fn write(cache: &mut [f32], shape: &Shape, rows: &[f32], count: usize, position: &[f32]) {
    let (batch, capacity, inner) = (shape[0], shape[1], shape[2..].iter().product::<usize>());
    each_row(position, batch, count, capacity, |b, to, from| {
        cache[(b * capacity + to) * inner..][..inner].copy_from_slice(&rows[(b * count + from) * inner..][..inner]);
    });
}

impl Op for WriteRows {
    fn name(&self) -> &'static str {
        "write_rows"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, rows, position]
                if x.len() >= 2
                    && rows.len() >= 2
                    && with_rows(x, rows[1]) == **rows
                    && is_position(position, x[0]) =>
            {
                Ok(vec![(*x).clone()])
            }
            _ => Err(ShapeError::new("write_rows", inputs, "x [B, capacity, ..], rows [B, n, ..] and a position")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, rows, position, ..], outputs: [y, ..], input_shapes, .. } = io;
        y.copy_from_slice(x);
        write(y, &input_shapes[0], rows, input_shapes[1][1], position);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (dy, rows, position) = (at.d_output(), at.inputs[1], at.inputs[2]);
        let dx = || dy.write_rows(rows.zeros_like(), position);
        let d_rows = || dy.read_rows(position, rows.shape()[1]);
        Ok(vec![at.wanted[0].then(dx), at.wanted[1].then(d_rows), None])
    }
}

impl Op for ReadRows {
    fn name(&self) -> &'static str {
        "read_rows"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, position] if x.len() >= 2 && is_position(position, x[0]) => Ok(vec![with_rows(x, self.rows)]),
            _ => Err(ShapeError::new("read_rows", inputs, "x [B, capacity, ..] and a position")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, position, ..], outputs: [y, ..], input_shapes, .. } = io;
        let shape = &input_shapes[0];
        let (batch, capacity, inner) = (shape[0], shape[1], shape[2..].iter().product::<usize>());
        y.fill(0.0);
        each_row(position, batch, self.rows, capacity, |b, from, to| {
            y[(b * self.rows + to) * inner..][..inner].copy_from_slice(&x[(b * capacity + from) * inner..][..inner]);
        });
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.inputs[0].zeros_like().write_rows(at.d_output(), at.inputs[1])), None])
    }
}

impl Op for StoreRows {
    fn name(&self) -> &'static str {
        "store_rows"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [rows, position] if rows.len() >= 2 && is_position(position, rows[0]) => {
                Ok(vec![with_rows(rows, self.capacity)])
            }
            _ => Err(ShapeError::new("store_rows", inputs, "rows [B, n, ..] and a position")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [rows, position, ..], outputs: [cache, ..], input_shapes, output_shapes, .. } = io;
        write(cache, &output_shapes[0], rows, input_shapes[0][1], position);
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::NoRule { op: "store_rows", why: "it is an update; use write_rows" })
    }
}

impl<'g> Var<'g> {
    /// This `[B, capacity, ..]` with its rows from `position` on replaced by `rows` `[B, n, ..]`.
    /// `position`: one number, or `[B]`. Rows that fall outside are dropped.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn write_rows(self, rows: Var<'g>, position: Var<'g>) -> Var<'g> {
        self.graph().apply_one(WriteRows, &[self, rows, position])
    }

    /// `rows` rows `[B, rows, ..]` of this `[B, capacity, ..]` from `position` on, one number or
    /// `[B]`; zeros where there is none.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn read_rows(self, position: Var<'g>, rows: usize) -> Var<'g> {
        self.graph().apply_one(ReadRows { rows }, &[self, position])
    }
}

impl Graph {
    /// Records an update: `rows` `[B, n, ..]` are written into the stored value `[B, capacity, ..]`
    /// from `position` on, one number or `[B]`; its other rows stay. Rows that fall outside are
    /// dropped.
    ///
    /// # Panics
    /// If the shapes do not fit, or the slot is updated already.
    pub fn store_rows<'g>(&'g self, store: &Store, slot: Slot, rows: Var<'g>, position: Var<'g>) {
        let capacity = store.shape(slot).get(1).copied().unwrap_or(0);
        self.update(store, StoreRows { capacity }, &[rows, position], &[slot]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    let at = |x: &Array, b: usize| if x.len() == 1 { x.iter().sum() } else { x[[b]] } as isize;
    let writes = |[b, capacity, n, inner]: [usize; 4], position: &'static [usize]| {
        let inputs = [real([b, capacity, inner]), real([b, n, inner]), index(position, -1, capacity as i32)];
        let oracle = move |x: &[Array]| {
            let mut y = x[0].clone();
            for (b, i, j) in ndarray::indices((b, n, inner)) {
                let to = at(&x[2], b) + i as isize;
                if (0..capacity as isize).contains(&to) {
                    y[[b, to as usize, j]] = x[1][[b, i, j]];
                }
            }
            &y * &y
        };
        Case::one(
            format!("write {b} {capacity} {n} {inner} {position:?}"),
            inputs,
            |x| {
                let y = x[0].write_rows(x[1], x[2]);
                y * y
            },
            oracle,
        )
    };
    let reads = |[b, capacity, n, inner]: [usize; 4], position: &'static [usize]| {
        let inputs = [real([b, capacity, inner]), index(position, -1, capacity as i32)];
        let oracle = move |x: &[Array]| {
            let y = Array::from_shape_fn(vec![b, n, inner], |i| {
                let from = at(&x[1], i[0]) + i[1] as isize;
                if (0..capacity as isize).contains(&from) { x[0][[i[0], from as usize, i[2]]] } else { 0.0 }
            });
            &y * &y
        };
        Case::one(
            format!("read {b} {capacity} {n} {inner} {position:?}"),
            inputs,
            move |x| {
                let y = x[0].read_rows(x[1], n);
                y * y
            },
            oracle,
        )
    };
    vec![
        writes([2, 5, 2, 3], &[]),
        writes([3, 4, 2, 1], &[3]),
        writes([1, 7, 3, 5], &[1]),
        reads([2, 5, 3, 3], &[]),
        reads([3, 4, 2, 2], &[3]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::threads::Pool;
    use crate::engine::Executor;
    use crate::engine::ops::copy::Copy;

    #[test]
    fn a_stored_value_grows_row_by_row_and_is_never_overrun() {
        let mut store = Store::new();
        let (cache, length) = (store.add("cache", [2, 3, 2]), store.add("length", Shape::SCALAR));
        let graph = Graph::new();
        let position = graph.read(&store, length);
        let rows = graph.constant([2, 1, 2], vec![1.0, 2.0, 3.0, 4.0]) + position;
        graph.store_rows(&store, cache, rows, position);
        graph.update(&store, Copy, &[position + 1.0], &[length]);
        let mut executor = Executor::new(graph.plan().into(), Pool::serial());
        executor.run(&mut store);
        assert_eq!(store.values(cache), [1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
        (0..4).for_each(|_| executor.run(&mut store));
        assert_eq!(store.values(cache), [1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0]);
        assert_eq!(store.values(length), [5.0]);
    }
}
