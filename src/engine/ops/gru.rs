//! `gru`: a whole sequence through a gated recurrent unit, gates r, z, n:
//! u = h_{t-1} W + b, r = s(x_r + u_r), z = s(x_z + u_z), n = tanh(x_n + r u_n),
//! h = (1 - z) n + z h, from zeros. The backward is fused and has no second derivative.

use super::lstm::{of_hidden, recurrent_shape};
use crate::engine::{Backward, GradientError, Gradients, Io, Op, Shape, ShapeError, Var};
use crate::kernels::gru::{self as kernel, GruSaved};

/// Inputs: gate inputs `[B, T, 3H]`, recurrent weights `[H, 3H]` and bias `[3H]`. Outputs: hidden
/// states `[B, T, H]`, and r, z, n, u_n `[B, T, 4H]` for the backward.
#[derive(Clone, Copy, Debug)]
struct Gru;

/// Inputs: recurrent weights, the two outputs, gradient by the hidden states. Outputs: gradients by
/// gate inputs, weights and bias.
#[derive(Clone, Copy, Debug)]
struct GruBackward;

impl Op for Gru {
    fn name(&self) -> &'static str {
        "gru"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let shape = match inputs {
            [x, w, bias] => recurrent_shape(3, x, w).filter(|shape| bias[..] == [3 * shape.hidden]),
            _ => None,
        };
        let expected = "gate inputs [B, T, 3H], weights [H, 3H], bias [3H]";
        let shape = shape.ok_or_else(|| ShapeError::new("gru", inputs, expected))?;
        let (batch, tokens, hidden) = (shape.batch, shape.tokens, shape.hidden);
        Ok(vec![[batch, tokens, hidden].into(), [batch, tokens, 4 * hidden].into()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, w, bias, ..], outputs: [h, saved, ..], output_shapes, scratch, pool, .. } = io;
        kernel::gru(pool, of_hidden(&output_shapes[0]), x, w, bias, h, saved, scratch);
    }

    fn scratch(&self, _: &[Shape], outputs: &[Shape]) -> usize {
        kernel::gru_scratch(of_hidden(&outputs[0]))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        2 * inputs[0].rows() as u64 * inputs[1].size() as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[1].is_some() {
            return Err(GradientError::NoRule { op: "gru", why: "its gates are kept for the backward pass alone" });
        }
        let inputs = [at.inputs[1], at.outputs[0], at.outputs[1], at.d_output()];
        Ok(inputs[0].graph().apply(GruBackward, &inputs).into_iter().map(Some).collect())
    }
}

impl Op for GruBackward {
    fn name(&self) -> &'static str {
        "gru_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [w, h, _, d_h] if h == d_h => {
                let wide = w.last_extent();
                Ok(vec![h.with_last(wide), (*w).clone(), [wide].into()])
            }
            _ => Err(ShapeError::new("gru_backward", inputs, "weights, states, what was saved, gradient")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [wh, h, saved, d_h, ..], outputs: [dx, dw, d_bias, ..], input_shapes, scratch, pool, .. } = io;
        let saved = GruSaved { wh, h, saved, d_h };
        kernel::gru_backward(pool, of_hidden(&input_shapes[1]), saved, dx, dw, d_bias, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::gru_backward_scratch(of_hidden(&inputs[1]))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        4 * inputs[1].rows() as u64 * inputs[0].size() as u64
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::fused("gru_backward"))
    }
}

impl<'g> Var<'g> {
    /// Hidden states `[B, T, H]` of a GRU whose gate inputs `[B, T, 3H]` these are, with recurrent
    /// weights `[H, 3H]` and bias `[3H]`; gates in the order reset, update, candidate.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn gru(self, recurrent: Var<'g>, bias: Var<'g>) -> Var<'g> {
        self.graph().apply(Gru, &[self, recurrent, bias])[0]
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    fn oracle(x: &[Array]) -> Array {
        let [gates, w, bias] = x else { panic!("three inputs") };
        let (batch, tokens, hidden) = (gates.shape()[0], gates.shape()[1], w.shape()[0]);
        let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
        let mut out = Array::zeros(vec![batch, tokens, hidden]);
        for b in 0..batch {
            let mut h = vec![0.0; hidden];
            for t in 0..tokens {
                let u = |i: usize| bias[[i]] + (0..hidden).map(|j| h[j] * w[[j, i]]).sum::<f64>();
                let u: Vec<f64> = (0..3 * hidden).map(u).collect();
                for j in 0..hidden {
                    let at = |gate: usize| gates[[b, t, gate * hidden + j]];
                    let r = sigmoid(at(0) + u[j]);
                    let z = sigmoid(at(1) + u[hidden + j]);
                    let n = (at(2) + r * u[2 * hidden + j]).tanh();
                    h[j] = (1.0 - z) * n + z * h[j];
                    out[[b, t, j]] = h[j];
                }
            }
        }
        out
    }
    let case = |[b, t, h]: [usize; 3]| {
        let inputs = [real([b, t, 3 * h]), real([h, 3 * h]), real([3 * h])];
        Case::one(format!("{b} {t} {h}"), inputs, |x| x[0].gru(x[1], x[2]), oracle).once()
    };
    vec![case([1, 1, 1]), case([2, 5, 3]), case([3, 4, 7])]
}
