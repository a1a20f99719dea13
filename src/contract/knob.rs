//! Knobs: settings that may be changed while a trial runs.

use serde::{Deserialize, Serialize};

/// A setting that a system marks as live.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Knob {
    /// Name, as in the preset: `learning_rate`.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// The least and the most that it takes.
    pub range: (f64, f64),
}

impl Knob {
    /// Whether it can be turned to `value`.
    pub fn takes(&self, value: f64) -> bool {
        value >= self.range.0 && value <= self.range.1
    }
}

/// A knob that is turned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Name of the knob.
    pub knob: String,
    /// What it is turned to.
    pub value: f64,
    /// The trial; none means all that run.
    pub trial: Option<String>,
}
