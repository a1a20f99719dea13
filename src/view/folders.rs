//! The bench of run folders: presets become runs, workers are spawned, readers watch.

use std::path::{Path, PathBuf};

use super::{Bench, Feed, RunRow, Wish};
use crate::contract::{Annotation, Entry, Panel, Study, StudyState, Turn, thumbnail};
use crate::run::{self, Changes, Folder, Reader, Request, RunError};

/// Writes a snapshot of a run; where it is, or why not.
pub type Snapshot = Box<dyn Fn(&Folder) -> Result<PathBuf, String>>;

/// The bench of a runs folder.
pub struct Folders {
    /// The systems.
    pub systems: &'static [Entry],
    /// The runs folder.
    pub root: PathBuf,
    /// Threads for the workers it starts.
    pub threads: usize,
    /// Writes snapshots.
    pub snapshot: Snapshot,
}

impl Folders {
    fn resolved(&self, name: &str, set: &[String]) -> Result<run::Preset, RunError> {
        let changes = Changes { set: set.to_vec(), ..Changes::default() };
        Ok(run::load(self.systems, name, &changes)?)
    }

    fn begin(&self, preset: &str, set: &[String]) -> Result<Reader, RunError> {
        let preset = self.resolved(preset, set)?;
        let folder = run::create(&self.root, &preset, None, self.threads)?;
        run::spawn_worker(&folder, self.threads)?;
        Reader::open(&folder)
    }

    fn wish(&self, folder: &Path, wish: Wish) -> Result<(), RunError> {
        let folder = Folder::open(folder)?;
        match wish {
            Wish::Pause => run::request(&folder, Request::Pause),
            Wish::Continue => run::request(&folder, Request::Continue),
            Wish::Step => run::request(&folder, Request::Step(1)),
            Wish::Stop => run::request(&folder, Request::Stop),
            Wish::Resume => run::spawn_worker(&folder, self.threads).map(|_| ()),
        }
    }

    fn back(&self, folder: &Path, trial: &str, step: u64) -> Result<u64, RunError> {
        let folder = Folder::open(folder)?;
        let went = run::go_back(&folder, Some(trial), step)?;
        run::spawn_worker(&folder, self.threads)?;
        Ok(went.first().map_or(0, |(_, at)| *at))
    }
}

fn sentence(error: RunError) -> String {
    error.to_string()
}

impl Bench for Folders {
    fn runs(&mut self) -> Vec<RunRow> {
        run::list(&self.root).runs.into_iter().map(RunRow::of).collect()
    }

    fn load(&self, preset: &str, set: &[String]) -> Result<Box<dyn Study>, String> {
        self.resolved(preset, set).map(|preset| preset.study).map_err(sentence)
    }

    fn start(&mut self, preset: &str, set: &[String]) -> Result<Box<dyn Feed>, String> {
        self.begin(preset, set).map(|reader| Box::new(reader) as Box<dyn Feed>).map_err(sentence)
    }

    fn open(&mut self, folder: &Path) -> Result<Box<dyn Feed>, String> {
        let reader = Folder::open(folder).and_then(|folder| Reader::open(&folder));
        reader.map(|reader| Box::new(reader) as Box<dyn Feed>).map_err(sentence)
    }

    fn preset(&self, folder: &Path) -> Result<serde_json::Value, String> {
        let study = Folder::open(folder).and_then(|folder| folder.study(self.systems));
        study.map(|study| study.to_json()).map_err(sentence)
    }

    fn ask(&mut self, folder: &Path, wish: Wish) -> Result<(), String> {
        self.wish(folder, wish).map_err(sentence)
    }

    fn turn(&mut self, folder: &Path, turn: &Turn) -> Result<(), String> {
        Folder::open(folder).and_then(|folder| run::turn(&folder, turn)).map_err(sentence)
    }

    fn checkpoints(&self, folder: &Path, trial: &str) -> Result<Vec<u64>, String> {
        Folder::open(folder).and_then(|folder| run::checkpoints(&folder, trial)).map_err(sentence)
    }

    fn go_back(&mut self, folder: &Path, trial: &str, step: u64) -> Result<u64, String> {
        self.back(folder, trial, step).map_err(sentence)
    }

    fn annotate(&mut self, folder: &Path, annotation: Annotation) -> Result<(), String> {
        Folder::open(folder).and_then(|folder| run::annotate(&folder, annotation)).map_err(sentence)
    }

    fn free_space(&self) -> Option<u64> {
        run::free_space(&self.root)
    }

    fn report(&mut self, folder: &Path, fault: &str) {
        if let Ok(folder) = Folder::open(folder) {
            run::report(&folder, fault);
        }
    }

    fn snapshot(&mut self, folder: &Path) -> Result<PathBuf, String> {
        let folder = Folder::open(folder).map_err(sentence)?;
        (self.snapshot)(&folder)
    }

    fn diagnose(&mut self, folder: &Path, trial: &str) -> Result<(), String> {
        Folder::open(folder).and_then(|folder| run::spawn_diagnose(&folder, trial, self.threads)).map_err(sentence)
    }

    fn thumbnail(&self, folder: &Path) -> Option<Panel> {
        run::study_panels(&Folder::open(folder).ok()?).and_then(|panels| thumbnail(&panels))
    }
}

impl Feed for Reader {
    fn folder(&self) -> &Path {
        Reader::folder(self).path()
    }

    fn refresh(&mut self) -> Result<bool, String> {
        self.watch();
        Reader::refresh(self).map_err(sentence)
    }

    fn state(&self) -> &StudyState {
        Reader::state(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, TABLE};
    use super::*;
    use crate::contract::{Status, System};

    #[test]
    fn a_preset_becomes_a_run_that_is_listed_and_watched() {
        let root = tempfile::tempdir().unwrap();
        let snapshot = Box::new(|_: &Folder| Err("not here".to_owned()));
        let mut bench = Folders { systems: TABLE, root: root.path().join("runs"), threads: 1, snapshot };
        assert!(bench.runs().is_empty());
        let error = bench.load("gpicl/quick", &["settings.widht=3".into()]).err().unwrap();
        assert!(error.contains("width"), "{error}");
        let preset = bench.resolved("gpicl/quick", &["settings.width=32".into()]).unwrap();
        let folder = run::create(&bench.root, &preset, None, 1).unwrap();
        let runs = bench.runs();
        assert_eq!((runs.len(), runs[0].system.as_str()), (1, MadeUp::CARD.slug));
        let mut feed = bench.open(folder.path()).unwrap();
        feed.refresh().unwrap();
        assert_eq!(feed.state().trials.len(), 9);
        assert_ne!(feed.state().status, Status::Done);
        let error = bench.ask(folder.path(), Wish::Stop).unwrap_err();
        assert!(error.contains("no worker"), "{error}");
        assert_eq!(bench.snapshot(folder.path()).unwrap_err(), "not here");
        let trial = &feed.state().trials[0].result.spec.name;
        assert_eq!(bench.checkpoints(folder.path(), trial).unwrap(), [0]);
        let error = bench.go_back(folder.path(), "K-4.s99", 0).unwrap_err();
        assert!(error.contains("has no trial"), "{error}");
        bench.annotate(folder.path(), Annotation::Tag("paper-fig-2".into())).unwrap();
        assert!(bench.annotate(folder.path(), Annotation::Tag("two words".into())).is_err());
        feed.refresh().unwrap();
        assert_eq!(
            (&bench.runs()[0].tags, &feed.state().annotations.tags[0][..]),
            (&vec!["paper-fig-2".to_owned()], "paper-fig-2")
        );
        assert!(bench.free_space().is_some_and(|free| free > 0));
    }
}
