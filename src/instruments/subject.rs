//! What instruments look at: a trained model, how it begins, its examples, and what is known of its task.

use std::sync::Arc;

use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Executor, Graph, Output, Shape, Slot, Store, Var};
use crate::nn::optimiser::OptimiserSettings;
use crate::nn::weights::{Values, Weights};
use crate::nn::zoo::mlp::Mlp;

/// What a model makes of its inputs.
#[derive(Clone, Debug)]
pub struct Forward<'g> {
    /// What it answers, `[examples, .., outputs]`.
    pub outputs: Var<'g>,
    /// Its layers by name, each `[examples, ..]`; the last one is the representation.
    pub hidden: Vec<(String, Var<'g>)>,
}

/// A model as instruments see it. `[examples, row..]` in, [`Forward`] out, with any weights.
pub trait Model: Send + Sync {
    /// Records the model on inputs.
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g>;
}

/// A plain perceptron: its hidden layers are what there is to see.
impl Model for Mlp {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        Forward { outputs: self.forward(values, inputs), hidden: named(self.hidden(values, inputs)) }
    }
}

/// Hidden layers by their numbers: `hidden 1`, `hidden 2`, ...
pub fn named(hidden: Vec<Var<'_>>) -> Vec<(String, Var<'_>)> {
    hidden.into_iter().enumerate().map(|(i, layer)| (format!("hidden {}", i + 1), layer)).collect()
}

/// What training makes small. The loss of a set is the mean over its examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// Softmax cross entropy in nats; a target is a class, one for each row of outputs. The loss of an
    /// example is the mean over its rows.
    CrossEntropy,
    /// Half the squared error; targets as the outputs. The loss of an example is the mean over its numbers.
    SquaredError,
    /// Logistic loss in nats of each output by itself; targets -1 or 1. The mean over the outputs.
    Logistic,
}

/// Examples of a task.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    /// How many.
    pub count: usize,
    /// Inputs, row-major.
    pub inputs: Vec<f32>,
    /// Targets, row-major.
    pub targets: Vec<f32>,
    /// Whether they are a sample of an endless stream and not a set that was gone through.
    pub stream: bool,
}

/// Gives the inputs of examples with a feature taken from other examples: of example `i` from
/// `permutation[i]`. What else is in an input stays.
pub type Exchange = Box<dyn Fn(&[f32], &[usize]) -> Vec<f32> + Send + Sync>;

/// A feature of the inputs that is known beforehand.
pub struct Feature {
    /// Name.
    pub name: String,
    /// Its value for each test example, if it is a number.
    pub values: Option<Vec<f32>>,
    /// How it is exchanged between examples, if it can be.
    pub exchange: Option<Exchange>,
    /// The output that is to tell this feature alone (its own task), if there is one.
    pub output: Option<usize>,
}

/// How the model was trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    /// The optimiser.
    pub optimiser: OptimiserSettings,
    /// Its last learning rate.
    pub learning_rate: f32,
    /// Examples in a step; all of them for full-batch training.
    pub batch: usize,
    /// Steps done.
    pub steps: u64,
}

/// Fresh weights of the same architecture, one list a weight.
pub type Reinitialise = Box<dyn Fn(Key) -> Vec<Vec<f32>> + Send + Sync>;

/// A trained model with what is known of its task.
pub struct Subject {
    /// The model.
    pub model: Box<dyn Model>,
    /// Its weights and perhaps more; instruments work on copies.
    pub store: Store,
    /// Which slots are its weights.
    pub weights: Weights,
    /// The weights before training.
    pub initial: Option<Vec<Vec<f32>>>,
    /// Other beginnings.
    pub reinitialise: Option<Reinitialise>,
    /// What training made small.
    pub objective: Objective,
    /// Shape of one input.
    pub row: Vec<usize>,
    /// Shape of one target.
    pub target: Vec<usize>,
    /// What it was trained on, or a sample of it.
    pub train: Examples,
    /// What it was not trained on.
    pub test: Examples,
    /// Features known beforehand.
    pub features: Vec<Feature>,
    /// How it was trained.
    pub training: Option<Training>,
    /// Accuracy of guessing, where answers are classes.
    pub chance: Option<f64>,
    /// Root of the instruments' random streams.
    pub key: Key,
    /// Threads.
    pub pool: Pool,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subject({} weights, {:?})", self.weights.parameters(&self.store), self.objective)
    }
}

impl Examples {
    /// Examples from their inputs and targets.
    pub fn new(count: usize, inputs: Vec<f32>, targets: Vec<f32>) -> Self {
        Examples { count, inputs, targets, stream: false }
    }

    /// The same as a sample of an endless stream.
    #[must_use]
    pub fn of_stream(mut self) -> Self {
        self.stream = true;
        self
    }

    /// The examples of these numbers, in this order.
    pub fn select(&self, which: &[usize]) -> Examples {
        let part = |values: &[f32]| {
            let width = values.len() / self.count.max(1);
            which.iter().flat_map(|i| values[i * width..(i + 1) * width].iter().copied()).collect()
        };
        Examples { count: which.len(), inputs: part(&self.inputs), targets: part(&self.targets), stream: self.stream }
    }

    /// At most the first so many.
    pub fn first(&self, most: usize) -> Examples {
        self.select(&(0..self.count.min(most)).collect::<Vec<_>>())
    }
}

impl Feature {
    /// A feature that is some coordinates of inputs of `width` numbers, exchanged together.
    pub fn coordinates(name: impl Into<String>, width: usize, coordinates: Vec<usize>) -> Self {
        let exchange = move |inputs: &[f32], permutation: &[usize]| {
            let mut exchanged = inputs.to_vec();
            for (i, &from) in permutation.iter().enumerate() {
                for &at in &coordinates {
                    exchanged[i * width + at] = inputs[from * width + at];
                }
            }
            exchanged
        };
        Feature { name: name.into(), values: None, exchange: Some(Box::new(exchange)), output: None }
    }
}

impl Objective {
    /// The loss of each example, `[examples]`, from outputs and targets.
    pub fn losses<'g>(self, outputs: Var<'g>, targets: Var<'g>) -> Var<'g> {
        let each = match self {
            Objective::CrossEntropy => outputs.cross_entropy(targets),
            Objective::SquaredError => {
                let off = outputs - targets;
                off * off * 0.5
            }
            Objective::Logistic => (outputs * targets * -1.0).softplus(),
        };
        mean_of_each(each)
    }
}

/// The mean of each example's numbers: `[examples, ..]` to `[examples]`.
pub fn mean_of_each(each: Var<'_>) -> Var<'_> {
    let shape = each.shape();
    let others: Vec<usize> = (1..shape.len()).collect();
    let numbers: usize = shape[1..].iter().product();
    if others.is_empty() { each } else { each.sum_axes(&others) * (1.0 / numbers as f32) }
}

/// A subject's model in a graph.
pub struct Recording<'g> {
    /// Where the inputs are to be put.
    pub inputs: Slot,
    /// Where the targets are to be put.
    pub targets: Slot,
    /// The weights.
    pub values: Values<'g>,
    /// The inputs.
    pub given: Var<'g>,
    /// The targets.
    pub asked: Var<'g>,
    /// What the model makes of the inputs.
    pub forward: Forward<'g>,
}

/// Parts of a subject's work at once: examples in a pass.
const CHUNK: usize = 128;

/// A plan over the subject's weights and [`CHUNK`] or fewer examples.
struct Chunked {
    executor: Executor,
    store: Store,
    inputs: Slot,
    targets: Slot,
    outputs: Vec<Output>,
    at_once: usize,
}

impl Subject {
    /// The same model with other weights.
    ///
    /// # Panics
    /// If there is not one list of the right length for each weight.
    pub fn store_with(&self, weights: &[Vec<f32>]) -> Store {
        let mut store = self.store.clone();
        for (slot, values) in self.weights.slots().iter().zip(weights) {
            store.values_mut(*slot).copy_from_slice(values);
        }
        store
    }

    /// The weights as trained, one list a weight.
    pub fn trained(&self) -> Vec<Vec<f32>> {
        self.weights.slots().iter().map(|slot| self.store.values(*slot).to_vec()).collect()
    }

    /// The unit of its loss.
    pub const fn loss_unit(&self) -> &'static str {
        match self.objective {
            Objective::CrossEntropy | Objective::Logistic => "nats",
            Objective::SquaredError => "",
        }
    }

    /// Shape of so many inputs or targets.
    pub fn shape_of(&self, count: usize, row: &[usize]) -> Shape {
        Shape::from([&[count], row].concat())
    }

    /// Records the model on `count` inputs and targets, for which `store` gets slots.
    ///
    /// # Panics
    /// If the store already has them.
    pub fn record<'g>(&self, graph: &'g Graph, store: &mut Store, count: usize) -> Recording<'g> {
        let inputs = store.add("subject.inputs", self.shape_of(count, &self.row));
        let targets = store.add("subject.targets", self.shape_of(count, &self.target));
        let values = self.weights.read(graph, store);
        let (given, asked) = (graph.read(store, inputs), graph.read(store, targets));
        let forward = self.model.forward(&values, given);
        Recording { inputs, targets, values, given, asked, forward }
    }

    fn chunked(
        &self,
        weights: &[Vec<f32>],
        count: usize,
        wanted: impl for<'g> FnOnce(&Forward<'g>, Var<'g>) -> Vec<Var<'g>>,
    ) -> Chunked {
        let mut store = self.store_with(weights);
        let at_once = count.clamp(1, CHUNK);
        let graph = Graph::new();
        let Recording { inputs, targets, asked, forward, .. } = self.record(&graph, &mut store, at_once);
        let found = wanted(&forward, asked);
        let outputs = found.into_iter().enumerate().map(|(i, v)| graph.output(i.to_string(), v)).collect();
        let executor = Executor::new(Arc::new(graph.plan()), self.pool.clone());
        Chunked { executor, store, inputs, targets, outputs, at_once }
    }

    /// For examples under some weights: what `wanted` makes of them, each `[examples, ..]`, row-major.
    pub fn examine(
        &self,
        weights: &[Vec<f32>],
        examples: &Examples,
        wanted: impl for<'g> FnOnce(&Forward<'g>, Var<'g>) -> Vec<Var<'g>>,
    ) -> Vec<Vec<f32>> {
        self.chunked(weights, examples.count, wanted).over(examples)
    }

    /// The loss of each example under some weights.
    pub fn losses(&self, weights: &[Vec<f32>], examples: &Examples) -> Vec<f32> {
        let objective = self.objective;
        let mut found = self.examine(weights, examples, |f, targets| vec![objective.losses(f.outputs, targets)]);
        found.swap_remove(0)
    }

    /// What the model answers, `[examples, .., outputs]`, under some weights.
    pub fn outputs(&self, weights: &[Vec<f32>], examples: &Examples) -> Vec<f32> {
        self.examine(weights, examples, |f, _| vec![f.outputs]).swap_remove(0)
    }

    /// The mean over examples of what `wanted` gives for each, `[examples]`, under many weights one after
    /// the other.
    pub fn means<'w>(
        &self,
        all: impl Iterator<Item = Vec<Vec<f32>>> + 'w,
        examples: &Examples,
        wanted: impl for<'g> FnOnce(&Forward<'g>, Var<'g>) -> Var<'g>,
    ) -> Vec<f64> {
        let mut chunked = self.chunked(&self.trained(), examples.count, |f, targets| vec![wanted(f, targets)]);
        let mean = |weights: Vec<Vec<f32>>| {
            for (slot, values) in self.weights.slots().iter().zip(&weights) {
                chunked.store.values_mut(*slot).copy_from_slice(values);
            }
            let found = chunked.over(examples).swap_remove(0);
            found.iter().map(|x| f64::from(*x)).sum::<f64>() / found.len().max(1) as f64
        };
        all.map(mean).collect()
    }

    /// Whether the answer to each target of the examples is right: 1 or 0. None for real targets.
    pub fn correct(&self, outputs: &[f32], examples: &Examples) -> Option<Vec<f64>> {
        let right = |fits: bool| f64::from(u8::from(fits));
        match self.objective {
            Objective::SquaredError => None,
            Objective::Logistic => {
                Some(outputs.iter().zip(&examples.targets).map(|(o, t)| right(o * t > 0.0)).collect())
            }
            Objective::CrossEntropy => {
                let classes = outputs.len() / examples.targets.len().max(1);
                let rows = outputs.chunks_exact(classes.max(1)).zip(&examples.targets);
                Some(rows.map(|(row, target)| right(best(row) as f32 == *target)).collect())
            }
        }
    }
}

/// The place of the largest value; of equal ones the first.
pub fn best(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

impl Chunked {
    fn over(&mut self, examples: &Examples) -> Vec<Vec<f32>> {
        let mut all = vec![Vec::new(); self.outputs.len()];
        let width = |values: &[f32]| values.len() / examples.count.max(1);
        let (row, target) = (width(&examples.inputs), width(&examples.targets));
        let mut found = Vec::new();
        for first in (0..examples.count).step_by(self.at_once) {
            let here = (examples.count - first).min(self.at_once);
            let part = |values: &'_ [f32], width: usize| values[first * width..(first + here) * width].to_vec();
            // A last part that is shorter leaves the rows before in the others' places.
            self.store.values_mut(self.inputs)[..here * row].copy_from_slice(&part(&examples.inputs, row));
            self.store.values_mut(self.targets)[..here * target].copy_from_slice(&part(&examples.targets, target));
            self.executor.run(&mut self.store);
            for (output, all) in self.outputs.iter().zip(&mut all) {
                self.executor.output_into(*output, &self.store, &mut found);
                all.extend_from_slice(&found[..found.len() / self.at_once * here]);
            }
        }
        all
    }
}
