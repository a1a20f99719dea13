//! The bias card: every instrument that makes sense on a trained model, one file a row of [`ALL`].

mod bits;
mod confidence;
mod difficulty;
mod fit;
mod geometry;
mod gradients;
mod groups;
mod optimisers;
mod regime;
mod reliance;
mod representation;
mod sharpness;
#[cfg(test)]
mod tests;

use super::subject::Subject;
use crate::contract::{Found, Reading};

/// A row of the table of instruments.
#[derive(Clone, Copy)]
pub struct Instrument {
    /// Name: `sharpness`.
    pub name: &'static str,
    /// The question that it answers.
    pub question: &'static str,
    /// What a low and what a high value mean.
    pub meaning: &'static str,
    /// Where it comes from.
    pub paper: &'static str,
    /// Measures, or says why it cannot.
    pub read: fn(&Subject) -> Found,
}

impl std::fmt::Debug for Instrument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Instrument({})", self.name)
    }
}

/// Every instrument, in the order of the card.
pub const ALL: &[Instrument] = &[
    fit::FIT,
    regime::REGIME,
    bits::BITS,
    confidence::CONFIDENCE,
    confidence::ROBUSTNESS,
    reliance::RELIANCE,
    representation::REPRESENTATION,
    geometry::GEOMETRY,
    sharpness::SHARPNESS,
    groups::GROUPS,
    gradients::GRADIENTS,
    difficulty::DIFFICULTY,
    optimisers::OPTIMISERS,
];

/// The names of all instruments.
pub const NAMES: [&str; ALL.len()] = {
    let mut names = [""; ALL.len()];
    let mut i = 0;
    while i < ALL.len() {
        names[i] = ALL[i].name;
        i += 1;
    }
    names
};

/// What the named instruments say about a subject. `told` hears how many are done, of how many, and which comes
/// next.
pub fn read(subject: &Subject, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Vec<Reading> {
    let wanted: Vec<&Instrument> = ALL.iter().filter(|instrument| names.contains(&instrument.name)).collect();
    let reading = |(i, instrument): (usize, &&Instrument)| {
        told(i, wanted.len(), instrument.name);
        Reading {
            instrument: instrument.name.to_owned(),
            question: instrument.question.to_owned(),
            meaning: instrument.meaning.to_owned(),
            paper: instrument.paper.to_owned(),
            found: finite((instrument.read)(subject)),
        }
    };
    wanted.iter().enumerate().map(reading).collect()
}

/// A number that is not finite is no finding.
fn finite(found: Found) -> Found {
    match found {
        Found::Measured { quantities, .. } if quantities.iter().any(|q| !q.value.is_finite()) => {
            let bad = quantities.iter().find(|q| !q.value.is_finite()).map_or("", |q| &q.name);
            Found::refused(format!("{bad} came out as no finite number"))
        }
        other => other,
    }
}
