//! Watching a run: a fold of its files that takes in only what is new.

use std::cell::Cell;
use std::fs::{self, Metadata};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde::de::DeserializeOwned;

use super::annotations;
use super::bias_card::{self, BiasCard};
use super::control;
use super::digest::Digest;
use super::durable::records::{self, FIRST, Tail, unseal};
use super::durable::shared;
use super::error::RunError;
use super::folder::Folder;
use super::journal;
use super::lock::{self, Holder};
use super::progress::{self, StudyProgress};
use super::times::Mark;
use crate::contract::{Annotations, Event, Level, Panel, Series, Status, StudyState, TrialState};

/// A viewer's end of a run. Reads files and never writes any but the mark that somebody looks.
#[derive(Debug)]
pub struct Reader {
    folder: Folder,
    state: StudyState,
    progress: Option<StudyProgress>,
    worker: Option<Holder>,
    stamps: Stamps,
    journal: Tail,
    notes: Tail,
    trials: Vec<Watched>,
    looked: Cell<Option<Instant>>,
    /// When the worker's file last changed.
    beat: Instant,
    /// Whether every point of the metrics is wanted.
    whole: bool,
}

/// A worker replaces its file four times a second; one that is silent for so long does not answer.
const SILENCE: Duration = Duration::from_secs(10);

/// When the whole files were last replaced.
#[derive(Debug, Default)]
struct Stamps {
    progress: Option<Stamp>,
    panels: Option<Stamp>,
    verdict: Option<Stamp>,
}

#[derive(Debug, Default)]
struct Watched {
    metrics: Tail,
    /// Checksum of the last line of the metrics.
    last: u32,
    times: Tail,
    /// And of the times.
    last_time: u32,
    panels: Option<Stamp>,
    /// How many panels are the trial's own; those of its bias card come behind.
    own: usize,
    card: Option<Stamp>,
}

/// What changes when a file is replaced.
type Stamp = (u64, SystemTime, u64);

fn stamp(meta: &Metadata) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    Some((meta.len(), meta.modified().ok()?, meta.ino()))
}

/// How often [`Reader::watch`] really touches the mark.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Reader {
    /// Opens a run. Of metrics that are very long it has a few thousand points that keep every extreme.
    ///
    /// # Errors
    /// When `folder` holds no run that can be read.
    pub fn open(folder: &Folder) -> Result<Self, RunError> {
        Reader::new(folder, false)
    }

    /// Opens a run and reads every point of its metrics, for exports.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_whole(folder: &Folder) -> Result<Self, RunError> {
        Reader::new(folder, true)
    }

    fn new(folder: &Folder, whole: bool) -> Result<Self, RunError> {
        let manifest = folder.manifest()?;
        let state = StudyState {
            run: folder.name(),
            preset: manifest.preset,
            header: manifest.header,
            status: Status::Waiting,
            trials: manifest.trials.into_iter().map(TrialState::new).collect(),
            panels: Vec::new(),
            verdict: None,
            eta: None,
            journal: Vec::new(),
            annotations: Annotations::default(),
        };
        let mut reader = Reader {
            folder: folder.clone(),
            progress: None,
            worker: None,
            stamps: Stamps::default(),
            journal: Tail::default(),
            notes: Tail::default(),
            trials: state.trials.iter().map(|_| Watched::default()).collect(),
            state,
            looked: Cell::new(None),
            beat: Instant::now(),
            whole,
        };
        reader.refresh()?;
        Ok(reader)
    }

    /// Takes in what is new; says whether anything was.
    ///
    /// # Errors
    /// When the folder has vanished.
    pub fn refresh(&mut self) -> Result<bool, RunError> {
        // The lock is looked at first: a worker that ends in between has written all it had to say,
        // and the next look sees its end.
        let worker = lock::holder(&self.folder);
        let fresh: Option<StudyProgress> = replaced(&self.folder.progress(), &mut self.stamps.progress);
        if let Some(progress) = fresh {
            if self.progress.as_ref().is_some_and(|old| old.worker != progress.worker) {
                self.forget();
            }
            self.progress = Some(progress);
            self.beat = Instant::now();
        } else if worker.is_none() && self.worker.is_none() && self.state.status != Status::Waiting {
            let manifest = self.folder.manifest_path();
            manifest.metadata().map_err(|e| RunError::reading(&manifest, &e))?;
            return Ok(self.read_cards() | self.read_notes());
        }
        self.worker = worker;
        let before = (self.state.status, self.state.progress());
        let mut changed = self.read_trials()? | self.read_cards() | self.read_journal() | self.read_study();
        changed |= self.read_notes();
        self.apply_progress();
        // A worker that waits has nothing new to tell, unless it makes single steps.
        let now = (self.state.status, self.state.progress());
        changed |= now != before || self.state.status == Status::Running;
        Ok(changed)
    }

    /// The run as it stands.
    pub fn state(&self) -> &StudyState {
        &self.state
    }

    /// The folder that is watched.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The worker that has the run, if any.
    pub fn worker(&self) -> Option<&Holder> {
        self.worker.as_ref()
    }

    /// What the worker wrote last about itself: memory, threads, rates.
    pub fn progress(&self) -> Option<&StudyProgress> {
        self.progress.as_ref()
    }

    /// Tells the worker that somebody looks, so that it writes panels. To be called with every
    /// refresh while a person watches; without it the panels come when a trial ends.
    pub fn watch(&self) {
        if self.looked.get().is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            self.looked.set(Some(Instant::now()));
            control::watch(&self.folder);
        }
    }

    /// A new worker goes on from checkpoints: what was read of the trials is read again, and the verdict that
    /// there was before a trial went back.
    fn forget(&mut self) {
        (self.state.verdict, self.stamps.verdict) = (None, None);
        for (watched, trial) in self.trials.iter_mut().zip(&mut self.state.trials) {
            (watched.metrics, watched.last) = (Tail::default(), FIRST);
            (watched.times, watched.last_time) = (Tail::default(), FIRST);
            *trial = TrialState { panels: std::mem::take(&mut trial.panels), ..TrialState::new(spec(trial)) };
        }
    }

    fn read_trials(&mut self) -> Result<bool, RunError> {
        let mut changed = false;
        for (watched, trial) in self.trials.iter_mut().zip(&mut self.state.trials) {
            let open = trial.result.closing.is_none();
            let name = trial.result.spec.name.clone();
            if open {
                let path = self.folder.metrics(&name);
                if watched.metrics.taken == 0
                    && !self.whole
                    && let Some(digest) = Digest::read(&self.folder.digest(&name), &path)
                {
                    (watched.metrics.taken, watched.last) = (digest.length, digest.last);
                    digest.fill(trial);
                    changed = true;
                }
                changed |= read_metrics(watched, trial, &path).map_err(|e| RunError::reading(&path, &e))?;
            }
            // A closed trial has written its times and its panels before its last event.
            if open {
                changed |= read_times(watched, &mut trial.times, &self.folder.times(&name));
            }
            if open
                && let Some(panels) =
                    replaced::<Vec<Panel>>(&self.folder.trial(&name, "panels.json"), &mut watched.panels)
            {
                let card = trial.panels.split_off(watched.own.min(trial.panels.len()));
                (watched.own, trial.panels) = (panels.len(), panels);
                trial.panels.extend(card);
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Bias cards, which may come at any time; they stand behind a trial's own panels.
    fn read_cards(&mut self) -> bool {
        let mut changed = false;
        for (watched, trial) in self.trials.iter_mut().zip(&mut self.state.trials) {
            let path = bias_card::kept(&self.folder, &trial.result.spec.name);
            if let Some(card) = replaced::<BiasCard>(&path, &mut watched.card) {
                trial.panels.truncate(watched.own);
                trial.panels.extend(bias_card::panels(&card));
                changed = true;
            }
        }
        changed
    }

    /// What people say, which may come at any time too.
    fn read_notes(&mut self) -> bool {
        let Ok(lines) = self.notes.lines(&self.folder.notes()) else { return false };
        if lines.is_none() {
            self.state.annotations = Annotations::default();
        }
        let lines = lines.unwrap_or_default();
        shared::values::<annotations::Entry>(&lines).for_each(|entry| entry.add_to(&mut self.state.annotations));
        !lines.is_empty()
    }

    fn read_journal(&mut self) -> bool {
        let Ok(Some(lines)) = self.journal.lines(&self.folder.journal()) else { return false };
        let before = self.state.journal.len();
        let entries = shared::values::<journal::Entry>(&lines);
        self.state.journal.extend(entries.map(|entry| (entry.time, entry.level, entry.text)));
        self.state.journal.len() > before
    }

    fn read_study(&mut self) -> bool {
        let panels = replaced(&self.folder.panels(), &mut self.stamps.panels);
        let path = self.folder.verdict();
        let verdict = is_new(&path, &mut self.stamps.verdict).then(|| records::read_one(&path).ok()).flatten();
        let changed = panels.is_some() || verdict.is_some();
        if let Some(panels) = panels {
            self.state.panels = panels;
        }
        if verdict.is_some() {
            self.state.verdict = verdict;
        }
        changed
    }

    /// Whether the worker does not answer: the system says that it was stopped or, where that is of
    /// another machine, its file has not changed for a while, by our own clock.
    fn is_stalled(&self) -> bool {
        let Some(worker) = &self.worker else { return false };
        worker.is_stopped().unwrap_or_else(|| self.beat.elapsed() > SILENCE)
    }

    /// Statuses, rates and steps: from the worker's own file as long as it lives.
    fn apply_progress(&mut self) {
        let held = self.worker.is_some();
        let stalled = held && self.is_stalled();
        let written = self.progress.as_ref();
        self.state.status = progress::status(held, stalled, written.map(|p| p.status), self.state.verdict.is_some());
        self.state.eta = written.and_then(|p| p.eta).filter(|_| self.state.status == Status::Running);
        for (index, trial) in self.state.trials.iter_mut().enumerate() {
            trial.rate = None;
            if trial.result.closing.is_some() {
                trial.progress.step = trial.progress.step.max(written_step(written, index));
                continue;
            }
            let said = written.and_then(|p| p.trials.get(index)).filter(|said| said.name == trial.result.spec.name);
            trial.status = match said {
                Some(said) if held => said.status,
                _ if held || trial.progress.step == 0 => Status::Waiting,
                _ => Status::Stopped,
            };
            if let Some(said) = said {
                trial.progress.step = trial.progress.step.max(said.step);
                trial.progress.steps = if said.steps > 0 { said.steps } else { trial.progress.steps };
                trial.rate = said.rate.filter(|_| trial.status == Status::Running);
            }
        }
    }
}

fn spec(trial: &TrialState) -> crate::contract::TrialSpec {
    trial.result.spec.clone()
}

fn written_step(written: Option<&StudyProgress>, index: usize) -> u64 {
    written.and_then(|p| p.trials.get(index)).map_or(0, |said| said.step)
}

/// Takes in the new events of a trial.
fn read_metrics(watched: &mut Watched, trial: &mut TrialState, path: &Path) -> std::io::Result<bool> {
    let lines = match watched.metrics.lines(path)? {
        Some(lines) => lines,
        None => {
            *trial = TrialState { panels: std::mem::take(&mut trial.panels), ..TrialState::new(spec(trial)) };
            watched.last = FIRST;
            watched.metrics.lines(path)?.unwrap_or_default()
        }
    };
    for line in lines.lines() {
        match unseal::<Event>(line, &mut watched.last) {
            Ok(event) => trial.apply(&event),
            Err(e) => trial.notes.push((trial.progress.step, Level::Warning, format!("a line of the metrics {e}"))),
        }
    }
    Ok(!lines.is_empty())
}

/// Takes in the new times of a trial. One that is damaged is left out: those around it tell what it did.
fn read_times(watched: &mut Watched, times: &mut Series, path: &Path) -> bool {
    let Ok(lines) = watched.times.lines(path) else { return false };
    let Some(lines) = lines else {
        times.clear();
        watched.last_time = FIRST;
        return true;
    };
    let before = times.len();
    let marks = lines.lines().filter_map(|line| unseal::<Mark>(line, &mut watched.last_time).ok());
    marks.for_each(|mark| mark.add_to(times));
    times.len() > before
}

/// The value of a file that was replaced since the last look. One that cannot be read is as one that
/// is not there: it is looked at again when it changes.
fn replaced<T: DeserializeOwned>(path: &Path, last: &mut Option<Stamp>) -> Option<T> {
    if is_new(path, last) { serde_json::from_slice(&fs::read(path).ok()?).ok() } else { None }
}

/// Whether a file is there and was replaced since the last look.
fn is_new(path: &Path, last: &mut Option<Stamp>) -> bool {
    let now = fs::metadata(path).ok().as_ref().and_then(stamp);
    let new = now.is_some() && *last != now;
    *last = now.or(*last);
    new
}

/// The panels of a run's study as last written; none if there are none that can be read.
pub fn study_panels(folder: &Folder) -> Option<Vec<Panel>> {
    replaced(&folder.panels(), &mut None)
}
