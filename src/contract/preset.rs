//! Presets: the one file that reproduces a run.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

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
    /// It is no RON.
    Ron(Box<ron::error::SpannedError>),
    /// It does not fit the types.
    Value {
        /// Path of the field.
        path: String,
        /// What was expected and found, in the words of serde.
        message: String,
    },
    /// Values that cannot be used.
    Problems(Vec<Problem>),
}

/// The RON dialect of presets: `Some(..)` may be left out.
pub(super) fn dialect() -> ron::Options {
    ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
}

/// Reads RON text as JSON, as serde would have written what it says: a variant with fields is an object of its name. So
/// settings need one reader for files and for changes of the command line; one for each was a third of what is compiled.
///
/// # Errors
/// Where and why it is no RON.
pub fn tree(text: &str) -> Result<Value, Box<ron::error::SpannedError>> {
    let Anything::Tree(Tree(value)) = dialect().from_str(text)?;
    Ok(value)
}

/// What RON hands to untagged types keeps the names of variants, which its own values forget.
#[derive(Deserialize)]
#[serde(untagged)]
enum Anything {
    Tree(Tree),
}

/// A value as JSON. Brackets without anything are an object, so that fields that may all be left out may be; infinity,
/// which JSON has not, is a word.
struct Tree(Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue).map(Tree)
    }
}

struct AnyValue;

macro_rules! plain {
    ($($visit:ident: $type:ty),*) => {
        $(fn $visit<E: serde::de::Error>(self, value: $type) -> Result<Value, E> { Ok(value.into()) })*
    };
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    plain!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_str: &str, visit_string: String);

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(if value.is_finite() { value.into() } else { value.to_string().into() })
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value::Object(Map::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Tree(item)) = items.next_element()? {
            found.push(item);
        }
        Ok(found.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut found = Map::new();
        while let Some((Tree(key), Tree(value))) = fields.next_entry()? {
            // Whether a key of another kind fits is for the type to say, which knows its field.
            let name = if let Value::String(name) = key { name } else { key.to_string() };
            found.insert(name, value);
        }
        Ok(found.into())
    }
}

/// Reads RON text into a value.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, PresetError> {
    read_json(tree(text).map_err(PresetError::Ron)?)
}

/// Reads a value, keeping the path for the message.
pub(super) fn read_json<T: DeserializeOwned>(value: Value) -> Result<T, PresetError> {
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
