//! Sign methods: signSGD `w -= learning_rate sign(g)`, and Signum, which takes the sign of
//! `m = momentum m + (1 - momentum) g` (Bernstein, Wang, Azizzadenesheli and Anandkumar 2018).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::method::elementwise;
use crate::engine::ops::optimiser_step::Rule;

/// Steps of one size in every number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sign {
    /// Decay of the mean gradient; 0 is signSGD, above it Signum.
    pub momentum: f32,
}

impl Sign {
    pub(super) const fn rule(&self) -> Rule {
        Rule::Sign { momentum: self.momentum }
    }
}

elementwise!(Sign);
