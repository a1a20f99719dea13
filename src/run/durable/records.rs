//! Records: lines of JSON, each with a checksum of its own, appended by one writer and followed by
//! any number of readers. The checksum of a line counts in that of the line before, so that lines
//! that are missing, doubled or exchanged are found, too. `jq` reads them like any other lines of JSON.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::disk;
use crate::run::error::RunError;

/// What stands before the eight hexadecimal digits of the checksum, and behind them.
const MARK: &str = ",\"crc\":\"";
const END: &str = "\"}";

/// What counts as the checksum before the first line.
pub(in crate::run) const FIRST: u32 = 0;

/// The CRC-32 of a line's JSON, going on from the line before.
fn checksum(before: u32, body: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(before);
    hasher.update(body.as_bytes());
    hasher.finalize()
}

/// The line of a value that is an object: its JSON, with the checksum as the last field, and that
/// checksum.
///
/// # Errors
/// When it cannot be written as JSON.
pub(in crate::run) fn seal(value: &impl Serialize, before: u32) -> serde_json::Result<(String, u32)> {
    let mut line = serde_json::to_string(value)?;
    let brace = line.pop();
    debug_assert!(brace == Some('}') && line.len() > 1, "a record is an object with fields");
    let sum = checksum(before, &line);
    line += &format!("{MARK}{sum:08x}{END}\n");
    Ok((line, sum))
}

/// The JSON of a line without its end, and the checksum that it carries.
fn parts(line: &str) -> Option<(&str, u32)> {
    let at = line.len().checked_sub(MARK.len() + 8 + END.len()).filter(|at| line.is_char_boundary(*at))?;
    let (body, seal) = line.split_at(at);
    let digits = seal.strip_prefix(MARK)?.strip_suffix(END)?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    Some((body, u32::from_str_radix(digits, 16).ok().filter(|_| plain)?))
}

/// The value of a line, without its end. `before` is the checksum of the line before, and becomes that
/// of this one, right or wrong.
///
/// # Errors
/// A sentence when the checksum is missing or wrong, or the value is none of these.
pub(in crate::run) fn unseal<T: DeserializeOwned>(line: &str, before: &mut u32) -> Result<T, String> {
    let (body, sum) = parts(line).ok_or("has no checksum")?;
    let right = checksum(*before, body);
    *before = sum;
    if sum != right {
        return Err("is damaged, or one before it is missing: its checksum is wrong".into());
    }
    serde_json::from_str(line).map_err(|e| e.to_string())
}

/// The value of a file of one sealed line.
///
/// # Errors
/// [`RunError::Broken`].
pub(in crate::run) fn read_one<T: DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    let text = std::fs::read_to_string(path).map_err(|e| RunError::reading(path, &e))?;
    unseal(text.strip_suffix('\n').unwrap_or(&text), &mut { FIRST }).map_err(|e| RunError::broken(path, e))
}

/// The writer's end of a file of records.
#[derive(Debug)]
pub(in crate::run) struct Records {
    path: PathBuf,
    file: File,
    /// Bytes of whole records in the file.
    flushed: u64,
    /// Checksum of the last record.
    last: u32,
    buffer: Vec<u8>,
    /// Whether a write failed in the middle, so that there may be more in the file.
    torn: bool,
}

impl Records {
    /// Opens a file of records and drops everything behind its first `keep` bytes.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(in crate::run) fn open(path: &Path, keep: u64) -> Result<Self, RunError> {
        let open = || -> io::Result<(File, u32)> {
            let mut file = disk::open_to_append(path)?;
            if file.metadata()?.len() != keep {
                disk::cut(&file, path, keep)?;
            }
            let last = last_checksum(&mut file, keep)?;
            Ok((file, last))
        };
        let (file, last) = open().map_err(|e| RunError::writing(path, e))?;
        Ok(Records { path: path.to_owned(), file, flushed: keep, last, buffer: Vec::new(), torn: false })
    }

    /// Takes a value; it reaches the file with the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`RunError::Broken`] when it cannot be written as JSON.
    pub(in crate::run) fn push(&mut self, value: &impl Serialize) -> Result<(), RunError> {
        let (line, sum) = seal(value, self.last).map_err(|e| RunError::broken(&self.path, e))?;
        self.last = sum;
        self.buffer.extend_from_slice(line.as_bytes());
        Ok(())
    }

    /// Checksum of the last record that was pushed.
    pub(in crate::run) fn last(&self) -> u32 {
        self.last
    }

    /// Length of the file once everything pushed is in it.
    pub(in crate::run) fn len(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    /// Writes what was pushed. What a failed call left in the file is cut before the next.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(in crate::run) fn flush(&mut self) -> Result<(), RunError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.append();
        self.torn = written.is_err();
        written.map_err(|e| RunError::writing(&self.path, e))?;
        self.flushed = self.len();
        self.buffer.clear();
        Ok(())
    }

    fn append(&mut self) -> io::Result<()> {
        if self.torn {
            disk::cut(&self.file, &self.path, self.flushed)?;
        }
        disk::write_all(&mut self.file, &self.path, &self.buffer)
    }

    /// Writes what was pushed and waits until the disk has it.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(in crate::run) fn sync(&mut self) -> Result<(), RunError> {
        self.flush()?;
        disk::sync(&self.file, &self.path).map_err(|e| RunError::writing(&self.path, e))
    }
}

/// The checksum of the line that ends after `length` bytes.
fn last_checksum(file: &mut File, length: u64) -> io::Result<u32> {
    let Some(at) = length.checked_sub((MARK.len() + 8 + END.len() + 1) as u64) else { return Ok(FIRST) };
    let mut text = String::new();
    file.seek(SeekFrom::Start(at))?;
    file.take(length - at).read_to_string(&mut text)?;
    Ok(parts(text.trim_end()).map_or(FIRST, |(_, sum)| sum))
}

#[cfg(test)]
impl Records {
    /// Leaves the file as a killed process may: with half a line at its end.
    pub(in crate::run) fn tear(mut self) {
        self.buffer.truncate(self.buffer.len().saturating_sub(3));
        self.flush().unwrap();
    }
}

/// New whole lines of a file that grows.
#[derive(Debug, Default)]
pub(in crate::run) struct Tail {
    /// Bytes taken so far: always the end of a line.
    pub(in crate::run) taken: u64,
}

impl Tail {
    /// The whole lines behind those taken before; a torn last line is not there yet. `None` when the
    /// file became shorter: what was taken before may not hold any more, and the next call starts
    /// from the beginning.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(in crate::run) fn lines(&mut self, path: &Path) -> io::Result<Option<String>> {
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

/// The values of the first `length` bytes of a file.
///
/// # Errors
/// A sentence about what is wrong with them.
pub(in crate::run) fn read<T: DeserializeOwned>(path: &Path, length: u64) -> Result<Vec<T>, String> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(length).read_to_end(&mut bytes)) {
        Ok(read) if read as u64 == length => {}
        Ok(read) => return Err(format!("has {read} bytes where {length} were written")),
        Err(e) if e.kind() == io::ErrorKind::NotFound && length == 0 => {}
        Err(e) => return Err(format!("cannot be read: {e}")),
    }
    let text = std::str::from_utf8(&bytes).map_err(|e| format!("is not text: {e}"))?;
    let mut last = FIRST;
    let value = |(i, line): (usize, &str)| unseal(line, &mut last).map_err(|e| format!("line {} {e}", i + 1));
    text.lines().enumerate().map(value).collect()
}

/// The values of a file up to the first that is damaged or torn, each with the byte at which it ends.
pub(in crate::run) fn read_whole<T: DeserializeOwned>(path: &Path) -> Vec<(T, u64)> {
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
    let (mut last, mut end) = (FIRST, 0);
    let value = |line: &str| {
        end += line.len() as u64;
        Some((unseal(line.strip_suffix('\n')?, &mut last).ok()?, end))
    };
    text.split_inclusive('\n').map_while(value).collect()
}

/// Whether the first `length` bytes of a file of records end in a line with this checksum.
pub(in crate::run) fn ends_with(path: &Path, length: u64, last: u32) -> bool {
    let ends = |mut file: File| -> io::Result<bool> {
        Ok(file.metadata()?.len() >= length && last_checksum(&mut file, length)? == last)
    };
    File::open(path).and_then(ends).unwrap_or(false)
}

/// What stands at the end of a file of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::run) struct Extent {
    /// Bytes of whole lines.
    pub(in crate::run) whole: u64,
    /// Bytes behind them: a record that was being written.
    pub(in crate::run) torn: u64,
}

/// How far a file of records is whole; nothing of one that is not there.
pub(in crate::run) fn extent(path: &Path) -> Extent {
    let measure = |mut file: File| -> io::Result<Extent> {
        let length = file.metadata()?.len();
        let whole = end_of_lines(&mut file, length)?;
        Ok(Extent { whole, torn: length - whole })
    };
    File::open(path).and_then(measure).unwrap_or_default()
}

/// Where the last whole line ends among the first `length` bytes; looked for from their end.
fn end_of_lines(file: &mut File, length: u64) -> io::Result<u64> {
    const BLOCK: u64 = 1 << 12;
    let mut block = Vec::new();
    let mut end = length;
    while end > 0 {
        let from = end.saturating_sub(BLOCK);
        block.clear();
        file.seek(SeekFrom::Start(from))?;
        file.take(end - from).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|&b| b == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::super::fault::{Fault, Faults};
    use super::*;
    use crate::contract::Event;

    fn metric(value: f64) -> Event {
        Event::Metric { step: 1, name: "x".into(), value }
    }

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
        std::fs::write(&path, "a\nd").unwrap();
        assert_eq!(tail.lines(&path).unwrap(), None);
        assert_eq!(tail.lines(&path).unwrap().as_deref(), Some("a\n"));
        assert_eq!(extent(&path), Extent { whole: 2, torn: 1 });
        // Whole lines and torn ends that are longer than a look.
        for (whole, torn) in [(0, 0), (0, 9000), (5000, 0), (5000, 5000), (4096, 4096), (1, 20_000)] {
            let lines = "x".repeat(usize::saturating_sub(whole, 1)) + if whole > 0 { "\n" } else { "" };
            std::fs::write(&path, lines + &"y".repeat(torn)).unwrap();
            assert_eq!(extent(&path), Extent { whole: whole as u64, torn: torn as u64 });
        }
        assert_eq!(extent(&folder.path().join("none")), Extent::default());
    }

    #[test]
    fn what_is_pushed_can_be_read_and_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let events = [0.1 + 0.2, -1e-300, 5.0].map(metric);
        let mut file = Records::open(&path, 0).unwrap();
        file.push(&events[0]).unwrap();
        let first = file.len();
        file.push(&events[1]).unwrap();
        file.sync().unwrap();
        assert_eq!(read::<Event>(&path, file.len()).unwrap(), events[..2]);
        assert!(read::<Event>(&path, file.len() + 1).is_err() && read::<Event>(&path, first - 2).is_err());
        let mut file = Records::open(&path, first).unwrap();
        file.push(&events[2]).unwrap();
        file.flush().unwrap();
        assert_eq!(read::<Event>(&path, file.len()).unwrap(), [events[0].clone(), events[2].clone()]);
        assert!(!std::fs::read_to_string(&path).unwrap().lines().any(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["crc"].as_str().unwrap().len() != 8
        }));
    }

    #[test]
    fn every_flipped_byte_is_found() {
        let (line, _) = seal(&metric(0.25), FIRST).unwrap();
        let line = line.trim_end();
        let open = |line: &str| unseal::<Event>(line, &mut { FIRST });
        assert_eq!(open(line).unwrap(), metric(0.25));
        for at in 0..line.len() {
            assert!(open(&line[..at]).is_err());
            for bit in 0..8 {
                let mut bytes = line.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let damaged = String::from_utf8_lossy(&bytes);
                assert!(open(&damaged).is_err(), "byte {at}, bit {bit}: {damaged}");
            }
        }
    }

    #[test]
    fn missing_doubled_and_exchanged_lines_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let mut file = Records::open(&path, 0).unwrap();
        [1.0, 2.0, 3.0].map(metric).iter().for_each(|event| file.push(event).unwrap());
        file.sync().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for wrong in [vec![0, 2], vec![1, 2], vec![0, 1, 1, 2], vec![0, 2, 1]] {
            let text: String = wrong.iter().map(|i| lines[*i]).collect();
            std::fs::write(&path, &text).unwrap();
            assert!(read::<Event>(&path, text.len() as u64).is_err(), "{wrong:?}");
        }
    }

    /// A disk that is full at any byte of a record: a sentence, whole records before, and once there is
    /// room everything that was pushed is there, once.
    #[test]
    fn a_full_disk_loses_no_record_and_doubles_none() {
        let folder = tempfile::tempdir().unwrap();
        let events = [1.0, 2.0, 3.0].map(metric);
        let length = seal(&events[0], FIRST).unwrap().0.len() as i64;
        for room in 0..3 * length {
            let path = folder.path().join(format!("m{room}"));
            let mut file = Records::open(&path, 0).unwrap();
            let faults = Faults::below(&path, Fault::Room(room));
            let refused = events.iter().any(|event| {
                file.push(event).unwrap();
                file.flush().is_err()
            });
            assert!(refused && faults.tripped());
            assert!(extent(&path).whole as i64 <= room);
            drop(faults);
            file.sync().unwrap();
            let kept: Vec<Event> = read(&path, file.len()).unwrap();
            assert!(!kept.is_empty() && kept[..] == events[..kept.len()], "room {room}: {kept:?}");
            assert_eq!(extent(&path), Extent { whole: file.len(), torn: 0 });
        }
    }
}
