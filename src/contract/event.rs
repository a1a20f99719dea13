//! What a trial says while it runs; also the format of a line of `metrics.jsonl`.

use serde::{Deserialize, Serialize};

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Something to look at.
    Warning,
    /// Something broke.
    Error,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// All steps were done.
    Done,
    /// A value was not finite; the note before says which and where.
    Diverged,
    /// It could not go on; the note before says why.
    Failed,
}

/// One thing that happened in a trial. No event carries a clock, so that the same trial writes the
/// same bytes on every machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The trial began.
    Opened {
        /// Steps that it will take.
        steps: u64,
    },
    /// A number.
    Metric {
        /// Training step after which it was measured.
        step: u64,
        /// Name, as on the card.
        name: String,
        /// Value; finite.
        value: f64,
    },
    /// A list of numbers: accuracy by position, a score for each test sequence.
    Vector {
        /// Training step after which it was measured.
        step: u64,
        /// Name.
        name: String,
        /// Values; finite.
        values: Vec<f64>,
    },
    /// A knob was turned, from outside.
    Turned {
        /// Step after which it was.
        step: u64,
        /// Name of the knob.
        knob: String,
        /// Its value from then on; finite.
        value: f64,
    },
    /// A sentence for people.
    Note {
        /// Training step.
        step: u64,
        /// Weight.
        level: Level,
        /// The sentence.
        text: String,
    },
    /// The trial ended.
    Closed {
        /// How.
        closing: Closing,
    },
}

impl Event {
    /// The step after which it was measured, if it is a number or a list of them.
    pub fn measured(&self) -> Option<u64> {
        match self {
            Event::Metric { step, .. } | Event::Vector { step, .. } => Some(*step),
            _ => None,
        }
    }

    /// What it says to people, if anything: step, weight, sentence.
    pub fn note(&self) -> Option<(u64, Level, String)> {
        match self {
            Event::Note { step, level, text } => Some((*step, *level, text.clone())),
            Event::Turned { step, knob, value } => {
                Some((*step, Level::Info, format!("{knob} is {value} from here on")))
            }
            Event::Opened { .. } | Event::Metric { .. } | Event::Vector { .. } | Event::Closed { .. } => None,
        }
    }
}
