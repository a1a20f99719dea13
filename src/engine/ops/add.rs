//! `add`: y = a + b, with broadcasting; da = dy, db = dy, summed over what was repeated.

use std::ops::Add;

use super::pointwise::{broadcast, run_binary};
use crate::engine::{Backward, Io, Op, Pointwise, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::binary::Binary;

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

    fn pointwise(&self) -> Option<Pointwise> {
        Some(Pointwise::Add)
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
    super::pointwise::binary_cases(|a, b| a + b, |a, b| a + b)
}
