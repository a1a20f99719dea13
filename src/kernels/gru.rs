//! The GRU over a sequence (Cho et al. 2014, with the reset after the product as in cuDNN and
//! PyTorch), from a state of zeros: with `u_t = h_{t-1} Wh + bh` and blocks `r, z, n` side by side,
//! `r = s(xz_r + u_r)`, `z = s(xz_z + u_z)`, `n = tanh(xz_n + r u_n)`, `h_t = (1 - z) n + z h_{t-1}`.

use super::isa::kernel;
use super::math::{sigmoid, tanh};
use super::recurrence::{Packed, RecurrentShape, packed_len, weight_gradient};
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

/// Scratch of [`gru`], in floats.
pub fn gru_scratch(shape: RecurrentShape) -> usize {
    packed_len(shape.hidden, GATES * shape.hidden) + shape.blocks() * shape.rows() * GATES * shape.hidden
}

/// Numbers that [`gru`] saves for its backward: `[B, T, 4H]`.
pub fn gru_saved_len(shape: RecurrentShape) -> usize {
    shape.batch * shape.tokens * SAVED * shape.hidden
}

/// The GRU. `xz` (inputs times their weights, plus their bias): `[B, T, 3H]`; `wh`: `[H, 3H]`; `bh`:
/// `[3H]`; hidden states `h`: `[B, T, H]`; `saved` (`r`, `z`, `n`, `u_n`, for the backward):
/// `[B, T, 4H]`; `scratch`: [`gru_scratch`].
#[allow(clippy::too_many_arguments)]
pub fn gru(
    pool: &Pool,
    shape: RecurrentShape,
    xz: &[f32],
    wh: &[f32],
    bh: &[f32],
    h: &mut [f32],
    saved: &mut [f32],
    scratch: &mut [f32],
) {
    let RecurrentShape { tokens, hidden, .. } = shape;
    let (buffer, scratch) = scratch.split_at_mut(packed_len(hidden, GATES * hidden));
    let weights = Packed::new(pool, wh, hidden, GATES * hidden, buffer);
    let (row, wide) = (tokens * hidden, GATES * hidden);
    let part = shape.rows() * row;
    let outputs = [(h, part), (saved, SAVED * part), (scratch, shape.rows() * wide)];
    split(pool, shape.blocks(), outputs, |block, [h, saved, products]| {
        let first = block * shape.rows();
        let rows = shape.rows().min(shape.batch - first);
        for t in 0..tokens {
            for u in products.chunks_mut(wide) {
                u.copy_from_slice(bh);
            }
            if t > 0 {
                weights.multiply(rows, &h[(t - 1) * hidden..], row, products, wide, true);
            }
            for r in 0..rows {
                let token = r * tokens + t;
                let (before, h) = h[r * row..].split_at_mut(t * hidden);
                let before = &before[(t * hidden).saturating_sub(hidden)..];
                let xz = &xz[(first * tokens + token) * wide..][..wide];
                let saved = &mut saved[token * SAVED * hidden..][..SAVED * hidden];
                forward_cell(xz, &products[r * wide..], before, saved, &mut h[..hidden]);
            }
        }
    });
}

/// What [`gru_backward`] reads: weights and outputs of the forward, and the gradient of the hidden
/// states.
#[derive(Clone, Copy, Debug)]
pub struct GruSaved<'a> {
    /// Recurrent weights, `[H, 3H]`.
    pub wh: &'a [f32],
    /// Hidden states, `[B, T, H]`.
    pub h: &'a [f32],
    /// What the forward saved, `[B, T, 4H]`.
    pub saved: &'a [f32],
    /// The gradient of the hidden states, `[B, T, H]`.
    pub d_h: &'a [f32],
}

/// Scratch of [`gru_backward`], in floats.
pub fn gru_backward_scratch(shape: RecurrentShape) -> usize {
    let products = shape.batch * shape.tokens * GATES * shape.hidden;
    packed_len(GATES * shape.hidden, shape.hidden) + shape.blocks() * shape.rows() * shape.hidden + products
}

/// The gradients of [`gru`]: `dxz` `[B, T, 3H]`, `d_wh` `[H, 3H]`, `d_bh` `[3H]`; they are
/// overwritten. `scratch`: [`gru_backward_scratch`].
pub fn gru_backward(
    pool: &Pool,
    shape: RecurrentShape,
    saved: GruSaved<'_>,
    dxz: &mut [f32],
    d_wh: &mut [f32],
    d_bh: &mut [f32],
    scratch: &mut [f32],
) {
    let hidden = shape.hidden;
    let (buffer, scratch) = scratch.split_at_mut(packed_len(GATES * hidden, hidden));
    let weights = Packed::transposed(pool, saved.wh, GATES * hidden, hidden, buffer);
    let (state, scratch) = scratch.split_at_mut(shape.blocks() * shape.rows() * hidden);
    let du = &mut scratch[..shape.batch * shape.tokens * GATES * hidden];
    let part = shape.rows() * shape.tokens * GATES * hidden;
    let outputs = [(dxz, part), (&mut *du, part), (state, shape.rows() * hidden)];
    split(pool, shape.blocks(), outputs, |block, [dxz, du, dh]| {
        backward_block(shape, block, saved, weights, [dxz, du, dh]);
    });
    weight_gradient(pool, shape, GATES * hidden, saved.h, du, d_wh);
    sum_rows(pool, du, shape.batch * shape.tokens, GATES * hidden, 1.0, d_bh);
}

/// A block of sequences from the last token to the first; `dh` holds the state's gradient.
fn backward_block(
    shape: RecurrentShape,
    block: usize,
    saved: GruSaved<'_>,
    weights: Packed<'_>,
    [dxz, du, dh]: [&mut [f32]; 3],
) {
    let RecurrentShape { batch, tokens, hidden } = shape;
    let first = block * shape.rows();
    let rows = shape.rows().min(batch - first);
    let wide = GATES * hidden;
    dh.fill(0.0);
    for t in (0..tokens).rev() {
        for r in 0..rows {
            let token = (first + r) * tokens + t;
            let before = if t > 0 { &saved.h[(token - 1) * hidden..][..hidden] } else { &[] };
            let dh = &mut dh[r * hidden..][..hidden];
            for (dh, d) in dh.iter_mut().zip(&saved.d_h[token * hidden..]) {
                *dh += d;
            }
            let at = (r * tokens + t) * wide;
            let (dx, du) = (&mut dxz[at..at + wide], &mut du[at..at + wide]);
            backward_cell(&saved.saved[token * SAVED * hidden..], before, dh, dx, du);
        }
        if t > 0 {
            weights.multiply(rows, &du[t * wide..], tokens * wide, dh, hidden, true);
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

    /// xz, wh, bh, and the gradient of h.
    fn inputs(shape: RecurrentShape) -> [Vec<f32>; 4] {
        let RecurrentShape { batch, tokens, hidden } = shape;
        let len = [batch * tokens * GATES * hidden, hidden * GATES * hidden, GATES * hidden, batch * tokens * hidden];
        std::array::from_fn(|i| noise(40 + i as u64, len[i]).iter().map(|x| 1.5 * x).collect())
    }

    /// h and what is saved.
    fn forward(pool: &Pool, shape: RecurrentShape, [xz, wh, bh, d_h]: &[Vec<f32>; 4]) -> [Vec<f32>; 2] {
        let (mut h, mut saved) = (vec![f32::NAN; d_h.len()], vec![f32::NAN; gru_saved_len(shape)]);
        let mut scratch = vec![f32::NAN; gru_scratch(shape)];
        gru(pool, shape, xz, wh, bh, &mut h, &mut saved, &mut scratch);
        [h, saved]
    }

    fn backward(pool: &Pool, shape: RecurrentShape, x: &[Vec<f32>; 4]) -> [Vec<f32>; 3] {
        let [h, saved] = &forward(pool, shape, x);
        let [xz, wh, bh, d_h] = x;
        let [mut dxz, mut d_wh, mut d_bh] = [xz, wh, bh].map(|x| vec![f32::NAN; x.len()]);
        let mut scratch = vec![f32::NAN; gru_backward_scratch(shape)];
        gru_backward(pool, shape, GruSaved { wh, h, saved, d_h }, &mut dxz, &mut d_wh, &mut d_bh, &mut scratch);
        [dxz, d_wh, d_bh]
    }

    /// The definition, in f64.
    fn plain(shape: RecurrentShape, x: &[Vec<f64>]) -> Vec<f64> {
        let RecurrentShape { batch, tokens, hidden: n } = shape;
        let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
        let mut all = Vec::new();
        for b in 0..batch {
            let mut h = vec![0.0; n];
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
        for shape in SHAPES {
            let x = inputs(shape);
            let exact = x.clone().map(|x| wide(&x));
            let gradients: [Vec<f64>; 3] =
                std::array::from_fn(|i| differences(&exact[..3], i, |x| dot(&plain(shape, x), &exact[3])));
            on_every_set(|pool| {
                assert_close("h", &forward(pool, shape, &x)[0], &plain(shape, &exact), 5e-6);
                for (i, got) in backward(pool, shape, &x).iter().enumerate() {
                    assert_close(["dxz", "d_wh", "d_bh"][i], got, &gradients[i], 3e-5);
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
    fn a_closed_update_keeps_the_state_and_an_open_one_replaces_it() {
        let shape = shape(1, 2, 1);
        for (update, want) in [(100.0, 1f32.tanh()), (-100.0, 2f32.tanh())] {
            // Token 0 takes tanh(1); token 1 offers tanh(2).
            let xz = vec![0.0, -100.0, 1.0, 0.0, update, 2.0];
            let [h, _] = forward(&Pool::serial(), shape, &[xz, vec![0.0; 3], vec![0.0; 3], vec![0.0; 2]]);
            assert!((h[1] - want).abs() < 1e-6, "{h:?}");
        }
    }
}
