//! The LSTM over a sequence (Hochreiter and Schmidhuber 1997; Gers et al. 2000), from a state of
//! zeros: `z_t = xz_t + h_{t-1} Wh` with gates `i, f, g, o` side by side,
//! `c_t = s(f) c_{t-1} + s(i) tanh(g)`, `h_t = s(o) tanh(c_t)`.

use super::isa::kernel;
use super::math::{sigmoid, tanh};
use super::recurrence::{Packed, RecurrentShape, packed_len, weight_gradient};
use super::split::split;
use crate::base::threads::Pool;

/// Gates of a cell.
const GATES: usize = 4;

/// The four gates of one token: `[4 * hidden]`.
#[inline(always)]
fn four(z: &[f32], hidden: usize) -> [&[f32]; GATES] {
    std::array::from_fn(|i| &z[i * hidden..][..hidden])
}

/// As [`four`], to write.
#[inline(always)]
fn four_mut(z: &mut [f32], hidden: usize) -> [&mut [f32]; GATES] {
    let (a, b) = z.split_at_mut(2 * hidden);
    let ((i, f), (g, o)) = (a.split_at_mut(hidden), b.split_at_mut(hidden));
    [i, f, g, o]
}

kernel! {
    /// One token of one sequence: activates `z` in place. `before` is the cell before, or empty.
    fn forward_cell<A>(z: &mut [f32], before: &[f32], c: &mut [f32], h: &mut [f32]) {
        let hidden = c.len();
        let (sigmoids, o) = z.split_at_mut(3 * hidden);
        let (sigmoids, g) = sigmoids.split_at_mut(2 * hidden);
        // Two loops: a chain of both would not be vectorised.
        for x in sigmoids.iter_mut() {
            *x = sigmoid::<A>(*x);
        }
        for x in o.iter_mut() {
            *x = sigmoid::<A>(*x);
        }
        for x in g.iter_mut() {
            *x = tanh::<A>(*x);
        }
        let (i, f) = sigmoids.split_at(hidden);
        for ((c, i), g) in c.iter_mut().zip(i).zip(&*g) {
            *c = i * g;
        }
        for ((c, f), before) in c.iter_mut().zip(f).zip(before) {
            *c = A::mul_add(*f, *before, *c);
        }
        for ((h, o), c) in h.iter_mut().zip(&*o).zip(&*c) {
            *h = o * tanh::<A>(*c);
        }
    }
}

kernel! {
    /// One token of one sequence backwards: `dh` is the hidden state's whole gradient; `dc` comes
    /// from the token after and leaves for the one before.
    fn backward_cell<A>(gates: &[f32], before: &[f32], c: &[f32], dh: &[f32], dc: &mut [f32], dz: &mut [f32]) {
        let hidden = c.len();
        let ([i, f, g, o], [dz_i, dz_f, dz_g, dz_o]) = (four(gates, hidden), four_mut(dz, hidden));
        let (dh, before) = (&dh[..hidden], &before[..hidden.min(before.len())]);
        for (((dc, dz_o), (c, o)), dh) in dc.iter_mut().zip(dz_o).zip(c.iter().zip(o)).zip(dh) {
            let squashed = tanh::<A>(*c);
            *dz_o = dh * squashed * o * (1.0 - o);
            *dc = A::mul_add(dh * o, A::mul_add(-squashed, squashed, 1.0), *dc);
        }
        for (((dz_i, dz_g), (i, g)), dc) in dz_i.iter_mut().zip(dz_g).zip(i.iter().zip(g)).zip(&*dc) {
            *dz_i = dc * g * i * (1.0 - i);
            *dz_g = dc * i * A::mul_add(-*g, *g, 1.0);
        }
        dz_f.fill(0.0);
        for (((dz_f, before), f), dc) in dz_f.iter_mut().zip(before).zip(f).zip(&*dc) {
            *dz_f = dc * before * f * (1.0 - f);
        }
        for (dc, f) in dc.iter_mut().zip(f) {
            *dc *= f;
        }
    }
}

/// Scratch of [`lstm`], in floats.
pub fn lstm_scratch(shape: RecurrentShape) -> usize {
    packed_len(shape.hidden, GATES * shape.hidden)
}

/// The LSTM. `xz` (inputs times their weights, plus the bias): `[B, T, 4H]`; `wh`: `[H, 4H]`; hidden
/// states `h` and cells `c`: `[B, T, H]`; `gates` (activated, for the backward): `[B, T, 4H]`;
/// `scratch`: [`lstm_scratch`].
#[allow(clippy::too_many_arguments)]
pub fn lstm(
    pool: &Pool,
    shape: RecurrentShape,
    xz: &[f32],
    wh: &[f32],
    h: &mut [f32],
    c: &mut [f32],
    gates: &mut [f32],
    scratch: &mut [f32],
) {
    let RecurrentShape { tokens, hidden, .. } = shape;
    let weights = Packed::new(pool, wh, hidden, GATES * hidden, &mut scratch[..lstm_scratch(shape)]);
    let (row, gate_row) = (tokens * hidden, tokens * GATES * hidden);
    let part = shape.rows() * row;
    split(pool, shape.blocks(), [(h, part), (c, part), (gates, GATES * part)], |block, [h, c, gates]| {
        let rows = shape.rows().min(shape.batch - block * shape.rows());
        gates.copy_from_slice(&xz[block * GATES * part..][..gates.len()]);
        for t in 0..tokens {
            let now = t * hidden;
            if t > 0 {
                weights.multiply(rows, &h[now - hidden..], row, &mut gates[GATES * now..], gate_row, true);
            }
            for r in 0..rows {
                let (before, c) = c[r * row..].split_at_mut(now);
                let before = &before[now.saturating_sub(hidden)..];
                let z = &mut gates[r * gate_row + GATES * now..][..GATES * hidden];
                forward_cell(z, before, &mut c[..hidden], &mut h[r * row + now..][..hidden]);
            }
        }
    });
}

/// What [`lstm_backward`] reads: weights and outputs of the forward, and the gradient of the hidden
/// states.
#[derive(Clone, Copy, Debug)]
pub struct LstmSaved<'a> {
    /// Recurrent weights, `[H, 4H]`.
    pub wh: &'a [f32],
    /// Hidden states, `[B, T, H]`.
    pub h: &'a [f32],
    /// Cells, `[B, T, H]`.
    pub c: &'a [f32],
    /// Activated gates, `[B, T, 4H]`.
    pub gates: &'a [f32],
    /// The gradient of the hidden states, `[B, T, H]`.
    pub d_h: &'a [f32],
}

/// Scratch of [`lstm_backward`], in floats.
pub fn lstm_backward_scratch(shape: RecurrentShape) -> usize {
    packed_len(GATES * shape.hidden, shape.hidden) + shape.blocks() * 2 * shape.rows() * shape.hidden
}

/// The gradients of [`lstm`]: `dxz` `[B, T, 4H]` and `d_wh` `[H, 4H]`; they are overwritten.
/// `scratch`: [`lstm_backward_scratch`].
pub fn lstm_backward(
    pool: &Pool,
    shape: RecurrentShape,
    saved: LstmSaved<'_>,
    dxz: &mut [f32],
    d_wh: &mut [f32],
    scratch: &mut [f32],
) {
    let RecurrentShape { tokens, hidden, .. } = shape;
    let (buffer, scratch) = scratch.split_at_mut(packed_len(GATES * hidden, hidden));
    let weights = Packed::transposed(pool, saved.wh, GATES * hidden, hidden, buffer);
    let part = shape.rows() * tokens * GATES * hidden;
    let outputs = [(&mut *dxz, part), (scratch, 2 * shape.rows() * hidden)];
    split(pool, shape.blocks(), outputs, |block, [dxz, state]| {
        backward_block(shape, block, saved, weights, dxz, state);
    });
    weight_gradient(pool, shape, GATES * hidden, saved.h, dxz, d_wh);
}

/// A block of sequences from the last token to the first; `state` holds the gradients of hidden
/// states and cells.
fn backward_block(
    shape: RecurrentShape,
    block: usize,
    saved: LstmSaved<'_>,
    weights: Packed<'_>,
    dxz: &mut [f32],
    state: &mut [f32],
) {
    let RecurrentShape { batch, tokens, hidden } = shape;
    let first = block * shape.rows();
    let rows = shape.rows().min(batch - first);
    let (dh, dc) = state.split_at_mut(shape.rows() * hidden);
    dh.fill(0.0);
    dc.fill(0.0);
    for t in (0..tokens).rev() {
        for r in 0..rows {
            let token = (first + r) * tokens + t;
            let (c, gates) = (&saved.c[token * hidden..][..hidden], &saved.gates[token * GATES * hidden..]);
            let before = if t > 0 { &saved.c[(token - 1) * hidden..][..hidden] } else { &[] };
            let dh = &mut dh[r * hidden..][..hidden];
            for (dh, d) in dh.iter_mut().zip(&saved.d_h[token * hidden..]) {
                *dh += d;
            }
            let dz = &mut dxz[(r * tokens + t) * GATES * hidden..][..GATES * hidden];
            backward_cell(gates, before, c, dh, &mut dc[r * hidden..][..hidden], dz);
        }
        if t > 0 {
            let dz = &dxz[t * GATES * hidden..];
            weights.multiply(rows, dz, tokens * GATES * hidden, dh, hidden, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{
        assert_close, assert_same_at_any_threads, differences, dot, noise, on_every_set, wide,
    };

    const fn shape(batch: usize, tokens: usize, hidden: usize) -> RecurrentShape {
        RecurrentShape { batch, tokens, hidden }
    }

    const SHAPES: [RecurrentShape; 4] = [shape(2, 5, 3), shape(1, 1, 4), shape(3, 4, 17), shape(27, 3, 2)];

    /// xz, wh, and the gradient of h.
    fn inputs(shape: RecurrentShape) -> [Vec<f32>; 3] {
        let RecurrentShape { batch, tokens, hidden } = shape;
        let len = [batch * tokens * GATES * hidden, hidden * GATES * hidden, batch * tokens * hidden];
        std::array::from_fn(|i| noise(30 + i as u64, len[i]).iter().map(|x| 1.5 * x).collect())
    }

    /// h, c and gates.
    fn forward(pool: &Pool, shape: RecurrentShape, [xz, wh, d_h]: &[Vec<f32>; 3]) -> [Vec<f32>; 3] {
        let [mut h, mut c, mut gates] = [d_h, d_h, xz].map(|x| vec![f32::NAN; x.len()]);
        let mut scratch = vec![f32::NAN; lstm_scratch(shape)];
        lstm(pool, shape, xz, wh, &mut h, &mut c, &mut gates, &mut scratch);
        [h, c, gates]
    }

    fn backward(pool: &Pool, shape: RecurrentShape, x: &[Vec<f32>; 3]) -> [Vec<f32>; 2] {
        let [h, c, gates] = &forward(pool, shape, x);
        let [xz, wh, d_h] = x;
        let [mut dxz, mut d_wh] = [xz, wh].map(|x| vec![f32::NAN; x.len()]);
        let mut scratch = vec![f32::NAN; lstm_backward_scratch(shape)];
        let saved = LstmSaved { wh, h, c, gates, d_h };
        lstm_backward(pool, shape, saved, &mut dxz, &mut d_wh, &mut scratch);
        [dxz, d_wh]
    }

    /// The definition, in f64: h and c.
    fn plain(shape: RecurrentShape, xz: &[f64], wh: &[f64]) -> [Vec<f64>; 2] {
        let RecurrentShape { batch, tokens, hidden: n } = shape;
        let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (mut all_h, mut all_c) = (Vec::new(), Vec::new());
        for b in 0..batch {
            let (mut h, mut c) = (vec![0.0; n], vec![0.0; n]);
            for t in 0..tokens {
                let z: Vec<f64> = (0..GATES * n)
                    .map(|j| {
                        let recurrent: f64 = (0..n).map(|i| h[i] * wh[i * GATES * n + j]).sum();
                        xz[(b * tokens + t) * GATES * n + j] + recurrent
                    })
                    .collect();
                for j in 0..n {
                    c[j] = sigma(z[n + j]) * c[j] + sigma(z[j]) * z[2 * n + j].tanh();
                    h[j] = sigma(z[3 * n + j]) * c[j].tanh();
                }
                all_h.extend(&h);
                all_c.extend(&c);
            }
        }
        [all_h, all_c]
    }

    #[test]
    fn forward_and_backward_agree_with_the_definition() {
        for shape in SHAPES {
            let x = inputs(shape);
            let exact = x.clone().map(|x| wide(&x));
            let want = plain(shape, &exact[0], &exact[1]);
            let gradients: [Vec<f64>; 2] = std::array::from_fn(|i| {
                differences(&exact[..2], i, |x| dot(&plain(shape, &x[0], &x[1])[0], &exact[2]))
            });
            on_every_set(|pool| {
                let got = forward(pool, shape, &x);
                assert_close("h", &got[0], &want[0], 5e-6);
                assert_close("c", &got[1], &want[1], 5e-6);
                for (i, got) in backward(pool, shape, &x).iter().enumerate() {
                    assert_close(["dxz", "d_wh"][i], got, &gradients[i], 3e-5);
                }
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for shape in SHAPES {
            let x = inputs(shape);
            assert_same_at_any_threads(|pool| [&forward(pool, shape, &x)[..], &backward(pool, shape, &x)].concat());
        }
    }

    #[test]
    fn an_open_forget_gate_carries_the_cell_and_a_closed_one_drops_it() {
        let shape = shape(1, 2, 1);
        for (forget, kept) in [(100.0, 1.0), (-100.0, 0.0)] {
            // Token 0 writes tanh(5) through an open input gate; token 1 writes nothing.
            let xz = vec![100.0, forget, 5.0, 100.0, -100.0, forget, 5.0, 100.0];
            let [_, c, _] = forward(&Pool::serial(), shape, &[xz, vec![0.0; 4], vec![0.0; 2]]);
            assert!((c[1] - kept * 5f32.tanh()).abs() < 1e-6, "{c:?}");
        }
    }
}
