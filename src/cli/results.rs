//! `ansatz results`: every run's verdict as one Markdown page.

use std::fs;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::kernels::isa;
use crate::run::durable::{self, Keep};
use crate::run::export::{Machine, Picture, Told, file_name, pictured, results};
use crate::run::{self, Folder, RunError};

/// Makes the page of results.
#[derive(clap::Args)]
pub(super) struct Results {
    /// The runs; every run of the folder without any
    #[arg(value_name = "RUN")]
    names: Vec<String>,
    /// The file to write, with a folder of pictures of its name beside it; standard output, and no pictures, without it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Job for Results {
    const NAME: &'static str = "results";
    const ABOUT: &'static str = "Write the verdicts of all runs as one Markdown page";
    const EXAMPLES: &'static str = "  ansatz results\n  ansatz results --out docs/results.md";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let told = told(&self.names, place)?;
        let here = Machine::here(isa::isa().name());
        match &self.out {
            Some(out) => write(out, told, &here, place)?,
            // Printed alone it has no place for pictures.
            None => output::print(&results(told, &here, &[], ""))?,
        }
        Ok(0)
    }
}

/// What the page tells of these runs, or of all. A folder that cannot be read is told on the way.
fn told(names: &[String], place: &Place) -> Result<Vec<Told>, Failure> {
    let folders: Vec<Folder> = if names.is_empty() {
        let listing = run::list(&place.runs);
        for (path, reason) in &listing.skipped {
            output::tell(&format!("warning: {}: {reason}", path.display()));
        }
        listing.runs.into_iter().map(|summary| summary.folder).collect()
    } else {
        names.iter().map(|name| run::find(&place.runs, Some(name))).collect::<Result<_, _>>()?
    };
    let read = |folder: &Folder| warned(folder, Told::read(folder, place.table));
    Ok(folders.iter().filter_map(read).collect())
}

/// What was read of a folder, or a warning.
fn warned<T>(folder: &Folder, found: Result<T, RunError>) -> Option<T> {
    found.inspect_err(|error| output::tell(&format!("warning: {}: {error}", folder.path().display()))).ok()
}

/// The page, and its pictures in a folder of its name beside it.
fn write(out: &Path, told: Vec<Told>, here: &Machine, place: &Place) -> Result<(), Failure> {
    let picture = |told: &Told| warned(&told.folder, Picture::of(told, place.table)).flatten();
    let pictures: Vec<Picture> = pictured(&told).into_iter().filter_map(picture).collect();
    let name = out.file_stem().map_or_else(|| "pictures".into(), |stem| file_name(&stem.to_string_lossy()));
    // A page without an extension cannot have a folder of the same name.
    let name = if out.extension().is_none() { name + "-pictures" } else { name };
    let beside = out.with_file_name(&name);
    if !pictures.is_empty() {
        fs::create_dir_all(&beside).map_err(|error| Failure::disk(format!("{}: {error}", beside.display())))?;
    }
    for picture in &pictures {
        durable::write(&beside.join(&picture.file), picture.svg.as_bytes(), Keep::Durable)?;
    }
    Ok(durable::write(out, results(told, here, &pictures, &name).as_bytes(), Keep::Durable)?)
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
        let here = Machine::here("");
        let page = |names: &[String]| told(names, &place).map(|told| results(told, &here, &[], ""));
        let text = page(&[]).unwrap();
        assert!(text.contains("| partly |") && text.contains("seed 7 (waiting)"), "{text}");
        assert!(!page(&[open.name()]).unwrap().contains("| partly |"));
        assert_eq!(page(&["none".into()]).unwrap_err().report(), 2);
    }

    #[test]
    fn a_page_in_a_file_has_its_pictures_beside_it() {
        let room = tempfile::tempdir().unwrap();
        let table = crate::systems::ALL;
        let place = Place {
            runs: room.path().to_owned(),
            chosen: true,
            wanted: Wanted { depth: None, glyphs: None },
            plain: false,
            table,
        };
        let preset = run::load(table, "representation-bias/quick", &Changes::default()).unwrap();
        let folder = run::create(room.path(), &preset, None, 1).unwrap();
        let verdict = crate::run::export::samples::study().verdict;
        folder.keep_verdict(verdict.as_ref().unwrap()).unwrap();
        let out = room.path().join("page.md");
        write(&out, told(&[folder.name()], &place).unwrap(), &Machine::here(""), &place).unwrap();
        let (page, file) = (fs::read_to_string(&out).unwrap(), "page/representation-bias-gaps.svg");
        assert!(page.contains(&format!("]({file})\n\nrepresentation-bias/quick, seed 1: partly. ")), "{page}");
        assert!(fs::read_to_string(room.path().join(file)).unwrap().starts_with("<svg"));
    }
}
