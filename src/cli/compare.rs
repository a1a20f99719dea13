//! `ansatz compare`: runs side by side: verdicts, results, what their presets set differently; or bias cards.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::diagnose;
use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use super::run::Threads;
use crate::contract::{Entry, Panel, StudyState};
use crate::run::export::{aligned, cards_text};
use crate::run::{self, BiasCard, Folder, Reader};
use crate::view::compared::{self, Ran};

/// Compares runs.
#[derive(clap::Args)]
pub(super) struct Compare {
    /// Two or more runs; with --card also trials of them, as RUN:TRIAL
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    sides: Vec<String>,
    /// Compare the bias cards of trials instead; those that were not made yet are made
    #[arg(long)]
    card: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Job for Compare {
    const NAME: &'static str = "compare";
    const ABOUT: &'static str = "Set runs side by side: verdicts, results, settings, or bias cards";
    const EXAMPLES: &'static str =
        "  ansatz compare gpicl-quick gpicl-ablated\n  ansatz compare --card gpicl-quick:K-inf.s0 gpicl-quick:K-4.s0";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        if self.card {
            return self.cards(place);
        }
        let mut sides = Vec::new();
        for name in &self.sides {
            let folder = run::find(&place.runs, Some(name))?;
            let preset = folder.study(place.table)?.to_json();
            sides.push(Side { state: Reader::open(&folder)?.state().clone(), preset });
        }
        let runs: Vec<Ran> = sides.iter().map(|side| side.ran(place.table)).collect();
        if self.json {
            output::print_json(&document(&runs))?;
        } else {
            output::print(&text(&runs))?;
        }
        Ok(0)
    }
}

impl Compare {
    fn cards(&self, place: &Place) -> Result<u8, Failure> {
        let mut cards = Vec::new();
        for name in &self.sides {
            let (folder, trial) = run_and_trial(place, name)?;
            cards.push(card(&folder, place, trial.as_deref(), self.threads.or_of(&folder)?)?);
        }
        if self.json {
            let document = serde_json::to_value(&cards).map_err(|e| Failure::failed(e.to_string()))?;
            output::print_json(&json!({ "cards": document }))?;
        } else {
            output::print(&cards_text(&cards))?;
        }
        Ok(0)
    }
}

/// A run, and the trial that is named behind a colon. A folder whose own name has a colon is itself.
fn run_and_trial(place: &Place, name: &str) -> Result<(Folder, Option<String>), Failure> {
    match (run::find(&place.runs, Some(name)), name.rsplit_once(':')) {
        (Ok(folder), _) => Ok((folder, None)),
        (Err(_), Some((run, trial))) => Ok((run::find(&place.runs, Some(run))?, Some(trial.to_owned()))),
        (Err(error), None) => Err(error.into()),
    }
}

/// The card that is kept of a trial, if it is of its last checkpoint, else a new one.
fn card(folder: &Folder, place: &Place, trial: Option<&str>, threads: usize) -> Result<BiasCard, Failure> {
    let done =
        Reader::open(folder)?.state().trials.iter().map(|t| (t.result.spec.name.clone(), t.progress.step)).collect();
    let done: BTreeMap<String, u64> = done;
    let fresh = |card: &BiasCard| done.get(&card.trial) == Some(&card.step);
    match trial.and_then(|trial| run::kept_card(folder, trial)).filter(fresh) {
        Some(card) => Ok(card),
        None => diagnose::made(folder, place, trial, threads),
    }
}

/// One run of a comparison.
struct Side {
    state: StudyState,
    preset: Value,
}

impl Side {
    fn ran<'a>(&'a self, table: &'static [Entry]) -> Ran<'a> {
        let slug = &self.state.header.system;
        let card = table.iter().map(|entry| entry.card).find(|card| card.slug == slug);
        Ran { state: &self.state, preset: &self.preset, card }
    }
}

/// The panels of the viewer's comparison that are tables, one after the other.
fn text(runs: &[Ran]) -> String {
    let panels = [compared::verdicts(runs), compared::settings(runs), compared::all_values(runs)];
    let part = |panel: &Panel| match panel.body.table() {
        Some(table) if table.rows.is_empty() => format!("{}\nnone\n", panel.title),
        Some(table) => {
            let heads: Vec<&str> = table.columns.iter().map(String::as_str).collect();
            format!("{}\n{}", panel.title, aligned(&heads, &table.rows))
        }
        None => String::new(),
    };
    panels.iter().map(part).collect::<Vec<_>>().join("\n")
}

fn document(runs: &[Ran]) -> Value {
    let documents: Vec<Value> = runs.iter().map(|run| run::document(run.state)).collect();
    let presets: Vec<&Value> = runs.iter().map(|run| run.preset).collect();
    let (rows, _) = compared::differences(&presets);
    let differences: Vec<Value> = rows.into_iter().map(|row| json!({ "path": row[0], "values": row[1..] })).collect();
    json!({ "runs": documents, "differences": differences })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::export::samples;

    #[test]
    fn what_differs_is_printed_and_nothing_else() {
        let (one, two) =
            (json!({ "seed": 1, "settings": { "steps": 10 } }), json!({ "seed": 1, "settings": { "steps": 20 } }));
        let state = samples::study();
        let ran = |preset| Ran { state: &state, preset, card: None };
        let text = text(&[ran(&one), ran(&two)]);
        for part in ["Verdicts", "Settings that differ", "settings.steps", "Last values"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("seed  "), "{text}");
        assert_eq!(document(&[ran(&one), ran(&two)])["differences"][0]["path"], "settings.steps");
        assert_eq!(document(&[ran(&one), ran(&one)])["differences"], json!([]));
    }
}
