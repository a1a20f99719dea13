//! `attention_weights`: the probabilities of causal, windowed attention, `[B, H, T, T]`, row the
//! query, column the key. For pictures: it has no gradient.

use super::attention::Heads;
use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::attention::{self as kernel, AttentionInputs};

#[derive(Clone, Copy, Debug)]
struct AttentionWeights(Heads);

impl Op for AttentionWeights {
    fn name(&self) -> &'static str {
        "attention_weights"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        self.0.check(self.name(), inputs, 2, 2)?;
        let (batch, tokens) = (inputs[0][0], inputs[0][1]);
        Ok(vec![[batch, self.0.heads, tokens, tokens].into()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [q, k, ..], outputs: [weights, ..], input_shapes, scratch, pool, .. } = io;
        let shape = self.0.checked(&input_shapes[0]);
        kernel::attention_weights(pool, shape, AttentionInputs::separate(shape, q, k, k), weights, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::attention_weights_scratch(self.0.checked(&inputs[0]))
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::NoRule { op: "attention_weights", why: "it is for pictures; use softmax over scores" })
    }
}

impl<'g> Var<'g> {
    /// The probabilities with which these queries `[B, T, H d_h]` attend to `keys`.
    ///
    /// # Panics
    /// If the heads do not divide the width or the shapes differ.
    pub fn attention_weights(self, keys: Var<'g>, heads: usize, window: usize) -> Var<'g> {
        self.graph().apply_one(AttentionWeights(Heads { heads, window }), &[self, keys])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::attention::oracle_weights;
    use super::case::real;
    let case = |[b, t, heads, width, window]: [usize; 5]| {
        let input = || real([b, t, heads * width]);
        Case::one(
            format!("{b} {t} {heads} {width} window {window}"),
            [input(), input()],
            move |x| x[0].attention_weights(x[1], heads, window),
            move |x| oracle_weights(&x[0], &x[1], heads, window),
        )
        .no_gradient()
    };
    vec![case([2, 7, 3, 3, 7]), case([1, 9, 2, 5, 3])]
}
