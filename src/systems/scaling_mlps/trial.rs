//! A running trial: train, look at held-out images every so often, test the best checkpoint; stage by stage.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::learner::{Answers, StageLearner};
use super::panels;
use super::settings::{Condition, Settings};
use super::stages::{Stages, Start, TESTED};
use crate::contract::{Archive, Cell, Flow, Level, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::robustness::{calibration_error, confidences, correct, margins};
use crate::instruments::statistics::mean;
use crate::tasks::base_set::{BaseSet, Standardise};
use crate::tasks::scattered_digits::Part;
use crate::training::burst;

/// Points of the training loss between two evaluations.
const POINTS: u64 = 4;
/// Bins of the calibration error.
const BINS: usize = 15;

/// One condition, one seed.
pub(super) struct ScalingTrial {
    cell: Cell<Condition>,
    settings: Settings,
    base: Arc<BaseSet>,
    setup: Setup,
    stages: Stages,
    current: StageLearner,
    /// Weights of the best checkpoint of this stage; nothing until there is one.
    best: Vec<Vec<f32>>,
    /// Logits of the test so far.
    logits: Vec<f32>,
    state: State,
    /// What a knob turned the learning rate's peak to.
    turned: Option<f32>,
}

/// Everything else that a checkpoint holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    stage: usize,
    /// Training steps of this stage that are done.
    step: u64,
    /// Parts of its test that are done.
    tested: u64,
    /// Training steps and test parts of the stages before.
    before: u64,
    /// Validation error, loss and step of the best checkpoint.
    best: Option<(f64, f64, u64)>,
    /// Sum and number of the training losses since the last point.
    losses: (f64, u64),
    seen: panels::Seen,
}

impl ScalingTrial {
    /// Starts the trial of a cell. Images and first weights depend on the seed and not on the condition,
    /// so that conditions are compared on the same ground.
    pub(super) fn start(settings: &Settings, cell: Cell<Condition>, setup: &Setup) -> Result<Self, TrialError> {
        let base = Arc::new(settings.base.read(Standardise::MeanImage).map_err(TrialError::data)?);
        let stages = Stages::of(settings, &cell.condition, base.classes());
        let current = StageLearner::new(stages.all[0].clone(), &base, settings.evaluation.validation, setup)?;
        let (settings, setup) = (settings.clone(), setup.clone());
        let (best, logits, state) = (Vec::new(), Vec::new(), State::default());
        Ok(ScalingTrial { cell, settings, base, setup, stages, current, best, logits, state, turned: None })
    }

    /// The stage at hand as it begins.
    fn stage(&self) -> Result<StageLearner, TrialError> {
        let stage = self.stages.all[self.state.stage].clone();
        StageLearner::new(stage, &self.base, self.settings.evaluation.validation, &self.setup)
    }

    /// Where a metric stands among all that the trial records.
    const fn at(&self) -> u64 {
        self.state.before + self.state.step
    }

    fn named(&self, name: &str) -> String {
        format!("{}{name}", self.current.stage.prefix)
    }

    /// Some training steps, up to the next point of the loss.
    fn train(&mut self, record: &mut dyn Record) -> Result<(), TrialError> {
        let stage = &self.current.stage;
        let peak = self.turned.unwrap_or(stage.learning_rate);
        let (steps, times) = (stage.steps, self.settings.evaluation.times);
        for _ in 0..burst(stage.flop() * stage.batch as f64) {
            let loss = self.current.train(self.state.step, peak)?;
            self.state.step += 1;
            self.state.losses = (self.state.losses.0 + f64::from(loss), self.state.losses.1 + 1);
            if is_point(self.state.step, steps, times * POINTS) {
                let (sum, count) = std::mem::take(&mut self.state.losses);
                let (at, name, loss) = (self.at(), self.named("train_loss"), sum / count as f64);
                record.metric(at, &name, loss);
                self.state.seen.losses.push((at, loss));
                if is_point(self.state.step, steps, times) {
                    self.validate(record);
                }
                break;
            }
        }
        Ok(())
    }

    fn validate(&mut self, record: &mut dyn Record) {
        let answers = self.current.validate();
        let error = 1.0 - mean(&correct(&answers.logits, &answers.targets)).unwrap_or(0.0);
        let loss = answers.loss();
        record.metric(self.at(), &self.named("validation_error"), error);
        self.state.seen.errors.push((self.at(), error));
        // Of equal errors the lower loss: a small validation set has many ties.
        if self.state.best.is_none_or(|best| (error, loss) < (best.0, best.1)) {
            self.state.best = Some((error, loss, self.state.step));
            self.best = self.current.learner.weight_values();
        }
    }

    /// A part of the test of the best checkpoint; what all parts say after the last.
    fn test(&mut self, record: &mut dyn Record) {
        if self.state.tested == 0 {
            self.current.learner.set_weight_values(&self.best);
        }
        let test = self.settings.evaluation.test as u64;
        let first = self.state.tested * TESTED as u64;
        let answers = self.current.answer(first..(first + TESTED as u64).min(test));
        self.logits.extend(answers.logits);
        self.state.tested += 1;
        if self.state.tested == self.stages.parts() {
            self.report(record);
        }
    }

    fn report(&mut self, record: &mut dyn Record) {
        let test = self.settings.evaluation.test as u64;
        let shown: Vec<_> = (0..test).map(|i| self.current.task.shown(Part::Test, i)).collect();
        let answers = Answers {
            logits: std::mem::take(&mut self.logits),
            targets: shown.iter().map(|drawn| drawn.class).collect(),
        };
        let right = correct(&answers.logits, &answers.targets);
        let confidence = confidences(&answers.logits, self.current.stage.classes);
        let numbers = [
            ("test_error", mean(&right).map(|right| 1.0 - right)),
            ("test_loss", Some(answers.loss())),
            ("calibration_error", calibration_error(&confidence, &right, BINS)),
            ("margin", mean(&margins(&answers.logits, &answers.targets))),
            ("best_step", self.state.best.map(|best| best.2 as f64)),
        ];
        let at = self.at();
        for (name, value) in numbers {
            value.into_iter().for_each(|value| record.metric(at, &self.named(name), value));
        }
        record.vector(at, &self.named("error_by_base"), by_base(&right, self.current.task.rows(Part::Test).len()));
        let offsets = panels::by_offset(&self.current.task, &shown, &right);
        record.vector(at, &self.named("right_by_offset"), offsets.right.clone());
        record.vector(at, &self.named("tested_by_offset"), offsets.tested.clone());
        self.state.seen.offsets = Some(offsets);
    }

    /// The next stage, with the body that this one found.
    fn advance(&mut self) -> Result<(), TrialError> {
        self.state = State {
            stage: self.state.stage + 1,
            before: self.state.before + self.state.step + self.state.tested,
            seen: std::mem::take(&mut self.state.seen),
            ..State::default()
        };
        self.best.clear();
        let mut next = self.stage()?;
        if let Start::Body(_) = next.stage.start {
            next.take_body(&self.current);
        }
        self.current = next;
        Ok(())
    }
}

/// Whether step `step` of `steps`, counted from 1, is one of `times` evenly spaced points; the last is.
const fn is_point(step: u64, steps: u64, times: u64) -> bool {
    step * times / steps > (step - 1) * times / steps
}

/// Mean error of each base picture of the test part: image i shows picture i modulo their number.
fn by_base(right: &[f64], bases: usize) -> Vec<f64> {
    let wrong = |base: usize| {
        let of_base: Vec<f64> = right.iter().skip(base).step_by(bases).copied().collect();
        1.0 - of_base.iter().sum::<f64>() / of_base.len() as f64
    };
    (0..bases.min(right.len())).map(wrong).collect()
}

impl Trial for ScalingTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.at() + self.state.tested, steps: self.cell.steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.at() == 0 {
            let stage = &self.current.stage;
            if self.settings.seen(self.cell.condition.images) != self.cell.condition.images {
                let limit = self.settings.image_limit;
                let text = format!("no more than {limit} distinct images are seen, whatever n says");
                record.note(0, Level::Info, text);
            }
            record.metric(0, "parameters", self.current.learner.parameters() as f64);
            record.metric(0, "chance", 1.0 / stage.classes as f64);
            record.metric(0, "compute", stage.flop() * (stage.steps * stage.batch as u64) as f64);
        }
        if self.state.step < self.current.stage.steps {
            self.train(record)?;
            return Ok(Flow::More);
        }
        self.test(record);
        if self.state.tested < self.stages.parts() {
            return Ok(Flow::More);
        }
        if self.state.stage + 1 == self.stages.all.len() {
            return Ok(Flow::Done);
        }
        self.advance()?;
        Ok(Flow::More)
    }

    fn panels(&mut self) -> Vec<Panel> {
        panels::panels(&self.cell.label, &mut self.current, &self.state.seen)
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        Ok(card::read(&self.current.subject(), names, told))
    }

    fn turn(&mut self, knob: &str, value: f64) -> Result<(), TrialError> {
        match knob {
            "learning_rate" => self.turned = Some(value as f32),
            _ => return Err(TrialError::no_knob(knob)),
        }
        Ok(())
    }

    fn trace_divergence(&mut self) -> Option<String> {
        self.current.trace_divergence(self.state.step)
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        let stage = self.stages.all.get(self.state.stage);
        let fits = stage.is_some_and(|stage| self.state.step <= stage.steps);
        archive.reachable(fits && self.state.tested <= self.stages.parts())?;
        if archive.restores() && self.state.stage > 0 {
            self.current = self.stage()?;
        }
        self.current.learner.keep(archive)?;
        archive.lists("best", &mut self.best);
        archive.rows("test.logits", self.current.stage.classes, &mut self.logits)
    }
}
