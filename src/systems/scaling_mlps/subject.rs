//! The trained model as the instruments of the bias card see it.

use super::learner::StageLearner;
use super::model::{Kind, Net};
use super::stages::Start;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::Store;
use crate::instruments::subject::{Examples, Objective, Subject, Training};
use crate::nn::optimiser::OptimiserSettings;
use crate::nn::weights::Builder;
use crate::tasks::scattered_digits::Part;
use crate::tasks::supply::Supply;

/// Examples that instruments look at.
const TRAIN: u64 = 2000;
const TEST: u64 = 1000;

/// A stage's model with its task. `key` is that of the replica.
pub(super) fn subject(of: &StageLearner, kind: Kind, key: Key, pool: &Pool) -> Subject {
    let stage = &of.stage;
    let (side, classes) = (stage.task.canvas, stage.classes);
    let seen = match stage.images {
        Supply::Examples(count) => count.min(TRAIN),
        Supply::Fresh => (stage.steps * stage.batch as u64).min(TRAIN),
    };
    let examples = |part, count: u64| {
        let (inputs, mut targets) = of.images(part, 0..count);
        if stage.random_labels && part == Part::Train {
            targets = (0..count).map(|i| of.task.random_label(i)).collect();
        }
        Examples::new(targets.len(), inputs, targets.iter().map(|class| *class as f32).collect())
    };
    Subject {
        model: Box::new(of.learner.model.clone()),
        store: of.learner.store.clone(),
        weights: of.learner.weights.clone(),
        initial: (stage.start == Start::Fresh).then(|| of.learner.initial().to_vec()),
        reinitialise: Some(Box::new(move |key| {
            let mut store = Store::new();
            let mut builder = Builder::new(&mut store, key);
            Net::new(&mut builder, kind, side, classes);
            let weights = builder.finish();
            weights.slots().iter().map(|slot| store.values(*slot).to_vec()).collect()
        })),
        objective: Objective::CrossEntropy,
        row: vec![of.task.pixels()],
        target: Vec::new(),
        train: examples(Part::Train, seen),
        test: examples(Part::Test, TEST),
        features: Vec::new(),
        training: Some(Training {
            optimiser: OptimiserSettings::from(stage.method),
            learning_rate: 0.0,
            batch: stage.batch,
            steps: stage.steps,
        }),
        chance: Some(1.0 / classes as f64),
        key: key.purpose("card"),
        pool: pool.clone(),
    }
}
