//! A trained network as the instruments of the bias card see it: inputs are bits or pixels, the rotation is part of
//! the model.

use super::data::{Data, PIXELS, Rows};
use super::networks::{Net, turned};
use super::settings::Task;
use super::trial::RepresentationTrial;
use crate::engine::{Store, Var};
use crate::instruments::subject::{Examples, Feature, Forward, Model, Objective, Subject, Training};
use crate::nn::weights::{Builder, Values};
use crate::tasks::rotation::Rotation;

/// The most examples that are handed out, of training and of test inputs.
const MOST: (usize, usize) = (2000, 1000);

struct Seen {
    net: Net,
    rotation: Option<Rotation>,
}

impl Model for Seen {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let (hidden, outputs) = self.net.forward(values, turned(self.rotation.as_ref(), inputs), None);
        let named = |(i, layer)| (format!("hidden layer {}", i + 1), layer);
        Forward { outputs, hidden: hidden.into_iter().enumerate().map(named).collect() }
    }
}

fn examples(rows: &Rows, width: usize, most: usize) -> Examples {
    let count = rows.count().min(most);
    let targets = (0..count).flat_map(|i| [rows.features[0][i], rows.features[1][i]]).collect();
    Examples::new(count, rows.x[..count * width].to_vec(), targets)
}

/// Both features by their values, and by the bits or pixels that they depend on.
fn features(task: &Task, data: &Data, count: usize) -> Vec<Feature> {
    let columns = |i: usize| -> Vec<usize> {
        match task {
            Task::Bits { first, second, .. } => [first, second][i].bits().iter().map(|bit| bit - 1).collect(),
            Task::Digits => {
                let patch = |pixel: &usize| pixel % 8 < 2 && pixel / 8 < 2;
                (0..PIXELS).filter(|pixel| patch(pixel) == (i == 0)).collect()
            }
        }
    };
    let feature = |i: usize| Feature {
        values: Some(data.test.features[i][..count].to_vec()),
        output: Some(i),
        ..Feature::coordinates(data.names[i].clone(), data.width, columns(i))
    };
    vec![feature(0), feature(1)]
}

/// The trial's network.
pub(super) fn subject(trial: &RepresentationTrial, steps: u64) -> Subject {
    let (data, condition, learner) = (&trial.data, trial.condition.clone(), &trial.learning.learner);
    let test = examples(&data.test, data.width, MOST.1);
    let training = Training {
        optimiser: condition.optimiser,
        learning_rate: condition.learning_rate,
        batch: trial.settings.batch,
        steps,
    };
    Subject {
        model: Box::new(Seen { net: learner.model.clone(), rotation: data.rotation.clone() }),
        store: learner.store.clone(),
        weights: learner.weights.clone(),
        initial: Some(learner.initial().to_vec()),
        features: features(&condition.task, data, test.count),
        reinitialise: Some(Box::new(move |key| {
            let mut store = Store::new();
            let mut builder = Builder::new(&mut store, key);
            Net::new(&mut builder, &condition);
            builder.finish().slots().iter().map(|slot| store.values(*slot).to_vec()).collect()
        })),
        objective: Objective::Logistic,
        row: vec![data.width],
        target: vec![2],
        train: examples(&data.train, data.width, MOST.0),
        test,
        training: Some(training),
        chance: Some(0.5),
        key: trial.key.purpose("card"),
        pool: trial.pool.clone(),
    }
}
