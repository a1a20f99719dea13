//! `--set path.to.field=VALUE`: a change to the JSON form of a preset.

use serde_json::Value;

use super::failure::{Complaint, PresetFailure};
use super::locate::Map;
use crate::base::text::nearest;

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
    // Brackets say that it was not meant as a word.
    let bracketed = text.contains(['(', '[', '{', '"']);
    match named(text).or_else(|| from_ron(text).filter(|_| bracketed || !wordlike(text))) {
        Some(value) => Ok(value),
        None if bracketed => Err(format!("{text:.60} is neither JSON nor RON")),
        None => Ok(Value::String(text.to_owned())),
    }
}

fn from_ron(text: &str) -> Option<Value> {
    json(ron::from_str::<ron::Value>(text).ok()?)
}

/// Whether RON would take the text for a name and forget it.
fn wordlike(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text != "None"
}

/// `Name(..)`, an enum variant, which RON values do not keep; JSON has it as `{"Name": ..}`.
fn named(text: &str) -> Option<Value> {
    let (name, rest) = text.split_at(text.find('(')?);
    if name == "Some" || !wordlike(name) || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let inner = match from_ron(rest)? {
        Value::Array(mut items) if items.len() == 1 => items.pop()?,
        inner => inner,
    };
    Some(Value::Object([(name.to_owned(), inner)].into_iter().collect()))
}

/// A RON value as JSON; infinity, which JSON has not, as the word.
fn json(value: ron::Value) -> Option<Value> {
    Some(match value {
        ron::Value::Bool(b) => b.into(),
        ron::Value::Char(c) => c.to_string().into(),
        ron::Value::String(s) => s.into(),
        ron::Value::Number(number) => match number.into_f64() {
            x if x.is_infinite() => if x > 0.0 { "inf" } else { "-inf" }.into(),
            x if x.is_nan() => "nan".into(),
            _ => serde_json::to_value(number).ok()?,
        },
        ron::Value::Option(None) | ron::Value::Unit => Value::Null,
        ron::Value::Option(Some(inner)) => json(*inner)?,
        ron::Value::Seq(items) => items.into_iter().map(json).collect::<Option<Vec<_>>>()?.into(),
        ron::Value::Map(map) => {
            let mut fields = serde_json::Map::new();
            for (key, value) in map {
                let key = match key {
                    ron::Value::String(key) => key,
                    _ => return None,
                };
                fields.insert(key, json(value)?);
            }
            Value::Object(fields)
        }
        ron::Value::Bytes(_) => return None,
    })
}
