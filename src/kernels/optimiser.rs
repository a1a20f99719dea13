//! Optimiser steps that treat every number by itself, each in one pass over weights, state and
//! gradient.

use super::isa::{Arithmetic, kernel};
use super::map::BLOCK;
use super::split::split;
use crate::base::threads::Pool;

/// Most arrays of state that a rule keeps.
pub const MAX_STATES: usize = 3;

/// How a gradient `g` becomes a step of a weight `p`; `rate` is the learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `v = momentum v + g`, `p -= rate v`; with Nesterov's correction `p -= rate (g + momentum v)`
    /// (Sutskever et al. 2013, as in PyTorch). Without momentum no state.
    Sgd {
        /// Decay of the velocity.
        momentum: f32,
        /// Looks ahead along the velocity.
        nesterov: bool,
    },
    /// `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`,
    /// `p -= rate m_hat / (sqrt(v_hat) + epsilon)`, with both moments divided by `1 - beta^t`
    /// (Kingma and Ba 2015, algorithm 1).
    Adam {
        /// Decay of the first moment.
        beta1: f32,
        /// Decay of the second moment.
        beta2: f32,
        /// Added outside of the square root.
        epsilon: f32,
    },
    /// `p -= rate sign(beta1 m + (1 - beta1) g)`, then `m = beta2 m + (1 - beta2) g`
    /// (Chen et al. 2023, algorithm 2).
    Lion {
        /// Weight of the momentum in the step.
        beta1: f32,
        /// Decay of the momentum.
        beta2: f32,
    },
    /// `m = momentum m + (1 - momentum) g`, `p -= rate sign(m)`: Signum, and signSGD without momentum
    /// and state (Bernstein et al. 2018, algorithms 1 and 2).
    Sign {
        /// Decay of the momentum.
        momentum: f32,
    },
    /// `v = decay v + (1 - decay) g^2`, `p -= rate g / (sqrt v + epsilon)` (Tieleman and Hinton 2012,
    /// lecture 6e); centred with `v - a^2` for `v`, `a` the mean gradient (Graves 2013); with momentum
    /// `b = momentum b + step`, `p -= rate b`.
    RmsProp {
        /// Decay of the mean square.
        decay: f32,
        /// Added outside of the square root.
        epsilon: f32,
        /// Decay of the velocity.
        momentum: f32,
        /// Divides by the standard deviation instead of the root mean square.
        centred: bool,
    },
    /// `v += g^2`, `p -= rate g / (sqrt v + epsilon)` (Duchi, Hazan and Singer 2011, diagonal).
    Adagrad {
        /// Added outside of the square root.
        epsilon: f32,
    },
}

impl Rule {
    /// Word for plans.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::Sgd { .. } => "sgd",
            Rule::Adam { .. } => "adam",
            Rule::Lion { .. } => "lion",
            Rule::Sign { .. } => "sign",
            Rule::RmsProp { .. } => "rms_prop",
            Rule::Adagrad { .. } => "adagrad",
        }
    }

    /// Names of the arrays of state that it keeps for a weight, each of the weight's length.
    pub fn states(self) -> &'static [&'static str] {
        match self {
            Rule::Sgd { momentum: 0.0, .. } | Rule::Sign { momentum: 0.0 } => &[],
            Rule::Sgd { .. } => &["velocity"],
            Rule::Adam { .. } => &["first", "second"],
            Rule::Lion { .. } | Rule::Sign { .. } => &["first"],
            Rule::RmsProp { momentum: 0.0, centred: false, .. } | Rule::Adagrad { .. } => &["second"],
            Rule::RmsProp { .. } => &["second", "first", "velocity"],
        }
    }

    /// Floating-point operations an element, about.
    pub const fn flop(self) -> u64 {
        match self {
            Rule::Sgd { .. } | Rule::Sign { .. } => 6,
            Rule::Lion { .. } | Rule::Adagrad { .. } => 9,
            Rule::Adam { .. } | Rule::RmsProp { .. } => 12,
        }
    }
}

/// What is done to gradient and weight whatever the rule: the gradient becomes
/// `clamp(gradient_scale g, largest) + coupled_decay p`, and the step starts from
/// `(1 - learning_rate decoupled_decay) p`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Factor on the gradient: clipping of the norm, or a mean over accumulated batches.
    pub gradient_scale: f32,
    /// Bound on the magnitude of each number of the scaled gradient; may be infinite.
    pub largest: f32,
    /// Step size.
    pub learning_rate: f32,
    /// L2 penalty: `coupled_decay p` is part of the gradient.
    pub coupled_decay: f32,
    /// Decay apart from the gradient (Loshchilov and Hutter 2019), times the learning rate.
    pub decoupled_decay: f32,
    /// Which step this is, from 1.
    pub count: u32,
}

/// The parts of [`Step`] that the loops use.
#[derive(Clone, Copy)]
struct Common {
    scale: f32,
    largest: f32,
    coupled: f32,
    keep: f32,
    rate: f32,
}

impl Common {
    /// The gradient that the rule sees.
    #[inline(always)]
    fn gradient<A: Arithmetic>(&self, g: f32, p: f32) -> f32 {
        let g = g * self.scale;
        // NaN stays NaN.
        let g = if g > self.largest { self.largest } else { g };
        let g = if g < -self.largest { -self.largest } else { g };
        A::mul_add(self.coupled, p, g)
    }
}

/// -1, 0 or 1; NaN stays NaN.
#[inline(always)]
fn sign(x: f32) -> f32 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        x * 0.0
    }
}

kernel! {
    fn sgd_block<A>(c: Common, p: &mut [f32], g: &[f32]) {
        for (p, &g) in p.iter_mut().zip(g) {
            *p = *p * c.keep - c.rate * c.gradient::<A>(g, *p);
        }
    }
}

kernel! {
    /// `own` is the share of the gradient beside the velocity in the step: 1 with Nesterov, else 0.
    fn momentum_block<A>(c: Common, momentum: f32, own: f32, p: &mut [f32], v: &mut [f32], g: &[f32]) {
        let along = if own == 0.0 { 1.0 } else { momentum };
        for ((p, v), &g) in p.iter_mut().zip(v).zip(g) {
            let g = c.gradient::<A>(g, *p);
            *v = A::mul_add(momentum, *v, g);
            *p = *p * c.keep - c.rate * A::mul_add(along, *v, own * g);
        }
    }
}

/// Constants of an Adam step.
#[derive(Clone, Copy)]
struct Moments {
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    /// `1 - beta1^t`.
    bias1: f32,
    /// `1 - beta2^t`.
    bias2: f32,
}

kernel! {
    fn adam_block<A>(c: Common, k: Moments, p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32]) {
        let rate = c.rate / k.bias1;
        let root = 1.0 / k.bias2.sqrt();
        let (rest1, rest2) = (1.0 - k.beta1, 1.0 - k.beta2);
        for ((p, (m, v)), &g) in p.iter_mut().zip(m.iter_mut().zip(v)).zip(g) {
            let g = c.gradient::<A>(g, *p);
            *m = A::mul_add(rest1, g, k.beta1 * *m);
            *v = A::mul_add(rest2 * g, g, k.beta2 * *v);
            *p = *p * c.keep - rate * *m / A::mul_add(v.sqrt(), root, k.epsilon);
        }
    }
}

kernel! {
    fn lion_block<A>(c: Common, beta1: f32, beta2: f32, p: &mut [f32], m: &mut [f32], g: &[f32]) {
        for ((p, m), &g) in p.iter_mut().zip(m).zip(g) {
            let g = c.gradient::<A>(g, *p);
            *p = *p * c.keep - c.rate * sign(A::mul_add(1.0 - beta1, g, beta1 * *m));
            *m = A::mul_add(1.0 - beta2, g, beta2 * *m);
        }
    }
}

kernel! {
    fn sign_block<A>(c: Common, p: &mut [f32], g: &[f32]) {
        for (p, &g) in p.iter_mut().zip(g) {
            *p = *p * c.keep - c.rate * sign(c.gradient::<A>(g, *p));
        }
    }
}

kernel! {
    fn signum_block<A>(c: Common, momentum: f32, p: &mut [f32], m: &mut [f32], g: &[f32]) {
        for ((p, m), &g) in p.iter_mut().zip(m).zip(g) {
            *m = A::mul_add(1.0 - momentum, c.gradient::<A>(g, *p), momentum * *m);
            *p = *p * c.keep - c.rate * sign(*m);
        }
    }
}

kernel! {
    /// `old v + new g^2` is the divisor's square: Adagrad at (1, 1), RMSProp at (decay, 1 - decay).
    fn root_block<A>(c: Common, old: f32, new: f32, epsilon: f32, p: &mut [f32], v: &mut [f32], g: &[f32]) {
        for ((p, v), &g) in p.iter_mut().zip(v).zip(g) {
            let g = c.gradient::<A>(g, *p);
            *v = A::mul_add(new * g, g, old * *v);
            *p = *p * c.keep - c.rate * g / (v.sqrt() + epsilon);
        }
    }
}

/// Constants of an RMSProp step with a mean or a velocity.
#[derive(Clone, Copy)]
struct Rms {
    decay: f32,
    epsilon: f32,
    momentum: f32,
    centred: bool,
}

kernel! {
    fn rms_block<A>(c: Common, k: Rms, p: &mut [f32], state: [&mut [f32]; 3], g: &[f32]) {
        let [v, a, b] = state;
        let rest = 1.0 - k.decay;
        let mean = if k.centred { 1.0 } else { 0.0 };
        for ((p, v), ((a, b), &g)) in p.iter_mut().zip(v).zip(a.iter_mut().zip(b).zip(g)) {
            let g = c.gradient::<A>(g, *p);
            *v = A::mul_add(rest * g, g, k.decay * *v);
            *a = A::mul_add(rest, g, k.decay * *a);
            let variance = A::mul_add(-mean * *a, *a, *v);
            // Rounding may leave the variance of a constant gradient below zero.
            let variance = if variance < 0.0 { 0.0 } else { variance };
            *b = A::mul_add(k.momentum, *b, g / (variance.sqrt() + k.epsilon));
            *p = *p * c.keep - c.rate * *b;
        }
    }
}

/// One step of `rule` for the weights `p` with the gradient `g`; of `state` the first
/// [`Rule::states`] are used, which begin as zeros.
///
/// # Panics
/// When the lengths differ.
pub fn step(pool: &Pool, rule: Rule, step: &Step, p: &mut [f32], state: [&mut [f32]; MAX_STATES], g: &[f32]) {
    let same = state.iter().take(rule.states().len()).all(|state| state.len() == p.len());
    assert!(same && p.len() == g.len(), "{}: lengths differ", rule.name());
    let c = Common {
        scale: step.gradient_scale,
        largest: step.largest,
        coupled: step.coupled_decay,
        keep: 1.0 - step.learning_rate * step.decoupled_decay,
        rate: step.learning_rate,
    };
    let blocks = p.len().div_ceil(BLOCK);
    let gradient = |block: usize| &g[block * BLOCK..g.len().min((block + 1) * BLOCK)];
    let [a, b, d] = state.map(|state| (state, BLOCK));
    let p = (p, BLOCK);
    match rule {
        Rule::Sgd { momentum: 0.0, .. } => {
            split(pool, blocks, [p], |i, [p]| sgd_block(c, p, gradient(i)));
        }
        Rule::Sgd { momentum, nesterov } => {
            let own = f32::from(u8::from(nesterov));
            split(pool, blocks, [p, a], |i, [p, v]| momentum_block(c, momentum, own, p, v, gradient(i)));
        }
        Rule::Adam { beta1, beta2, epsilon } => {
            // In f64: beta^t is near 1 for small t and its rounding would be amplified.
            let bias = |beta: f32| (1.0 - f64::from(beta).powi(step.count as i32)) as f32;
            let k = Moments { beta1, beta2, epsilon, bias1: bias(beta1), bias2: bias(beta2) };
            split(pool, blocks, [p, a, b], |i, [p, m, v]| adam_block(c, k, p, m, v, gradient(i)));
        }
        Rule::Lion { beta1, beta2 } => {
            split(pool, blocks, [p, a], |i, [p, m]| lion_block(c, beta1, beta2, p, m, gradient(i)));
        }
        Rule::Sign { momentum: 0.0 } => {
            split(pool, blocks, [p], |i, [p]| sign_block(c, p, gradient(i)));
        }
        Rule::Sign { momentum } => {
            split(pool, blocks, [p, a], |i, [p, m]| signum_block(c, momentum, p, m, gradient(i)));
        }
        Rule::RmsProp { decay, epsilon, momentum: 0.0, centred: false } => {
            let new = 1.0 - decay;
            split(pool, blocks, [p, a], |i, [p, v]| root_block(c, decay, new, epsilon, p, v, gradient(i)));
        }
        Rule::RmsProp { decay, epsilon, momentum, centred } => {
            let k = Rms { decay, epsilon, momentum, centred };
            split(pool, blocks, [p, a, b, d], |i, [p, v, a, b]| rms_block(c, k, p, [v, a, b], gradient(i)));
        }
        Rule::Adagrad { epsilon } => {
            split(pool, blocks, [p, a], |i, [p, v]| root_block(c, 1.0, 1.0, epsilon, p, v, gradient(i)));
        }
    }
}

#[cfg(test)]
mod tests;
