//! The home screen: systems by family, presets with their cost, runs.

use super::{Bench, Field, RunRow};
use crate::contract::{Cost, Entry, Status};

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

/// State of the home screen.
#[derive(Debug)]
pub struct Home {
    systems: &'static [Entry],
    /// The list that has the focus.
    pub list: List,
    /// Words that systems and runs must contain.
    pub filter: Field,
    /// Whether the filter is being typed.
    pub filtering: bool,
    /// Place in [`Home::shown`].
    pub system: usize,
    /// Place in [`Home::presets`].
    pub preset: usize,
    /// Place in [`Home::runs`].
    pub run: usize,
    presets: Vec<PresetRow>,
    all_runs: Vec<RunRow>,
}

impl Home {
    /// The home screen over a table of systems.
    pub fn new(systems: &'static [Entry], bench: &mut dyn Bench) -> Self {
        let mut home = Home {
            systems,
            list: List::Systems,
            filter: Field::default(),
            filtering: false,
            system: 0,
            preset: 0,
            run: 0,
            presets: Vec::new(),
            all_runs: bench.runs(),
        };
        home.select_system(bench, 0);
        home
    }

    /// Reads the list of runs again; whether it changed.
    pub fn refresh(&mut self, bench: &mut dyn Bench) -> bool {
        let chosen = self.runs().get(self.run).map(|run| run.folder.clone());
        let runs = bench.runs();
        let changed = runs != self.all_runs;
        self.all_runs = runs;
        let again = chosen.and_then(|folder| self.runs().iter().position(|run| run.folder == folder));
        self.run = again.unwrap_or(self.run).min(self.runs().len().saturating_sub(1));
        changed
    }

    /// The systems that pass the filter, by family and number.
    pub fn shown(&self) -> Vec<&'static Entry> {
        let words: Vec<String> = self.words();
        let passes = |entry: &Entry| {
            let card = entry.card;
            let text = format!(
                "{} {} {} {} {} {}",
                card.number,
                card.slug,
                card.title,
                card.sentence,
                card.family.name(),
                card.paper.title
            );
            contains_all(&text, &words)
        };
        let mut shown: Vec<_> = self.systems.iter().filter(|entry| passes(entry)).collect();
        shown.sort_by_key(|entry| (entry.card.family, entry.card.number));
        shown
    }

    /// The runs that pass the filter, newest first.
    pub fn runs(&self) -> Vec<&RunRow> {
        let words = self.words();
        let text = |run: &RunRow| format!("{} {} {} {}", run.name, run.system, run.preset, run.status.name());
        self.all_runs.iter().filter(|run| contains_all(&text(run), &words)).collect()
    }

    /// How many systems there are and how many runs: all, live.
    pub fn counts(&self) -> (usize, usize, usize) {
        let live = |run: &&RunRow| matches!(run.status, Status::Running | Status::Paused | Status::Stalled);
        (self.systems.len(), self.all_runs.len(), self.all_runs.iter().filter(live).count())
    }

    fn words(&self) -> Vec<String> {
        self.filter.text.split_whitespace().map(str::to_lowercase).collect()
    }

    /// The selected system.
    pub fn selected(&self) -> Option<&'static Entry> {
        self.shown().get(self.system).copied()
    }

    /// The presets of the selected system.
    pub fn presets(&self) -> &[PresetRow] {
        &self.presets
    }

    /// Name of the selected preset: `gpicl/quick`.
    pub fn preset_name(&self) -> Option<String> {
        let preset = self.presets.get(self.preset)?;
        Some(format!("{}/{}", self.selected()?.card.slug, preset.name))
    }

    /// The selected run.
    pub fn selected_run(&self) -> Option<&RunRow> {
        self.runs().get(self.run).copied()
    }

    /// Moves the selection of the focused list.
    pub fn step(&mut self, bench: &dyn Bench, by: isize) {
        let moved = |at: usize, len: usize| (at as isize).saturating_add(by).clamp(0, len.max(1) as isize - 1) as usize;
        match self.list {
            List::Systems => self.select_system(bench, moved(self.system, self.shown().len())),
            List::Presets => self.preset = moved(self.preset, self.presets.len()),
            List::Runs => self.run = moved(self.run, self.runs().len()),
        }
    }

    /// Takes over a filter as typed so far; keeps the selected system if it is still shown.
    pub fn filter(&mut self, bench: &dyn Bench, filter: Field) {
        let before = self.selected().map(|entry| entry.card.slug);
        self.filter = filter;
        let again = self.shown().iter().position(|entry| Some(entry.card.slug) == before);
        self.run = 0;
        self.select_system(bench, again.unwrap_or(0));
    }

    fn select_system(&mut self, bench: &dyn Bench, at: usize) {
        self.system = at;
        self.preset = 0;
        self.presets = self.selected().map_or_else(Vec::new, |entry| {
            let offer = |name| {
                let study = bench.load(&format!("{}/{name}", entry.card.slug), &[])?;
                Ok(Offer { about: study.header().about, cost: study.cost() })
            };
            entry.presets.iter().map(|preset| PresetRow { name: preset.name, offer: offer(preset.name) }).collect()
        });
    }
}

fn contains_all(text: &str, words: &[String]) -> bool {
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word))
}
