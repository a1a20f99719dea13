//! Adam (Kingma and Ba 2015, algorithm 1): running means of gradient and squared gradient, corrected
//! for their beginning at zero. With [`super::Decay::Decoupled`] it is AdamW (Loshchilov and Hutter
//! 2019, algorithm 2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::method::elementwise;
use crate::engine::ops::optimiser_step::Rule;

/// Adam's two moments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Moments {
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
}

impl Default for Moments {
    fn default() -> Self {
        Moments { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl Moments {
    pub(super) const fn rule(&self) -> Rule {
        Rule::Adam { beta1: self.beta1, beta2: self.beta2, epsilon: self.epsilon }
    }
}

elementwise!(Moments);
