//! A trained network as the instruments of the bias card see it: inputs are coordinates, the rotation is part of
//! the model.

use super::data::{Data, DataSet};
use super::networks::Net;
use super::trial::SimplicityTrial;
use crate::engine::Var;
use crate::instruments::subject::{Examples, Feature, Forward, Model, Objective, Subject, Training};
use crate::nn::weights::{Builder, Values};
use crate::tasks::rotation::Rotation;
use crate::tasks::slabs::Points;

/// The most examples that are handed out, of training and of test points.
const MOST: (usize, usize) = (2000, 1000);

struct Seen {
    net: Net,
    rotation: Option<Rotation>,
}

impl Model for Seen {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let turned = self.rotation.as_ref().map_or(inputs, |rotation| {
            let width = rotation.width();
            inputs.matmul(inputs.graph().constant([width, width], rotation.matrix().to_vec()))
        });
        let hidden = self.net.hidden(values, turned);
        Forward { outputs: self.net.forward(values, turned), hidden }
    }
}

fn examples(points: &Points, width: usize, most: usize) -> Examples {
    let count = points.y.len().min(most);
    Examples::new(count, points.x[..count * width].to_vec(), points.y[..count].to_vec())
}

/// S and everything else, and of slabs the second coordinate; each with what it says of the label.
fn features(data: &Data, data_set: DataSet, test: &Examples) -> Vec<Feature> {
    let simplest = data.simplest().to_vec();
    let rest: Vec<usize> = (0..data.width).filter(|column| !simplest.contains(column)).collect();
    let told = |simple: bool| {
        let says: Vec<f32> = data.oracle(&test.inputs, simple).iter().map(|score| score.signum()).collect();
        (data_set != DataSet::Dominoes && !(simple && data_set == DataSet::NoiseAnd5)).then_some(says)
    };
    let simple = Feature::coordinates(data.blocks[0].name.clone(), data.width, simplest);
    let others = Feature::coordinates("all others", data.width, rest);
    vec![Feature { values: told(true), ..simple }, Feature { values: told(false), ..others }]
}

/// The trial's network, if it is one alone.
pub(super) fn subject(trial: &SimplicityTrial, steps: u64) -> Result<Subject, String> {
    let [member] = trial.networks.members.as_slice() else {
        return Err("an ensemble is no single model".into());
    };
    let (data, condition, learner) = (&trial.data, trial.condition.clone(), &member.learner);
    let test = examples(&data.test, data.width, MOST.1);
    let features = features(data, condition.data, &test);
    let training = Training {
        optimiser: condition.optimiser,
        learning_rate: condition.learning_rate,
        batch: trial.settings.batch,
        steps,
    };
    Ok(Subject {
        model: Box::new(Seen { net: learner.model.clone(), rotation: data.rotation.clone() }),
        store: learner.store.clone(),
        weights: learner.weights.clone(),
        initial: Some(learner.initial().to_vec()),
        reinitialise: Some(Box::new(move |key| {
            let mut store = crate::engine::Store::new();
            let mut builder = Builder::new(&mut store, key);
            Net::new(&mut builder, &condition);
            builder.finish().slots().iter().map(|slot| store.values(*slot).to_vec()).collect()
        })),
        objective: Objective::CrossEntropy,
        row: vec![data.width],
        target: vec![],
        train: examples(&data.train, data.width, MOST.0),
        test,
        features,
        training: Some(training),
        chance: Some(0.5),
        key: trial.key.purpose("card"),
        pool: trial.pool.clone(),
    })
}
