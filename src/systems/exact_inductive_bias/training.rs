//! A trial that trains networks until each fits the training set, and measures their losses.

use serde::{Deserialize, Serialize};

use super::data;
use super::measure::Space;
use super::network::{Ensemble, singles};
use super::panels;
use super::settings::{Architecture, Body, Role, Settings};
use crate::contract::{Archive, Flow, Level, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::subject::{Examples, Objective, Subject};
use crate::nn::layers::Activation;
use crate::nn::optimiser::{Method, Moments};
use crate::nn::zoo::mlp::{Mlp, MlpShape};
use crate::training::{Learner, burst};

/// A trial of networks.
pub(super) struct NetworkTrial {
    refits: usize,
    ensemble: Ensemble,
    at: At,
}

/// How far it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct At {
    /// Epochs done; nets solved, where the last layer is.
    epoch: u64,
    /// Training steps done of the epoch at hand.
    batch: u64,
    /// For each net the epoch at which it first fitted, and its test error there.
    fitted: Vec<Option<(u64, f64)>>,
    /// Test error of each net after each epoch.
    history: Vec<Vec<f32>>,
}

impl NetworkTrial {
    pub(super) fn start(
        settings: &Settings,
        role: Role,
        space: Architecture,
        setup: &Setup,
    ) -> Result<Self, TrialError> {
        let data = data::split(settings, role == Role::Permuted, setup.key)?;
        let key = setup.key.purpose("networks");
        let ensemble = Ensemble::new(space, settings.digits.training, data, key, setup.pool.clone());
        let at = At { epoch: 0, batch: 0, fitted: vec![None; space.nets], history: Vec::new() };
        Ok(NetworkTrial { refits: settings.refits, ensemble, at })
    }

    /// Errors after an epoch: which nets have come to fit, and what there is to see.
    fn look(&mut self, record: &mut dyn Record) {
        let [train, test] = self.ensemble.errors();
        let epoch = self.at.epoch;
        for ((fitted, train), test) in self.at.fitted.iter_mut().zip(&train).zip(&test) {
            if fitted.is_none() && *train < self.ensemble.training.fitted {
                *fitted = Some((epoch, f64::from(*test)));
            }
        }
        let mean = |errors: &[f32]| errors.iter().map(|x| f64::from(*x)).sum::<f64>() / errors.len() as f64;
        record.metric(epoch, "train_loss", mean(&train));
        record.metric(epoch, "test_loss", mean(&test));
        record.metric(epoch, "fitted", self.at.fitted.iter().flatten().count() as f64);
        self.at.history.push(test);
    }

    /// Whether there is nothing more to train.
    fn done(&self) -> bool {
        self.at.epoch >= self.ensemble.training.epochs || self.at.fitted.iter().all(Option::is_some)
    }

    fn train(&mut self, record: &mut dyn Record) -> Result<bool, TrialError> {
        let steps = self.ensemble.steps();
        for _ in 0..burst(self.ensemble.step_flop()) {
            self.ensemble.train(self.at.epoch, self.at.batch)?;
            self.at.batch += 1;
            if self.at.batch == steps {
                (self.at.epoch, self.at.batch) = (self.at.epoch + 1, 0);
                self.look(record);
                break;
            }
        }
        Ok(self.at.batch == 0 && self.done())
    }

    /// Solves for the last layer of the next net; a net that cannot be solved for is dropped with the rest.
    fn solve(&mut self, record: &mut dyn Record) -> bool {
        if let Err(error) = self.ensemble.solve(self.at.epoch as usize) {
            record.note(self.at.epoch, Level::Warning, format!("net {}: {error}", self.at.epoch));
        }
        self.at.epoch += 1;
        let done = self.at.epoch == self.ensemble.space.nets as u64;
        if done {
            self.look(record);
        }
        done
    }

    fn losses(&self) -> Vec<f64> {
        self.at.fitted.iter().flatten().map(|(_, loss)| *loss).collect()
    }

    fn finish(&self, record: &mut dyn Record) {
        let (losses, epoch, nets) = (self.losses(), self.at.epoch, self.ensemble.space.nets);
        let dropped = nets - losses.len();
        record.metric(epoch, "dropped", dropped as f64 / nets as f64);
        if dropped > 0 {
            let text = format!("{dropped} of {nets} nets do not fit the training set and are dropped");
            record.note(epoch, Level::Warning, text);
        }
        if let Some(epochs) = self.at.fitted.iter().flatten().map(|(epoch, _)| *epoch).max() {
            record.metric(epoch, "epochs", epochs as f64);
        }
        match Space::fit(&losses, None) {
            Some(mut space) => {
                (0..self.refits).for_each(|_| space.refit(&losses, self.ensemble.key));
                space.record(record, epoch, panels::SPACE, None);
            }
            None => record.note(epoch, Level::Warning, "too few nets fit for a distribution of losses"),
        }
    }

    /// The first net as a perceptron of its own, for the bias card.
    fn first_net(&self) -> Subject {
        let Ensemble { learner, sizes, space, training, data, key, .. } = &self.ensemble;
        let (inputs, outputs) = (data.width, data.outputs);
        let shape = MlpShape::plain(inputs, sizes[1], sizes.len() - 2, outputs, Activation::Relu);
        let method = Method::Adam(Moments::default());
        let mut alone = Learner::new(*key, learner.pool.clone(), method, move |b| Mlp::new(b, &shape));
        let first = |values: &Vec<f32>| values[..values.len() / space.nets].to_vec();
        alone.set_weight_values(&learner.weight_values().iter().map(first).collect::<Vec<_>>());
        let examples = |x: &[f64], y: &[f64]| Examples::new(x.len() / inputs, singles(x), singles(y));
        let seen = [examples(&data.train, &data.train_labels), examples(&data.test, &data.test_labels)];
        let steps = self.at.epoch * self.ensemble.steps();
        Subject {
            initial: Some(learner.initial().iter().map(first).collect()),
            training: alone.trained_for(steps, training.batch, training.learning_rate),
            ..alone.subject(alone.model.clone(), Objective::SquaredError, seen, *key)
        }
    }
}

impl Trial for NetworkTrial {
    fn progress(&self) -> Progress {
        let steps = if self.ensemble.space.body == Body::Random {
            self.ensemble.space.nets as u64
        } else {
            self.ensemble.training.epochs
        };
        // Training ends when every net fits, mostly well before the last epoch that is allowed.
        Progress { step: self.at.epoch, steps: if self.done() { self.at.epoch } else { steps } }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        let done = if self.ensemble.space.body == Body::Random { self.solve(record) } else { self.train(record)? };
        if done {
            self.finish(record);
        }
        Ok(if done { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let epochs: Vec<Option<u64>> = self.at.fitted.iter().map(|fitted| fitted.map(|(epoch, _)| epoch)).collect();
        let mut shown: Vec<Panel> = panels::nets(&self.at.history, &epochs, &self.losses()).into_iter().collect();
        if let Some(space) = Space::fit(&self.losses(), None) {
            shown.push(panels::distribution(&[("networks".to_owned(), &space)], None));
        }
        shown
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        Ok(card::read(&self.first_net(), names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.at)?;
        self.ensemble.learner.keep(archive)
    }
}
