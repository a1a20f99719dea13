//! Every rule against its paper's lines in f64, one weight at a time.

use super::*;
use crate::kernels::check::{assert_close, assert_same_at_any_threads, noise, on_every_set};

const RULES: &[Rule] = &[
    Rule::Sgd { momentum: 0.0, nesterov: false },
    Rule::Sgd { momentum: 0.9, nesterov: false },
    Rule::Sgd { momentum: 0.9, nesterov: true },
    Rule::Adam { beta1: 0.9, beta2: 0.98, epsilon: 1e-6 },
    Rule::Lion { beta1: 0.9, beta2: 0.99 },
    Rule::Sign { momentum: 0.0 },
    Rule::Sign { momentum: 0.9 },
    Rule::RmsProp { decay: 0.9, epsilon: 1e-3, momentum: 0.0, centred: false },
    Rule::RmsProp { decay: 0.9, epsilon: 1e-3, momentum: 0.9, centred: false },
    Rule::RmsProp { decay: 0.9, epsilon: 1e-3, momentum: 0.5, centred: true },
    Rule::Adagrad { epsilon: 1e-6 },
];

const STEPS: u32 = 4;

fn step_of(count: u32) -> Step {
    Step { gradient_scale: 0.5, largest: 0.4, learning_rate: 0.01, coupled_decay: 0.03, decoupled_decay: 0.2, count }
}

/// Weights and state after some steps.
fn run(pool: &Pool, rule: Rule, len: usize) -> Vec<Vec<f32>> {
    let mut p = noise(0, len);
    let mut state: [Vec<f32>; MAX_STATES] = std::array::from_fn(|_| vec![0.0; len]);
    for t in 1..=STEPS {
        let state = state.each_mut().map(Vec::as_mut_slice);
        step(pool, rule, &step_of(t), &mut p, state, &noise(u64::from(t), len));
    }
    std::iter::once(p).chain(state).collect()
}

/// One weight through the same steps, as the papers write them.
fn exact(rule: Rule, mut p: f64, gradients: impl Iterator<Item = f64>) -> f64 {
    let wide = |x: f32| f64::from(x);
    let s = step_of(1);
    let (rate, coupled, decoupled) = (wide(s.learning_rate), wide(s.coupled_decay), wide(s.decoupled_decay));
    let (mut first, mut second, mut velocity) = (0.0, 0.0, 0.0);
    for (t, g) in (1..).zip(gradients) {
        let g: f64 = (0.5 * g).clamp(-wide(s.largest), wide(s.largest)) + coupled * p;
        let decayed = p - rate * decoupled * p;
        let sign = |x: f64| if x == 0.0 { 0.0 } else { x.signum() };
        let direction = match rule {
            Rule::Sgd { momentum, nesterov } => {
                velocity = wide(momentum) * velocity + g;
                if nesterov { g + wide(momentum) * velocity } else { velocity }
            }
            Rule::Adam { beta1, beta2, epsilon } => {
                let (b1, b2) = (wide(beta1), wide(beta2));
                first = b1 * first + (1.0 - b1) * g;
                second = b2 * second + (1.0 - b2) * g * g;
                let (m_hat, v_hat) = (first / (1.0 - b1.powi(t)), second / (1.0 - b2.powi(t)));
                m_hat / (v_hat.sqrt() + wide(epsilon))
            }
            Rule::Lion { beta1, beta2 } => {
                let update = sign(wide(beta1) * first + (1.0 - wide(beta1)) * g);
                first = wide(beta2) * first + (1.0 - wide(beta2)) * g;
                update
            }
            Rule::Sign { momentum } => {
                first = wide(momentum) * first + (1.0 - wide(momentum)) * g;
                sign(first)
            }
            Rule::RmsProp { decay, epsilon, momentum, centred } => {
                let rho = wide(decay);
                second = rho * second + (1.0 - rho) * g * g;
                first = rho * first + (1.0 - rho) * g;
                let square: f64 = if centred { second - first * first } else { second };
                velocity = wide(momentum) * velocity + g / (square.sqrt() + wide(epsilon));
                velocity
            }
            Rule::Adagrad { epsilon } => {
                second += g * g;
                g / (second.sqrt() + wide(epsilon))
            }
        };
        p = decayed - rate * direction;
    }
    p
}

#[test]
fn every_rule_follows_its_paper_on_every_set() {
    let len = 131;
    let gradients: Vec<Vec<f32>> = (1..=STEPS).map(|t| noise(u64::from(t), len)).collect();
    let start = noise(0, len);
    for &rule in RULES {
        let weight = |i: usize| exact(rule, f64::from(start[i]), gradients.iter().map(|g| f64::from(g[i])));
        let expected: Vec<f64> = (0..len).map(weight).collect();
        on_every_set(|pool| assert_close(&format!("{rule:?}"), &run(pool, rule, len)[0], &expected, 1e-6));
    }
}

#[test]
fn state_that_a_rule_does_not_name_is_not_touched() {
    for &rule in RULES {
        let used = rule.states().len();
        let results = run(&Pool::serial(), rule, 37);
        for (i, state) in results[1..].iter().enumerate() {
            assert_eq!(state.iter().any(|x| *x != 0.0), i < used, "{rule:?} state {i}");
        }
    }
}

#[test]
fn threads_do_not_change_the_bits() {
    for &rule in RULES {
        assert_same_at_any_threads(|pool| run(pool, rule, 3 * BLOCK + 77));
    }
}

/// By hand: `rate 0.01, beta 0.9 and 0.99, p = 1, g = 0.5, then -0.1`.
#[test]
fn lion_by_hand() {
    let (mut p, mut m) = ([1.0], [0.0]);
    let rule = Rule::Lion { beta1: 0.9, beta2: 0.99 };
    for (g, expected_p, expected_m) in [(0.5, 0.99, 0.005), (-0.1, 1.0, 0.003_95)] {
        let plain = Step {
            gradient_scale: 1.0,
            largest: f32::INFINITY,
            learning_rate: 0.01,
            coupled_decay: 0.0,
            decoupled_decay: 0.0,
            count: 1,
        };
        step(&Pool::serial(), rule, &plain, &mut p, [&mut m, &mut [], &mut []], &[g]);
        assert!((p[0] - expected_p).abs() < 1e-6f32 && (m[0] - expected_m).abs() < 1e-6f32, "{p:?} {m:?}");
    }
}

#[test]
fn a_gradient_that_is_no_number_is_not_hidden() {
    for &rule in RULES {
        let (mut p, mut state) = ([1.0], [[0.0]; MAX_STATES]);
        step(&Pool::serial(), rule, &step_of(1), &mut p, state.each_mut().map(|s| &mut s[..]), &[f32::NAN]);
        assert!(p[0].is_nan(), "{rule:?}");
    }
}
