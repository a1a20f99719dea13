//! `metrics.jsonl`: the events of a trial, appended by the worker and tailed by readers.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::RunError;
use crate::contract::Event;

/// The worker's end of the file.
#[derive(Debug)]
pub(super) struct MetricsFile {
    path: PathBuf,
    file: File,
    flushed: u64,
    buffer: Vec<u8>,
}

impl MetricsFile {
    /// Opens the file and drops everything behind its first `keep` bytes.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(super) fn open(path: &Path, keep: u64) -> Result<Self, RunError> {
        let open = || -> io::Result<File> {
            let file = OpenOptions::new().append(true).create(true).open(path)?;
            if file.metadata()?.len() != keep {
                file.set_len(keep)?;
            }
            Ok(file)
        };
        let file = open().map_err(|e| RunError::writing(path, e))?;
        Ok(MetricsFile { path: path.to_owned(), file, flushed: keep, buffer: Vec::new() })
    }

    /// Takes an event; it reaches the file with the next [`flush`](Self::flush).
    pub(super) fn push(&mut self, event: &Event) {
        let line = serde_json::to_string(event).expect("an event is plain data with string keys");
        self.buffer.extend_from_slice(line.as_bytes());
        self.buffer.push(b'\n');
    }

    /// Length of the file once everything pushed is in it.
    pub(super) fn len(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    /// Writes what was pushed.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(super) fn flush(&mut self) -> Result<(), RunError> {
        if !self.buffer.is_empty() {
            self.file.write_all(&self.buffer).map_err(|e| RunError::writing(&self.path, e))?;
            self.flushed = self.len();
            self.buffer.clear();
        }
        Ok(())
    }

    /// Writes what was pushed and waits until the disk has it.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(super) fn sync(&mut self) -> Result<(), RunError> {
        self.flush()?;
        self.file.sync_data().map_err(|e| RunError::writing(&self.path, e))
    }
}

#[cfg(test)]
impl MetricsFile {
    /// Leaves the file as a killed process may: with half a line at its end.
    pub(super) fn tear(mut self) {
        self.buffer.truncate(self.buffer.len().saturating_sub(3));
        self.flush().unwrap();
    }
}

/// New whole lines of a file that grows.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Bytes taken so far: always the end of a line.
    pub(super) taken: u64,
}

impl Tail {
    /// The whole lines behind those taken before; a torn last line is not there yet. `None` when the
    /// file became shorter: what was taken before may not hold any more, and the next call starts
    /// from the beginning.
    pub(super) fn lines(&mut self, path: &Path) -> io::Result<Option<String>> {
        let mut file = match File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && self.taken == 0 => return Ok(Some(String::new())),
            other => other?,
        };
        let length = file.metadata()?.len();
        if length < self.taken {
            self.taken = 0;
            return Ok(None);
        }
        let mut bytes = Vec::new();
        if length > self.taken {
            file.seek(SeekFrom::Start(self.taken))?;
            file.take(length - self.taken).read_to_end(&mut bytes)?;
        }
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        bytes.truncate(whole);
        self.taken += whole as u64;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// The events of the first `length` bytes of a file, or an explanation of what is wrong with them.
pub(super) fn read_events(path: &Path, length: u64) -> Result<Vec<Event>, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(length).read_to_string(&mut text));
    match read {
        Ok(read) if read as u64 == length => {}
        Ok(read) => return Err(format!("has {read} bytes where {length} were written")),
        Err(e) if e.kind() == io::ErrorKind::NotFound && length == 0 => {}
        Err(e) => return Err(format!("cannot be read: {e}")),
    }
    let event = |(i, line): (usize, &str)| serde_json::from_str(line).map_err(|e| format!("line {}: {e}", i + 1));
    text.lines().enumerate().map(event).collect()
}

/// Bytes of whole lines in a file; 0 if there is none.
pub(super) fn whole_length(path: &Path) -> u64 {
    let mut tail = Tail::default();
    tail.lines(path).map_or(0, |_| tail.taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_not_there_yet_and_a_shorter_file_starts_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let mut tail = Tail::default();
        assert_eq!(tail.lines(&path).unwrap().as_deref(), Some(""));
        std::fs::write(&path, "a\nb").unwrap();
        assert_eq!(tail.lines(&path).unwrap().as_deref(), Some("a\n"));
        std::fs::write(&path, "a\nbc\n").unwrap();
        assert_eq!(tail.lines(&path).unwrap().as_deref(), Some("bc\n"));
        std::fs::write(&path, "a\n").unwrap();
        assert_eq!(tail.lines(&path).unwrap(), None);
        assert_eq!(tail.lines(&path).unwrap().as_deref(), Some("a\n"));
        assert_eq!(whole_length(&path), 2);
    }

    #[test]
    fn what_is_pushed_can_be_read_and_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let events = [0.1 + 0.2, -1e-300, 5.0].map(|value| Event::Metric { step: 1, name: "x".into(), value });
        let mut file = MetricsFile::open(&path, 0).unwrap();
        file.push(&events[0]);
        let first = file.len();
        file.push(&events[1]);
        file.sync().unwrap();
        assert_eq!(read_events(&path, file.len()).unwrap(), events[..2]);
        assert!(read_events(&path, file.len() + 1).is_err() && read_events(&path, first - 2).is_err());
        let mut file = MetricsFile::open(&path, first).unwrap();
        file.push(&events[2]);
        file.flush().unwrap();
        assert_eq!(read_events(&path, file.len()).unwrap(), [events[0].clone(), events[2].clone()]);
    }
}
