//! What the workloads share: tensors in a fixed order, mean cross-entropy, Adam, a plan.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cases::{uniform, whole};
use crate::base::threads::Pool;
use crate::engine::ops::copy::Copy;
use crate::engine::ops::optimiser_step::{OptimiserStep, Rule};
use crate::engine::{Executor, Graph, Output, Plan, Profile, Shape, Slot, Store, Var};

/// Learning rate of Adam.
const LEARNING_RATE: f32 = 1e-3;
/// Adam without decay or bound.
const ADAM: OptimiserStep = OptimiserStep {
    rule: Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    learning_rate: 1.0,
    coupled_decay: 0.0,
    decoupled_decay: 0.0,
    largest: f32::INFINITY,
};

/// A training step with its first weights and inputs.
#[derive(Debug)]
pub struct Training {
    store: Store,
    plan: Plan,
    planning: Duration,
    loss: Output,
}

/// Collects tensors in the order that numbers them. Weights of workload k are uniform with seed
/// `1000 k + number`, its inputs with `1000 k + 900` and on.
pub(super) struct Maker {
    store: Store,
    workload: u64,
    weights: Vec<Slot>,
}

impl Maker {
    pub(super) fn new(workload: u64) -> Self {
        Maker { store: Store::new(), workload, weights: Vec::new() }
    }

    /// A weight, uniform in `±1/sqrt(fan_in)`.
    pub(super) fn weight(&mut self, name: impl Into<String>, shape: impl Into<Shape>, fan_in: usize) -> Slot {
        let slot = self.store.add(name, shape);
        let seed = 1000 * self.workload + self.weights.len() as u64;
        uniform(seed, (fan_in as f64).powf(-0.5), self.store.values_mut(slot));
        self.weights.push(slot);
        slot
    }

    /// A weight `[inputs, outputs]`, uniform in `±1/sqrt(inputs)`.
    pub(super) fn matrix(&mut self, name: impl Into<String>, inputs: usize, outputs: usize) -> Slot {
        self.weight(name, [inputs, outputs], inputs)
    }

    /// A vector with one value: a bias or a gain.
    pub(super) fn vector(&mut self, name: impl Into<String>, len: usize, value: f32) -> Slot {
        let slot = self.store.add(name, [len]);
        self.store.values_mut(slot).fill(value);
        self.weights.push(slot);
        slot
    }

    /// A matrix and its bias of zeros.
    pub(super) fn linear(&mut self, name: &str, inputs: usize, outputs: usize) -> (Slot, Slot) {
        (self.matrix(format!("{name}.weight"), inputs, outputs), self.vector(format!("{name}.bias"), outputs, 0.0))
    }

    /// Inputs of unit variance.
    pub(super) fn inputs(&mut self, shape: impl Into<Shape>) -> Slot {
        let slot = self.store.add("inputs", shape);
        uniform(1000 * self.workload + 900, 3f64.powf(0.5), self.store.values_mut(slot));
        slot
    }

    /// Whole numbers below `below`: tokens (`number` 0), targets (1), edges (2).
    pub(super) fn indices(&mut self, name: &str, number: u64, shape: impl Into<Shape>, below: usize) -> Slot {
        let slot = self.store.add(name, shape);
        whole(1000 * self.workload + 900 + number, below as u64, self.store.values_mut(slot));
        slot
    }

    /// Records forward, mean cross-entropy, gradient and Adam on every weight, and plans it.
    pub(super) fn train(mut self, targets: Slot, logits: impl for<'g> FnOnce(&Scope<'g, '_>) -> Var<'g>) -> Training {
        let moments: Vec<[Slot; 2]> = (0..self.weights.len()).map(|i| self.moments(i)).collect();
        let steps = self.store.add("optimiser.steps", Shape::SCALAR);
        let begun = Instant::now();
        let graph = Graph::new();
        let values: Vec<Var<'_>> = self.weights.iter().map(|slot| graph.read(&self.store, *slot)).collect();
        let scope = Scope { graph: &graph, maker: &self, values: &values };
        let loss = logits(&scope).cross_entropy(scope.read(targets)).mean();
        let gradients = graph.gradient(loss, &values).expect("every op of the workloads has a gradient");
        let (factor, rate) = (graph.scalar(1.0), graph.scalar(LEARNING_RATE));
        let done = graph.read(&self.store, steps);
        for ((gradient, slot), [first, second]) in gradients.iter().zip(&self.weights).zip(moments) {
            graph.update(&self.store, ADAM, &[*gradient, factor, rate, done], &[*slot, first, second]);
        }
        graph.update(&self.store, Copy, &[done + 1.0], &[steps]);
        let loss = graph.output("loss", loss);
        let plan = graph.plan();
        Training { store: self.store, plan, planning: begun.elapsed(), loss }
    }

    fn moments(&mut self, weight: usize) -> [Slot; 2] {
        let slot = self.weights[weight];
        let (name, shape) = (self.store.name(slot).to_owned(), self.store.shape(slot).clone());
        ["first", "second"].map(|moment| self.store.add(format!("optimiser.{moment}.{name}"), shape.clone()))
    }
}

/// Where a forward pass is recorded.
pub(super) struct Scope<'g, 'm> {
    graph: &'g Graph,
    maker: &'m Maker,
    values: &'m [Var<'g>],
}

impl<'g> Scope<'g, '_> {
    /// A weight, as the value that the gradient is taken of; or an input.
    pub(super) fn read(&self, slot: Slot) -> Var<'g> {
        let weight = self.maker.weights.iter().position(|weight| *weight == slot);
        weight.map_or_else(|| self.graph.read(&self.maker.store, slot), |i| self.values[i])
    }

    /// `x W + b`.
    pub(super) fn linear(&self, x: Var<'g>, (weight, bias): (Slot, Slot)) -> Var<'g> {
        x.matmul(self.read(weight)) + self.read(bias)
    }
}

/// A training step that runs.
#[derive(Debug)]
pub struct Step {
    executor: Executor,
    store: Store,
    planning: Duration,
    loss: Output,
}

impl Step {
    pub(super) fn new(training: Training, pool: Pool) -> Self {
        let Training { store, plan, planning, loss } = training;
        let begun = Instant::now();
        let executor = Executor::new(Arc::new(plan), pool);
        Step { executor, store, planning: planning + begun.elapsed(), loss }
    }

    /// What it took to record the graph, differentiate and plan it, and make its arena.
    pub fn planning(&self) -> Duration {
        self.planning
    }

    /// One step; the loss before it.
    pub fn run(&mut self) -> f32 {
        self.executor.run(&mut self.store);
        self.executor.number(self.loss, &self.store)
    }

    /// Where the time of a step goes, over so many steps.
    pub fn profile(&mut self, steps: usize) -> Profile {
        self.executor.profile(&mut self.store, steps)
    }

    /// The plan it replays.
    pub fn plan(&self) -> &Plan {
        self.executor.plan()
    }
}
