//! A trained network as the instruments of the bias card see it: inputs are coordinates, the rotation is part of
//! the model.

use super::data::{Data, DataSet};
use super::trial::SimplicityTrial;
use crate::instruments::subject::{Examples, Feature, Objective, Subject};
use crate::tasks::slabs::Points;
use crate::training::Turned;

/// The most examples that are handed out, of training and of test points.
const MOST: (usize, usize) = (2000, 1000);

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
    let (data, condition, learner) = (&trial.data, &trial.condition, &member.learner);
    let (train, test) = (examples(&data.train, data.width, MOST.0), examples(&data.test, data.width, MOST.1));
    let features = features(data, condition.data, &test);
    let model = Turned { model: learner.model.clone(), rotation: data.rotation.clone() };
    Ok(Subject {
        features,
        training: learner.trained_for(steps, trial.settings.batch, condition.learning_rate),
        chance: Some(0.5),
        ..learner.subject(model, Objective::CrossEntropy, [train, test], trial.key)
    })
}
