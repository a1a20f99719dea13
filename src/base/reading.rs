//! Reading settings of any format, with the path of the field for the message.

use serde::Deserializer;
use serde::de::DeserializeOwned;

/// Why something cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Path of the field that was being read; may be empty.
    pub path: String,
    /// What the format says of it.
    pub message: String,
}

/// Reads behind an interface that is the same for all formats: a type has one reader, where one for each format, with
/// and without paths, was a third of all code that the compiler saw. The price is that errors come as texts.
///
/// # Errors
/// [`Unreadable`] with the first thing that is wrong.
pub fn tracked<'de, T: DeserializeOwned>(from: impl Deserializer<'de>) -> Result<T, Unreadable> {
    let mut track = serde_path_to_error::Track::new();
    let read = {
        let from = serde_path_to_error::Deserializer::new(from, &mut track);
        erased_serde::deserialize(&mut <dyn erased_serde::Deserializer<'_>>::erase(from))
    };
    read.map_err(|error| Unreadable { message: error.to_string(), path: track.path().to_string() })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Model {
        width: Option<u8>,
        parts: Vec<Part>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Part {
        Linear,
        Heads { count: u8 },
    }

    #[test]
    fn values_come_through_and_errors_name_their_field() {
        let parts = vec![Part::Linear, Part::Heads { count: 2 }];
        let good = json!({ "width": null, "parts": ["Linear", { "Heads": { "count": 2 } }] });
        assert_eq!(tracked::<Model>(good), Ok(Model { width: None, parts }));
        let told = |value| tracked::<Model>(value).unwrap_err();
        let Unreadable { path, message } = told(json!({ "parts": ["Linear", { "Heads": { "count": 300 } }] }));
        assert_eq!((path.as_str(), message.contains("300")), ("parts[1].Heads.count", true));
        let Unreadable { path, message } = told(json!({ "parts": [], "widht": 1 }));
        assert_eq!((path.as_str(), message.starts_with("unknown field `widht`, expected")), ("widht", true));
    }
}
