//! Going back: trials of a run take up an earlier checkpoint as if they had never gone further.

use super::checkpoint;
use super::durable::disk;
use super::durable::records::{self, Records};
use super::error::RunError;
use super::folder::Folder;
use super::journal;
use super::lock::Lock;
use super::times::Times;
use super::turns::{count_turns, keep_first};
use crate::contract::{Closing, Event, Level};

/// Takes trials back to their last kept checkpoint at or before `step`, or to their beginning: the
/// trial with the given name, or all that ended early. Says which went where.
///
/// # Errors
/// [`RunError::Busy`] when a worker has the run; [`RunError::Usage`] when there is no such trial or none
/// ended early; [`RunError::Disk`].
pub fn go_back(folder: &Folder, trial: Option<&str>, step: u64) -> Result<Vec<(String, u64)>, RunError> {
    let _lock = Lock::take(folder)?;
    let names = chosen(folder, trial)?;
    // Before anything else: a verdict over trials that are not whole any more must not stay.
    disk::remove(&folder.verdict()).map_err(|e| RunError::writing(&folder.verdict(), e))?;
    names.into_iter().map(|name| take_back(folder, &name, step).map(|at| (name, at))).collect()
}

/// The steps to which a trial can go back, newest first: its older checkpoints, and its beginning.
///
/// # Errors
/// [`RunError::Usage`] when there is no such trial.
pub fn checkpoints(folder: &Folder, trial: &str) -> Result<Vec<u64>, RunError> {
    chosen(folder, Some(trial))?;
    let mut steps = checkpoint::kept_steps(folder, trial);
    steps.retain(|step| *step > 0);
    steps.insert(0, 0);
    steps.reverse();
    Ok(steps)
}

fn chosen(folder: &Folder, trial: Option<&str>) -> Result<Vec<String>, RunError> {
    let names = folder.manifest()?.trials.into_iter().map(|spec| spec.name);
    match trial {
        Some(trial) => {
            let names: Vec<String> = names.collect();
            let found = names.iter().find(|name| *name == trial).cloned();
            let near = crate::base::text::nearest(trial, names.iter().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let unknown = || RunError::Usage(format!("{} has no trial `{trial}`{near}", folder.name()));
            Ok(vec![found.ok_or_else(unknown)?])
        }
        None => {
            let early: Vec<String> = names.filter(|name| ended_early(folder, name)).collect();
            let none = || RunError::Usage("no trial ended early; `--trial NAME` says which is to go back".into());
            if early.is_empty() { Err(none()) } else { Ok(early) }
        }
    }
}

fn ended_early(folder: &Folder, trial: &str) -> bool {
    let path = folder.metrics(trial);
    let events: Vec<Event> = records::read(&path, records::extent(&path).whole).unwrap_or_default();
    matches!(events.last(), Some(Event::Closed { closing }) if *closing != Closing::Done)
}

fn take_back(folder: &Folder, trial: &str, step: u64) -> Result<u64, RunError> {
    let path = folder.metrics(trial);
    let kept = checkpoint::kept_steps(folder, trial).into_iter().rfind(|kept| *kept <= step);
    let (at, length) = match kept {
        Some(kept) => (kept, checkpoint::go_back(folder, trial, kept)?.metrics),
        None => {
            checkpoint::forget(folder, trial)?;
            (0, 0)
        }
    };
    let events: Vec<Event> = records::read(&path, length).map_err(|e| RunError::broken(&path, e))?;
    keep_first(folder, trial, count_turns(&events))?;
    Times::open(folder, trial, events.iter().filter_map(Event::measured).max().unwrap_or(0))?;
    Records::open(&path, length)?.sync()?;
    journal::add(folder, Level::Info, format!("{trial} went back to step {at}"))?;
    Ok(at)
}
