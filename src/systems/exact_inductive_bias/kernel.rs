//! A trial that draws hypotheses of a kernel space and measures their losses.

use serde::{Deserialize, Serialize};

use super::data::{self, Data, Variant};
use super::measure::Space;
use super::panels;
use super::settings::{Condition, Settings, Width};
use crate::base::random::Key;
use crate::contract::{Archive, Flow, Level, Panel, Progress, Record, Trial, TrialError};
use crate::instruments::hypothesis_bits::posterior::{Kernels, LossLaw, median_distance};
use crate::kernels::linalg::LinalgError;

/// Hypotheses drawn in a step.
pub(super) const CHUNK: usize = 1000;
/// Resamples fitted in a step.
pub(super) const REFITS: usize = 4;

/// A trial of [`Condition::Torus`] or [`Condition::Kernel`]: one space after the other, each prepared,
/// sampled, fitted, and fitted again on resamples.
pub(super) struct KernelTrial {
    settings: Settings,
    condition: Condition,
    key: Key,
    /// The names under which spaces are recorded, and their data.
    spaces: Vec<(&'static str, Data)>,
    at: At,
    /// The law of the space at hand; made anew after a restore.
    law: Option<LossLaw>,
    /// Its fit; made anew likewise.
    space: Option<Space>,
    /// The picture of the space before, for when there is none at hand.
    finished: Vec<Panel>,
}

/// How far it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct At {
    /// Steps done.
    step: u64,
    /// Spaces done.
    space: usize,
    /// Steps done of the space at hand.
    stage: u64,
    /// Losses of the hypotheses drawn of it.
    losses: Vec<f64>,
    /// Resamples fitted, as three numbers each.
    refits: Vec<[f64; 3]>,
}

impl KernelTrial {
    /// Starts a trial: on the torus a space for each target and inputs, else one on images.
    pub(super) fn start(settings: &Settings, condition: Condition, key: Key) -> Result<Self, TrialError> {
        let spaces = if let Condition::Torus { dimensions, .. } = condition {
            let variants = if dimensions == 1 { &Variant::ALL[..1] } else { &Variant::ALL };
            let data = |v: &Variant| (v.name(), data::torus(&settings.torus, settings.labels, dimensions, *v, key));
            variants.iter().map(data).collect()
        } else {
            vec![(panels::SPACE, data::split(settings, false, key)?)]
        };
        Ok(KernelTrial {
            settings: settings.clone(),
            condition,
            key,
            spaces,
            at: At::default(),
            law: None,
            space: None,
            finished: Vec::new(),
        })
    }

    /// The name under which the space at hand is recorded.
    fn prefix(&self) -> &'static str {
        self.spaces[self.at.space.min(self.spaces.len() - 1)].0
    }

    /// The wanted loss, where it is known beforehand.
    fn target(&self) -> Option<f64> {
        matches!(self.condition, Condition::Torus { .. }).then_some(self.settings.torus.target)
    }

    /// The law of the losses of the space at hand.
    fn prepare(&self, record: Option<&mut dyn Record>) -> Result<LossLaw, TrialError> {
        let failed = |error: LinalgError| TrialError::Data(format!("the kernel of {}: {error}", self.prefix()));
        let data = &self.spaces[self.at.space].1;
        let sigma = match self.condition {
            Condition::Torus { sigma, .. } => sigma,
            Condition::Kernel { width: Width::Median, .. } => median_distance(&data.train, data.width),
            _ => 1.0,
        };
        let kernels = Kernels::rbf(&data.train, &data.test, data.width, sigma);
        let posterior = kernels.posterior(&data.train_labels, data.outputs).map_err(failed)?;
        let best = matches!(self.condition, Condition::Kernel { best_amplitude: true, .. });
        let amplitude = if best { posterior.best_amplitude } else { 1.0 };
        if let Some(record) = record {
            let prefix = self.prefix();
            record.metric(self.at.step, &format!("{prefix}.sigma"), sigma);
            record.metric(self.at.step, &format!("{prefix}.amplitude"), amplitude);
            let text = format!("{prefix}: sigma {sigma:.3}, amplitude {amplitude:.4}, jitter {:.1e}", posterior.jitter);
            record.note(self.at.step, Level::Info, text);
        }
        posterior.loss_law(&data.test_labels, data.outputs, amplitude).map_err(failed)
    }

    /// The space's key: its hypotheses and resamples.
    fn space_key(&self) -> Key {
        self.key.purpose("hypotheses").index(self.at.space as u64)
    }

    fn draw(&mut self, law: &LossLaw) {
        let first = self.at.losses.len();
        let mut stream = self.space_key().index(first as u64).stream();
        let count = CHUNK.min(self.settings.samples - first);
        self.at.losses.extend((0..count).map(|_| law.sample(&mut stream)));
    }

    /// The space as far as it was measured.
    fn measured(&self, law: &LossLaw) -> Result<Space, TrialError> {
        let space = Space::fit(&self.at.losses, Some(law.clone()));
        space.ok_or_else(|| TrialError::Data(format!("{}: the losses have no distribution to fit", self.prefix())))
    }

    /// The space at hand as a picture.
    fn shown(&self, space: &Space) -> Vec<Panel> {
        let about = format!("{} hypotheses", self.at.losses.len());
        vec![panels::distribution(&[(self.prefix().to_owned(), space)], self.target()).noting(about)]
    }

    /// Fits some resamples more; the space with all fits so far.
    fn refit(&mut self, law: &LossLaw) -> Result<Space, TrialError> {
        let mut space = match self.space.take() {
            Some(space) => space,
            None => self.measured(law)?,
        };
        space.set_refits(&self.at.refits);
        let wanted = self.settings.refits.min(self.at.refits.len() + REFITS);
        while space.refits.len() < wanted {
            space.refit(&self.at.losses, self.space_key());
        }
        self.at.refits = space.refit_numbers();
        Ok(space)
    }
}

impl Trial for KernelTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.at.step, steps: self.settings.space_steps() * self.spaces.len() as u64 }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        let law = match (self.law.take(), self.at.stage) {
            (Some(law), _) => law,
            (None, 0) => self.prepare(Some(record))?,
            (None, _) => self.prepare(None)?,
        };
        if self.at.stage > 0 && self.at.losses.len() < self.settings.samples {
            self.draw(&law);
        } else if self.at.stage > 0 {
            let space = self.refit(&law)?;
            if space.refits.len() >= self.settings.refits {
                space.record(record, self.at.step, self.prefix(), self.target());
                self.finished = self.shown(&space);
                let (step, space) = (self.at.step + 1, self.at.space + 1);
                self.at = At { step, space, ..At::default() };
                let done = space == self.spaces.len();
                return Ok(if done { Flow::Done } else { Flow::More });
            }
            self.space = Some(space);
        }
        self.law = Some(law);
        self.at.stage += 1;
        self.at.step += 1;
        Ok(Flow::More)
    }

    fn panels(&mut self) -> Vec<Panel> {
        let space = self.law.as_ref().and_then(|law| Space::fit(&self.at.losses, Some(law.clone())));
        space.map_or_else(|| self.finished.clone(), |space| self.shown(&space))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.at)?;
        archive.reachable(self.at.space <= self.spaces.len() && self.at.losses.len() <= self.settings.samples)
    }
}
