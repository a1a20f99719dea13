//! `ansatz runs`: the runs of the folder, and what was found.

use serde_json::{Value, json};

use super::asking::{Asked, ask};
use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::contract::Outcome;
use crate::run::export::aligned;
use crate::view::{RunRow, words};

/// Lists the runs.
#[derive(clap::Args)]
pub(super) struct Runs {
    /// Only what passes a query, as `/` of the viewer takes it
    #[arg(long = "where", value_name = "QUERY")]
    query: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Job for Runs {
    const NAME: &'static str = "runs";
    const ABOUT: &'static str = "List the runs: state, verdict, preset, age";
    const EXAMPLES: &'static str = "  ansatz runs\n  ansatz runs --where state:live          \
                                    what has a worker\n  ansatz runs --where settings.seeds>=5 --json";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let asked = ask(place, self.query.as_deref())?;
        if self.json {
            output::print_json(&Value::Array(asked.runs.iter().map(document).collect()))?;
            return Ok(0);
        }
        let heads = ["run", "state", "done", "verdict", "preset", "seed", "trials", "age"];
        output::print_table(&aligned(&heads, &rows(&asked)))?;
        if self.query.is_some() {
            output::tell(&format!("{} of {} runs", asked.runs.len(), asked.all.len()));
        }
        Ok(0)
    }
}

fn rows(asked: &Asked) -> Vec<Vec<String>> {
    let row = |run: &RunRow| {
        vec![
            run.name.clone(),
            run.status.name().to_owned(),
            words::percent(words::share(run.progress)),
            run.outcome.map_or("-", Outcome::name).to_owned(),
            format!("{}/{}", run.system, run.preset),
            run.seed.to_string(),
            run.trials.to_string(),
            words::age(asked.now - run.created),
        ]
    };
    asked.runs.iter().map(row).collect()
}

fn document(run: &RunRow) -> Value {
    json!({
        "run": run.name,
        "folder": run.folder,
        "system": run.system,
        "preset": run.preset,
        "state": run.status.name(),
        "step": run.progress.step,
        "steps": run.progress.steps,
        "outcome": run.outcome.map(Outcome::name),
        "sentence": run.sentence,
        "seed": run.seed,
        "trials": run.trials,
        "created": run.created,
        "tags": run.tags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{self, Changes};
    use crate::tui::Wanted;
    use crate::view::made_up::TABLE;

    #[test]
    fn runs_are_asked_as_in_the_viewer() {
        let room = tempfile::tempdir().unwrap();
        let runs = room.path().to_owned();
        let place =
            Place { runs, chosen: true, wanted: Wanted { depth: None, glyphs: None }, table: TABLE, plain: false };
        let create = |set: &[&str]| {
            let set = set.iter().map(|set| (*set).to_owned()).collect();
            let preset = run::load(TABLE, "gpicl/quick", &Changes { set, ..Changes::default() }).unwrap();
            run::create(room.path(), &preset, None, 1).unwrap()
        };
        let (wide, narrow) = (create(&[]), create(&["settings.width=32", "seed=9"]));
        let verdict = crate::run::export::samples::study().verdict;
        wide.keep_verdict(verdict.as_ref().unwrap()).unwrap();
        let named = |query: &str| -> Vec<String> {
            ask(&place, Some(query)).unwrap().runs.into_iter().map(|run| run.name).collect()
        };
        assert_eq!(named("settings.width<64"), [narrow.name()]);
        assert_eq!(named("verdict:partly OR seed=8"), [wide.name()]);
        assert_eq!(named("age<1h").len(), 2);
        let asked = ask(&place, Some("seed=9")).unwrap();
        assert_eq!(rows(&asked)[0][..2], [narrow.name(), "waiting".into()]);
        assert_eq!(document(&asked.runs[0])["trials"], 9);
        let failure = ask(&place, Some("a sytem:x")).err().unwrap();
        let text = "--where: there is no field `sytem`; did you mean `system`?\n  a sytem:x\n    ^";
        assert_eq!(failure.into_message(), text);
    }
}
