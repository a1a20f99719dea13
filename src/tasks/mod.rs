//! Tasks: generators and readers of data, one file a task. A task knows no model.

pub mod algorithms;
pub mod base_set;
pub mod bits;
pub mod cifar;
pub mod class_sequence;
pub mod digits;
pub mod dominoes;
pub mod gpicl;
pub mod graphs;
pub mod hint;
pub mod idx;
pub mod images;
pub mod linear_stream;
pub mod modular;
pub mod modular_domains;
pub mod opposing;
pub mod pcfg_set;
pub mod pixel_strings;
pub mod recall;
pub mod references;
pub mod regexes;
pub mod rotation;
pub mod scan;
pub mod scattered_digits;
pub mod slabs;
pub mod supply;
pub mod tables;
pub mod torus;

use std::io::Write;

use serde::de::DeserializeOwned;

use crate::base::checks::Problem;
use crate::base::random::Stream;
use crate::base::reading::{Unreadable, tracked};

/// Something to learn: fills batches and says what is known of it.
pub trait Task {
    /// Buffers for the data of one call.
    type Batch;

    /// What is known of the task before anybody learns it.
    fn known(&self) -> Known;

    /// Fills all of `batch` from `stream` alone. Allocates nothing.
    fn fill(&self, stream: &mut Stream, batch: &mut Self::Batch);
}

/// A distribution over tasks, for meta-learning.
pub trait Family {
    /// What it draws.
    type Task: Task;

    /// Draws a task from `stream` alone.
    fn draw(&self, stream: &mut Stream) -> Self::Task;
}

/// What is known of a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Features that predict the answer, by name; empty where they are not separate things.
    pub features: Vec<Feature>,
    /// Accuracy of guessing uniformly among the possible answers.
    pub chance_accuracy: Option<f64>,
    /// The least achievable mean loss, in nats or in the task's own units.
    pub best_loss: Option<f64>,
}

/// A feature that predicts the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Name.
    pub name: String,
    /// How complex it is, in the task's own measure; larger is harder.
    pub complexity: f64,
}

/// Everything that cannot be used, in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Refusals(pub Vec<Problem>);

/// Why a task's data could not be given.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A setting is unknown or of the wrong type.
    #[error("{path}: {message}")]
    Settings {
        /// Path of the field.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// A setting cannot be used.
    #[error(transparent)]
    Refused(#[from] Refusals),
    /// It cannot be written.
    #[error("the data cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

/// A row of the table of tasks.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Name on the command line.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub what: &'static str,
    /// Who made it, and under which licence or in which paper.
    pub source: &'static str,
    /// What can be set, with its defaults.
    pub settings: fn() -> serde_json::Value,
    /// Writes at most so many rows as CSV in the field's own format.
    pub write: fn(settings: serde_json::Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({})", self.name)
    }
}

/// Reads the settings of a task for [`Entry::write`].
///
/// # Errors
/// [`DataError::Settings`] with the field that is unknown or of the wrong type.
fn read<T: DeserializeOwned>(settings: serde_json::Value) -> Result<T, DataError> {
    tracked(settings).map_err(|Unreadable { path, message }| DataError::Settings { path, message })
}

/// The settings of a data set: there are none.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Every task and data set that ships with the program.
pub static ALL: &[Entry] = &[
    digits::ENTRY,
    tables::WINE,
    tables::IRIS,
    tables::BREAST_CANCER,
    gpicl::ENTRY,
    slabs::ENTRY,
    bits::ENTRY,
    scattered_digits::ENTRY,
    torus::ENTRY,
    modular::ENTRY,
    recall::ENTRY,
    scan::ENTRY,
    pcfg_set::ENTRY,
    hint::ENTRY,
    regexes::ENTRY,
    modular_domains::ENTRY,
    graphs::SORTING,
    graphs::SHORTEST_PATH,
    graphs::MASS_SPRING,
    algorithms::BFS,
    algorithms::BELLMAN_FORD,
    algorithms::DFS,
    algorithms::SEQUENTIAL_BFS,
];

/// The row of a task by its name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_task_writes_its_rows_with_its_default_settings() {
        for entry in ALL {
            let mut out = Vec::new();
            (entry.write)((entry.settings)(), 40, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let headers = match entry.name {
                "digits" | "recall" | "scan" | "pcfg-set" | "regexes" => 0,
                // The brackets of a list.
                "hint" => 2,
                _ => 1,
            };
            assert_eq!(text.lines().count(), 40 + headers, "{}", entry.name);
            assert!(!entry.what.is_empty() && !entry.source.is_empty());
            assert_eq!(find(entry.name).map(|e| e.name), Some(entry.name));
        }
    }

    #[test]
    fn settings_are_checked() {
        let message = |name: &str, settings| {
            let write = find(name).unwrap().write;
            write(settings, 1, &mut Vec::new()).unwrap_err().to_string()
        };
        assert!(message("iris", json!({ "seed": 1 })).contains("unknown field `seed`"));
        let mut settings = (gpicl::ENTRY.settings)();
        settings["config"]["tasks"] = json!("many");
        assert!(message("gpicl", settings.clone()).starts_with("config.tasks: expected a number of tasks"));
        settings["config"]["tasks"] = json!(4);
        settings["config"]["classes"] = json!(1);
        assert!(message("gpicl", settings).starts_with("classes: expected 2 to 10"));
    }
}
