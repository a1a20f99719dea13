//! What can go wrong with a run, in sentences for people and exit codes for scripts.

use std::io;
use std::path::{Path, PathBuf};

use super::presets::PresetFailure;

/// The disk under a run cannot take what must be kept: full, read-only or broken.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", path.display(), self.sentence())]
pub struct DiskTrouble {
    /// File that was being written.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl DiskTrouble {
    fn sentence(&self) -> String {
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "the disk is full; free some space, then `ansatz resume` goes on from the last checkpoint".into()
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                "the folder cannot be written to; runs need a folder that can (`--runs DIR`)".into()
            }
            io::ErrorKind::NotFound => {
                "the folder is not there (any more); a run whose folder comes back goes on with `ansatz resume`".into()
            }
            _ => format!("cannot be written: {}", self.source),
        }
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Why a run could not be found, started, read or finished.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The preset cannot be used.
    #[error(transparent)]
    Preset(#[from] Box<PresetFailure>),
    /// What was asked for does not exist or makes no sense; the sentence says what would.
    #[error("{0}")]
    Usage(String),
    /// A worker already has this run.
    #[error("{run} is being worked on by process {holder}; `ansatz stop {run}` ends that first")]
    Busy {
        /// Name of the run.
        run: String,
        /// Process and host, as its lock says.
        holder: String,
    },
    /// A request to a worker that does not exist.
    #[error("{run} has no worker; `ansatz resume {run}` starts one")]
    Idle {
        /// Name of the run.
        run: String,
    },
    /// A file of the run is missing or not what it should be.
    #[error("{}: {reason}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk has too little room for a run that was to start.
    #[error(
        "{}: the run needs about {} and the disk has {} free; make room, or start it elsewhere with `--runs DIR`",
        path.display(), megabytes(*needed), megabytes(*free)
    )]
    NoSpace {
        /// Where it was to be.
        path: PathBuf,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The disk cannot take what must be kept.
    #[error(transparent)]
    Disk(#[from] DiskTrouble),
    /// It went wrong in any other way.
    #[error("{0}")]
    Failed(String),
}

impl RunError {
    /// The program's exit code: 1 failed, 2 bad usage or input, 4 disk trouble.
    pub fn exit_code(&self) -> u8 {
        match self {
            RunError::Preset(_)
            | RunError::Usage(_)
            | RunError::Busy { .. }
            | RunError::Idle { .. }
            | RunError::Broken { .. } => 2,
            RunError::Failed(_) => 1,
            RunError::Disk(_) | RunError::NoSpace { .. } => 4,
        }
    }

    /// A file that could not be written.
    pub(super) fn writing(path: &Path, source: io::Error) -> Self {
        RunError::Disk(DiskTrouble { path: path.to_owned(), source })
    }

    /// A file that could not be read.
    pub(super) fn reading(path: &Path, source: &io::Error) -> Self {
        let reason = match source.kind() {
            io::ErrorKind::NotFound => "is not there (any more)".to_owned(),
            _ => format!("cannot be read: {source}"),
        };
        RunError::Broken { path: path.to_owned(), reason }
    }

    /// A file that could be read but not understood.
    pub(super) fn broken(path: &Path, reason: impl ToString) -> Self {
        RunError::Broken { path: path.to_owned(), reason: reason.to_string() }
    }
}
