//! `attention`: causal softmax attention with H heads and a window w: query t sees keys
//! t-w+1..=t, scores q.k / sqrt(d_h) (Vaswani et al. 2017). The backward recomputes the
//! probabilities; it is fused and has no second derivative.

use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::attention::{self as kernel, AttentionGradients, AttentionInputs, AttentionSaved, AttentionShape};

/// Heads and window of an attention.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    pub(super) heads: usize,
    pub(super) window: usize,
}

/// Inputs: queries, keys, values `[B, T, H d_h]`. Outputs: the values read, and the log-sum-exp of
/// every query's scores `[B, H, T]` for the backward.
#[derive(Clone, Copy, Debug)]
struct Attention(Heads);

/// Inputs: queries, keys, values, what was read, log-sum-exp, gradient. Outputs: gradients by the
/// first three.
#[derive(Clone, Copy, Debug)]
struct AttentionBackward(Heads);

impl Heads {
    /// The shape for the kernels, if `queries` is `[B, T, H d_h]`.
    pub(super) fn shape(self, queries: &[usize]) -> Option<AttentionShape> {
        let [batch, tokens, width] = queries else { return None };
        let fits = self.heads > 0 && width.is_multiple_of(self.heads) && self.window > 0;
        fits.then(|| AttentionShape {
            batch: *batch,
            tokens: *tokens,
            heads: self.heads,
            width: width / self.heads,
            window: self.window,
            scale: 1.0 / ((width / self.heads) as f32).sqrt(),
        })
    }

    /// The same for shapes that were checked before.
    pub(super) fn checked(self, queries: &[usize]) -> AttentionShape {
        self.shape(queries).expect("shapes are checked when the op is recorded")
    }

    /// What is expected of queries, keys and values.
    pub(super) fn check(
        self,
        op: &'static str,
        inputs: &[&Shape],
        count: usize,
        alike: usize,
    ) -> Result<(), ShapeError> {
        let same = |first: &Shape| inputs[..alike].iter().all(|x| *x == first);
        match inputs {
            [first, ..] if inputs.len() == count && same(first) && self.shape(first).is_some() => Ok(()),
            _ => Err(ShapeError::new(op, inputs, format!("queries, keys and values [B, T, {} d]", self.heads))),
        }
    }
}

/// Multiplications and additions of `products` matrix products over the pairs that the mask leaves.
pub(super) fn flop(shape: AttentionShape, products: u64) -> u64 {
    products * 2 * (shape.pairs() * shape.width) as u64
}

impl Op for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        self.0.check(self.name(), inputs, 3, 3)?;
        Ok(vec![inputs[0].clone(), [inputs[0][0], self.0.heads, inputs[0][1]].into()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [q, k, v, ..], outputs: [out, lse, ..], input_shapes, scratch, pool, .. } = io;
        let shape = self.0.checked(&input_shapes[0]);
        kernel::attention(pool, shape, AttentionInputs::separate(shape, q, k, v), out, lse, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::attention_scratch(self.0.checked(&inputs[0]))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        flop(self.0.checked(&inputs[0]), 2)
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[1].is_some() {
            return Err(GradientError::NoRule {
                op: "attention",
                why: "its log-sum-exp is kept for the backward pass alone",
            });
        }
        let mut inputs = at.inputs.to_vec();
        inputs.extend([at.outputs[0], at.outputs[1], at.d_output()]);
        Ok(inputs[0].graph().apply(AttentionBackward(self.0), &inputs).into_iter().map(Some).collect())
    }
}

impl Op for AttentionBackward {
    fn name(&self) -> &'static str {
        "attention_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        self.0.check(self.name(), inputs, 6, 4)?;
        Ok(vec![inputs[0].clone(); 3])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [q, k, v, out, lse, d_out, ..], outputs: [dq, dk, dv, ..], .. } = io;
        let shape = self.0.checked(&io.input_shapes[0]);
        let inputs = AttentionInputs::separate(shape, q, k, v);
        let gradients = AttentionGradients::separate(shape, dq, dk, dv);
        let saved = AttentionSaved { out, lse, d_out };
        kernel::attention_backward(io.pool, shape, inputs, saved, &gradients, io.scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::attention_backward_scratch(self.0.checked(&inputs[0]))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        flop(self.0.checked(&inputs[0]), 5)
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::fused("attention_backward"))
    }
}

impl<'g> Var<'g> {
    /// Causal attention of these queries `[B, T, H d_h]` over `keys` and `values`; a query sees the
    /// last `window` tokens, itself among them.
    ///
    /// # Panics
    /// If the heads do not divide the width or the shapes differ.
    pub fn attention(self, keys: Var<'g>, values: Var<'g>, heads: usize, window: usize) -> Var<'g> {
        self.graph().apply(Attention(Heads { heads, window }), &[self, keys, values])[0]
    }
}

/// Probabilities `[B, H, T, T]` by the formula, in f64.
#[cfg(test)]
pub(super) fn oracle_weights(
    q: &super::case::Array,
    k: &super::case::Array,
    heads: usize,
    window: usize,
) -> super::case::Array {
    let (batch, tokens, width) = (q.shape()[0], q.shape()[1], q.shape()[2] / heads);
    let mut weights = super::case::Array::zeros(vec![batch, heads, tokens, tokens]);
    for (b, h, t) in (0..batch).flat_map(|b| (0..heads).flat_map(move |h| (0..tokens).map(move |t| (b, h, t)))) {
        let seen = (t + 1).saturating_sub(window)..t + 1;
        let score = |s: usize| -> f64 {
            let dot: f64 = (0..width).map(|i| q[[b, t, h * width + i]] * k[[b, s, h * width + i]]).sum();
            (dot / (width as f64).sqrt()).exp()
        };
        let total: f64 = seen.clone().map(score).sum();
        seen.for_each(|s| weights[[b, h, t, s]] = score(s) / total);
    }
    weights
}

/// What is read of queries, keys and values, by the formula, in f64.
#[cfg(test)]
pub(super) fn oracle(x: &[super::case::Array], heads: usize, window: usize) -> super::case::Array {
    let weights = oracle_weights(&x[0], &x[1], heads, window);
    let width = x[2].shape()[2] / heads;
    super::case::Array::from_shape_fn(x[2].raw_dim(), |at| {
        (0..=at[1]).map(|s| weights[[at[0], at[2] / width, at[1], s]] * x[2][[at[0], s, at[2]]]).sum()
    })
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::real;
    let case = |[b, t, heads, width, window]: [usize; 5]| {
        let input = || real([b, t, heads * width]);
        Case::one(
            format!("{b} {t} {heads} {width} window {window}"),
            [input(), input(), input()],
            move |x| x[0].attention(x[1], x[2], heads, window),
            move |x| oracle(x, heads, window),
        )
        .once()
    };
    vec![
        case([1, 1, 1, 1, 1]),
        case([2, 7, 3, 3, 7]),
        case([2, 7, 1, 5, 3]),
        case([3, 11, 2, 9, 1]),
        case([1, 19, 2, 4, 100]),
    ]
}
