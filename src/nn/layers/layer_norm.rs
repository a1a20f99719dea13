//! Layer normalisation with a gain, and a bias or none (Ba, Kiros and Hinton 2016).

use super::EPSILON;
use crate::engine::Var;
use crate::nn::weights::{Builder, Init, Values, Weight};

/// y = (x - mean) / sqrt(var + 1e-5) * gain (+ bias) over the last axis.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    gain: Weight,
    bias: Option<Weight>,
}

impl LayerNorm {
    /// Gain `[width]`, beginning at one.
    pub fn new(b: &mut Builder<'_>, name: &str, width: usize) -> Self {
        LayerNorm { gain: b.within(name, |b| b.weight("gain", [width], Init::Constant(1.0))), bias: None }
    }

    /// The same with a bias `[width]`, beginning at zero.
    pub fn with_bias(mut self, b: &mut Builder<'_>, name: &str, width: usize) -> Self {
        self.bias = Some(b.within(name, |b| b.weight("bias", [width], Init::Constant(0.0))));
        self
    }

    /// Keeps the shape.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        x.layer_norm(values[self.gain], self.bias.map(|bias| values[bias]), EPSILON)
    }

    /// The same with every derivative.
    pub fn forward_composed<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        x.layer_norm_composed(values[self.gain], self.bias.map(|bias| values[bias]), EPSILON)
    }
}
