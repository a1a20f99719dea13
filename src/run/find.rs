//! Finding runs: by name, by a unique beginning, the newest, all of them; and putting one away.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::annotations::annotations;
use super::durable::{disk, records};
use super::error::RunError;
use super::folder::Folder;
use super::lock::{self, Lock};
use super::progress;
use crate::base::text::nearest;
use crate::contract::{Outcome, Progress, Status};

/// A run at a glance.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its folder.
    pub folder: Folder,
    /// Its name.
    pub name: String,
    /// Slug of its system.
    pub system: String,
    /// Name of its preset.
    pub preset: String,
    /// Seed of the study.
    pub seed: u64,
    /// What it is doing.
    pub status: Status,
    /// The word of the verdict, once judged.
    pub outcome: Option<Outcome>,
    /// The sentence of the verdict, once judged.
    pub sentence: Option<String>,
    /// Steps over all trials.
    pub progress: Progress,
    /// Tags that people gave it.
    pub tags: Vec<String>,
    /// How many trials it has.
    pub trials: usize,
    /// When it was created, in seconds since 1970.
    pub created: f64,
    /// When something last happened to it.
    pub modified: SystemTime,
}

/// The runs of a folder.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Newest first.
    pub runs: Vec<Summary>,
    /// Folders that hold no run that can be read, and why.
    pub skipped: Vec<(PathBuf, String)>,
}

/// Every run under `root`. A root that does not exist has none.
pub fn list(root: &Path) -> Listing {
    let mut listing = Listing::default();
    for path in folders(root) {
        match summary(&path) {
            Ok(summary) => listing.runs.push(summary),
            Err(error) => listing.skipped.push((path, error.to_string())),
        }
    }
    listing.runs.sort_by(|a, b| b.created.total_cmp(&a.created).then_with(|| a.name.cmp(&b.name)));
    listing.skipped.sort();
    listing
}

/// Everything that could be a run: folders whose name has no dot in front.
fn folders(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let visible = |name: &OsStr| !name.as_encoded_bytes().starts_with(b".");
    let entries = entries.flatten().filter(|entry| visible(&entry.file_name()));
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// The parts of `run.json` and `verdict.json` that a summary needs; the rest is not even built.
#[derive(Deserialize)]
struct Brief {
    header: BriefHeader,
    preset: String,
    created: f64,
    trials: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct BriefHeader {
    system: String,
    seed: u64,
}

#[derive(Deserialize)]
struct BriefVerdict {
    outcome: Outcome,
    sentence: String,
}

/// One run at a glance.
///
/// # Errors
/// When `path` holds no run that can be read.
pub fn summary(path: &Path) -> Result<Summary, RunError> {
    let folder = Folder::at(path);
    let manifest = folder.manifest_path();
    let bytes = fs::read(&manifest).map_err(|e| RunError::reading(&manifest, &e))?;
    let brief: Brief = serde_json::from_slice(&bytes).map_err(|e| RunError::broken(&manifest, e))?;
    let progress = progress::read(&folder);
    let verdict = records::read_one::<BriefVerdict>(&folder.verdict()).ok();
    let holder = lock::holder(&folder);
    let stalled = holder.as_ref().and_then(lock::Holder::is_stopped).unwrap_or(false);
    let modified = [folder.progress(), manifest].iter().filter_map(|p| p.metadata().ok()?.modified().ok()).max();
    let (outcome, sentence) = verdict.map(|v| (v.outcome, v.sentence)).unzip();
    Ok(Summary {
        name: folder.name(),
        system: brief.header.system,
        preset: brief.preset,
        seed: brief.header.seed,
        status: progress::status(holder.is_some(), stalled, progress.as_ref().map(|p| p.status), outcome.is_some()),
        outcome,
        sentence,
        progress: progress.map(|p| p.total).unwrap_or_default(),
        tags: annotations(&folder).tags,
        trials: brief.trials.len(),
        created: brief.created,
        modified: modified.unwrap_or(SystemTime::UNIX_EPOCH),
        folder,
    })
}

/// The run that `run` means: a folder, the name of one under `root`, a unique beginning of it, or,
/// without one, the newest.
///
/// # Errors
/// [`RunError::Usage`] when nothing or more than one fits.
pub fn find(root: &Path, run: Option<&str>) -> Result<Folder, RunError> {
    let Some(run) = run else { return newest(root) };
    for path in [root.join(run), PathBuf::from(run)] {
        if !run.is_empty() && path.join("run.json").is_file() {
            return Folder::open(&path);
        }
    }
    let paths = folders(root);
    let mut names: Vec<&str> = paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    names.sort_unstable();
    let fitting: Vec<&str> = names.iter().copied().filter(|name| name.starts_with(run)).collect();
    match fitting[..] {
        [name] => Folder::open(&root.join(name)),
        [] => Err(RunError::Usage(unknown(root, run, &names))),
        _ => Err(RunError::Usage(format!("`{run}` could be any of {}", some(&fitting)))),
    }
}

fn newest(root: &Path) -> Result<Folder, RunError> {
    let none = || RunError::Usage(format!("there are no runs in {}; `ansatz run SYSTEM` starts one", root.display()));
    list(root).runs.into_iter().next().map(|summary| summary.folder).ok_or_else(none)
}

fn unknown(root: &Path, run: &str, names: &[&str]) -> String {
    let place = root.display();
    match nearest(run, names.iter().copied()) {
        Some(name) => format!("there is no run `{run}` in {place}; did you mean `{name}`?"),
        None if names.is_empty() => format!("there is no run `{run}`: {place} holds no runs"),
        None => format!("there is no run `{run}` in {place}; it holds {}", some(names)),
    }
}

/// At most eight names, and how many more there are.
fn some(names: &[&str]) -> String {
    let shown = names.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 8 { format!("{shown} and {} more", names.len() - 8) } else { shown }
}

/// Puts a run away into `.trash` beside it, and says where.
///
/// # Errors
/// [`RunError::Busy`] when a worker has it; [`RunError::Disk`] when it cannot be moved.
pub fn remove(folder: &Folder) -> Result<PathBuf, RunError> {
    let _lock = Lock::take(folder)?;
    let full = folder.path().canonicalize().map_err(|e| RunError::reading(folder.path(), &e))?;
    let trash = full.parent().unwrap_or(Path::new("/")).join(".trash");
    disk::make_folder(&trash).map_err(|e| RunError::writing(&trash, e))?;
    let name = folder.name();
    let free = |number: u32| trash.join(if number == 1 { name.clone() } else { format!("{name}-{number}") });
    let target = (1..=u32::MAX).map(free).find(|path| !path.exists()).unwrap_or_else(|| trash.clone());
    disk::rename(&full, &target).map_err(|e| RunError::writing(&full, e))?;
    Ok(target)
}
