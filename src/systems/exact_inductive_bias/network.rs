//! A space of networks trained together: one batched product a layer for all of them.

use rand::seq::SliceRandom;

use super::data::Data;
use super::settings::{Architecture, Body, Training};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::TrialError;
use crate::engine::{Shape, Var};
use crate::kernels::linalg::{LinalgError, solve_positive};
use crate::nn::layers::EnsembleLinear;
use crate::nn::optimiser::{Group, Method, Moments};
use crate::nn::weights::{Builder, Values};
use crate::training::{Learner, Pass};

/// Added to the diagonal when a last layer is solved for, relative to its mean.
const RIDGE: f64 = 1e-6;

/// Perceptrons of ReLUs, as many as there are nets, sharing nothing.
#[derive(Clone, Debug)]
pub(super) struct Perceptrons {
    layers: Vec<EnsembleLinear>,
}

impl Perceptrons {
    /// `layers.I` of He's scale, the last one of scale 1.
    fn new(b: &mut Builder<'_>, nets: usize, sizes: &[usize]) -> Self {
        let last = sizes.len() - 2;
        let layer = |(i, pair): (usize, &[usize])| {
            let scale = if i == last { 1.0 } else { std::f32::consts::SQRT_2 };
            EnsembleLinear::new(b, &format!("layers.{i}"), nets, pair[0], pair[1], scale)
        };
        Perceptrons { layers: sizes.windows(2).enumerate().map(layer).collect() }
    }

    /// What the last hidden layer gives (the inputs, if there is none).
    fn hidden<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        self.layers[..self.layers.len() - 1].iter().fold(x, |x, layer| layer.forward(values, x).relu())
    }

    fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        self.layers[self.layers.len() - 1].forward(values, self.hidden(values, x))
    }
}

/// Networks with their data.
pub(super) struct Ensemble {
    /// Weights and optimiser.
    pub(super) learner: Learner<Perceptrons>,
    /// Widths from inputs to outputs.
    pub(super) sizes: Vec<usize>,
    /// What they are.
    pub(super) space: Architecture,
    /// How they are trained.
    pub(super) training: Training,
    /// What they are trained on.
    pub(super) data: Data,
    /// Root of their random streams.
    pub(super) key: Key,
    step: Pass,
    /// Mean squared error of each net on the training set and on the test set.
    errors: [Pass; 2],
}

/// Numbers of data as networks take them.
pub(super) fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|x| *x as f32).collect()
}

impl Ensemble {
    /// Networks with weights and data orders of their own, below `key`.
    pub(super) fn new(space: Architecture, training: Training, data: Data, key: Key, pool: Pool) -> Self {
        let sizes = space.sizes(data.width, data.outputs);
        let (nets, batch) = (space.nets, training.batch);
        let last = format!("layers.{}.", sizes.len() - 2);
        let group = |name: &str, _: &Shape| Group {
            frozen: space.body != Body::Trained && !name.starts_with(&last),
            ..Group::default()
        };
        let method = Method::Adam(Moments::default());
        let widths = sizes.clone();
        let mut learner = Learner::with_groups(key, pool, method, group, move |b| Perceptrons::new(b, nets, &widths));
        let (width, outputs) = (data.width, data.outputs);
        let inputs = [("x", Shape::from([nets, batch, width])), ("y", Shape::from([nets, batch, outputs]))];
        let step = learner.training(&inputs, |model, values, given| {
            let off = model.forward(values, given[0]) - given[1];
            // A mean over each batch and a sum over the nets, which so have the gradients they would have alone.
            (off.square().sum() * (1.0 / (batch * outputs) as f32), Vec::new())
        });
        let errors = [("train", data.count()), ("test", data.test.len() / width)].map(|(name, count)| {
            let (x, y) = (format!("{name}.x"), format!("{name}.y"));
            let inputs = [(x.as_str(), Shape::from([count, width])), (y.as_str(), Shape::from([count, outputs]))];
            learner.pass(&inputs, |model, values, given| {
                let all = model.forward(values, given[0]);
                let off = all - given[1].broadcast_to(all.shape());
                vec![off.square().sum_axes(&[1, 2]) * (1.0 / (count * outputs) as f32)]
            })
        });
        let ends = [(&data.train, &data.train_labels), (&data.test, &data.test_labels)];
        for (pass, (x, y)) in errors.iter().zip(ends) {
            pass.set(&mut learner.store, 0, &singles(x));
            pass.set(&mut learner.store, 1, &singles(y));
        }
        Ensemble { learner, sizes, space, training, data, key, step, errors }
    }

    /// Steps of an epoch; what does not fill a batch is left out of that epoch.
    pub(super) fn steps(&self) -> u64 {
        (self.data.count() / self.training.batch) as u64
    }

    /// Floating-point operations of a training step.
    pub(super) fn step_flop(&self) -> f64 {
        6.0 * (Architecture::weights(&self.sizes) * self.training.batch * self.space.nets) as f64
    }

    /// Step `step` of an epoch, each net on a batch of its own order.
    pub(super) fn train(&mut self, epoch: u64, step: u64) -> Result<(), TrialError> {
        let done = epoch * self.steps() + step;
        let Ensemble { learner, data, step: pass, .. } = self;
        let Training { batch, learning_rate, .. } = self.training;
        for net in 0..self.space.nets {
            let mut order: Vec<usize> = (0..data.count()).collect();
            order.shuffle(&mut self.key.purpose("order").index(epoch).index(net as u64).stream());
            let rows = &order[step as usize * batch..][..batch];
            for (input, (from, width)) in
                [(&data.train, data.width), (&data.train_labels, data.outputs)].into_iter().enumerate()
            {
                let to = &mut pass.input(&mut learner.store, input)[net * batch * width..][..batch * width];
                for (to, row) in to.chunks_mut(width).zip(rows) {
                    to.iter_mut().zip(&from[row * width..]).for_each(|(to, x)| *to = *x as f32);
                }
            }
        }
        learner.train(pass, done, learning_rate).map(|_| ())
    }

    /// Mean squared error of each net, training and test.
    pub(super) fn errors(&mut self) -> [Vec<f32>; 2] {
        let store = &mut self.learner.store;
        self.errors.each_mut().map(|pass| {
            pass.run(store);
            pass.output(store, 0)
        })
    }

    /// Solves for the last layer of net `net`: ridge regression on what its body gives, of almost no penalty.
    ///
    /// # Errors
    /// When the system cannot be solved.
    pub(super) fn solve(&mut self, net: usize) -> Result<(), LinalgError> {
        let (n, outputs) = (self.data.count(), self.data.outputs);
        let features = self.features(net);
        let width = features.len() / n;
        let row = |i: usize| &features[i * width..(i + 1) * width];
        // In the dual, as there may be fewer points than features: W = F^T (F F^T + r I)^-1 Y.
        let mut gram = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let inner: f64 = row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
                (gram[i * n + j], gram[j * n + i]) = (inner, inner);
            }
        }
        let ridge = RIDGE * (0..n).map(|i| gram[i * n + i]).sum::<f64>() / n as f64;
        (0..n).for_each(|i| gram[i * n + i] += ridge);
        let dual = solve_positive(n, &gram, outputs, &self.data.train_labels)?;
        let slots = self.learner.weights.slots();
        let (weight, bias) = (slots[slots.len() - 2], slots[slots.len() - 1]);
        let of = |f: usize, o: usize| (0..n).map(|i| features[i * width + f] * dual[i * outputs + o]).sum::<f64>();
        let inputs = width - 1;
        let solved: Vec<f32> = (0..inputs * outputs).map(|at| of(at / outputs, at % outputs) as f32).collect();
        let biases: Vec<f32> = (0..outputs).map(|o| of(inputs, o) as f32).collect();
        let store = &mut self.learner.store;
        store.values_mut(weight)[net * inputs * outputs..][..inputs * outputs].copy_from_slice(&solved);
        store.values_mut(bias)[net * outputs..][..outputs].copy_from_slice(&biases);
        Ok(())
    }

    /// What the body of a net gives on the training points, with a 1 behind it for the bias.
    fn features(&self, net: usize) -> Vec<f64> {
        let slots = self.learner.weights.slots();
        let values = |layer: usize, part: usize, size: usize| {
            &self.learner.store.values(slots[2 * layer + part])[net * size..(net + 1) * size]
        };
        let mut rows: Vec<Vec<f64>> = self.data.train.chunks(self.data.width).map(<[f64]>::to_vec).collect();
        for (layer, pair) in self.sizes.windows(2).enumerate().take(self.sizes.len() - 2) {
            let (weight, bias) = (values(layer, 0, pair[0] * pair[1]), values(layer, 1, pair[1]));
            for row in &mut rows {
                let mut next: Vec<f64> = bias.iter().map(|b| f64::from(*b)).collect();
                for (x, weights) in row.iter().zip(weight.chunks(pair[1])) {
                    next.iter_mut().zip(weights).for_each(|(next, w)| *next += x * f64::from(*w));
                }
                *row = next.into_iter().map(|x| x.max(0.0)).collect();
            }
        }
        rows.into_iter().flat_map(|row| row.into_iter().chain([1.0])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points in a plane with two outputs that a small net can learn.
    fn data(count: usize) -> Data {
        let x: Vec<f64> = (0..2 * count).map(|i| (i as f64 * 0.7).sin()).collect();
        let y: Vec<f64> = x.chunks(2).flat_map(|x| [x[0] * x[1], x[0] - x[1]]).collect();
        Data { width: 2, outputs: 2, train: x.clone(), train_labels: y.clone(), test: x, test_labels: y }
    }

    fn ensemble(nets: usize, width: usize, body: Body, count: usize) -> Ensemble {
        let space = Architecture { width, depth: 1, nets, body };
        let training = Training { batch: 8, learning_rate: 0.01, fitted: 0.01, epochs: 10 };
        Ensemble::new(space, training, data(count), Key::new(3), Pool::serial())
    }

    #[test]
    fn nets_begin_apart_and_learn() {
        let mut nets = ensemble(5, 16, Body::Trained, 24);
        let [before, _] = nets.errors();
        assert!((1..5).all(|i| before[i] != before[0]));
        for step in 0..120 {
            nets.train(step / nets.steps(), step % nets.steps()).unwrap();
        }
        let [after, test] = nets.errors();
        assert!(after.iter().zip(&before).all(|(after, before)| after < &(0.3 * before)), "{before:?} {after:?}");
        assert_eq!(after, test, "training and test data are the same here");
    }

    #[test]
    fn more_nets_leave_the_first_as_they_were() {
        let run = |count: usize| {
            let mut nets = ensemble(count, 8, Body::Trained, 24);
            (0..6).for_each(|step| nets.train(step / 3, step % 3).unwrap());
            nets.errors()[0][0]
        };
        assert!((run(1) - run(4)).abs() < 1e-6);
    }

    #[test]
    fn a_frozen_body_stays_and_its_last_layer_learns() {
        let mut nets = ensemble(2, 16, Body::Frozen, 24);
        let (weights, [before, _]) = (nets.learner.weight_values(), nets.errors());
        (0..60).for_each(|step| nets.train(step / 3, step % 3).unwrap());
        let (moved, [after, _]) = (nets.learner.weight_values(), nets.errors());
        assert_eq!(weights[..4], moved[..4]);
        assert_ne!(weights[4..], moved[4..]);
        assert!(after[0] < before[0]);
    }

    #[test]
    fn a_wide_random_body_solved_for_passes_through_the_points() {
        // 24 points and 64 features: almost no error is left, and the other net is not touched.
        let mut nets = ensemble(2, 64, Body::Random, 24);
        let [before, _] = nets.errors();
        nets.solve(1).unwrap();
        let [after, _] = nets.errors();
        assert!(after[1] < 1e-4, "{after:?}");
        assert_eq!(after[0], before[0]);
    }
}
