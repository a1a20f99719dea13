//! `rotary`: pairs (i, i + d/2) of every head turn by position * base^(-2 i / d) (Su et al. 2021);
//! dx = dy turned back. The angles' cosines and sines are a table that all layers share.

use crate::engine::{Backward, GradientError, Graph, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::rotary as kernel;

/// Input: positions. Output: `[.., width]`, cosines then sines.
#[derive(Clone, Copy, Debug)]
struct RotaryTable {
    width: usize,
    base: f32,
}

/// Inputs: x `[.., T, H width]`, table `[T, width]` or one row for each of x.
#[derive(Clone, Copy, Debug)]
struct Rotary {
    inverse: bool,
}

impl Op for RotaryTable {
    fn name(&self) -> &'static str {
        "rotary_table"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [positions] if self.width.is_multiple_of(2) && self.width > 0 => {
                let mut extents = positions.to_vec();
                extents.push(self.width);
                Ok(vec![extents.into()])
            }
            _ => Err(ShapeError::new(
                "rotary_table",
                inputs,
                format!("positions, and an even width, not {}", self.width),
            )),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [positions, ..], outputs: [table, ..], .. } = io;
        for (row, position) in table.chunks_mut(self.width).zip(positions) {
            kernel::rotary_row(f64::from(*position), f64::from(self.base), row);
        }
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::NoRule { op: "rotary_table", why: "positions are given, not learned" })
    }

    fn flop(&self, _: &[Shape], outputs: &[Shape]) -> u64 {
        20 * outputs[0].size() as u64
    }
}

impl Op for Rotary {
    fn name(&self) -> &'static str {
        if self.inverse { "rotary_back" } else { "rotary" }
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let fits = |x: &Shape, table: &Shape| {
            let (axes, own) = (&x[..x.len().saturating_sub(1)], &table[..table.len().saturating_sub(1)]);
            let width = table.last_extent();
            table.len() > 1
                && width > 0
                && width.is_multiple_of(2)
                && x.last_extent().is_multiple_of(width)
                && axes.ends_with(own)
        };
        match inputs {
            [x, table] if fits(x, table) => Ok(vec![(*x).clone()]),
            _ => Err(ShapeError::new(self.name(), inputs, "x [.., T, H width] and a table [T, width] of even width")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, table, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        let width = input_shapes[1].last_extent();
        kernel::rotary(pool, width, input_shapes[0].last_extent() / width, self.inverse, x, table, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.wanted[1] {
            return Err(GradientError::NoRule { op: "rotary", why: "angles are given, not learned" });
        }
        let back = Rotary { inverse: !self.inverse };
        Ok(vec![Some(at.d_output().graph().apply_one(back, &[at.d_output(), at.inputs[1]])), None])
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        3 * inputs[0].size() as u64
    }
}

impl Graph {
    /// The table of [`Var::rotary`] for the positions `first..first + tokens`, `[tokens, width]`, for
    /// heads of `width`; a constant. `base` is 10000 as a rule.
    ///
    /// # Panics
    /// If the width is odd.
    pub fn rotary_table(&self, first: usize, tokens: usize, width: usize, base: f32) -> Var<'_> {
        assert!(width > 0 && width.is_multiple_of(2), "rotary positions need heads of even width, not {width}");
        let mut table = vec![0.0; tokens * width];
        for (t, row) in table.chunks_mut(width).enumerate() {
            kernel::rotary_row((first + t) as f64, f64::from(base), row);
        }
        self.constant([tokens, width], table)
    }
}

impl<'g> Var<'g> {
    /// The table of [`Var::rotary`] for these positions `[.., T]`: `[.., T, width]`, for heads of
    /// `width`. Positions may be computed: a stored offset plus a count.
    ///
    /// # Panics
    /// If the width is odd.
    pub fn rotary_table(self, width: usize, base: f32) -> Var<'g> {
        self.graph().apply_one(RotaryTable { width, base }, &[self])
    }

    /// Queries or keys `[.., T, H width]` turned by their positions: `table` is `[T, width]`, the same
    /// for every sequence, or has a row for each of them. Scores then depend on distances alone.
    ///
    /// # Panics
    /// If the table does not fit.
    pub fn rotary(self, table: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Rotary { inverse: false }, &[self, table])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    /// x turned, with the position of each of its rows.
    fn turned(x: &Array, position: impl Fn(usize) -> f64, width: usize, base: f64) -> Array {
        let (stride, half) = (*x.shape().last().expect("x has a width"), width / 2);
        let flat: Vec<f64> = x.iter().copied().collect();
        let value = |i: usize| {
            let at = i % stride % width;
            let angle = position(i / stride) * base.powf(-((at % half) as f64) / half as f64);
            if at < half {
                flat[i] * angle.cos() - flat[i + half] * angle.sin()
            } else {
                flat[i] * angle.cos() + flat[i - half] * angle.sin()
            }
        };
        let y = (0..flat.len()).map(value).collect();
        let y = Array::from_shape_vec(x.raw_dim(), y).expect("as many values");
        &y * &y * &y
    }
    fn cube<'g>(y: Var<'g>) -> Var<'g> {
        y * y * y
    }
    let shared = |[b, t, heads, width]: [usize; 4], first: usize| {
        Case::one(
            format!("shared {b} {t} {heads} {width} from {first}"),
            [real([b, t, heads * width])],
            move |x| cube(x[0].rotary(x[0].graph().rotary_table(first, t, width, 100.0))),
            move |x| turned(&x[0], |row| (first + row % t) as f64, width, 100.0),
        )
    };
    let own = |[b, t, heads, width]: [usize; 4]| {
        Case::one(
            format!("own {b} {t} {heads} {width}"),
            [real([b, t, heads * width]), index([b, t], 0, 50)],
            move |x| cube(x[0].rotary(x[1].rotary_table(width, 100.0))),
            move |x| turned(&x[0], |row| x[1].iter().copied().nth(row).expect("a position a row"), width, 100.0),
        )
    };
    vec![shared([2, 5, 3, 4], 0), shared([1, 7, 1, 2], 3), own([2, 3, 2, 6]), shared([3, 1, 1, 18], 11)]
}
