//! The networks of the three legs, and how they stand before training.

use super::settings::{Condition, Leg, Settings};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::TrialError;
use crate::engine::{Shape, Var};
use crate::instruments::sharpness::HessianVector;
use crate::instruments::subject::{Forward, Model, Objective, named};
use crate::nn::layers::{Activation, Spread};
use crate::nn::optimiser::{Method, Sgd};
use crate::nn::weights::{Builder, Init, Values, Weight};
use crate::nn::zoo::cnn::{self, Cnn, Flatten, Stage};
use crate::nn::zoo::mlp::{Mlp, MlpShape};
use crate::tasks::base_set::Split;
use crate::tasks::cifar;
use crate::tasks::opposing::{Planted, plain_pictures};
use crate::training::{Learner, Pass};

/// What training makes small.
pub(super) const OBJECTIVE: Objective = Objective::SquaredError;

/// A network.
#[derive(Clone, Debug)]
pub(super) enum Net {
    /// `f(x) = x W c`: W `[inputs, hidden]`, c `[hidden, 1]`.
    Factors(Weight, Weight),
    /// A perceptron.
    Mlp(Mlp),
    /// A convolutional network, with height, width and channels of its pictures.
    Cnn(Cnn, [usize; 3]),
}

impl Net {
    fn factors(b: &mut Builder<'_>, inputs: usize, hidden: usize, initial: f32) -> Self {
        let w = b.weight("first.weight", [inputs, hidden], Init::Normal(initial));
        Net::Factors(w, b.weight("second.weight", [hidden, 1], Init::Normal(initial)))
    }

    fn answer<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        match self {
            // The vector W c first: the same function as (x W) c, at a twentieth of the work.
            Net::Factors(w, c) => x.matmul(values[*w].matmul(values[*c])),
            Net::Mlp(mlp) => mlp.forward(values, x),
            Net::Cnn(cnn, picture) => cnn.forward(values, as_pictures(x, *picture)),
        }
    }
}

impl Model for Net {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let hidden = match self {
            Net::Factors(w, _) => vec![inputs.matmul(values[*w])],
            Net::Mlp(mlp) => mlp.hidden(values, inputs),
            Net::Cnn(cnn, picture) => vec![cnn.features(values, as_pictures(inputs, *picture))],
        };
        Forward { outputs: self.answer(values, inputs), hidden: named(hidden) }
    }
}

fn as_pictures(x: Var<'_>, [height, width, channels]: [usize; 3]) -> Var<'_> {
    x.reshape([x.shape()[0], height, width, channels])
}

/// Two convolutions, the first with stride 2, and a linear map.
fn cnn(b: &mut Builder<'_>, filters: [usize; 2], picture: [usize; 3], outputs: usize) -> Net {
    let first = Stage { filters: filters[0], window: 3, stride: 2, padding: 1, pool: 1 };
    let stages = vec![first, Stage::same(filters[1], 3, 2)];
    let shape = cnn::Shape { image: picture, stages, flatten: Flatten::Whole, hidden: Vec::new(), outputs };
    Net::Cnn(Cnn::new(b, &shape), picture)
}

/// Makes a network.
type Build = Box<dyn Fn(&mut Builder<'_>) -> Net + Send + Sync>;

/// How the network of a condition is made.
fn build(settings: &Settings, condition: &Condition, data: &Planted) -> Build {
    let (inputs, outputs) = (data.width, data.outputs);
    // N(0, 1 / inputs) in every layer.
    let mlp = |width: usize| -> Build {
        let plain = MlpShape::plain(inputs, width, 2, outputs, Activation::Relu);
        let shape = MlpShape { spread: Spread::FanIn(1.0), ..plain };
        Box::new(move |b| Net::Mlp(Mlp::new(b, &shape)))
    };
    match condition.leg {
        Leg::Linear(_) => {
            let (hidden, initial) = (settings.linear.hidden, settings.linear.initial);
            Box::new(move |b| Net::factors(b, inputs, hidden, initial))
        }
        Leg::Network(_) => mlp(settings.network.width),
        Leg::Pictures => {
            let filters = settings.pictures.as_ref().map_or([1, 1], |p| p.filters);
            let picture = data.picture.unwrap_or([1, 1, inputs]);
            Box::new(move |b| cnn(b, filters, picture, outputs))
        }
        Leg::Digits => mlp(settings.digits.as_ref().map_or(1, |d| d.width)),
    }
}

/// The data of a condition, or fresh ones of the same kind that it does not train on.
///
/// # Errors
/// When the user's file cannot be used.
pub(super) fn data(
    settings: &Settings,
    condition: &Condition,
    split: Split,
    replica: Key,
) -> Result<Planted, TrialError> {
    let groups = settings.trained_groups(condition.groups);
    let key = replica.purpose(if split == Split::Train { "data" } else { "unseen" });
    let lacking = || TrialError::Data("the preset does not set this leg".into());
    Ok(match condition.leg {
        Leg::Linear(norm) => settings.linear.task(norm).data(groups, key.purpose("linear")),
        Leg::Network(height) => settings.network.task(height).data(groups, key.purpose("network")),
        Leg::Digits => settings.digits.as_ref().ok_or_else(lacking)?.task(split).data(groups, key.purpose("digits")),
        Leg::Pictures => {
            let pictures = settings.pictures.as_ref().ok_or_else(lacking)?;
            let (first, count) = match split {
                Split::Train => (0, pictures.examples),
                Split::HeldOut => (pictures.examples, pictures.unseen),
            };
            let read = cifar::read(&pictures.file, first, count);
            plain_pictures(read.map_err(TrialError::data)?)
        }
    })
}

/// A network with its passes: training, losses alone, products with the Hessian.
pub(super) struct Trained {
    pub(super) learner: Learner<Net>,
    /// Output 2: the loss of each example before the step.
    pub(super) training: Pass,
    /// Output 0: the loss of each example.
    pub(super) losses: Pass,
    pub(super) hessian: HessianVector,
}

impl Trained {
    /// A fresh network on its data. Inputs: examples, targets, and what each example's loss weighs.
    ///
    /// # Errors
    /// When the loss has no second derivative.
    pub(super) fn new(
        settings: &Settings,
        condition: &Condition,
        data: &Planted,
        replica: Key,
        pool: Pool,
    ) -> Result<Self, TrialError> {
        let key = replica.purpose("network").purpose(condition.leg.name());
        let descent = || Method::Sgd(Sgd::default()).into();
        let optimiser = condition.study.as_ref().map_or_else(descent, |study| study.optimiser);
        let mut learner = Learner::new(key, pool.clone(), optimiser, build(settings, condition, data));
        let inputs: [(&str, Shape); 3] = [
            ("x", Shape::from([data.count, data.width])),
            ("y", Shape::from([data.count, data.outputs])),
            ("share", Shape::from([data.count])),
        ];
        let training = learner.training(&inputs, |net, values, given| {
            let losses = record(net, values, given[0], given[1]);
            ((losses * given[2]).sum(), vec![losses])
        });
        let losses = learner.pass(&inputs, |net, values, given| vec![record(net, values, given[0], given[1])]);
        let slots = [0, 1, 2].map(|i| training.slot(i));
        let (net, weights) = (learner.model.clone(), learner.weights.clone());
        let hessian = HessianVector::new(&mut learner.store, &weights, pool, |graph, store, values| {
            let [x, y, share] = slots.map(|slot| graph.read(store, slot));
            (record(&net, values, x, y) * share).sum()
        });
        let hessian = hessian.map_err(TrialError::data)?;
        let mut trained = Trained { learner, training, losses, hessian };
        trained.training.set(&mut trained.learner.store, 0, &data.inputs);
        trained.training.set(&mut trained.learner.store, 1, &data.targets);
        Ok(trained)
    }

    /// Sets what each example's loss weighs in training and in the Hessian.
    pub(super) fn weigh(&mut self, shares: &[f32]) {
        self.training.set(&mut self.learner.store, 2, shares);
    }

    /// The weights one after the other.
    pub(super) fn flat(&self) -> Vec<f32> {
        self.learner.weight_values().concat()
    }

    /// The loss of each example with other weights, which do not stay.
    pub(super) fn losses_at(&mut self, flat: &[f32]) -> Vec<f32> {
        let kept = self.learner.weight_values();
        let mut rest = flat;
        let moved: Vec<Vec<f32>> = kept
            .iter()
            .map(|values| {
                let (here, after) = rest.split_at(values.len());
                rest = after;
                here.to_vec()
            })
            .collect();
        self.learner.set_weight_values(&moved);
        self.losses.run(&mut self.learner.store);
        let found = self.losses.output(&self.learner.store, 0);
        self.learner.set_weight_values(&kept);
        found
    }

    /// Frobenius norm of each matrix.
    pub(super) fn norms(&self) -> Vec<f64> {
        let matrices = self.learner.weights.slots().iter().filter(|slot| self.learner.store.shape(**slot).len() == 2);
        matrices.map(|slot| length(self.learner.store.values(*slot))).collect()
    }
}

fn length(values: &[f32]) -> f64 {
    values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}

fn record<'g>(net: &Net, values: &Values<'g>, x: Var<'g>, y: Var<'g>) -> Var<'g> {
    OBJECTIVE.losses(net.answer(values, x), y)
}
