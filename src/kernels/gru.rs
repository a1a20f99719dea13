//! The GRU over a sequence (Cho et al. 2014, with the reset after the product as in cuDNN and
//! PyTorch), from zeros or a given state: with `u_t = h_{t-1} Wh + bh` and blocks `r, z, n` side by side,
//! `r = s(xz_r + u_r)`, `z = s(xz_z + u_z)`, `n = tanh(xz_n + r u_n)`, `h_t = (1 - z) n + z h_{t-1}`.

use super::isa::kernel;
use super::math::{sigmoid, tanh};
use super::recurrence::{Packed, RecurrentShape, add_to, packed_len, pitch, weight_gradient, weight_gradient_scratch};
use super::reduce::sum_rows;
use super::split::split;
use crate::base::threads::Pool;

/// Blocks of the input's and the recurrent product.
const GATES: usize = 3;
/// Blocks that the forward keeps: `r`, `z`, `n` and `u_n`.
const SAVED: usize = 4;

kernel! {
    /// One token of one sequence. `before` is the state before, or empty.
    fn forward_cell<A>(xz: &[f32], u: &[f32], before: &[f32], saved: &mut [f32], h: &mut [f32]) {
        let hidden = h.len();
        let (gates, candidate) = saved.split_at_mut(2 * hidden);
        for ((gate, x), u) in gates.iter_mut().zip(xz).zip(u) {
            *gate = sigmoid::<A>(x + u);
        }
        let (n, kept) = candidate.split_at_mut(hidden);
        kept.copy_from_slice(&u[2 * hidden..3 * hidden]);
        let (r, z) = gates.split_at(hidden);
        for (((n, x), u), r) in n.iter_mut().zip(&xz[2 * hidden..]).zip(&*kept).zip(r) {
            *n = tanh::<A>(A::mul_add(*r, *u, *x));
        }
        for ((h, z), n) in h.iter_mut().zip(z).zip(&*n) {
            *h = (1.0 - z) * n;
        }
        for ((h, z), before) in h.iter_mut().zip(z).zip(before) {
            *h = A::mul_add(*z, *before, *h);
        }
    }
}

kernel! {
    /// One token of one sequence backwards: `dh` comes with the state's whole gradient and leaves
    /// with what goes straight to the state before; `dx` and `du` are the gradients of the input's
    /// part and of the recurrent one.
    fn backward_cell<A>(saved: &[f32], before: &[f32], dh: &mut [f32], dx: &mut [f32], du: &mut [f32]) {
        let hidden = dh.len();
        let [r, z, n, kept]: [&[f32]; SAVED] = std::array::from_fn(|i| &saved[i * hidden..][..hidden]);
        let (dx_r, dx_rest) = dx.split_at_mut(hidden);
        let (dx_z, dx_n) = dx_rest.split_at_mut(hidden);
        for (((dx_z, dx_n), (z, n)), dh) in dx_z.iter_mut().zip(dx_n.iter_mut()).zip(z.iter().zip(n)).zip(&*dh) {
            *dx_z = -dh * n * z * (1.0 - z);
            *dx_n = dh * (1.0 - z) * A::mul_add(-*n, *n, 1.0);
        }
        for (((dx_z, before), z), dh) in dx_z.iter_mut().zip(before).zip(z).zip(&*dh) {
            *dx_z = A::mul_add(dh * before, z * (1.0 - z), *dx_z);
        }
        for (((dx_r, dx_n), r), kept) in dx_r.iter_mut().zip(&*dx_n).zip(r).zip(kept) {
            *dx_r = dx_n * kept * r * (1.0 - r);
        }
        for (dh, z) in dh.iter_mut().zip(z) {
            *dh *= z;
        }
        let (gates, du_n) = du.split_at_mut(2 * hidden);
        gates.copy_from_slice(&dx[..2 * hidden]);
        for ((du_n, dx_n), r) in du_n.iter_mut().zip(&dx[2 * hidden..]).zip(r) {
            *du_n = dx_n * r;
        }
    }
}

/// What [`gru`] reads.
#[derive(Clone, Copy, Debug)]
pub struct GruInputs<'a> {
    /// Inputs times their weights, plus their bias, `[B, T, 3H]`.
    pub xz: &'a [f32],
    /// Recurrent weights, `[H, 3H]`.
    pub wh: &'a [f32],
    /// Their bias, `[3H]`.
    pub bh: &'a [f32],
    /// Hidden states before the first token, `[B, H]`; zeros if there are none.
    pub initial: Option<&'a [f32]>,
}

/// Floats of one block: recurrent products, and hidden states or their gradient.
fn block_len(shape: RecurrentShape) -> usize {
    shape.rows() * (pitch(GATES * shape.hidden) + pitch(shape.hidden))
}

/// Scratch of [`gru`], in floats.
pub fn gru_scratch(shape: RecurrentShape) -> usize {
    packed_len(shape.hidden, GATES * shape.hidden) + shape.blocks() * block_len(shape)
}

/// Numbers that [`gru`] saves for its backward: `[B, T, 4H]`.
pub fn gru_saved_len(shape: RecurrentShape) -> usize {
    shape.batch * shape.tokens * SAVED * shape.hidden
}

/// The GRU. Hidden states `h`: `[B, T, H]`; `saved` (`r`, `z`, `n`, `u_n`, for the backward):
/// `[B, T, 4H]`; `scratch`: [`gru_scratch`].
pub fn gru(
    pool: &Pool,
    shape: RecurrentShape,
    inputs: GruInputs<'_>,
    h: &mut [f32],
    saved: &mut [f32],
    scratch: &mut [f32],
) {
    let hidden = shape.hidden;
    let (buffer, scratch) = scratch.split_at_mut(packed_len(hidden, GATES * hidden));
    let weights = Packed::new(pool, inputs.wh, hidden, GATES * hidden, buffer);
    let part = shape.rows() * shape.tokens * hidden;
    let outputs = [(h, part), (saved, SAVED * part), (scratch, block_len(shape))];
    split(pool, shape.blocks(), outputs, |block, [h, saved, scratch]| {
        forward_block(shape, block, inputs, weights, [h, saved], scratch);
    });
}

/// A block of sequences from the first token to the last. The products read and write dense rows
/// in scratch, whatever the distance of the tokens.
fn forward_block(
    shape: RecurrentShape,
    block: usize,
    inputs: GruInputs<'_>,
    weights: Packed<'_>,
    [h, saved]: [&mut [f32]; 2],
    scratch: &mut [f32],
) {
    let RecurrentShape { tokens, hidden, .. } = shape;
    let (first, rows) = shape.block(block);
    let (wide, row) = (GATES * hidden, pitch(hidden));
    let (products, state) = scratch.split_at_mut(shape.rows() * pitch(wide));
    if let Some(h0) = inputs.initial {
        for r in 0..rows {
            state[r * row..][..hidden].copy_from_slice(&h0[(first + r) * hidden..][..hidden]);
        }
    }
    for t in 0..tokens {
        for u in products.chunks_mut(pitch(wide)) {
            u[..wide].copy_from_slice(inputs.bh);
        }
        if t > 0 || inputs.initial.is_some() {
            weights.multiply(rows, state, row, products, pitch(wide), true);
        }
        for r in 0..rows {
            let token = r * tokens + t;
            let (earlier, h) = h.split_at_mut(token * hidden);
            let before = match inputs.initial {
                _ if t > 0 => &earlier[(token - 1) * hidden..],
                Some(h0) => &h0[(first + r) * hidden..][..hidden],
                None => &[],
            };
            let xz = &inputs.xz[(first * tokens + token) * wide..][..wide];
            let saved = &mut saved[token * SAVED * hidden..][..SAVED * hidden];
            forward_cell(xz, &products[r * pitch(wide)..], before, saved, &mut h[..hidden]);
            state[r * row..][..hidden].copy_from_slice(&h[..hidden]);
        }
    }
}

/// What [`gru_backward`] reads: inputs and outputs of the forward, and the gradient of the hidden
/// states.
#[derive(Clone, Copy, Debug)]
pub struct GruSaved<'a> {
    /// Recurrent weights, `[H, 3H]`.
    pub wh: &'a [f32],
    /// Hidden states before the first token, `[B, H]`, if the forward had them.
    pub initial: Option<&'a [f32]>,
    /// Hidden states, `[B, T, H]`.
    pub h: &'a [f32],
    /// What the forward saved, `[B, T, 4H]`.
    pub saved: &'a [f32],
    /// The gradient of the hidden states, `[B, T, H]`.
    pub d_h: &'a [f32],
}

/// The gradients that [`gru_backward`] overwrites.
#[derive(Debug)]
pub struct GruGradients<'a> {
    /// By the inputs' part, `[B, T, 3H]`.
    pub dxz: &'a mut [f32],
    /// By the recurrent weights, `[H, 3H]`.
    pub d_wh: &'a mut [f32],
    /// By their bias, `[3H]`.
    pub d_bh: &'a mut [f32],
    /// By the hidden states before the first token, `[B, H]`; empty if not wanted.
    pub d_initial: &'a mut [f32],
}

/// Scratch of [`gru_backward`], in floats.
pub fn gru_backward_scratch(shape: RecurrentShape) -> usize {
    let products = shape.batch * shape.tokens * GATES * shape.hidden;
    let blocks = shape.blocks() * block_len(shape);
    packed_len(GATES * shape.hidden, shape.hidden) + products + blocks.max(weight_gradient_scratch(shape))
}

/// The gradients of [`gru`]. `scratch`: [`gru_backward_scratch`].
pub fn gru_backward(
    pool: &Pool,
    shape: RecurrentShape,
    saved: GruSaved<'_>,
    gradients: GruGradients<'_>,
    scratch: &mut [f32],
) {
    let hidden = shape.hidden;
    let GruGradients { dxz, d_wh, d_bh, d_initial } = gradients;
    let (buffer, scratch) = scratch.split_at_mut(packed_len(GATES * hidden, hidden));
    let weights = Packed::transposed(pool, saved.wh, GATES * hidden, hidden, buffer);
    let (du, scratch) = scratch.split_at_mut(shape.batch * shape.tokens * GATES * hidden);
    let part = shape.rows() * shape.tokens * GATES * hidden;
    let outputs =
        [(dxz, part), (&mut *du, part), (d_initial, shape.rows() * hidden), (&mut *scratch, block_len(shape))];
    split(pool, shape.blocks(), outputs, |block, [dxz, du, d_initial, scratch]| {
        backward_block(shape, block, saved, weights, [dxz, du, d_initial], scratch);
    });
    weight_gradient(pool, shape, GATES * hidden, saved.h, saved.initial, du, d_wh, scratch);
    sum_rows(pool, du, shape.batch * shape.tokens, GATES * hidden, 1.0, d_bh);
}

/// A block of sequences from the last token to the first.
fn backward_block(
    shape: RecurrentShape,
    block: usize,
    saved: GruSaved<'_>,
    weights: Packed<'_>,
    [dxz, du, d_initial]: [&mut [f32]; 3],
    scratch: &mut [f32],
) {
    let RecurrentShape { tokens, hidden, .. } = shape;
    let (first, rows) = shape.block(block);
    let (wide, row) = (GATES * hidden, pitch(hidden));
    let (products, dh) = scratch.split_at_mut(shape.rows() * pitch(wide));
    dh.fill(0.0);
    for t in (0..tokens).rev() {
        for r in 0..rows {
            let token = (first + r) * tokens + t;
            let before = match saved.initial {
                _ if t > 0 => &saved.h[(token - 1) * hidden..][..hidden],
                Some(h0) => &h0[(first + r) * hidden..][..hidden],
                None => &[],
            };
            let dh = &mut dh[r * row..][..hidden];
            add_to(dh, &saved.d_h[token * hidden..]);
            let at = (r * tokens + t) * wide;
            let d_product = &mut products[r * pitch(wide)..][..wide];
            backward_cell(&saved.saved[token * SAVED * hidden..], before, dh, &mut dxz[at..at + wide], d_product);
            du[at..at + wide].copy_from_slice(d_product);
        }
        if t > 0 || !d_initial.is_empty() {
            weights.multiply(rows, products, pitch(wide), dh, row, true);
        }
    }
    for (out, dh) in d_initial.chunks_mut(hidden.max(1)).zip(dh.chunks(row)) {
        out.copy_from_slice(&dh[..hidden]);
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

    /// xz, wh, bh, h before the first token, and the gradient of h.
    fn inputs(shape: RecurrentShape) -> [Vec<f32>; 5] {
        let RecurrentShape { batch, tokens, hidden } = shape;
        let (wide, rows) = (GATES * hidden, batch * tokens);
        let len = [rows * wide, hidden * wide, wide, batch * hidden, rows * hidden];
        std::array::from_fn(|i| noise(40 + i as u64, len[i]).iter().map(|x| 1.5 * x).collect())
    }

    /// h and what is saved.
    fn forward(pool: &Pool, shape: RecurrentShape, x: &[Vec<f32>; 5], carried: bool) -> [Vec<f32>; 2] {
        let (mut h, mut saved) = (vec![f32::NAN; x[4].len()], vec![f32::NAN; gru_saved_len(shape)]);
        let mut scratch = vec![f32::NAN; gru_scratch(shape)];
        let inputs = GruInputs { xz: &x[0], wh: &x[1], bh: &x[2], initial: carried.then_some(&x[3][..]) };
        gru(pool, shape, inputs, &mut h, &mut saved, &mut scratch);
        [h, saved]
    }

    fn backward(pool: &Pool, shape: RecurrentShape, x: &[Vec<f32>; 5], carried: bool) -> [Vec<f32>; 4] {
        let [h, saved] = &forward(pool, shape, x, carried);
        let [mut dxz, mut d_wh, mut d_bh] = [0, 1, 2].map(|i: usize| vec![f32::NAN; x[i].len()]);
        let mut d_initial = vec![f32::NAN; if carried { x[3].len() } else { 0 }];
        let mut scratch = vec![f32::NAN; gru_backward_scratch(shape)];
        let saved = GruSaved { wh: &x[1], initial: carried.then_some(&x[3][..]), h, saved, d_h: &x[4] };
        let gradients = GruGradients { dxz: &mut dxz, d_wh: &mut d_wh, d_bh: &mut d_bh, d_initial: &mut d_initial };
        gru_backward(pool, shape, saved, gradients, &mut scratch);
        [dxz, d_wh, d_bh, d_initial]
    }

    /// The definition, in f64.
    fn plain(shape: RecurrentShape, x: &[Vec<f64>]) -> Vec<f64> {
        let RecurrentShape { batch, tokens, hidden: n } = shape;
        let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
        let mut all = Vec::new();
        for b in 0..batch {
            let mut h = x[3][b * n..][..n].to_vec();
            for t in 0..tokens {
                let xz = &x[0][(b * tokens + t) * GATES * n..];
                let product = |j: usize| x[2][j] + (0..n).map(|i| h[i] * x[1][i * GATES * n + j]).sum::<f64>();
                let u: Vec<f64> = (0..GATES * n).map(product).collect();
                for j in 0..n {
                    let (r, z) = (sigma(xz[j] + u[j]), sigma(xz[n + j] + u[n + j]));
                    let candidate = (xz[2 * n + j] + r * u[2 * n + j]).tanh();
                    h[j] = (1.0 - z) * candidate + z * h[j];
                }
                all.extend(&h);
            }
        }
        all
    }

    #[test]
    fn forward_and_backward_agree_with_the_definition() {
        for (shape, carried) in SHAPES.into_iter().flat_map(|shape| [(shape, false), (shape, true)]) {
            let x = inputs(shape);
            let mut exact = x.clone().map(|x| wide(&x));
            if !carried {
                exact[3].fill(0.0);
            }
            let gradients: [Vec<f64>; 4] = std::array::from_fn(|i| {
                let loss = |x: &[Vec<f64>]| dot(&plain(shape, x), &exact[4]);
                if carried || i < 3 { differences(&exact[..4], i, loss) } else { Vec::new() }
            });
            on_every_set(|pool| {
                assert_close("h", &forward(pool, shape, &x, carried)[0], &plain(shape, &exact), 5e-6);
                for (i, got) in backward(pool, shape, &x, carried).iter().enumerate() {
                    assert_close(["dxz", "d_wh", "d_bh", "d_initial"][i], got, &gradients[i], 3e-5);
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
    fn a_closed_update_keeps_the_state_and_an_open_one_replaces_it() {
        let shape = shape(1, 2, 1);
        for (update, want) in [(100.0, 1f32.tanh()), (-100.0, 2f32.tanh())] {
            // Token 0 takes tanh(1); token 1 offers tanh(2).
            let xz = vec![0.0, -100.0, 1.0, 0.0, update, 2.0];
            let x = [xz, vec![0.0; 3], vec![0.0; 3], vec![0.0], vec![0.0; 2]];
            let [h, _] = forward(&Pool::serial(), shape, &x, false);
            assert!((h[1] - want).abs() < 1e-6, "{h:?}");
        }
    }
}
