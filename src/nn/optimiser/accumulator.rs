//! Gradients added up over several batches, so that a step sees more than memory holds at once.
//!
//! Two plans: one adds the gradient of a batch, the other takes the mean and steps.

use crate::engine::ops::copy::Copy;
use crate::engine::{Graph, Shape, Slot, Store, Var};
use crate::nn::weights::Weights;

/// Sums of gradients in the store, under `optimiser.accumulated.`.
#[derive(Clone, Debug)]
pub struct Accumulator {
    sums: Vec<Slot>,
    batches: Slot,
}

impl Accumulator {
    /// Sums for `weights`, zero.
    ///
    /// # Panics
    /// If the store already has an accumulator.
    pub fn new(store: &mut Store, weights: &Weights) -> Self {
        let sums = weights.slots().iter().map(|slot| {
            let (name, shape) = (store.name(*slot).to_owned(), store.shape(*slot).clone());
            store.add(format!("optimiser.accumulated.{name}"), shape)
        });
        let sums = sums.collect();
        Accumulator { sums, batches: store.add("optimiser.accumulated_batches", Shape::SCALAR) }
    }

    /// Appends to the graph of a batch: its gradients, one a weight, are added.
    ///
    /// # Panics
    /// If there is not one gradient a weight.
    pub fn add<'g>(&self, graph: &'g Graph, store: &Store, gradients: &[Var<'g>]) {
        assert_eq!(gradients.len(), self.sums.len(), "one gradient a weight");
        for (gradient, sum) in gradients.iter().zip(&self.sums) {
            graph.update(store, Copy, &[graph.read(store, *sum) + *gradient], &[*sum]);
        }
        graph.update(store, Copy, &[graph.read(store, self.batches) + 1.0], &[self.batches]);
    }

    /// The mean gradient of each weight over the batches that were added, for
    /// [`super::Optimiser::apply`] in a graph of its own; the sums begin again at zero. NaN if no batch
    /// was added.
    pub fn take<'g>(&self, graph: &'g Graph, store: &Store) -> Vec<Var<'g>> {
        let batches = graph.read(store, self.batches);
        let means = self.sums.iter().map(|sum| {
            let total = graph.read(store, *sum);
            graph.update(store, Copy, &[total.zeros_like()], &[*sum]);
            total / batches
        });
        let means = means.collect();
        graph.update(store, Copy, &[batches.zeros_like()], &[self.batches]);
        means
    }
}
