//! `lstm`: a whole sequence through a long short-term memory, gates i, f, g, o:
//! z_t = x_t + h_{t-1} W, c = s(f) c + s(i) tanh(g), h = s(o) tanh(c), from zeros or a given state. The
//! backward is fused and has no second derivative.

use crate::engine::{Backward, GradientError, Gradients, Io, Op, Shape, ShapeError, Var};
use crate::kernels::lstm::{self as kernel, LstmInputs, LstmSaved};
use crate::kernels::recurrence::RecurrentShape;

/// Inputs: gate inputs `[B, T, 4H]`, recurrent weights `[H, 4H]` and, if `carried`, hidden states and
/// cells before the first token `[B, H]`. Outputs: hidden states and cells `[B, T, H]`, activated
/// gates `[B, T, 4H]`.
#[derive(Clone, Copy, Debug)]
struct Lstm {
    carried: bool,
}

/// Inputs: recurrent weights, the three outputs, gradients by hidden states and cells (the latter
/// if `cells`), the state before if `carried`. Outputs: gradients by the inputs.
#[derive(Clone, Copy, Debug)]
struct LstmBackward {
    carried: bool,
    cells: bool,
}

/// The shape of a scan with `gates` gates over `[B, T, gates H]` and `[H, gates H]`, from states
/// `[B, H]`.
pub(super) fn recurrent_shape(
    gates: usize,
    x: &[usize],
    weights: &[usize],
    initial: &[&Shape],
) -> Option<RecurrentShape> {
    let ([batch, tokens, wide], [hidden, wide_w]) = (x, weights) else { return None };
    let fits = wide == wide_w && *wide == gates * hidden && initial.iter().all(|state| state[..] == [*batch, *hidden]);
    fits.then_some(RecurrentShape { batch: *batch, tokens: *tokens, hidden: *hidden })
}

/// The same for shapes that were checked before, from the hidden states `[B, T, H]`.
pub(super) fn of_hidden(hidden: &Shape) -> RecurrentShape {
    RecurrentShape { batch: hidden[0], tokens: hidden[1], hidden: hidden[2] }
}

impl Op for Lstm {
    fn name(&self) -> &'static str {
        "lstm"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let shape = match inputs {
            [x, w, initial @ ..] if initial.len() == 2 * usize::from(self.carried) => recurrent_shape(4, x, w, initial),
            _ => None,
        };
        let expected = "gate inputs [B, T, 4H], weights [H, 4H], states [B, H]";
        let shape = shape.ok_or_else(|| ShapeError::new("lstm", inputs, expected))?;
        let hidden = Shape::from([shape.batch, shape.tokens, shape.hidden]);
        Ok(vec![hidden.clone(), hidden, inputs[0].clone()])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [xz, wh, h0, c0, ..], outputs: [h, c, gates, ..], output_shapes, scratch, pool, .. } = io;
        let inputs = LstmInputs { xz, wh, initial: self.carried.then_some([h0, c0]) };
        kernel::lstm(pool, of_hidden(&output_shapes[0]), inputs, h, c, gates, scratch);
    }

    fn scratch(&self, _: &[Shape], outputs: &[Shape]) -> usize {
        kernel::lstm_scratch(of_hidden(&outputs[0]))
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        2 * inputs[0].rows() as u64 * inputs[1].size() as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[2].is_some() {
            return Err(GradientError::NoRule { op: "lstm", why: "its gates are kept for the backward pass alone" });
        }
        let [h, c, gates] = [at.outputs[0], at.outputs[1], at.outputs[2]];
        let mut inputs = vec![at.inputs[1], h, c, gates, at.d_output_or_zero(0)];
        inputs.extend(at.d_outputs[1]);
        inputs.extend(&at.inputs[2..]);
        let op = LstmBackward { carried: self.carried, cells: at.d_outputs[1].is_some() };
        Ok(h.graph().apply(op, &inputs).into_iter().map(Some).collect())
    }
}

impl Op for LstmBackward {
    fn name(&self) -> &'static str {
        "lstm_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [w, h, c, gates, d_h, rest @ ..] if h == c && h == d_h => {
                let initial = rest[usize::from(self.cells)..].iter().map(|shape| (*shape).clone());
                Ok([(*gates).clone(), (*w).clone()].into_iter().chain(initial).collect())
            }
            _ => Err(ShapeError::new("lstm_backward", inputs, "weights, states, cells, gates, gradients, initial")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs, outputs: [dx, dw, d_h0, d_c0, ..], input_shapes, scratch, pool, .. } = io;
        let [wh, h, c, gates, d_h, rest @ ..] = inputs;
        let [h0, c0] = if self.cells { [rest[1], rest[2]] } else { [rest[0], rest[1]] };
        let (initial, d_c) = (self.carried.then_some([h0, c0]), self.cells.then_some(rest[0]));
        let saved = LstmSaved { wh, initial, h, c, gates, d_h, d_c };
        kernel::lstm_backward(pool, of_hidden(&input_shapes[1]), saved, dx, dw, [d_h0, d_c0], scratch);
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

/// What an LSTM went through.
#[derive(Clone, Copy, Debug)]
pub struct LstmStates<'g> {
    /// Hidden states, `[B, T, H]`.
    pub hidden: Var<'g>,
    /// Cells, `[B, T, H]`.
    pub cells: Var<'g>,
}

impl<'g> LstmStates<'g> {
    /// Hidden states and cells after the last token, `[B, H]`: what [`Var::lstm_from`] goes on from.
    pub fn last(self) -> (Var<'g>, Var<'g>) {
        (self.hidden.last_token(), self.cells.last_token())
    }
}

impl<'g> Var<'g> {
    /// Hidden states `[B, T, H]` of an LSTM whose gate inputs `[B, T, 4H]` (bias included) these are,
    /// with recurrent weights `[H, 4H]`; gates in the order input, forget, candidate, output.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn lstm(self, recurrent: Var<'g>) -> Var<'g> {
        self.graph().apply(Lstm { carried: false }, &[self, recurrent])[0]
    }

    /// As [`Var::lstm`], from the hidden states and cells `[B, H]` that another part of the sequence
    /// ended with; both have gradients.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn lstm_from(self, recurrent: Var<'g>, hidden: Var<'g>, cells: Var<'g>) -> LstmStates<'g> {
        let outputs = self.graph().apply(Lstm { carried: true }, &[self, recurrent, hidden, cells]);
        LstmStates { hidden: outputs[0], cells: outputs[1] }
    }

    /// What these states `[B, T, H]` are at the last token: `[B, H]`.
    ///
    /// # Panics
    /// If this is not of three axes, or has no token.
    pub fn last_token(self) -> Var<'g> {
        let shape = self.shape();
        self.slice(1, shape[1] - 1, 1).reshape([shape[0], shape[2]])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    /// Hidden states and cells.
    fn oracle(x: &[Array]) -> Vec<Array> {
        let (gates, w) = (&x[0], &x[1]);
        let (batch, tokens, hidden) = (gates.shape()[0], gates.shape()[1], w.shape()[0]);
        let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
        let mut out = vec![Array::zeros(vec![batch, tokens, hidden]); 2];
        for b in 0..batch {
            let first = |i: usize| (0..hidden).map(|j| x.get(i).map_or(0.0, |x| x[[b, j]])).collect::<Vec<_>>();
            let (mut h, mut c) = (first(2), first(3));
            for t in 0..tokens {
                let z = |i: usize| gates[[b, t, i]] + (0..hidden).map(|j| h[j] * w[[j, i]]).sum::<f64>();
                let z: Vec<f64> = (0..4 * hidden).map(z).collect();
                for j in 0..hidden {
                    let [i, f, g, o] = [0, 1, 2, 3].map(|gate| z[gate * hidden + j]);
                    c[j] = sigmoid(f) * c[j] + sigmoid(i) * g.tanh();
                    h[j] = sigmoid(o) * c[j].tanh();
                    out[0][[b, t, j]] = h[j];
                    out[1][[b, t, j]] = c[j];
                }
            }
        }
        out
    }
    let case = |[b, t, h]: [usize; 3]| {
        let inputs = [real([b, t, 4 * h]), real([h, 4 * h])];
        Case::one(format!("{b} {t} {h}"), inputs, |x| x[0].lstm(x[1]), |x| oracle(x).remove(0)).once()
    };
    let carried = |[b, t, h]: [usize; 3]| {
        let inputs = [real([b, t, 4 * h]), real([h, 4 * h]), real([b, h]), real([b, h])];
        let label = format!("{b} {t} {h} from a state");
        Case::one(label, inputs, |x| x[0].lstm_from(x[1], x[2], x[3]).hidden, |x| oracle(x).remove(0)).once()
    };
    // The loss reads both states after the last token, and all hidden states.
    fn read_all<'g>(x: &[Var<'g>]) -> Vec<Var<'g>> {
        let states = x[0].lstm_from(x[1], x[2], x[3]);
        let (hidden, cells) = states.last();
        vec![states.hidden, hidden, cells]
    }
    let whole = |[b, t, h]: [usize; 3]| {
        let inputs = [real([b, t, 4 * h]), real([h, 4 * h]), real([b, h]), real([b, h])];
        let last = move |x: &Array| x.clone().index_axis_move(ndarray::Axis(1), t - 1);
        let oracle = move |x: &[Array]| {
            let states = oracle(x);
            vec![states[0].clone(), last(&states[0]), last(&states[1])]
        };
        Case::new(format!("{b} {t} {h} to its last states"), inputs, read_all, oracle).once()
    };
    let shapes = [[1, 1, 1], [2, 5, 3], [3, 4, 7]];
    shapes.into_iter().flat_map(|shape| [case(shape), carried(shape), whole(shape)]).collect()
}
