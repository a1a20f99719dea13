//! The model of a trial with its plans: one training step, forward passes, a look inside.

use super::settings::Condition;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Panel, TrialError};
use crate::engine::{NotFinite, Shape, Store};
use crate::instruments::profile;
use crate::instruments::subject::best;
use crate::nn::optimiser::{Decay, Method, Moments, OptimiserSettings, warm_up};
use crate::nn::weights::Builder;
use crate::nn::zoo::SequenceModel;
use crate::tasks::gpicl::Batch;
use crate::training::{self, Pass, Trained};

/// Sequences in one forward pass of an evaluation.
const CHUNK: usize = 32;

/// Steps that a profile measures.
const PROFILED: usize = 3;

/// A model, its optimiser and its plans.
pub struct Learner {
    condition: Condition,
    inner: training::Learner<Box<dyn SequenceModel>>,
    train: Pass,
    forward: Option<Pass>,
    inside: Option<Option<Pass>>,
    pool: Pool,
}

/// What one sequence looks like inside.
pub struct Inside {
    /// Attention of the last layer, mean over heads, `[T, T]`: row the query, column the key.
    pub attention: Vec<f32>,
    /// Probability of each class at each position, `[T, C]`.
    pub probabilities: Vec<f32>,
}

impl std::fmt::Debug for Learner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Learner({:?})", self.inner.model)
    }
}

/// A condition's model with fresh weights.
pub(super) fn build(condition: &Condition, b: &mut Builder<'_>) -> Box<dyn SequenceModel> {
    (condition.model.entry().build)(b, &condition.model_shape())
}

/// A condition's optimiser.
pub(super) fn optimiser(condition: &Condition) -> OptimiserSettings {
    let Condition { beta1, beta2, epsilon, clip, .. } = *condition;
    let method = Method::Adam(Moments { beta1, beta2, epsilon });
    OptimiserSettings { method, decay: Decay::None, clip_norm: Some(clip), clip_value: None }
}

impl Learner {
    /// A model with fresh weights, drawn from streams below `key`, and its plan.
    pub fn new(condition: &Condition, key: Key, pool: Pool) -> Self {
        let condition = condition.clone();
        let shape = condition.model_shape();
        let mut inner = training::Learner::new(key, pool.clone(), optimiser(&condition), |b| build(&condition, b));
        let inputs = [
            ("tokens", Shape::from([condition.batch, shape.tokens, shape.inputs])),
            ("targets", Shape::from([condition.batch, shape.tokens])),
        ];
        let train = inner.training(&inputs, |model, values, given| {
            (model.forward(values, given[0]).cross_entropy(given[1]).mean(), Vec::new())
        });
        Learner { condition, inner, train, forward: None, inside: None, pool }
    }

    /// The model with its weights.
    pub(super) fn inner(&self) -> &training::Learner<Box<dyn SequenceModel>> {
        &self.inner
    }

    /// The model with its weights, to be restored.
    pub(super) fn inner_mut(&mut self) -> &mut training::Learner<Box<dyn SequenceModel>> {
        &mut self.inner
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
    pub fn set_learning_rate(&mut self, learning_rate: f32) {
        self.condition.learning_rate = learning_rate;
    }

    /// The learning rate of a step.
    pub(super) fn learning_rate(&self, step: u64) -> f32 {
        warm_up(self.condition.learning_rate, self.condition.warm_up, step)
    }

    /// Where the first value of a step on `batch` that is not finite comes from. The step is taken.
    pub fn trace_divergence(&mut self, step: u64, batch: &Batch) -> Option<NotFinite> {
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
    pub fn correct(&mut self, batch: &Batch) -> Vec<f32> {
        let shape = self.condition.model_shape();
        let forward = self.forward.get_or_insert_with(|| {
            let inputs = [("sequences", Shape::from([CHUNK, shape.tokens, shape.inputs]))];
            self.inner.pass(&inputs, |model, values, given| vec![model.forward(values, given[0])])
        });
        let logits = forward.over_rows(&mut self.inner.store, &batch.tokens, shape.tokens * shape.inputs, 0);
        let answers = logits.chunks_exact(shape.outputs).zip(&batch.targets);
        answers.map(|(logits, target)| f32::from(best(logits) as f32 == *target)).collect()
    }

    /// A look inside at one sequence of a batch; none for models without attention.
    pub fn inside(&mut self, batch: &Batch, sequence: usize) -> Option<Inside> {
        let shape = self.condition.model_shape();
        let row = shape.tokens * shape.inputs;
        let plan = self.inside.get_or_insert_with(|| plan_inside(&mut self.inner, [1, shape.tokens, shape.inputs]));
        let pass = plan.as_mut()?;
        let store: &mut Store = &mut self.inner.store;
        pass.set(store, 0, &batch.tokens[sequence * row..(sequence + 1) * row]);
        pass.run(store);
        Some(Inside { attention: pass.output(store, 0), probabilities: pass.output(store, 1) })
    }

    /// Where the time of a training step goes. The steps are taken on a copy of the weights.
    pub fn profile(&mut self) -> Panel {
        let mut copy = self.inner.store.clone();
        let profile = self.train.executor().sibling().profile(&mut copy, PROFILED);
        profile::panel(&profile, self.pool.threads())
    }

    /// Numbers that training adjusts.
    pub fn parameters(&self) -> usize {
        self.inner.parameters()
    }

    /// Numbers that carry over from the past into the next prediction.
    pub fn state_size(&self) -> usize {
        self.inner.model.state_size()
    }

    /// Floating-point operations of one training step.
    pub fn flop(&mut self) -> u64 {
        self.train.executor().plan().flop()
    }

    /// Bytes that the training plan and the stored values take.
    pub fn memory(&mut self) -> u64 {
        let store = &self.inner.store;
        let stored: usize = store.slots().map(|slot| store.shape(slot).size()).sum();
        4 * (stored + self.train.executor().plan().arena()) as u64
    }
}

/// The pass of [`Learner::inside`]; none for models without attention.
fn plan_inside(inner: &mut training::Learner<Box<dyn SequenceModel>>, tokens: [usize; 3]) -> Option<Pass> {
    let mut attends = true;
    let pass = inner.pass(&[("sequence", Shape::from(tokens))], |model, values, given| {
        let Some(attention) = model.attention(values, given[0]) else {
            attends = false;
            return Vec::new();
        };
        let heads = attention.shape()[1] as f32;
        vec![attention.sum_axes(&[0, 1]) * (1.0 / heads), model.forward(values, given[0]).softmax()]
    });
    attends.then_some(pass)
}
