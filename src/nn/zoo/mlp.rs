//! Multi-layer perceptrons: plain, with norms, and with residual bottlenecks (Bachmann, Anagnostidis and
//! Hofmann 2023, "Scaling MLPs").

use serde::{Deserialize, Serialize};

use crate::engine::Var;
use crate::nn::layers::{Activation, Derivatives, Linear, Norm, NormKind, Perceptron, PerceptronSettings, Spread};
use crate::nn::weights::{Builder, Values};

/// What the layers between input and output are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MlpKind {
    /// h = f(W h), `layers` times, then a linear map.
    Plain,
    /// h = W_0 x; h = W f(norm(h)), `layers` times; then a linear map ("S-MLP").
    Normed,
    /// h = W_0 x; h = h + W_b f(W_a norm(h)), `layers` times, with `expansion` times the width in between;
    /// then a linear map ("B-MLP").
    Residual {
        /// How many times wider a block is inside.
        expansion: usize,
    },
}

/// What an [`Mlp`] is set to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MlpShape {
    /// Numbers in.
    pub inputs: usize,
    /// Numbers out.
    pub outputs: usize,
    /// Hidden units.
    pub width: usize,
    /// Hidden layers, or blocks; 0 is a linear model.
    pub layers: usize,
    /// What they are.
    pub kind: MlpKind,
    /// The activation.
    pub activation: Activation,
    /// Whether linear maps have biases, which begin at zero.
    pub bias: bool,
    /// How hidden weights begin; [`Spread::Uniform`] speaks for biases and the output map too.
    pub spread: Spread,
    /// What the output map begins larger or smaller by, beside 1 / sqrt(inputs).
    pub output_scale: f32,
    /// Fused norms, or every derivative.
    pub derivatives: Derivatives,
}

impl MlpShape {
    /// A plain one with biases and weights of the activation's gain (He et al. 2015).
    pub fn plain(inputs: usize, width: usize, layers: usize, outputs: usize, activation: Activation) -> Self {
        MlpShape {
            inputs,
            outputs,
            width,
            layers,
            kind: MlpKind::Plain,
            activation,
            bias: true,
            spread: Spread::FanIn(activation.gain()),
            output_scale: 1.0,
            derivatives: Derivatives::First,
        }
    }
}

/// Multiply-adds of a plain perceptron for one input.
pub fn multiply_adds(inputs: usize, width: usize, layers: usize, outputs: usize) -> f64 {
    let between = layers.saturating_sub(1) * width * width;
    let ends = if layers == 0 { inputs * outputs } else { inputs * width + width * outputs };
    (ends + between) as f64
}

#[derive(Clone, Debug)]
enum Layer {
    Plain(Linear),
    Normed(Norm, Linear),
    Residual(Norm, Perceptron),
}

/// A perceptron of any depth.
#[derive(Clone, Debug)]
pub struct Mlp {
    input: Option<Linear>,
    layers: Vec<Layer>,
    output: Linear,
    activation: Activation,
}

impl Mlp {
    /// `input` (unless plain), `layers.I`, `output`.
    pub fn new(b: &mut Builder<'_>, shape: &MlpShape) -> Self {
        let MlpShape { inputs, outputs, width, layers, kind, activation, bias, spread, output_scale, .. } = *shape;
        let linear = |b: &mut Builder<'_>, name: &str, inputs, outputs, scale| {
            if spread == Spread::Uniform {
                return Linear::uniform(b, name, inputs, outputs, bias);
            }
            let linear = Linear::new(b, name, inputs, outputs, scale);
            if bias { linear.with_bias(b, name, outputs, 0.0) } else { linear }
        };
        let norm = |b: &mut Builder<'_>| {
            let norm = if bias { NormKind::LayerBias } else { NormKind::Layer };
            Norm::new(b, "norm", width, norm, shape.derivatives)
        };
        let layer = |b: &mut Builder<'_>, i: usize| match kind {
            MlpKind::Plain => {
                let inputs = if i == 0 { inputs } else { width };
                Layer::Plain(linear(b, "linear", inputs, width, spread.scale(inputs)))
            }
            MlpKind::Normed => Layer::Normed(norm(b), linear(b, "linear", width, width, spread.scale(width))),
            MlpKind::Residual { expansion } => {
                let settings = PerceptronSettings {
                    inputs: width,
                    hidden: expansion * width,
                    outputs: width,
                    activation,
                    bias,
                    spread,
                    output_scale: 1.0 / (layers as f32).sqrt(),
                };
                Layer::Residual(norm(b), Perceptron::new(b, "perceptron", &settings))
            }
        };
        let plain = kind == MlpKind::Plain;
        let last = if plain && layers == 0 { inputs } else { width };
        Mlp {
            input: (!plain).then(|| linear(b, "input", inputs, width, 1.0)),
            layers: (0..layers).map(|i| b.within(format_args!("layers.{i}"), |b| layer(b, i))).collect(),
            output: linear(b, "output", last, outputs, output_scale),
            activation,
        }
    }

    /// `[.., inputs]` to `[.., outputs]`.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        let last = self.hidden(values, x).pop().unwrap_or(x);
        self.output.forward(values, last)
    }

    /// What every hidden layer gives, first to last: what the representation's instruments read. The
    /// input map of a model that is not plain is the first.
    pub fn hidden<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Vec<Var<'g>> {
        let mut hidden: Vec<Var<'g>> = self.input.iter().map(|input| input.forward(values, x)).collect();
        for layer in &self.layers {
            let h = hidden.last().copied().unwrap_or(x);
            hidden.push(match layer {
                Layer::Plain(linear) => self.activation.forward(linear.forward(values, h)),
                Layer::Normed(norm, linear) => linear.forward(values, self.activation.forward(norm.forward(values, h))),
                Layer::Residual(norm, perceptron) => h + perceptron.forward(values, norm.forward(values, h)),
            });
        }
        hidden
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Built, assert_learned, given, reals};
    use super::*;

    const KINDS: [MlpKind; 3] = [MlpKind::Plain, MlpKind::Normed, MlpKind::Residual { expansion: 4 }];

    fn shape(kind: MlpKind, layers: usize, activation: Activation) -> MlpShape {
        MlpShape { kind, ..MlpShape::plain(5, 16, layers, 3, activation) }
    }

    #[test]
    fn weights_are_as_many_as_the_formulas_say() {
        let count = |shape: &MlpShape| Built::new(|b| Mlp::new(b, shape)).parameters();
        let w = 16;
        let ends = |inputs: usize| inputs * w + w + w * 3 + 3;
        assert_eq!(count(&shape(MlpKind::Plain, 3, Activation::Relu)), ends(5) + 2 * (w * w + w));
        assert_eq!(count(&shape(MlpKind::Normed, 3, Activation::Gelu)), ends(5) + 3 * (w * w + w + 2 * w));
        let block = 2 * w + (4 * w * w + 4 * w) + (4 * w * w + w);
        assert_eq!(count(&shape(KINDS[2], 3, Activation::Gelu)), ends(5) + 3 * block);
        let bare = MlpShape { bias: false, ..shape(MlpKind::Plain, 2, Activation::Tanh) };
        assert_eq!(count(&bare), 5 * w + w * w + 3 * w);
        assert_eq!(count(&shape(MlpKind::Plain, 0, Activation::Relu)), 5 * 3 + 3);
    }

    #[test]
    fn hidden_layers_are_what_the_output_reads() {
        for kind in KINDS {
            let mut built = Built::new(|b| Mlp::new(b, &shape(kind, 2, Activation::Relu)));
            let found = built.run(|model, values, graph| {
                let x = given(graph, [4, 5], &reals(1, 20));
                let mut asked = model.hidden(values, x);
                asked.extend([model.output.forward(values, asked[asked.len() - 1]), model.forward(values, x)]);
                asked
            });
            assert_eq!(found.len(), if kind == MlpKind::Plain { 4 } else { 5 });
            assert_eq!(found[found.len() - 2], found[found.len() - 1]);
            assert!(found[..found.len() - 2].iter().all(|h| h.len() == 4 * 16 && h.iter().any(|&x| x != 0.0)));
        }
    }

    #[test]
    fn every_kind_and_activation_learns() {
        for kind in KINDS {
            for activation in [Activation::Relu, Activation::Gelu, Activation::Silu, Activation::Tanh] {
                for bias in [true, false] {
                    let shape = MlpShape { bias, ..shape(kind, 2, activation) };
                    let losses = Built::new(|b| Mlp::new(b, &shape)).train(0.01, 60, |model, values, graph| {
                        let (x, y) = (given(graph, [8, 5], &reals(1, 40)), given(graph, [8, 3], &reals(2, 24)));
                        let error = model.forward(values, x) - y;
                        (error * error).mean()
                    });
                    assert_learned(&losses, 0.5);
                }
            }
        }
    }

    #[test]
    fn a_second_gradient_exists_where_it_is_asked_for() {
        for kind in KINDS {
            let second = |derivatives| {
                let shape = MlpShape { derivatives, ..shape(kind, 2, Activation::Tanh) };
                Built::new(|b| Mlp::new(b, &shape)).second(|model, values, graph| {
                    let y = model.forward(values, given(graph, [4, 5], &reals(1, 20)));
                    (y * y).mean()
                })
            };
            assert!(second(Derivatives::All).unwrap() > 0.0);
            assert_eq!(second(Derivatives::First).is_ok(), kind == MlpKind::Plain);
        }
    }
}
