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
use crate::base::text::nearest;
use crate::contract::{Found, Problem, Reading, Record};

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

/// The card of a subject. `told` hears how many instruments are done, of how many, and which comes next.
pub fn read(subject: &Subject, told: &mut dyn FnMut(usize, usize, &str)) -> Vec<Reading> {
    let reading = |(i, instrument): (usize, &Instrument)| {
        told(i, ALL.len(), instrument.name);
        Reading {
            instrument: instrument.name.to_owned(),
            question: instrument.question.to_owned(),
            meaning: instrument.meaning.to_owned(),
            paper: instrument.paper.to_owned(),
            found: finite((instrument.read)(subject)),
        }
    };
    ALL.iter().enumerate().map(reading).collect()
}

/// Some instruments along a training: records what they measure as metrics `INSTRUMENT.QUANTITY`, spaces as
/// underscores. What is refused is not recorded.
pub fn watch(subject: &Subject, names: &[String], step: u64, record: &mut dyn Record) {
    for instrument in ALL.iter().filter(|instrument| names.iter().any(|name| name == instrument.name)) {
        if let Found::Measured { quantities, .. } = finite((instrument.read)(subject)) {
            for quantity in quantities {
                let name = format!("{}.{}", instrument.name, quantity.name).replace(", ", ".").replace(' ', "_");
                record.metric(step, &name, quantity.value);
            }
        }
    }
}

/// The first of some names that no instrument has, as a problem of the field `path`.
pub fn unknown(names: &[String], path: &str) -> Option<Problem> {
    let known = || ALL.iter().map(|instrument| instrument.name);
    let name = names.iter().find(|name| known().all(|known| known != name.as_str()))?;
    let near = nearest(name, known()).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Some(Problem::told(path, format!("there is no instrument `{name}`{near}")))
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
