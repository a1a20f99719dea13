//! `ansatz checkpoint`: a worker writes checkpoints now.

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::run::{self, Request};

/// Asks for checkpoints.
#[derive(clap::Args)]
pub(super) struct Checkpoint {
    /// The run; the newest without it
    run: Option<String>,
}

impl Job for Checkpoint {
    const NAME: &'static str = "checkpoint";
    const ABOUT: &'static str = "Have a run write checkpoints now";
    const EXAMPLES: &'static str = "  ansatz checkpoint\n  ansatz checkpoint gpicl-quick";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        run::request(&folder, Request::Checkpoint)?;
        output::tell(&format!("{} writes checkpoints", place.handle(&folder)));
        Ok(0)
    }
}
