//! `ansatz tour`: the viewer, shown around on a real run.

use super::failure::Failure;
use super::job::{Job, Place};
use crate::tui;

/// Opens the viewer and shows around.
#[derive(clap::Args)]
pub(super) struct Tour {}

impl Job for Tour {
    const NAME: &'static str = "tour";
    const ABOUT: &'static str = "Five minutes in the viewer on a real run";
    const EXAMPLES: &'static str =
        "  ansatz tour                 begins on the home screen; Esc ends it, the run goes on";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        tui::tour(place.folders(), tui::look(place.wanted))?;
        Ok(0)
    }
}
