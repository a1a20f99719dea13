//! `--where QUERY`: the query language of the viewer for lists on standard output.

use super::failure::Failure;
use super::job::Place;
use super::output;
use crate::contract::Entry;
use crate::run;
use crate::view::query::{Presets, Query, QueryError, sift};
use crate::view::{Bench, RunRow};

/// The systems and runs of a place, and those that a query lets through.
pub(super) struct Asked {
    /// Every run, newest first.
    pub(super) all: Vec<RunRow>,
    /// The systems that pass, in the order of their table.
    pub(super) systems: Vec<&'static Entry>,
    /// The runs that pass, newest first.
    pub(super) runs: Vec<RunRow>,
    /// Seconds since 1970.
    pub(super) now: f64,
}

/// Asks; without a query everything passes. What holds no run that can be read is told on the way.
pub(super) fn ask(place: &Place, query: Option<&str>) -> Result<Asked, Failure> {
    let text = query.unwrap_or_default();
    let query = Query::read(text).map_err(|error| Failure::usage(pointed(text, &error)))?;
    let listing = run::list(&place.runs);
    for (path, reason) in &listing.skipped {
        output::tell(&format!("warning: {}: {reason}", path.display()));
    }
    let all: Vec<RunRow> = listing.runs.into_iter().map(RunRow::of).collect();
    let bench = place.folders();
    let sifted = sift(&query, place.table, &all, &bench, &Presets::default());
    let runs = sifted.runs.iter().map(|at| all[*at].clone()).collect();
    Ok(Asked { all, systems: sifted.systems, runs, now: bench.now() })
}

/// The sentence, and below it the query with a mark where it is wrong.
fn pointed(text: &str, error: &QueryError) -> String {
    let blank = |c: char| if c == '\t' { c } else { ' ' };
    let before: String = text.chars().take(error.at).map(blank).collect();
    format!("--where: {}\n  {text}\n  {before}^", error.message)
}
