//! A trial that trains networks until each fits the training set, and measures their losses.

use serde::{Deserialize, Serialize};

use super::data::Data;
use super::measure::Space;
use super::network::Ensemble;
use super::panels;
use super::settings::{Architecture, Body, Settings, Training};
use super::subject;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::Reading;
use crate::contract::{Checkpoint, Flow, Level, Panel, Progress, Record, Trial, TrialError};
use crate::instruments::card;
use crate::training::{checkpoint, state};

/// Floating-point operations worth a step of their own.
const STEP_FLOP: f64 = 1e9;

/// A trial of networks.
pub(super) struct NetworkTrial {
    space: Architecture,
    training: Training,
    refits: usize,
    key: Key,
    pool: Pool,
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
    pub(super) fn start(settings: &Settings, space: Architecture, data: Data, key: Key, pool: Pool) -> Self {
        let training = settings.digits.training;
        let key = key.purpose("networks");
        let ensemble = Ensemble::new(&space, &training, data, key, pool.clone());
        let at = At { epoch: 0, batch: 0, fitted: vec![None; space.nets], history: Vec::new() };
        NetworkTrial { space, training, refits: settings.refits, key, pool, ensemble, at }
    }

    /// Errors after an epoch: which nets have come to fit, and what there is to see.
    fn look(&mut self, record: &mut dyn Record) {
        let [train, test] = self.ensemble.errors();
        let epoch = self.at.epoch;
        for ((fitted, train), test) in self.at.fitted.iter_mut().zip(&train).zip(&test) {
            if fitted.is_none() && *train < self.training.fitted {
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
        self.at.epoch >= self.training.epochs || self.at.fitted.iter().all(Option::is_some)
    }

    fn train(&mut self, record: &mut dyn Record) -> Result<bool, TrialError> {
        let steps = self.ensemble.steps();
        let at_once = (STEP_FLOP / self.ensemble.step_flop()).ceil() as u64;
        for _ in 0..at_once {
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
        let done = self.at.epoch == self.space.nets as u64;
        if done {
            self.look(record);
        }
        done
    }

    fn losses(&self) -> Vec<f64> {
        self.at.fitted.iter().flatten().map(|(_, loss)| *loss).collect()
    }

    fn finish(&self, record: &mut dyn Record) {
        let (losses, epoch) = (self.losses(), self.at.epoch);
        let dropped = self.space.nets - losses.len();
        record.metric(epoch, "dropped", dropped as f64 / self.space.nets as f64);
        if dropped > 0 {
            let text = format!("{dropped} of {} nets do not fit the training set and are dropped", self.space.nets);
            record.note(epoch, Level::Warning, text);
        }
        if let Some(epochs) = self.at.fitted.iter().flatten().map(|(epoch, _)| *epoch).max() {
            record.metric(epoch, "epochs", epochs as f64);
        }
        match Space::fit(&losses, None) {
            Some(mut space) => {
                (0..self.refits).for_each(|_| space.refit(&losses, self.key));
                space.record(record, epoch, panels::SPACE, None);
            }
            None => record.note(epoch, Level::Warning, "too few nets fit for a distribution of losses"),
        }
    }
}

impl Trial for NetworkTrial {
    fn progress(&self) -> Progress {
        let steps = if self.space.body == Body::Random { self.space.nets as u64 } else { self.training.epochs };
        // Training ends when every net fits, mostly well before the last epoch that is allowed.
        Progress { step: self.at.epoch, steps: if self.done() { self.at.epoch } else { steps } }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        let done = if self.space.body == Body::Random { self.solve(record) } else { self.train(record)? };
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
        let subject = subject::of_first_net(&self.ensemble, &self.training, self.at.epoch, self.key, self.pool.clone());
        Ok(card::read(&subject, names, told))
    }

    fn save(&self) -> Checkpoint {
        let step = self.at.epoch * self.ensemble.steps() + self.at.batch;
        checkpoint(step, self.ensemble.learner.tensors(), &self.at)
    }

    fn restore(&mut self, saved: &Checkpoint) -> Result<(), TrialError> {
        let at: At = state(saved)?;
        if at.fitted.len() != self.space.nets {
            return Err(TrialError::Checkpoint("it is of another number of nets".into()));
        }
        self.ensemble.learner.restore(saved)?;
        self.at = at;
        Ok(())
    }
}
