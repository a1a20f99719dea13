//! The network with its passes, and what is read off it.

use super::settings::{Condition, Settings};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Shape, Var};
use crate::instruments::subject::{Forward, Model};
use crate::nn::layers::{Activation, Spread};
use crate::nn::weights::{Builder, Values};
use crate::nn::zoo::mlp::{Mlp, MlpShape};
use crate::tasks::class_sequence::Images;
use crate::training::{Learner, Pass};

/// Images that an evaluation takes at once.
const AT_ONCE: usize = 128;

/// A perceptron without biases, on its weights or on `v` with `w = v |v|^(power - 1)`
/// (powerpropagation, Schwarz et al. 2021).
#[derive(Clone, Debug)]
pub(super) struct Net {
    mlp: Mlp,
    power: Option<f32>,
}

impl Net {
    /// He et al. (2015) in every layer, the last one too.
    pub(super) fn new(b: &mut Builder<'_>, condition: &Condition, inputs: usize, classes: usize) -> Self {
        let gain = Activation::Relu.gain();
        let network = condition.network;
        let shape = MlpShape {
            bias: false,
            spread: Spread::FanIn(gain),
            output_scale: gain,
            ..MlpShape::plain(inputs, network.width, network.layers, classes, Activation::Relu)
        };
        Net { mlp: Mlp::new(b, &shape), power: condition.power() }
    }

    fn weights<'g>(&self, values: &Values<'g>) -> Values<'g> {
        match self.power {
            None => values.clone(),
            Some(power) => Values::from_vars(values.vars().iter().map(|v| raised_var(*v, power)).collect()),
        }
    }
}

impl Model for Net {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let weights = self.weights(values);
        Model::forward(&self.mlp, &weights, inputs)
    }
}

/// `v |v|^(power - 1)`, recorded.
pub(super) fn raised_var(v: Var<'_>, power: f32) -> Var<'_> {
    v * v.abs().power(power - 1.0)
}

/// `v` with `w = v |v|^(power - 1)`: `sign(w) |w|^(1 / power)`.
pub(super) fn root_of(w: f32, power: f32) -> f32 {
    if power == 1.0 { w } else { w.signum() * w.abs().powf(1.0 / power) }
}

/// The weights that stored values stand for.
fn raised(v: f32, power: Option<f32>) -> f64 {
    let v = f64::from(v);
    power.map_or(v, |power| v * v.abs().powf(f64::from(power) - 1.0))
}

/// A network with its passes.
pub(super) struct Trained {
    pub(super) learner: Learner<Net>,
    pub(super) training: Pass,
    /// Output 0: logits, output 1: the last hidden layer.
    evaluation: Pass,
    width: usize,
    classes: usize,
    /// Weights before training, as weights and not as their roots.
    initial: Vec<Vec<f64>>,
}

/// What a set of images gives.
pub(super) struct Answers {
    /// Mean cross entropy in nats.
    pub(super) loss: f64,
    /// Class of the largest output of each.
    pub(super) classes: Vec<usize>,
}

impl Trained {
    /// A fresh network. It begins with the same weights whatever the optimiser, the rate and the power.
    pub(super) fn new(
        settings: &Settings,
        condition: &Condition,
        inputs: usize,
        classes: usize,
        key: Key,
        pool: Pool,
    ) -> Self {
        let batch = settings.training.batch;
        let optimiser = settings.optimiser(condition);
        let made = condition.clone();
        let mut learner = Learner::new(key, pool, optimiser, move |b| Net::new(b, &made, inputs, classes));
        if let Some(power) = condition.power() {
            let rooted = |w: &Vec<f32>| w.iter().map(|w| root_of(*w, power)).collect();
            let roots: Vec<Vec<f32>> = learner.weight_values().iter().map(rooted).collect();
            learner.set_weight_values(&roots);
        }
        let shapes = [("x", Shape::from([batch, inputs])), ("y", Shape::from([batch]))];
        let training = learner.training(&shapes, |net, values, given| {
            (net.forward(values, given[0]).outputs.cross_entropy(given[1]).mean(), Vec::new())
        });
        let evaluation = learner.pass(&[("images", Shape::from([AT_ONCE, inputs]))], |net, values, given| {
            let mut forward = net.forward(values, given[0]);
            let last = forward.hidden.pop().map_or(forward.outputs, |(_, hidden)| hidden);
            vec![forward.outputs, last]
        });
        let mut trained = Trained { learner, training, evaluation, width: inputs, classes, initial: Vec::new() };
        trained.initial = trained.weights(condition.power());
        trained
    }

    /// Loss and answers on some images.
    pub(super) fn answers(&mut self, images: &Images) -> Answers {
        let logits = self.evaluation.over_rows(&mut self.learner.store, &images.inputs, self.width, 0);
        let mut loss = 0.0;
        let mut classes = Vec::with_capacity(images.count());
        for (row, label) in logits.chunks_exact(self.classes).zip(&images.labels) {
            let best = crate::instruments::subject::best(row);
            let top = f64::from(row[best]);
            let sum: f64 = row.iter().map(|x| (f64::from(*x) - top).exp()).sum();
            loss += sum.ln() + top - f64::from(row[*label]);
            classes.push(best);
        }
        Answers { loss: loss / images.count().max(1) as f64, classes }
    }

    /// The last hidden layer on some images, `[images, units]`.
    pub(super) fn hidden(&mut self, images: &Images) -> Vec<f32> {
        self.evaluation.over_rows(&mut self.learner.store, &images.inputs, self.width, 1)
    }

    /// The weights, one list a layer.
    pub(super) fn weights(&self, power: Option<f32>) -> Vec<Vec<f64>> {
        let of = |values: &Vec<f32>| values.iter().map(|v| raised(*v, power)).collect();
        self.learner.weight_values().iter().map(of).collect()
    }

    /// Euclidean length of what all weights have moved.
    pub(super) fn displacement(&self, power: Option<f32>) -> f64 {
        let now = self.weights(power);
        let moved = now.iter().flatten().zip(self.initial.iter().flatten());
        moved.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    /// A number that tells weights apart by their bits (FNV-1a, 52 bits of it).
    pub(super) fn fingerprint(&self) -> f64 {
        let bytes = self.learner.weight_values().concat().into_iter().flat_map(|x| x.to_bits().to_le_bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        (hash >> 12) as f64
    }

    /// Answers with only the given share of the weights kept, the largest by magnitude over all layers; the
    /// weights come back.
    pub(super) fn pruned(&mut self, images: &Images, kept: f64) -> Answers {
        let whole = self.learner.weight_values();
        // |v| ranks as |w| does, whatever the power.
        let mut sizes: Vec<f32> = whole.iter().flatten().map(|v| v.abs()).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        let count = ((kept * sizes.len() as f64).round() as usize).clamp(1, sizes.len());
        let least = sizes[count - 1];
        let cut = |values: &Vec<f32>| values.iter().map(|v| if v.abs() < least { 0.0 } else { *v }).collect();
        self.learner.set_weight_values(&whole.iter().map(cut).collect::<Vec<Vec<f32>>>());
        let found = self.answers(images);
        self.learner.set_weight_values(&whole);
        found
    }
}
