//! `ansatz compare`: runs side by side: verdicts, results, what their presets set differently; or bias cards.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::diagnose;
use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use super::run::Threads;
use crate::contract::StudyState;
use crate::run::export::{aligned, cards_text, shown};
use crate::run::{self, BiasCard, Folder, Reader};

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
        if self.json {
            output::print_json(&document(&sides))?;
        } else {
            output::print(&text(&sides))?;
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
    /// The last value of each metric, mean over the seeds of a condition.
    fn results(&self) -> BTreeMap<(String, String), f64> {
        let mut sums: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
        for result in self.state.trials.iter().map(|trial| &trial.result) {
            for (metric, points) in &result.metrics {
                let Some((_, value)) = points.last() else { continue };
                let entry = sums.entry((result.spec.condition.clone(), metric.clone())).or_default();
                *entry = (entry.0 + value, entry.1 + 1.0);
            }
        }
        sums.into_iter().map(|(key, (sum, count))| (key, sum / count)).collect()
    }

    fn outcome(&self) -> &'static str {
        self.state.verdict.as_ref().map_or("not judged", |verdict| verdict.outcome.name())
    }
}

/// Every leaf of a preset by its path.
fn leaves(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
    let under = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| leaves(value, &under(name), found)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(i, value)| leaves(value, &format!("{path}[{i}]"), found));
        }
        leaf => {
            found.insert(path.to_owned(), leaf.to_string());
        }
    }
}

/// Settings that are not the same in all presets: path, then the value of each.
fn differences(sides: &[Side]) -> Vec<Vec<String>> {
    let all: Vec<BTreeMap<String, String>> = sides
        .iter()
        .map(|side| {
            let mut found = BTreeMap::new();
            leaves(&side.preset, "", &mut found);
            found
        })
        .collect();
    let mut paths: Vec<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    paths.sort();
    paths.dedup();
    let value = |leaves: &BTreeMap<String, String>, path: &str| leaves.get(path).cloned().unwrap_or_else(|| "-".into());
    let row = |path: &String| {
        let values: Vec<String> = all.iter().map(|leaves| value(leaves, path)).collect();
        let differ = values.iter().any(|value| *value != values[0]);
        differ.then(|| [vec![path.clone()], values].concat())
    };
    paths.into_iter().filter_map(row).collect()
}

fn heads<'a>(first: &[&'a str], sides: &'a [Side]) -> Vec<&'a str> {
    first.iter().copied().chain(sides.iter().map(|side| side.state.run.as_str())).collect()
}

fn text(sides: &[Side]) -> String {
    let verdict = |side: &Side| {
        let effect = side.state.verdict.as_ref().and_then(|verdict| verdict.effect);
        vec![
            side.state.run.clone(),
            format!("{}/{}", side.state.header.system, side.state.preset),
            side.outcome().to_owned(),
            effect.map_or_else(|| "-".into(), shown),
        ]
    };
    let mut text = aligned(&["run", "preset", "verdict", "effect"], &sides.iter().map(verdict).collect::<Vec<_>>());
    let differences = differences(sides);
    text += "\nSettings that differ\n";
    text += &if differences.is_empty() { "none\n".into() } else { aligned(&heads(&["setting"], sides), &differences) };
    let results: Vec<_> = sides.iter().map(Side::results).collect();
    let mut keys: Vec<&(String, String)> = results.iter().flat_map(BTreeMap::keys).collect();
    keys.sort();
    keys.dedup();
    let row = |key: &(String, String)| {
        let values = results.iter().map(|of| of.get(key).map_or_else(|| "-".into(), |value| shown(*value)));
        [key.0.clone(), key.1.clone()].into_iter().chain(values).collect()
    };
    let rows: Vec<Vec<String>> = keys.into_iter().map(row).collect();
    text + "\nLast values, mean over seeds\n" + &aligned(&heads(&["condition", "metric"], sides), &rows)
}

fn document(sides: &[Side]) -> Value {
    let runs: Vec<Value> = sides.iter().map(|side| run::document(&side.state)).collect();
    let differences: Vec<Value> =
        differences(sides).into_iter().map(|row| json!({ "path": row[0], "values": row[1..] })).collect();
    json!({ "runs": runs, "differences": differences })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::export::samples;

    #[test]
    fn what_differs_is_named_and_nothing_else() {
        let side = |steps: u64| Side {
            state: samples::study(),
            preset: json!({ "seed": 1, "settings": { "steps": steps, "grid": [{ "a": [1, 2] }] } }),
        };
        let sides = [side(10), side(20)];
        assert_eq!(differences(&sides), [["settings.steps", "10", "20"].map(String::from).to_vec()]);
        assert!(differences(&[side(1), side(1)]).is_empty());
        let text = text(&sides);
        for part in ["verdict", "Settings that differ", "settings.steps", "Last values"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert_eq!(document(&sides)["differences"][0]["path"], "settings.steps");
    }
}
