//! Muon (Jordan et al. 2024): the momentum of a matrix with its singular values set to (about) one,
//! by Newton and Schulz's iteration `X = a X + (b A + c A^2) X`, `A = X X^T`.
//!
//! Weights without two axes, and those whose group says so, step by Adam.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::method::{Stepping, Update, states_of};
use super::{Group, Moments};
use crate::engine::ops::optimiser_step::Rule;
use crate::engine::{Shape, Var};

/// Coefficients of the iteration: steep at zero, and near one it stays within 0.7 and 1.2.
const QUINTIC: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// How singular values are set to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Orthogonalisation {
    /// Five steps of Newton and Schulz's iteration: matrix products alone, singular values within 0.7
    /// and 1.2.
    #[default]
    NewtonSchulz,
    /// `U V^T` of the singular value decomposition: exact, and slow for large matrices.
    Svd,
}

/// What the orthogonal matrix is multiplied with. Weights are `[inputs, outputs]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MuonScale {
    /// `sqrt(max(1, outputs / inputs))` (Jordan et al. 2024).
    #[default]
    Spectral,
    /// `0.2 sqrt(max(inputs, outputs))`: as large in the root mean square as a step of Adam
    /// (Liu et al. 2025).
    RootMeanSquare,
}

/// Muon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Muon {
    /// Decay of the velocity.
    pub momentum: f32,
    /// Looks ahead along the velocity.
    pub nesterov: bool,
    /// How singular values are set to one.
    pub orthogonalisation: Orthogonalisation,
    /// What the orthogonal matrix is multiplied with.
    pub scale: MuonScale,
    /// Adam, for what is no matrix.
    pub others: Moments,
    /// Factor on the learning rate for what is no matrix.
    pub others_learning_rate: f32,
}

impl Default for Muon {
    fn default() -> Self {
        Muon {
            momentum: 0.95,
            nesterov: true,
            orthogonalisation: Orthogonalisation::NewtonSchulz,
            scale: MuonScale::Spectral,
            others: Moments::default(),
            others_learning_rate: 0.1,
        }
    }
}

fn is_matrix(group: &Group, shape: &Shape) -> bool {
    !group.elementwise && shape.len() == 2
}

/// Five steps from `x / |x|`, on the side where `x x^T` is smaller.
fn newton_schulz(x: Var<'_>) -> Var<'_> {
    let shape = x.shape();
    let tall = shape[0] > shape[1];
    let x = x / (x.sum_squares().sqrt() + 1e-7);
    let mut x = if tall { x.transpose() } else { x };
    let [linear, cubic, quintic] = QUINTIC;
    for _ in 0..5 {
        let a = x.matmul_transposed(x);
        let b = a * cubic + a.matmul(a) * quintic;
        x = x * linear + b.matmul(x);
    }
    if tall { x.transpose() } else { x }
}

impl Stepping for Muon {
    fn states(&self, group: &Group, shape: &Shape) -> Vec<(&'static str, Shape)> {
        match is_matrix(group, shape) {
            true => vec![("velocity", shape.clone())],
            false => states_of(self.others.rule(), shape),
        }
    }

    fn update(&self, at: &Update<'_, '_>) {
        let shape = at.gradient.shape();
        if !is_matrix(at.group, &shape) {
            return at.step(self.others.rule(), self.others_learning_rate, at.state);
        }
        let gradient = at.prepared();
        let velocity = at.read(0) * self.momentum + gradient;
        at.assign(0, velocity);
        let along = if self.nesterov { gradient + velocity * self.momentum } else { velocity };
        let direction = match self.orthogonalisation {
            Orthogonalisation::NewtonSchulz => newton_schulz(along),
            Orthogonalisation::Svd => {
                let (u, _, v_transposed) = along.svd();
                u.matmul(v_transposed)
            }
        };
        let (inputs, outputs) = (shape[0] as f32, shape[1] as f32);
        let scale = match self.scale {
            MuonScale::Spectral => (outputs / inputs).max(1.0).sqrt(),
            MuonScale::RootMeanSquare => 0.2 * inputs.max(outputs).sqrt(),
        };
        at.step_along(direction * scale, Rule::Sgd { momentum: 0.0, nesterov: false }, &[]);
    }
}
