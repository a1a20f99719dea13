//! Batch normalisation of each channel (Ioffe and Szegedy 2015), with running statistics for use after
//! training.

use crate::engine::ops::copy::Copy;
use crate::engine::{Slot, Store, Var};
use crate::nn::weights::{Builder, Init, Values, Weight};

/// Added to the variance.
const EPSILON: f32 = 1e-5;

/// Gain and bias of each channel, and its running mean and variance, which no optimiser changes.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    gain: Weight,
    bias: Weight,
    mean: Slot,
    variance: Slot,
    momentum: f32,
}

/// What a batch was normalised by.
#[derive(Clone, Copy, Debug)]
pub struct Statistics<'g> {
    /// Means `[channels]`.
    pub mean: Var<'g>,
    /// Variances `[channels]`, without bias.
    pub variance: Var<'g>,
}

impl BatchNorm {
    /// Gains begin at one, biases at zero, running means at zero and variances at one. Each batch moves
    /// the running statistics by the share `momentum` (0.1 is usual).
    pub fn new(b: &mut Builder<'_>, name: &str, channels: usize, momentum: f32) -> Self {
        b.within(name, |b| BatchNorm {
            gain: b.weight("gain", [channels], Init::Constant(1.0)),
            bias: b.weight("bias", [channels], Init::Constant(0.0)),
            mean: b.state("running_mean", [channels], 0.0),
            variance: b.state("running_variance", [channels], 1.0),
            momentum,
        })
    }

    /// In training: `[.., channels]`, normalised by the batch's own statistics, which
    /// [`BatchNorm::track`] takes.
    pub fn train<'g>(&self, values: &Values<'g>, x: Var<'g>) -> (Var<'g>, Statistics<'g>) {
        let shape = x.shape();
        let (count, channels) = (shape.rows() as f32, [shape.last_extent()]);
        let normalised = x.batch_norm(values[self.gain], values[self.bias], EPSILON);
        let unbiased = normalised.variance * (count / (count - 1.0).max(1.0));
        let (mean, variance) = (normalised.mean.reshape(channels), unbiased.reshape(channels));
        (normalised.value, Statistics { mean, variance })
    }

    /// Moves the running statistics towards those of a batch at the end of each step.
    ///
    /// # Panics
    /// If they are moved twice in one graph.
    pub fn track<'g>(&self, store: &Store, batch: Statistics<'g>) {
        let graph = batch.mean.graph();
        for (slot, new) in [(self.mean, batch.mean), (self.variance, batch.variance)] {
            let moved = graph.read(store, slot) * (1.0 - self.momentum) + new * self.momentum;
            graph.update(store, Copy, &[moved], &[slot]);
        }
    }

    /// After training: `[.., channels]`, normalised by the running statistics.
    pub fn evaluate<'g>(&self, store: &Store, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        let [mean, variance] = [self.mean, self.variance].map(|slot| x.graph().read(store, slot));
        let scale = values[self.gain] / (variance + EPSILON).sqrt();
        x * scale + (values[self.bias] - mean * scale)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::random::Key;
    use crate::base::threads::Pool;
    use crate::engine::{Executor, Graph};

    #[test]
    fn running_statistics_come_to_those_of_the_data() {
        let mut store = Store::new();
        let mut builder = Builder::new(&mut store, Key::new(1));
        let norm = BatchNorm::new(&mut builder, "norm", 2, 0.1);
        let weights = builder.finish();
        // Channel 0: -1 and 3, variance 8 without bias; channel 1: always 5.
        let images = vec![-1.0, 5.0, 3.0, 5.0];
        let graph = Graph::new();
        let x = graph.constant([2, 1, 1, 2], images.clone());
        let (y, statistics) = norm.train(&weights.read(&graph, &store), x);
        norm.track(&store, statistics);
        let output = graph.output("y", y);
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        executor.run(&mut store);
        let running = |store: &Store, name: &str| store.values(store.find(name).expect("a state")).to_vec();
        let close = |got: &[f32], want: &[f32]| got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(close(&executor.output(output, &store), &[-1.0, 0.0, 1.0, 0.0]));
        assert!(close(&running(&store, "norm.running_mean"), &[0.1, 0.5]));
        assert!(close(&running(&store, "norm.running_variance"), &[0.9 + 0.8, 0.9]));
        (0..200).for_each(|_| executor.run(&mut store));
        assert!(close(&running(&store, "norm.running_mean"), &[1.0, 5.0]));
        assert!(close(&running(&store, "norm.running_variance"), &[8.0, 0.0]));

        let graph = Graph::new();
        let x = graph.constant([2, 1, 1, 2], images);
        let y = graph.output("y", norm.evaluate(&store, &weights.read(&graph, &store), x));
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        executor.run(&mut store);
        let (y, half) = (executor.output(y, &store), 0.5f32.sqrt());
        assert!(close(&[y[0], y[2]], &[-half, half]));
        // The roots of 1e-5 are what channel 1 is divided by, and its mean is not met to the last bit.
        assert!(y[1].abs() < 0.01 && y[3].abs() < 0.01, "{y:?}");
        assert_eq!(weights.slots().len(), 2, "no optimiser sees the running statistics");
    }
}
