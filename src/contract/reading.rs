//! Readings: what the instruments of the bias card say about a trained trial.

use serde::{Deserialize, Serialize};

use super::Panel;

/// One number of a reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// Name, unique in its reading: `test accuracy`.
    pub name: String,
    /// Value; finite.
    pub value: f64,
    /// Its error bar (95 %), where it has one.
    pub interval: Option<(f64, f64)>,
    /// Unit; empty for a pure number.
    pub unit: String,
}

/// What an instrument found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Found {
    /// Numbers, the most telling first.
    Measured {
        /// The numbers.
        quantities: Vec<Quantity>,
        /// What must be known with them, for example how far a number is extrapolated; may be empty.
        note: String,
        /// A picture of more than numbers can tell.
        panel: Option<Box<Panel>>,
    },
    /// It is not defined here.
    Refused {
        /// Why, as a sentence without its full stop.
        why: String,
    },
}

/// What one instrument says about one trained trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Name of the instrument: `sharpness`.
    pub instrument: String,
    /// The question that it answers.
    pub question: String,
    /// What a low and what a high value mean.
    pub meaning: String,
    /// Where it comes from.
    pub paper: String,
    /// What it found.
    pub found: Found,
}

impl Quantity {
    /// A number without an error bar.
    pub fn new(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Quantity { name: name.into(), value, interval: None, unit: unit.to_owned() }
    }

    /// The same with its error bar.
    #[must_use]
    pub fn within(mut self, low: f64, high: f64) -> Self {
        self.interval = Some((low, high));
        self
    }
}

impl Found {
    /// Numbers alone.
    pub fn numbers(quantities: Vec<Quantity>) -> Self {
        Found::Measured { quantities, note: String::new(), panel: None }
    }

    /// A refusal.
    pub fn refused(why: impl Into<String>) -> Self {
        Found::Refused { why: why.into() }
    }
}

impl Reading {
    /// A number by its name.
    pub fn quantity(&self, name: &str) -> Option<&Quantity> {
        match &self.found {
            Found::Measured { quantities, .. } => quantities.iter().find(|quantity| quantity.name == name),
            Found::Refused { .. } => None,
        }
    }
}
