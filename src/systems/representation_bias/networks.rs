//! The network of a condition with its passes.

use super::data::Data;
use super::settings::{Condition, Network};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::TrialError;
use crate::engine::{Shape, Var};
use crate::instruments::subject::{Forward, Model, named};
use crate::nn::layers::Linear;
use crate::nn::weights::{Builder, Values};
use crate::nn::zoo::cnn::{self, Cnn, Flatten, Stage};
use crate::tasks::rotation::Rotation;
use crate::training::{Learner, Pass, Trained, turned};

/// The most inputs that are looked at at once.
const AT_ONCE: usize = 512;

/// A network with two outputs, its layers open to view. Bits or pixels come to it through the rotation.
#[derive(Clone, Debug)]
pub(super) struct Net {
    rotation: Option<Rotation>,
    layers: Layers,
}

#[derive(Clone, Debug)]
enum Layers {
    /// Hidden layers with relu between linear maps of PyTorch's default initialisation.
    Mlp { layers: Vec<Linear>, output: Linear },
    /// Filters whose means the output reads.
    Cnn(Cnn),
}

/// How much of each hidden layer is dropped, by a mask of this seed and step.
struct Dropout<'g> {
    rate: f32,
    seed: Key,
    step: Var<'g>,
}

impl Net {
    fn new(b: &mut Builder<'_>, condition: &Condition, rotation: Option<Rotation>) -> Self {
        let inputs = condition.task.width();
        let layers = match condition.network {
            Network::Mlp { width, layers } => {
                let layer = |b: &mut Builder<'_>, i: usize| {
                    Linear::uniform(b, &format!("layers.{i}"), if i == 0 { inputs } else { width }, width, true)
                };
                let layers = (0..layers).map(|i| layer(b, i)).collect();
                Layers::Mlp { layers, output: Linear::uniform(b, "output", width, 2, true) }
            }
            Network::Cnn => {
                let stages = vec![Stage::same(32, 3, 2), Stage::same(64, 3, 1)];
                let (image, flatten, hidden) = ([8, 8, 1], Flatten::Average, Vec::new());
                Layers::Cnn(Cnn::new(b, &cnn::Shape { image, stages, flatten, hidden, outputs: 2 }))
            }
        };
        Net { rotation, layers }
    }

    /// Path of the weights `[units, 2]` with which the outputs read the representation.
    const fn reading(&self) -> &'static str {
        match self.layers {
            Layers::Mlp { .. } => "output.weight",
            Layers::Cnn(_) => "head.weight",
        }
    }

    /// Inputs `[rows, width]` to hidden layers `[rows, units]`, the representation last, and outputs `[rows, 2]`.
    fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>, dropout: Option<Dropout<'g>>) -> (Vec<Var<'g>>, Var<'g>) {
        let x = turned(self.rotation.as_ref(), x);
        match &self.layers {
            Layers::Mlp { layers, output } => {
                let (mut hidden, mut at) = (Vec::new(), x);
                for (i, layer) in layers.iter().enumerate() {
                    at = layer.forward(values, at).relu();
                    hidden.push(at);
                    if let Some(Dropout { rate, seed, step }) = &dropout {
                        at = at.dropout(*rate, seed.index(i as u64).number(), *step);
                    }
                }
                (hidden, output.forward(values, at))
            }
            Layers::Cnn(cnn) => {
                let images = x.reshape([x.shape()[0], 8, 8, 1]);
                (vec![cnn.features(values, images)], cnn.forward(values, images))
            }
        }
    }
}

impl Model for Net {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let (hidden, outputs) = self.forward(values, inputs, None);
        Forward { outputs, hidden: named(hidden) }
    }
}

/// A network that learns.
pub(super) struct Learning {
    pub(super) learner: Learner<Net>,
    training: Pass,
    looking: Pass,
    at_once: usize,
    width: usize,
    layers: usize,
}

impl Learning {
    /// A fresh network: weights and dropout masks from streams below `key`.
    pub(super) fn new(condition: &Condition, data: &Data, batch: usize, key: Key, pool: &Pool) -> Self {
        let (made, rotation) = (condition.clone(), data.rotation.clone());
        let mut learner =
            Learner::new(key, pool.clone(), condition.optimiser, move |b| Net::new(b, &made, rotation.clone()));
        let inputs = [
            ("x", Shape::from([batch, data.width])),
            ("features", Shape::from([batch, 2])),
            ("counted", Shape::from([batch, 2])),
            ("step", Shape::SCALAR),
        ];
        let training = learner.training(&inputs, |net, values, given| {
            let dropout = Dropout { rate: condition.dropout, seed: key.purpose("dropout"), step: given[3] };
            let dropout = (condition.dropout > 0.0).then_some(dropout);
            let (_, outputs) = net.forward(values, given[0], dropout);
            // The logistic loss of an output z for a feature f of -1 or +1: ln(1 + exp(-f z)).
            let losses = (-(outputs * given[1])).softplus() * given[2];
            (losses.sum() * (0.5 / batch as f32), Vec::new())
        });
        let at_once = AT_ONCE.min(data.validation.count().max(data.test.count()));
        let looking = learner.pass(&[("rows", Shape::from([at_once, data.width]))], |net, values, given| {
            let (mut found, outputs) = net.forward(values, given[0], None);
            found.push(outputs);
            found
        });
        let layers = condition.network.layers();
        Learning { learner, training, looking, at_once, width: data.width, layers }
    }

    /// A training step on a batch: bits or pixels, features, and how much the loss of each counts.
    ///
    /// # Errors
    /// When the loss or the gradient is not finite.
    pub(super) fn train(&mut self, batch: &[Vec<f32>; 3], step: u64, rate: f32) -> Result<Trained, TrialError> {
        let store = &mut self.learner.store;
        for (i, values) in batch.iter().enumerate() {
            self.training.set(store, i, values);
        }
        self.training.set(store, 3, &[step as f32]);
        self.learner.train(&mut self.training, step, rate)
    }

    /// Hidden layers (numbered from 0, the representation last) and outputs (the number behind the last layer) of
    /// rows, each `[rows, units]`.
    pub(super) fn look(&mut self, rows: &[f32], wanted: &[usize]) -> Vec<Vec<f32>> {
        let mut all = vec![Vec::new(); wanted.len()];
        let mut found = Vec::new();
        for part in rows.chunks(self.at_once * self.width) {
            self.looking.input(&mut self.learner.store, 0)[..part.len()].copy_from_slice(part);
            self.looking.run(&mut self.learner.store);
            for (all, i) in all.iter_mut().zip(wanted) {
                self.looking.output_into(&self.learner.store, *i, &mut found);
                // What the rows of the part before left at the end is dropped.
                all.extend_from_slice(&found[..found.len() / self.at_once * (part.len() / self.width)]);
            }
        }
        all
    }

    /// Representation and outputs of rows.
    pub(super) fn last(&mut self, rows: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut found = self.look(rows, &[self.layers - 1, self.layers]);
        let outputs = found.pop().unwrap_or_default();
        (found.pop().unwrap_or_default(), outputs)
    }

    /// How much each output rises along a direction of the representation.
    pub(super) fn slopes(&self, direction: &[f64]) -> [f64; 2] {
        let store = &self.learner.store;
        let slot = store.find(self.learner.model.reading()).expect("the weights of the outputs have this name");
        let weights = store.values(slot);
        [0, 1].map(|output| direction.iter().enumerate().map(|(i, v)| v * f64::from(weights[2 * i + output])).sum())
    }
}
