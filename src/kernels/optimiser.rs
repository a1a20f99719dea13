//! Optimiser steps in one pass over the weights.

use super::isa::kernel;
use super::map::BLOCK;
use crate::base::threads::Pool;

/// One step of Adam (Kingma and Ba 2015, algorithm 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// What the gradient is multiplied with first: clipping, or a mean over accumulated batches.
    pub gradient_scale: f32,
    /// Step size.
    pub learning_rate: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added outside of the square root.
    pub epsilon: f32,
    /// `1 - beta1^t` at step `t`, counted from 1.
    pub bias1: f32,
    /// `1 - beta2^t`.
    pub bias2: f32,
}

/// Weights, moments and gradients of a block.
struct Block<'a> {
    p: &'a mut [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
    g: &'a [f32],
}

kernel! {
    fn adam_block<A>(step: Adam, block: Block<'_>) {
        let rate = step.learning_rate / step.bias1;
        let root = 1.0 / step.bias2.sqrt();
        let (rest1, rest2) = (1.0 - step.beta1, 1.0 - step.beta2);
        let moments = block.m.iter_mut().zip(block.v);
        for ((p, (m, v)), &g) in block.p.iter_mut().zip(moments).zip(block.g) {
            let g = g * step.gradient_scale;
            *m = A::mul_add(rest1, g, step.beta1 * *m);
            *v = A::mul_add(rest2 * g, g, step.beta2 * *v);
            *p -= rate * *m / A::mul_add(v.sqrt(), root, step.epsilon);
        }
    }
}

/// `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`,
/// `p -= learning_rate / bias1 * m / (sqrt(v / bias2) + epsilon)`, with `g` the scaled gradient.
///
/// # Panics
/// When the lengths differ.
pub fn adam_step(pool: &Pool, step: &Adam, p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32]) {
    let same = p.len() == g.len() && m.len() == g.len() && v.len() == g.len();
    assert!(same, "adam_step: lengths differ");
    adam_split(pool, step, Block { p, m, v, g });
}

/// Halves the arrays at multiples of [`BLOCK`] until a block is left; elements are independent.
fn adam_split(pool: &Pool, step: &Adam, block: Block<'_>) {
    if block.g.len() <= BLOCK || pool.threads() == 1 {
        return adam_block(*step, block);
    }
    let middle = (block.g.len() / 2).next_multiple_of(BLOCK);
    let (p, p_rest) = block.p.split_at_mut(middle);
    let (m, m_rest) = block.m.split_at_mut(middle);
    let (v, v_rest) = block.v.split_at_mut(middle);
    let (g, g_rest) = block.g.split_at(middle);
    let left = Block { p, m, v, g };
    let right = Block { p: p_rest, m: m_rest, v: v_rest, g: g_rest };
    pool.enter(|| rayon::join(|| adam_split(pool, step, left), || adam_split(pool, step, right)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::isa::{Isa, with_isa};

    fn numbers(seed: usize, len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
    }

    fn at(t: i32) -> Adam {
        let (beta1, beta2) = (0.9f32, 0.999f32);
        let (bias1, bias2) = (1.0 - beta1.powi(t), 1.0 - beta2.powi(t));
        Adam { gradient_scale: 0.5, learning_rate: 1e-2, beta1, beta2, epsilon: 1e-8, bias1, bias2 }
    }

    /// Three steps; weights and both moments.
    fn run(threads: usize, len: usize) -> [Vec<f32>; 3] {
        let (mut p, mut m, mut v) = (numbers(0, len), vec![0.0; len], vec![0.0; len]);
        for t in 1..=3 {
            adam_step(&Pool::new(threads), &at(t), &mut p, &mut m, &mut v, &numbers(t as usize, len));
        }
        [p, m, v]
    }

    /// Algorithm 1 in f64, for one weight.
    fn exact(i: usize, len: usize) -> f64 {
        let (mut p, mut m, mut v) = (f64::from(numbers(0, len)[i]), 0.0, 0.0);
        for t in 1..=3 {
            let g = f64::from(numbers(t as usize, len)[i]) * 0.5;
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let (m_hat, v_hat) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
            p -= 1e-2 * m_hat / (v_hat.sqrt() + 1e-8);
        }
        p
    }

    #[test]
    fn three_steps_of_adam_agree_with_the_paper_on_every_set() {
        for isa in Isa::available() {
            let [p, ..] = with_isa(isa, || run(1, 131));
            for (i, p) in p.iter().enumerate() {
                assert!((f64::from(*p) - exact(i, 131)).abs() < 1e-6, "{} weight {i}", isa.name());
            }
        }
    }

    #[test]
    fn threads_do_not_change_the_bits() {
        let len = 3 * BLOCK + 77;
        assert!(run(1, len) == run(2, len) && run(1, len) == run(3, len));
    }
}
