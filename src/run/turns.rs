//! What was changed while a trial ran: `changes.jsonl`, on the disk before it has an effect, so that
//! a resumed and a replayed trial turn the same knobs after the same steps.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::durable::records::{self, Records};
use super::durable::{self, Keep};
use super::error::RunError;
use super::folder::Folder;
use super::journal;
use crate::contract::{Event, Level, Trial, TrialError};

/// A line of `changes.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Turned {
    /// Steps that the trial had done.
    pub(super) step: u64,
    /// Name of the knob.
    pub(super) knob: String,
    /// Its value from then on.
    pub(super) value: f64,
}

/// The changes of a trial.
#[derive(Debug)]
pub(super) struct Turns {
    path: PathBuf,
    file: Option<Records>,
    whole: u64,
    all: Vec<Turned>,
    /// How many of them had their effect.
    pub(super) done: usize,
    /// How many requests to the worker were seen.
    pub(super) seen: usize,
}

/// How many changes a trial recorded.
pub(super) fn count_turns(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Turned { .. })).count()
}

/// Turns the knobs of a restored trial as its events say.
///
/// # Errors
/// When the trial has no such knob.
pub(super) fn repeat(events: &[Event], trial: &mut dyn Trial) -> Result<(), TrialError> {
    events.iter().try_for_each(|event| match event {
        Event::Turned { knob, value, .. } => trial.turn(knob, *value),
        _ => Ok(()),
    })
}

impl Turns {
    /// The changes of a trial so far. What a killed worker left unfinished is cut: it had no effect.
    ///
    /// # Errors
    /// [`RunError::Disk`], and [`RunError::Broken`] when whole lines are damaged: without them the trial
    /// cannot be what it was.
    pub(super) fn open(folder: &Folder, trial: &str) -> Result<Self, RunError> {
        let path = folder.changes(trial);
        let extent = records::extent(&path);
        let all = records::read(&path, extent.whole).map_err(|e| RunError::broken(&path, e))?;
        if extent.torn > 0 {
            journal::add(folder, Level::Warning, format!("{trial}: an unfinished change was cut"))?;
        }
        Ok(Turns { path, file: None, whole: extent.whole, all, done: 0, seen: 0 })
    }

    /// Adds a change.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(super) fn add(&mut self, turned: Turned) -> Result<(), RunError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(Records::open(&self.path, self.whole)?),
        };
        file.push(&turned)?;
        file.sync()?;
        self.all.push(turned);
        Ok(())
    }

    /// The next change that is due after `step` steps.
    pub(super) fn due(&mut self, step: u64) -> Option<Turned> {
        let next = self.all.get(self.done).filter(|turned| turned.step <= step)?;
        self.done += 1;
        Some(next.clone())
    }
}

/// Forgets all changes but the first `count`: the trial goes back to before the others.
///
/// # Errors
/// As [`Turns::open`].
pub(super) fn keep_first(folder: &Folder, trial: &str, count: usize) -> Result<(), RunError> {
    let Turns { path, all, .. } = Turns::open(folder, trial)?;
    if all.len() <= count {
        return Ok(());
    }
    let (mut lines, mut last) = (String::new(), records::FIRST);
    for turned in all.iter().take(count) {
        let (line, sum) = records::seal(turned, last).map_err(|e| RunError::broken(&path, e))?;
        (lines, last) = (lines + &line, sum);
    }
    durable::write(&path, lines.as_bytes(), Keep::Durable)
}
