//! `add`: y = a + b, with broadcasting; da = dy, db = dy, summed over what was repeated.

use std::ops::Add;

use super::pointwise::{broadcast, run_binary};
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::Binary;

#[derive(Debug)]
struct Addition;

impl Op for Addition {
    fn name(&self) -> &'static str {
        "add"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        broadcast("add", inputs)
    }

    fn run(&self, io: Io<'_>) {
        run_binary(Binary::Add, io);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (a, b, dy) = (at.inputs[0], at.inputs[1], at.d_output());
        Ok(vec![at.wanted[0].then(|| dy.sum_to(&a.shape())), at.wanted[1].then(|| dy.sum_to(&b.shape()))])
    }
}

impl<'g> Add for Var<'g> {
    type Output = Var<'g>;

    fn add(self, other: Var<'g>) -> Var<'g> {
        self.graph().apply_one(Addition, &[self, other])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::within;
    let shapes: [(&[usize], &[usize]); 7] = [
        (&[3, 5], &[3, 5]),
        (&[2, 3, 5], &[5]),
        (&[7], &[3, 7]),
        (&[], &[4, 3]),
        (&[4, 3], &[]),
        (&[4, 1, 3], &[2, 1]),
        (&[37, 19], &[37, 1]),
    ];
    let case = |(a, b): (&[usize], &[usize])| {
        let inputs = [within(a, -1.5, 1.5), within(b, 0.5, 2.0)];
        Case::one(format!("{a:?} {b:?}"), inputs, |x| x[0] + x[1], |x| &x[0] + &x[1])
    };
    shapes.into_iter().map(case).collect()
}
