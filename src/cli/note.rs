//! `ansatz note`: sentences about a run.

use serde_json::json;

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::contract::Annotation;
use crate::run;
use crate::run::export::{clean, date};

/// Adds a note to a run, or prints its notes.
#[derive(clap::Args)]
pub(super) struct Note {
    /// The run; the newest without it
    run: Option<String>,
    /// The note; without it the notes so far are printed
    text: Option<String>,
    /// Print the notes as one JSON document
    #[arg(long, conflicts_with = "text")]
    json: bool,
}

impl Job for Note {
    const NAME: &'static str = "note";
    const ABOUT: &'static str = "Add a note to a run, or print its notes";
    const EXAMPLES: &'static str = "  ansatz note                           the notes on the newest run\n  \
                                    ansatz note gpicl-quick plateau       one more; quotes around more than a word";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        if let Some(text) = self.text {
            run::annotate(&folder, Annotation::Note(text))?;
            output::tell(&format!("{} has the note", place.handle(&folder)));
            return Ok(0);
        }
        let notes = run::annotations(&folder).notes;
        if self.json {
            let rows: Vec<_> = notes.iter().map(|(time, text)| json!({ "time": time, "text": text })).collect();
            output::print_json(&json!(rows))?;
        } else {
            output::print(&lines(&notes))?;
        }
        Ok(0)
    }
}

/// Notes for people, each with its date; every line of one is indented as its first.
pub(super) fn lines(notes: &[(f64, String)]) -> String {
    let set = |(time, text): &(f64, String)| {
        let date = date(*time);
        let body: Vec<String> = text.lines().map(clean).collect();
        format!("{date}  {}\n", body.join(&format!("\n{}", " ".repeat(date.len() + 2))))
    };
    notes.iter().map(set).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_have_their_date_and_no_control_characters() {
        let notes = [(0.0, "one\ntwo\u{1b}[2J".to_owned()), (86_400.0, "three".to_owned())];
        assert_eq!(
            lines(&notes),
            "1970-01-01 00:00 UTC  one\n                      two [2J\n1970-01-02 00:00 UTC  three\n"
        );
    }
}
