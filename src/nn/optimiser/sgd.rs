//! SGD: `v = momentum v + g`, `w -= learning_rate v`; Nesterov's form steps along
//! `g + momentum v` (Sutskever, Martens, Dahl and Hinton 2013, as in PyTorch).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::method::elementwise;
use crate::engine::ops::optimiser_step::Rule;

/// Gradient descent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sgd {
    /// Decay of the velocity; 0 keeps none.
    pub momentum: f32,
    /// Looks ahead along the velocity.
    pub nesterov: bool,
}

impl Sgd {
    pub(super) const fn rule(&self) -> Rule {
        Rule::Sgd { momentum: self.momentum, nesterov: self.nesterov }
    }
}

elementwise!(Sgd);
