//! `lstm`: a whole sequence through a long short-term memory, gates i, f, g, o:
//! z_t = x_t + h_{t-1} W, c = s(f) c + s(i) tanh(g), h = s(o) tanh(c), from zeros. The backward is
//! fused and has no second derivative.

use crate::engine::{Backward, GradientError, Gradients, Io, Op, Shape, ShapeError, Var};
use crate::kernels::lstm::{self as kernel, LstmSaved};
use crate::kernels::recurrence::RecurrentShape;

/// Inputs: gate inputs `[B, T, 4H]`, recurrent weights `[H, 4H]`. Outputs: hidden states and cells
/// `[B, T, H]`, activated gates `[B, T, 4H]`.
#[derive(Clone, Copy, Debug)]
struct Lstm;

/// Inputs: recurrent weights, the three outputs, gradient by the hidden states. Outputs: gradients
/// by gate inputs and weights.
#[derive(Clone, Copy, Debug)]
struct LstmBackward;

/// The shape of a scan with `gates` gates over `[B, T, gates H]` and `[H, gates H]`.
pub(super) fn recurrent_shape(gates: usize, x: &[usize], weights: &[usize]) -> Option<RecurrentShape> {
    let ([batch, tokens, wide], [hidden, wide_w]) = (x, weights) else { return None };
    let fits = wide == wide_w && *wide == gates * hidden;
    fits.then_some(RecurrentShape { batch: *batch, tokens: *tokens, hidden: *hidden })
}

/// The same for shapes that were checked before: weights first, then hidden states `[B, T, H]`.
pub(super) fn of_hidden(hidden: &Shape) -> RecurrentShape {
    RecurrentShape { batch: hidden[0], tokens: hidden[1], hidden: hidden[2] }
}

impl Op for Lstm {
    fn name(&self) -> &'static str {
        "lstm"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let shape = if let [x, w] = inputs { recurrent_shape(4, x, w) } else { None };
        let shape = shape.ok_or_else(|| ShapeError::new("lstm", inputs, "gate inputs [B, T, 4H], weights [H, 4H]"))?;
        let hidden = Shape::from([shape.batch, shape.tokens, shape.hidden]);
        Ok(vec![hidden.clone(), hidden, inputs[0].clone()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, w, ..], outputs: [h, c, gates, ..], output_shapes, scratch, pool, .. } = io;
        kernel::lstm(pool, of_hidden(&output_shapes[0]), x, w, h, c, gates, scratch);
    }

    fn scratch(&self, _: &[Shape], outputs: &[Shape]) -> usize {
        kernel::lstm_scratch(of_hidden(&outputs[0]))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        2 * inputs[0].rows() as u64 * inputs[1].size() as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[1..].iter().any(Option::is_some) {
            return Err(GradientError::NoRule {
                op: "lstm",
                why: "cells and gates are kept for the backward pass alone",
            });
        }
        let [h, c, gates] = [at.outputs[0], at.outputs[1], at.outputs[2]];
        let gradients = h.graph().apply(LstmBackward, &[at.inputs[1], h, c, gates, at.d_output()]);
        Ok(gradients.into_iter().map(Some).collect())
    }
}

impl Op for LstmBackward {
    fn name(&self) -> &'static str {
        "lstm_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [w, h, c, gates, d_h] if h == c && h == d_h => Ok(vec![(*gates).clone(), (*w).clone()]),
            _ => Err(ShapeError::new("lstm_backward", inputs, "weights, states, cells, gates, gradient")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [wh, h, c, gates, d_h, ..], outputs: [dx, dw, ..], input_shapes, scratch, pool, .. } = io;
        let saved = LstmSaved { wh, h, c, gates, d_h };
        kernel::lstm_backward(pool, of_hidden(&input_shapes[1]), saved, dx, dw, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        kernel::lstm_backward_scratch(of_hidden(&inputs[1]))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        4 * inputs[3].rows() as u64 * inputs[0].size() as u64
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::fused("lstm_backward"))
    }
}

impl<'g> Var<'g> {
    /// Hidden states `[B, T, H]` of an LSTM whose gate inputs `[B, T, 4H]` (bias included) these are,
    /// with recurrent weights `[H, 4H]`; gates in the order input, forget, candidate, output.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn lstm(self, recurrent: Var<'g>) -> Var<'g> {
        self.graph().apply(Lstm, &[self, recurrent])[0]
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    fn oracle(x: &[Array]) -> Array {
        let (gates, w) = (&x[0], &x[1]);
        let (batch, tokens, hidden) = (gates.shape()[0], gates.shape()[1], w.shape()[0]);
        let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
        let mut out = Array::zeros(vec![batch, tokens, hidden]);
        for b in 0..batch {
            let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
            for t in 0..tokens {
                let z = |i: usize| gates[[b, t, i]] + (0..hidden).map(|j| h[j] * w[[j, i]]).sum::<f64>();
                let z: Vec<f64> = (0..4 * hidden).map(z).collect();
                for j in 0..hidden {
                    let [i, f, g, o] = [0, 1, 2, 3].map(|gate| z[gate * hidden + j]);
                    c[j] = sigmoid(f) * c[j] + sigmoid(i) * g.tanh();
                    h[j] = sigmoid(o) * c[j].tanh();
                    out[[b, t, j]] = h[j];
                }
            }
        }
        out
    }
    let case = |[b, t, h]: [usize; 3]| {
        Case::one(format!("{b} {t} {h}"), [real([b, t, 4 * h]), real([h, 4 * h])], |x| x[0].lstm(x[1]), oracle).once()
    };
    vec![case([1, 1, 1]), case([2, 5, 3]), case([3, 4, 7])]
}
