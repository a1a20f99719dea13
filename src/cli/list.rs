//! `ansatz list`: the systems and what was last found about each.

use serde_json::{Value, json};

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::contract::Entry;
use crate::run::export::aligned;
use crate::run::{self, Summary};

/// Lists the systems.
#[derive(clap::Args)]
pub(super) struct List {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Job for List {
    const NAME: &'static str = "list";
    const ABOUT: &'static str = "List the systems, with the last verdict on each";
    const EXAMPLES: &'static str = "  ansatz list\n  ansatz list --json";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let listing = run::list(&place.runs);
        // Newest first, so the first that was judged is the last verdict.
        let last =
            |entry: &Entry| listing.runs.iter().find(|run| run.system == entry.card.slug && run.outcome.is_some());
        if self.json {
            let rows = place.table.iter().map(|entry| document(entry, last(entry)));
            output::print_json(&Value::Array(rows.collect()))?;
        } else {
            let rows: Vec<Vec<String>> = place.table.iter().map(|entry| row(entry, last(entry))).collect();
            output::print_table(&aligned(&["#", "system", "family", "presets", "last verdict", "claim"], &rows))?;
        }
        for (path, reason) in &listing.skipped {
            output::tell(&format!("warning: {}: {reason}", path.display()));
        }
        Ok(0)
    }
}

/// The bench in words: the systems, and how to go on.
pub(super) fn plainly(place: &Place) -> Result<u8, Failure> {
    List { json: false }.start(place)?;
    output::print(
        "\n`ansatz run SYSTEM` runs the first preset of a system and tells its verdict, `ansatz watch --plain` tells what \
         happens in the newest run, `ansatz show` prints it whole.\n",
    )?;
    Ok(0)
}

fn row(entry: &Entry, last: Option<&Summary>) -> Vec<String> {
    let presets: Vec<&str> = entry.presets.iter().map(|preset| preset.name).collect();
    let verdict = last.and_then(|run| run.outcome).map_or("-", |outcome| outcome.name());
    let card = entry.card;
    let cells = [&card.number.to_string(), card.slug, card.family.name(), &presets.join(" "), verdict, card.sentence];
    cells.map(String::from).to_vec()
}

fn document(entry: &Entry, last: Option<&Summary>) -> Value {
    let presets: Vec<&str> = entry.presets.iter().map(|preset| preset.name).collect();
    let verdict = last.map(|run| {
        json!({ "run": run.name, "preset": run.preset, "outcome": run.outcome.map(|o| o.name()), "sentence": run.sentence })
    });
    let card = entry.card;
    json!({
        "slug": card.slug,
        "number": card.number,
        "title": card.title,
        "claim": card.sentence,
        "family": card.family.name(),
        "presets": presets,
        "last_verdict": verdict,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Changes;
    use crate::view::made_up::TABLE;

    #[test]
    fn a_system_is_listed_with_its_last_verdict() {
        let room = tempfile::tempdir().unwrap();
        let entry = &TABLE[0];
        assert_eq!(row(entry, None)[4], "-");
        assert_eq!(document(entry, None)["last_verdict"], Value::Null);
        let preset = run::load(TABLE, entry.card.slug, &Changes::default()).unwrap();
        let folder = run::create(room.path(), &preset, None, 1).unwrap();
        let verdict = crate::run::export::samples::study().verdict;
        folder.keep_verdict(verdict.as_ref().unwrap()).unwrap();
        let listing = run::list(room.path());
        assert_eq!(row(entry, listing.runs.first())[4], "partly");
        assert_eq!(document(entry, listing.runs.first())["last_verdict"]["run"], folder.name());
    }
}
