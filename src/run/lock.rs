//! Who works on a run: a lock that the system drops with its process, so that it is never stale.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::durable::disk;
use super::error::RunError;
use super::folder::Folder;
use super::journal::now;

/// The worker that holds a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// The machine it runs on.
    pub host: String,
    /// Since when, in seconds since 1970.
    pub since: f64,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {}", self.pid, self.host)
    }
}

/// The right to advance a run; given back when dropped, or when the process ends in any way.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    /// How it is signed.
    pub(super) holder: Holder,
}

/// How often, and how far apart, a busy lock is tried: a viewer that looks at the lock holds it for
/// a moment.
const TRIES: (u32, Duration) = (6, Duration::from_millis(10));

impl Lock {
    /// Takes the lock of a run.
    ///
    /// # Errors
    /// [`RunError::Busy`] when a worker has it; [`RunError::Disk`] when it cannot be written.
    pub(super) fn take(folder: &Folder) -> Result<Self, RunError> {
        let path = folder.lock();
        let mut file = disk::open_to_write(&path).map_err(|e| RunError::writing(&path, e))?;
        for _ in 0..TRIES.0 {
            match file.try_lock() {
                Ok(()) => {
                    let holder = sign(&mut file, &path).map_err(|e| RunError::writing(&path, e))?;
                    return Ok(Lock { _file: file, holder });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(TRIES.1),
                Err(TryLockError::Error(e)) => return Err(RunError::writing(&path, e)),
            }
        }
        Err(RunError::Busy { run: folder.name(), holder: read_holder(&path).to_string() })
    }
}

fn sign(file: &mut File, path: &Path) -> std::io::Result<Holder> {
    let holder = Holder { pid: std::process::id(), host: this_host(), since: now() };
    disk::cut(file, path, 0)?;
    file.rewind()?;
    disk::write_all(file, path, serde_json::to_string(&holder)?.as_bytes())?;
    Ok(holder)
}

fn read_holder(path: &Path) -> Holder {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_string(&mut text));
    read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// The worker that holds a run now, if any. A dead process holds nothing, whatever the file says.
pub fn holder(folder: &Folder) -> Option<Holder> {
    let path = folder.lock();
    let file = File::open(&path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(read_holder(&path)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

impl Holder {
    /// Whether its process was stopped by a signal; none when it is of another machine, or the system
    /// does not tell.
    pub(super) fn is_stopped(&self) -> Option<bool> {
        if self.host != this_host() {
            return None;
        }
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        // The name of the program, in brackets, may hold anything.
        let state = stat.rsplit_once(')')?.1.trim_start().chars().next()?;
        Some(state == 'T' || state == 't')
    }
}

fn this_host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it_and_a_stale_name_counts_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::at(folder.path());
        assert_eq!(holder(&folder), None);
        let lock = Lock::take(&folder).unwrap();
        assert_eq!(holder(&folder).unwrap().pid, std::process::id());
        assert!(matches!(Lock::take(&folder), Err(RunError::Busy { .. })));
        drop(lock);
        assert!(folder.lock().exists());
        assert_eq!(holder(&folder), None);
        Lock::take(&folder).unwrap();
    }
}
