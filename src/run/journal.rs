//! What happened around the trials, with the wall clock: `journal.jsonl`, one line an entry.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

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
    let mut line = serde_json::to_string(&entry).map_err(|e| RunError::broken(&path, e))?;
    line.push('\n');
    // One write of a file opened to append: lines of several processes do not mix.
    let mut write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().append(true).read(true).create(true).open(&path)?;
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                line.insert(0, '\n'); // a killed writer left half a line
            }
        }
        file.write_all(line.as_bytes())
    };
    write().map_err(|e| RunError::writing(&path, e))
}
