//! Tasks: generators and readers of data, one file a task. A task knows no model.

pub mod base_set;
pub mod bits;
pub mod cifar;
pub mod class_sequence;
pub mod digits;
pub mod dominoes;
pub mod gpicl;
pub mod idx;
pub mod opposing;
pub mod references;
pub mod rotation;
mod sample;
pub mod scattered_digits;
pub mod slabs;
pub mod supply;
pub mod tables;
pub mod torus;

use std::io::Write;

use crate::base::random::Stream;

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
    Refused(#[from] gpicl::Refusal),
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

/// Every task and data set that ships with the program.
pub const ALL: &[Entry] = &[
    Entry {
        name: "digits",
        what: "1,797 handwritten digits of 8x8 pixels: 64 values 0 to 16, then the class",
        source: "Optical Recognition of Handwritten Digits (test part), E. Alpaydin and C. Kaynak, UCI, 1998, CC BY 4.0",
        settings: sample::nothing,
        write: sample::digits,
    },
    Entry {
        name: "wine",
        what: "178 wines of three cultivars: 13 chemical measurements, then the class",
        source: "Wine, S. Aeberhard and M. Forina, UCI, 1992, CC BY 4.0",
        settings: sample::nothing,
        write: sample::wine,
    },
    Entry {
        name: "iris",
        what: "150 flowers of three species: 4 lengths in cm, then the class",
        source: "Iris, R. A. Fisher, 1936, UCI, CC BY 4.0",
        settings: sample::nothing,
        write: sample::iris,
    },
    Entry {
        name: "breast-cancer",
        what: "569 cases, malignant or benign: 30 measurements of cell nuclei, then the class",
        source: "Breast Cancer Wisconsin (Diagnostic), W. Wolberg et al., UCI, 1993, CC BY 4.0",
        settings: sample::nothing,
        write: sample::breast_cancer,
    },
    Entry {
        name: "gpicl",
        what: "sequences of randomly projected and relabelled digits: sequence, position, row, label, then x'",
        source: "Kirsch et al., General-Purpose In-Context Learning by Meta-Learning Transformers, 2022",
        settings: sample::gpicl_settings,
        write: sample::gpicl,
    },
    slabs::ENTRY,
    bits::ENTRY,
    Entry {
        name: "scattered-digits",
        what: "digits at random places of a canvas, among fragments of others and noise: pixels, then the class",
        source: "after Bachmann, Anagnostidis, Hofmann, Scaling MLPs, 2023; digits as in `digits`",
        settings: scattered_digits::settings,
        write: scattered_digits::write,
    },
    Entry {
        name: "torus",
        what: "points of a torus and a product of cosines of their angles: the angles, then its value",
        source: "after Boopathy et al., Towards Exact Computation of Inductive Bias, 2024",
        settings: torus::settings,
        write: torus::write,
    },
];

/// The row of a task by its name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}
