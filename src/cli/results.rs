//! `ansatz results`: every run's verdict as one Markdown page.

use std::path::PathBuf;

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::kernels::isa;
use crate::run::durable::{self, Keep};
use crate::run::export::{Machine, Told, results};
use crate::run::{self, Folder};

/// Makes the page of results.
#[derive(clap::Args)]
pub(super) struct Results {
    /// The runs; every run of the folder without any
    #[arg(value_name = "RUN")]
    names: Vec<String>,
    /// The file to write; standard output without it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Job for Results {
    const NAME: &'static str = "results";
    const ABOUT: &'static str = "Write the verdicts of all runs as one Markdown table";
    const EXAMPLES: &'static str = "  ansatz results\n  ansatz results --out docs/results.md";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let page = page(&self.names, place)?;
        match &self.out {
            Some(out) => durable::write(out, page.as_bytes(), Keep::Durable)?,
            None => output::print(&page)?,
        }
        Ok(0)
    }
}

/// The page of these runs, or of all. A folder that cannot be read is told on the way.
fn page(names: &[String], place: &Place) -> Result<String, Failure> {
    let folders: Vec<Folder> = if names.is_empty() {
        let listing = run::list(&place.runs);
        for (path, reason) in &listing.skipped {
            output::tell(&format!("warning: {}: {reason}", path.display()));
        }
        listing.runs.into_iter().map(|summary| summary.folder).collect()
    } else {
        names.iter().map(|name| run::find(&place.runs, Some(name))).collect::<Result<_, _>>()?
    };
    let mut told = Vec::new();
    for folder in &folders {
        match Told::read(folder, place.table) {
            Ok(run) => told.push(run),
            Err(error) => output::tell(&format!("warning: {}: {error}", folder.path().display())),
        }
    }
    Ok(results(told, &Machine::here(isa::isa().name())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Changes;
    use crate::tui::Wanted;
    use crate::view::made_up::TABLE;

    #[test]
    fn runs_are_told_with_their_verdict_or_as_open() {
        let room = tempfile::tempdir().unwrap();
        let runs = room.path().to_owned();
        let place =
            Place { runs, chosen: true, wanted: Wanted { depth: None, glyphs: None }, plain: false, table: TABLE };
        let preset = run::load(TABLE, TABLE[0].card.slug, &Changes::default()).unwrap();
        let [judged, open] = [0, 1].map(|_| run::create(room.path(), &preset, None, 1).unwrap());
        let verdict = crate::run::export::samples::study().verdict;
        judged.keep_verdict(verdict.as_ref().unwrap()).unwrap();
        let text = page(&[], &place).unwrap();
        assert!(text.contains("| partly |") && text.contains("seed 7 (waiting)"), "{text}");
        assert!(!page(&[open.name()], &place).unwrap().contains("| partly |"));
        assert_eq!(page(&["none".into()], &place).unwrap_err().report(), 2);
    }
}
