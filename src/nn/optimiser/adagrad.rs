//! Adagrad: `v += g^2`, `w -= learning_rate g / (sqrt v + epsilon)` (Duchi, Hazan and Singer 2011, in
//! its diagonal form).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::method::elementwise;
use crate::engine::ops::optimiser_step::Rule;

/// Adagrad.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Adagrad {
    /// Added to the root of the sum of squares.
    pub epsilon: f32,
}

impl Default for Adagrad {
    fn default() -> Self {
        Adagrad { epsilon: 1e-10 }
    }
}

impl Adagrad {
    pub(super) const fn rule(&self) -> Rule {
        Rule::Adagrad { epsilon: self.epsilon }
    }
}

elementwise!(Adagrad);
