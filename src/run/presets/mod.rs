//! Presets from names, files and the command line, checked before anything starts.

mod change;
mod failure;
mod locate;
mod template;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use self::failure::PresetFailure as Failure;
use self::locate::Map;
use crate::base::text::nearest;
use crate::contract::{Entry, PresetError, Study, tree};

pub use self::failure::{Complaint, PresetFailure};
pub use self::template::template;

/// Larger files are no presets.
const LARGEST: u64 = 1 << 20;

/// What the command line changes in a preset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// `path.to.field=VALUE`, the path from the top of the preset or of its settings; VALUE as JSON,
    /// as RON, or as a bare word.
    pub set: Vec<String>,
    /// Seed of the study.
    pub seed: Option<u64>,
    /// Replicas of every condition.
    pub seeds: Option<u64>,
}

/// A preset that can be run.
pub struct Preset {
    /// Its system.
    pub entry: &'static Entry,
    /// Its name: `quick`, or the stem of its file.
    pub name: String,
    /// The study that it describes.
    pub study: Box<dyn Study>,
}

impl std::fmt::Debug for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Preset({}/{})", self.entry.card.slug, self.name)
    }
}

/// The preset that `name` means: `SYSTEM` (its first preset), `SYSTEM/PRESET`, or a `.ron` file.
///
/// # Errors
/// [`PresetFailure`] with everything that is wrong with it.
pub fn load(table: &'static [Entry], name: &str, changes: &Changes) -> Result<Preset, Box<Failure>> {
    let path = Path::new(name);
    let preset = if path.extension().is_some_and(|e| e == "ron") || path.is_file() {
        load_file(table, path, name)?
    } else {
        shipped(table, name)?
    };
    change(preset, changes)
}

/// A preset that ships with the program.
fn shipped(table: &'static [Entry], name: &str) -> Result<Preset, Box<Failure>> {
    let (slug, preset) = name.split_once('/').map_or((name, None), |(slug, preset)| (slug, Some(preset)));
    let entry = entry(table, slug)?;
    let names: Vec<&str> = entry.presets.iter().map(|preset| preset.name).collect();
    let wanted = preset.or(names.first().copied()).unwrap_or_default();
    let Some(preset) = entry.preset(wanted) else {
        let says = format!("{slug} has no preset `{wanted}`; it has `{}`", names.join("`, `"));
        return Err(unknown(says, nearest(wanted, names)));
    };
    check(table, &format!("presets/{slug}/{}.ron", preset.name), preset.text)
}

/// The row of a system by its slug.
///
/// # Errors
/// When there is none; the sentence lists those there are.
pub fn entry(table: &'static [Entry], slug: &str) -> Result<&'static Entry, Box<Failure>> {
    let slugs = || table.iter().map(|entry| entry.card.slug);
    table.iter().find(|entry| entry.card.slug == slug).ok_or_else(|| {
        let says = format!("there is no system `{slug}`; there are {}", slugs().collect::<Vec<_>>().join(", "));
        unknown(says, nearest(slug, slugs()))
    })
}

fn unknown(says: String, near: Option<&str>) -> Box<Failure> {
    Failure::one(Complaint { says, nearest: near.map(str::to_owned), ..Complaint::default() })
}

/// Reads the preset in a file; `shown` is how messages call it.
pub(super) fn load_file(table: &'static [Entry], path: &Path, shown: &str) -> Result<Preset, Box<Failure>> {
    let refuse = |says: String| Failure::plain(shown, says);
    let meta = path.metadata().map_err(|e| refuse(format!("cannot be read: {e}")))?;
    if !meta.is_file() {
        return Err(refuse("is not a file".into()));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    read.map_err(|e| refuse(format!("cannot be read: {e}")))?;
    check_bytes(table, shown, &bytes)
}

/// Checks bytes that may be a preset.
fn check_bytes(table: &'static [Entry], shown: &str, bytes: &[u8]) -> Result<Preset, Box<Failure>> {
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::plain(shown, "is larger than 1 MiB, so it is no preset"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => check(table, shown, text),
        Err(error) => {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let place = locate::place(&valid, valid.len());
            let says = "this byte is not UTF-8 text".to_owned();
            let complaint = Complaint { source: shown.into(), says, ..Complaint::default() };
            Err(Failure::one(complaint.at(Some(place)).showing(&String::from_utf8_lossy(bytes))))
        }
    }
}

/// Checks the text of a preset; `shown` is how messages call it, and its stem names the preset.
///
/// # Errors
/// [`PresetFailure`] with everything that is wrong with it.
pub fn check(table: &'static [Entry], shown: &str, text: &str) -> Result<Preset, Box<Failure>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let map = Map::of(text);
    if !text.contains('(') {
        return Err(Failure::plain(shown, "holds no preset; `ansatz preset new SYSTEM` writes one to start from"));
    }
    if let Some((place, number)) = map.overflow() {
        let says = format!("{number} is too large a number");
        let complaint = Complaint { source: shown.into(), says, ..Complaint::default() };
        return Err(Failure::one(complaint.at(Some(place)).showing(text)));
    }
    if let Some((place, field)) = map.twice() {
        let says = format!("the field `{}` is given twice", field.rsplit('.').next().unwrap_or(field));
        let complaint = Complaint { source: shown.into(), field: field.into(), says, ..Complaint::default() };
        return Err(Failure::one(complaint.at(Some(place)).showing(text)));
    }
    let entry = entry_of(table, shown, text, &map)?;
    let study = (entry.open)(text).map_err(|error| Failure::of_text(shown, text, &error))?;
    let stem = Path::new(shown).file_stem().map_or_else(|| "preset".into(), |stem| stem.to_string_lossy().into_owned());
    Ok(Preset { entry, name: stem, study })
}

/// The system that a text says it is for.
fn entry_of(table: &'static [Entry], shown: &str, text: &str, map: &Map<'_>) -> Result<&'static Entry, Box<Failure>> {
    // The scanner is lenient: of a broken text, too, it finds the system, and the system's own
    // reader then tells best what is wrong.
    let quoted = map.value_text("system").and_then(|rest| rest.strip_prefix('"')?.split('"').next());
    let slug = match quoted {
        Some(slug) => slug.to_owned(),
        None => {
            let missing = || PresetError::Value { path: String::new(), message: "missing field `system`".into() };
            let told = |error: PresetError| Failure::of_text(shown, text, &error);
            let value = tree(text).map_err(|error| told(PresetError::Ron(error)))?;
            value.get("system").and_then(Value::as_str).ok_or_else(|| told(missing()))?.to_owned()
        }
    };
    self::entry(table, &slug).map_err(|mut failure| {
        for complaint in &mut failure.complaints {
            let bare = Complaint { source: shown.into(), field: "system".into(), ..std::mem::take(complaint) };
            *complaint = bare.at(map.value("system")).showing(text);
        }
        failure
    })
}

/// The preset with the changes of the command line.
fn change(preset: Preset, changes: &Changes) -> Result<Preset, Box<Failure>> {
    if *changes == Changes::default() {
        return Ok(preset);
    }
    let mut value = preset.study.to_json();
    for change in &changes.set {
        change::apply(&mut value, change)?;
    }
    for (name, number) in [("seed", changes.seed), ("seeds", changes.seeds)] {
        if let Some(number) = number {
            value[name] = Value::from(number);
        }
    }
    let options = changes.set.iter().map(|change| format!("--set {change}"));
    let options = options.chain(changes.seed.map(|n| format!("--seed {n}")));
    let options: Vec<String> = options.chain(changes.seeds.map(|n| format!("--seeds {n}"))).collect();
    let study = (preset.entry.open_json)(value).map_err(|e| Failure::of_changes(&options.join(" "), &e))?;
    Ok(Preset { study, ..preset })
}
