//! What the functions of one element share: y = f(x), and a gradient dx = dy f'(x) that is one
//! node of the graph whose own gradients are exact: by dy it is the same node, by x it is dy f''(x).

use std::fmt::Debug;

use super::pointwise::{alike, same};
use crate::base::threads::Pool;
use crate::engine::{Backward, Io, Op, Pointwise, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::map::{self, Unary};

/// A function of one element, with what is constant in it.
pub(super) trait Curve: Copy + Debug + Send + Sync + 'static {
    /// Name of the op.
    const NAME: &'static str;
    /// Name of the op that is its gradient.
    const BACKWARD: &'static str;
    /// Whether the slope is computed from the output instead of the input.
    const FROM_OUTPUT: bool = false;

    /// What a product before it can do instead of the op and of its gradient.
    const AFTER_PRODUCT: Option<(Unary, map::Backward)> = None;

    /// `y = f(x)`.
    fn value(self, pool: &Pool, x: &[f32], y: &mut [f32]);

    /// `dx = dy f'`, with the slope from the input, or the output if that is what is kept.
    fn slope(self, pool: &Pool, kept: &[f32], dy: &[f32], dx: &mut [f32]);

    /// `weight` times the derivative of the slope by what is kept; none where the slope is constant.
    fn bend<'g>(self, kept: Var<'g>, weight: Var<'g>) -> Option<Var<'g>>;

    /// Records the gradient alone.
    fn backward<'g>(self, dy: Var<'g>, kept: Var<'g>) -> Var<'g> {
        dy.graph().apply_one(Slope(self), &[dy, kept])
    }

    /// Records the op.
    fn of(self, x: Var<'_>) -> Var<'_> {
        x.graph().apply_one(Value(self), &[x])
    }
}

#[derive(Debug)]
struct Value<C>(C);

#[derive(Debug)]
struct Slope<C>(C);

impl<C: Curve> Op for Value<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same(C::NAME, inputs)
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], pool, .. } = io;
        self.0.value(pool, x, y);
    }

    fn pointwise(&self) -> Option<Pointwise> {
        C::AFTER_PRODUCT.map(|(f, _)| Pointwise::Map(f))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let kept = if C::FROM_OUTPUT { at.outputs[0] } else { at.inputs[0] };
        Ok(vec![Some(kept.graph().apply_one(Slope(self.0), &[at.d_output(), kept]))])
    }
}

impl<C: Curve> Op for Slope<C> {
    fn name(&self) -> &'static str {
        C::BACKWARD
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        alike(C::BACKWARD, inputs)
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [dy, kept, ..], outputs: [dx, ..], pool, .. } = io;
        self.0.slope(pool, kept, dy, dx);
    }

    fn pointwise(&self) -> Option<Pointwise> {
        C::AFTER_PRODUCT.map(|(_, slope)| Pointwise::Slope(slope))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let (dy, kept, by) = (at.inputs[0], at.inputs[1], at.d_output());
        let d_dy = at.wanted[0].then(|| kept.graph().apply_one(Slope(self.0), &[by, kept]));
        let d_kept = at.wanted[1].then(|| self.0.bend(kept, by * dy)).flatten();
        Ok(vec![d_dy, d_kept])
    }
}
