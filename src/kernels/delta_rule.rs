//! The delta rule: `e_t = v_t - S_{t-1} k_t`, `S_t = S_{t-1} + beta_t e_t k_t^T`, `o_t = S_t q_t`
//! with a state `S` of `[dv, dk]` a head (Schlag, Irie and Schmidhuber 2021; DeltaNet).
//!
//! The forward keeps the errors `e`: with them the state is a plain sum of outer products, so the
//! backward rebuilds it exactly and needs no checkpoints.

use super::isa::{Arithmetic, kernel};
use super::lanes::{Track, load, store, sum};
use super::linear_attention::{CausalSum, ScanShape, causal_sum, tile_columns};
use super::split::{blocks_of, items_per_block, split};
use crate::base::threads::Pool;

/// What one head reads in both directions.
#[derive(Clone, Copy)]
struct Head<'a> {
    q: Track<'a>,
    k: Track<'a>,
    v: Track<'a>,
    beta: Track<'a>,
    tokens: usize,
}

kernel! {
    /// One head forward: sets `out` and `errors`, whose vectors are `stride` apart.
    fn head_forward<A>(head: Head<'_>, state: &mut [f32], out: &mut [f32], errors: &mut [f32], stride: usize) {
        match tile_columns(head.v.width) {
            8 => forward_tiles::<A, 8>(head, state, out, errors, stride),
            16 => forward_tiles::<A, 16>(head, state, out, errors, stride),
            _ => forward_tiles::<A, 32>(head, state, out, errors, stride),
        }
    }
}

/// The state is held transposed, `[dk][L]`: the values' axis lies in the lanes, and its tiles do
/// not meet. One sweep over it writes token `t`, reads `q_t` and foretells the value at `k_{t+1}`.
#[inline(always)]
fn forward_tiles<A: Arithmetic, const L: usize>(
    head: Head<'_>,
    state: &mut [f32],
    out: &mut [f32],
    errors: &mut [f32],
    stride: usize,
) {
    let state = &mut state.as_chunks_mut::<L>().0[..head.k.width];
    for first in (0..head.v.width).step_by(L) {
        state.fill([0.0; L]);
        let mut foretold = [0.0; L];
        for t in 0..head.tokens {
            let beta = head.beta.at(t)[0];
            let mut error = load::<L>(&head.v.at(t)[first..], 0.0);
            let mut write = [0.0; L];
            for j in 0..L {
                error[j] -= foretold[j];
                write[j] = beta * error[j];
            }
            let (mut read, mut next) = ([0.0; L], [0.0; L]);
            // After the last token nothing is foretold: any key will do.
            let keys = head.k.at(t).iter().zip(head.k.at((t + 1).min(head.tokens - 1)));
            for ((row, (&k, &k_next)), &q) in state.iter_mut().zip(keys).zip(head.q.at(t)) {
                for j in 0..L {
                    row[j] = A::mul_add(k, write[j], row[j]);
                    read[j] = A::mul_add(q, row[j], read[j]);
                    next[j] = A::mul_add(k_next, row[j], next[j]);
                }
            }
            foretold = next;
            let columns = t * stride + first..t * stride + head.v.width;
            store(&read, &mut out[columns.clone()]);
            store(&error, &mut errors[columns]);
        }
    }
}

kernel! {
    /// One head backward, first sweep: sets `dv` (`stride` apart) and adds to `d_beta`
    /// (`beta_stride` apart).
    fn head_backward<A>(
        head: Head<'_>, d_out: Track<'_>, errors: Track<'_>, state: &mut [f32],
        dv: &mut [f32], d_beta: &mut [f32], beta_stride: usize
    ) {
        match tile_columns(head.v.width) {
            8 => backward_tiles::<A, 8>(head, d_out, errors, state, dv, d_beta, beta_stride),
            16 => backward_tiles::<A, 16>(head, d_out, errors, state, dv, d_beta, beta_stride),
            _ => backward_tiles::<A, 32>(head, d_out, errors, state, dv, d_beta, beta_stride),
        }
    }
}

/// From the last token to the first, with `G_t = dL/dS_t` in place of the state:
/// `G_t = G_{t+1} - de_{t+1} k_{t+1}^T + do_t q_t^T`, `du_t = G_t k_t`, `de_t = dv_t = beta_t du_t`,
/// `dbeta_t = du_t . e_t`.
#[inline(always)]
fn backward_tiles<A: Arithmetic, const L: usize>(
    head: Head<'_>,
    d_out: Track<'_>,
    errors: Track<'_>,
    state: &mut [f32],
    dv: &mut [f32],
    d_beta: &mut [f32],
    beta_stride: usize,
) {
    let state = &mut state.as_chunks_mut::<L>().0[..head.k.width];
    for first in (0..head.v.width).step_by(L) {
        state.fill([0.0; L]);
        // `-de` of the token after this one.
        let mut later = [0.0; L];
        for t in (0..head.tokens).rev() {
            let d_out = load::<L>(&d_out.at(t)[first..], 0.0);
            let mut d_write = [0.0; L];
            let keys = head.k.at(t).iter().zip(head.k.at((t + 1).min(head.tokens - 1)));
            for ((row, (&k, &k_next)), &q) in state.iter_mut().zip(keys).zip(head.q.at(t)) {
                for j in 0..L {
                    row[j] = A::mul_add(q, d_out[j], A::mul_add(k_next, later[j], row[j]));
                    d_write[j] = A::mul_add(k, row[j], d_write[j]);
                }
            }
            let beta = head.beta.at(t)[0];
            let error = load::<L>(&errors.at(t)[first..], 0.0);
            let mut product = [0.0; L];
            let mut d_error = [0.0; L];
            for j in 0..L {
                product[j] = d_write[j] * error[j];
                d_error[j] = beta * d_write[j];
                later[j] = -d_error[j];
            }
            d_beta[t * beta_stride] += sum(product);
            store(&d_error, &mut dv[t * head.v.stride + first..t * head.v.stride + head.v.width]);
        }
    }
}

/// Scratch of [`delta_rule`], in floats.
pub fn delta_rule_scratch(shape: ScanShape) -> usize {
    blocks_of(shape.batch) * shape.key * tile_columns(shape.value)
}

/// The delta rule for every head, from a state of zeros. `q`, `k`: `[B, T, H*dk]`; `v`, `out`,
/// `errors`: `[B, T, H*dv]`; `beta`: `[B, T, H]`; `scratch`: [`delta_rule_scratch`]. `errors`
/// (`v_t - S_{t-1} k_t`) are what the backward needs.
#[allow(clippy::too_many_arguments)]
pub fn delta_rule(
    pool: &Pool,
    shape: ScanShape,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    beta: &[f32],
    out: &mut [f32],
    errors: &mut [f32],
    scratch: &mut [f32],
) {
    let ScanShape { batch, tokens, heads, key, value } = shape;
    let (items, blocks) = (items_per_block(batch), blocks_of(batch));
    let state = key * tile_columns(value);
    let part = shape.item_values();
    split(
        pool,
        blocks,
        [(out, items * part), (errors, items * part), (scratch, state)],
        |block, [out, errors, state]| {
            for i in 0..items.min(batch - block * items) {
                for h in 0..heads {
                    let track = |x, width| shape.track(x, block * items + i, h, width);
                    let head =
                        Head { q: track(q, key), k: track(k, key), v: track(v, value), beta: track(beta, 1), tokens };
                    let at = i * part + h * value;
                    head_forward(head, state, &mut out[at..], &mut errors[at..], heads * value);
                }
            }
        },
    );
}

/// What [`delta_rule_backward`] reads: the inputs and errors of the forward, and the gradient of
/// its output.
#[derive(Clone, Copy, Debug)]
pub struct DeltaRuleSaved<'a> {
    /// Queries, `[B, T, H*dk]`.
    pub q: &'a [f32],
    /// Keys, `[B, T, H*dk]`.
    pub k: &'a [f32],
    /// Values, `[B, T, H*dv]`.
    pub v: &'a [f32],
    /// Writing strengths, `[B, T, H]`.
    pub beta: &'a [f32],
    /// The errors of the forward, `[B, T, H*dv]`.
    pub errors: &'a [f32],
    /// The gradient of the output, `[B, T, H*dv]`.
    pub d_out: &'a [f32],
}

/// Floats of one block: a state, then the writes `beta e` of one head.
fn backward_block(shape: ScanShape) -> (usize, usize) {
    let (key, value) = (shape.key, shape.value);
    ((key * tile_columns(value)).max(value * tile_columns(key)), shape.tokens * value)
}

/// Scratch of [`delta_rule_backward`], in floats.
pub fn delta_rule_backward_scratch(shape: ScanShape) -> usize {
    let (state, writes) = backward_block(shape);
    blocks_of(shape.batch) * (state + writes)
}

/// The gradients of [`delta_rule`], shaped as what they belong to; they are overwritten.
/// `scratch`: [`delta_rule_backward_scratch`].
#[allow(clippy::too_many_arguments)]
pub fn delta_rule_backward(
    pool: &Pool,
    shape: ScanShape,
    saved: DeltaRuleSaved<'_>,
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
    d_beta: &mut [f32],
    scratch: &mut [f32],
) {
    let ScanShape { batch, tokens, heads, .. } = shape;
    let (items, blocks) = (items_per_block(batch), blocks_of(batch));
    let (keys, values) = (shape.item_keys(), shape.item_values());
    let (state, writes) = backward_block(shape);
    let outputs = [
        (dq, items * keys),
        (dk, items * keys),
        (dv, items * values),
        (d_beta, items * tokens * heads),
        (scratch, state + writes),
    ];
    split(pool, blocks, outputs, |block, [dq, dk, dv, d_beta, scratch]| {
        for x in [&mut *dq, &mut *dk, &mut *d_beta] {
            x.fill(0.0);
        }
        for i in 0..items.min(batch - block * items) {
            let item = block * items + i;
            let (dq, dk) = (&mut dq[i * keys..], &mut dk[i * keys..]);
            let (dv, d_beta) = (&mut dv[i * values..], &mut d_beta[i * tokens * heads..]);
            for h in 0..heads {
                let (state, writes) = scratch.split_at_mut(state);
                one_head_backward(shape, item, h, saved, [dq, dk, dv, d_beta], state, writes);
            }
        }
    });
}

/// Head `h` of sequence `item`; the outputs begin at the sequence, and all but `dv` hold zeros.
fn one_head_backward(
    shape: ScanShape,
    item: usize,
    h: usize,
    saved: DeltaRuleSaved<'_>,
    [dq, dk, dv, d_beta]: [&mut [f32]; 4],
    state: &mut [f32],
    writes: &mut [f32],
) {
    let ScanShape { tokens, heads, key, value, .. } = shape;
    let track = |x, width| shape.track(x, item, h, width);
    let (q, k, beta) = (track(saved.q, key), track(saved.k, key), track(saved.beta, 1));
    let (errors, d_out) = (track(saved.errors, value), track(saved.d_out, value));
    let head = Head { q, k, v: track(saved.v, value), beta, tokens };
    head_backward(head, d_out, errors, state, &mut dv[h * value..], &mut d_beta[h..], heads);
    for t in 0..tokens {
        for (write, error) in writes[t * value..].iter_mut().zip(errors.at(t)) {
            *write = beta.at(t)[0] * error;
        }
    }
    let writes = Track { data: writes, stride: value, width: value };
    let d_errors = Track { data: &dv[h * value..], stride: heads * value, width: value };
    let (dq, dk, stride) = (&mut dq[h * key..], &mut dk[h * key..], heads * key);
    // dq_t = S_t^T do_t with S_t = sum_{s <= t} u_s k_s^T, where u = beta e are the writes.
    let rebuilt = CausalSum { query: d_out, key: writes, value: k, tokens, reverse: false, strict: false, scale: 1.0 };
    causal_sum(rebuilt, state, dq, stride);
    // dk_t = G_t^T u_t - S_{t-1}^T de_t with G_t = sum_{s >= t} do_s q_s^T - sum_{s > t} de_s k_s^T.
    causal_sum(CausalSum { query: d_errors, strict: true, scale: -1.0, ..rebuilt }, state, dk, stride);
    let ahead = CausalSum { query: writes, key: d_out, value: q, reverse: true, ..rebuilt };
    causal_sum(ahead, state, dk, stride);
    causal_sum(CausalSum { key: d_errors, value: k, strict: true, scale: -1.0, ..ahead }, state, dk, stride);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{
        assert_close, assert_same_at_any_threads, differences, dot, noise, on_every_set, wide,
    };

    const SHAPES: [ScanShape; 4] = [
        ScanShape { batch: 2, tokens: 5, heads: 3, key: 3, value: 4 },
        ScanShape { batch: 1, tokens: 7, heads: 2, key: 11, value: 13 },
        ScanShape { batch: 2, tokens: 4, heads: 1, key: 32, value: 37 },
        ScanShape { batch: 35, tokens: 2, heads: 2, key: 2, value: 3 },
    ];

    /// Inputs q, k, v, beta and the output's gradient; keys are short enough for stability.
    fn inputs(shape: ScanShape) -> [Vec<f32>; 5] {
        let (keys, values) = (shape.keys_len(), shape.values_len());
        let len = [keys, keys, values, shape.batch * shape.tokens * shape.heads, values];
        let mut x: [Vec<f32>; 5] = std::array::from_fn(|i| noise(10 + i as u64, len[i]));
        x[1].iter_mut().for_each(|k| *k /= (shape.key as f32).sqrt());
        x[3][0] = 0.0;
        x
    }

    fn forward(pool: &Pool, shape: ScanShape, x: &[Vec<f32>]) -> [Vec<f32>; 2] {
        let (mut out, mut errors) = (vec![f32::NAN; x[2].len()], vec![f32::NAN; x[2].len()]);
        let mut scratch = vec![f32::NAN; delta_rule_scratch(shape)];
        delta_rule(pool, shape, &x[0], &x[1], &x[2], &x[3], &mut out, &mut errors, &mut scratch);
        [out, errors]
    }

    fn backward(pool: &Pool, shape: ScanShape, x: &[Vec<f32>; 5]) -> [Vec<f32>; 4] {
        let [_, errors] = forward(pool, shape, x);
        let mut scratch = vec![f32::NAN; delta_rule_backward_scratch(shape)];
        let [q, k, v, beta, d_out] = x;
        let [mut dq, mut dk, mut dv, mut d_beta] = [q, k, v, beta].map(|x| vec![f32::NAN; x.len()]);
        let saved = DeltaRuleSaved { q, k, v, beta, errors: &errors, d_out };
        delta_rule_backward(pool, shape, saved, &mut dq, &mut dk, &mut dv, &mut d_beta, &mut scratch);
        [dq, dk, dv, d_beta]
    }

    /// The definition, in f64.
    fn plain(shape: ScanShape, x: &[Vec<f64>]) -> Vec<f64> {
        let ScanShape { batch, tokens, heads, key, value } = shape;
        let mut out = vec![0.0; shape.values_len()];
        for (b, h) in (0..batch).flat_map(|b| (0..heads).map(move |h| (b, h))) {
            let mut state = vec![0.0; value * key];
            for t in 0..tokens {
                let at = (b * tokens + t) * heads + h;
                for (j, row) in state.chunks_mut(key).enumerate() {
                    let k = &x[1][at * key..][..key];
                    let error = x[2][at * value + j] - dot(row, k);
                    row.iter_mut().zip(k).for_each(|(s, k)| *s += x[3][at] * error * k);
                    out[at * value + j] = dot(row, &x[0][at * key..][..key]);
                }
            }
        }
        out
    }

    #[test]
    fn forward_and_backward_agree_with_the_definition() {
        for shape in SHAPES {
            let x = inputs(shape);
            let exact = x.clone().map(|x| wide(&x));
            on_every_set(|pool| {
                assert_close("out", &forward(pool, shape, &x)[0], &plain(shape, &exact), 1e-5);
                for (i, got) in backward(pool, shape, &x).iter().enumerate() {
                    let want = differences(&exact[..4], i, |x| dot(&plain(shape, x), &exact[4]));
                    assert_close(["dq", "dk", "dv", "dbeta"][i], got, &want, 2e-5);
                }
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for shape in SHAPES {
            let x = inputs(shape);
            assert_same_at_any_threads(|pool| [&backward(pool, shape, &x)[..], &forward(pool, shape, &x)].concat());
        }
    }

    #[test]
    fn with_full_writes_orthonormal_keys_recall_every_value() {
        const N: usize = 4;
        let shape = ScanShape { batch: 1, tokens: 2 * N, heads: 1, key: N, value: 3 };
        // N writes at unit keys, then N reads that write nothing.
        let unit: Vec<f32> = (0..2 * N * N).map(|i| f32::from(i % N == (i / N) % N)).collect();
        let beta = [[1.0; N], [0.0; N]].concat();
        let v = noise(3, 2 * N * 3);
        let [out, _] = forward(&Pool::serial(), shape, &[unit.clone(), unit, v.clone(), beta]);
        assert_eq!(out[N * 3..], v[..N * 3]);
    }

    #[test]
    fn a_repeated_key_recalls_its_last_value() {
        let shape = ScanShape { batch: 1, tokens: 3, heads: 1, key: 2, value: 1 };
        let key = [1.0, 0.0].repeat(3);
        let x = [key.clone(), key, vec![2.0, 5.0, -3.0], vec![1.0; 3]];
        assert_eq!(forward(&Pool::serial(), shape, &x)[0], [2.0, 5.0, -3.0]);
    }
}
