//! The settings of a preset as a list of fields, each checked by the preset's own reader.

use serde_json::Value;

use super::Bench;
use crate::contract::{Cost, Study};

/// A line of text being typed. Editing itself is the terminal's; here only what is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The text.
    pub text: String,
    /// Characters before the cursor.
    pub cursor: usize,
}

impl Field {
    /// A field with the cursor behind its text.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let cursor = text.chars().count();
        Field { text, cursor }
    }
}

/// One setting that holds a single value.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Path from the top of the preset: `settings.model.heads`.
    pub path: String,
    /// Its value as it would be typed.
    pub value: String,
    /// Whether it was changed here.
    pub changed: bool,
}

/// A preset being edited.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name: `gpicl/quick`.
    pub preset: String,
    /// Changes so far, as `--set` takes them.
    pub set: Vec<String>,
    /// Every setting.
    pub leaves: Vec<Leaf>,
    /// What a run with these settings takes.
    pub cost: Cost,
    /// The selected setting.
    pub selected: usize,
    /// The value being typed.
    pub typing: Option<Field>,
    /// What is wrong with the typed value.
    pub error: Option<String>,
}

impl Settings {
    /// The settings of a preset as shipped.
    ///
    /// # Errors
    /// When the preset cannot be read.
    pub fn open(bench: &dyn Bench, preset: String) -> Result<Self, String> {
        let study = bench.load(&preset, &[])?;
        let mut settings = Settings {
            preset,
            set: Vec::new(),
            leaves: Vec::new(),
            cost: Cost::default(),
            selected: 0,
            typing: None,
            error: None,
        };
        settings.take(study.as_ref());
        Ok(settings)
    }

    fn take(&mut self, study: &dyn Study) {
        self.cost = study.cost();
        self.leaves.clear();
        leaves(&study.to_json(), String::new(), &mut self.leaves);
        self.leaves.retain(|leaf| leaf.path != "system" && leaf.path != "about");
        for leaf in &mut self.leaves {
            leaf.changed = self.set.iter().any(|set| set.split_once('=').is_some_and(|(path, _)| path == leaf.path));
        }
        self.selected = self.selected.min(self.leaves.len().saturating_sub(1));
    }

    /// Begins to type a value for the selected setting.
    pub fn type_value(&mut self) {
        self.error = None;
        self.typing = self.leaves.get(self.selected).map(|leaf| Field::new(leaf.value.clone()));
    }

    /// Checks what was typed; keeps it if it can be used, else says what is wrong.
    pub fn accept(&mut self, bench: &dyn Bench) {
        let (Some(typed), Some(leaf)) = (&self.typing, self.leaves.get(self.selected)) else {
            return;
        };
        let mut set = self.set.clone();
        set.retain(|old| old.split_once('=').is_none_or(|(path, _)| path != leaf.path));
        set.push(format!("{}={}", leaf.path, typed.text.trim()));
        match bench.load(&self.preset, &set) {
            Ok(study) => {
                self.set = set;
                self.typing = None;
                self.error = None;
                self.take(study.as_ref());
            }
            Err(error) => self.error = Some(error),
        }
    }
}

/// Collects every value that is no struct. A short list is one value.
fn leaves(value: &Value, path: String, into: &mut Vec<Leaf>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(field, path, into);
            }
        }
        Value::String(text) => into.push(Leaf { path, value: text.clone(), changed: false }),
        other => into.push(Leaf { path, value: typed(other), changed: false }),
    }
}

/// A value as it would be typed. A number that was single precision is typed with its own digits,
/// not with those of its double.
pub(super) fn typed(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if value.is_f64() && f64::from(number as f32) == number => {
            Value::from((number as f32).to_string().parse::<f64>().unwrap_or(number)).to_string()
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn numbers_are_shown_as_they_were_typed() {
        let shown = [0.9_f32.into(), 1e-8_f32.into(), 0.1_f64.into(), 3.into(), Value::Bool(true)];
        assert_eq!(shown.map(|value: Value| typed(&value)), ["0.9", "1e-8", "0.1", "3", "true"]);
    }

    #[test]
    fn a_value_is_kept_when_it_can_be_used_and_explained_when_not() {
        let bench = made_up::bench();
        let mut settings = Settings::open(&bench, "gpicl/quick".into()).unwrap();
        let width = settings.leaves.iter().position(|leaf| leaf.path == "settings.width").unwrap();
        settings.selected = width;
        settings.type_value();
        assert_eq!(settings.typing, Some(Field::new("64")));
        settings.typing = Some(Field::new("65"));
        settings.accept(&bench);
        assert!(settings.error.as_ref().unwrap().contains("settings.width"), "{:?}", settings.error);
        assert!(settings.set.is_empty() && settings.typing.is_some());
        settings.typing = Some(Field::new("32"));
        settings.accept(&bench);
        assert_eq!(settings.set, ["settings.width=32"]);
        assert!(settings.leaves[width].changed && settings.leaves[width].value == "32" && settings.error.is_none());
    }
}
