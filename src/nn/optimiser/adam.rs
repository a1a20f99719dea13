//! Adam (Kingma and Ba 2015, algorithm 1): running means of gradient and squared gradient, corrected
//! for their beginning at zero. With [`super::Decay::Decoupled`] it is AdamW (Loshchilov and Hutter
//! 2019, algorithm 2).

use serde::{Deserialize, Serialize};

use super::method::elementwise;
use super::{Method, Optimiser, OptimiserSettings};
use crate::engine::ops::optimiser_step::Rule;
use crate::engine::{GradientError, Graph, Output, Store, Var};
use crate::nn::weights::{Values, Weights};

/// Adam's two moments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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

/// What plain Adam is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamSettings {
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Largest global norm of the gradient; a longer one is shortened to it.
    pub clip: Option<f32>,
}

impl From<AdamSettings> for OptimiserSettings {
    fn from(settings: AdamSettings) -> Self {
        let AdamSettings { beta1, beta2, epsilon, clip } = settings;
        let method = Method::Adam(Moments { beta1, beta2, epsilon });
        OptimiserSettings { method, clip_norm: clip, ..Default::default() }
    }
}

/// An [`Optimiser`] that is Adam without decay.
#[derive(Clone, Debug)]
pub struct Adam(Optimiser);

impl Adam {
    /// State for `weights`, under `optimiser.` in the store.
    pub fn new(store: &mut Store, weights: &Weights, settings: AdamSettings) -> Self {
        Adam(Optimiser::new(store, weights, settings))
    }

    /// As [`Optimiser::minimise`].
    ///
    /// # Errors
    /// When the loss cannot be differentiated.
    pub fn minimise<'g>(
        &self,
        graph: &'g Graph,
        store: &Store,
        weights: &Weights,
        values: &Values<'g>,
        loss: Var<'g>,
    ) -> Result<Output, GradientError> {
        self.0.minimise(graph, store, weights, values, loss)
    }

    /// Sets the learning rate of the next step.
    pub fn set_learning_rate(&self, store: &mut Store, learning_rate: f32) {
        self.0.set_learning_rate(store, learning_rate);
    }
}
