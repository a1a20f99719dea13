//! A running trial: train, look every so often, examine at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::learner::Learner;
use super::measure::{self, Curves, Set};
use super::panels;
use super::sets::Sets;
use super::settings::{Cell, Settings};
use super::subject;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Checkpoint, Flow, Panel, Progress, Reading, Record, Setup, Trial, TrialError, TrialSpec};
use crate::instruments::card;
use crate::instruments::subject::Subject;
use crate::tasks::base_set::BaseSet;
use crate::tasks::gpicl::{Batch, Evaluation, Gpicl};
use crate::tasks::references;
use crate::training::{self, Trained};

/// Sequences of each kind that the bias card looks at.
const CARD: usize = 128;

/// Sequences on which the reference's learning rate is tuned.
const TUNING: usize = 64;

/// One condition, one seed.
pub(super) struct GpiclTrial {
    cell: Cell,
    settings: Settings,
    key: Key,
    pool: Pool,
    family: Gpicl,
    foreign: Vec<Arc<BaseSet>>,
    learner: Learner,
    batch: Batch,
    probes: Vec<Set>,
    finals: Finals,
    /// Training steps done.
    step: u64,
    /// Final sets examined.
    examined: usize,
    curves: Curves,
    history: Vec<panels::Moment>,
    /// Taken once: it costs a few steps.
    profile: Option<Panel>,
}

/// What a checkpoint keeps beside weights and optimiser.
#[derive(Serialize, Deserialize)]
struct Kept {
    examined: usize,
    history: Vec<panels::Moment>,
}

/// The final sets: made when training is over, as they are large.
struct Finals {
    count: usize,
    sets: Vec<Set>,
    learning_rate: f32,
}

impl GpiclTrial {
    /// Starts the trial of a cell. Its tasks and evaluation sequences depend on the seed and not on
    /// the condition, so that conditions are compared on the same ground.
    pub(super) fn start(settings: &Settings, cell: Cell, spec: &TrialSpec, setup: &Setup) -> Result<Self, TrialError> {
        let sets = Sets::load(settings).map_err(|problem| TrialError::Data(problem.found))?;
        let key = setup.key.purpose("replica").index(spec.seed);
        let config = cell.condition.family(settings.task_limit);
        let family = Gpicl::new(config, sets.base, key).map_err(|refusals| {
            let all: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            TrialError::Data(all.join("; "))
        })?;
        let learner = Learner::new(&cell.condition, key, setup.pool.clone());
        let batch = family.batch(cell.condition.batch);
        let probes = measure::probe_sets(&family, settings.evaluation.probe);
        let count = settings.final_sets(&cell.condition);
        Ok(GpiclTrial {
            settings: settings.clone(),
            key,
            pool: setup.pool.clone(),
            family,
            foreign: sets.foreign,
            learner,
            batch,
            probes,
            finals: Finals { count, sets: Vec::new(), learning_rate: 0.0 },
            step: 0,
            examined: 0,
            curves: BTreeMap::new(),
            history: Vec::new(),
            profile: None,
            cell,
        })
    }

    fn probe(&mut self, record: &mut dyn Record) {
        let mut seen: Vec<crate::contract::Event> = Vec::new();
        for set in &self.probes {
            measure::probe(&mut self.learner, set, self.step, &mut seen, &mut self.curves);
        }
        self.history.push(panels::Moment::new(self.step, &seen));
        seen.into_iter().for_each(|event| record.event(event));
    }

    /// The model as it is, for instruments.
    fn subject(&self) -> Result<Subject, String> {
        let mut seen = self.family.batch(CARD);
        // A step that was never taken: sequences of the training distribution, none of them trained on.
        self.family.fill(self.cell.condition.steps + 1, &mut seen);
        let unseen = self.family.evaluation(&Evaluation::Unseen, CARD).ok_or("there are no unseen tasks")?;
        let batches = (&seen, &unseen);
        let condition = &self.cell.condition;
        Ok(subject::subject(condition, &self.learner, batches, self.step, self.key, self.pool.clone()))
    }

    fn train(&mut self, record: &mut dyn Record) -> Result<(), TrialError> {
        self.family.fill(self.step, &mut self.batch);
        let trained = self.learner.step(self.step, &self.batch);
        let Trained { loss, gradient_norm } =
            trained.map_err(|error| error.of_batch(self.family.batch_key(self.step).number()))?;
        self.step += 1;
        record.metric(self.step, "loss", f64::from(loss));
        record.metric(self.step, "gradient_norm", f64::from(gradient_norm));
        if self.step.is_multiple_of(self.settings.evaluation.every) || self.step == self.cell.condition.steps {
            self.probe(record);
        }
        Ok(())
    }

    fn prepare_finals(&mut self) {
        if self.finals.sets.is_empty() {
            let sequences = self.settings.evaluation.sequences;
            let mut training = self.family.batch(TUNING);
            self.family.fill(self.cell.condition.steps, &mut training);
            self.finals.learning_rate = references::tuned_learning_rate(&training);
            self.finals.sets = measure::final_sets(&self.family, &self.foreign, sequences, self.key);
        }
    }

    fn examine(&mut self, record: &mut dyn Record) {
        self.prepare_finals();
        if let Some(set) = self.finals.sets.get(self.examined) {
            let rate = self.finals.learning_rate;
            measure::examine(&mut self.learner, set, rate, self.step, record, &mut self.curves);
        }
        self.examined += 1;
    }
}

impl Trial for GpiclTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.step + self.examined as u64, steps: self.cell.condition.steps + self.finals.count as u64 }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.step == 0 && self.examined == 0 {
            record.metric(0, "parameters", self.learner.parameters() as f64);
            record.metric(0, "state", self.learner.state_size() as f64);
            self.probe(record);
        }
        if self.step < self.cell.condition.steps {
            self.train(record)?;
        } else {
            self.examine(record);
        }
        Ok(if self.examined >= self.finals.count { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let chance = self.cell.condition.chance();
        let label = &self.cell.label;
        let mut shown = vec![panels::in_context(label, &self.curves, chance)];
        let sequence = self.family.evaluation(&Evaluation::Unseen, 1);
        let inside = sequence.and_then(|batch| Some((self.learner.inside(&batch, 0)?, batch)));
        shown.extend(inside.map(|(inside, batch)| panels::inside(&inside, &batch, self.family.base())));
        shown.extend(panels::emergence(&self.history, chance));
        if self.profile.is_none() && self.step > 0 {
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
        self.family.fill(self.step, &mut self.batch);
        self.learner.trace_divergence(self.step, &self.batch).map(|found| found.to_string())
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        Ok(card::read(&self.subject()?, names, told))
    }

    fn save(&self) -> Checkpoint {
        let state = Kept { examined: self.examined, history: self.history.clone() };
        training::checkpoint(self.step, self.learner.inner().tensors(), &state)
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrialError> {
        let Kept { examined, history } = training::state(checkpoint)?;
        if checkpoint.step > self.cell.condition.steps || examined > self.finals.count {
            return Err(TrialError::Checkpoint("it is from further on than this trial goes".into()));
        }
        self.learner.inner_mut().restore(checkpoint)?;
        (self.step, self.examined, self.history) = (checkpoint.step, examined, history);
        // Panels show curves again at once; nothing is recorded twice.
        for set in &self.probes {
            let mut unrecorded: Vec<crate::contract::Event> = Vec::new();
            measure::probe(&mut self.learner, set, self.step, &mut unrecorded, &mut self.curves);
        }
        Ok(())
    }
}
