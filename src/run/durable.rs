//! The one way a whole file of a run is written: beside its place, then renamed over it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::error::RunError;

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

fn replace(path: &Path, bytes: &[u8], keep: Keep) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Readable by all that the umask admits: others on a shared server watch runs too.
    let everyone = std::fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().prefix(".writing-").permissions(everyone).tempfile_in(folder)?;
    file.write_all(bytes)?;
    if keep == Keep::Durable {
        file.as_file().sync_all()?;
    }
    file.persist(path).map_err(|e| e.error)?;
    if keep == Keep::Durable { sync_folder(folder) } else { Ok(()) }
}

/// Makes the names in a folder survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
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
    }

    #[test]
    fn a_place_that_cannot_be_written_is_disk_trouble() {
        let error = write(Path::new("/proc/nowhere/a"), b"", Keep::Durable).unwrap_err();
        assert_eq!(error.exit_code(), 4);
    }
}
