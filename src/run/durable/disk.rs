//! The system calls that change a run's folder. Every one of them is a numbered fault point: tests
//! abort the process there, or have the system refuse.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

#[cfg(test)]
use super::fault;

/// Passes a fault point; in the program itself there are none.
#[inline]
fn point(path: &Path) -> io::Result<()> {
    #[cfg(test)]
    fault::point(path)?;
    #[cfg(not(test))]
    let _ = path;
    Ok(())
}

/// Makes a folder and those above it.
pub(in crate::run) fn make_folder(path: &Path) -> io::Result<()> {
    point(path)?;
    fs::create_dir_all(path)
}

/// Makes a folder that must not be there yet.
pub(in crate::run) fn claim_folder(path: &Path) -> io::Result<()> {
    point(path)?;
    fs::create_dir(path)
}

/// Makes an empty file that must not be there yet.
pub(in crate::run) fn claim_file(path: &Path) -> io::Result<()> {
    point(path)?;
    File::create_new(path).map(drop)
}

/// Opens a file to read and to append to; makes it when it is not there.
pub(in crate::run) fn open_to_append(path: &Path) -> io::Result<File> {
    point(path)?;
    OpenOptions::new().append(true).read(true).create(true).open(path)
}

/// Opens a file to read and to write over; makes it when it is not there.
pub(in crate::run) fn open_to_write(path: &Path) -> io::Result<File> {
    point(path)?;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Writes all of `bytes` at the file's own place. `path` is what the file is called.
pub(in crate::run) fn write_all(file: &mut File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    point(path)?;
    #[cfg(test)]
    let bytes = {
        // A process may end in the middle, and a disk may take a part only.
        let (taken, refusal) = fault::room(path, bytes);
        file.write_all(&bytes[..taken.min(bytes.len() / 2)])?;
        point(path)?;
        file.write_all(&bytes[taken.min(bytes.len() / 2)..taken])?;
        refusal?;
        &bytes[taken..]
    };
    file.write_all(bytes)
}

/// Cuts a file.
pub(in crate::run) fn cut(file: &File, path: &Path, length: u64) -> io::Result<()> {
    point(path)?;
    file.set_len(length)
}

/// Waits until the disk has what was written to a file.
pub(in crate::run) fn sync(file: &File, path: &Path) -> io::Result<()> {
    point(path)?;
    file.sync_all()
}

/// Makes the names in a folder survive a power cut.
pub(in crate::run) fn sync_folder(path: &Path) -> io::Result<()> {
    point(path)?;
    File::open(path)?.sync_all()
}

/// Gives a file or folder another name, over what has that name.
pub(in crate::run) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    point(to)?;
    fs::rename(from, to)
}

/// Gives a file a second name.
pub(in crate::run) fn link(from: &Path, to: &Path) -> io::Result<()> {
    point(to)?;
    fs::hard_link(from, to)
}

/// Removes a file; whether it was there.
pub(in crate::run) fn remove(path: &Path) -> io::Result<bool> {
    point(path)?;
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// A new file beside `path`, readable by all that the umask admits: others on a shared server watch
/// runs too. It goes away unless it gets its name with [`settle`].
pub(in crate::run) fn file_beside(path: &Path) -> io::Result<(NamedTempFile, PathBuf)> {
    use std::os::unix::fs::PermissionsExt;
    point(path)?;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let everyone = fs::Permissions::from_mode(0o666);
    let file = tempfile::Builder::new().prefix(super::WRITING).permissions(everyone).tempfile_in(folder)?;
    Ok((file, folder.to_owned()))
}

/// Gives a new file its name, over what has it.
pub(in crate::run) fn settle(file: NamedTempFile, path: &Path) -> io::Result<()> {
    point(path)?;
    file.persist(path).map(drop).map_err(|e| e.error)
}

/// Bytes that an unprivileged process may still write below `path`, if the system tells.
pub(in crate::run) fn free(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}
