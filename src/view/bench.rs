//! What the viewer does to the world: start, ask, read. Everything else in `view` is plain state.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::contract::{ABLATED, Annotation, Outcome, Panel, Progress, Status, Study, StudyState, Turn};
use crate::run::Summary;

/// A run as the home screen lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Where it is.
    pub folder: PathBuf,
    /// Name of the folder.
    pub name: String,
    /// Slug of its system.
    pub system: String,
    /// Preset it was started from.
    pub preset: String,
    /// What it is doing.
    pub status: Status,
    /// Steps over all trials.
    pub progress: Progress,
    /// The verdict's word, once judged.
    pub outcome: Option<Outcome>,
    /// The verdict's sentence, once judged.
    pub sentence: Option<String>,
    /// Seed of the study.
    pub seed: u64,
    /// How many trials it has.
    pub trials: usize,
    /// When it was created, in seconds since 1970.
    pub created: f64,
    /// What people called it.
    pub tags: Vec<String>,
}

impl RunRow {
    /// The row of a run.
    pub fn of(run: Summary) -> Self {
        RunRow {
            folder: run.folder.path().to_owned(),
            name: run.name,
            system: run.system,
            preset: run.preset,
            status: run.status,
            progress: run.progress,
            outcome: run.outcome,
            sentence: run.sentence,
            seed: run.seed,
            trials: run.trials,
            created: run.created,
            tags: run.tags,
        }
    }

    /// Whether its mechanism was taken out: what it found is no verdict on the claim.
    pub fn is_ablated(&self) -> bool {
        self.preset == ABLATED
    }

    /// Whether a worker holds it.
    pub fn is_live(&self) -> bool {
        matches!(self.status, Status::Running | Status::Paused | Status::Stalled)
    }
}

/// The newest run of a system that was judged, among runs newest first; none with the mechanism taken out.
pub fn last_judged<'a>(runs: &'a [RunRow], slug: &str) -> Option<&'a RunRow> {
    runs.iter().find(|run| run.system == slug && run.outcome.is_some() && !run.is_ablated())
}

/// What can be asked of the worker of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Wait at a checkpoint.
    Pause,
    /// Go on.
    Continue,
    /// Pause, and go on for a single step: one call of a trial's `step`.
    Step,
    /// Write checkpoints and end.
    Stop,
    /// Start a worker on a run that has none.
    Resume,
}

/// A run that is being watched: its state as last read.
pub trait Feed {
    /// Where it is.
    fn folder(&self) -> &Path;
    /// Reads what is new; whether anything was.
    ///
    /// # Errors
    /// A sentence when the folder cannot be read (any more).
    fn refresh(&mut self) -> Result<bool, String>;
    /// The state as last read.
    fn state(&self) -> &StudyState;
}

/// The few things that reach outside the viewer. Every error is a sentence for people.
pub trait Bench {
    /// The runs in the runs folder, newest first.
    fn runs(&mut self) -> Vec<RunRow>;
    /// Reads a preset (`SYSTEM/PRESET`) with changes (`path.to.field=VALUE`) and checks it.
    ///
    /// # Errors
    /// What is wrong with a change.
    fn load(&self, preset: &str, set: &[String]) -> Result<Box<dyn Study>, String>;
    /// Creates a run of a preset, gives it a worker and watches it.
    ///
    /// # Errors
    /// Why it cannot start.
    fn start(&mut self, preset: &str, set: &[String]) -> Result<Box<dyn Feed>, String>;
    /// Watches a run.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn open(&mut self, folder: &Path) -> Result<Box<dyn Feed>, String>;
    /// The preset of a run, with every default filled in.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn preset(&self, folder: &Path) -> Result<serde_json::Value, String>;
    /// Asks something of a run's worker.
    ///
    /// # Errors
    /// Why it cannot be asked.
    fn ask(&mut self, folder: &Path, wish: Wish) -> Result<(), String>;
    /// Turns a knob of a run.
    ///
    /// # Errors
    /// Why it cannot be turned.
    fn turn(&mut self, folder: &Path, turn: &Turn) -> Result<(), String>;
    /// The steps to which a trial can go back, newest first; the last is 0, its beginning.
    ///
    /// # Errors
    /// Why they cannot be told.
    fn checkpoints(&self, folder: &Path, trial: &str) -> Result<Vec<u64>, String>;
    /// Takes a trial of a run without a worker back to its last checkpoint at or before a step, and gives the
    /// run a new worker; the step that it went back to.
    ///
    /// # Errors
    /// Why it cannot: a worker has the run, say.
    fn go_back(&mut self, folder: &Path, trial: &str, step: u64) -> Result<u64, String>;
    /// Gives a run a tag or a note, or takes a tag off.
    ///
    /// # Errors
    /// Why it cannot be kept.
    fn annotate(&mut self, folder: &Path, annotation: Annotation) -> Result<(), String>;
    /// Bytes that are free where runs go, if the system tells.
    fn free_space(&self) -> Option<u64>;
    /// Puts a fault of the viewer into the journal of a run, if that can be written.
    fn report(&mut self, folder: &Path, fault: &str);
    /// Writes a snapshot of a run; where it is.
    ///
    /// # Errors
    /// Why it cannot be written.
    fn snapshot(&mut self, folder: &Path) -> Result<PathBuf, String>;
    /// Begins to make the bias card of a trial, which comes into the run's folder.
    ///
    /// # Errors
    /// Why it cannot begin.
    fn diagnose(&mut self, folder: &Path, trial: &str) -> Result<(), String>;
    /// The thumbnail of a run: the first chart of its study, if it has one.
    fn thumbnail(&self, folder: &Path) -> Option<Panel>;
    /// Seconds since 1970.
    fn now(&self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |age| age.as_secs_f64())
    }
}
