//! A running trial: train, look every so often, examine at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::learner::Learner;
use super::measure::{self, Curves, Set};
use super::panels;
use super::sets::Sets;
use super::settings::{Placed, Settings};
use crate::base::random::Key;
use crate::contract::{Archive, Cell, Event, Flow, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::subject::Subject;
use crate::tasks::base_set::BaseSet;
use crate::tasks::gpicl::{Batch, Evaluation, Gpicl};
use crate::tasks::references;
use crate::training::Trained;

/// Sequences of each kind that the bias card looks at.
const CARD: usize = 128;

/// Sequences on which the reference's learning rate is tuned.
const TUNING: usize = 64;

/// One condition, one seed.
pub(super) struct GpiclTrial {
    cell: Cell<Placed>,
    settings: Settings,
    key: Key,
    family: Gpicl,
    foreign: Vec<Arc<BaseSet>>,
    learner: Learner,
    batch: Batch,
    probes: Vec<Set>,
    /// Made when training is over, as they are large.
    finals: Option<Finals>,
    state: State,
    curves: Curves,
    /// Taken once: it costs a few steps.
    profile: Option<Panel>,
}

/// What a checkpoint keeps beside weights and optimiser.
#[derive(Default, Serialize, Deserialize)]
struct State {
    /// Training steps done.
    step: u64,
    /// Final sets examined.
    examined: u64,
    history: Vec<panels::Moment>,
}

/// The final sets, and the learning rate of the reference on them.
struct Finals {
    sets: Vec<Set>,
    learning_rate: f32,
}

impl GpiclTrial {
    /// Starts the trial of a cell. Its tasks and evaluation sequences depend on the seed and not on
    /// the condition, so that conditions are compared on the same ground.
    pub(super) fn start(settings: &Settings, cell: Cell<Placed>, setup: &Setup) -> Result<Self, TrialError> {
        let sets = Sets::load(settings).map_err(|problem| TrialError::Data(problem.found))?;
        let (key, condition) = (setup.key, &cell.condition);
        let family = Gpicl::new(condition.family(settings.task_limit), sets.base, key).map_err(TrialError::data)?;
        Ok(GpiclTrial {
            settings: settings.clone(),
            key,
            foreign: sets.foreign,
            learner: Learner::new(condition, key, setup.pool.clone()),
            batch: family.batch(condition.batch),
            probes: measure::probe_sets(&family, settings.evaluation.probe),
            family,
            finals: None,
            state: State::default(),
            curves: BTreeMap::new(),
            profile: None,
            cell,
        })
    }

    /// Looks at the model on the sets that are watched.
    fn probe(&mut self) -> Vec<Event> {
        let mut seen = Vec::new();
        for set in &self.probes {
            measure::probe(&mut self.learner, set, self.state.step, &mut seen, &mut self.curves);
        }
        seen
    }

    fn record_probe(&mut self, record: &mut dyn Record) {
        let seen = self.probe();
        self.state.history.push(panels::Moment::new(self.state.step, &seen));
        seen.into_iter().for_each(|event| record.event(event));
    }

    fn train(&mut self, record: &mut dyn Record) -> Result<(), TrialError> {
        let step = self.state.step;
        self.family.fill(step, &mut self.batch);
        let trained = self.learner.step(step, &self.batch);
        let Trained { loss, gradient_norm } =
            trained.map_err(|error| error.of_batch(self.family.batch_key(step).number()))?;
        self.state.step = step + 1;
        record.metric(step + 1, "loss", f64::from(loss));
        record.metric(step + 1, "gradient_norm", f64::from(gradient_norm));
        if (step + 1).is_multiple_of(self.settings.evaluation.every) || step + 1 == self.cell.condition.steps {
            self.record_probe(record);
        }
        Ok(())
    }

    fn finals(&self) -> Finals {
        let mut training = self.family.batch(TUNING);
        self.family.fill(self.cell.condition.steps, &mut training);
        let sequences = self.settings.evaluation.sequences;
        Finals {
            learning_rate: references::tuned_learning_rate(&training),
            sets: measure::final_sets(&self.family, &self.foreign, sequences, self.key),
        }
    }

    /// Examines the model on the next of the final sets.
    fn examine(&mut self, record: &mut dyn Record) {
        let finals = self.finals.take().unwrap_or_else(|| self.finals());
        if let Some(set) = finals.sets.get(self.state.examined as usize) {
            let (rate, step) = (finals.learning_rate, self.state.step);
            measure::examine(&mut self.learner, set, rate, step, record, &mut self.curves);
        }
        self.state.examined += 1;
        self.finals = Some(finals);
    }

    /// The model as it is, for instruments.
    fn subject(&self) -> Result<Subject, String> {
        let mut seen = self.family.batch(CARD);
        // A step that was never taken: sequences of the training distribution, none of them trained on.
        self.family.fill(self.cell.condition.steps + 1, &mut seen);
        let unseen = self.family.evaluation(&Evaluation::Unseen, CARD).ok_or("there are no unseen tasks")?;
        Ok(self.learner.subject(&seen, &unseen, self.state.step, self.key))
    }
}

impl Trial for GpiclTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.state.step + self.state.examined, steps: self.cell.steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.progress().step == 0 {
            record.metric(0, "parameters", self.learner.inner.parameters() as f64);
            record.metric(0, "state", self.learner.inner.model.state_size() as f64);
            self.record_probe(record);
        }
        if self.state.step < self.cell.condition.steps {
            self.train(record)?;
        } else {
            self.examine(record);
        }
        Ok(if self.progress().step >= self.cell.steps { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let chance = self.cell.condition.chance();
        let label = &self.cell.label;
        let mut shown = vec![panels::in_context(label, &self.curves, chance)];
        let sequence = self.family.evaluation(&Evaluation::Unseen, 1);
        shown.extend(sequence.map(|batch| panels::inside(&self.learner.inside(&batch, 0), &batch, self.family.base())));
        shown.extend(panels::emergence(&self.state.history, chance));
        if self.profile.is_none() && self.state.step > 0 {
            self.profile = Some(self.learner.profile());
        }
        shown.extend(self.profile.clone());
        shown
    }

    fn turn(&mut self, knob: &str, value: f64) -> Result<(), TrialError> {
        match knob {
            "learning_rate" => self.learner.set_learning_rate(value as f32),
            _ => return Err(TrialError::no_knob(knob)),
        }
        Ok(())
    }

    fn trace_divergence(&mut self) -> Option<String> {
        self.family.fill(self.state.step, &mut self.batch);
        self.learner.trace_divergence(self.state.step, &self.batch).map(|found| found.to_string())
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        Ok(card::read(&self.subject()?, names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        let trained = self.state.step <= self.cell.condition.steps;
        archive.reachable(trained && self.progress().step <= self.cell.steps)?;
        self.learner.inner.keep(archive)?;
        if archive.restores() {
            // Panels show curves again at once; nothing is recorded twice.
            self.probe();
        }
        Ok(())
    }
}
