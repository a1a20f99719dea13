//! The LSTM over a sequence (Hochreiter and Schmidhuber 1997; Gers et al. 2000), from zeros or a given
//! state: `z_t = xz_t + h_{t-1} Wh` with gates `i, f, g, o` side by side,
//! `c_t = s(f) c_{t-1} + s(i) tanh(g)`, `h_t = s(o) tanh(c_t)`.

use super::isa::kernel;
use super::math::{sigmoid, tanh};
use super::recurrence::{Packed, RecurrentShape, add_to, packed_len, pitch, weight_gradient, weight_gradient_scratch};
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
    /// One token of one sequence: activates `z` into `gates`. `before` is the cell before, or empty.
    fn forward_cell<A>(z: &[f32], before: &[f32], gates: &mut [f32], c: &mut [f32], h: &mut [f32]) {
        let hidden = c.len();
        let ([z_i, z_f, z_g, z_o], [i, f, g, o]) = (four(z, hidden), four_mut(gates, hidden));
        // Loops of one function each: a chain of them would not be vectorised.
        for (gate, z) in [(&mut *i, z_i), (&mut *f, z_f), (&mut *o, z_o)] {
            for (gate, z) in gate.iter_mut().zip(z) {
                *gate = sigmoid::<A>(*z);
            }
        }
        for (g, z) in g.iter_mut().zip(z_g) {
            *g = tanh::<A>(*z);
        }
        for ((c, i), g) in c.iter_mut().zip(&*i).zip(&*g) {
            *c = i * g;
        }
        for ((c, f), before) in c.iter_mut().zip(&*f).zip(before) {
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
        if before.is_empty() {
            dz_f.fill(0.0);
        }
        for (((dz_f, before), f), dc) in dz_f.iter_mut().zip(before).zip(f).zip(&*dc) {
            *dz_f = dc * before * f * (1.0 - f);
        }
        for (dc, f) in dc.iter_mut().zip(f) {
            *dc *= f;
        }
    }
}

/// What [`lstm`] reads.
#[derive(Clone, Copy, Debug)]
pub struct LstmInputs<'a> {
    /// Inputs times their weights, plus the bias, `[B, T, 4H]`.
    pub xz: &'a [f32],
    /// Recurrent weights, `[H, 4H]`.
    pub wh: &'a [f32],
    /// Hidden states and cells before the first token, `[B, H]`; zeros if there are none.
    pub initial: Option<[&'a [f32]; 2]>,
}

/// Floats of one block: gates before their activation, and hidden states.
fn forward_block_len(shape: RecurrentShape) -> usize {
    shape.rows() * (pitch(GATES * shape.hidden) + pitch(shape.hidden))
}

/// Scratch of [`lstm`], in floats.
pub fn lstm_scratch(shape: RecurrentShape) -> usize {
    packed_len(shape.hidden, GATES * shape.hidden) + shape.blocks() * forward_block_len(shape)
}

/// The LSTM. Hidden states `h` and cells `c`: `[B, T, H]`; `gates` (activated, for the backward):
/// `[B, T, 4H]`; `scratch`: [`lstm_scratch`].
pub fn lstm(
    pool: &Pool,
    shape: RecurrentShape,
    inputs: LstmInputs<'_>,
    h: &mut [f32],
    c: &mut [f32],
    gates: &mut [f32],
    scratch: &mut [f32],
) {
    let hidden = shape.hidden;
    let (buffer, scratch) = scratch.split_at_mut(packed_len(hidden, GATES * hidden));
    let weights = Packed::new(pool, inputs.wh, hidden, GATES * hidden, buffer);
    let part = shape.rows() * shape.tokens * hidden;
    let outputs = [(h, part), (c, part), (gates, GATES * part), (scratch, forward_block_len(shape))];
    split(pool, shape.blocks(), outputs, |block, [h, c, gates, scratch]| {
        forward_block(shape, block, inputs, weights, [h, c, gates], scratch);
    });
}

/// A block of sequences from the first token to the last. The products read and write dense rows
/// in scratch, whatever the distance of the tokens.
fn forward_block(
    shape: RecurrentShape,
    block: usize,
    inputs: LstmInputs<'_>,
    weights: Packed<'_>,
    [h, c, gates]: [&mut [f32]; 3],
    scratch: &mut [f32],
) {
    let RecurrentShape { tokens, hidden, .. } = shape;
    let (first, rows) = shape.block(block);
    let (wide, row) = (GATES * hidden, pitch(hidden));
    let (z, state) = scratch.split_at_mut(shape.rows() * pitch(wide));
    if let Some([h0, _]) = inputs.initial {
        for r in 0..rows {
            state[r * row..][..hidden].copy_from_slice(&h0[(first + r) * hidden..][..hidden]);
        }
    }
    for t in 0..tokens {
        for (r, z) in z.chunks_mut(pitch(wide)).take(rows).enumerate() {
            z[..wide].copy_from_slice(&inputs.xz[((first + r) * tokens + t) * wide..][..wide]);
        }
        if t > 0 || inputs.initial.is_some() {
            weights.multiply(rows, state, row, z, pitch(wide), true);
        }
        for r in 0..rows {
            let token = r * tokens + t;
            let (earlier, c) = c.split_at_mut(token * hidden);
            let before = match inputs.initial {
                _ if t > 0 => &earlier[(token - 1) * hidden..],
                Some([_, c0]) => &c0[(first + r) * hidden..][..hidden],
                None => &[],
            };
            let (gates, h) = (&mut gates[token * wide..][..wide], &mut h[token * hidden..][..hidden]);
            forward_cell(&z[r * pitch(wide)..], before, gates, &mut c[..hidden], h);
            state[r * row..][..hidden].copy_from_slice(h);
        }
    }
}

/// What [`lstm_backward`] reads: inputs and outputs of the forward, and the gradients of hidden
/// states and cells.
#[derive(Clone, Copy, Debug)]
pub struct LstmSaved<'a> {
    /// Recurrent weights, `[H, 4H]`.
    pub wh: &'a [f32],
    /// Hidden states and cells before the first token, `[B, H]`, if the forward had them.
    pub initial: Option<[&'a [f32]; 2]>,
    /// Hidden states, `[B, T, H]`.
    pub h: &'a [f32],
    /// Cells, `[B, T, H]`.
    pub c: &'a [f32],
    /// Activated gates, `[B, T, 4H]`.
    pub gates: &'a [f32],
    /// The gradient of the hidden states, `[B, T, H]`.
    pub d_h: &'a [f32],
    /// The gradient of the cells, `[B, T, H]`, if anything read them.
    pub d_c: Option<&'a [f32]>,
}

/// Floats of one block: gradients of gates, hidden states and cells.
fn backward_block_len(shape: RecurrentShape) -> usize {
    shape.rows() * (pitch(GATES * shape.hidden) + 2 * pitch(shape.hidden))
}

/// Scratch of [`lstm_backward`], in floats.
pub fn lstm_backward_scratch(shape: RecurrentShape) -> usize {
    let blocks = shape.blocks() * backward_block_len(shape);
    packed_len(GATES * shape.hidden, shape.hidden) + blocks.max(weight_gradient_scratch(shape))
}

/// The gradients of [`lstm`]: `dxz` `[B, T, 4H]`, `d_wh` `[H, 4H]`, and `d_initial`, the gradients of
/// the hidden states and cells before the first token, `[B, H]`, or empty if not wanted. They are
/// overwritten. `scratch`: [`lstm_backward_scratch`].
pub fn lstm_backward(
    pool: &Pool,
    shape: RecurrentShape,
    saved: LstmSaved<'_>,
    dxz: &mut [f32],
    d_wh: &mut [f32],
    d_initial: [&mut [f32]; 2],
    scratch: &mut [f32],
) {
    let RecurrentShape { tokens, hidden, .. } = shape;
    let (buffer, scratch) = scratch.split_at_mut(packed_len(GATES * hidden, hidden));
    let weights = Packed::transposed(pool, saved.wh, GATES * hidden, hidden, buffer);
    let (part, first) = (shape.rows() * tokens * GATES * hidden, shape.rows() * hidden);
    let [d_h0, d_c0] = d_initial;
    let outputs = [(&mut *dxz, part), (d_h0, first), (d_c0, first), (&mut *scratch, backward_block_len(shape))];
    split(pool, shape.blocks(), outputs, |block, [dxz, d_h0, d_c0, scratch]| {
        backward_block(shape, block, saved, weights, [dxz, d_h0, d_c0], scratch);
    });
    let initial = saved.initial.map(|[h0, _]| h0);
    weight_gradient(pool, shape, GATES * hidden, saved.h, initial, dxz, d_wh, scratch);
}

/// A block of sequences from the last token to the first.
fn backward_block(
    shape: RecurrentShape,
    block: usize,
    saved: LstmSaved<'_>,
    weights: Packed<'_>,
    [dxz, d_h0, d_c0]: [&mut [f32]; 3],
    scratch: &mut [f32],
) {
    let RecurrentShape { tokens, hidden, .. } = shape;
    let (first, rows) = shape.block(block);
    let (wide, row) = (GATES * hidden, pitch(hidden));
    let (all_dz, state) = scratch.split_at_mut(shape.rows() * pitch(wide));
    let (dh, dc) = state.split_at_mut(shape.rows() * row);
    dh.fill(0.0);
    dc.fill(0.0);
    for t in (0..tokens).rev() {
        for r in 0..rows {
            let token = (first + r) * tokens + t;
            let (dh, dc) = (&mut dh[r * row..][..hidden], &mut dc[r * row..][..hidden]);
            add_to(dh, &saved.d_h[token * hidden..]);
            if let Some(d_c) = saved.d_c {
                add_to(dc, &d_c[token * hidden..]);
            }
            let before = match saved.initial {
                _ if t > 0 => &saved.c[(token - 1) * hidden..][..hidden],
                Some([_, c0]) => &c0[(first + r) * hidden..][..hidden],
                None => &[],
            };
            let (c, gates) = (&saved.c[token * hidden..][..hidden], &saved.gates[token * wide..][..wide]);
            let dz = &mut all_dz[r * pitch(wide)..][..wide];
            backward_cell(gates, before, c, dh, dc, dz);
            dxz[(r * tokens + t) * wide..][..wide].copy_from_slice(dz);
        }
        if t > 0 || !d_h0.is_empty() {
            weights.multiply(rows, all_dz, pitch(wide), dh, row, false);
        }
    }
    for (out, from) in [(d_h0, &*dh), (d_c0, &*dc)] {
        for (out, from) in out.chunks_mut(hidden.max(1)).zip(from.chunks(row)) {
            out.copy_from_slice(&from[..hidden]);
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

    /// xz, wh, h and c before the first token, and the gradients of h and c.
    fn inputs(shape: RecurrentShape) -> [Vec<f32>; 6] {
        let RecurrentShape { batch, tokens, hidden } = shape;
        let (states, first) = (batch * tokens * hidden, batch * hidden);
        let len = [states * GATES, hidden * GATES * hidden, first, first, states, states];
        std::array::from_fn(|i| noise(30 + i as u64, len[i]).iter().map(|x| 1.5 * x).collect())
    }

    fn initial(x: &[Vec<f32>; 6], carried: bool) -> Option<[&[f32]; 2]> {
        carried.then_some([&x[2], &x[3]])
    }

    /// h, c and gates.
    fn forward(pool: &Pool, shape: RecurrentShape, x: &[Vec<f32>; 6], carried: bool) -> [Vec<f32>; 3] {
        let [mut h, mut c, mut gates] = [&x[4], &x[5], &x[0]].map(|x| vec![f32::NAN; x.len()]);
        let mut scratch = vec![f32::NAN; lstm_scratch(shape)];
        let inputs = LstmInputs { xz: &x[0], wh: &x[1], initial: initial(x, carried) };
        lstm(pool, shape, inputs, &mut h, &mut c, &mut gates, &mut scratch);
        [h, c, gates]
    }

    /// dxz, d_wh and, if the state was carried, its gradients; then the cells' gradient counts too.
    fn backward(pool: &Pool, shape: RecurrentShape, x: &[Vec<f32>; 6], carried: bool) -> [Vec<f32>; 4] {
        let [h, c, gates] = &forward(pool, shape, x, carried);
        let [mut dxz, mut d_wh] = [&x[0], &x[1]].map(|x| vec![f32::NAN; x.len()]);
        let [mut d_h0, mut d_c0] = [2, 3].map(|i: usize| vec![f32::NAN; if carried { x[i].len() } else { 0 }]);
        let mut scratch = vec![f32::NAN; lstm_backward_scratch(shape)];
        let (initial, d_c) = (initial(x, carried), carried.then_some(&x[5][..]));
        let saved = LstmSaved { wh: &x[1], initial, h, c, gates, d_h: &x[4], d_c };
        lstm_backward(pool, shape, saved, &mut dxz, &mut d_wh, [&mut d_h0, &mut d_c0], &mut scratch);
        [dxz, d_wh, d_h0, d_c0]
    }

    /// The definition, in f64, of xz, wh, h_0 and c_0: h and c.
    fn plain(shape: RecurrentShape, x: &[Vec<f64>]) -> [Vec<f64>; 2] {
        let RecurrentShape { batch, tokens, hidden: n } = shape;
        let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (mut all_h, mut all_c) = (Vec::new(), Vec::new());
        for b in 0..batch {
            let (mut h, mut c) = (x[2][b * n..][..n].to_vec(), x[3][b * n..][..n].to_vec());
            for t in 0..tokens {
                let z: Vec<f64> = (0..GATES * n)
                    .map(|j| {
                        let recurrent: f64 = (0..n).map(|i| h[i] * x[1][i * GATES * n + j]).sum();
                        x[0][(b * tokens + t) * GATES * n + j] + recurrent
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
        for (shape, carried) in SHAPES.into_iter().flat_map(|shape| [(shape, false), (shape, true)]) {
            let x = inputs(shape);
            let mut exact = x.clone().map(|x| wide(&x));
            if !carried {
                [2, 3, 5].into_iter().for_each(|i| exact[i].fill(0.0));
            }
            let want = plain(shape, &exact);
            let gradients: [Vec<f64>; 4] = std::array::from_fn(|i| {
                let loss = |x: &[Vec<f64>]| {
                    let [h, c] = plain(shape, x);
                    dot(&h, &exact[4]) + dot(&c, &exact[5])
                };
                if carried || i < 2 { differences(&exact[..4], i, loss) } else { Vec::new() }
            });
            on_every_set(|pool| {
                let got = forward(pool, shape, &x, carried);
                assert_close("h", &got[0], &want[0], 5e-6);
                assert_close("c", &got[1], &want[1], 5e-6);
                for (i, got) in backward(pool, shape, &x, carried).iter().enumerate() {
                    assert_close(["dxz", "d_wh", "d_h0", "d_c0"][i], got, &gradients[i], 3e-5);
                }
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for shape in SHAPES {
            let x = inputs(shape);
            assert_same_at_any_threads(|pool| {
                [&forward(pool, shape, &x, true)[..], &backward(pool, shape, &x, true)].concat()
            });
        }
    }

    #[test]
    fn a_sequence_in_two_parts_is_the_sequence() {
        let (whole, part) = (shape(2, 6, 5), shape(2, 3, 5));
        let x = inputs(whole);
        let [h, c, _] = forward(&Pool::serial(), whole, &x, true);
        // The halves of the tokens, as a batch each.
        let half =
            |x: &[f32], width: usize, at: usize| [0, 6].map(|b| x[(b + at) * width..][..3 * width].to_vec()).concat();
        let last = |x: &[f32]| [2, 5].map(|t| x[t * 5..][..5].to_vec()).concat();
        let mut y = x.clone();
        for i in [4, 5] {
            y[i] = half(&x[i], 5, 0);
        }
        y[0] = half(&x[0], 20, 0);
        let [h1, c1, _] = forward(&Pool::serial(), part, &y, true);
        y[0] = half(&x[0], 20, 3);
        (y[2], y[3]) = (last(&h1), last(&c1));
        let [h2, c2, _] = forward(&Pool::serial(), part, &y, true);
        assert_eq!([half(&h, 5, 0), half(&c, 5, 0)], [h1, c1]);
        assert_eq!([half(&h, 5, 3), half(&c, 5, 3)], [h2, c2]);
    }

    #[test]
    fn an_open_forget_gate_carries_the_cell_and_a_closed_one_drops_it() {
        let shape = shape(1, 2, 1);
        for (forget, kept) in [(100.0, 1.0), (-100.0, 0.0)] {
            // Token 0 writes tanh(5) through an open input gate; token 1 writes nothing.
            let xz = vec![100.0, forget, 5.0, 100.0, -100.0, forget, 5.0, 100.0];
            let x = [xz, vec![0.0; 4], vec![0.0], vec![0.0], vec![0.0; 2], vec![0.0; 2]];
            let [_, c, _] = forward(&Pool::serial(), shape, &x, false);
            assert!((c[1] - kept * 5f32.tanh()).abs() < 1e-6, "{c:?}");
        }
    }
}
