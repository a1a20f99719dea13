//! What happened around the trials, with the wall clock: `journal.jsonl`, one line an entry.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::durable::records::{Extent, extent};
use super::durable::{Keep, disk, shared};
use super::error::RunError;
use super::folder::Folder;
use crate::contract::Level;

/// Seconds since 1970 by the wall clock. Only for people to read: durations use the monotonic one.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Seconds since 1970.
    pub(super) time: f64,
    /// Weight.
    pub(super) level: Level,
    /// The sentence.
    pub(super) text: String,
}

/// Adds a sentence to the journal of a run.
///
/// # Errors
/// [`RunError::Disk`] when it cannot be written.
pub(super) fn add(folder: &Folder, level: Level, text: impl Into<String>) -> Result<(), RunError> {
    let entry = Entry { time: now(), level, text: text.into() };
    shared::append(&folder.journal(), &entry, Keep::Fleeting)
}

/// Puts a fault of a viewer into the journal of a run, if that can be written.
pub fn report(folder: &Folder, fault: &str) {
    add(folder, Level::Warning, fault).unwrap_or_default();
}

/// Cuts what a killed writer left unfinished and says so. For the worker, which alone may cut.
///
/// # Errors
/// [`RunError::Disk`] when it cannot be written.
pub(super) fn mend(folder: &Folder) -> Result<(), RunError> {
    let path = folder.journal();
    let Extent { whole, torn } = extent(&path);
    if torn == 0 {
        return Ok(());
    }
    let cut = disk::open_to_append(&path).and_then(|file| disk::cut(&file, &path, whole));
    cut.map_err(|e| RunError::writing(&path, e))?;
    add(folder, Level::Warning, format!("the journal ended in an unfinished line, whose {torn} bytes were cut"))
}
