//! `ansatz list`: the systems and what was last found about each.

use serde_json::{Value, json};

use super::asking::ask;
use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::contract::Entry;
use crate::run::export::aligned;
use crate::view::{RunRow, last_judged};

/// Lists the systems.
#[derive(clap::Args)]
pub(super) struct List {
    /// Only what passes a query, as `/` of the viewer takes it
    #[arg(long = "where", value_name = "QUERY")]
    query: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Job for List {
    const NAME: &'static str = "list";
    const ABOUT: &'static str = "List the systems, with the last verdict on each";
    const EXAMPLES: &'static str = "  ansatz list\n  ansatz list --where verdict:none     \
                                    what nobody judged here\n  ansatz list --json";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let asked = ask(place, self.query.as_deref())?;
        let last = |entry: &Entry| last_judged(&asked.all, entry.card.slug);
        if self.json {
            let rows = asked.systems.iter().map(|entry| document(entry, last(entry)));
            output::print_json(&Value::Array(rows.collect()))?;
        } else {
            let rows: Vec<Vec<String>> = asked.systems.iter().map(|entry| row(entry, last(entry))).collect();
            output::print_table(&aligned(&["#", "system", "family", "presets", "last verdict", "claim"], &rows))?;
        }
        Ok(0)
    }
}

/// The bench in words: the systems, and how to go on.
pub(super) fn plainly(place: &Place) -> Result<u8, Failure> {
    List { query: None, json: false }.start(place)?;
    output::print(
        "\n`ansatz run SYSTEM` runs the first preset of a system and tells its verdict, `ansatz watch --plain` tells what \
         happens in the newest run, `ansatz show` prints it whole.\n",
    )?;
    Ok(0)
}

fn row(entry: &Entry, last: Option<&RunRow>) -> Vec<String> {
    let presets: Vec<&str> = entry.presets.iter().map(|preset| preset.name).collect();
    let verdict = last.and_then(|run| run.outcome).map_or("-", |outcome| outcome.name());
    let card = entry.card;
    let cells = [&card.number.to_string(), card.slug, card.family.name(), &presets.join(" "), verdict, card.sentence];
    cells.map(String::from).to_vec()
}

fn document(entry: &Entry, last: Option<&RunRow>) -> Value {
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
    use crate::run::{self, Changes};
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
        let runs: Vec<RunRow> = run::list(room.path()).runs.into_iter().map(RunRow::of).collect();
        assert_eq!(row(entry, runs.first())[4], "partly");
        assert_eq!(document(entry, runs.first())["last_verdict"]["run"], folder.name());
    }
}
