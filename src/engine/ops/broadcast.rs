//! `broadcast`: x repeated along axes of extent 1 and new leading axes; dx = dy summed over them.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::copy;
use crate::kernels::strided::View;

#[derive(Debug)]
struct Broadcast {
    to: Shape,
}

impl Op for Broadcast {
    fn name(&self) -> &'static str {
        "broadcast"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let fits = |x: &Shape| {
            let aligned = self.to.iter().rev().zip(x.iter().rev());
            x.len() <= self.to.len() && aligned.into_iter().all(|(to, from)| to == from || *from == 1)
        };
        match inputs {
            [x] if fits(x) => Ok(vec![self.to.clone()]),
            _ => Err(ShapeError::new("broadcast", inputs, format!("one input that can be repeated to {}", self.to))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], input_shapes, output_shapes, pool, .. } = io;
        copy::broadcast_to(pool, View::new(x, &input_shapes[0]), &output_shapes[0], y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![Some(at.d_output().sum_to(&at.inputs[0].shape()))])
    }
}

impl<'g> Var<'g> {
    /// Repeated to a larger shape, aligned at the last axis.
    ///
    /// # Panics
    /// If an axis that differs is not of extent 1.
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Var<'g> {
        let to = shape.into();
        if self.shape() == to { self } else { self.graph().apply_one(Broadcast { to }, &[self]) }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    let case = |from: &'static [usize], to: &'static [usize]| {
        let oracle = move |x: &[Array]| {
            let y = x[0].broadcast(to).expect("it can be repeated").to_owned();
            &y * &y
        };
        Case::one(
            format!("{from:?} {to:?}"),
            [real(from)],
            move |x| {
                let y = x[0].broadcast_to(to);
                y * y
            },
            oracle,
        )
    };
    vec![case(&[3, 1, 5], &[2, 3, 4, 5]), case(&[], &[3, 2]), case(&[5], &[7, 5]), case(&[7, 1], &[7, 33])]
}
