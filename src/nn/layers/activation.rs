//! The function between two linear maps.

use serde::{Deserialize, Serialize};

use crate::engine::Var;

/// An elementwise function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// Gaussian error linear unit in its tanh form (Hendrycks and Gimpel 2016).
    Gelu,
    /// x sigmoid(x).
    Silu,
    /// Hyperbolic tangent.
    Tanh,
}

impl Activation {
    /// The function of every element.
    pub fn forward(self, x: Var<'_>) -> Var<'_> {
        match self {
            Activation::Relu => x.relu(),
            Activation::Gelu => x.gelu(),
            Activation::Silu => x.silu(),
            Activation::Tanh => x.tanh(),
        }
    }

    /// What a linear map before it is scaled by, so that signals keep their size: sqrt(2) where half of
    /// the inputs are lost (He et al. 2015).
    pub fn gain(self) -> f32 {
        match self {
            Activation::Relu | Activation::Gelu | Activation::Silu => std::f32::consts::SQRT_2,
            Activation::Tanh => 1.0,
        }
    }
}
