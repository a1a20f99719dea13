//! The home screen: systems by family, presets with their cost, runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::query::{Presets, Query, QueryError, Sifted, sift};
use super::{Bench, Field, RunRow, last_judged, words};
use crate::contract::{Cost, Entry, Panel, ShippedPreset, Status};

/// A list of the home screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum List {
    /// The systems.
    #[default]
    Systems,
    /// The presets of the selected system.
    Presets,
    /// The runs.
    Runs,
}

impl List {
    const ALL: [List; 3] = [List::Systems, List::Presets, List::Runs];

    /// The list some places on, round and round.
    pub fn turned(self, by: isize) -> Self {
        let at = List::ALL.iter().position(|list| *list == self).unwrap_or(0) as isize;
        List::ALL[(at + by).rem_euclid(3) as usize]
    }
}

/// A preset that could be started.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// What it is for.
    pub about: String,
    /// What it takes.
    pub cost: Cost,
}

/// A preset of the selected system.
#[derive(Clone, Debug, PartialEq)]
pub struct PresetRow {
    /// Its name.
    pub name: &'static str,
    /// What it offers, or why it cannot be read.
    pub offer: Result<Offer, String>,
}

/// What one sees of a system: a chart, and of which run of this machine it is; without one it came with the program.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// The chart.
    pub panel: Panel,
    /// Name of the run.
    pub run: Option<String>,
}

/// State of the home screen.
#[derive(Debug)]
pub struct Home {
    systems: &'static [Entry],
    /// The list that has the focus.
    pub list: List,
    /// The query as it is typed.
    pub filter: Field,
    /// Whether it is being typed.
    pub filtering: bool,
    /// What is wrong with it; the last that could be read stays applied.
    pub fault: Option<QueryError>,
    /// Place in [`Home::shown`].
    pub system: usize,
    /// Place in [`Home::presets`].
    pub preset: usize,
    /// Place in [`Home::runs`].
    pub run: usize,
    /// Folders of the marked runs, in the order in which they were marked.
    pub marked: Vec<PathBuf>,
    query: Query,
    sifted: Sifted,
    asked: Presets,
    /// The presets of every system that was selected before: what they cost takes a while to work out.
    presets: BTreeMap<&'static str, Vec<PresetRow>>,
    all_runs: Vec<RunRow>,
    picture: Option<Picture>,
    /// The system and the run that the picture was last looked for in.
    pictured: Option<(&'static str, Option<PathBuf>)>,
    free: Option<u64>,
    now: f64,
}

impl Home {
    /// The home screen over a table of systems.
    pub fn new(systems: &'static [Entry], bench: &mut dyn Bench) -> Self {
        let mut home = Home {
            systems,
            list: List::Systems,
            filter: Field::default(),
            filtering: false,
            fault: None,
            system: 0,
            preset: 0,
            run: 0,
            marked: Vec::new(),
            query: Query::default(),
            sifted: Sifted::default(),
            asked: Presets::default(),
            presets: BTreeMap::new(),
            all_runs: Vec::new(),
            picture: None,
            pictured: None,
            free: None,
            now: 0.0,
        };
        home.refresh(bench);
        home
    }

    /// Reads the list of runs again; whether anything that is shown changed.
    pub fn refresh(&mut self, bench: &mut dyn Bench) -> bool {
        let before = (self.ages(), self.free_space(), self.sifted.runs.clone(), self.picture.clone());
        let (chosen, system) = (self.selected_run().map(|run| run.folder.clone()), self.selected());
        let runs = bench.runs();
        let changed = runs != self.all_runs;
        self.all_runs = runs;
        (self.now, self.free) = (bench.now(), bench.free_space());
        self.marked.retain(|folder| self.all_runs.iter().any(|run| run.folder == *folder));
        self.sift(bench);
        self.keep(bench, system, chosen.as_deref());
        self.look(bench);
        changed || before != (self.ages(), self.free_space(), self.sifted.runs.clone(), self.picture.clone())
    }

    fn ages(&self) -> Vec<String> {
        self.all_runs.iter().map(|run| self.age(run)).collect()
    }

    /// Asks everything again.
    fn sift(&mut self, bench: &dyn Bench) {
        self.sifted = sift(&self.query, self.systems, &self.all_runs, bench, &self.asked);
        self.sifted.systems.sort_by_key(|entry| (entry.card.family, entry.card.number));
    }

    /// Selects again what was selected, where it is still shown.
    fn keep(&mut self, bench: &dyn Bench, system: Option<&'static Entry>, run: Option<&Path>) {
        let again = run.and_then(|folder| self.runs().iter().position(|run| run.folder == folder));
        self.run = again.unwrap_or(self.run).min(self.sifted.runs.len().saturating_sub(1));
        let before = system.map(|entry| entry.card.slug);
        let again = self.shown().iter().position(|entry| Some(entry.card.slug) == before);
        match again {
            Some(at) => self.system = at,
            None => self.select_system(bench, 0),
        }
    }

    /// The systems that pass the filter, by family and number.
    pub fn shown(&self) -> &[&'static Entry] {
        &self.sifted.systems
    }

    /// The runs that pass the filter, newest first.
    pub fn runs(&self) -> Vec<&RunRow> {
        self.sifted.runs.iter().map(|at| &self.all_runs[*at]).collect()
    }

    /// How many systems there are and how many runs: all, live.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.systems.len(), self.all_runs.len(), self.all_runs.iter().filter(|run| run.is_live()).count())
    }

    /// Free space where runs are written, in words.
    pub fn free_space(&self) -> Option<String> {
        self.free.map(words::bytes)
    }

    /// The age of a run, in words.
    pub fn age(&self, run: &RunRow) -> String {
        words::age(self.now - run.created)
    }

    /// The selected system.
    pub fn selected(&self) -> Option<&'static Entry> {
        self.shown().get(self.system).copied()
    }

    /// The newest run of a system that was judged.
    pub fn last_verdict(&self, entry: &Entry) -> Option<&RunRow> {
        last_judged(&self.all_runs, entry.card.slug)
    }

    /// What one sees of the selected system.
    pub fn picture(&self) -> Option<&Picture> {
        self.picture.as_ref()
    }

    /// The presets of the selected system.
    pub fn presets(&self) -> &[PresetRow] {
        self.selected().and_then(|entry| self.presets.get(entry.card.slug)).map_or(&[], Vec::as_slice)
    }

    /// Name of the selected preset: `gpicl/quick`.
    pub fn preset_name(&self) -> Option<String> {
        let preset = self.presets().get(self.preset)?;
        Some(format!("{}/{}", self.selected()?.card.slug, preset.name))
    }

    /// The selected run.
    pub fn selected_run(&self) -> Option<&RunRow> {
        self.runs().get(self.run).copied()
    }

    /// Place of a run among the marked ones.
    pub fn mark_of(&self, run: &RunRow) -> Option<usize> {
        self.marked.iter().position(|folder| *folder == run.folder)
    }

    /// Marks the selected run, or takes its mark away.
    pub fn mark(&mut self) {
        let Some(run) = self.selected_run() else { return };
        match self.mark_of(run) {
            Some(at) => _ = self.marked.remove(at),
            None => self.marked.push(run.folder.clone()),
        }
    }

    /// Moves the selection of the focused list.
    pub fn step(&mut self, bench: &dyn Bench, by: isize) {
        let moved = |at: usize, len: usize| (at as isize).saturating_add(by).clamp(0, len.max(1) as isize - 1) as usize;
        match self.list {
            List::Systems => self.select_system(bench, moved(self.system, self.shown().len())),
            List::Presets => self.preset = moved(self.preset, self.presets().len()),
            List::Runs => self.run = moved(self.run, self.sifted.runs.len()),
        }
    }

    /// Takes over a filter as typed so far; what is selected stays so if it is still shown.
    pub fn filter(&mut self, bench: &dyn Bench, filter: Field) {
        let (chosen, system) = (self.selected_run().map(|run| run.folder.clone()), self.selected());
        self.fault = match Query::read(&filter.text) {
            Ok(query) => {
                self.query = query;
                None
            }
            Err(fault) => Some(fault),
        };
        self.filter = filter;
        self.sift(bench);
        self.keep(bench, system, chosen.as_deref());
        self.look(bench);
    }

    /// Selects a system by its slug and the first of its presets, and the newest live run of that preset if there is
    /// one; shows everything for it.
    pub fn go_to(&mut self, bench: &dyn Bench, slug: &str) {
        self.filter(bench, Field::default());
        let place = self.shown().iter().position(|entry| entry.card.slug == slug).unwrap_or(0);
        self.select_system(bench, place);
        let preset = self.presets().first().map_or("", |preset| preset.name);
        let live = |run: &&RunRow| run.is_live() && run.system == slug && run.preset == preset;
        let live = self.runs().iter().position(live);
        self.list = if live.is_some() { List::Runs } else { List::Systems };
        self.run = live.unwrap_or(self.run);
    }

    fn select_system(&mut self, bench: &dyn Bench, at: usize) {
        self.system = at;
        self.preset = 0;
        if let Some(entry) = self.selected() {
            let offer = |name| {
                let study = bench.load(&format!("{}/{name}", entry.card.slug), &[])?;
                Ok(Offer { about: study.header().about, cost: study.cost() })
            };
            let row = |preset: &ShippedPreset| PresetRow { name: preset.name, offer: offer(preset.name) };
            self.presets.entry(entry.card.slug).or_insert_with(|| entry.presets.iter().map(row).collect());
        }
        self.look(bench);
    }

    /// Finds the picture of the selected system: of its newest run that is done, else the one that came along.
    fn look(&mut self, bench: &dyn Bench) {
        let Some(entry) = self.selected() else {
            (self.picture, self.pictured) = (None, None);
            return;
        };
        let done = |run: &&RunRow| run.system == entry.card.slug && run.status == Status::Done && !run.is_ablated();
        let newest = self.all_runs.iter().find(done);
        let source = Some((entry.card.slug, newest.map(|run| run.folder.clone())));
        if source == self.pictured {
            return;
        }
        let own = newest.and_then(|run| {
            let panel = bench.thumbnail(&run.folder)?;
            Some(Picture { panel, run: Some(run.name.clone()) })
        });
        let shipped = || Some(Picture { panel: serde_json::from_str(entry.thumbnail?).ok()?, run: None });
        (self.picture, self.pictured) = (own.or_else(shipped), source);
    }
}
