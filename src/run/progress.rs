//! `progress.json`: what the worker is doing, replaced a few times a second.

use std::fs;

use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::lock::Holder;
use crate::contract::{Progress, Status};

/// One trial in `progress.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialProgress {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub status: Status,
    /// Steps done.
    pub step: u64,
    /// Steps in all; as planned while it waits.
    pub steps: u64,
    /// Steps a second, while it runs.
    pub rate: Option<f64>,
    /// Floating-point operations in all, as planned; 0 if nobody knows.
    #[serde(default)]
    pub flop: f64,
}

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StudyProgress {
    /// The worker that wrote it.
    pub worker: Holder,
    /// What the study is doing, as the worker sees it.
    pub status: Status,
    /// Seconds of work left.
    pub eta: Option<f64>,
    /// Bytes of memory that the worker uses, if the system tells.
    pub memory: Option<u64>,
    /// Threads that the worker uses.
    pub threads: usize,
    /// Steps over all trials.
    pub total: Progress,
    /// The trials, in the order of the study.
    pub trials: Vec<TrialProgress>,
}

/// The file of a run, if there is one that can be read.
pub(super) fn read(folder: &Folder) -> Option<StudyProgress> {
    serde_json::from_slice(&fs::read(folder.progress()).ok()?).ok()
}

/// What a run is doing: a worker that died counts for nothing, whatever it wrote last, and one that
/// does not answer is stalled.
pub(super) fn status(held: bool, stalled: bool, written: Option<Status>, judged: bool) -> Status {
    match (held, written) {
        (true, _) if stalled => Status::Stalled,
        (true, Some(Status::Paused)) => Status::Paused,
        (true, _) => Status::Running,
        (false, Some(Status::Failed)) => Status::Failed,
        (false, _) if judged => Status::Done,
        (false, None | Some(Status::Waiting)) => Status::Waiting,
        (false, Some(_)) => Status::Stopped,
    }
}

/// Bytes of memory that this process uses, if the system tells.
pub(super) fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
