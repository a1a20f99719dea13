//! Short regular expressions as programs: one to three parts over six letters, each an atom that may be repeated. A
//! program is what it matches among the 258 strings of one to three letters: `a{1,2}` and `aa?` are one program.

mod language;
mod list;
mod program;
mod strings;

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use language::Language;
pub use list::{List, ListError, read};
pub use program::{ATOMS, PARTS, Part, Program, REPEATS};
pub use strings::{LETTERS, LONGEST, Members, STRINGS, letters, number, text};

use super::{DataError, Entry};
use crate::base::checks::Checks;

/// Most parts of a program.
pub const MOST_PARTS: usize = 3;
/// Different programs of at most one, two and three parts.
pub const DIFFERENT: [usize; MOST_PARTS] = [40, 1298, 17_494];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    parts: usize,
}

/// The row of the table of tasks.
pub(super) const ENTRY: Entry = Entry {
    name: "regexes",
    what: "short regular expressions over a b A B 0 1, one of each behaviour on strings of up to three letters, a line each",
    source: "after Vaduguru et al., Generating pragmatic examples, 2023; all programs of so many parts",
    settings: || json!({ "parts": 2 }),
    write,
};

fn write(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let Settings { parts } = super::read(settings)?;
    let mut checks = Checks::new();
    checks.range("parts", parts, 1..=MOST_PARTS);
    match checks.problems() {
        problems if problems.is_empty() => {}
        problems => return Err(super::Refusals(problems).into()),
    }
    for program in Language::of_parts(parts).programs().iter().take(limit) {
        writeln!(out, "{program}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_prints_a_list_that_is_read_back() {
        let mut out = Vec::new();
        (ENTRY.write)((ENTRY.settings)(), usize::MAX, &mut out).unwrap();
        let list = List::parse(&String::from_utf8(out).unwrap());
        assert_eq!((list.programs.len(), list.skipped), (1298, 0));
        let message = (ENTRY.write)(json!({ "parts": 4 }), 1, &mut Vec::new()).unwrap_err().to_string();
        assert!(message.contains("parts: expected 1 to 3"), "{message}");
    }
}
