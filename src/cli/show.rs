//! `ansatz show`: a run's verdict, results and panels, as text or as JSON.

use super::failure::Failure;
use super::job::{Job, Place};
use super::note;
use super::output;
use crate::contract::{Annotations, Card, Level, StudyState};
use crate::run::export::{duration, panel_text, results_text, verdict_text};
use crate::run::{self, Reader};

/// Shows a run.
#[derive(clap::Args)]
pub(super) struct Show {
    /// The run; the newest without it
    run: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Job for Show {
    const NAME: &'static str = "show";
    const ABOUT: &'static str = "Print a run: verdict, results, panels as text";
    const EXAMPLES: &'static str = "  ansatz show               the newest run\n  ansatz show gpicl-quick   a run by the beginning of its name\n  \
         ansatz show --json | jq .verdict.outcome";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let reader = Reader::open(&run::find(&place.runs, self.run.as_deref())?)?;
        print(reader.state(), place, self.json)?;
        Ok(0)
    }
}

/// Prints a run.
pub(super) fn print(state: &StudyState, place: &Place, json: bool) -> Result<(), Failure> {
    if json {
        return output::print_json(&run::document(state));
    }
    let card = place.table.iter().map(|entry| entry.card).find(|card| card.slug == state.header.system);
    output::print(&text(state, card, output::width()))
}

/// A run as text, the verdict first.
fn text(state: &StudyState, card: Option<&Card>, width: usize) -> String {
    let (header, progress) = (&state.header, state.progress());
    let mut text = format!("{}: {}/{}, {}", state.run, header.system, state.preset, state.status.name());
    text += &format!(", {}/{} steps", progress.step, progress.steps);
    text += &state.eta.map_or(String::new(), |eta| format!(", about {} left", duration(eta)));
    text += "\n";
    if let Some(card) = card {
        text += &format!("Claim: {}\n", card.sentence);
    }
    text += &said(&state.annotations);
    text.push('\n');
    text += &state.verdict.as_ref().map_or_else(|| "Not judged yet.\n".into(), verdict_text);
    text += &format!("\nTrials\n{}", results_text(state, card));
    for panel in &state.panels {
        text += &format!("\n{}", panel_text(panel, width));
    }
    text + &notes(state)
}

/// What people said of it.
fn said(Annotations { tags, notes }: &Annotations) -> String {
    let tags = if tags.is_empty() { String::new() } else { format!("Tags: {}\n", tags.join(", ")) };
    tags + &note::lines(notes)
}

/// What went wrong or deserves a look.
fn notes(state: &StudyState) -> String {
    let mut text = String::new();
    for trial in &state.trials {
        for (step, level, words) in &trial.notes {
            text += &format!("{}, step {step}: {}{words}\n", trial.result.spec.name, word(*level));
        }
    }
    for (_, level, words) in state.journal.iter().filter(|(_, level, _)| *level != Level::Info) {
        text += &format!("{}{words}\n", word(*level));
    }
    // A note may hold anything: what would steer the terminal is left out.
    let text: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    if text.is_empty() { text } else { format!("\nNotes\n{text}") }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Info => "",
        Level::Warning => "warning: ",
        Level::Error => "error: ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::export::samples;

    #[test]
    fn a_run_is_told_from_its_verdict_to_its_notes() {
        let mut state = samples::study();
        state.journal.push((2.0, Level::Warning, "slow\u{1b}[2J disk".into()));
        state.annotations =
            Annotations { tags: vec!["paper-fig-2".into()], notes: vec![(0.0, "look\u{1b}[2J".into())] };
        let text = text(&state, Some(&samples::CARD), 80);
        assert!(text.contains("\nTags: paper-fig-2\n1970-01-01 00:00 UTC  look [2J\n\nVerdict"), "{text}");
        let places =
            ["sample/quick, done", "Claim: ", "Verdict: partly", "Trials", "Regime map", "Notes", "plateau left"];
        let found: Vec<usize> = places.iter().map(|part| text.find(part).unwrap()).collect();
        assert!(found.is_sorted(), "{found:?}\n{text}");
        assert!(text.contains("warning: slow[2J disk") && !text.contains('\u{1b}'));
    }
}
