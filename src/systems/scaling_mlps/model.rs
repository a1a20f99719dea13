//! The models: perceptrons on pixels and a small convolutional network, with what they cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Checks;
use crate::engine::Var;
use crate::engine::ops::conv2d::Conv2d;
use crate::engine::ops::max_pool2d::MaxPool2d;
use crate::instruments::subject::{Forward, Model};
use crate::nn::layers::{Activation, Derivatives, Linear, Spread};
use crate::nn::weights::{Builder, Init, Values, Weight};
use crate::nn::zoo::mlp::{Mlp, MlpKind, MlpShape};

/// Times that a block of B-MLP is wider inside.
const EXPANSION: usize = 4;

/// What a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// B-MLP: x = W0 x; blocks x + Wb gelu(Wa LN(x)), four times as wide inside; a linear head.
    BMlp {
        /// w.
        width: usize,
        /// L.
        blocks: usize,
    },
    /// S-MLP: z = W0 x; layers z = W gelu(LN(z)); a linear head.
    SMlp {
        /// w.
        width: usize,
        /// Hidden layers, that of W0 among them.
        layers: usize,
    },
    /// Two 3x3 convolutions with relu, each pooled by 2, a hidden layer and a linear head. The head sees
    /// where things are: it is not invariant to translation, only local and shared.
    Cnn {
        /// Filters of the first and of the second convolution.
        filters: (usize, usize),
        /// Units of the hidden layer.
        hidden: usize,
    },
}

impl Kind {
    /// Checks it on a canvas of this side.
    pub(super) fn check(self, side: usize, checks: &mut Checks) {
        let most = 1..=65_536;
        match self {
            Kind::BMlp { width, blocks } => {
                checks.range("b_mlp.width", width, most.clone());
                checks.range("b_mlp.blocks", blocks, most);
            }
            Kind::SMlp { width, layers } => {
                checks.range("s_mlp.width", width, most.clone());
                checks.range("s_mlp.layers", layers, most);
            }
            Kind::Cnn { filters, hidden } => {
                checks.range("cnn.filters", filters.0.min(filters.1), most.clone());
                checks.range("cnn.hidden", hidden, most);
                checks.holds("cnn", side >= 4, format!("a canvas of {side}"), "at least 4, to pool twice");
            }
        }
    }

    /// Whether it looks at pixels as neighbours.
    pub const fn is_convolutional(self) -> bool {
        matches!(self, Kind::Cnn { .. })
    }

    /// Paths of the weight of the first layer, and of the head's weights what they begin with.
    pub(super) const fn paths(self) -> (&'static str, &'static str) {
        match self {
            Kind::BMlp { .. } | Kind::SMlp { .. } => ("mlp.input.weight", "mlp.output."),
            Kind::Cnn { .. } => ("stages.0.weight", "head."),
        }
    }

    /// Width of a B-MLP.
    pub const fn b_width(self) -> Option<usize> {
        match self {
            Kind::BMlp { width, .. } => Some(width),
            _ => None,
        }
    }

    fn mlp(self, side: usize, classes: usize) -> Option<MlpShape> {
        let (kind, width, layers) = match self {
            Kind::BMlp { width, blocks } => (MlpKind::Residual { expansion: EXPANSION }, width, blocks),
            Kind::SMlp { width, layers } => (MlpKind::Normed, width, layers - 1),
            Kind::Cnn { .. } => return None,
        };
        Some(MlpShape {
            inputs: side * side,
            outputs: classes,
            width,
            layers,
            kind,
            activation: Activation::Gelu,
            bias: true,
            spread: Spread::Uniform,
            output_scale: 1.0,
            derivatives: Derivatives::First,
        })
    }

    /// Multiplications with a weight in one forward pass of one image.
    pub fn multiplications(self, side: usize, classes: usize) -> f64 {
        let f = |n: usize| n as f64;
        let (inputs, o) = (f(side * side), f(classes));
        match self {
            Kind::BMlp { width, blocks } => {
                let w = f(width);
                inputs * w + f(blocks) * 2.0 * f(EXPANSION) * w * w + w * o
            }
            Kind::SMlp { width, layers } => {
                let w = f(width);
                inputs * w + f(layers - 1) * w * w + w * o
            }
            Kind::Cnn { filters, hidden } => {
                let (first, second, h) = (f(filters.0), f(filters.1), f(hidden));
                let (half, quarter) = (side / 2, side / 4);
                let convolutions = inputs * 9.0 * first + f(half * half) * 9.0 * first * second;
                convolutions + f(quarter * quarter) * second * h + h * o
            }
        }
    }

    /// Numbers that training adjusts.
    pub const fn parameters(self, side: usize, classes: usize) -> usize {
        let (inputs, o) = (side * side, classes);
        match self {
            Kind::BMlp { width: w, blocks } => {
                let block = 2 * EXPANSION * w * w + EXPANSION * w + w + 2 * w;
                inputs * w + w + blocks * block + w * o + o
            }
            Kind::SMlp { width: w, layers } => inputs * w + w + (layers - 1) * (w * w + w + 2 * w) + w * o + o,
            Kind::Cnn { filters: (first, second), hidden } => {
                let seen = (side / 4) * (side / 4) * second;
                10 * first + (9 * first + 1) * second + (seen + 1) * hidden + (hidden + 1) * o
            }
        }
    }

    /// Floating-point operations of training on one image, by the paper's accounting: three forward passes.
    pub fn training_flop(self, side: usize, classes: usize) -> f64 {
        3.0 * 2.0 * self.multiplications(side, classes)
    }
}

/// A network on flat images.
#[derive(Clone, Debug)]
pub(super) enum Net {
    Mlp(Mlp),
    Cnn(Cnn),
}

/// A small convolutional network that begins as the perceptrons do, weights and biases uniform on
/// +-1/sqrt(fan in): begun as He et al. (2015) say, it errs a quarter more on 512 images.
#[derive(Clone, Debug)]
pub(super) struct Cnn {
    side: usize,
    convolutions: [(Weight, Weight); 2],
    hidden: Linear,
    head: Linear,
}

impl Cnn {
    fn new(b: &mut Builder<'_>, side: usize, filters: [usize; 2], hidden: usize, classes: usize) -> Self {
        let mut convolution = |i: usize, channels: usize| {
            let init = Init::Uniform(1.0 / ((9 * channels) as f32).sqrt());
            b.within(format_args!("stages.{i}"), |b| {
                (b.weight("weight", [3, 3, channels, filters[i]], init), b.weight("bias", [filters[i]], init))
            })
        };
        let convolutions = [convolution(0, 1), convolution(1, filters[0])];
        let seen = (side / 4) * (side / 4) * filters[1];
        let hidden_layer = Linear::uniform(b, "hidden", seen, hidden, true);
        Cnn { side, convolutions, hidden: hidden_layer, head: Linear::uniform(b, "head", hidden, classes, true) }
    }

    /// What the head sees.
    fn features<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        let images = x.shape()[0];
        let convolve = |x: Var<'g>, (weight, bias): &(Weight, Weight)| {
            let made = x.conv2d(values[*weight], Some(values[*bias]), Conv2d::default().padding(1));
            made.max_pool2d(MaxPool2d::square(2).relu())
        };
        let x = self.convolutions.iter().fold(x.reshape([images, self.side, self.side, 1]), convolve);
        let numbers = x.shape().size() / images;
        self.hidden.forward(values, x.reshape([images, numbers])).relu()
    }
}

impl Net {
    /// Creates the weights for canvases of this side.
    pub(super) fn new(b: &mut Builder<'_>, kind: Kind, side: usize, classes: usize) -> Self {
        match (kind, kind.mlp(side, classes)) {
            (_, Some(shape)) => Net::Mlp(b.within("mlp", |b| Mlp::new(b, &shape))),
            (Kind::Cnn { filters, hidden }, _) => Net::Cnn(Cnn::new(b, side, filters.into(), hidden, classes)),
            (Kind::BMlp { .. } | Kind::SMlp { .. }, None) => unreachable!("perceptrons have a shape"),
        }
    }

    /// `[images, pixels]` to `[images, classes]`.
    pub(super) fn logits<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        match self {
            Net::Mlp(mlp) => mlp.forward(values, x),
            Net::Cnn(cnn) => cnn.head.forward(values, cnn.features(values, x)),
        }
    }
}

impl Model for Net {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        match self {
            Net::Mlp(mlp) => Model::forward(mlp, values, inputs),
            Net::Cnn(cnn) => {
                let features = cnn.features(values, inputs);
                Forward { outputs: cnn.head.forward(values, features), hidden: vec![("features".into(), features)] }
            }
        }
    }
}
