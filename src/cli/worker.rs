//! `ansatz worker`: the process that advances a run; started by the program itself.

use std::path::PathBuf;

use super::failure::Failure;
use super::job::{Job, Place};
use crate::run::{self, Folder, WorkOptions};

/// Advances a run.
#[derive(clap::Args)]
pub(super) struct Worker {
    /// Folder of the run
    folder: PathBuf,
    /// Threads it may use
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

impl Job for Worker {
    const NAME: &'static str = "worker";
    const ABOUT: &'static str = "Advance a run";
    const EXAMPLES: &'static str = "";
    const HIDDEN: bool = true;

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = Folder::open(&self.folder)?;
        let mut options = WorkOptions::threads(self.threads);
        options.own_session = true;
        Ok(run::work(&folder, place.table, &options)?.exit_code())
    }
}
