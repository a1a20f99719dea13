//! The trained model of a trial as the instruments of the bias card see it: an example is a sequence.

use super::learner::{self, Learner};
use super::settings::Condition;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Store, Var};
use crate::instruments::subject::{Examples, Forward, Model, Objective, Subject, Training};
use crate::nn::weights::{Builder, Values};
use crate::nn::zoo::SequenceModel;
use crate::tasks::gpicl::Batch;

struct InContext(Box<dyn SequenceModel>);

impl Model for InContext {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let representation = self.0.representation(values, inputs);
        let outputs = self.0.head(values, representation);
        Forward { outputs, hidden: vec![("representation".to_owned(), representation)] }
    }
}

/// The model with sequences of the kind it was trained on and sequences of tasks that it never saw.
pub(super) fn subject(
    condition: &Condition,
    learner: &Learner,
    (seen, unseen): (&Batch, &Batch),
    step: u64,
    key: Key,
    pool: Pool,
) -> Subject {
    let shape = condition.model_shape();
    let fresh = condition.clone();
    let inner = learner.inner();
    let examples = |batch: &Batch| Examples::new(batch.sequences(), batch.tokens.clone(), batch.targets.clone());
    Subject {
        model: Box::new(InContext(begin(condition, key).0)),
        store: inner.store.clone(),
        weights: inner.weights.clone(),
        initial: Some(inner.initial().to_vec()),
        reinitialise: Some(Box::new(move |key| begin(&fresh, key).1)),
        objective: Objective::CrossEntropy,
        row: vec![shape.tokens, shape.inputs],
        target: vec![shape.tokens],
        train: examples(seen).of_stream(),
        test: examples(unseen),
        features: Vec::new(),
        training: Some(Training {
            optimiser: learner::optimiser(condition),
            learning_rate: learner.learning_rate(step),
            batch: condition.batch,
            steps: step,
        }),
        chance: Some(condition.chance()),
        key: key.purpose("card"),
        pool,
    }
}

/// The model anew, with weights from another address.
fn begin(condition: &Condition, key: Key) -> (Box<dyn SequenceModel>, Vec<Vec<f32>>) {
    let mut store = Store::new();
    let mut builder = Builder::new(&mut store, key.purpose("weights"));
    let model = learner::build(condition, &mut builder);
    let weights = builder.finish();
    (model, weights.slots().iter().map(|slot| store.values(*slot).to_vec()).collect())
}
