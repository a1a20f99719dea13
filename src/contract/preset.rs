//! Presets: the one file that reproduces a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::base::checks::Problem;
use crate::base::reading::{Unreadable, tracked};

/// A preset that ships inside the binary.
#[derive(Clone, Copy, Debug)]
pub struct ShippedPreset {
    /// Name: `quick`, `full`, `ablated`.
    pub name: &'static str,
    /// RON text of the file.
    pub text: &'static str,
}

/// Name of the preset that every system has with its mechanism taken out.
pub const ABLATED: &str = "ablated";

/// The presets of a system, `presets/SLUG/NAME.ron`: the three that every system has, or those that are named.
macro_rules! presets {
    ($slug:literal) => { $crate::contract::presets!($slug: "quick", "full", "ablated") };
    ($slug:literal: $($name:literal),+) => {
        &[$($crate::contract::ShippedPreset {
            name: $name,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/presets/", $slug, "/", $name, ".ron")),
        }),+]
    };
}
pub(crate) use presets;

/// What the home screen shows of a system, `presets/SLUG/thumbnail.json`; `ansatz snapshot --thumbnail` makes it.
macro_rules! shipped_thumbnail {
    ($slug:literal) => {
        Some(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/presets/", $slug, "/thumbnail.json")))
    };
}
pub(crate) use shipped_thumbnail;

/// What every preset says, whatever its system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// Slug of the system.
    pub system: String,
    /// What this preset is for, in a sentence.
    pub about: String,
    /// Seed of the study: all random streams start here.
    pub seed: u64,
    /// Replicas of every condition.
    pub seeds: u64,
    /// Instruments along every training; runs from before there were any say nothing of them.
    #[serde(default)]
    pub watch: Watch,
}

/// Instruments that are read along every training. What they measure is recorded as metrics
/// `INSTRUMENT.QUANTITY`; where one is not defined nothing is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// Steps of a trial, as its progress counts them, from one reading to the next; the first is before step 1, the
    /// last after the end.
    pub every: u64,
    /// Names of instruments, as the bias card has them.
    pub instruments: Vec<String>,
}

impl Default for Watch {
    fn default() -> Self {
        Watch { every: 100, instruments: Vec::new() }
    }
}

/// A whole preset: the header's fields and the system's settings, as one RON struct.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Preset")]
pub(super) struct Typed<S> {
    pub(super) system: String,
    pub(super) about: String,
    pub(super) seed: u64,
    pub(super) seeds: u64,
    #[serde(default)]
    pub(super) watch: Watch,
    pub(super) settings: S,
}

impl<S> Typed<S> {
    pub(super) fn header(&self) -> Header {
        let Typed { system, about, seed, seeds, watch, settings: _ } = self;
        Header { system: system.clone(), about: about.clone(), seed: *seed, seeds: *seeds, watch: watch.clone() }
    }
}

/// Why a text is no preset of a system.
#[derive(Clone, Debug)]
pub enum PresetError {
    /// It does not parse or does not fit the types. `path` is the field being read, if any.
    Ron {
        /// Position and reason, as RON gives them.
        error: Box<ron::error::SpannedError>,
        /// Path of the field being read.
        path: String,
    },
    /// A `--set` that does not fit the types.
    Value {
        /// Path of the field.
        path: String,
        /// What was expected and found.
        message: String,
    },
    /// Values that cannot be used.
    Problems(Vec<Problem>),
}

/// The RON dialect of presets: `Some(..)` may be left out.
pub(super) fn dialect() -> ron::Options {
    ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
}

/// Reads RON text into a value, keeping position and path for the message. Of an error that is not of the text's outside
/// the code is [`ron::Error::Message`] with what it said: see [`crate::base::reading`].
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, PresetError> {
    let fail = |error: ron::error::SpannedError, path: String| PresetError::Ron { error: Box::new(error), path };
    let mut reader =
        ron::de::Deserializer::from_str_with_options(text, &dialect()).map_err(|e| fail(e, String::new()))?;
    let value = tracked(&mut reader)
        .map_err(|Unreadable { path, message }| fail(reader.span_error(ron::Error::Message(message)), path))?;
    reader.end().map_err(|e| fail(reader.span_error(e), String::new()))?;
    Ok(value)
}

/// Reads a value, keeping the path for the message.
pub(super) fn read_json<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, PresetError> {
    tracked(value).map_err(|Unreadable { path, message }| PresetError::Value { path, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_from_before_there_were_instruments_is_read() {
        let header: Header = serde_json::from_str(r#"{"system": "x", "about": "y", "seed": 1, "seeds": 2}"#).unwrap();
        assert_eq!(header.watch, Watch::default());
    }
}
