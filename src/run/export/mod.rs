//! What leaves a run: pictures, tables, plain text, a report, a snapshot folder.
//!
//! Everything here is a pure function of what a run's folder holds, so the same run exports the
//! same bytes. Texts come from files that others may have written: they are cleaned of control
//! characters before they reach a terminal, a picture or a file's name.

mod card;
mod csv;
mod numbers;
mod pictures;
mod report;
mod results;
mod snapshot;
mod svg;
mod text;
mod text_panels;

pub use self::card::cards_text;
pub use self::csv::{metrics_csv, panel_csvs, vectors_csv};
pub(crate) use self::numbers::shown;
pub use self::numbers::{bytes, date, duration};
pub use self::pictures::{Picture, pictured};
pub use self::report::report;
pub use self::results::{Machine, Told, results};
pub use self::snapshot::{Screens, SnapshotError, snapshot};
pub use self::svg::panel_svg;
pub use self::text::{aligned, results_text, verdict_text};
pub use self::text_panels::panel_text;

/// A text on one line without control characters: fit for a terminal and for XML.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c) { ' ' } else { c }).collect()
}

/// A text as a file's name: letters, digits, `-`, `_` and `.`, never empty, hidden or a path.
pub(crate) fn file_name(text: &str) -> String {
    let fit = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = text.chars().take(100).map(fit).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "unnamed".into() } else { name.into() }
}

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_leave_their_folder() {
        for (text, name) in [("../../etc", "-..-etc"), ("", "unnamed"), (".hidden", "hidden"), ("k-inf.s0", "k-inf.s0")]
        {
            assert_eq!(file_name(text), name);
        }
    }

    #[test]
    fn terminal_codes_are_removed() {
        assert_eq!(clean("a\u{1b}[31mb\nc"), "a [31mb c");
    }
}
