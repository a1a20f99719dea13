//! `linear_attention`: S_t = S_{t-1} + v_t k_t^T, o_t = S_t q_t for every head, causal, from S = 0.
//! The backward is fused and has no second derivative.

use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::linear_attention::{self as kernel, ScanShape};

/// Inputs: queries, keys `[B, T, H dk]`, values `[B, T, H dv]`. Output as the values.
#[derive(Clone, Copy, Debug)]
struct LinearAttention {
    heads: usize,
}

/// Inputs: queries, keys, values, gradient by the output. Outputs: gradients by the first three.
#[derive(Clone, Copy, Debug)]
struct LinearAttentionBackward {
    heads: usize,
}

/// The shape of a scan over `[B, T, H dk]` and `[B, T, H dv]`, if the heads divide both widths.
pub(super) fn scan_shape(heads: usize, keys: &[usize], values: &[usize]) -> Option<ScanShape> {
    let ([batch, tokens, key], [batch_v, tokens_v, value]) = (keys, values) else { return None };
    let fits = batch == batch_v && tokens == tokens_v && heads > 0 && key % heads == 0 && value % heads == 0;
    fits.then(|| ScanShape { batch: *batch, tokens: *tokens, heads, key: key / heads, value: value / heads })
}

/// What both rules expect of queries, keys and values.
pub(super) fn check_scan(op: &'static str, heads: usize, inputs: &[&Shape], count: usize) -> Result<(), ShapeError> {
    match inputs {
        [q, k, v, ..] if inputs.len() == count && q == k && scan_shape(heads, q, v).is_some() => Ok(()),
        _ => {
            Err(ShapeError::new(op, inputs, format!("queries and keys [B, T, H dk], values [B, T, H dv], H = {heads}")))
        }
    }
}

fn scan(heads: usize, shapes: &[Shape]) -> ScanShape {
    scan_shape(heads, &shapes[0], &shapes[2]).expect("shapes are checked when the op is recorded")
}

impl Op for LinearAttention {
    fn name(&self) -> &'static str {
        "linear_attention"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        check_scan(self.name(), self.heads, inputs, 3)?;
        Ok(vec![inputs[2].clone()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [q, k, v, ..], outputs: [out, ..], input_shapes, scratch, pool, .. } = io;
        kernel::linear_attention(pool, scan(self.heads, input_shapes), q, k, v, out, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::linear_attention_scratch(scan(self.heads, inputs))
    }

    fn flop(&self, inputs: &[Shape], outputs: &[Shape]) -> u64 {
        4 * outputs[0].size() as u64 * (inputs[0].last_extent() / self.heads) as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let inputs = [at.inputs[0], at.inputs[1], at.inputs[2], at.d_output()];
        let gradients = inputs[0].graph().apply(LinearAttentionBackward { heads: self.heads }, &inputs);
        Ok(gradients.into_iter().map(Some).collect())
    }
}

impl Op for LinearAttentionBackward {
    fn name(&self) -> &'static str {
        "linear_attention_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        check_scan(self.name(), self.heads, inputs, 4)?;
        Ok(inputs[..3].iter().map(|shape| (*shape).clone()).collect())
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [q, k, v, d_out, ..], outputs: [dq, dk, dv, ..], input_shapes, scratch, pool, .. } = io;
        let shape = scan(self.heads, input_shapes);
        kernel::linear_attention_backward(pool, shape, q, k, v, d_out, dq, dk, dv, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::linear_attention_backward_scratch(scan(self.heads, inputs))
    }

    fn flop(&self, inputs: &[Shape], outputs: &[Shape]) -> u64 {
        12 * outputs[2].size() as u64 * (inputs[0].last_extent() / self.heads) as u64
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::fused("linear_attention_backward"))
    }
}

impl<'g> Var<'g> {
    /// Linear attention of these queries `[B, T, H dk]` over `keys` and `values` `[B, T, H dv]`.
    ///
    /// # Panics
    /// If the heads do not divide the widths.
    pub fn linear_attention(self, keys: Var<'g>, values: Var<'g>, heads: usize) -> Var<'g> {
        self.graph().apply_one(LinearAttention { heads }, &[self, keys, values])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    fn oracle(x: &[Array], heads: usize) -> Array {
        let (q, k, v) = (&x[0], &x[1], &x[2]);
        let (dk, dv) = (q.shape()[2] / heads, v.shape()[2] / heads);
        Array::from_shape_fn(v.raw_dim(), |at| {
            let (b, t, head, column) = (at[0], at[1], at[2] / dv, at[2]);
            let key = |s: usize, i: usize| k[[b, s, head * dk + i]];
            let weight = |s: usize| (0..dk).map(|i| q[[b, t, head * dk + i]] * key(s, i)).sum::<f64>();
            (0..=t).map(|s| weight(s) * v[[b, s, column]]).sum()
        })
    }
    let case = |[b, t, heads, dk, dv]: [usize; 5]| {
        let inputs = [real([b, t, heads * dk]), real([b, t, heads * dk]), real([b, t, heads * dv])];
        Case::one(
            format!("{b} {t} {heads} {dk} {dv}"),
            inputs,
            move |x| x[0].linear_attention(x[1], x[2], heads),
            move |x| oracle(x, heads),
        )
        .once()
    };
    vec![case([1, 1, 1, 1, 1]), case([2, 5, 3, 3, 2]), case([3, 7, 2, 5, 9])]
}
