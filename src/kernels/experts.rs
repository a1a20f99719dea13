//! Mixtures of experts (Shazeer et al. 2017): which experts a token goes to, and products of rows that
//! lie sorted by expert with the matrix of their expert.

use super::gemm::{Batch, Gemm, gemm};
use crate::base::threads::Pool;

/// What [`route`] fills, for `tokens` tokens, `experts` experts and `k` choices a token.
#[derive(Debug)]
pub struct Routes<'a> {
    /// The experts of every token by falling score, equal ones by rising number: `[tokens, k]`.
    pub chosen: &'a mut [f32],
    /// The token of every slot; slots lie sorted by expert, then by token: `[tokens k]`.
    pub tokens: &'a mut [f32],
    /// The expert of every slot.
    pub experts: &'a mut [f32],
    /// How many slots every expert has: `[experts]`.
    pub counts: &'a mut [f32],
}

/// NaN counts as the lowest score, so that every token gets `k` different experts.
fn score(x: f32) -> f32 {
    if x.is_nan() { f32::NEG_INFINITY } else { x }
}

/// The first expert behind `last` in the order of falling score and rising number.
fn next_expert(scores: &[f32], last: Option<usize>) -> usize {
    let behind = |e: usize| {
        last.is_none_or(|last| {
            let (own, before) = (score(scores[e]), score(scores[last]));
            own < before || (own == before && e > last)
        })
    };
    let mut best = None;
    for e in (0..scores.len()).filter(|&e| behind(e)) {
        if best.is_none_or(|best: usize| score(scores[e]) > score(scores[best])) {
            best = Some(e);
        }
    }
    best.expect("k is at most the number of experts")
}

/// Sends every token to the `k` experts of its highest scores, `scores` `[tokens, experts]`.
pub fn route(k: usize, experts: usize, scores: &[f32], routes: Routes<'_>) {
    let Routes { chosen, tokens, experts: slot_experts, counts } = routes;
    if k == 0 || experts == 0 {
        return;
    }
    for (scores, chosen) in scores.chunks_exact(experts).zip(chosen.chunks_exact_mut(k)) {
        let mut last = None;
        for choice in chosen {
            let expert = next_expert(scores, last);
            (last, *choice) = (Some(expert), expert as f32);
        }
    }
    let mut slot = 0;
    for (e, count) in counts.iter_mut().enumerate() {
        let first = slot;
        for (token, chosen) in chosen.chunks_exact(k).enumerate() {
            if chosen.contains(&(e as f32)) {
                (tokens[slot], slot_experts[slot]) = (token as f32, e as f32);
                slot += 1;
            }
        }
        *count = (slot - first) as f32;
    }
}

/// Calls `body(expert, first row, rows)` for every expert; what goes beyond `rows` is left out.
fn each_expert(counts: &[f32], rows: usize, mut body: impl FnMut(usize, usize, usize)) -> usize {
    let mut first = 0;
    for (e, &count) in counts.iter().enumerate() {
        let count = (count as usize).min(rows - first);
        body(e, first, count);
        first += count;
    }
    first
}

/// `y[s] = x[s] W_e` for the expert `e` of row `s`: the first `counts[0]` rows belong to expert 0 and so
/// on; rows behind them give zeros. `x`: `[rows, k]`; `weights`: `[experts, k, m]`, or `[experts, m, k]` if
/// `transposed`; `y`: `[rows, m]`.
#[allow(clippy::too_many_arguments)]
pub fn expert_matmul(
    pool: &Pool,
    (k, m): (usize, usize),
    transposed: bool,
    x: &[f32],
    weights: &[f32],
    counts: &[f32],
    y: &mut [f32],
) {
    if m == 0 {
        return;
    }
    let rows = y.len() / m;
    let used = each_expert(counts, rows, |e, first, count| {
        let shape = Gemm::dense(count, m, k);
        let shape = if transposed { shape.transpose_b() } else { shape };
        gemm(pool, &shape, &Batch::ONE, &x[first * k..], &weights[e * k * m..], &mut y[first * m..]);
    });
    y[used * m..].fill(0.0);
}

/// `w[e] = sum_s a[s]^T b[s]` over the rows of expert `e`. `a`: `[rows, k]`; `b`: `[rows, m]`; `w`:
/// `[experts, k, m]`.
pub fn expert_outer(pool: &Pool, (k, m): (usize, usize), a: &[f32], b: &[f32], counts: &[f32], w: &mut [f32]) {
    if k == 0 || m == 0 {
        return;
    }
    each_expert(counts, a.len() / k, |e, first, count| {
        let shape = Gemm { a_row: 1, a_column: k, ..Gemm::dense(k, m, count) };
        gemm(pool, &shape, &Batch::ONE, &a[first * k..], &b[first * m..], &mut w[e * k * m..][..k * m]);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_close, assert_same_at_any_threads, noise, on_every_set};

    type Found = [Vec<f32>; 4];

    fn routes(k: usize, experts: usize, scores: &[f32]) -> Found {
        let n = scores.len() / experts;
        let [mut chosen, mut tokens, mut slots] = [(); 3].map(|()| vec![f32::NAN; n * k]);
        let mut counts = vec![f32::NAN; experts];
        let into = Routes { chosen: &mut chosen, tokens: &mut tokens, experts: &mut slots, counts: &mut counts };
        route(k, experts, scores, into);
        [chosen, tokens, slots, counts]
    }

    #[test]
    fn the_highest_scores_are_chosen_and_ties_go_by_number() {
        let scores = [0.1, 0.5, 0.4, 0.3, 0.3, 0.3, f32::NAN, 0.0, f32::NAN];
        let [chosen, tokens, experts, counts] = routes(2, 3, &scores);
        assert_eq!(chosen, [1.0, 2.0, 0.0, 1.0, 1.0, 0.0]);
        assert_eq!(experts, [0.0, 0.0, 1.0, 1.0, 1.0, 2.0]);
        assert_eq!(tokens, [1.0, 2.0, 0.0, 1.0, 2.0, 0.0]);
        assert_eq!(counts, [2.0, 3.0, 1.0]);
    }

    #[test]
    fn every_token_gets_k_different_experts() {
        let (n, experts) = (60, 5);
        let scores = noise(1, n * experts);
        for k in 1..=experts {
            let [chosen, tokens, slots, counts] = routes(k, experts, &scores);
            assert_eq!(counts.iter().sum::<f32>(), (n * k) as f32);
            for (token, chosen) in chosen.chunks(k).enumerate() {
                let score = |e: &f32| scores[token * experts + *e as usize];
                assert!(chosen.windows(2).all(|w| score(&w[0]) > score(&w[1])));
                let own = tokens.iter().zip(&slots).filter(|(t, _)| **t == token as f32).map(|(_, e)| *e);
                let mut sorted = chosen.to_vec();
                sorted.sort_by(f32::total_cmp);
                assert_eq!(own.collect::<Vec<_>>(), sorted);
            }
        }
    }

    const SHAPES: [([f32; 4], usize, usize, usize); 3] =
        [([3.0, 0.0, 2.0, 1.0], 8, 3, 5), ([0.0, 0.0, 1.0, 0.0], 1, 1, 1), ([40.0, 30.0, 0.0, 100.0], 170, 33, 20)];

    fn run(pool: &Pool, (counts, rows, k, m): ([f32; 4], usize, usize, usize)) -> [Vec<f32>; 3] {
        let (x, w, dy) = (noise(1, rows * k), noise(2, 4 * k * m), noise(3, rows * m));
        let [mut y, mut dx, mut dw] = [rows * m, rows * k, 4 * k * m].map(|len| vec![f32::NAN; len]);
        expert_matmul(pool, (k, m), false, &x, &w, &counts, &mut y);
        expert_matmul(pool, (m, k), true, &dy, &w, &counts, &mut dx);
        expert_outer(pool, (k, m), &x, &dy, &counts, &mut dw);
        [y, dx, dw]
    }

    #[test]
    fn products_agree_with_plain_loops() {
        for shape in SHAPES {
            let (counts, rows, k, m) = shape;
            let (x, w, dy) = (noise(1, rows * k), noise(2, 4 * k * m), noise(3, rows * m));
            let mut want = [rows * m, rows * k, 4 * k * m].map(|len| vec![0.0f64; len]);
            let owners = counts.iter().enumerate().flat_map(|(e, &count)| std::iter::repeat_n(e, count as usize));
            for (s, e) in owners.enumerate() {
                for (i, j) in (0..k).flat_map(|i| (0..m).map(move |j| (i, j))) {
                    let [x, w, dy] = [x[s * k + i], w[(e * k + i) * m + j], dy[s * m + j]].map(f64::from);
                    want[0][s * m + j] += x * w;
                    want[1][s * k + i] += dy * w;
                    want[2][(e * k + i) * m + j] += x * dy;
                }
            }
            on_every_set(|pool| {
                for (got, want) in run(pool, shape).iter().zip(&want) {
                    assert_close("product", got, want, 1e-5);
                }
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for shape in SHAPES {
            assert_same_at_any_threads(|pool| run(pool, shape).to_vec());
        }
    }
}
