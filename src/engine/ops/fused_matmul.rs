//! A product with its epilogue: C = finish(A B + bias + add), what the planner makes of a product and
//! the pointwise ops that follow it. It is made after gradients were taken, so it has none.

use super::matmul::MatMul;
use crate::engine::{Backward, Follow, GradientError, Io, Op, Shape, ShapeError, op::Gradients};
use crate::kernels::gemm::{self, Epilogue, Finish};
use crate::kernels::reduce;

/// Inputs: A, B, then the bias, what is added, what a slope is taken of. Outputs: C, and with
/// [`Follow::Keep`] the value of the function; last, the sum of the rows of B: the gradient of a bias,
/// beside that of its weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct FusedMatMul {
    product: MatMul,
    bias: bool,
    add: bool,
    finish: Option<Follow>,
    row_sums: bool,
}

impl FusedMatMul {
    /// None where the steps are not in the order of an [`Epilogue`].
    pub(super) fn new(product: MatMul, follow: &[Follow]) -> Option<Self> {
        let mut fused = FusedMatMul { product, bias: false, add: false, finish: None, row_sums: false };
        for step in follow {
            match step {
                _ if fused.finish.is_some() => return None,
                Follow::Bias if !fused.bias && !fused.add => fused.bias = true,
                Follow::Add if !fused.add => fused.add = true,
                Follow::Bias | Follow::Add => return None,
                last => fused.finish = Some(*last),
            }
        }
        Some(fused)
    }
}

impl Op for FusedMatMul {
    fn name(&self) -> &'static str {
        self.product.name()
    }

    fn label(&self) -> String {
        let mut label = self.name().to_owned();
        for (word, has) in [("+bias", self.bias), ("+add", self.add)] {
            label.push_str(if has { word } else { "" });
        }
        if self.row_sums {
            label.push_str("+sums");
        }
        match self.finish {
            Some(Follow::Map(f) | Follow::Keep(f)) => label + "+" + &format!("{f:?}").to_lowercase(),
            Some(Follow::Slope(f)) => label + "+" + &format!("{f:?}").to_lowercase() + "_backward",
            _ => label,
        }
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let product = self.product.shapes(&inputs[..inputs.len().min(2)])?;
        let outputs = if matches!(self.finish, Some(Follow::Keep(_))) { 2 } else { 1 };
        let sums = self.row_sums.then(|| [product[0].last_extent()].into());
        Ok(std::iter::repeat_n(product[0].clone(), outputs).chain(sums).collect())
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [a, b, rest @ ..], outputs: [c, first, second, ..], input_shapes, scratch, pool, .. } = io;
        let mut rest = rest.into_iter();
        let mut next = |wanted: bool| if wanted { rest.next() } else { None };
        let (bias, add) = (next(self.bias), next(self.add));
        let (kept, sums) = if matches!(self.finish, Some(Follow::Keep(_))) { (first, second) } else { (second, first) };
        let sums = self.row_sums.then_some(sums);
        let finish = match self.finish {
            Some(Follow::Map(f)) => Finish::Map(f),
            Some(Follow::Keep(f)) => Finish::Keep(f, kept),
            Some(Follow::Slope(f)) => Finish::Slope(f, next(true).unwrap_or_default()),
            _ => Finish::Nothing,
        };
        let (shape, batch) = self.product.layout(&input_shapes[0], &input_shapes[1]);
        let epilogue = Epilogue { bias, add, finish };
        if gemm::is_blocked(&shape, &batch) {
            gemm::gemm_blocked(pool, &shape, a, b, c, scratch, epilogue, sums);
        } else {
            if let Some(sums) = sums {
                reduce::sum_rows(pool, b, b.len() / shape.n.max(1), shape.n, 1.0, sums);
            }
            gemm::gemm(pool, &shape, &batch, a, b, c);
            gemm::finish(pool, shape.n, c, epilogue);
        }
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::NoRule { op: "matmul", why: "the planner fuses after gradients were taken" })
    }

    fn with_row_sums(&self) -> Option<Box<dyn Op>> {
        let can = self.product.sums_over_rows() && !self.row_sums;
        can.then(|| Box::new(FusedMatMul { row_sums: true, ..*self }) as Box<dyn Op>)
    }

    fn scratch(&self, inputs: &[Shape], outputs: &[Shape]) -> usize {
        self.product.scratch(&inputs[..2], outputs)
    }

    fn flop(&self, inputs: &[Shape], outputs: &[Shape]) -> u64 {
        self.product.flop(&inputs[..2], &outputs[..1])
    }
}
