//! A trial: one condition, one seed; deterministic, resumable, independent of every other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Archive, Checkpoint, Closing, Event, Level, Panel, Reading};
use crate::base::random::Key;
use crate::base::threads::Pool;

/// Which trial: its name, its condition, its replica.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialSpec {
    /// Unique in the study and fit for a folder's name: `k-inf.s0`.
    pub name: String,
    /// What is the same over its seeds: `K = inf`.
    pub condition: String,
    /// Replica, from 0.
    pub seed: u64,
    /// Where it stands on the axes of the study: `tasks` -> `inf`.
    pub axes: BTreeMap<String, String>,
    /// Steps that it will take, as [`Progress::steps`] counts them.
    pub steps: u64,
    /// Examples that a step trains on; 0 where a step is no batch of them, or nobody knows.
    #[serde(default)]
    pub examples: u64,
    /// Floating-point operations that it will take, so that the time left can be told when trials
    /// differ; 0 if nobody knows.
    pub flop: f64,
}

impl TrialSpec {
    /// Examples that were trained on after so many steps, each counted as often as it was; none if nobody knows.
    pub fn examples_at(&self, step: u64) -> Option<u64> {
        (self.examples > 0).then(|| self.examples.saturating_mul(step))
    }

    /// Floating-point operations of so many steps, all steps taken as equal; none if nobody knows.
    pub fn flop_at(&self, step: u64) -> Option<f64> {
        (self.flop > 0.0 && self.steps > 0).then(|| self.flop * (step as f64 / self.steps as f64))
    }
}

/// What a trial is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its replica.
    pub seed: u64,
    /// Root of the random streams of its replica; all conditions of a replica share it.
    pub key: Key,
    /// Threads it may use; must not change what it computes.
    pub pool: Pool,
}

/// How far a trial is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
}

/// Whether a trial goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// More steps to come.
    More,
    /// That was the last.
    Done,
}

/// Why a trial cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// A value was not finite.
    #[error("{what} was not finite at step {step}{}", of_seed(*seed))]
    Diverged {
        /// Training step.
        step: u64,
        /// Which value.
        what: String,
        /// Seed of the stream that the step's batch was drawn from, if it was drawn.
        seed: Option<u64>,
    },
    /// A checkpoint does not belong to this trial.
    #[error("the checkpoint does not fit: {0}")]
    Checkpoint(String),
    /// Data that the trial needs is missing or broken.
    #[error("{0}")]
    Data(String),
}

fn of_seed(seed: Option<u64>) -> String {
    seed.map_or_else(String::new, |seed| format!(" (batch of seed {seed:#018x})"))
}

impl TrialError {
    /// Data that cannot be had, in the words of their reader.
    pub fn data(error: impl ToString) -> Self {
        TrialError::Data(error.to_string())
    }

    /// The same, with the seed of the batch at which it diverged.
    #[must_use]
    pub fn of_batch(self, number: u64) -> Self {
        match self {
            TrialError::Diverged { step, what, .. } => TrialError::Diverged { step, what, seed: Some(number) },
            other => other,
        }
    }

    /// What a trial says to a knob that it does not have.
    pub fn no_knob(name: &str) -> Self {
        TrialError::Data(format!("this trial has no knob `{name}`"))
    }

    /// How a trial that ends with this error is closed.
    pub fn closing(&self) -> Closing {
        match self {
            TrialError::Diverged { .. } => Closing::Diverged,
            TrialError::Checkpoint(_) | TrialError::Data(_) => Closing::Failed,
        }
    }
}

/// Where a trial writes what it finds.
pub trait Record {
    /// Takes one event.
    fn event(&mut self, event: Event);
}

impl Record for Vec<Event> {
    fn event(&mut self, event: Event) {
        self.push(event);
    }
}

impl dyn Record + '_ {
    /// Records a number.
    pub fn metric(&mut self, step: u64, name: &str, value: f64) {
        self.event(Event::Metric { step, name: name.to_owned(), value });
    }

    /// Records a list of numbers.
    pub fn vector(&mut self, step: u64, name: &str, values: Vec<f64>) {
        self.event(Event::Vector { step, name: name.to_owned(), values });
    }

    /// Records a sentence.
    pub fn note(&mut self, step: u64, level: Level, text: impl Into<String>) {
        self.event(Event::Note { step, level, text: text.into() });
    }
}

/// A running trial. Nothing in it may depend on the machine, the threads or the clock.
pub trait Trial: Send {
    /// How far it is.
    fn progress(&self) -> Progress;

    /// Goes on for some tens of milliseconds, so that pause, stop and checkpoint are prompt.
    ///
    /// # Errors
    /// When it cannot go on; the trial is then over.
    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError>;

    /// What there is to see now. Asked at frame rate while somebody watches, never from `step`;
    /// must not change what later steps compute.
    fn panels(&mut self) -> Vec<Panel>;

    /// Names everything that a checkpoint of it holds, to be written or read back; read back into a trial that was
    /// just started.
    ///
    /// # Errors
    /// [`TrialError::Checkpoint`] when what is read back is not of this trial.
    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError>;

    /// Turns a knob of the system: later steps read another value, and nothing else changes. Called
    /// between steps, and again in the same order after it was restored.
    ///
    /// # Errors
    /// When the system has no such knob.
    fn turn(&mut self, knob: &str, _value: f64) -> Result<(), TrialError> {
        Err(TrialError::no_knob(knob))
    }

    /// Where the first value of the next step that is not finite comes from: operation and weights.
    /// Called on a trial that stands before the step at which it diverged; it is not used afterwards.
    fn trace_divergence(&mut self) -> Option<String> {
        None
    }

    /// What the named instruments say about the model as it is, in the order of the bias card; names that
    /// are not known are left out. `told` hears how many are done, of how many, and which comes next. Called on
    /// a trial that stands still; must not change what later steps compute.
    ///
    /// # Errors
    /// A sentence about why there is nothing to read, without its full stop.
    fn readings(
        &mut self,
        _instruments: &[&str],
        _told: &mut dyn FnMut(usize, usize, &str),
    ) -> Result<Vec<Reading>, String> {
        Err("this trial trains no model".into())
    }
}

impl dyn Trial + '_ {
    /// A checkpoint of the trial as it is.
    ///
    /// # Panics
    /// If it does not keep itself (the contract's test holds that every trial does).
    pub fn save(&mut self) -> Checkpoint {
        let mut checkpoint = Checkpoint { step: self.progress().step, ..Checkpoint::default() };
        self.keep(&mut Archive::saving(&mut checkpoint)).expect("only reading back can fail");
        checkpoint
    }

    /// Goes back to a checkpoint; called on a trial that was just started.
    ///
    /// # Errors
    /// [`TrialError::Checkpoint`] when it is not of this trial.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrialError> {
        self.keep(&mut Archive::restoring(checkpoint))
    }
}

/// What a trial recorded, as the judge sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialResult {
    /// Which trial.
    pub spec: TrialSpec,
    /// Every metric: points (step, value) in the order recorded.
    pub metrics: BTreeMap<String, Vec<(u64, f64)>>,
    /// The last value of every vector, with its step.
    pub vectors: BTreeMap<String, (u64, Vec<f64>)>,
    /// How it ended; none while it runs.
    pub closing: Option<Closing>,
}

impl TrialResult {
    /// A result with nothing in it yet.
    pub fn new(spec: TrialSpec) -> Self {
        TrialResult { spec, metrics: BTreeMap::new(), vectors: BTreeMap::new(), closing: None }
    }

    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Metric { step, name, value } => {
                self.metrics.entry(name.clone()).or_default().push((*step, *value));
            }
            Event::Vector { step, name, values } => {
                self.vectors.insert(name.clone(), (*step, values.clone()));
            }
            Event::Closed { closing } => self.closing = Some(*closing),
            Event::Opened { .. } | Event::Turned { .. } | Event::Note { .. } => {}
        }
    }

    /// The last value of a metric.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.metrics.get(name)?.last().map(|(_, value)| *value)
    }

    /// The last values of a vector.
    pub fn vector(&self, name: &str) -> Option<&[f64]> {
        self.vectors.get(name).map(|(_, values)| values.as_slice())
    }
}
