//! `select`: y = a where the mask is not 0, else b, with broadcasting; da = dy there, db = dy elsewhere.

use super::pointwise::broadcast;
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::select;
use crate::kernels::strided::View;

/// Inputs: mask, a, b.
#[derive(Debug)]
struct Select;

impl Op for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let [mask, a, b] = inputs else { return Err(ShapeError::new("select", inputs, "mask, a and b")) };
        let values = broadcast("select", &[a, b])?;
        broadcast("select", &[mask, &values[0]])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [mask, a, b, ..], outputs: [y, ..], input_shapes, output_shapes, pool, .. } = io;
        let view = |data, i: usize| View::new(data, &input_shapes[i]);
        select::select(pool, [view(mask, 0), view(a, 1), view(b, 2)], y, &output_shapes[0]);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (mask, a, b, dy) = (at.inputs[0], at.inputs[1], at.inputs[2], at.d_output());
        let zero = dy.graph().scalar(0.0);
        Ok(vec![
            None,
            at.wanted[1].then(|| mask.select(dy, zero).sum_to(&a.shape())),
            at.wanted[2].then(|| mask.select(zero, dy).sum_to(&b.shape())),
        ])
    }
}

impl<'g> Var<'g> {
    /// Taken as a mask: `a` where an element is not 0, else `b`, with broadcasting. What is not
    /// chosen has no part in the value or the gradient, be it infinite or NaN.
    ///
    /// # Panics
    /// If the shapes cannot be broadcast to one.
    pub fn select(self, a: Var<'g>, b: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Select, &[self, a, b])
    }

    /// The elements where `mask` is not 0, and `value` elsewhere: with minus infinity before a
    /// softmax, what may be attended to.
    ///
    /// # Panics
    /// If the shapes cannot be broadcast to one.
    pub fn keep_where(self, mask: Var<'g>, value: f32) -> Var<'g> {
        mask.select(self, self.graph().scalar(value))
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real};
    fn oracle(x: &[Array]) -> Array {
        let y = &x[0] * &x[1] + x[0].mapv(|mask| 1.0 - mask) * &x[2];
        &y * &y
    }
    let case = |mask: &'static [usize], a: &'static [usize], b: &'static [usize]| {
        Case::one(
            format!("{mask:?} {a:?} {b:?}"),
            [index(mask, 0, 2), real(a), real(b)],
            |x| x[0].select(x[1], x[2]).square(),
            oracle,
        )
    };
    let kept = |x: &[Array]| (&x[0] * &x[1]).mapv(|x| if x == 0.0 { -2.0 } else { x });
    vec![
        case(&[5, 7], &[5, 7], &[5, 7]),
        case(&[7], &[5, 7], &[]),
        case(&[5, 1], &[5, 7], &[7]),
        case(&[2, 3, 4], &[3, 1], &[2, 1, 4]),
        Case::one("keep_where", [index([5, 7], 0, 2), real([5, 7])], |x| x[1].keep_where(x[0], -2.0), kept),
    ]
}
