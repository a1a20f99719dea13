//! A snapshot: a folder for a paper's appendix, whole or not there at all.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{file_name, metrics_csv, panel_csvs, panel_svg, report, vectors_csv};
use crate::contract::{Card, Panel, StudyState};

/// The viewer's screen at the moment of the snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Screens<'a> {
    /// Letters alone.
    pub text: &'a str,
    /// With colours, as a terminal takes them.
    pub ansi: &'a str,
    /// As a picture.
    pub svg: &'a str,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Something of that name is there and is kept.
    #[error("{} is there already; a snapshot never overwrites", .0.display())]
    Exists(PathBuf),
    /// The disk does not take it.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Writes the snapshot folder `out`: `report.md`, `metrics.csv`, `vectors.csv`, `preset.ron`,
/// `verdict.json` (once judged), `screen.txt`, `screen.ansi`, `screen.svg` and `panels/` with an SVG and a CSV
/// for every panel of the study and, in a subfolder each, of the trials. It is written aside and
/// renamed at the end.
///
/// # Errors
/// When `out` exists, or the disk does not take it; then nothing is left behind.
pub fn snapshot(
    state: &StudyState,
    card: &Card,
    preset_ron: &str,
    screens: Screens<'_>,
    out: &Path,
) -> Result<(), SnapshotError> {
    if fs::symlink_metadata(out).is_ok() {
        return Err(SnapshotError::Exists(out.to_owned()));
    }
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| SnapshotError::Write { path, source }
    };
    fs::create_dir_all(parent).map_err(fail(parent))?;
    let aside = tempfile::Builder::new().prefix(".snapshot-").tempdir_in(parent).map_err(fail(parent))?;
    // A folder of its own inside: the temporary one is private, what stays has the usual rights.
    let folder = aside.path().join("snapshot");
    for (name, text) in files(state, card, preset_ron, screens) {
        let path = folder.join(name);
        write(&path, &text).map_err(fail(&path))?;
    }
    // A folder that appeared meanwhile makes this fail unless it is empty: nothing is lost.
    fs::rename(&folder, out).map_err(fail(out))?;
    fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(fail(parent))
}

/// Every file of the snapshot: path inside the folder, content.
fn files(state: &StudyState, card: &Card, preset_ron: &str, screens: Screens<'_>) -> Vec<(PathBuf, String)> {
    let mut files: Vec<(PathBuf, String)> = vec![
        ("report.md".into(), report(state, card)),
        ("metrics.csv".into(), metrics_csv(state)),
        ("vectors.csv".into(), vectors_csv(state)),
        ("preset.ron".into(), preset_ron.to_owned()),
        ("screen.txt".into(), screens.text.to_owned()),
        ("screen.ansi".into(), screens.ansi.to_owned()),
        ("screen.svg".into(), screens.svg.to_owned()),
    ];
    if let Some(verdict) = &state.verdict {
        let text = serde_json::to_string_pretty(verdict).expect("a verdict has only names as keys");
        files.push(("verdict.json".into(), text + "\n"));
    }
    let panels = PathBuf::from("panels");
    add_panels(&panels, &state.panels, &mut files);
    for trial in &state.trials {
        add_panels(&panels.join(file_name(&trial.result.spec.name)), &trial.panels, &mut files);
    }
    // Two panels of one name would overwrite each other; the first is the one the report links.
    let mut seen = BTreeSet::new();
    files.retain(|(path, _)| seen.insert(path.clone()));
    files
}

fn add_panels(folder: &Path, panels: &[Panel], files: &mut Vec<(PathBuf, String)>) {
    for panel in panels {
        files.push((folder.join(format!("{}.svg", file_name(&panel.id))), panel_svg(panel)));
        for (stem, text) in panel_csvs(panel) {
            files.push((folder.join(format!("{stem}.csv")), text));
        }
    }
}

/// Writes one file and sees it on the disk.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::File::create(path)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::export::samples;

    const SCREENS: Screens<'static> = Screens { text: "screen\n", ansi: "\u{1b}[1mscreen\u{1b}[0m\n", svg: "<svg/>\n" };

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn holds_everything_and_links_only_what_is_there() {
        let room = tempfile::tempdir().unwrap();
        let out = room.path().join("deep/shot");
        let state = samples::study();
        snapshot(&state, &samples::CARD, "(system: \"sample\")", SCREENS, &out).unwrap();
        let all = [
            "metrics.csv",
            "panels",
            "preset.ron",
            "report.md",
            "screen.ansi",
            "screen.svg",
            "screen.txt",
            "vectors.csv",
            "verdict.json",
        ];
        assert_eq!(names(&out), all);
        assert_eq!(names(&room.path().join("deep")), ["shot"]);
        let text = fs::read_to_string(out.join("report.md")).unwrap();
        let links: Vec<&str> = text.split("](panels/").skip(1).filter_map(|part| part.split(')').next()).collect();
        assert_eq!(links.len(), state.panels.len() + 8);
        for link in links {
            assert!(out.join("panels").join(link).is_file(), "{link}");
        }
        assert!(out.join("panels/pair.race.csv").is_file() && out.join("panels/K4.s1/curves.csv").is_file());
        let verdict: crate::contract::Verdict =
            serde_json::from_str(&fs::read_to_string(out.join("verdict.json")).unwrap()).unwrap();
        assert_eq!(Some(verdict), state.verdict);
    }

    #[test]
    fn never_overwrites() {
        let room = tempfile::tempdir().unwrap();
        let out = room.path().join("shot");
        fs::create_dir(&out).unwrap();
        let error = snapshot(&samples::study(), &samples::CARD, "", SCREENS, &out).unwrap_err();
        assert!(matches!(error, SnapshotError::Exists(path) if path == out));
        assert_eq!(names(room.path()), ["shot"]);
        assert!(names(&out).is_empty());
    }

    #[test]
    fn leaves_nothing_when_it_fails() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("file");
        fs::write(&file, "").unwrap();
        let error = snapshot(&samples::study(), &samples::CARD, "", SCREENS, &file.join("shot")).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
        assert_eq!(names(room.path()), ["file"]);
    }
}
