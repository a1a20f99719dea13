//! RMSProp: `v = decay v + (1 - decay) g^2`, `w -= learning_rate g / (sqrt v + epsilon)` (Tieleman and
//! Hinton 2012, lecture 6e); centred by the mean gradient (Graves 2013); with momentum on the step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::method::elementwise;
use crate::engine::ops::optimiser_step::Rule;

/// RMSProp.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RmsProp {
    /// Decay of the mean square.
    pub decay: f32,
    /// Added to the root of the mean square.
    pub epsilon: f32,
    /// Decay of the velocity; 0 keeps none.
    pub momentum: f32,
    /// Divides by the standard deviation of the gradient instead of its root mean square.
    pub centred: bool,
}

impl Default for RmsProp {
    fn default() -> Self {
        RmsProp { decay: 0.99, epsilon: 1e-8, momentum: 0.0, centred: false }
    }
}

impl RmsProp {
    pub(super) const fn rule(&self) -> Rule {
        let RmsProp { decay, epsilon, momentum, centred } = *self;
        Rule::RmsProp { decay, epsilon, momentum, centred }
    }
}

elementwise!(RmsProp);
