//! `ansatz snapshot`: a run as a folder for a paper's appendix.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::contract::{Entry, thumbnail};
use crate::run::durable::{self, Keep};
use crate::run::export::{self, Screens};
use crate::run::{self, Folder, Reader};
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
    /// Write only `thumbnail.json`, the first chart of the study thinned: what the home screen shows of a system,
    /// kept in `presets/SLUG`
    #[arg(long, hide = true, requires = "out")]
    thumbnail: bool,
}

impl Job for Snapshot {
    const NAME: &'static str = "snapshot";
    const ABOUT: &'static str = "Write report, metrics, panels and preset of a run into a folder";
    const EXAMPLES: &'static str = "  ansatz snapshot\n  ansatz snapshot gpicl-quick --out appendix";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        let written = match self.out {
            Some(out) if self.thumbnail => write_thumbnail(&folder, &out)?,
            out => write(&folder, place.table, out)?,
        };
        output::print(&format!("{}\n", written.display()))?;
        Ok(0)
    }
}

/// Writes the snapshot of a run and says where it is: `out`, or a new folder here.
pub(super) fn write(folder: &Folder, table: &'static [Entry], out: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let reader = Reader::open_whole(folder)?;
    let study = folder.study(table)?;
    let out = out.unwrap_or_else(|| free(&format!("{}-snapshot", folder.name())));
    let screen = |ansi| tui::screen_text(reader.state(), Some(study.card()), SCREEN, ansi);
    let (text, ansi) = (screen(false), screen(true));
    let svg = tui::screen_svg(reader.state(), Some(study.card()), SCREEN);
    let screens = Screens { text: &text, ansi: &ansi, svg: &svg };
    export::snapshot(reader.state(), study.card(), &study.to_ron(), screens, &out)?;
    Ok(out)
}

/// Writes what the home screen shows of a run's system into a folder and says where it is.
fn write_thumbnail(folder: &Folder, out: &Path) -> Result<PathBuf, Failure> {
    let panels = run::study_panels(folder).unwrap_or_default();
    let panel = thumbnail(&panels).ok_or_else(|| Failure::usage(format!("{} shows no chart yet", folder.name())))?;
    let path = out.join("thumbnail.json");
    durable::write_json(&path, &panel, Keep::Durable)?;
    Ok(path)
}

/// The name itself, or with the first number that is free.
fn free(name: &str) -> PathBuf {
    let numbered = (2..u32::MAX).map(|number| PathBuf::from(format!("{name}-{number}")));
    let mut paths = std::iter::once(PathBuf::from(name)).chain(numbered);
    paths.find(|path| path.symlink_metadata().is_err()).unwrap_or_else(|| Path::new(name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Panel;
    use crate::run::Changes;
    use crate::view::made_up::{TABLE, study_panels};

    #[test]
    fn a_run_that_has_not_begun_has_a_snapshot_too() {
        let room = tempfile::tempdir().unwrap();
        let preset = run::load(TABLE, TABLE[0].card.slug, &Changes::default()).unwrap();
        let folder = run::create(room.path(), &preset, None, 1).unwrap();
        let out = room.path().join("shot");
        assert_eq!(write(&folder, TABLE, Some(out.clone())).unwrap(), out);
        let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
        assert_eq!(read("preset.ron"), preset.study.to_ron());
        assert!(read("report.md").contains("Not judged yet"));
        assert!(read("screen.txt").contains(&folder.name()) && read("screen.ansi").contains('\u{1b}'));
        assert!(read("screen.svg").contains(&folder.name()));
        assert_eq!(write(&folder, TABLE, Some(out.clone())).unwrap_err().report(), 2);
        assert_eq!(write_thumbnail(&folder, &out).unwrap_err().report(), 2);
        std::fs::write(folder.path().join("panels.json"), serde_json::to_vec(&study_panels()).unwrap()).unwrap();
        let written = write_thumbnail(&folder, &out).unwrap();
        let panel: Panel = serde_json::from_str(&std::fs::read_to_string(written).unwrap()).unwrap();
        assert_eq!(panel.id, study_panels()[0].id);
    }
}
