//! A model with weights, optimiser and plans over them.

use std::sync::Arc;

use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Archive, TrialError};
use crate::engine::{Executor, Graph, Output, Shape, Slot, Store, Var};
use crate::nn::layers::{Cache, CacheShape};
use crate::nn::optimiser::{Group, Optimiser, OptimiserSettings};
use crate::nn::weights::{Builder, Values, Weights};

/// Names of slots that hold what a pass is given begin so; they are no part of a checkpoint.
const GIVEN: &str = "given.";

/// A model with its weights, an optimiser, and a store in which all its passes work.
pub struct Learner<M> {
    /// The model.
    pub model: M,
    /// Its weights.
    pub weights: Weights,
    /// Weights, optimiser state and inputs.
    pub store: Store,
    /// How it is trained.
    pub(super) settings: OptimiserSettings,
    /// How it was made, to make others like it.
    pub(super) build: Build<M>,
    /// Threads.
    pub pool: Pool,
    optimiser: Optimiser,
    initial: Vec<Vec<f32>>,
}

/// Makes a model.
pub(super) type Build<M> = Arc<dyn Fn(&mut Builder<'_>) -> M + Send + Sync>;

/// A plan with its inputs: given values, run, asked for outputs. Allocates nothing when it runs.
#[derive(Debug)]
pub struct Pass {
    executor: Executor,
    inputs: Vec<Slot>,
    outputs: Vec<Output>,
}

/// What a training step found, before the weights moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trained {
    /// The loss.
    pub loss: f32,
    /// Global norm of the gradient, before clipping.
    pub gradient_norm: f32,
}

impl<M> std::fmt::Debug for Learner<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Learner({} parameters)", self.parameters())
    }
}

impl<M> Learner<M> {
    /// A model with fresh weights, drawn from streams below `key`, all trained alike.
    pub fn new(
        key: Key,
        pool: Pool,
        optimiser: impl Into<OptimiserSettings>,
        build: impl Fn(&mut Builder<'_>) -> M + Send + Sync + 'static,
    ) -> Self {
        Learner::with_groups(key, pool, optimiser, |_, _| Group::default(), build)
    }

    /// The same; `group` says from the path and the shape of a weight how it is treated.
    pub fn with_groups(
        key: Key,
        pool: Pool,
        optimiser: impl Into<OptimiserSettings>,
        group: impl Fn(&str, &Shape) -> Group,
        build: impl Fn(&mut Builder<'_>) -> M + Send + Sync + 'static,
    ) -> Self {
        let settings = optimiser.into();
        let mut store = Store::new();
        let mut builder = Builder::new(&mut store, key.purpose("weights"));
        let model = build(&mut builder);
        let weights = builder.finish();
        let initial = weights.slots().iter().map(|slot| store.values(*slot).to_vec()).collect();
        let optimiser = Optimiser::with_groups(&mut store, &weights, settings, group);
        Learner { model, weights, store, settings, build: Arc::new(build), pool, optimiser, initial }
    }

    /// A pass that trains: `record` gives the number to be made smaller, from the model, its weights and
    /// inputs of the given names and shapes, and whatever else is to be handed out: after the loss
    /// (output 0) and the gradient's norm (output 1) come these, from output 2 on.
    ///
    /// # Panics
    /// If an op of the model has no gradient (the tests of the zoo hold that all have), or a name is taken
    /// with another shape.
    pub fn training(
        &mut self,
        inputs: &[(&str, Shape)],
        record: impl for<'g> FnOnce(&M, &Values<'g>, &[Var<'g>]) -> (Var<'g>, Vec<Var<'g>>),
    ) -> Pass {
        let slots = self.input_slots(inputs);
        let graph = Graph::new();
        let values = self.weights.read(&graph, &self.store);
        let read: Vec<Var<'_>> = slots.iter().map(|slot| graph.read(&self.store, *slot)).collect();
        let (loss, others) = record(&self.model, &values, &read);
        let norm = self
            .optimiser
            .minimise(&graph, &self.store, &self.weights, &values, loss)
            .expect("every op of the models has a gradient; the tests of the zoo hold this");
        let mut outputs = vec![graph.output("loss", loss), norm];
        outputs.extend(others.into_iter().enumerate().map(|(i, value)| graph.output(format!("output.{i}"), value)));
        Pass { executor: Executor::new(Arc::new(graph.plan()), self.pool.clone()), inputs: slots, outputs }
    }

    /// A pass that only computes what `record` gives.
    ///
    /// # Panics
    /// If a name is taken with another shape.
    pub fn pass(
        &mut self,
        inputs: &[(&str, Shape)],
        record: impl for<'g> FnOnce(&M, &Values<'g>, &[Var<'g>]) -> Vec<Var<'g>>,
    ) -> Pass {
        let slots = self.input_slots(inputs);
        let graph = Graph::new();
        let values = self.weights.read(&graph, &self.store);
        let read: Vec<Var<'_>> = slots.iter().map(|slot| graph.read(&self.store, *slot)).collect();
        let found = record(&self.model, &values, &read);
        let outputs =
            found.into_iter().enumerate().map(|(i, value)| graph.output(format!("output.{i}"), value)).collect();
        Pass { executor: Executor::new(Arc::new(graph.plan()), self.pool.clone()), inputs: slots, outputs }
    }

    /// The slots of inputs; passes that name the same input share it.
    pub(super) fn input_slots(&mut self, inputs: &[(&str, Shape)]) -> Vec<Slot> {
        let mut slot = |(name, shape): &(&str, Shape)| {
            let name = format!("{GIVEN}{name}");
            let slot = self.store.find(&name).unwrap_or_else(|| self.store.add(name.as_str(), shape.clone()));
            assert_eq!(self.store.shape(slot), shape, "{name} is another pass's input of another shape");
            slot
        };
        inputs.iter().map(&mut slot).collect()
    }

    /// An empty cache of keys and values for plans of one's own; it is no part of a checkpoint.
    ///
    /// # Panics
    /// If the name is taken.
    pub(super) fn cache(&mut self, name: &str, shape: &CacheShape) -> Cache {
        Cache::new(&mut self.store, &format!("{GIVEN}{name}"), shape)
    }

    /// A training step at a learning rate, on the inputs as they were set. `step` is for the message.
    ///
    /// # Errors
    /// When loss or gradient is not finite.
    pub fn train(&mut self, pass: &mut Pass, step: u64, learning_rate: f32) -> Result<Trained, TrialError> {
        self.set_learning_rate(learning_rate);
        pass.run(&mut self.store);
        let [loss, gradient_norm] = [0, 1].map(|i| pass.executor.number(pass.outputs[i], &self.store));
        let diverged = |what: &str| Err(TrialError::Diverged { step, what: what.into(), seed: None });
        match (loss.is_finite(), gradient_norm.is_finite()) {
            (true, true) => Ok(Trained { loss, gradient_norm }),
            (false, _) => diverged("the loss"),
            (true, false) => diverged("the gradient"),
        }
    }

    /// Sets the learning rate of the next step of a training pass that is run by hand.
    pub fn set_learning_rate(&mut self, learning_rate: f32) {
        self.optimiser.set_learning_rate(&mut self.store, learning_rate);
    }

    /// Numbers that training adjusts.
    pub fn parameters(&self) -> usize {
        self.weights.parameters(&self.store)
    }

    /// The weights before any training, in order.
    pub fn initial(&self) -> &[Vec<f32>] {
        &self.initial
    }

    /// Forgets the optimiser's past.
    pub fn reset_optimiser(&mut self) {
        self.optimiser.reset(&mut self.store);
    }

    /// The weights' values, in order.
    pub fn weight_values(&self) -> Vec<Vec<f32>> {
        self.weights.slots().iter().map(|slot| self.store.values(*slot).to_vec()).collect()
    }

    /// Sets the weights' values.
    ///
    /// # Panics
    /// If they are not as many as the weights have.
    pub fn set_weight_values(&mut self, values: &[Vec<f32>]) {
        assert_eq!(values.len(), self.weights.slots().len(), "one list for each weight");
        for (slot, values) in self.weights.slots().iter().zip(values) {
            self.store.values_mut(*slot).copy_from_slice(values);
        }
    }

    /// Names weights and optimiser state to a checkpoint: everything but what passes are given.
    ///
    /// # Errors
    /// When the checkpoint lacks a tensor or holds one of another shape.
    pub fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        let kept = |slot: &Slot| !self.store.name(*slot).starts_with(GIVEN);
        for slot in self.store.slots().filter(kept).collect::<Vec<_>>() {
            let (name, shape) = (self.store.name(slot).to_owned(), self.store.shape(slot).to_vec());
            archive.tensor(&name, &shape, self.store.values_mut(slot))?;
        }
        Ok(())
    }
}

impl Pass {
    /// Gives input `i` its values, row-major.
    ///
    /// # Panics
    /// If they are not as many as its shape has.
    pub fn set(&self, store: &mut Store, i: usize, values: &[f32]) {
        store.values_mut(self.inputs[i]).copy_from_slice(values);
    }

    /// Input `i`, to be overwritten in part.
    pub fn input<'s>(&self, store: &'s mut Store, i: usize) -> &'s mut [f32] {
        store.values_mut(self.inputs[i])
    }

    /// Where input `i` stands in the store, for plans of one's own over the same inputs.
    pub fn slot(&self, i: usize) -> Slot {
        self.inputs[i]
    }

    /// Computes, on the inputs as they were set.
    pub fn run(&mut self, store: &mut Store) {
        self.executor.run(store);
    }

    /// Output `i` of the last run, row-major.
    pub fn output(&self, store: &Store, i: usize) -> Vec<f32> {
        self.executor.output(self.outputs[i], store)
    }

    /// Output `i` of the last run, without allocating once `values` is long enough.
    pub fn output_into(&self, store: &Store, i: usize, values: &mut Vec<f32>) {
        self.executor.output_into(self.outputs[i], store, values);
    }

    /// Output `i`, which is a number.
    pub fn number(&self, store: &Store, i: usize) -> f32 {
        self.executor.number(self.outputs[i], store)
    }

    /// The executor, for profiles and for tracing what is not finite.
    pub fn executor(&mut self) -> &mut Executor {
        &mut self.executor
    }

    /// Runs over `rows` of `width` numbers for input 0, as many at once as the input holds, and gives
    /// output `i` of all of them, row-major. The last part is filled up with the rows of the part before;
    /// what they give is dropped.
    ///
    /// # Panics
    /// If input 0 does not hold whole rows, or an output row does not belong to one.
    pub fn over_rows(&mut self, store: &mut Store, rows: &[f32], width: usize, i: usize) -> Vec<f32> {
        let at_once = store.values(self.inputs[0]).len() / width;
        assert!(at_once > 0 && rows.len().is_multiple_of(width), "whole rows of {width} numbers");
        let (mut all, mut found) = (Vec::new(), Vec::new());
        for part in rows.chunks(at_once * width) {
            store.values_mut(self.inputs[0])[..part.len()].copy_from_slice(part);
            self.executor.run(store);
            self.executor.output_into(self.outputs[i], store, &mut found);
            all.extend_from_slice(&found[..found.len() / at_once * (part.len() / width)]);
        }
        all
    }
}

/// Floating-point operations worth a call of a trial's `step`: tens of milliseconds.
const BURST_FLOP: f64 = 1e9;

/// Training steps worth a call of a trial's `step`, where one takes so many floating-point operations. Never very
/// many: instruments along a training are read between calls.
pub fn burst(step_flop: f64) -> u64 {
    (BURST_FLOP / step_flop.max(1.0)).clamp(1.0, 50.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Checkpoint;
    use crate::nn::layers::Linear;
    use crate::nn::optimiser::{Method, Moments};

    fn learner(seed: u64) -> Learner<Linear> {
        let build = |b: &mut Builder<'_>| Linear::new(b, "map", 2, 1, 1.0).with_bias(b, "map", 1, 0.0);
        Learner::new(Key::new(seed), Pool::serial(), Method::Adam(Moments::default()), build)
    }

    fn training(learner: &mut Learner<Linear>) -> Pass {
        let inputs = [("x", Shape::from([4, 2])), ("y", Shape::from([4, 1]))];
        learner.training(&inputs, |model, values, given| {
            let off = model.forward(values, given[0]) - given[1];
            ((off * off).mean(), vec![off])
        })
    }

    const X: [f32; 8] = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.5, -1.0];
    const Y: [f32; 4] = [2.0, -1.0, 1.0, -2.5];

    fn steps(learner: &mut Learner<Linear>, pass: &mut Pass, count: u64) -> Vec<u32> {
        pass.set(&mut learner.store, 0, &X);
        pass.set(&mut learner.store, 1, &Y);
        (0..count).map(|step| learner.train(pass, step, 0.05).unwrap().loss.to_bits()).collect()
    }

    #[test]
    fn a_linear_map_is_found() {
        let mut learner = learner(1);
        let mut pass = training(&mut learner);
        let losses = steps(&mut learner, &mut pass, 600);
        assert!(f32::from_bits(losses[599]) < 1e-4 && f32::from_bits(losses[0]) > 0.1);
        assert!(pass.output(&learner.store, 2).iter().all(|off| off.abs() < 0.02));
        let mut forward =
            learner.pass(&[("one", Shape::from([2, 2]))], |model, values, given| vec![model.forward(values, given[0])]);
        let rows = [0.0, 1.0, 1.0, 0.0, 2.0, 2.0];
        let found = forward.over_rows(&mut learner.store, &rows, 2, 0);
        assert_eq!(found.len(), 3);
        for (found, expected) in found.iter().zip([2.0, -1.0, 2.0]) {
            assert!((found - expected).abs() < 0.05, "{found} {expected}");
        }
    }

    #[test]
    fn a_restored_learner_goes_on_as_the_first_would() {
        let mut whole = learner(1);
        let mut pass = training(&mut whole);
        let all = steps(&mut whole, &mut pass, 10);
        let mut first = learner(1);
        let mut pass = training(&mut first);
        assert_eq!(steps(&mut first, &mut pass, 4), all[..4]);
        let mut saved = Checkpoint::default();
        first.keep(&mut Archive::saving(&mut saved)).unwrap();
        let mut second = learner(2);
        let mut pass = training(&mut second);
        second.keep(&mut Archive::restoring(&saved)).unwrap();
        assert_eq!(steps(&mut second, &mut pass, 6), all[4..]);
        assert!(second.keep(&mut Archive::restoring(&Checkpoint::default())).is_err());
    }

    #[test]
    fn no_weight_is_left_out_of_a_checkpoint() {
        use crate::nn::layers::Activation;
        use crate::nn::zoo::mlp::{Mlp, MlpKind, MlpShape};
        for kind in [MlpKind::Plain, MlpKind::Normed, MlpKind::Residual { expansion: 2 }] {
            let shape = MlpShape { kind, ..MlpShape::plain(3, 4, 2, 2, Activation::Relu) };
            let mut learner = Learner::new(Key::new(1), Pool::serial(), Method::Adam(Moments::default()), move |b| {
                Mlp::new(b, &shape)
            });
            let _ = learner.pass(&[("x", Shape::from([1, 3]))], |model, values, x| vec![model.forward(values, x[0])]);
            let mut saved = Checkpoint::default();
            learner.keep(&mut Archive::saving(&mut saved)).unwrap();
            let kept = saved.tensors;
            let names: Vec<&str> = learner.weights.slots().iter().map(|slot| learner.store.name(*slot)).collect();
            assert!(names.iter().all(|name| kept.iter().any(|tensor| tensor.name == *name)), "{names:?}");
            assert!(kept.iter().all(|tensor| !tensor.name.ends_with('x')));
        }
    }

    #[test]
    fn what_is_not_finite_is_told() {
        let mut learner = learner(1);
        let mut pass = training(&mut learner);
        pass.set(&mut learner.store, 0, &[f32::INFINITY; 8]);
        assert!(matches!(learner.train(&mut pass, 3, 0.1), Err(TrialError::Diverged { step: 3, .. })));
    }
}
