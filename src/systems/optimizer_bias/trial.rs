//! A running trial: task after task until each is learned, then what was kept.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::learner::Trained;
use super::panels;
use super::settings::{Condition, Leg, Settings};
use crate::base::random::Key;
use crate::contract::{Archive, Cell, Flow, Level, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::spectrum::{class_cosines, effective_rank, mean_off_diagonal};
use crate::instruments::subject::{Examples, Objective, Subject};
use crate::tasks::base_set::Standardise;
use crate::tasks::class_sequence::{ClassSequence, Images, accuracy};

/// Looks at the loss in a step of the trial.
const BURST: usize = 2;

/// What a trial keeps beside weights and optimiser.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Whether nothing is left to do.
    pub(super) finished: bool,
    /// Tasks done.
    pub(super) task: usize,
    /// Steps on this task.
    pub(super) step: u64,
    /// Steps on each task that is done.
    pub(super) steps: Vec<u64>,
    /// Whether each of them reached the tolerance.
    pub(super) reached: Vec<bool>,
    /// Test accuracy on every task after each one that is done.
    pub(super) accuracy: Vec<Vec<f64>>,
    /// How far the weights had moved after each.
    pub(super) moved: Vec<f64>,
    /// Loss of the whole task, by step of the run.
    pub(super) losses: Vec<(u64, f64)>,
    /// Leg B: accuracy by kept share, from all weights on.
    pub(super) pruned: Vec<(f64, f64)>,
}

impl State {
    fn total(&self) -> u64 {
        self.steps.iter().sum::<u64>() + self.step
    }
}

/// One condition, one seed.
pub(super) struct OptimizerTrial {
    settings: Settings,
    cell: Cell<Condition>,
    key: Key,
    tasks: ClassSequence,
    trained: Trained,
    state: State,
    /// Weights before the last step.
    before: Vec<Vec<f32>>,
}

/// The images of a preset as the tasks of a condition.
fn sequence(settings: &Settings, condition: &Condition, key: Key) -> Result<ClassSequence, TrialError> {
    let set = settings.images.read(Standardise::MeanImage).map_err(TrialError::data)?;
    let test = settings.test;
    if test >= set.rows() || set.classes() < 2 {
        let found = format!("{} images of {} classes", set.rows(), set.classes());
        return Err(TrialError::Data(format!("expected more than {test} images of 2 classes or more, found {found}")));
    }
    Ok(ClassSequence::new(&set, condition.parts, test, key))
}

impl OptimizerTrial {
    /// Starts the trial of a cell. Images, first weights and batches depend on the seed and not on the
    /// optimiser.
    pub(super) fn start(settings: &Settings, cell: Cell<Condition>, setup: &Setup) -> Result<Self, TrialError> {
        let key = setup.key;
        let tasks = sequence(settings, &cell.condition, key.purpose("images"))?;
        let (inputs, pool, network) = (tasks.test.width, setup.pool.clone(), key.purpose("network"));
        let trained = Trained::new(settings, &cell.condition, inputs, tasks.classes, network, pool);
        let before = trained.learner.weight_values();
        Ok(OptimizerTrial { settings: settings.clone(), cell, key, tasks, trained, state: State::default(), before })
    }

    fn condition(&self) -> &Condition {
        &self.cell.condition
    }

    /// A step on a batch of the task: images drawn with replacement.
    fn train(&mut self) -> Result<(), TrialError> {
        let images = &self.tasks.parts[self.state.task].train;
        let address = self.key.purpose("batch").index(self.state.task as u64).index(self.state.step);
        let mut stream = address.stream();
        let Trained { learner, training, .. } = &mut self.trained;
        for row in 0..self.settings.training.batch {
            let i = stream.random_range(0..images.count() as u32) as usize;
            training.input(&mut learner.store, 0)[row * images.width..(row + 1) * images.width]
                .copy_from_slice(images.image(i));
            training.input(&mut learner.store, 1)[row] = images.labels[i] as f32;
        }
        for (slot, before) in learner.weights.slots().iter().zip(&mut self.before) {
            before.copy_from_slice(learner.store.values(*slot));
        }
        let trained = learner.train(training, self.state.total(), self.cell.condition.rate);
        trained.map_err(|error| error.of_batch(address.number()))?;
        self.state.step += 1;
        Ok(())
    }

    /// Trains until the next look at the loss; ends the task if it is learned or out of steps.
    fn advance(&mut self, record: &mut dyn Record) -> Result<(), TrialError> {
        let (every, cap) = (self.settings.training.every, self.condition().cap);
        for _ in 0..every.min(cap - self.state.step) {
            self.train()?;
        }
        let loss = self.trained.answers(&self.tasks.parts[self.state.task].train).loss;
        let total = self.state.total();
        if !loss.is_finite() {
            return Err(TrialError::Diverged { step: total, what: "the loss of the task".into(), seed: None });
        }
        record.metric(total, "train_loss", loss);
        self.state.losses.push((total, loss));
        let reached = loss <= self.condition().tolerance;
        if reached || self.state.step >= cap {
            self.end_task(reached, record);
        }
        Ok(())
    }

    fn end_task(&mut self, reached: bool, record: &mut dyn Record) {
        let (k, total) = (self.state.task, self.state.total());
        let test = |trained: &mut Trained, images: &Images| accuracy(&trained.answers(images).classes, &images.labels);
        let accuracies: Vec<f64> = self.tasks.parts.iter().map(|part| test(&mut self.trained, &part.test)).collect();
        let moved = self.trained.displacement(self.condition().power());
        record.metric(total, &format!("steps.{}", k + 1), self.state.step as f64);
        record.metric(total, "task_accuracy", accuracies[k]);
        record.metric(total, "displacement", moved);
        record.vector(total, &format!("accuracy.after.{}", k + 1), accuracies.clone());
        if !reached {
            let name = &self.tasks.parts[k].name;
            let text =
                format!("task {} ({name}) ran to its cap above the tolerance: the run ends and is not counted", k + 1);
            record.note(total, Level::Warning, text);
        }
        self.state.steps.push(self.state.step);
        self.state.reached.push(reached);
        self.state.accuracy.push(accuracies);
        self.state.moved.push(moved);
        (self.state.task, self.state.step) = (k + 1, 0);
        if !reached || self.state.task == self.tasks.parts.len() {
            self.finish(total, record);
        }
    }

    /// What is left of all tasks after the last one.
    fn finish(&mut self, total: u64, record: &mut dyn Record) {
        self.state.finished = true;
        let learned_all = self.state.task == self.tasks.parts.len();
        let reached = self.state.reached.iter().all(|reached| *reached);
        record.metric(total, "total_steps", total as f64);
        record.metric(total, "reached", f64::from(u8::from(reached)));
        let current: Vec<f64> = self.state.accuracy.iter().enumerate().map(|(k, row)| row[k]).collect();
        record.metric(total, "least_current", current.iter().copied().fold(1.0, f64::min));
        let last = self.state.accuracy.last().and_then(|last| last.split_last());
        if let Some((_, earlier)) = last.filter(|(_, earlier)| learned_all && !earlier.is_empty()) {
            record.metric(total, "retention", earlier.iter().sum::<f64>() / earlier.len() as f64);
        }
        let found = self.trained.answers(&self.tasks.test);
        record.metric(total, "test_accuracy", accuracy(&found.classes, &self.tasks.test.labels));
        let hidden = self.trained.hidden(&self.tasks.test);
        let classes = self.tasks.classes;
        let cosines = class_cosines(&hidden, self.condition().network.width, &self.tasks.test.labels, classes);
        if let Some(cosines) = cosines {
            if let Some(mean) = mean_off_diagonal(&cosines, classes) {
                record.metric(total, "class_cosine", mean);
            }
            record.vector(total, "class_cosines", cosines);
        }
        if let Some(rank) = effective_rank(&hidden, self.condition().network.width) {
            record.metric(total, "effective_rank", rank);
        }
        if matches!(self.condition().leg, Leg::Sparse(_)) {
            self.prune(total, record);
        }
    }

    fn prune(&mut self, total: u64, record: &mut dyn Record) {
        let shares: Vec<f64> = [1.0].into_iter().chain(self.settings.sparse.kept.iter().copied()).collect();
        for &share in &shares {
            let found = self.trained.pruned(&self.tasks.test, share);
            self.state.pruned.push((share, accuracy(&found.classes, &self.tasks.test.labels)));
        }
        record.vector(total, "pruned_accuracy", self.state.pruned.iter().map(|(_, a)| *a).collect());
        record.metric(total, "least_kept", least_kept(&self.state.pruned));
        record.metric(total, "fingerprint", self.trained.fingerprint());
    }

    fn subject(&self) -> Subject {
        let examples = |all: &[&Images]| {
            let labels = all.iter().flat_map(|images| images.labels.iter().map(|label| *label as f32)).collect();
            let inputs = all.iter().flat_map(|images| images.inputs.iter().copied()).collect();
            Examples::new(all.iter().map(|images| images.count()).sum(), inputs, labels)
        };
        let train: Vec<&Images> = self.tasks.parts.iter().map(|part| &part.train).collect();
        let seen = [examples(&train).first(2000), examples(&[&self.tasks.test]).first(1000)];
        let learner = &self.trained.learner;
        let subject = learner.subject(learner.model.clone(), Objective::CrossEntropy, seen, self.key);
        Subject {
            // Of a powered network fresh weights would be roots of no He distribution.
            reinitialise: subject.reinitialise.filter(|_| self.condition().power().is_none()),
            training: learner.trained_for(self.state.total(), self.settings.training.batch, self.condition().rate),
            chance: Some(1.0 / self.tasks.classes as f64),
            ..subject
        }
    }
}

/// The smallest share at which, and at all larger shares that were tried, accuracy is at least 95 % of
/// that of all weights.
pub(super) fn least_kept(pruned: &[(f64, f64)]) -> f64 {
    let whole = pruned.first().map_or(0.0, |(_, accuracy)| *accuracy);
    let held = pruned.iter().take_while(|(_, accuracy)| *accuracy >= 0.95 * whole);
    held.last().map_or(1.0, |(share, _)| *share)
}

impl Trial for OptimizerTrial {
    fn progress(&self) -> Progress {
        // A task that was learned early counts with its whole cap, so that the bar ends full.
        let cap = self.condition().cap;
        let steps = self.tasks.parts.len() as u64 * cap;
        let step = self.state.task as u64 * cap + self.state.step;
        Progress { step: if self.state.finished { steps } else { step }, steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        for _ in 0..BURST {
            if !self.state.finished {
                self.advance(record)?;
            }
        }
        Ok(if self.state.finished { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let names: Vec<&str> = self.tasks.parts.iter().map(|part| part.name.as_str()).collect();
        let mut shown = vec![panels::forgetting(&self.cell.label, &names, &self.state)];
        shown.push(panels::loss(&self.state, self.condition().tolerance));
        let hidden = self.trained.hidden(&self.tasks.test);
        let (width, classes) = (self.condition().network.width, self.tasks.classes);
        let cosines = class_cosines(&hidden, width, &self.tasks.test.labels, classes);
        shown.extend(cosines.map(|cosines| panels::similarity("similarity", "Likeness of classes", &cosines, classes)));
        let learner = &self.trained.learner;
        let shapes = learner.weights.slots().iter().map(|slot| learner.store.shape(*slot).to_vec());
        shown.extend(panels::anatomy(&self.before, &learner.weight_values(), shapes, &self.state));
        shown.extend(panels::pruning(&[(self.cell.label.clone(), self.state.pruned.clone())]));
        shown
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        Ok(card::read(&self.subject(), names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        archive.reachable(self.state.task <= self.tasks.parts.len() && self.state.step <= self.condition().cap)?;
        self.trained.learner.keep(archive)?;
        archive.lists("trial.before", &mut self.before);
        Ok(())
    }
}
