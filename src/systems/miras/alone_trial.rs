//! The trial of the memory alone: one rule on one kind of stream a step.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::alone::{self, RULES, STEPS, Steering, TASKS, attempt};
use super::panels;
use super::settings::{Alone, Settings};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Archive, Flow, Panel, Progress, Record, Setup, Trial, TrialError};
use crate::tasks::linear_stream::{Disturbance, LinearStream};

/// What is found, by the names under which it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Tries done.
    pub(super) done: u64,
    /// Lists of numbers: errors on fresh streams, traces over a stream, errors in tuning.
    pub(super) found: BTreeMap<String, Vec<f64>>,
    /// Chosen steps.
    pub(super) steps: BTreeMap<String, f32>,
}

/// The memory alone.
pub(super) struct AloneTrial {
    pub(super) alone: Alone,
    pub(super) robust: bool,
    key: Key,
    pool: Pool,
    pub(super) state: State,
}

impl AloneTrial {
    pub(super) fn start(settings: &Settings, setup: &Setup) -> Self {
        let (key, pool) = (setup.key.purpose("alone"), setup.pool.clone());
        AloneTrial { alone: settings.alone, robust: settings.robust, key, pool, state: State::default() }
    }

    /// The fresh outlier stream that is shown, and the memory of a rule after every pair of it.
    pub(super) fn shown(&self) -> LinearStream {
        let key = self.key.purpose("outlier").purpose("fresh");
        alone::streams(&self.alone, Disturbance::Outlier, 1, key).remove(0)
    }

    /// See [`AloneTrial::shown`]; none before the rule has its step.
    pub(super) fn memories(&self, rule: usize, stream: &LinearStream) -> Option<Vec<f32>> {
        let eta = *self.state.steps.get(&format!("outlier.{}", RULES[rule].name))?;
        let memories = alone::memories(rule, self.robust, stream, Steering { eta, alpha: 1.0 }, &self.pool);
        memories.iter().all(|x| x.is_finite()).then_some(memories)
    }

    /// One rule on one kind of stream.
    fn attempt(&mut self, record: &mut dyn Record) {
        let task = TASKS[self.state.done as usize];
        let (step, name) = (self.state.done + 1, task.name());
        let tried = attempt(&self.alone, self.robust, &task, self.key, &self.pool);
        let mut tell = |name: String, values: Vec<f64>| {
            record.vector(step, &name, values.clone());
            self.state.found.insert(name, values);
        };
        let (whole, errors) = tried.whole.clone();
        tell(name.clone(), errors.clone());
        if task.gated {
            tell(format!("{name}.tuning"), tried.tuning.clone());
        }
        if let Some((_, errors)) = &tried.forgetting {
            tell(format!("{name}.forgetting"), errors.clone());
        }
        self.state.steps.insert(name.clone(), whole.eta);
        if task.streams() == "outlier" {
            self.trace(task.rule, record);
        }
        let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len() as f64;
        record.metric(step, &name, mean(&errors));
        record.metric(step, &format!("{name}.eta"), f64::from(whole.eta));
        if let Some((forgetting, errors)) = &tried.forgetting {
            record.metric(step, &format!("{name}.forgetting"), mean(errors));
            record.metric(step, &format!("{name}.alpha"), f64::from(tried.tuned_alpha()));
            record.metric(step, &format!("{name}.forgetting.alpha"), f64::from(forgetting.alpha));
        }
        self.state.done = step;
    }

    /// The error of a rule on clean keys after every pair of the outlier stream that is shown.
    fn trace(&mut self, rule: usize, record: &mut dyn Record) {
        let (stream, step) = (self.shown(), self.state.done + 1);
        if rule == 0 {
            let outliers: Vec<f64> = stream.outliers.iter().map(|is| f64::from(u8::from(*is))).collect();
            record.vector(step, "trace.outliers", outliers.clone());
            self.state.found.insert("trace.outliers".into(), outliers);
        }
        let Some(memories) = self.memories(rule, &stream) else { return };
        let square = self.alone.width * self.alone.width;
        let errors: Vec<f64> = memories.chunks(square).map(|memory| stream.relative_error(memory)).collect();
        let name = format!("trace.{}", RULES[rule].name);
        record.vector(step, &name, errors.clone());
        self.state.found.insert(name, errors);
    }
}

impl Trial for AloneTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.state.done, steps: STEPS }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        self.attempt(record);
        Ok(if self.state.done >= STEPS { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        panels::alone(self)
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        archive.reachable(self.state.done <= STEPS)
    }
}
