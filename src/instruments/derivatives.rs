//! Gradients of a subject's loss, one an example or of many together, and products with its Hessian.

use std::sync::Arc;

use super::sharpness::{HessianVector, difference_product};
use super::subject::{Examples, Subject};
use crate::engine::{Executor, Graph, Output, Slot, Store};

/// How far to each side the central differences look, in units of the direction's length: in f32 this
/// balances rounding against curvature.
const DIFFERENCE: f64 = 1e-2;

/// A plan of loss and gradient over a fixed number of examples.
pub struct Gradients {
    executor: Executor,
    store: Store,
    weights: Vec<Slot>,
    inputs: Slot,
    targets: Slot,
    loss: Output,
    gradients: Vec<Output>,
    of_inputs: Output,
}

impl Gradients {
    /// A plan over `count` examples.
    ///
    /// # Errors
    /// A sentence when the model has no gradient.
    pub fn new(subject: &Subject, count: usize) -> Result<Self, String> {
        let mut store = subject.store.clone();
        let graph = Graph::new();
        let at = subject.record(&graph, &mut store, count);
        let (inputs, targets) = (at.inputs, at.targets);
        let loss = subject.objective.losses(at.forward.outputs, at.asked).mean();
        let mut by = at.values.vars().to_vec();
        by.push(at.given);
        let mut gradients = graph.gradient(loss, &by).map_err(|error| error.to_string())?;
        let of_inputs = gradients.pop().ok_or("the model has no input")?;
        let of_inputs = graph.output("inputs", of_inputs);
        let gradients = gradients.into_iter().enumerate().map(|(i, g)| graph.output(i.to_string(), g)).collect();
        let loss = graph.output("loss", loss);
        let executor = Executor::new(Arc::new(graph.plan()), subject.pool.clone());
        let weights = subject.weights.slots().to_vec();
        Ok(Gradients { executor, store, weights, inputs, targets, loss, gradients, of_inputs })
    }

    /// Sets the weights, one after the other in one list.
    pub fn set_weights(&mut self, flat: &[f64]) {
        let mut rest = flat;
        for slot in &self.weights {
            let values = self.store.values_mut(*slot);
            let (here, after) = rest.split_at(values.len());
            values.iter_mut().zip(here).for_each(|(value, x)| *value = *x as f32);
            rest = after;
        }
    }

    /// Mean loss and its gradient by all weights, on examples as many as the plan is for.
    pub fn of(&mut self, examples: &Examples) -> (f64, Vec<f64>) {
        self.run(examples);
        let mut flat = Vec::new();
        let mut found = Vec::new();
        for output in &self.gradients {
            self.executor.output_into(*output, &self.store, &mut found);
            flat.extend(found.iter().map(|x| f64::from(*x)));
        }
        (f64::from(self.executor.number(self.loss, &self.store)), flat)
    }

    /// The gradient of the mean loss by the inputs, as many numbers as they have.
    pub fn of_inputs(&mut self, examples: &Examples) -> Vec<f32> {
        self.run(examples);
        self.executor.output(self.of_inputs, &self.store)
    }

    fn run(&mut self, examples: &Examples) {
        self.store.values_mut(self.inputs).copy_from_slice(&examples.inputs);
        self.store.values_mut(self.targets).copy_from_slice(&examples.targets);
        self.executor.run(&mut self.store);
    }
}

/// One list of numbers as a list a weight: the inverse of [`flat`].
///
/// # Panics
/// If there are fewer numbers than the subject has weights.
pub fn unflat(subject: &Subject, flat: &[f64]) -> Vec<Vec<f32>> {
    let mut rest = flat;
    let weights = subject.weights.slots().iter().map(|slot| {
        let (here, after) = rest.split_at(subject.store.values(*slot).len());
        rest = after;
        here.iter().map(|x| *x as f32).collect()
    });
    weights.collect()
}

/// Weights as one list.
pub fn flat(weights: &[Vec<f32>]) -> Vec<f64> {
    weights.iter().flatten().map(|x| f64::from(*x)).collect()
}

/// Products with the Hessian of a subject's mean loss on some examples, at the trained weights.
pub struct Hessian {
    exact: Option<(HessianVector, Store)>,
    differences: Option<(Gradients, Vec<f64>, Examples)>,
}

impl Hessian {
    /// Exact where every op has a second derivative, else by central differences of gradients.
    ///
    /// # Errors
    /// A sentence when the model has no gradient at all.
    pub fn new(subject: &Subject, examples: &Examples) -> Result<Self, String> {
        let mut store = subject.store.clone();
        let exact = HessianVector::new(&mut store, &subject.weights, subject.pool.clone(), |graph, _, values| {
            let constant =
                |row: &[usize], values: &[f32]| graph.constant(subject.shape_of(examples.count, row), values.to_vec());
            let forward = subject.model.forward(values, constant(&subject.row, &examples.inputs));
            subject.objective.losses(forward.outputs, constant(&subject.target, &examples.targets)).mean()
        });
        Ok(match exact {
            Ok(product) => Hessian { exact: Some((product, store)), differences: None },
            Err(_) => {
                let gradients = Gradients::new(subject, examples.count)?;
                Hessian { exact: None, differences: Some((gradients, flat(&subject.trained()), examples.clone())) }
            }
        })
    }

    /// Whether products are exact.
    pub const fn is_exact(&self) -> bool {
        self.exact.is_some()
    }

    /// `H v`; weights one after the other.
    pub fn product(&mut self, v: &[f64]) -> Vec<f64> {
        match (&mut self.exact, &mut self.differences) {
            (Some((product, store)), _) => product.apply(store, v),
            (None, Some((gradients, weights, examples))) => {
                let gradient = |at: &[f64]| {
                    gradients.set_weights(at);
                    gradients.of(examples).1
                };
                difference_product(gradient, weights, v, DIFFERENCE)
            }
            (None, None) => vec![0.0; v.len()],
        }
    }
}

/// The gradient of each example's loss at the trained weights, and the losses.
///
/// # Errors
/// A sentence when the model has no gradient.
pub fn per_example(subject: &Subject, examples: &Examples) -> Result<(Vec<f64>, Vec<Vec<f64>>), String> {
    per_example_at(subject, examples, &flat(&subject.trained()))
}

/// The same at other weights, one after the other in one list.
///
/// # Errors
/// A sentence when the model has no gradient.
pub fn per_example_at(
    subject: &Subject,
    examples: &Examples,
    weights: &[f64],
) -> Result<(Vec<f64>, Vec<Vec<f64>>), String> {
    let mut one = Gradients::new(subject, 1)?;
    one.set_weights(weights);
    Ok((0..examples.count).map(|i| one.of(&examples.select(&[i]))).unzip())
}
