//! The model of a trial with its plans: one training step, forward passes, a look inside.

use std::sync::Arc;

use super::settings::Condition;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Checkpoint, Panel, Tensor, TrialError};
use crate::engine::{Executor, Graph, NotFinite, Output, Shape, Slot, Store};
use crate::instruments::profile;
use crate::nn::optimiser::{Adam, AdamSettings, warm_up};
use crate::nn::weights::{Builder, Weights};
use crate::nn::zoo::SequenceModel;
use crate::tasks::gpicl::Batch;

/// Sequences in one forward pass of an evaluation.
const CHUNK: usize = 32;

/// Steps that a profile measures.
const PROFILED: usize = 3;

/// Names of the slots that hold a batch; they are no part of a checkpoint.
const BATCH: [&str; 2] = ["batch.tokens", "batch.targets"];

/// A model, its optimiser and its training plan.
pub struct Learner {
    condition: Condition,
    model: Box<dyn SequenceModel>,
    weights: Weights,
    store: Store,
    adam: Adam,
    train: Executor,
    loss: Output,
    gradient_norm: Output,
    tokens: Slot,
    targets: Slot,
    pool: Pool,
    forward: Option<Forward>,
}

/// A plan of forward passes over [`CHUNK`] sequences.
struct Forward {
    executor: Executor,
    tokens: Slot,
    logits: Output,
    store: Store,
    values: Vec<f32>,
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
        write!(f, "Learner({:?})", self.model)
    }
}

impl Learner {
    /// A model with fresh weights, drawn from streams below `key`, and its plan.
    pub fn new(condition: &Condition, key: Key, pool: Pool) -> Self {
        let condition = condition.clone();
        let mut store = Store::new();
        let mut builder = Builder::new(&mut store, key.purpose("weights"));
        let shape = condition.model_shape();
        let model = (condition.model.entry().build)(&mut builder, &shape);
        let weights = builder.finish();
        let Condition { beta1, beta2, epsilon, clip, .. } = condition;
        let adam = Adam::new(&mut store, &weights, AdamSettings { beta1, beta2, epsilon, clip: Some(clip) });
        let tokens = store.add(BATCH[0], [condition.batch, shape.tokens, shape.inputs]);
        let targets = store.add(BATCH[1], [condition.batch, shape.tokens]);
        let graph = Graph::new();
        let values = weights.read(&graph, &store);
        let logits = model.forward(&values, graph.read(&store, tokens));
        let loss = logits.cross_entropy(graph.read(&store, targets)).mean();
        let gradient_norm = adam
            .minimise(&graph, &store, &weights, &values, loss)
            .expect("every op of the models has a gradient; the tests of the zoo hold this");
        let loss = graph.output("loss", loss);
        let train = Executor::new(Arc::new(graph.plan()), pool.clone());
        Learner {
            condition,
            model,
            weights,
            store,
            adam,
            train,
            loss,
            gradient_norm,
            tokens,
            targets,
            pool,
            forward: None,
        }
    }

    /// One step of Adam on a batch: loss and gradient norm before the step. Allocates nothing.
    ///
    /// # Errors
    /// When the loss or the gradient is not finite.
    pub fn step(&mut self, step: u64, batch: &Batch) -> Result<(f32, f32), TrialError> {
        self.prepare(step, batch);
        self.train.run(&mut self.store);
        let (loss, norm) =
            (self.train.number(self.loss, &self.store), self.train.number(self.gradient_norm, &self.store));
        match (loss.is_finite(), norm.is_finite()) {
            (true, true) => Ok((loss, norm)),
            (false, _) => Err(TrialError::Diverged { step, what: "the loss".into(), seed: None }),
            (true, false) => Err(TrialError::Diverged { step, what: "the gradient".into(), seed: None }),
        }
    }

    /// The knob `learning_rate`: the rate that later steps warm up to.
    pub fn set_learning_rate(&mut self, learning_rate: f32) {
        self.condition.learning_rate = learning_rate;
    }

    /// Where the first value of a step on `batch` that is not finite comes from. The step is taken.
    pub fn diagnose(&mut self, step: u64, batch: &Batch) -> Option<NotFinite> {
        self.prepare(step, batch);
        self.train.first_not_finite(&mut self.store)
    }

    fn prepare(&mut self, step: u64, batch: &Batch) {
        let Condition { learning_rate, warm_up: steps, .. } = self.condition;
        self.adam.set_learning_rate(&mut self.store, warm_up(learning_rate, steps, step));
        self.store.values_mut(self.tokens).copy_from_slice(&batch.tokens);
        self.store.values_mut(self.targets).copy_from_slice(&batch.targets);
    }

    /// Whether the answer at each position of a batch is right: 1 or 0, `[B, T]`. Of equally likely
    /// answers the first counts.
    pub fn correct(&mut self, batch: &Batch) -> Vec<f32> {
        let shape = self.condition.model_shape();
        let (classes, row) = (shape.outputs, shape.tokens * shape.inputs);
        let mut forward = self.forward.take().unwrap_or_else(|| self.plan_forward());
        self.copy_weights(&mut forward.store);
        let mut correct = Vec::with_capacity(batch.targets.len());
        for first in (0..batch.sequences()).step_by(CHUNK) {
            let here = (batch.sequences() - first).min(CHUNK);
            let tokens = &batch.tokens[first * row..(first + here) * row];
            forward.store.values_mut(forward.tokens)[..tokens.len()].copy_from_slice(tokens);
            forward.executor.run(&mut forward.store);
            forward.executor.output_into(forward.logits, &forward.store, &mut forward.values);
            let positions = first * shape.tokens..(first + here) * shape.tokens;
            for (logits, target) in forward.values.chunks_exact(classes).zip(&batch.targets[positions]) {
                let best = (1..classes).fold(0, |best, class| if logits[class] > logits[best] { class } else { best });
                correct.push(f32::from(best as f32 == *target));
            }
        }
        self.forward = Some(forward);
        correct
    }

    fn plan_forward(&self) -> Forward {
        let shape = self.condition.model_shape();
        let mut store = self.weights_store();
        let tokens = store.add(BATCH[0], [CHUNK, shape.tokens, shape.inputs]);
        let graph = Graph::new();
        let values = self.weights.read(&graph, &store);
        let logits = graph.output("logits", self.model.forward(&values, graph.read(&store, tokens)));
        let executor = Executor::new(Arc::new(graph.plan()), self.pool.clone());
        Forward { executor, tokens, logits, store, values: Vec::new() }
    }

    /// A store with the weights alone, at the slots where the model looks for them.
    fn weights_store(&self) -> Store {
        let mut store = Store::new();
        for slot in self.weights.slots() {
            let copy = store.add(self.store.name(*slot), self.store.shape(*slot).clone());
            debug_assert_eq!(copy, *slot, "weights are the first slots of a learner's store");
        }
        self.copy_weights(&mut store);
        store
    }

    fn copy_weights(&self, store: &mut Store) {
        for slot in self.weights.slots() {
            store.values_mut(*slot).copy_from_slice(self.store.values(*slot));
        }
    }

    /// A look inside at one sequence of a batch; none for models without attention.
    pub fn inside(&self, batch: &Batch, sequence: usize) -> Option<Inside> {
        let shape = self.condition.model_shape();
        let mut store = self.weights_store();
        let tokens = store.add(BATCH[0], [1, shape.tokens, shape.inputs]);
        let row = shape.tokens * shape.inputs;
        store.values_mut(tokens).copy_from_slice(&batch.tokens[sequence * row..(sequence + 1) * row]);
        let graph = Graph::new();
        let values = self.weights.read(&graph, &store);
        let read = graph.read(&store, tokens);
        let attention = self.model.attention(&values, read)?;
        let heads = attention.shape()[1] as f32;
        let attention = graph.output("attention", attention.sum_axes(&[0, 1]) * (1.0 / heads));
        let probabilities = graph.output("probabilities", self.model.forward(&values, read).softmax());
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        executor.run(&mut store);
        Some(Inside {
            attention: executor.output(attention, &store),
            probabilities: executor.output(probabilities, &store),
        })
    }

    /// Where the time of a training step goes. The steps are taken on a copy of the weights.
    pub fn profile(&self) -> Panel {
        let profile = self.train.sibling().profile(&mut self.store.clone(), PROFILED);
        profile::panel(&profile, self.pool.threads())
    }

    /// Numbers that training adjusts.
    pub fn parameters(&self) -> usize {
        self.weights.parameters(&self.store)
    }

    /// Numbers that carry over from the past into the next prediction.
    pub fn state_size(&self) -> usize {
        self.model.state_size()
    }

    /// Floating-point operations of one training step.
    pub fn flop(&self) -> u64 {
        self.train.plan().flop()
    }

    /// Bytes that the training plan and the stored values take.
    pub fn memory(&self) -> u64 {
        let stored: usize = self.store.slots().map(|slot| self.store.shape(slot).size()).sum();
        4 * (stored + self.train.plan().arena()) as u64
    }

    fn kept(&self) -> impl Iterator<Item = Slot> + '_ {
        self.store.slots().filter(|slot| !BATCH.contains(&self.store.name(*slot)))
    }

    /// Weights and optimiser state.
    pub fn tensors(&self) -> Vec<Tensor> {
        let tensor = |slot: Slot| Tensor {
            name: self.store.name(slot).to_owned(),
            shape: self.store.shape(slot).to_vec(),
            values: self.store.values(slot).to_vec(),
        };
        self.kept().map(tensor).collect()
    }

    /// Takes weights and optimiser state back.
    ///
    /// # Errors
    /// When the checkpoint lacks a tensor or holds one of another shape.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrialError> {
        for slot in self.kept().collect::<Vec<_>>() {
            let (name, shape) = (self.store.name(slot), self.store.shape(slot));
            let tensor = checkpoint.tensors.iter().find(|tensor| tensor.name == name);
            let tensor = tensor.ok_or_else(|| TrialError::Checkpoint(format!("it lacks the tensor {name}")))?;
            if Shape::from(tensor.shape.as_slice()) != *shape {
                let found = Shape::from(tensor.shape.as_slice());
                return Err(TrialError::Checkpoint(format!("{name} has the shape {found}, expected {shape}")));
            }
            self.store.values_mut(slot).copy_from_slice(&tensor.values);
        }
        Ok(())
    }
}
