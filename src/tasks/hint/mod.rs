//! HINT (Li, Huang, Hong, Zhu, Wu and Zhu 2023, "A minimalist dataset for systematic generalization of perception,
//! syntax, and semantics"): arithmetic on digits, told by results alone, with tests that need longer expressions and
//! larger values than were trained on. As symbols, or as a picture for each.

mod expression;
mod pictures;
mod splits;
mod text;

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use expression::{Expression, LARGEST_SMALL, Operator, SYMBOLS, Tree, enumerate};
pub use pictures::{Pictures, SIDE, Side};
pub use splits::{Limits, Part, Sizes, part};
pub use text::{ReadError, read};

use super::{DataError, Entry};
use crate::base::checks::Checks;
use crate::base::random::Key;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    split: Part,
    limits: Limits,
    sizes: Sizes,
    seed: u64,
}

/// The row of the table of tasks.
pub(super) const ENTRY: Entry = Entry {
    name: "hint",
    what: "HINT: arithmetic expressions with heads and results; training, or a test I, SS, LS, SL, LL, as JSON",
    source: "after Li et al., A minimalist dataset for systematic generalization, 2023; symbols, no images",
    settings: || {
        json!({ "split": Part::Train, "limits": Limits::default(),
                "sizes": Sizes { train: 1000, test: 500 }, "seed": 0 })
    },
    write,
};

fn write(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let Settings { split, limits, sizes, seed } = super::read(settings)?;
    let mut checks = Checks::new();
    checks.under("limits", |checks| limits.check(checks));
    checks.under("sizes", |checks| sizes.check(checks));
    match checks.problems() {
        problems if problems.is_empty() => {}
        problems => return Err(super::Refusals(problems).into()),
    }
    let expressions = part(split, &limits, &sizes, Key::new(seed));
    Ok(text::write(&expressions[..limit.min(expressions.len())], out)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_prints_json_that_is_read_back() {
        let mut out = Vec::new();
        let mut settings = (ENTRY.settings)();
        settings["split"] = "LS".into();
        (ENTRY.write)(settings.clone(), 7, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let found = read(&text).unwrap();
        assert!(found.len() == 7 && found.iter().all(|expression| expression.operators() > 10));
        settings["limits"]["short"] = 30.into();
        let message = (ENTRY.write)(settings, 7, &mut Vec::new()).unwrap_err().to_string();
        assert!(message.contains("limits.long"), "{message}");
    }
}
