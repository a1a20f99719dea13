//! `ansatz rm`: puts runs away into the trash beside them.

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::run;

/// Removes runs.
#[derive(clap::Args)]
pub(super) struct Remove {
    /// The run
    run: String,
}

impl Job for Remove {
    const NAME: &'static str = "rm";
    const ABOUT: &'static str = "Put a run away into the trash beside it";
    const EXAMPLES: &'static str = "  ansatz rm gpicl-quick";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, Some(&self.run))?;
        let name = folder.name();
        let trash = run::remove(&folder)?;
        output::tell(&format!("{name} is now {}", trash.display()));
        Ok(0)
    }
}
