//! `ansatz watch`: the viewer on one run.

use super::failure::Failure;
use super::job::{Job, Place};
use super::wait;
use crate::run;
use crate::tui;

/// Opens the viewer on a run.
#[derive(clap::Args)]
pub(super) struct Watch {
    /// The run; the newest without it
    run: Option<String>,
}

impl Job for Watch {
    const NAME: &'static str = "watch";
    const ABOUT: &'static str = "Open the viewer on a run, or tell what happens in it";
    const EXAMPLES: &'static str = "  ansatz watch                the newest run\n  ansatz watch gpicl-quick    \
                                    one by the beginning of its name\n  ansatz watch /shared/runs/gpicl-full-1a2b3c\n  ansatz watch --plain        what happens, a line each";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        if place.plain {
            return wait::tell(&folder);
        }
        tui::watch(place.folders(), &folder, tui::look(place.wanted))?;
        Ok(0)
    }
}
