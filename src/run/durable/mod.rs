//! The one way anything of a run reaches the disk: whole files beside their place and then renamed
//! over it, records with a checksum each, and below both the calls of `disk`, every one a
//! fault point of the tests.

pub(super) mod disk;
#[cfg(test)]
pub(super) mod fault;
pub(super) mod records;
pub(super) mod shared;

use std::io;
use std::path::Path;

use super::error::RunError;

/// How the name of a file that is being written begins.
const WRITING: &str = ".writing-";

/// How sure a file must be on the disk before the writer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Survives a power cut: the file and its folder are flushed to the disk.
    Durable,
    /// Never seen half-written, but may be an older one after a power cut (progress, panels).
    Fleeting,
}

/// Replaces `path` by `bytes` at once: a reader sees the old file or the new one, nothing between.
///
/// # Errors
/// [`RunError::Disk`] when the folder cannot take it; the old file is then untouched.
pub fn write(path: &Path, bytes: &[u8], keep: Keep) -> Result<(), RunError> {
    replace(path, bytes, keep).map_err(|e| RunError::writing(path, e))
}

/// Like [`write`], for a value as JSON.
///
/// # Errors
/// As [`write`].
pub fn write_json(path: &Path, value: &impl serde::Serialize, keep: Keep) -> Result<(), RunError> {
    let mut bytes = serde_json::to_vec(value).map_err(|e| RunError::broken(path, e))?;
    bytes.push(b'\n');
    write(path, &bytes, keep)
}

/// Like [`write`], for an object as one line of JSON with a checksum: [`records::read_one`] reads it.
///
/// # Errors
/// As [`write`].
pub(super) fn write_sealed(path: &Path, value: &impl serde::Serialize) -> Result<(), RunError> {
    let (line, _) = records::seal(value, records::FIRST).map_err(|e| RunError::broken(path, e))?;
    write(path, line.as_bytes(), Keep::Durable)
}

pub(super) fn replace(path: &Path, bytes: &[u8], keep: Keep) -> io::Result<()> {
    let (mut file, folder) = disk::file_beside(path)?;
    disk::write_all(file.as_file_mut(), path, bytes)?;
    if keep == Keep::Durable {
        disk::sync(file.as_file(), path)?;
    }
    disk::settle(file, path)?;
    if keep == Keep::Durable { disk::sync_folder(&folder) } else { Ok(()) }
}

/// Removes what a killed process left half-written in a folder.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let unfinished = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(WRITING.as_bytes());
    for entry in entries.flatten().filter(|entry| unfinished(&entry.file_name())) {
        // One that cannot be removed is in nobody's way.
        disk::remove(&entry.path()).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_files_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, b"one", Keep::Durable).unwrap();
        write(&path, b"two", Keep::Fleeting).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(folder.path().join(".writing-x1"), "half").unwrap();
        sweep(folder.path());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_disk_trouble() {
        let error = write(Path::new("/proc/nowhere/a"), b"", Keep::Durable).unwrap_err();
        assert_eq!(error.exit_code(), 4);
    }

    /// At every byte and at every call: the old file is whole, there is a sentence, nothing is left over.
    #[test]
    fn trouble_at_any_point_leaves_the_old_file() {
        use super::fault::{Fault, Faults};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"old", Keep::Durable).unwrap();
        let new = vec![b'n'; 300];
        let refusals = |error: i32| (1..=5).map(move |at| Fault::Refuse(at, error));
        let errors = [rustix::io::Errno::IO, rustix::io::Errno::ROFS, rustix::io::Errno::NOSPC];
        let refused = errors.into_iter().flat_map(|error| refusals(error.raw_os_error()));
        for fault in (0..300).map(Fault::Room).chain(refused) {
            let faults = Faults::below(folder.path(), fault);
            let error = write(&path, &new, Keep::Durable).unwrap_err();
            drop(faults);
            assert_eq!(error.exit_code(), 4, "{fault:?}");
            assert_eq!(std::fs::read(&path).unwrap(), b"old", "{fault:?}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{fault:?}");
        }
        // The last call, of the folder, finds the new file in its place already.
        let faults = Faults::below(folder.path(), Fault::Refuse(6, rustix::io::Errno::IO.raw_os_error()));
        write(&path, &new, Keep::Durable).unwrap_err();
        drop(faults);
        assert_eq!(std::fs::read(&path).unwrap(), new);
    }
}
