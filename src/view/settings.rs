//! The settings of a preset as a list of fields that explain themselves, each checked by the preset's own reader.

use serde_json::Value;

use super::{Action, Bench};
use crate::contract::{Choice, Cost, Parts, Setting, Study};

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

/// One setting as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingRow {
    /// Its value, and what there is to know about it.
    pub setting: Setting,
    /// What it was shipped as, as it would be typed, where that is something else.
    pub shipped: Option<String>,
    /// Whether it is not as it was shipped.
    pub changed: bool,
    /// Whether a knob turns it while a run runs.
    pub live: bool,
}

/// A preset being edited.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name: `gpicl/quick`.
    pub preset: String,
    /// Changes so far, as `--set` takes them.
    pub set: Vec<String>,
    /// Every setting, a setting before its parts.
    pub rows: Vec<SettingRow>,
    /// What a run with these settings takes.
    pub cost: Cost,
    /// The selected setting.
    pub selected: usize,
    /// The value being typed.
    pub typing: Option<Field>,
    /// What is wrong with the value that was typed or chosen.
    pub error: Option<String>,
    /// As it was shipped.
    shipped: Vec<Setting>,
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
            rows: Vec::new(),
            cost: Cost::default(),
            selected: 0,
            typing: None,
            error: None,
            shipped: study.settings(),
        };
        settings.take(study.as_ref());
        Ok(settings)
    }

    fn take(&mut self, study: &dyn Study) {
        let path = self.row().map(|row| row.setting.path.clone());
        self.cost = study.cost();
        let shown = study.settings().into_iter().filter(|s| s.path != "system" && s.path != "about");
        let row = |setting: Setting| {
            let shipped = self.shipped.iter().find(|shipped| shipped.path == setting.path);
            let changed = shipped.is_none_or(|shipped| shipped.value != setting.value);
            let live = setting.parts == Parts::None && study.knobs().iter().any(|knob| knob.name == setting.name());
            SettingRow { shipped: shipped.filter(|_| changed).map(Setting::typed), changed, live, setting }
        };
        self.rows = shown.map(row).collect();
        // A variant with other content has other rows.
        let again = self.rows.iter().position(|row| Some(&row.setting.path) == path.as_ref());
        self.selected = again.unwrap_or(self.selected).min(self.rows.len().saturating_sub(1));
    }

    /// The selected setting.
    pub fn row(&self) -> Option<&SettingRow> {
        self.rows.get(self.selected)
    }

    /// The structs that a setting is in, the innermost first.
    pub fn around<'a>(&'a self, row: &'a SettingRow) -> impl Iterator<Item = &'a Setting> {
        let settings = self.rows.iter().rev().map(|row| &row.setting);
        settings.filter(|setting| setting.parts == Parts::Only && row.setting.is_in(&setting.path))
    }

    /// Moves the selection.
    pub fn step(&mut self, by: isize) {
        let last = self.rows.len().max(1) as isize - 1;
        self.selected = (self.selected as isize).saturating_add(by).clamp(0, last) as usize;
        self.error = None;
    }

    /// Why an action does nothing for the selected setting.
    ///
    /// # Errors
    /// The reason.
    pub fn enabled(&self, action: Action) -> Result<(), String> {
        let Some(SettingRow { setting, changed, .. }) = self.row() else { return Ok(()) };
        let sentence = match action {
            Action::Open if setting.parts == Parts::Only => "It has no value of its own; its parts stand below it.",
            Action::Left | Action::Right if setting.choices.is_empty() => {
                "There are no names to choose from here; Enter types a value."
            }
            Action::PutBack if !changed => "It is as it was shipped.",
            _ => return Ok(()),
        };
        Err(sentence.into())
    }

    /// Begins to type a value for the selected setting.
    pub fn type_value(&mut self) {
        self.error = None;
        self.typing = self.row().map(|row| Field::new(row.setting.typed()));
    }

    /// Checks what was typed; keeps it if it can be used, else says what is wrong.
    pub fn accept(&mut self, bench: &dyn Bench) {
        let (Some(typed), Some(row)) = (&self.typing, self.row()) else { return };
        let (path, text) = (row.setting.path.clone(), typed.text.trim().to_owned());
        self.error = self.change(bench, &path, Some(text)).err();
        if self.error.is_none() {
            self.typing = None;
        }
    }

    /// The next of the names that the selected setting takes and that can be used, or the one before; names that
    /// cannot be used are passed by, and the first of them says why.
    pub fn choose(&mut self, bench: &dyn Bench, forward: bool) {
        let Some(SettingRow { setting, .. }) = self.row().cloned() else { return };
        self.error = None;
        let count = setting.choices.len();
        let at = setting.choices.iter().position(|choice| Some(choice) == setting.chosen());
        let place = |step: usize| match (at, forward) {
            (Some(at), true) => (at + step) % count,
            (Some(at), false) => (at + count - step) % count,
            (None, true) => step - 1,
            (None, false) => count - step,
        };
        for step in 1..=count - usize::from(at.is_some()) {
            let choice = &setting.choices[place(step)];
            for text in self.contents(&setting, choice) {
                match self.change(bench, &setting.path, Some(text)) {
                    Ok(()) => return,
                    Err(error) => _ = self.error.get_or_insert(error),
                }
            }
        }
    }

    /// Values that have a name: as the preset was shipped, as another entry of the same list has it, all defaults.
    fn contents(&self, setting: &Setting, choice: &Choice) -> Vec<String> {
        let name = &choice.name;
        if !choice.has_content {
            return vec![name.clone()];
        }
        let named = |shipped: &&Setting| shipped.chosen().is_some_and(|choice| choice.name == *name);
        let own = self.shipped.iter().filter(|shipped| shipped.path == setting.path);
        let others = self.shipped.iter().filter(|shipped| shipped.pattern() == setting.pattern());
        let known = own.chain(others).filter(named).map(|shipped| shipped.value.to_string());
        known.take(1).chain([serde_json::json!({ name: {} }).to_string()]).collect()
    }

    /// Puts the selected setting and its parts back to what was shipped, if that can be used beside the rest.
    pub fn put_back(&mut self, bench: &dyn Bench) {
        let Some(path) = self.row().map(|row| row.setting.path.clone()) else { return };
        let shipped = |settings: &Self| settings.shipped.iter().find(|shipped| shipped.path == path).cloned();
        let back = self.change(bench, &path, None).and_then(|()| match shipped(self) {
            // It may have been changed with what it is a part of.
            Some(shipped) if self.value(&path) != Some(&shipped.value) => {
                self.change(bench, &path, Some(shipped.value.to_string()))
            }
            _ => Ok(()),
        });
        self.error = back.err();
    }

    fn value(&self, path: &str) -> Option<&Value> {
        self.rows.iter().find(|row| row.setting.path == path).map(|row| &row.setting.value)
    }

    /// Sets a setting in place of what was set of it and its parts before, or no more.
    fn change(&mut self, bench: &dyn Bench, path: &str, to: Option<String>) -> Result<(), String> {
        let other = |set: &&String| {
            let rest = set.strip_prefix(path);
            !rest.is_some_and(|rest| rest.starts_with(['=', '.']))
        };
        let mut set: Vec<String> = self.set.iter().filter(other).cloned().collect();
        set.extend(to.map(|to| format!("{path}={to}")));
        let study = bench.load(&self.preset, &set)?;
        self.set = set;
        self.take(study.as_ref());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    /// The settings of the made-up preset with one selected.
    fn at(path: &str) -> (made_up::FakeBench, Settings) {
        let bench = made_up::bench();
        let mut settings = Settings::open(&bench, "gpicl/quick".into()).unwrap();
        select(&mut settings, path);
        (bench, settings)
    }

    fn select(settings: &mut Settings, path: &str) {
        settings.selected = settings.rows.iter().position(|row| row.setting.path == path).unwrap();
    }

    fn typed(bench: &dyn Bench, settings: &mut Settings, text: &str) {
        settings.type_value();
        settings.typing = Some(Field::new(text));
        settings.accept(bench);
    }

    #[test]
    fn a_value_is_kept_when_it_can_be_used_and_explained_when_not() {
        let (bench, mut settings) = at("settings.width");
        settings.type_value();
        assert_eq!(settings.typing, Some(Field::new("64")));
        typed(&bench, &mut settings, "65");
        assert!(settings.error.as_ref().unwrap().contains("settings.width"), "{:?}", settings.error);
        assert!(settings.set.is_empty() && settings.typing.is_some());
        typed(&bench, &mut settings, "32");
        assert_eq!(settings.set, ["settings.width=32"]);
        let row = settings.row().unwrap();
        assert!(row.changed && row.setting.typed() == "32" && settings.error.is_none());
        assert_eq!(row.shipped.as_deref(), Some("64"));
    }

    #[test]
    fn a_setting_is_put_back_with_its_parts_and_out_of_what_it_is_a_part_of() {
        let (bench, mut settings) = at("settings.model.cnn.filters");
        typed(&bench, &mut settings, "8");
        select(&mut settings, "settings.model");
        settings.put_back(&bench);
        assert!(settings.set.is_empty() && settings.enabled(Action::PutBack).is_err());
        typed(&bench, &mut settings, "cnn(filters: 4, pool: true)");
        assert_eq!(settings.error, None);
        select(&mut settings, "settings.model.cnn.filters");
        settings.put_back(&bench);
        assert_eq!(settings.value("settings.model"), Some(&serde_json::json!({"cnn": {"filters": 16, "pool": true}})));
    }

    #[test]
    fn names_are_stepped_through_and_those_that_cannot_be_used_say_why() {
        let (bench, mut settings) = at("settings.model");
        let name = |settings: &Settings| settings.row().unwrap().setting.chosen().map(|choice| choice.name.clone());
        assert_eq!(name(&settings).as_deref(), Some("cnn"));
        settings.choose(&bench, true);
        assert_eq!(name(&settings).as_deref(), Some("transformer"));
        assert!(settings.rows.iter().all(|row| !row.setting.path.starts_with("settings.model.")));
        // The tree takes a depth that nobody knows.
        settings.choose(&bench, true);
        assert_eq!(name(&settings).as_deref(), Some("cnn"), "what was shipped is remembered");
        assert!(settings.error.as_ref().is_some_and(|error| error.contains("depth")), "{:?}", settings.error);
        assert!(!settings.row().unwrap().changed);
        select(&mut settings, "settings.model.cnn.pool");
        settings.choose(&bench, false);
        assert_eq!((settings.row().unwrap().setting.typed().as_str(), settings.error.clone()), ("true", None));
        select(&mut settings, "settings.width");
        assert!(settings.enabled(Action::Right).unwrap_err().contains("Enter"));
        select(&mut settings, "settings");
        assert!(settings.enabled(Action::Open).is_err());
    }

    #[test]
    fn what_a_knob_turns_is_marked() {
        let (_, settings) = at("settings.learning_rate");
        assert!(settings.row().unwrap().live);
        assert_eq!(settings.rows.iter().filter(|row| row.live).count(), 1);
        let around: Vec<&str> = settings.around(settings.row().unwrap()).map(|s| s.path.as_str()).collect();
        assert_eq!(around, ["settings"]);
    }
}
