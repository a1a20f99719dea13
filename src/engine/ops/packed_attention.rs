//! `packed_attention`: `attention` on queries, keys and values side by side in the last axis,
//! `[B, T, 3 H d_h]`, as one projection gives them (Vaswani et al. 2017). The gradient comes side by
//! side as well; the backward is fused and has no second derivative.

use super::attention::{Heads, flop};
use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::attention::{self as kernel, AttentionGradients, AttentionInputs, AttentionSaved, AttentionShape};

/// Input: queries, keys and values `[B, T, 3 H d_h]`. Outputs: as those of `attention`.
#[derive(Clone, Copy, Debug)]
struct PackedAttention(Heads);

/// Inputs: queries, keys and values, what was read, log-sum-exp, gradient. Output: the gradient by
/// the first.
#[derive(Clone, Copy, Debug)]
struct PackedAttentionBackward(Heads);

/// The shape for the kernels, if `packed` is `[B, T, 3 H d_h]`.
fn shape(heads: Heads, packed: &[usize]) -> Option<AttentionShape> {
    let [batch, tokens, width] = packed else { return None };
    if width.is_multiple_of(3) { heads.shape(&[*batch, *tokens, width / 3]) } else { None }
}

/// The same for a shape that was checked before.
fn checked(heads: Heads, packed: &[usize]) -> AttentionShape {
    shape(heads, packed).expect("shapes are checked when the op is recorded")
}

impl Op for PackedAttention {
    fn name(&self) -> &'static str {
        "packed_attention"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x] if shape(self.0, x).is_some() => Ok(vec![x.with_last(x[2] / 3), [x[0], self.0.heads, x[1]].into()]),
            _ => Err(ShapeError::new(self.name(), inputs, format!("[B, T, 3 x {} d]", self.0.heads))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [out, lse, ..], input_shapes, scratch, pool, .. } = io;
        let shape = checked(self.0, &input_shapes[0]);
        kernel::attention(pool, shape, AttentionInputs::packed(shape, x), out, lse, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::attention_scratch(checked(self.0, &inputs[0]))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        flop(checked(self.0, &inputs[0]), 2)
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[1].is_some() {
            return Err(GradientError::NoRule {
                op: "packed_attention",
                why: "its log-sum-exp is kept for the backward pass alone",
            });
        }
        let inputs = [at.inputs[0], at.outputs[0], at.outputs[1], at.d_output()];
        Ok(vec![Some(inputs[0].graph().apply_one(PackedAttentionBackward(self.0), &inputs))])
    }
}

impl Op for PackedAttentionBackward {
    fn name(&self) -> &'static str {
        "packed_attention_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        Ok(vec![inputs[0].clone()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, out, lse, d_out, ..], outputs: [dx, ..], .. } = io;
        let shape = checked(self.0, &io.input_shapes[0]);
        let saved = AttentionSaved { out, lse, d_out };
        let gradients = AttentionGradients::packed(shape, dx);
        kernel::attention_backward(io.pool, shape, AttentionInputs::packed(shape, x), saved, &gradients, io.scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::attention_backward_scratch(checked(self.0, &inputs[0]))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        flop(checked(self.0, &inputs[0]), 5)
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::fused("packed_attention_backward"))
    }
}

impl<'g> Var<'g> {
    /// [`Var::attention`] of queries, keys and values that lie side by side, `[B, T, 3 H d_h]`: what
    /// `heads` heads read, `[B, T, H d_h]`. A query sees the last `window` tokens, itself among them.
    ///
    /// # Panics
    /// If the width is not 3 times a multiple of the heads, or the window is 0.
    pub fn packed_attention(self, heads: usize, window: usize) -> Var<'g> {
        self.graph().apply(PackedAttention(Heads { heads, window }), &[self])[0]
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::attention::oracle;
    use super::case::{Array, real};
    use ndarray::{Axis, Slice};
    let case = |[b, t, heads, width, window]: [usize; 5]| {
        let side = move |x: &Array, i: usize| {
            let columns = Slice::from(i * heads * width..(i + 1) * heads * width);
            x.slice_axis(Axis(2), columns).to_owned()
        };
        Case::one(
            format!("{b} {t} {heads} {width} window {window}"),
            [real([b, t, 3 * heads * width])],
            move |x| x[0].packed_attention(heads, window),
            move |x| oracle(&[0, 1, 2].map(|i| side(&x[0], i)), heads, window),
        )
        .once()
    };
    vec![
        case([1, 1, 1, 1, 1]),
        case([2, 7, 3, 3, 7]),
        case([2, 7, 1, 5, 3]),
        case([3, 11, 2, 9, 1]),
        case([1, 53, 2, 17, 100]),
    ]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::base::threads::Pool;
    use crate::engine::{Executor, Graph, Store};

    /// The packed form and the three operands are the same numbers, gradients included.
    #[test]
    fn it_is_attention_of_three_slices_bit_for_bit() {
        let (heads, width, window) = (2, 20, 30);
        let values: Vec<f32> = (0..3 * 50 * 120).map(|i| ((i * 7919) % 2003) as f32 / 800.0 - 1.2).collect();
        let results = [false, true].map(|packed| {
            let mut store = Store::new();
            let slot = store.add("x", [3, 50, 3 * heads * width]);
            store.values_mut(slot).copy_from_slice(&values);
            let graph = Graph::new();
            let x = graph.read(&store, slot);
            let out = if packed {
                x.packed_attention(heads, window)
            } else {
                let [q, k, v] = [0, 1, 2].map(|i| x.slice(2, i * heads * width, heads * width));
                q.attention(k, v, heads, window)
            };
            let gradient = graph.gradient((out * out).sum(), &[x]).expect("attention has a gradient")[0];
            let outputs = [graph.output("out", out), graph.output("gradient", gradient)];
            let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
            executor.run(&mut store);
            outputs.map(|output| executor.output(output, &store).to_vec())
        });
        assert!(results[0] == results[1] && results[0][1].iter().any(|&x| x != 0.0));
    }
}
