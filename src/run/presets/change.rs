//! `--set path.to.field=VALUE`: a change to the JSON form of a preset.

use serde_json::Value;

use super::failure::{Complaint, PresetFailure};
use super::locate::Map;
use crate::base::text::nearest;
use crate::contract::tree;

/// Applies one `--set`.
///
/// # Errors
/// When the path names no field, or the value is a number that nothing can hold.
pub(super) fn apply(preset: &mut Value, change: &str) -> Result<(), Box<PresetFailure>> {
    let source = format!("--set {change}");
    let Some((path, text)) = change.split_once('=') else {
        return Err(PresetFailure::plain(source, "expected path.to.field=VALUE"));
    };
    let new = value(text).map_err(|says| {
        PresetFailure::one(Complaint { source: source.clone(), field: path.into(), says, ..Complaint::default() })
    })?;
    let names: Vec<&str> = path.trim().split('.').collect();
    let base = if preset.get(names[0]).is_some() { preset } else { &mut preset["settings"] };
    *field(base, &names, &source)? = new;
    Ok(())
}

/// The field that a path means.
fn field<'a>(base: &'a mut Value, names: &[&str], source: &str) -> Result<&'a mut Value, Box<PresetFailure>> {
    let mut at = base;
    for (depth, name) in names.iter().enumerate() {
        let known: Vec<String> = match &*at {
            Value::Object(fields) => fields.keys().cloned().collect(),
            Value::Array(items) => (0..items.len()).map(|i| i.to_string()).collect(),
            _ => Vec::new(),
        };
        let next = match at {
            Value::Object(fields) => fields.get_mut(*name),
            Value::Array(items) => name.parse::<usize>().ok().and_then(|i| items.get_mut(i)),
            _ => None,
        };
        let Some(next) = next else { return Err(unknown(&names[..=depth], &known, source)) };
        at = next;
    }
    Ok(at)
}

fn unknown(names: &[&str], known: &[String], source: &str) -> Box<PresetFailure> {
    let (name, above) = names.split_last().map_or(("", &names[..0]), |(name, above)| (*name, above));
    let place = if above.is_empty() { "the settings".to_owned() } else { format!("`{}`", above.join(".")) };
    let says = match known {
        [] => format!("{place} has no fields"),
        _ if known.len() > 12 => format!("there is no field `{name}` in {place}"),
        _ => format!("there is no field `{name}` in {place}; there are `{}`", known.join("`, `")),
    };
    let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    PresetFailure::one(Complaint { source: source.into(), says, nearest: near, ..Complaint::default() })
}

/// A value as JSON, else as RON, else as a bare word.
fn value(text: &str) -> Result<Value, String> {
    let text = text.trim();
    if let Some((_, number)) = Map::of(text).overflow() {
        return Err(format!("{number} is too large a number"));
    }
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return Ok(value);
    }
    let bracketed = text.contains(['(', '[', '{', '"']);
    match tree(text) {
        Ok(value) => Ok(value),
        // Brackets say that it was not meant as a word.
        Err(_) if bracketed => Err(format!("{text:.60} is neither JSON nor RON")),
        Err(_) => Ok(Value::String(text.to_owned())),
    }
}
