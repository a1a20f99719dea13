//! A trained network as the instruments of the bias card see it: inputs are bits or pixels, the rotation is part of
//! the model.

use super::data::{Data, PIXELS, Rows};
use super::settings::Task;
use super::trial::RepresentationTrial;
use crate::instruments::subject::{Examples, Feature, Objective, Subject};

/// The most examples that are handed out, of training and of test inputs.
const MOST: (usize, usize) = (2000, 1000);

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
pub(super) fn subject(trial: &RepresentationTrial) -> Subject {
    let (data, condition, learner) = (&trial.data, &trial.condition, &trial.learning.learner);
    let seen = [examples(&data.train, data.width, MOST.0), examples(&data.test, data.width, MOST.1)];
    let features = features(&condition.task, data, seen[1].count);
    Subject {
        features,
        training: learner.trained_for(trial.at.step, trial.settings.batch, condition.learning_rate),
        chance: Some(0.5),
        ..learner.subject(learner.model.clone(), Objective::Logistic, seen, trial.key)
    }
}
