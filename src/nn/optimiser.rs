//! Optimisers as updates at the end of a graph, and learning-rate schedules.

use crate::engine::ops::{adam, copy::Copy};
use crate::engine::{GradientError, Graph, Output, Shape, Slot, Store, Var};
use crate::nn::weights::{Values, Weights};

/// What Adam is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamSettings {
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Largest global norm of the gradient; a longer one is shortened to it.
    pub clip: Option<f32>,
}

/// Adam with its state in the store, and a learning rate that is set before each step.
#[derive(Clone, Debug)]
pub struct Adam {
    settings: AdamSettings,
    moments: Vec<[Slot; 2]>,
    learning_rate: Slot,
    steps: Slot,
}

impl Adam {
    /// State for `weights`, under `optimiser.` in the store.
    pub fn new(store: &mut Store, weights: &Weights, settings: AdamSettings) -> Self {
        let moments = weights.slots().iter().map(|slot| {
            let (name, shape) = (store.name(*slot).to_owned(), store.shape(*slot).clone());
            ["first", "second"].map(|moment| store.add(format!("optimiser.{moment}.{name}"), shape.clone()))
        });
        let moments = moments.collect();
        let learning_rate = store.add("optimiser.learning_rate", Shape::SCALAR);
        Adam { settings, moments, learning_rate, steps: store.add("optimiser.steps", Shape::SCALAR) }
    }

    /// Appends to the graph: gradient of `loss`, clipping, update. Gives the gradient's norm before
    /// clipping.
    ///
    /// # Errors
    /// When the loss cannot be differentiated.
    pub fn minimise<'g>(
        &self,
        graph: &'g Graph,
        store: &Store,
        weights: &Weights,
        values: &Values<'g>,
        loss: Var<'g>,
    ) -> Result<Output, GradientError> {
        let gradients = graph.gradient(loss, values.vars())?;
        let squares = gradients.iter().map(|g| g.sum_squares()).reduce(|a, b| a + b);
        let squares = squares.unwrap_or_else(|| graph.scalar(0.0));
        let factor = self.settings.clip.map_or_else(|| graph.scalar(1.0), |limit| squares.clip_scale(limit));
        let (rate, steps) = (graph.read(store, self.learning_rate), graph.read(store, self.steps));
        let AdamSettings { beta1, beta2, epsilon, .. } = self.settings;
        for ((gradient, slot), [first, second]) in gradients.iter().zip(weights.slots()).zip(&self.moments) {
            let op = adam::Adam { beta1, beta2, epsilon };
            graph.update(store, op, &[*gradient, factor, rate, steps], &[*slot, *first, *second]);
        }
        graph.update(store, Copy, &[steps + 1.0], &[self.steps]);
        Ok(graph.output("gradient_norm", squares.sqrt()))
    }

    /// Sets the learning rate of the next step.
    pub fn set_learning_rate(&self, store: &mut Store, learning_rate: f32) {
        store.values_mut(self.learning_rate)[0] = learning_rate;
    }
}

/// Linear warm-up: `peak * (step + 1) / warm_up` until `peak` is reached; `step` from 0.
pub fn warm_up(peak: f32, warm_up: u64, step: u64) -> f32 {
    if step + 1 >= warm_up { peak } else { peak * (step + 1) as f32 / warm_up as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warm_up_ends_at_the_peak() {
        assert_eq!(warm_up(1.0, 4, 0), 0.25);
        assert_eq!(warm_up(1.0, 4, 3), 1.0);
        assert_eq!(warm_up(1.0, 4, 100), 1.0);
        assert_eq!(warm_up(1.0, 0, 0), 1.0);
    }
}
