//! SCAN (Lake and Baroni 2018, "Generalization without systematicity"): navigation commands in simplified English and
//! the actions that carry them out. All 20,910 commands, the published splits, the authors' text format, and longer
//! chains of commands.

mod chains;
mod grammar;
mod split;
mod text;

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use chains::{Chains, chained};
pub use grammar::{ACTIONS, VERBS, Verb, WORDS, commands, phrases, phrases_of};
pub use split::{Split, contains, split};
pub use text::{LineError, read, write};

use super::{DataError, Entry};

/// A command and what is to be done on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Example {
    /// Words.
    pub command: Vec<String>,
    /// Actions, in order.
    pub actions: Vec<String>,
}

impl Example {
    /// The command as a line of text.
    pub fn command_text(&self) -> String {
        self.command.join(" ")
    }

    /// Whether a word is in the command.
    pub fn has(&self, word: &str) -> bool {
        self.command.iter().any(|w| w == word)
    }
}

/// A line of the authors' files: `IN: jump left OUT: I_TURN_LEFT I_JUMP`.
impl std::fmt::Display for Example {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IN: {} OUT: {}", self.command.join(" "), self.actions.join(" "))
    }
}

/// Which side of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Train,
    Test,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// None: all commands.
    split: Option<Split>,
    part: Part,
    seed: u64,
}

/// The row of the table of tasks.
pub(super) const ENTRY: Entry = Entry {
    name: "scan",
    what: "SCAN: navigation commands and their actions, all 20,910 or a part (train, test) of a published split",
    source: "Lake and Baroni, Generalization without systematicity, 2018; made by its grammar",
    settings: || json!({ "split": null, "part": "train", "seed": 0 }),
    write: write_settings,
};

fn write_settings(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let settings: Settings = super::read(settings)?;
    let examples = match settings.split {
        None => commands(),
        Some(name) => {
            let (train, test) = split(name, settings.seed);
            if settings.part == Part::Train { train } else { test }
        }
    };
    Ok(write(&examples[..limit.min(examples.len())], out)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_prints_every_split_in_the_authors_format() {
        for name in Split::ALL {
            for part in ["train", "test"] {
                let mut out = Vec::new();
                let settings = json!({ "split": name, "part": part, "seed": 0 });
                (ENTRY.write)(settings, 5, &mut out).unwrap();
                assert_eq!(read(&String::from_utf8(out).unwrap()).unwrap().len(), 5);
            }
        }
        let wrong = (ENTRY.write)(json!({ "split": "lenght", "part": "train", "seed": 0 }), 5, &mut Vec::new());
        let message = wrong.unwrap_err().to_string();
        assert!(message.contains("split") && message.contains("length"), "{message}");
    }
}
