//! What happened around the trials, with the wall clock: `journal.jsonl`, one line an entry.

use std::io::{Read, Seek, SeekFrom};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::durable::disk;
use super::durable::records::{Extent, FIRST, extent, seal};
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
    let path = folder.journal();
    let entry = Entry { time: now(), level, text: text.into() };
    // Several processes may write: each line stands for itself.
    let (mut line, _) = seal(&entry, FIRST).map_err(|e| RunError::broken(&path, e))?;
    // One write of a file opened to append: lines of several processes do not mix.
    let mut write = || -> std::io::Result<()> {
        let mut file = disk::open_to_append(&path)?;
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                line.insert(0, '\n'); // a killed writer left half a line
            }
        }
        disk::write_all(&mut file, &path, line.as_bytes())
    };
    write().map_err(|e| RunError::writing(&path, e))
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
