//! `ansatz snapshot`: a run as a folder for a paper's appendix.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::run::export::{self, Screens};
use crate::run::{self, Reader};
use crate::tui;

/// Columns and rows of the screen that goes into a snapshot.
const SCREEN: (u16, u16) = (120, 40);

/// Writes a snapshot.
#[derive(clap::Args)]
pub(super) struct Snapshot {
    /// The run; the newest without it
    run: Option<String>,
    /// The folder to write; `RUN-snapshot` here without it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Job for Snapshot {
    const NAME: &'static str = "snapshot";
    const ABOUT: &'static str = "Write report, metrics, panels and preset of a run into a folder";
    const EXAMPLES: &'static str = "  ansatz snapshot\n  ansatz snapshot gpicl-quick --out appendix";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        let reader = Reader::open(&folder)?;
        let study = folder.study(place.table)?;
        let out = self.out.unwrap_or_else(|| free(&format!("{}-snapshot", folder.name())));
        let (text, ansi) = tui::screen_text(reader.state(), Some(study.card()), SCREEN);
        let screens = Screens { text: &text, ansi: &ansi };
        export::snapshot(reader.state(), study.card(), &study.to_ron(), screens, &out)?;
        output::print(&format!("{}\n", out.display()))?;
        Ok(0)
    }
}

/// The name itself, or with the first number that is free.
fn free(name: &str) -> PathBuf {
    let numbered = (2..u32::MAX).map(|number| PathBuf::from(format!("{name}-{number}")));
    let mut paths = std::iter::once(PathBuf::from(name)).chain(numbered);
    paths.find(|path| path.symlink_metadata().is_err()).unwrap_or_else(|| Path::new(name).to_owned())
}
