//! `ansatz pause`: a worker waits, its run goes on when it is resumed.

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::run::{self, Request};

/// Pauses a run.
#[derive(clap::Args)]
pub(super) struct Pause {
    /// The run; the newest without it
    run: Option<String>,
}

impl Job for Pause {
    const NAME: &'static str = "pause";
    const ABOUT: &'static str = "Let a run wait; `resume` goes on";
    const EXAMPLES: &'static str = "  ansatz pause\n  ansatz pause gpicl-quick";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        run::request(&folder, Request::Pause)?;
        let name = place.handle(&folder);
        output::tell(&format!("{name} pauses; `ansatz resume {name}` goes on"));
        Ok(0)
    }
}
