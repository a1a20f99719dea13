//! A learner's model as the instruments of the bias card see it.

use std::sync::Arc;

use super::Learner;
use crate::base::random::Key;
use crate::engine::Store;
use crate::instruments::subject::{Examples, Model, Objective, Reinitialise, Subject, Training};
use crate::nn::weights::Builder;

impl<M: 'static> Learner<M> {
    /// The trained model, `model`, with what it was trained on and what it was not; `key` is that of the replica.
    /// Inputs are rows of numbers; features, chance and training are for the system to tell.
    pub fn subject(
        &self,
        model: impl Model + 'static,
        objective: Objective,
        [train, test]: [Examples; 2],
        key: Key,
    ) -> Subject {
        let each = |values: &[f32]| values.len() / train.count.max(1);
        let labelled = objective == Objective::CrossEntropy && each(&train.targets) == 1;
        Subject {
            model: Box::new(model),
            store: self.store.clone(),
            weights: self.weights.clone(),
            initial: Some(self.initial().to_vec()),
            reinitialise: Some(self.fresh()),
            objective,
            row: vec![each(&train.inputs)],
            target: if labelled { Vec::new() } else { vec![each(&train.targets)] },
            train,
            test,
            features: Vec::new(),
            training: None,
            chance: None,
            key: key.purpose("card"),
            pool: self.pool.clone(),
        }
    }

    /// How the model was trained so far, for its subject.
    pub const fn trained_for(&self, steps: u64, batch: usize, learning_rate: f32) -> Option<Training> {
        Some(Training { optimiser: self.settings, learning_rate, batch, steps })
    }

    /// Fresh weights of the same model.
    fn fresh(&self) -> Reinitialise {
        let build = Arc::clone(&self.build);
        Box::new(move |key| {
            let mut store = Store::new();
            let mut builder = Builder::new(&mut store, key);
            build(&mut builder);
            builder.finish().slots().iter().map(|slot| store.values(*slot).to_vec()).collect()
        })
    }
}
