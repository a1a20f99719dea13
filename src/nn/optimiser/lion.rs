//! Lion: `w -= learning_rate sign(beta1 m + (1 - beta1) g)`, then `m = beta2 m + (1 - beta2) g`
//! (Chen et al. 2023, algorithm 2). Its learning rate is 3 to 10 times below Adam's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::method::elementwise;
use crate::engine::ops::optimiser_step::Rule;

/// Lion.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lion {
    /// Weight of the momentum in the step.
    pub beta1: f32,
    /// Decay of the momentum.
    pub beta2: f32,
}

impl Default for Lion {
    fn default() -> Self {
        Lion { beta1: 0.9, beta2: 0.99 }
    }
}

impl Lion {
    pub(super) const fn rule(&self) -> Rule {
        Rule::Lion { beta1: self.beta1, beta2: self.beta2 }
    }
}

elementwise!(Lion);
