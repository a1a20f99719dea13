//! `inverse_root`: Y = (A + relative lambda_max I)^(-1/power) of symmetric positive semidefinite
//! matrices, computed on a schedule and else as it was: the preconditioners of Shampoo (Gupta, Koren
//! and Singer 2018). Not to be differentiated: it belongs to the optimiser.

use super::matrix::{each, wide, write};
use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::linalg;

/// Inputs: A `[.., n, n]`, the root of before, steps done before this one.
#[derive(Clone, Copy, Debug)]
struct InverseRoot {
    power: u32,
    relative: f32,
    every: u32,
}

impl Op for InverseRoot {
    fn name(&self) -> &'static str {
        "inverse_root"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [a, before, steps] if a == before && super::matrix::is_square(a) && steps.size() == 1 => {
                Ok(vec![(*a).clone()])
            }
            _ => Err(ShapeError::new("inverse_root", inputs, "square matrices, their roots of before and one number")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, before, steps, ..], outputs: [y, ..], input_shapes, .. } = io;
        if !(steps[0] as u32).is_multiple_of(self.every) {
            return y.copy_from_slice(before);
        }
        let n = input_shapes[0].last_extent();
        for (a, y) in each(a, n * n).zip(y.chunks_exact_mut(n * n)) {
            write(linalg::inverse_root(n, &wide(a), f64::from(self.power), f64::from(self.relative)), y);
        }
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::NoRule { op: "inverse_root", why: "it belongs to the optimiser" })
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        // About 10 n^3 a decomposition, over the steps between two.
        10 * (inputs[0].size() * inputs[0].last_extent()) as u64 / u64::from(self.every)
    }
}

/// The roots of diagonal matrices, given as their diagonals `[.., n]`, at every step.
#[derive(Clone, Copy, Debug)]
struct InverseRootDiagonal {
    power: u32,
    relative: f32,
}

impl Op for InverseRootDiagonal {
    fn name(&self) -> &'static str {
        "inverse_root_diagonal"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [a] if a.last_extent() > 0 => Ok(vec![(*a).clone()]),
            _ => Err(ShapeError::new("inverse_root_diagonal", inputs, "one input")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, ..], outputs: [y, ..], input_shapes, .. } = io;
        let n = input_shapes[0].last_extent();
        for (a, y) in each(a, n).zip(y.chunks_exact_mut(n)) {
            write(linalg::inverse_root_diagonal(&wide(a), f64::from(self.power), f64::from(self.relative)), y);
        }
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::NoRule { op: "inverse_root_diagonal", why: "it belongs to the optimiser" })
    }
}

impl<'g> Var<'g> {
    /// [`Var::inverse_root`] of diagonal matrices, given as their diagonals `[.., n]`, at every step.
    ///
    /// # Panics
    /// If `power` is zero.
    pub fn inverse_root_diagonal(self, power: u32, relative: f32) -> Var<'g> {
        assert!(power > 0, "inverse_root_diagonal: a root");
        self.graph().apply_one(InverseRootDiagonal { power, relative }, &[self])
    }

    /// The `-1/power`-th powers of symmetric positive semidefinite matrices `[.., n, n]`, with
    /// `relative` times the largest eigenvalue added to each; zero has the root zero. At steps (from 0) that are no multiple
    /// of `every` it is `before`.
    ///
    /// # Panics
    /// If the shapes do not fit, or `power` or `every` is zero.
    pub fn inverse_root(self, power: u32, relative: f32, before: Var<'g>, steps: Var<'g>, every: u32) -> Var<'g> {
        assert!(power > 0 && every > 0, "inverse_root: a root and a schedule");
        self.graph().apply_one(InverseRoot { power, relative, every }, &[self, before, steps])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use super::matrix::oracle;
    // The root of A A^T + I, multiplied out again: (root^power) (A A^T + I) is I.
    let case = |n: usize, power: u32| {
        let identity = move |_: &[Array]| oracle::identity(n).into_dyn();
        Case::one(
            format!("{n} {power}"),
            [real([n, n])],
            move |x| {
                let graph = x[0].graph();
                let a = super::matrix::positive(x[0]);
                let root = a.inverse_root(power, 0.0, a.zeros_like(), graph.scalar(6.0), 3);
                (0..power).fold(a, |product, _| product.matmul(root))
            },
            identity,
        )
        .no_gradient()
    };
    let kept = Case::one(
        "between two",
        [real([3, 3])],
        |x| x[0].inverse_root(4, 1e-6, x[0], x[0].graph().scalar(7.0), 3),
        |x| x[0].clone(),
    );
    let diagonal = Case::one(
        "diagonal",
        [super::case::within([2, 3], 0.5, 2.0)],
        |x| x[0].inverse_root_diagonal(4, 0.1),
        |x| {
            let mut y = x[0].clone();
            for mut row in y.rows_mut() {
                let largest = row.iter().fold(0.0f64, |m, x| m.max(*x));
                row.mapv_inplace(|x| (x + f64::from(0.1f32) * largest).powf(-0.25));
            }
            y
        },
    );
    vec![case(1, 4), case(7, 4), case(5, 2), kept.no_gradient(), diagonal.no_gradient()]
}
