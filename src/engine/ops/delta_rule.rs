//! `delta_rule`: S_t = S_{t-1} + beta_t (v_t - S_{t-1} k_t) k_t^T, o_t = S_t q_t for every head,
//! causal, from S = 0 (DeltaNet). The backward is fused and has no second derivative.

use super::linear_attention::{check_scan, scan_shape};
use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::delta_rule::{self as kernel, DeltaRuleSaved};
use crate::kernels::linear_attention::ScanShape;

/// Inputs: queries, keys `[B, T, H dk]`, values `[B, T, H dv]`, beta `[B, T, H]`. Outputs: the
/// values read, and the errors v - S k that the backward needs.
#[derive(Clone, Copy, Debug)]
struct DeltaRule {
    heads: usize,
}

/// Inputs: those of the rule, its errors, the gradient by what was read. Outputs: the gradients by
/// the rule's inputs.
#[derive(Clone, Copy, Debug)]
struct DeltaRuleBackward {
    heads: usize,
}

fn scan(heads: usize, shapes: &[Shape]) -> ScanShape {
    scan_shape(heads, &shapes[0], &shapes[2]).expect("shapes are checked when the op is recorded")
}

fn check(op: &'static str, heads: usize, inputs: &[&Shape], count: usize) -> Result<(), ShapeError> {
    check_scan(op, heads, inputs, count)?;
    if inputs[3][..] == [inputs[0][0], inputs[0][1], heads] {
        return Ok(());
    }
    Err(ShapeError::new(op, inputs, format!("one beta a head, [B, T, {heads}]")))
}

impl Op for DeltaRule {
    fn name(&self) -> &'static str {
        "delta_rule"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        check(self.name(), self.heads, inputs, 4)?;
        Ok(vec![inputs[2].clone(); 2])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [q, k, v, beta, ..], outputs: [out, errors, ..], input_shapes, scratch, pool, .. } = io;
        kernel::delta_rule(pool, scan(self.heads, input_shapes), q, k, v, beta, out, errors, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::delta_rule_scratch(scan(self.heads, inputs))
    }

    fn flop(&self, inputs: &[Shape], outputs: &[Shape]) -> u64 {
        6 * outputs[0].size() as u64 * (inputs[0].last_extent() / self.heads) as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[1].is_some() {
            return Err(GradientError::NoRule {
                op: "delta_rule",
                why: "its errors are kept for the backward pass alone",
            });
        }
        let mut inputs = at.inputs.to_vec();
        inputs.extend([at.outputs[1], at.d_output()]);
        let gradients = inputs[0].graph().apply(DeltaRuleBackward { heads: self.heads }, &inputs);
        Ok(gradients.into_iter().map(Some).collect())
    }
}

impl Op for DeltaRuleBackward {
    fn name(&self) -> &'static str {
        "delta_rule_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        check(self.name(), self.heads, inputs, 6)?;
        Ok(inputs[..4].iter().map(|shape| (*shape).clone()).collect())
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [q, k, v, beta, errors, d_out, ..], outputs: [dq, dk, dv, d_beta, ..], .. } = io;
        let saved = DeltaRuleSaved { q, k, v, beta, errors, d_out };
        let shape = scan(self.heads, io.input_shapes);
        kernel::delta_rule_backward(io.pool, shape, saved, dq, dk, dv, d_beta, io.scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::delta_rule_backward_scratch(scan(self.heads, inputs))
    }

    fn flop(&self, inputs: &[Shape], outputs: &[Shape]) -> u64 {
        20 * outputs[2].size() as u64 * (inputs[0].last_extent() / self.heads) as u64
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::fused("delta_rule_backward"))
    }
}

impl<'g> Var<'g> {
    /// What these queries `[B, T, H dk]` read from a memory that `keys`, `values` `[B, T, H dv]` and
    /// `beta` `[B, T, H]` write by the delta rule.
    ///
    /// # Panics
    /// If the heads do not divide the widths.
    pub fn delta_rule(self, keys: Var<'g>, values: Var<'g>, beta: Var<'g>, heads: usize) -> Var<'g> {
        self.graph().apply_one(DeltaRule { heads }, &[self, keys, values, beta])
    }

    /// How far each value lies from what the memory recalled for its key before it was written, `[B, T, H dv]`: what
    /// beta times goes into the memory. Has no gradient.
    ///
    /// # Panics
    /// If the heads do not divide the widths.
    pub fn delta_rule_errors(self, keys: Var<'g>, values: Var<'g>, beta: Var<'g>, heads: usize) -> Var<'g> {
        self.graph().apply(DeltaRule { heads }, &[self, keys, values, beta])[1]
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real, within};
    fn oracle(x: &[Array], heads: usize) -> Array {
        let [q, k, v, beta] = x else { panic!("four inputs") };
        let (batch, tokens) = (q.shape()[0], q.shape()[1]);
        let (dk, dv) = (q.shape()[2] / heads, v.shape()[2] / heads);
        let mut out = Array::zeros(v.raw_dim());
        for (b, head) in (0..batch).flat_map(|b| (0..heads).map(move |h| (b, h))) {
            let mut state = ndarray::Array2::<f64>::zeros((dv, dk));
            for t in 0..tokens {
                let row =
                    |x: &Array, width: usize| ndarray::Array1::from_shape_fn(width, |i| x[[b, t, head * width + i]]);
                let (query, key, value) = (row(q, dk), row(k, dk), row(v, dv));
                let error = (value - state.dot(&key)) * beta[[b, t, head]];
                state = state + ndarray::Array2::from_shape_fn((dv, dk), |(i, j)| error[i] * key[j]);
                let read = state.dot(&query);
                (0..dv).for_each(|i| out[[b, t, head * dv + i]] = read[i]);
            }
        }
        out
    }
    let case = |[b, t, heads, dk, dv]: [usize; 5]| {
        let keys = || within([b, t, heads * dk], -0.8, 0.8);
        let inputs = [keys(), keys(), real([b, t, heads * dv]), within([b, t, heads], 0.1, 0.9)];
        Case::one(
            format!("{b} {t} {heads} {dk} {dv}"),
            inputs,
            move |x| x[0].delta_rule(x[1], x[2], x[3], heads),
            move |x| oracle(x, heads),
        )
        .once()
    };
    vec![case([1, 1, 1, 1, 1]), case([2, 5, 3, 3, 2]), case([3, 7, 2, 5, 9])]
}
