//! The learners of leg B: kernel ridge regression, and a perceptron.

use super::settings::Network;
use super::target::Seen;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Archive, TrialError};
use crate::engine::Shape;
use crate::instruments::hypothesis_bits::posterior::rbf_kernel;
use crate::instruments::subject::{Examples, Objective, Subject};
use crate::kernels::linalg::{LinalgError, solve_positive};
use crate::nn::layers::Activation;
use crate::nn::optimiser::{Method, Moments};
use crate::nn::zoo::mlp::{Mlp, MlpShape};
use crate::tasks::supply::Epochs;
use crate::training::{Learner, Pass, burst};

/// The mean squared error over the mean square of the values.
pub(super) fn relative_error(found: impl Iterator<Item = f64>, values: &[f64]) -> f64 {
    let off: f64 = found.zip(values).map(|(found, value)| (found - value).powi(2)).sum();
    off / values.iter().map(|value| value * value).sum::<f64>()
}

/// Ridge regression with a radial basis function kernel.
pub(super) struct Kernel {
    train: Seen,
    sigma: f64,
    dual: Vec<f64>,
}

impl Kernel {
    /// Solves `(K + ridge I) a = y`.
    ///
    /// # Errors
    /// When the kernel with its ridge is not positive definite.
    pub(super) fn fit(train: Seen, sigma: f64, ridge: f64) -> Result<Self, LinalgError> {
        let n = train.values.len();
        let mut kernel = rbf_kernel(&train.inputs, &train.inputs, train.width, sigma);
        (0..n).for_each(|i| kernel[i * n + i] += ridge);
        let dual = solve_positive(n, &kernel, 1, &train.values)?;
        Ok(Kernel { train, sigma, dual })
    }

    /// Relative error on other points.
    pub(super) fn relative_error(&self, test: &Seen) -> f64 {
        let across = rbf_kernel(&test.inputs, &self.train.inputs, test.width, self.sigma);
        let found = across.chunks(self.dual.len()).map(|row| row.iter().zip(&self.dual).map(|(k, a)| k * a).sum());
        relative_error(found, &test.values)
    }
}

/// A perceptron with its training points.
pub(super) struct Net {
    learner: Learner<Mlp>,
    settings: Network,
    train: Seen,
    key: Key,
    batch: usize,
    step: Pass,
    /// Outputs on the training and the test points.
    outputs: [Pass; 2],
    test_values: Vec<f64>,
    epochs: Epochs,
    /// Training steps done.
    done: u64,
}

fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|x| *x as f32).collect()
}

impl Net {
    pub(super) fn new(settings: Network, train: Seen, test: &Seen, key: Key, pool: Pool) -> Self {
        let (points, width) = (train.values.len(), train.width);
        let batch = points.min(settings.batch);
        let shape = MlpShape::plain(width, settings.width, settings.layers, 1, Activation::Relu);
        let method = Method::Adam(Moments::default());
        let mut learner = Learner::new(key, pool, method, move |b| Mlp::new(b, &shape));
        let inputs = [("x", Shape::from([batch, width])), ("y", Shape::from([batch, 1]))];
        let step = learner.training(&inputs, |model, values, given| {
            let off = model.forward(values, given[0]) - given[1];
            (off.square().mean(), Vec::new())
        });
        let sets = [("train", &train), ("test", test)];
        let outputs = sets.map(|(name, set)| {
            let shape = Shape::from([set.values.len(), width]);
            let pass = learner.pass(&[(name, shape)], |model, values, given| vec![model.forward(values, given[0])]);
            pass.set(&mut learner.store, 0, &singles(&set.inputs));
            pass
        });
        if batch == points {
            step.set(&mut learner.store, 0, &singles(&train.inputs));
            step.set(&mut learner.store, 1, &singles(&train.values));
        }
        let (test_values, epochs) = (test.values.clone(), Epochs::new(points, batch, key.purpose("order")));
        Net { learner, settings, train, key, batch, step, outputs, test_values, epochs, done: 0 }
    }

    /// Training steps worth a step of a trial.
    pub(super) fn steps_at_once(&self) -> u64 {
        burst(6.0 * (self.learner.parameters() * self.batch) as f64)
    }

    /// Training step `step`.
    pub(super) fn train(&mut self, step: u64) -> Result<(), TrialError> {
        let points = self.train.values.len();
        if self.batch < points {
            let width = self.train.width;
            for (i, row) in self.epochs.batch(step).iter().enumerate() {
                let row = *row as usize;
                let input = &self.train.inputs[row * width..(row + 1) * width];
                let to = &mut self.step.input(&mut self.learner.store, 0)[i * width..(i + 1) * width];
                to.iter_mut().zip(input).for_each(|(to, x)| *to = *x as f32);
                self.step.input(&mut self.learner.store, 1)[i] = self.train.values[row] as f32;
            }
        }
        self.done = step + 1;
        self.learner.train(&mut self.step, step, self.settings.learning_rate).map(|_| ())
    }

    fn found(&mut self, set: usize) -> Vec<f32> {
        self.outputs[set].run(&mut self.learner.store);
        self.outputs[set].output(&self.learner.store, 0)
    }

    /// Mean squared error on the training points.
    pub(super) fn training_error(&mut self) -> f64 {
        let found = self.found(0);
        let squares = found.iter().zip(&self.train.values).map(|(found, value)| (f64::from(*found) - value).powi(2));
        squares.sum::<f64>() / found.len() as f64
    }

    /// Relative error on the test points.
    pub(super) fn test_error(&mut self) -> f64 {
        let found = self.found(1);
        relative_error(found.into_iter().map(f64::from), &self.test_values)
    }

    pub(super) fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.under("network.").state(&mut self.done)?;
        self.learner.keep(archive)
    }

    /// What the bias card looks at.
    pub(super) fn subject(&self, test: &Seen) -> Subject {
        let examples = |set: &Seen| Examples::new(set.values.len(), singles(&set.inputs), singles(&set.values));
        let both = [examples(&self.train), examples(test).first(1000)];
        let subject = self.learner.subject(self.learner.model.clone(), Objective::SquaredError, both, self.key);
        Subject { training: self.learner.trained_for(self.done, self.batch, self.settings.learning_rate), ..subject }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(points: usize) -> Seen {
        let inputs: Vec<f64> = (0..points).flat_map(|i| [(i as f64 * 0.7).cos(), (i as f64 * 0.7).sin()]).collect();
        let values = inputs.chunks(2).map(|x| x[0] * x[1] + 0.3).collect();
        Seen { inputs, width: 2, values }
    }

    #[test]
    fn a_kernel_passes_through_its_points_and_learns_the_rest() {
        let kernel = Kernel::fit(seen(20), 1.0, 1e-6).unwrap();
        assert!(kernel.relative_error(&seen(20)) < 1e-6);
        assert!(kernel.relative_error(&seen(60)) < 1e-3);
        assert!((relative_error([0.0, 0.0].into_iter(), &[1.0, 2.0]) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_net_learns_with_and_without_batches() {
        let settings = Network { width: 16, layers: 2, learning_rate: 0.01, batch: 8, steps: 0, fitted: 0.01 };
        for points in [8, 24] {
            let mut net = Net::new(settings, seen(points), &seen(40), Key::new(1), Pool::serial());
            let before = net.training_error();
            (0..200).for_each(|step| net.train(step).unwrap());
            assert!(net.training_error() < 0.1 * before && net.steps_at_once() > 1, "{points}");
            assert!(net.test_error() < 0.5);
        }
    }
}
