//! Norms that blocks choose from: root mean square, or layer normalisation with or without a bias.

use serde::{Deserialize, Serialize};

use super::{Derivatives, EPSILON};
use crate::engine::Var;
use crate::nn::weights::{Builder, Init, Values, Weight};

/// Root-mean-square normalisation with a gain (Zhang and Sennrich 2019):
/// y = x / sqrt(mean(x^2) + 1e-5) * gain.
#[derive(Clone, Debug)]
pub struct RmsNorm {
    gain: Weight,
}

impl RmsNorm {
    /// Gain `[width]`, beginning at one.
    pub fn new(b: &mut Builder<'_>, name: &str, width: usize) -> Self {
        RmsNorm { gain: b.within(name, |b| b.weight("gain", [width], Init::Constant(1.0))) }
    }

    /// Keeps the shape.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        x.rms_norm(values[self.gain], EPSILON)
    }

    /// The same with every derivative.
    pub fn forward_composed<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        x.rms_norm_composed(values[self.gain], EPSILON)
    }
}

/// Which norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormKind {
    /// [`RmsNorm`].
    Rms,
    /// Layer normalisation with a gain.
    Layer,
    /// Layer normalisation with gain and bias.
    LayerBias,
}

#[derive(Clone, Debug)]
enum Weights {
    Rms(RmsNorm),
    Layer(super::LayerNorm),
}

/// A norm of a chosen kind.
#[derive(Clone, Debug)]
pub struct Norm {
    weights: Weights,
    derivatives: Derivatives,
}

impl Norm {
    /// Gains begin at one, biases at zero.
    pub fn new(b: &mut Builder<'_>, name: &str, width: usize, kind: NormKind, derivatives: Derivatives) -> Self {
        let weights = match kind {
            NormKind::Rms => Weights::Rms(RmsNorm::new(b, name, width)),
            NormKind::Layer => Weights::Layer(super::LayerNorm::new(b, name, width)),
            NormKind::LayerBias => Weights::Layer(super::LayerNorm::new(b, name, width).with_bias(b, name, width)),
        };
        Norm { weights, derivatives }
    }

    /// Keeps the shape.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        match (&self.weights, self.derivatives) {
            (Weights::Rms(norm), Derivatives::First) => norm.forward(values, x),
            (Weights::Rms(norm), Derivatives::All) => norm.forward_composed(values, x),
            (Weights::Layer(norm), Derivatives::First) => norm.forward(values, x),
            (Weights::Layer(norm), Derivatives::All) => norm.forward_composed(values, x),
        }
    }
}
