//! `gru`: a whole sequence through a gated recurrent unit, gates r, z, n:
//! u = h_{t-1} W + b, r = s(x_r + u_r), z = s(x_z + u_z), n = tanh(x_n + r u_n),
//! h = (1 - z) n + z h, from zeros or a given state. The backward is fused and has no second
//! derivative.

use super::lstm::{of_hidden, recurrent_shape};
use crate::engine::{Backward, GradientError, Gradients, Io, Op, Shape, ShapeError, Var};
use crate::kernels::gru::{self as kernel, GruGradients, GruInputs, GruSaved};

/// Inputs: gate inputs `[B, T, 3H]`, recurrent weights `[H, 3H]` and bias `[3H]` and, if `carried`,
/// hidden states before the first token `[B, H]`. Outputs: hidden states `[B, T, H]`, and r, z, n, u_n
/// `[B, T, 4H]` for the backward.
#[derive(Clone, Copy, Debug)]
struct Gru {
    carried: bool,
}

/// Inputs: recurrent weights, the two outputs, gradient by the hidden states, the state before if
/// `carried`. Outputs: gradients by the inputs.
#[derive(Clone, Copy, Debug)]
struct GruBackward {
    carried: bool,
}

impl Op for Gru {
    fn name(&self) -> &'static str {
        "gru"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let shape = match inputs {
            [x, w, bias, initial @ ..] if initial.len() == usize::from(self.carried) => {
                recurrent_shape(3, x, w, initial).filter(|shape| bias[..] == [3 * shape.hidden])
            }
            _ => None,
        };
        let expected = "gate inputs [B, T, 3H], weights [H, 3H], bias [3H], states [B, H]";
        let shape = shape.ok_or_else(|| ShapeError::new("gru", inputs, expected))?;
        let (batch, tokens, hidden) = (shape.batch, shape.tokens, shape.hidden);
        Ok(vec![[batch, tokens, hidden].into(), [batch, tokens, 4 * hidden].into()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [xz, wh, bh, h0, ..], outputs: [h, saved, ..], output_shapes, scratch, pool, .. } = io;
        let inputs = GruInputs { xz, wh, bh, initial: self.carried.then_some(h0) };
        kernel::gru(pool, of_hidden(&output_shapes[0]), inputs, h, saved, scratch);
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
        let mut inputs = vec![at.inputs[1], at.outputs[0], at.outputs[1], at.d_output()];
        inputs.extend(&at.inputs[3..]);
        let op = GruBackward { carried: self.carried };
        Ok(inputs[0].graph().apply(op, &inputs).into_iter().map(Some).collect())
    }
}

impl Op for GruBackward {
    fn name(&self) -> &'static str {
        "gru_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [w, h, _, d_h, initial @ ..] if h == d_h => {
                let wide = w.last_extent();
                let initial = initial.iter().map(|shape| (*shape).clone());
                Ok([h.with_last(wide), (*w).clone(), [wide].into()].into_iter().chain(initial).collect())
            }
            _ => Err(ShapeError::new("gru_backward", inputs, "weights, states, what was saved, gradient, initial")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [wh, h, saved, d_h, h0, ..], outputs, input_shapes, scratch, pool, .. } = io;
        let [dxz, d_wh, d_bh, d_initial, ..] = outputs;
        let saved = GruSaved { wh, initial: self.carried.then_some(h0), h, saved, d_h };
        let gradients = GruGradients { dxz, d_wh, d_bh, d_initial };
        kernel::gru_backward(pool, of_hidden(&input_shapes[1]), saved, gradients, scratch);
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
        self.graph().apply(Gru { carried: false }, &[self, recurrent, bias])[0]
    }

    /// As [`Var::gru`], from the hidden states `[B, H]` that another part of the sequence ended with
    /// ([`Var::last_token`] of its result); they have a gradient.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn gru_from(self, recurrent: Var<'g>, bias: Var<'g>, hidden: Var<'g>) -> Var<'g> {
        self.graph().apply(Gru { carried: true }, &[self, recurrent, bias, hidden])[0]
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    fn oracle(x: &[Array]) -> Array {
        let (gates, w, bias) = (&x[0], &x[1], &x[2]);
        let (batch, tokens, hidden) = (gates.shape()[0], gates.shape()[1], w.shape()[0]);
        let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
        let mut out = Array::zeros(vec![batch, tokens, hidden]);
        for b in 0..batch {
            let mut h: Vec<f64> = (0..hidden).map(|j| x.get(3).map_or(0.0, |x| x[[b, j]])).collect();
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
    let carried = |[b, t, h]: [usize; 3]| {
        let inputs = [real([b, t, 3 * h]), real([h, 3 * h]), real([3 * h]), real([b, h])];
        Case::one(format!("{b} {t} {h} from a state"), inputs, |x| x[0].gru_from(x[1], x[2], x[3]), oracle).once()
    };
    let shapes = [[1, 1, 1], [2, 5, 3], [3, 4, 7]];
    shapes.into_iter().flat_map(|shape| [case(shape), carried(shape)]).collect()
}
