//! The pictures of `docs/results.md`: of every system the panel that it names, from its newest judged run.

use std::collections::BTreeSet;

use super::report::line;
use super::results::Told;
use super::{file_name, panel_svg};
use crate::contract::Entry;
use crate::run::{Reader, RunError};

/// The presets that pictures are of, the one that is preferred first.
const PRESETS: [&str; 2] = ["full", "quick"];

/// One picture for the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Name of its file, `SYSTEM-PANEL.svg`.
    pub file: String,
    /// The SVG document.
    pub svg: String,
    /// Title of the panel.
    title: String,
    /// What stands under it: run preset, seed, verdict.
    caption: String,
}

/// The runs that pictures are of: of every system the newest judged `full`, else `quick`, with the settings that ship.
/// In the order of the table.
pub fn pictured(runs: &[Told]) -> Vec<&Told> {
    let fits = |told: &&Told, preset: &str| told.verdict.is_some() && !told.changed && told.preset == preset;
    let newest = |system: &str| {
        let of = |preset: &&str| {
            let judged = runs.iter().filter(|told| told.system == system && fits(told, preset));
            judged.max_by(|a, b| a.created.total_cmp(&b.created).then(b.run.cmp(&a.run)))
        };
        PRESETS.iter().find_map(of)
    };
    let systems: BTreeSet<(usize, &str)> = runs.iter().map(|told| (told.place.0, &*told.system)).collect();
    systems.into_iter().filter_map(|(_, system)| newest(system)).collect()
}

impl Picture {
    /// The picture of a run, drawn anew from what its trials recorded; none where its system names no panel that the
    /// run has.
    ///
    /// # Errors
    /// When the folder holds no run that can be read, or the program cannot read its preset any more.
    pub fn of(told: &Told, table: &'static [Entry]) -> Result<Option<Self>, RunError> {
        let study = told.folder.study(table)?;
        if study.pictures().is_empty() {
            return Ok(None);
        }
        let panels = study.panels(&Reader::open_whole(&told.folder)?.state().results());
        let panel = study.pictures().iter().find_map(|id| panels.iter().find(|panel| panel.id == *id));
        Ok(panel.map(|panel| Picture {
            file: format!("{}.svg", file_name(&format!("{}-{}", told.system, panel.id))),
            svg: panel_svg(panel),
            title: panel.title.clone(),
            caption: caption(told),
        }))
    }
}

fn caption(told: &Told) -> String {
    let verdict = told
        .verdict
        .as_ref()
        .map_or_else(String::new, |verdict| format!(": {}. {}", verdict.outcome.name(), verdict.sentence));
    format!("{}/{}, seed {}{verdict}", told.system, told.preset, told.seed)
}

/// The section of the page; nothing without pictures.
pub(super) fn pictures_text(pictures: &[Picture], beside: &str) -> String {
    if pictures.is_empty() {
        return String::new();
    }
    let mut text = "## Pictures\n\nOne panel a system, of its newest judged run of `full`, else of `quick`, with the \
                    settings that ship.\n\n"
        .to_owned();
    for Picture { file, title, caption, .. } in pictures {
        text += &format!("![{}]({}/{file})\n\n{}\n\n", line(title), file_name(beside), line(caption));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Outcome;
    use crate::run::export::results::tests::{told, verdict};
    use crate::run::testing::TABLE;
    use crate::run::{Changes, WorkOptions, create, load, work};

    #[test]
    fn the_newest_judged_run_as_shipped_is_pictured() {
        let judged = |system: &str, preset: &str, created: f64| Told {
            preset: preset.into(),
            ..told(system, 1, created, Some(verdict(Outcome::Partly)))
        };
        let runs = [
            judged("other", "quick", 3.0),
            judged("first", "quick", 9.0),
            judged("first", "full", 1.0),
            judged("first", "full", 2.0),
            Told { changed: true, ..judged("first", "full", 8.0) },
            Told { preset: "full".into(), ..told("first", 1, 7.0, None) },
            judged("first", "ablated", 6.0),
            judged("third", "ablated", 6.0),
            judged("other", "quick", 2.0),
        ];
        let found: Vec<&str> = pictured(&runs).into_iter().map(|told| told.run.as_str()).collect();
        assert_eq!(found, ["first-2", "other-3"]);
    }

    #[test]
    fn a_picture_is_drawn_from_what_was_recorded() {
        let room = tempfile::tempdir().unwrap();
        let folder = create(room.path(), &load(TABLE, "toy", &Changes::default()).unwrap(), None, 1).unwrap();
        work(&folder, TABLE, &WorkOptions::threads(1)).unwrap();
        let told = Told::read(&folder, TABLE).unwrap();
        let picture = Picture::of(&told, TABLE).unwrap().expect("the toy names a panel");
        assert_eq!((picture.file.as_str(), picture.title.as_str()), ("toy-all.svg", "All"));
        assert!(picture.svg.starts_with("<svg") && picture.svg.contains("All"), "{}", picture.svg);
        // Panels on the disk may be of an older program: they are not asked.
        std::fs::remove_file(folder.path().join("panels.json")).unwrap();
        assert_eq!(Picture::of(&told, TABLE).unwrap(), Some(picture.clone()));
        let text = pictures_text(&[picture], "my results");
        assert!(
            text.contains("![All](my-results/toy-all.svg)\n\ntoy/quick, seed 1: reproduced. The mean loss is"),
            "{text}"
        );
        assert_eq!(pictures_text(&[], "results"), "");
    }
}
