//! The slopes of the losses and their derivatives, over the value channels of a head.

use super::rule::Loss;
use crate::kernels::isa::Arithmetic;
use crate::kernels::lanes::{larger, sum_of_products};
use crate::kernels::math::{exp, log, tanh};

/// How steeply `tanh` stands in for the sign.
const STEEP: f32 = 10.0;
/// Added to a square before its root stands in for the magnitude.
const ROUNDING: f32 = 1e-6;
/// Below it a magnitude counts as it, where a power of it would be infinite.
const LEAST: f32 = 1e-6;

/// `x^y` for `x >= 0`.
#[inline(always)]
pub(super) fn power<A: Arithmetic>(x: f32, y: f32) -> f32 {
    if y == 0.0 {
        1.0
    } else if y == 1.0 {
        x
    } else if y == 2.0 {
        x * x
    } else if y == 3.0 {
        x * x * x
    } else if y == 4.0 {
        (x * x) * (x * x)
    } else {
        exp::<A>(y * log::<A>(x))
    }
}

/// Sets `slope` from the errors (or, by the dot product, from the values).
#[inline(always)]
pub(super) fn slope<A: Arithmetic>(loss: Loss, error: &[f32], value: &[f32], delta: &[f32], slope: &mut [f32]) {
    // Loops, not closures: a closure that is not inlined is compiled without the instruction set.
    let pairs = slope.iter_mut().zip(error);
    match loss {
        Loss::DotProduct => {
            slope.fill(0.0);
            for (u, v) in slope.iter_mut().zip(value) {
                *u = -v;
            }
        }
        Loss::Squared => slope.copy_from_slice(error),
        Loss::Power { p } => {
            // The sign of 0 is 0.
            for (u, &e) in pairs {
                *u = if e == 0.0 { 0.0 } else { (p * power::<A>(e.abs(), p - 1.0)).copysign(e) };
            }
        }
        Loss::SmoothPower { p } => {
            for (u, &e) in pairs {
                let size = A::mul_add(e, e, ROUNDING).sqrt();
                *u = p * tanh::<A>(STEEP * e) * power::<A>(size, p - 1.0);
            }
        }
        Loss::HuberNorm => {
            let norm = sum_of_products::<A>(error, error).sqrt();
            let factor = if norm <= delta[0] { 1.0 } else { delta[0] / norm };
            for (u, e) in pairs {
                *u = factor * e;
            }
        }
        Loss::HuberSign => {
            if sum_of_products::<A>(error, error).sqrt() <= delta[0] {
                slope.copy_from_slice(error);
            } else {
                for (u, e) in pairs {
                    *u = delta[0] * tanh::<A>(STEEP * e);
                }
            }
        }
        Loss::HuberClip => {
            for ((u, &e), &delta) in pairs.zip(delta) {
                *u = if e.abs() <= delta { e } else { delta.copysign(e) };
            }
        }
    }
}

/// From the gradient of the slope: that of the errors (zeros by the dot product), and that of the
/// thresholds, one a channel.
#[inline(always)]
pub(super) fn slope_backward<A: Arithmetic>(
    loss: Loss,
    error: &[f32],
    delta: &[f32],
    d_slope: &[f32],
    d_error: &mut [f32],
    d_delta: &mut [f32],
) {
    d_delta.fill(0.0);
    let triples = d_error.iter_mut().zip(error).zip(d_slope);
    match loss {
        Loss::DotProduct => d_error.fill(0.0),
        Loss::Squared => d_error.copy_from_slice(d_slope),
        Loss::Power { p } => {
            for ((de, e), du) in triples {
                let size = if p < 2.0 { larger(e.abs(), LEAST) } else { e.abs() };
                *de = du * p * (p - 1.0) * power::<A>(size, p - 2.0);
            }
        }
        Loss::SmoothPower { p } => {
            for ((de, &e), du) in triples {
                let (sign, square) = (tanh::<A>(STEEP * e), A::mul_add(e, e, ROUNDING));
                let size = power::<A>(square.sqrt(), p - 1.0);
                let bend = STEEP * A::mul_add(-sign, sign, 1.0);
                *de = du * p * size * (bend + sign * (p - 1.0) * e / square);
            }
        }
        Loss::HuberNorm => {
            let norm = sum_of_products::<A>(error, error).sqrt();
            if norm <= delta[0] {
                d_error.copy_from_slice(d_slope);
            } else {
                let along = sum_of_products::<A>(error, d_slope) / norm;
                for ((de, e), du) in triples {
                    *de = delta[0] / norm * (du - e * along / norm);
                }
                d_delta[0] = along;
            }
        }
        Loss::HuberSign => {
            if sum_of_products::<A>(error, error).sqrt() <= delta[0] {
                d_error.copy_from_slice(d_slope);
            } else {
                for ((de, d_delta), (&e, du)) in d_error.iter_mut().zip(d_delta).zip(error.iter().zip(d_slope)) {
                    let sign = tanh::<A>(STEEP * e);
                    *de = du * delta[0] * STEEP * A::mul_add(-sign, sign, 1.0);
                    *d_delta = du * sign;
                }
            }
        }
        Loss::HuberClip => {
            let rows = error.iter().zip(delta).zip(d_slope);
            for ((de, d_delta), ((&e, &delta), &du)) in d_error.iter_mut().zip(d_delta).zip(rows) {
                (*de, *d_delta) = if e.abs() <= delta { (du, 0.0) } else { (0.0, du * 1f32.copysign(e)) };
            }
        }
    }
}
