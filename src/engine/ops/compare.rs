//! `greater`, `greater_equal`, `equal`: 1 where a > b, a >= b, a = b, else 0, with broadcasting; their
//! gradients are zero.

use super::pointwise::{broadcast, run_binary};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::binary::Binary;

#[derive(Debug)]
struct Compare {
    name: &'static str,
    by: Binary,
}

impl Op for Compare {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        broadcast(self.name, inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_binary(self.by, io);
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![None, None])
    }
}

impl<'g> Var<'g> {
    /// 1 where an element is greater than the other's, else 0.
    ///
    /// # Panics
    /// If the shapes cannot be broadcast to one; so do all comparisons.
    pub fn greater(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Compare { name: "greater", by: Binary::Greater }, &[self, other])
    }

    /// 1 where an element is greater than the other's or equal to it, else 0.
    pub fn greater_equal(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Compare { name: "greater_equal", by: Binary::GreaterEqual }, &[self, other])
    }

    /// 1 where an element is less than the other's, else 0.
    pub fn less(self, other: Var<'g>) -> Var<'g> {
        other.greater(self)
    }

    /// 1 where two elements are equal, else 0.
    pub fn equal(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Compare { name: "equal", by: Binary::Equal }, &[self, other])
    }

    /// For indices `[..]` the rows `[.., classes]` that are 1 at the index and 0 elsewhere; all 0
    /// where it is no class.
    pub fn one_hot(self, classes: usize) -> Var<'g> {
        let mut column = self.shape().to_vec();
        column.push(1);
        let numbers = self.graph().constant([classes], (0..classes).map(|class| class as f32).collect());
        self.reshape(column).equal(numbers)
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    fn compare(a: &Array, b: &Array, holds: fn(f64) -> bool) -> Array {
        (a - b).mapv(|difference| f64::from(u8::from(holds(difference))))
    }
    // Whole numbers, so that some are equal; times a real input, whose gradient sees the mask.
    let inputs = || [index([4, 9], 0, 3), index([9], 0, 3), real([4, 9])];
    vec![
        Case::one("greater", inputs(), |x| x[0].greater(x[1]) * x[2], |x| compare(&x[0], &x[1], |d| d > 0.0) * &x[2]),
        Case::one(
            "greater_equal",
            inputs(),
            |x| x[0].greater_equal(x[1]) * x[2],
            |x| compare(&x[0], &x[1], |d| d >= 0.0) * &x[2],
        ),
        Case::one("less", inputs(), |x| x[0].less(x[1]) * x[2], |x| compare(&x[0], &x[1], |d| d < 0.0) * &x[2]),
        Case::one("equal", inputs(), |x| x[0].equal(x[1]) * x[2], |x| compare(&x[0], &x[1], |d| d == 0.0) * &x[2]),
        Case::one(
            "of reals",
            [real([5]), real([3, 5])],
            |x| x[0].greater(x[1]) * x[0],
            |x| compare(&x[0], &x[1], |d| d > 0.0) * &x[0],
        ),
        Case::one(
            "one_hot",
            [index([3, 5], -1, 4), real([4])],
            |x| x[0].one_hot(4) * x[1],
            |x| {
                let class =
                    |at: ndarray::IxDyn| f64::from(u8::from(x[0][[at[0], at[1]]] == at[2] as f64)) * x[1][at[2]];
                Array::from_shape_fn(vec![3, 5, 4], class)
            },
        ),
    ]
}
