//! The folder of a run: what each file is for, and how a new one is claimed.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::durable::{self, Keep, disk, records};
use super::error::RunError;
use super::journal::now;
use super::presets::{self, Preset};
use crate::base::hash;
use crate::contract::{Entry, Header, Study, TrialSpec, Verdict};

/// The format of run folders that this program writes.
const FORMAT: u32 = 2;

/// A run's folder. It holds
///
/// - `preset.ron`: the resolved preset; this file alone reproduces the run
/// - `run.json`: the [`Manifest`]
/// - `trials/NAME/metrics.jsonl`: the trial's events, append-only, without any clock, a checksum a line
/// - `trials/NAME/digest.json`: what a viewer shows of long metrics
/// - `trials/NAME/changes.jsonl`: what was changed while it ran, and after which step
/// - `trials/NAME/checkpoint.safetensors` (and `.previous`): weights and state to go on from
/// - `trials/NAME/checkpoint.STEP.safetensors`: some older ones, to go back to until it is done
/// - `trials/NAME/panels.json`, `panels.json`: what there was to see, as last written
/// - `progress.json`: how far the worker is, replaced a few times a second
/// - `journal.jsonl`: what happened around the trials, with the wall clock
/// - `verdict.json`: the verdict
/// - `control/`: requests to the worker; `lock`: held by it; `worker.log`: what it printed
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

/// What `run.json` says: fixed when the run is created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the folder.
    pub format: u32,
    /// What the preset says, whatever its system.
    pub header: Header,
    /// Name of the preset it was started from.
    pub preset: String,
    /// Hash of `preset.ron`; checkpoints carry it too.
    pub hash: String,
    /// Version of the program that created it.
    pub program: String,
    /// Seconds since 1970.
    pub created: f64,
    /// Threads asked for when it was created.
    pub threads: usize,
    /// The trials, in the order in which they start.
    pub trials: Vec<TrialSpec>,
}

impl Folder {
    /// The folder at `path`, of which nothing is known yet.
    pub(super) fn at(path: &Path) -> Self {
        Folder { path: path.to_owned() }
    }

    /// The run at `path`.
    ///
    /// # Errors
    /// When there is no run.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let folder = Folder::at(path);
        folder.manifest()?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the run: the folder's own.
    pub fn name(&self) -> String {
        let full = self.path.canonicalize();
        let path = full.as_deref().unwrap_or(&self.path);
        path.file_name().map_or_else(|| "run".into(), |name| name.to_string_lossy().into_owned())
    }

    /// What `run.json` says.
    ///
    /// # Errors
    /// When it is missing, broken or of a newer program.
    pub fn manifest(&self) -> Result<Manifest, RunError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let path = self.manifest_path();
        let text = fs::read_to_string(&path).map_err(|e| RunError::reading(&path, &e))?;
        let format: Format = serde_json::from_str(&text).map_err(|e| RunError::broken(&path, e))?;
        match format.format {
            FORMAT => records::read_one(&path),
            newer if newer > FORMAT => {
                Err(RunError::broken(&path, format!("was written by a newer ansatz (format {newer})")))
            }
            older => Err(RunError::broken(
                &path,
                format!("was written before the first release (format {older}); `ansatz run` its preset.ron again"),
            )),
        }
    }

    /// The study of this run, from its own preset.
    ///
    /// # Errors
    /// When the preset is missing or the program cannot read it any more.
    pub fn study(&self, table: &'static [Entry]) -> Result<Box<dyn Study>, RunError> {
        let path = self.preset();
        let name = path.to_string_lossy().into_owned();
        Ok(presets::load_file(table, &path, &name)?.study)
    }

    /// That the preset is still the one that the run was created with: checkpoints and metrics are
    /// of no other.
    ///
    /// # Errors
    /// [`RunError::Broken`] when it is missing or was changed.
    pub(super) fn check_preset(&self, manifest: &Manifest) -> Result<(), RunError> {
        let path = self.preset();
        let text = fs::read(&path).map_err(|e| RunError::reading(&path, &e))?;
        if preset_hash(&text) == manifest.hash {
            return Ok(());
        }
        let file = path.display();
        Err(RunError::broken(&path, format!("was changed since the run began; `ansatz run {file}` is a new run of it")))
    }

    /// The resolved preset.
    pub fn preset(&self) -> PathBuf {
        self.path.join("preset.ron")
    }

    pub(super) fn manifest_path(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// The file of a trial with the given name.
    pub(super) fn trial(&self, trial: &str, file: &str) -> PathBuf {
        self.path.join("trials").join(trial).join(file)
    }

    /// The metrics of a trial.
    pub fn metrics(&self, trial: &str) -> PathBuf {
        self.trial(trial, "metrics.jsonl")
    }

    /// The latest checkpoint of a trial.
    pub fn checkpoint(&self, trial: &str) -> PathBuf {
        self.trial(trial, "checkpoint.safetensors")
    }

    /// Keeps the verdict.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(crate) fn keep_verdict(&self, verdict: &Verdict) -> Result<(), RunError> {
        durable::write_sealed(&self.verdict(), verdict)
    }

    /// What was changed while a trial ran.
    pub(super) fn changes(&self, trial: &str) -> PathBuf {
        self.trial(trial, "changes.jsonl")
    }

    /// What a viewer shows of the metrics of a trial, once these are long.
    pub(super) fn digest(&self, trial: &str) -> PathBuf {
        self.trial(trial, "digest.json")
    }

    pub(super) fn panels(&self) -> PathBuf {
        self.path.join("panels.json")
    }

    pub(super) fn progress(&self) -> PathBuf {
        self.path.join("progress.json")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    pub(super) fn verdict(&self) -> PathBuf {
        self.path.join("verdict.json")
    }

    pub(super) fn control(&self, request: &str) -> PathBuf {
        self.path.join("control").join(request)
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// What the worker printed.
    pub fn log(&self) -> PathBuf {
        self.path.join("worker.log")
    }
}

/// Creates the folder of a new run: `root/SYSTEM-PRESET-HASH`, or `out`. Making the folder is what
/// claims it, so two that start at once never share one.
///
/// # Errors
/// When `out` is already something, or the disk cannot take it.
pub fn create(root: &Path, preset: &Preset, out: Option<&Path>, threads: usize) -> Result<Folder, RunError> {
    check_space(out.unwrap_or(root), preset)?;
    let text = preset.study.to_ron();
    let trials = preset.study.trials();
    check_names(preset.entry.card.slug, &trials)?;
    let path = match out {
        Some(path) => claim_exactly(path)?,
        None => {
            let stem = file_name(&format!("{}-{}", preset.entry.card.slug, preset.name));
            claim_free(root, &format!("{stem}-{}", hash::short(text.as_bytes(), 6)))?
        }
    };
    let folder = Folder { path };
    let manifest = Manifest {
        format: FORMAT,
        header: preset.study.header(),
        preset: preset.name.clone(),
        hash: preset_hash(text.as_bytes()),
        program: env!("CARGO_PKG_VERSION").into(),
        created: now(),
        threads,
        trials,
    };
    for part in ["trials", "control"] {
        make(&folder.path.join(part))?;
    }
    for trial in &manifest.trials {
        make(&folder.path.join("trials").join(&trial.name))?;
    }
    durable::write(&folder.preset(), text.as_bytes(), Keep::Durable)?;
    // Last: a folder with this file is a whole run.
    durable::write_sealed(&folder.manifest_path(), &manifest)?;
    Ok(folder)
}

/// Refuses to start what the disk has no room for.
fn check_space(place: &Path, preset: &Preset) -> Result<(), RunError> {
    let needed = preset.study.cost().disk;
    match free_space(place) {
        Some(free) if free < needed => Err(RunError::NoSpace { path: place.to_owned(), needed, free }),
        _ => Ok(()),
    }
}

/// Bytes that are free where `place` is or would be made, if that can be told.
pub fn free_space(place: &Path) -> Option<u64> {
    let there = place.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    disk::free(if there.as_os_str().is_empty() { Path::new(".") } else { there })
}

fn preset_hash(text: &[u8]) -> String {
    hash::short(text, 32)
}

fn make(path: &Path) -> Result<(), RunError> {
    disk::make_folder(path).map_err(|e| RunError::writing(path, e))
}

/// Claims `root/stem`, or the first free of `root/stem-2`, `root/stem-3`, ...
fn claim_free(root: &Path, stem: &str) -> Result<PathBuf, RunError> {
    make(root)?;
    for number in 1_u32.. {
        let path = root.join(if number == 1 { stem.to_owned() } else { format!("{stem}-{number}") });
        match disk::claim_folder(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(RunError::writing(&path, e)),
        }
    }
    Err(RunError::Failed(format!("{} holds too many runs named {stem}", root.display())))
}

/// Claims `path`: a new folder, or an empty one.
fn claim_exactly(path: &Path) -> Result<PathBuf, RunError> {
    if let Some(parent) = path.parent() {
        make(parent)?;
    }
    let taken = || RunError::Usage(format!("{} already exists and is not an empty folder", path.display()));
    match disk::claim_folder(path) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            let empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
            if !empty {
                return Err(taken());
            }
        }
        Err(e) => return Err(RunError::writing(path, e)),
    }
    // An empty folder may be claimed by two at once; only one can create this file.
    let preset = path.join("preset.ron");
    match disk::claim_file(&preset) {
        Ok(()) => Ok(path.to_owned()),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Err(taken()),
        Err(e) => Err(RunError::writing(&preset, e)),
    }
}

/// `text` with everything that has no place in a file name replaced.
fn file_name(text: &str) -> String {
    text.chars().map(|c| if plain(c) { c } else { '-' }).collect()
}

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-+=".contains(c)
}

/// Names of trials are names of folders: they must be plain and must not meet.
fn check_names(system: &str, trials: &[TrialSpec]) -> Result<(), RunError> {
    let mut seen = BTreeSet::new();
    for TrialSpec { name, .. } in trials {
        let fit = !name.is_empty() && name.len() <= 120 && !name.starts_with('.') && name.chars().all(plain);
        if !fit || !seen.insert(name.to_ascii_lowercase()) {
            let reason = if fit { "names two trials" } else { "names a trial with no name for a folder:" };
            return Err(RunError::Failed(format!("system {system} {reason} `{name}`")));
        }
    }
    if trials.is_empty() {
        return Err(RunError::Usage(format!("this preset of {system} has no trials")));
    }
    Ok(())
}
