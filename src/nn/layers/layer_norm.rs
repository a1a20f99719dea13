//! Layer normalisation with a gain alone (Ba, Kiros and Hinton 2016, without the bias).

use crate::engine::Var;
use crate::nn::weights::{Builder, Init, Values, Weight};

/// Added to the variance.
const EPSILON: f32 = 1e-5;

/// y = (x - mean) / sqrt(var + 1e-5) * gain over the last axis.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    gain: Weight,
}

impl LayerNorm {
    /// Gain `[width]`, beginning at one.
    pub fn new(b: &mut Builder<'_>, name: &str, width: usize) -> Self {
        LayerNorm { gain: b.within(name, |b| b.weight("gain", [width], Init::Constant(1.0))) }
    }

    /// Keeps the shape.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        x.layer_norm(values[self.gain], None, EPSILON)
    }
}
