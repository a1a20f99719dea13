//! Every rule against its definition in f64, and the identities between rules.

use super::*;
use crate::kernels::check::{assert_close, assert_same_at_any_threads, differences, dot, noise, on_every_set, wide};

const SHAPES: [ScanShape; 4] = [
    ScanShape { batch: 2, tokens: 5, heads: 2, key: 3, value: 4 },
    ScanShape { batch: 1, tokens: 7, heads: 1, key: 5, value: 11 },
    ScanShape { batch: 1, tokens: 3, heads: 1, key: 4, value: 37 },
    ScanShape { batch: 33, tokens: 2, heads: 1, key: 2, value: 3 },
];

const NO_GATES: Gates = Gates { eta: None, alpha: None, delta: None, theta: None };

const fn rule(loss: Loss, retention: Retention) -> Rule {
    Rule { loss, retention, error_of: ErrorOf::Before }
}

/// Members with the gates that make them what they are.
fn members() -> Vec<(Rule, Gates)> {
    use Channels::{Head, Key, Value};
    let eta = Gates { eta: Some(Head), ..NO_GATES };
    let each = Gates { eta: Some(Value), ..NO_GATES };
    let decayed = Gates { alpha: Some(Value), ..each };
    let first = Rule { error_of: ErrorOf::Decayed, ..rule(Loss::Squared, Retention::Linear) };
    let huber = |channels| Gates { delta: Some(channels), ..decayed };
    let linear = |loss| rule(loss, Retention::Linear);
    let elastic = Retention::ElasticNet { threshold: 0.02 };
    let chunk = |tokens, rule| Rule { error_of: ErrorOf::Chunk(tokens), ..rule };
    vec![
        (chunk(2, linear(Loss::Squared)), decayed),
        (chunk(2, linear(Loss::DotProduct)), each),
        (chunk(3, linear(Loss::DotProduct)), Gates { alpha: Some(Head), ..NO_GATES }),
        (chunk(4, linear(Loss::Squared)), eta),
        (chunk(3, linear(Loss::HuberNorm)), huber(Head)),
        (chunk(3, linear(Loss::Power { p: 3.0 })), Gates { alpha: Some(Head), ..each }),
        (chunk(8, linear(Loss::HuberClip)), huber(Value)),
        (chunk(2, linear(Loss::Squared)), Gates { alpha: Some(Key), ..eta }),
        (chunk(3, linear(Loss::HuberNorm)), Gates { theta: Some(Head), ..huber(Head) }),
        (chunk(2, rule(Loss::Squared, Retention::Softmax)), decayed),
        (chunk(3, rule(Loss::Power { p: 3.0 }, Retention::Norm { q: 4.0 })), decayed),
        (linear(Loss::DotProduct), NO_GATES),
        (linear(Loss::DotProduct), Gates { alpha: Some(Head), ..NO_GATES }),
        (linear(Loss::DotProduct), Gates { alpha: Some(Key), ..each }),
        (linear(Loss::Squared), eta),
        (first, Gates { alpha: Some(Head), ..eta }),
        (first, Gates { alpha: Some(Key), ..each }),
        (linear(Loss::Squared), Gates { theta: Some(Head), alpha: Some(Head), ..eta }),
        (linear(Loss::HuberNorm), Gates { theta: Some(Value), ..huber(Head) }),
        (linear(Loss::Power { p: 3.0 }), decayed),
        (linear(Loss::Power { p: 2.5 }), decayed),
        (linear(Loss::SmoothPower { p: 1.0 }), decayed),
        (linear(Loss::SmoothPower { p: 1.5 }), eta),
        (linear(Loss::HuberNorm), huber(Head)),
        (linear(Loss::HuberSign), huber(Head)),
        (linear(Loss::HuberClip), huber(Value)),
        (rule(Loss::Squared, elastic), decayed),
        (Rule { error_of: ErrorOf::Decayed, ..rule(Loss::Squared, elastic) }, decayed),
        (rule(Loss::Squared, Retention::Softmax), decayed),
        (rule(Loss::HuberNorm, Retention::Softmax), Gates { alpha: Some(Key), ..huber(Head) }),
        (rule(Loss::Squared, Retention::Sigmoid), eta),
        (rule(Loss::DotProduct, Retention::Sigmoid), decayed),
        (rule(Loss::Power { p: 3.0 }, Retention::Norm { q: 4.0 }), decayed),
        (rule(Loss::Squared, Retention::Norm { q: 3.0 }), eta),
        (rule(Loss::Squared, Retention::Norm { q: 2.5 }), Gates { theta: Some(Head), ..decayed }),
    ]
}

/// q, k, v, gates, initial states; then the gradients of the output and of the last states.
fn inputs(memory: MatrixMemory) -> [Vec<f32>; 7] {
    let ScanShape { batch, tokens, heads, key, value } = memory.shape;
    let (keys, values, states) = (memory.shape.keys_len(), memory.shape.values_len(), batch * heads * value * key);
    let len = [keys, keys, values, batch * tokens * memory.gates_width(), states, values, states];
    let mut x: [Vec<f32>; 7] = std::array::from_fn(|i| noise(60 + i as u64, len[i]));
    x[1].iter_mut().for_each(|k| *k /= (key as f32).sqrt());
    x[3].iter_mut().for_each(|gate| *gate = 0.55 + 0.35 * *gate);
    x
}

fn forward(pool: &Pool, memory: MatrixMemory, x: &[Vec<f32>; 7]) -> [Vec<f32>; 3] {
    let [mut out, mut last] = [&x[5], &x[6]].map(|x| vec![f32::NAN; x.len()]);
    let mut checkpoints = vec![f32::NAN; memory.shape.batch * memory.checkpoints_len()];
    let mut scratch = vec![f32::NAN; matrix_memory_scratch(memory)];
    matrix_memory(pool, memory, read_by(x), &mut out, &mut last, &mut checkpoints, &mut scratch);
    [out, last, checkpoints]
}

fn read_by(x: &[Vec<f32>; 7]) -> MatrixMemoryInputs<'_> {
    let initial = (!x[4].is_empty()).then_some(&x[4][..]);
    MatrixMemoryInputs { q: &x[0], k: &x[1], v: &x[2], gates: &x[3], initial }
}

fn backward(pool: &Pool, memory: MatrixMemory, x: &[Vec<f32>; 7]) -> [Vec<f32>; 5] {
    let checkpoints = &forward(pool, memory, x)[2];
    let mut gradients: [Vec<f32>; 5] = std::array::from_fn(|i| vec![f32::NAN; x[i].len()]);
    let [dq, dk, dv, d_gates, d_initial] = &mut gradients;
    let mut scratch = vec![f32::NAN; matrix_memory_backward_scratch(memory)];
    let saved = MatrixMemorySaved { inputs: read_by(x), checkpoints, d_out: &x[5], d_last: Some(&x[6]) };
    let into = MatrixMemoryGradients { dq, dk, dv, d_gates, d_initial };
    matrix_memory_backward(pool, memory, saved, into, &mut scratch);
    gradients
}

fn plain_slope(loss: Loss, error: &[f64], v: &[f64], delta: &[f64]) -> Vec<f64> {
    let norm = dot(error, error).sqrt();
    let of = |i: usize| {
        let e = error[i];
        match loss {
            Loss::DotProduct => -v[i],
            Loss::Squared => e,
            Loss::Power { p } => f64::from(p) * e.signum() * e.abs().powf(f64::from(p) - 1.0),
            Loss::SmoothPower { p } => {
                f64::from(p) * (10.0 * e).tanh() * (e * e + 1e-6).powf((f64::from(p) - 1.0) / 2.0)
            }
            Loss::HuberNorm => e * (delta[0] / norm).min(1.0),
            Loss::HuberSign if norm > delta[0] => delta[0] * (10.0 * e).tanh(),
            Loss::HuberSign => e,
            Loss::HuberClip => e.clamp(-delta[i], delta[i]),
        }
    };
    (0..error.len()).map(of).collect()
}

/// The memory `[dv, dk]` that a state stands for.
fn plain_memory(retention: Retention, state: &[f64]) -> Vec<f64> {
    let scale = match retention {
        Retention::Norm { q } => {
            let q = f64::from(q);
            let total: f64 = state.iter().map(|x| x.abs().powf(q)).sum();
            (total + 1e-18).powf((2.0 - q) / q)
        }
        _ => 1.0,
    };
    let of = |x: &f64| match retention {
        Retention::Softmax => x.exp(),
        Retention::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        _ => scale * x,
    };
    state.iter().map(of).collect()
}

fn plain_settle(retention: Retention, state: &mut [f64], key: usize) {
    match retention {
        Retention::ElasticNet { threshold } => {
            state.iter_mut().for_each(|x| *x = x.signum() * (x.abs() - f64::from(threshold)).max(0.0));
        }
        Retention::Softmax => state.chunks_mut(key).for_each(|row| {
            let total = row.iter().map(|x| x.exp()).sum::<f64>().ln();
            row.iter_mut().for_each(|x| *x = (*x - total).max(-30.0));
        }),
        _ => {}
    }
}

/// The definition, in f64: outputs and last states.
fn plain(memory: MatrixMemory, x: &[Vec<f64>]) -> [Vec<f64>; 2] {
    let ScanShape { batch, tokens, heads, key, value } = memory.shape;
    let (rule, width) = (memory.rule, memory.gates_width());
    let (mut out, mut last) = (vec![0.0; memory.shape.values_len()], x[4].clone());
    for (b, h) in (0..batch).flat_map(|b| (0..heads).map(move |h| (b, h))) {
        let state = &mut last[(b * heads + h) * value * key..][..value * key];
        let (mut momentum, mut chunk_start) = (vec![0.0; value * key], Vec::new());
        for t in 0..tokens {
            let at = b * tokens + t;
            let vector = |i: usize, width: usize| &x[i][(at * heads + h) * width..][..width];
            let (q, k, v) = (vector(0, key), vector(1, key), vector(2, value));
            // A gate by value channel i and key channel j.
            let mut first = 0;
            let mut gate = |channels: Option<Channels>, none: f64| {
                let row = &x[3][at * width + first..];
                let one = [(Channels::Head, 1), (Channels::Value, value), (Channels::Key, key)];
                let own = channels.map_or(0, |c| one.iter().find(|(channels, _)| *channels == c).unwrap().1);
                first += heads * own;
                move |i: usize, j: usize| match channels {
                    None => none,
                    Some(Channels::Head) => row[h],
                    Some(Channels::Value) => row[h * value + i],
                    Some(Channels::Key) => row[h * key + j],
                }
            };
            let (eta, alpha) = (gate(memory.gates.eta, 1.0), gate(memory.gates.alpha, 1.0));
            let (delta, theta) = (gate(memory.gates.delta, f64::INFINITY), gate(memory.gates.theta, 0.0));
            let decayed: Vec<f64> = (0..value * key).map(|n| alpha(n / key, n % key) * state[n]).collect();
            let seen = match rule.error_of {
                ErrorOf::Decayed => decayed.clone(),
                ErrorOf::Chunk(tokens) if t % tokens != 0 => chunk_start.clone(),
                ErrorOf::Before | ErrorOf::Chunk(_) => plain_memory(rule.retention, state),
            };
            chunk_start.clone_from(&seen);
            let error: Vec<f64> = seen.chunks(key).zip(v).map(|(row, v)| dot(row, k) - v).collect();
            let delta: Vec<f64> = (0..value).map(|i| delta(i, 0)).collect();
            let slope = plain_slope(rule.loss, &error, v, &delta);
            for n in 0..value * key {
                let (i, j) = (n / key, n % key);
                momentum[n] = theta(i, j) * momentum[n] - eta(i, j) * slope[i] * k[j];
                state[n] = decayed[n] + momentum[n];
            }
            plain_settle(rule.retention, state, key);
            let read = plain_memory(rule.retention, state);
            for (i, row) in read.chunks(key).enumerate() {
                out[(at * heads + h) * value + i] = dot(row, q);
            }
        }
    }
    [out, last]
}

#[test]
fn every_member_agrees_with_its_definition() {
    for (shape, (rule, gates)) in SHAPES.into_iter().flat_map(|shape| members().into_iter().map(move |m| (shape, m))) {
        let memory = MatrixMemory { shape, rule, gates };
        let x = inputs(memory);
        let exact = x.clone().map(|x| wide(&x));
        let want = plain(memory, &exact);
        let loss = |x: &[Vec<f64>]| {
            let [out, last] = plain(memory, x);
            dot(&out, &exact[5]) + dot(&last, &exact[6])
        };
        let slopes: [Vec<f64>; 5] = std::array::from_fn(|i| differences(&exact[..5], i, loss));
        on_every_set(|pool| {
            let got = forward(pool, memory, &x);
            assert_close(&format!("out of {memory:?}"), &got[0], &want[0], 2e-5);
            assert_close(&format!("last of {memory:?}"), &got[1], &want[1], 2e-5);
            for (i, got) in backward(pool, memory, &x).iter().enumerate() {
                let name = ["dq", "dk", "dv", "d_gates", "d_initial"][i];
                assert_close(&format!("{name} of {memory:?}"), got, &slopes[i], 2e-4);
            }
        });
    }
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    for (shape, (rule, gates)) in
        [SHAPES[0], SHAPES[3]].into_iter().flat_map(|s| members().into_iter().map(move |m| (s, m)))
    {
        let memory = MatrixMemory { shape, rule, gates };
        let x = inputs(memory);
        assert_same_at_any_threads(|pool| [&forward(pool, memory, &x)[..], &backward(pool, memory, &x)].concat());
    }
}

/// Outputs of a rule whose gates are these numbers, from zeros or what the rule begins with.
fn run(shape: ScanShape, rule: Rule, gates: Gates, x: [&[f32]; 4]) -> [Vec<f32>; 2] {
    let memory = MatrixMemory { shape, rule, gates };
    let states = shape.batch * shape.heads * shape.value * shape.key;
    let x =
        [x[0].to_vec(), x[1].to_vec(), x[2].to_vec(), x[3].to_vec(), vec![], vec![0.0; x[2].len()], vec![0.0; states]];
    let [out, last, _] = forward(&Pool::serial(), memory, &x);
    [out, last]
}

#[test]
fn the_delta_rule_has_five_other_names() {
    use crate::kernels::delta_rule::{delta_rule, delta_rule_scratch};
    let shape = ScanShape { batch: 2, tokens: 40, heads: 2, key: 8, value: 12 };
    let eta_only = Gates { eta: Some(Channels::Head), ..NO_GATES };
    let memory = MatrixMemory { shape, rule: rule(Loss::Squared, Retention::Linear), gates: eta_only };
    let [q, k, v, eta, ..] = inputs(memory);
    let (mut want, mut errors) = (vec![0.0; v.len()], vec![0.0; v.len()]);
    let mut scratch = vec![0.0; delta_rule_scratch(shape)];
    delta_rule(&Pool::serial(), shape, &q, &k, &v, &eta, &mut want, &mut errors, &mut scratch);
    // Every gate of a token beside eta: the same number in all heads.
    let beside = |factor: f32, others: &[f32]| -> Vec<f32> {
        eta.chunks(2)
            .flat_map(|eta| {
                [vec![factor * eta[0], factor * eta[1]], others.iter().flat_map(|&x| [x, x]).collect()].concat()
            })
            .collect()
    };
    let head = Some(Channels::Head);
    let first = Rule { error_of: ErrorOf::Decayed, ..rule(Loss::Squared, Retention::Linear) };
    let names = [
        ("delta rule", rule(Loss::Squared, Retention::Linear), eta_only, beside(1.0, &[])),
        ("gated, alpha 1", first, Gates { alpha: head, ..eta_only }, beside(1.0, &[1.0])),
        (
            "Yaad, alpha 1, delta infinite",
            rule(Loss::HuberNorm, Retention::Linear),
            Gates { alpha: head, delta: head, ..eta_only },
            beside(1.0, &[1.0, f32::INFINITY]),
        ),
        (
            "Titans, theta 0, alpha 1",
            rule(Loss::Squared, Retention::Linear),
            Gates { alpha: head, theta: head, ..eta_only },
            beside(1.0, &[1.0, 0.0]),
        ),
        ("p = 2, half the step", rule(Loss::Power { p: 2.0 }, Retention::Linear), eta_only, beside(0.5, &[])),
        (
            "Moneta, p = q = 2, half the step",
            rule(Loss::Power { p: 2.0 }, Retention::Norm { q: 2.0 }),
            eta_only,
            beside(0.5, &[]),
        ),
    ];
    for (name, rule, gates, values) in names {
        let [got, _] = run(shape, rule, gates, [&q, &k, &v, &values]);
        assert_close(name, &got, &wide(&want), 1e-6);
    }
}

/// One token of one head whose key is the first unit vector.
fn one_write(rule: Rule, gates: Gates, v: &[f32], values: &[f32], initial: &[f32], key: usize) -> Vec<f32> {
    let shape = ScanShape { batch: 1, tokens: 1, heads: 1, key, value: v.len() };
    let memory = MatrixMemory { shape, rule, gates };
    let unit: Vec<f32> = (0..key).map(|i| f32::from(i == 0)).collect();
    let zeros = |len: usize| vec![0.0; len];
    let x = [unit.clone(), unit, v.to_vec(), values.to_vec(), initial.to_vec(), zeros(v.len()), zeros(v.len() * key)];
    let [_, last, _] = forward(&Pool::serial(), memory, &x);
    last
}

const ETA: Gates = Gates { eta: Some(Channels::Head), ..NO_GATES };

#[test]
fn powers_of_the_error_and_hubers_tail_take_the_step_they_should() {
    // e = -2: the slope is -12 and the step adds 0.12.
    let cubic = rule(Loss::Power { p: 3.0 }, Retention::Linear);
    assert_close("p = 3", &one_write(cubic, ETA, &[2.0], &[0.01], &[], 1), &[0.12], 1e-6);
    // e = (0, -2), delta 1: a step of length eta.
    let huber = rule(Loss::HuberNorm, Retention::Linear);
    let gates = Gates { delta: Some(Channels::Head), ..ETA };
    assert_close("Huber", &one_write(huber, gates, &[0.0, 2.0], &[0.5, 1.0], &[], 1), &[0.0, 0.5], 1e-6);
    let published = rule(Loss::HuberSign, Retention::Linear);
    assert_close("sign", &one_write(published, gates, &[0.0, 2.0], &[0.5, 1.0], &[], 1), &[0.0, 0.5], 1e-6);
}

#[test]
fn the_norm_is_taken_off_the_memory() {
    // A = (3, 4) before and after a step of 0; what is read is W = A / |A|_4^2.
    let shape = ScanShape { batch: 1, tokens: 2, heads: 1, key: 2, value: 1 };
    for (q, want) in [(4.0, [0.163_420, 0.217_894]), (2.0, [3.0, 4.0])] {
        let memory = MatrixMemory { shape, rule: rule(Loss::Squared, Retention::Norm { q }), gates: ETA };
        let unit = vec![1.0, 0.0, 0.0, 1.0];
        let x = [unit.clone(), unit, vec![0.0; 2], vec![0.0; 2], vec![3.0, 4.0], vec![0.0; 2], vec![0.0; 2]];
        assert_close("W", &forward(&Pool::serial(), memory, &x)[0], &want, 1e-6);
    }
}

#[test]
fn a_normalised_memory_keeps_its_row_sums() {
    let softmax = rule(Loss::DotProduct, Retention::Softmax);
    let log = |x: &[f64]| x.iter().map(|x| x.ln() as f32).collect::<Vec<_>>();
    let got = |v: f32, gates: Gates, values: &[f32], start: &[f64]| -> Vec<f32> {
        one_write(softmax, gates, &[v], values, &log(start), 2).iter().map(|x| x.exp()).collect()
    };
    // eta grad = (ln 2, 0): the slope of the dot product is -v.
    let v = -std::f32::consts::LN_2;
    assert_close("write", &got(v, ETA, &[1.0], &[0.5, 0.5]), &[1.0 / 3.0, 2.0 / 3.0], 1e-6);
    let decayed = Gates { alpha: Some(Channels::Head), ..ETA };
    assert_close("decay", &got(0.0, decayed, &[1.0, 0.5], &[0.8, 0.2]), &[2.0 / 3.0, 1.0 / 3.0], 1e-6);
    let shape = ScanShape { batch: 1, tokens: 50, heads: 1, key: 6, value: 5 };
    let memory = MatrixMemory { shape, rule: rule(Loss::Squared, Retention::Softmax), gates: ETA };
    let [q, k, v, gates, ..] = inputs(memory);
    let [_, last] = run(shape, memory.rule, ETA, [&q, &k, &v, &gates]);
    for row in last.chunks(6) {
        let total: f32 = row.iter().map(|x| x.exp()).sum();
        assert!((total - 1.0).abs() < 1e-5, "{total}");
    }
}

#[test]
fn the_soft_threshold_draws_to_zero() {
    let elastic = rule(Loss::Squared, Retention::ElasticNet { threshold: 1.0 });
    assert_eq!(one_write(elastic, ETA, &[0.0, 0.0], &[0.0], &[3.0, -0.5], 1), [2.0, 0.0]);
}

#[test]
fn orthonormal_keys_recall_and_a_fixed_pair_is_learned_geometrically() {
    let delta = rule(Loss::Squared, Retention::Linear);
    const N: usize = 4;
    let shape = ScanShape { batch: 1, tokens: 2 * N, heads: 1, key: N, value: 3 };
    let unit: Vec<f32> = (0..2 * N * N).map(|i| f32::from(i % N == (i / N) % N)).collect();
    let (v, eta) = (noise(3, 2 * N * 3), [[1.0; N], [0.0; N]].concat());
    let [out, _] = run(shape, delta, ETA, [&unit, &unit, &v, &eta]);
    assert_eq!(out[N * 3..], v[..N * 3]);
    // One pair shown again and again: what is missing shrinks by 1 - eta.
    let shape = ScanShape { batch: 1, tokens: 6, heads: 1, key: 1, value: 1 };
    let [out, _] = run(shape, delta, ETA, [&[1.0; 6], &[1.0; 6], &[2.0; 6], &[0.25; 6]]);
    let want: Vec<f64> = (1..=6).map(|t| 2.0 - 2.0 * 0.75f64.powi(t)).collect();
    assert_close("recalled", &out, &want, 1e-6);
}

#[test]
fn a_chunk_of_one_token_is_the_recurrence_and_the_dot_product_knows_no_chunks() {
    let shape = ScanShape { batch: 2, tokens: 9, heads: 1, key: 3, value: 4 };
    for (rule, gates) in members().into_iter().filter(|(rule, _)| rule.error_of == ErrorOf::Before) {
        let memory = MatrixMemory { shape, rule, gates };
        let x = inputs(memory);
        let all =
            |memory| [&forward(&Pool::serial(), memory, &x)[..2], &backward(&Pool::serial(), memory, &x)].concat();
        let chunked = |tokens| MatrixMemory { rule: Rule { error_of: ErrorOf::Chunk(tokens), ..rule }, ..memory };
        assert_eq!(all(memory), all(chunked(1)), "{rule:?}");
        let [ours, other] = [memory, chunked(4)].map(all);
        if rule.loss == Loss::DotProduct {
            let names = ["out", "last", "dq", "dk", "dv", "d_gates", "d_initial"];
            for ((name, got), want) in names.into_iter().zip(&other).zip(&ours) {
                assert_close(&format!("{name} of {rule:?}"), got, &wide(want), 1e-5);
            }
        } else {
            assert_ne!(ours[0], other[0], "{rule:?}");
        }
    }
}

#[test]
fn chunks_are_what_single_tokens_do_of_the_memory_before() {
    // Momentum that is never kept takes the way token by token, and changes nothing.
    let shape = ScanShape { batch: 2, tokens: 45, heads: 2, key: 12, value: 20 };
    for (loss, tokens) in [(Loss::Squared, 8), (Loss::HuberNorm, 16), (Loss::Power { p: 3.0 }, 32), (Loss::Squared, 64)]
    {
        let rule = Rule { error_of: ErrorOf::Chunk(tokens), ..rule(loss, Retention::Linear) };
        let value = Some(Channels::Value);
        let delta = loss.has_threshold().then_some(Channels::Head);
        let gates = Gates { eta: value, alpha: value, delta, theta: None };
        let by_products = MatrixMemory { shape, rule, gates };
        let by_tokens = MatrixMemory { gates: Gates { theta: value, ..gates }, ..by_products };
        assert!(by_products.by_chunks() && !by_tokens.by_chunks());
        let mut x = inputs(by_products);
        let (width, values) = (by_products.gates_width(), shape.heads * shape.value);
        // Alphas of which some are nothing, and short steps: those of many tokens add up.
        for row in x[3].chunks_mut(width) {
            row[..values].iter_mut().for_each(|eta| *eta *= 0.1);
            row[values..2 * values].iter_mut().for_each(|alpha| *alpha = if *alpha < 0.25 { 0.0 } else { *alpha });
        }
        assert!(x[3].contains(&0.0));
        let mut y = x.clone();
        let none = vec![0.0; values];
        y[3] = x[3].chunks(width).flat_map(|row| [row, &none].concat()).collect();
        let all = |memory, x: &[Vec<f32>; 7]| {
            [&forward(&Pool::serial(), memory, x)[..2], &backward(&Pool::serial(), memory, x)].concat()
        };
        let (got, mut want) = (all(by_products, &x), all(by_tokens, &y));
        want[5] = want[5].chunks(width + values).flat_map(|row| row[..width].to_vec()).collect();
        let names = ["out", "last", "dq", "dk", "dv", "d_gates", "d_initial"];
        for ((name, got), want) in names.into_iter().zip(&got).zip(&want) {
            assert!(want.iter().any(|x| x.abs() > 1e-3), "{name}");
            assert_close(&format!("{name} of {rule:?}"), got, &wide(want), 2e-5);
        }
    }
}

#[test]
fn chunks_do_not_look_ahead() {
    let shape = ScanShape { batch: 1, tokens: 20, heads: 1, key: 5, value: 6 };
    let gates = Gates { alpha: Some(Channels::Value), ..ETA };
    let rule = Rule { error_of: ErrorOf::Chunk(8), ..rule(Loss::Squared, Retention::Linear) };
    let memory = MatrixMemory { shape, rule, gates };
    let x = inputs(memory);
    let [before, ..] = forward(&Pool::serial(), memory, &x);
    for t in 0..shape.tokens {
        let mut y = x.clone();
        for y in y.iter_mut().take(4) {
            let width = y.len() / shape.tokens;
            y[t * width..].iter_mut().for_each(|x| *x += 0.5);
        }
        let [after, ..] = forward(&Pool::serial(), memory, &y);
        assert_eq!(before[..t * 6], after[..t * 6]);
        assert_ne!(before[t * 6..][..6], after[t * 6..][..6]);
    }
}

#[test]
fn a_sequence_in_two_parts_is_the_sequence() {
    for (rule, gates) in members()
        .into_iter()
        .filter(|(rule, gates)| gates.theta.is_none() && !matches!(rule.error_of, ErrorOf::Chunk(2 | 4 | 8)))
    {
        let whole = MatrixMemory { shape: ScanShape { batch: 1, tokens: 6, heads: 2, key: 3, value: 4 }, rule, gates };
        let part = MatrixMemory { shape: ScanShape { tokens: 3, ..whole.shape }, ..whole };
        let x = inputs(whole);
        let [out, last, _] = forward(&Pool::serial(), whole, &x);
        let mut y = x.clone();
        let mut outs = Vec::new();
        for half in 0..2 {
            for i in [0, 1, 2, 3, 5] {
                y[i] = x[i].chunks((x[i].len() / 2).max(1)).nth(half).unwrap_or_default().to_vec();
            }
            let [out, last, _] = forward(&Pool::serial(), part, &y);
            outs.extend(out);
            y[4] = last;
        }
        assert_eq!((outs, &y[4]), (out, &last), "{rule:?}");
    }
}
