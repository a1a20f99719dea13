//! What a query lets through of the systems and the runs at hand.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use serde_json::Value;

use super::columns::{LIVE, NONE};
use super::{Column, Found, Query, Row};
use crate::contract::{Entry, Family, Outcome, typed};
use crate::view::{Bench, RunRow, last_judged, words};

/// Presets of runs, each read when a query first asks for a setting; none for one that cannot be read.
#[derive(Debug, Default)]
pub struct Presets(RefCell<BTreeMap<PathBuf, Option<Rc<Value>>>>);

impl Presets {
    fn of(&self, run: &RunRow, bench: &dyn Bench) -> Option<Rc<Value>> {
        let mut known = self.0.borrow_mut();
        known.entry(run.folder.clone()).or_insert_with(|| bench.preset(&run.folder).ok().map(Rc::new)).clone()
    }
}

/// What a query lets through.
#[derive(Debug, Default)]
pub struct Sifted {
    /// The systems, in the order of their table.
    pub systems: Vec<&'static Entry>,
    /// Places of the runs, in their order.
    pub runs: Vec<usize>,
}

/// Asks the systems and the runs, newest first. Where a query turns on what only runs know, a system passes with one
/// of its runs.
pub fn sift(query: &Query, systems: &'static [Entry], runs: &[RunRow], bench: &dyn Bench, presets: &Presets) -> Sifted {
    let now = bench.now();
    let family = |run: &RunRow| systems.iter().find(|entry| entry.card.slug == run.system).map(|e| e.card.family);
    let passes = |run: &RunRow| {
        let row = AskedRun { run, text: run_text(run), family: family(run), now, bench, presets };
        query.passes(&row) == Some(true)
    };
    let through: Vec<usize> = (0..runs.len()).filter(|at| passes(&runs[*at])).collect();
    let has_run = |entry: &Entry| through.iter().any(|at| runs[*at].system == entry.card.slug);
    let system = |entry: &&'static Entry| {
        let outcome = last_judged(runs, entry.card.slug).and_then(|run| run.outcome);
        let row = AskedSystem { entry, text: system_text(entry), outcome };
        query.passes(&row).unwrap_or_else(|| has_run(entry))
    };
    Sifted { systems: systems.iter().filter(system).collect(), runs: through }
}

fn one(text: impl Into<String>) -> Option<Found> {
    Some(Found::Texts(vec![text.into()]))
}

fn outcome_word(outcome: Option<Outcome>) -> &'static str {
    outcome.map_or(NONE, Outcome::name)
}

struct AskedSystem<'a> {
    entry: &'a Entry,
    text: String,
    outcome: Option<Outcome>,
}

fn system_text(entry: &Entry) -> String {
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
    text.to_lowercase()
}

impl Row for AskedSystem<'_> {
    fn contains(&self, word: &str) -> bool {
        self.text.contains(word)
    }

    fn found(&self, column: &Column) -> Option<Found> {
        match column {
            Column::System => one(self.entry.card.slug),
            Column::Family => one(self.entry.card.family.name()),
            Column::Preset => {
                Some(Found::Texts(self.entry.presets.iter().map(|preset| preset.name.to_owned()).collect()))
            }
            Column::Verdict => one(outcome_word(self.outcome)),
            _ => None,
        }
    }
}

struct AskedRun<'a> {
    run: &'a RunRow,
    text: String,
    family: Option<Family>,
    now: f64,
    bench: &'a dyn Bench,
    presets: &'a Presets,
}

fn run_text(run: &RunRow) -> String {
    let outcome = run.outcome.map_or("", Outcome::name);
    let tags = run.tags.join(" ");
    let state = words::state(run.status);
    format!("{} {} {} {} {state} {outcome} {tags}", run.name, run.system, run.preset, run.status.name()).to_lowercase()
}

impl Row for AskedRun<'_> {
    fn contains(&self, word: &str) -> bool {
        self.text.contains(word)
    }

    fn found(&self, column: &Column) -> Option<Found> {
        let run = self.run;
        match column {
            Column::Name => one(&run.name),
            Column::System => one(&run.system),
            Column::Family => one(self.family?.name()),
            Column::Preset => one(&run.preset),
            Column::State => {
                let live = run.is_live().then(|| LIVE.to_owned());
                Some(Found::Texts(std::iter::once(run.status.name().to_owned()).chain(live).collect()))
            }
            Column::Verdict => one(outcome_word(run.outcome)),
            Column::Tag => Some(Found::Texts(run.tags.clone())),
            Column::Seed => Some(Found::Number(run.seed as f64)),
            Column::Trials => Some(Found::Number(run.trials as f64)),
            Column::Progress => Some(Found::Number(100.0 * words::share(run.progress))),
            Column::Age => Some(Found::Number((self.now - run.created).max(0.0))),
            Column::Setting(path) => {
                let preset = self.presets.of(run, self.bench)?;
                let value = path.split('.').try_fold(&*preset, |value, part| match value {
                    Value::Array(values) => values.get(part.parse::<usize>().ok()?),
                    value => value.get(part),
                })?;
                Some(Found::Texts(texts(value)))
            }
        }
    }
}

/// A setting as it would be typed; of a list, each of its values.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        other => vec![typed(other)],
    }
}
