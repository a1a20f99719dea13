//! Normalisation without weights: vectors of length one.

use crate::engine::Var;

/// x / sqrt(sum x^2 + epsilon) over the last axis.
///
/// # Panics
/// If `x` is a scalar.
pub fn l2_normalise(x: Var<'_>, epsilon: f32) -> Var<'_> {
    let axis = x.shape().len() - 1;
    x / ((x * x).sum_keeping(&[axis]) + epsilon).sqrt()
}
