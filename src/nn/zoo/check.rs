//! What the tests of models share: building, running, training a few steps.

use std::sync::Arc;

use super::block::{BlockSettings, FeedForwardKind, NormPlace};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Executor, GradientError, Graph, Shape, Store, Var};
use crate::nn::layers::{Activation, Derivatives, NormKind, Spread};
use crate::nn::optimiser::{Method, Moments, Optimiser, OptimiserSettings};
use crate::nn::weights::{Builder, Values, Weights};
use rand::RngExt;

/// A model with its weights in a store.
pub(super) struct Built<M> {
    pub(super) model: M,
    pub(super) weights: Weights,
    pub(super) store: Store,
}

impl<M> Built<M> {
    pub(super) fn new(build: impl FnOnce(&mut Builder<'_>) -> M) -> Self {
        let mut store = Store::new();
        let mut builder = Builder::new(&mut store, Key::new(5));
        let model = build(&mut builder);
        let weights = builder.finish();
        Built { model, weights, store }
    }

    pub(super) fn parameters(&self) -> usize {
        self.weights.parameters(&self.store)
    }

    /// Records with `record`, runs once and gives what it asked for.
    pub(super) fn run(
        &mut self,
        record: impl for<'g> FnOnce(&M, &Values<'g>, &'g Graph) -> Vec<Var<'g>>,
    ) -> Vec<Vec<f32>> {
        let graph = Graph::new();
        let values = self.weights.read(&graph, &self.store);
        let outputs: Vec<_> =
            record(&self.model, &values, &graph).into_iter().map(|var| graph.output("", var)).collect();
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        executor.run(&mut self.store);
        outputs.into_iter().map(|output| executor.output(output, &self.store)).collect()
    }

    /// The losses of `steps` steps of Adam on one batch.
    pub(super) fn train(
        &mut self,
        learning_rate: f32,
        steps: usize,
        loss: impl for<'g> FnOnce(&M, &Values<'g>, &'g Graph) -> Var<'g>,
    ) -> Vec<f32> {
        let method = Method::Adam(Moments { beta2: 0.99, ..Moments::default() });
        let settings = OptimiserSettings { method, clip_norm: Some(1.0), ..OptimiserSettings::default() };
        let adam = Optimiser::new(&mut self.store, &self.weights, settings);
        let graph = Graph::new();
        let values = self.weights.read(&graph, &self.store);
        let loss = loss(&self.model, &values, &graph);
        let output = graph.output("loss", loss);
        adam.minimise(&graph, &self.store, &self.weights, &values, loss).expect("the loss has a gradient");
        adam.set_learning_rate(&mut self.store, learning_rate);
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        let mut step = || {
            executor.run(&mut self.store);
            executor.number(output, &self.store)
        };
        (0..steps).map(|_| step()).collect()
    }

    /// The sum of squares of the gradient's gradient, through all weights.
    pub(super) fn second(
        &mut self,
        loss: impl for<'g> FnOnce(&M, &Values<'g>, &'g Graph) -> Var<'g>,
    ) -> Result<f32, GradientError> {
        let graph = Graph::new();
        let values = self.weights.read(&graph, &self.store);
        let loss = loss(&self.model, &values, &graph);
        let first = graph.gradient(loss, values.vars())?;
        let length = first.into_iter().map(|g| g.sum_squares()).reduce(|a, b| a + b).expect("there are weights");
        let second = graph.gradient(length, values.vars())?;
        let second = second.into_iter().map(|g| g.sum_squares()).reduce(|a, b| a + b).expect("there are weights");
        let output = graph.output("second", second);
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        executor.run(&mut self.store);
        Ok(executor.number(output, &self.store))
    }
}

/// A block of width 12 with two heads: pre-norm, layer norm with bias, GELU.
pub(super) const BLOCK: BlockSettings = BlockSettings {
    width: 12,
    hidden: 20,
    heads: 2,
    key_heads: 2,
    norm: NormKind::LayerBias,
    norm_place: NormPlace::Before,
    feed_forward: FeedForwardKind::Perceptron(Activation::Gelu),
    bias: true,
    spread: Spread::FanIn(1.0),
    derivatives: Derivatives::First,
};

/// Whole numbers below `below`, a stream a seed.
pub(super) fn tokens(seed: u64, count: usize, below: usize) -> Vec<f32> {
    let mut stream = Key::new(seed).purpose("tokens").stream();
    (0..count).map(|_| stream.random_range(0..below) as f32).collect()
}

/// Numbers in -1..1, a stream a seed.
pub(super) fn reals(seed: u64, count: usize) -> Vec<f32> {
    let mut stream = Key::new(seed).purpose("reals").stream();
    (0..count).map(|_| stream.random_range(-1.0..1.0)).collect()
}

/// A constant.
pub(super) fn given<'g>(graph: &'g Graph, shape: impl Into<Shape>, values: &[f32]) -> Var<'g> {
    graph.constant(shape, values.to_vec())
}

/// Fails unless all are within `tolerance`.
#[track_caller]
pub(super) fn assert_near(got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= tolerance, "[{i}]: {got} where {want} is right");
    }
}

/// Fails unless the loss fell to less than `share` of where it began.
#[track_caller]
pub(super) fn assert_learned(losses: &[f32], share: f32) {
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    assert!(first.is_finite() && last < share * first, "from {first} to {last}");
}
