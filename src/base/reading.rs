//! Reading settings of any format, with the path of the field for the message.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Why something cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Path of the field that was being read; may be empty.
    pub path: String,
    /// What the format says of it.
    pub message: String,
}

/// Reads settings in their JSON form. All formats are read through this one: each reader of a type is compiled anew.
///
/// # Errors
/// [`Unreadable`] with the first thing that is wrong.
pub fn tracked<T: DeserializeOwned>(value: Value) -> Result<T, Unreadable> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| Unreadable { path: error.path().to_string(), message: error.into_inner().to_string() })
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
