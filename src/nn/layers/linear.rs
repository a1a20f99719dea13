//! Linear: y = x W (+ b).

use crate::engine::Var;
use crate::nn::weights::{Builder, Init, Values, Weight};

/// A linear map of the last axis, with or without a bias.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Weight,
    bias: Option<Weight>,
}

impl Linear {
    /// `weight` `[inputs, outputs]`, normal with standard deviation `scale / sqrt(inputs)`.
    pub fn new(b: &mut Builder<'_>, name: &str, inputs: usize, outputs: usize, scale: f32) -> Self {
        let std = scale / (inputs as f32).sqrt();
        Linear { weight: b.within(name, |b| b.weight("weight", [inputs, outputs], Init::Normal(std))), bias: None }
    }

    /// The same with a bias `[outputs]` that begins at `value`.
    pub fn with_bias(mut self, b: &mut Builder<'_>, name: &str, outputs: usize, value: f32) -> Self {
        self.bias = Some(b.within(name, |b| b.weight("bias", [outputs], Init::Constant(value))));
        self
    }

    /// `weight` `[inputs, outputs]` and `bias` `[outputs]`, both uniform on +-1/sqrt(inputs): what PyTorch's
    /// `nn.Linear` begins with. Without `bias` the weight begins as it would with one.
    pub fn uniform(b: &mut Builder<'_>, name: &str, inputs: usize, outputs: usize, bias: bool) -> Self {
        let init = Init::Uniform(1.0 / (inputs as f32).sqrt());
        b.within(name, |b| Linear {
            weight: b.weight("weight", [inputs, outputs], init),
            bias: bias.then(|| b.weight("bias", [outputs], init)),
        })
    }

    /// Its weight, `[inputs, outputs]`.
    pub const fn weight(&self) -> Weight {
        self.weight
    }

    /// `[.., inputs]` to `[.., outputs]`.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        let y = x.matmul(values[self.weight]);
        match self.bias {
            Some(bias) => y + values[bias],
            None => y,
        }
    }
}
