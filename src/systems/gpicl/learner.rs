//! The model of a trial with its plans: one training step, forward passes, a look inside.

use std::sync::Arc;

use super::settings::Condition;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Panel, TrialError};
use crate::engine::{NotFinite, Shape, Var};
use crate::instruments::profile;
use crate::instruments::subject::{Examples, Forward, Model, Objective, Reinitialise, Subject, best};
use crate::nn::optimiser::{Decay, Method, Moments, OptimiserSettings, warm_up};
use crate::nn::weights::Values;
use crate::nn::zoo::SequenceModel;
use crate::tasks::gpicl::Batch;
use crate::training::{self, Pass, Trained};

/// Sequences in one forward pass of an evaluation.
const CHUNK: usize = 32;

/// Steps that a profile measures.
const PROFILED: usize = 3;

/// A model, its optimiser and its plans.
#[derive(Debug)]
pub struct Learner {
    condition: Condition,
    pub(super) inner: training::Learner<Arc<dyn SequenceModel>>,
    train: Pass,
    forward: Option<Pass>,
    inside: Option<(Pass, Peek)>,
    pool: Pool,
}

/// What can be seen of a model inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peek {
    Attention,
    Memory,
    Nothing,
}

/// What one sequence looks like inside.
pub(super) struct Inside {
    /// Probability of each class at each position, `[T, C]`.
    pub(super) probabilities: Vec<f32>,
    /// Attention of the last layer, mean over heads, `[T, T]`: row the query, column the key; of models that have it.
    pub(super) attention: Option<Vec<f32>>,
    /// The memory of the last layer's first head behind every token, `[T]` times `[d_v, d_k]`; of models that have it.
    pub(super) memory: Option<Vec<Vec<f32>>>,
}

/// The model as instruments see it: an example is a sequence.
struct InContext(Arc<dyn SequenceModel>);

impl Model for InContext {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let representation = self.0.representation(values, inputs);
        let outputs = self.0.head(values, representation);
        Forward { outputs, hidden: vec![("representation".to_owned(), representation)] }
    }
}

impl Learner {
    /// A condition's model with fresh weights, drawn from streams below `key`, and its plan.
    pub fn new(condition: &Condition, key: Key, pool: Pool) -> Self {
        let Condition { model, batch, beta1, beta2, epsilon, clip, .. } = *condition;
        let method = Method::Adam(Moments { beta1, beta2, epsilon });
        let optimiser = OptimiserSettings { method, decay: Decay::None, clip_norm: Some(clip), clip_value: None };
        let shape = condition.model_shape();
        let mut inner = training::Learner::new(key, pool.clone(), optimiser, move |b| {
            Arc::<dyn SequenceModel>::from((model.entry().build)(b, &shape))
        });
        let inputs = [
            ("tokens", Shape::from([batch, shape.tokens, shape.inputs])),
            ("targets", Shape::from([batch, shape.tokens])),
        ];
        let train = inner.training(&inputs, |model, values, given| {
            (model.forward(values, given[0]).cross_entropy(given[1]).mean(), Vec::new())
        });
        Learner { condition: condition.clone(), inner, train, forward: None, inside: None, pool }
    }

    /// One step of Adam on a batch: loss and gradient norm before the step. Allocates nothing.
    ///
    /// # Errors
    /// When the loss or the gradient is not finite.
    pub fn step(&mut self, step: u64, batch: &Batch) -> Result<Trained, TrialError> {
        self.prepare(batch);
        let learning_rate = self.learning_rate(step);
        self.inner.train(&mut self.train, step, learning_rate)
    }

    /// The knob `learning_rate`: the rate that later steps warm up to.
    pub(super) fn set_learning_rate(&mut self, learning_rate: f32) {
        self.condition.learning_rate = learning_rate;
    }

    /// The learning rate of a step.
    fn learning_rate(&self, step: u64) -> f32 {
        warm_up(self.condition.learning_rate, self.condition.warm_up, step)
    }

    /// Where the first value of a step on `batch` that is not finite comes from. The step is taken.
    pub(super) fn trace_divergence(&mut self, step: u64, batch: &Batch) -> Option<NotFinite> {
        self.prepare(batch);
        let learning_rate = self.learning_rate(step);
        self.inner.set_learning_rate(learning_rate);
        self.train.executor().first_not_finite(&mut self.inner.store)
    }

    fn prepare(&mut self, batch: &Batch) {
        self.train.set(&mut self.inner.store, 0, &batch.tokens);
        self.train.set(&mut self.inner.store, 1, &batch.targets);
    }

    /// Whether the answer at each position of a batch is right: 1 or 0, `[B, T]`. Of equally likely
    /// answers the first counts.
    pub(super) fn correct(&mut self, batch: &Batch) -> Vec<f32> {
        let shape = self.condition.model_shape();
        let forward = self.forward.get_or_insert_with(|| {
            let inputs = [("sequences", Shape::from([CHUNK, shape.tokens, shape.inputs]))];
            self.inner.pass(&inputs, |model, values, given| vec![model.forward(values, given[0])])
        });
        let logits = forward.over_rows(&mut self.inner.store, &batch.tokens, shape.tokens * shape.inputs, 0);
        let answers = logits.chunks_exact(shape.outputs).zip(&batch.targets);
        answers.map(|(logits, target)| f32::from(best(logits) as f32 == *target)).collect()
    }

    /// A look inside at one sequence of a batch.
    pub(super) fn inside(&mut self, batch: &Batch, sequence: usize) -> Inside {
        let shape = self.condition.model_shape();
        let row = shape.tokens * shape.inputs;
        let tokens = [1, shape.tokens, shape.inputs];
        let (pass, peek) = self.inside.get_or_insert_with(|| plan_inside(&mut self.inner, tokens));
        let store = &mut self.inner.store;
        pass.set(store, 0, &batch.tokens[sequence * row..(sequence + 1) * row]);
        pass.run(store);
        let seen = |at| pass.output(store, at);
        let memory = |[keys, written]: [Vec<f32>; 2]| memories(&keys, &written, shape.width, shape.width / shape.heads);
        Inside {
            probabilities: seen(0),
            attention: (*peek == Peek::Attention).then(|| seen(1)),
            memory: (*peek == Peek::Memory).then(|| memory([seen(1), seen(2)])),
        }
    }

    /// Where the time of a training step goes. The steps are taken on a copy of the weights.
    pub(super) fn profile(&mut self) -> Panel {
        let mut copy = self.inner.store.clone();
        let profile = self.train.executor().sibling().profile(&mut copy, PROFILED);
        profile::panel(&profile, self.pool.threads())
    }

    /// The model with sequences of the kind it was trained on and sequences of tasks that it never saw, for
    /// instruments; `key` is that of the replica.
    pub(super) fn subject(&self, seen: &Batch, unseen: &Batch, step: u64, key: Key) -> Subject {
        let shape = self.condition.model_shape();
        let examples = |batch: &Batch| Examples::new(batch.sequences(), batch.tokens.clone(), batch.targets.clone());
        let (model, both) = (InContext(Arc::clone(&self.inner.model)), [examples(seen).of_stream(), examples(unseen)]);
        let subject = self.inner.subject(model, Objective::CrossEntropy, both, key);
        // Other beginnings are drawn where the first one is: below `weights`.
        let below = |fresh: Reinitialise| Box::new(move |key: Key| fresh(key.purpose("weights"))) as Reinitialise;
        Subject {
            reinitialise: subject.reinitialise.map(below),
            row: vec![shape.tokens, shape.inputs],
            training: self.inner.trained_for(step, self.condition.batch, self.learning_rate(step)),
            chance: Some(self.condition.chance()),
            ..subject
        }
    }
}

/// The pass of [`Learner::inside`], and what it shows beside the answers.
fn plan_inside(inner: &mut training::Learner<Arc<dyn SequenceModel>>, tokens: [usize; 3]) -> (Pass, Peek) {
    let mut peek = Peek::Nothing;
    let pass = inner.pass(&[("sequence", Shape::from(tokens))], |model, values, given| {
        let mut shown = vec![model.forward(values, given[0]).softmax()];
        if let Some(attention) = model.attention(values, given[0]) {
            let heads = attention.shape()[1] as f32;
            shown.push(attention.sum_axes(&[0, 1]) * (1.0 / heads));
            peek = Peek::Attention;
        } else if let Some(writes) = model.writes(values, given[0]) {
            shown.extend(writes);
            peek = Peek::Memory;
        }
        shown
    });
    (pass, peek)
}

/// The memory of the first head behind every token: the sum of what was written times its key. Keys and what was
/// written are `[tokens, width]`.
fn memories(keys: &[f32], written: &[f32], width: usize, head: usize) -> Vec<Vec<f32>> {
    let mut memory = vec![0.0; head * head];
    let behind = |(key, value): (&[f32], &[f32])| {
        for (row, value) in memory.chunks_exact_mut(head).zip(value) {
            row.iter_mut().zip(key).for_each(|(cell, key)| *cell += value * key);
        }
        memory.clone()
    };
    keys.chunks_exact(width).zip(written.chunks_exact(width)).map(behind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_sums_what_is_written() {
        // Two tokens of two heads, each two wide; only the first head counts.
        let (keys, written) = ([1.0, 0.0, 9.0, 9.0, 0.5, 0.5, 9.0, 9.0], [2.0, 3.0, 9.0, 9.0, 1.0, -1.0, 9.0, 9.0]);
        let frames = memories(&keys, &written, 4, 2);
        assert_eq!(frames, [[2.0, 0.0, 3.0, 0.0], [2.5, 0.5, 2.5, -0.5]]);
    }
}
