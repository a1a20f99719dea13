//! `--set path.to.field=VALUE`: a change to the JSON form of a preset.

use std::ops::Range;

use serde_json::{Value, json};

use super::failure::{Complaint, PresetFailure};
use super::locate::{Map, Token, tokens};
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
    let mut reader = Words { text, tokens: tokens(text), at: 0 };
    let bracketed = text.contains(['(', '[', '{', '"']);
    match reader.value(0).filter(|_| reader.at == reader.tokens.len()) {
        Some(value) => Ok(value),
        // Brackets say that it was not meant as a word.
        None if bracketed => Err(format!("{text:.60} is neither JSON nor RON")),
        None => Ok(Value::String(text.to_owned())),
    }
}

/// Reads RON into JSON as serde would have written it: `Name(..)` becomes `{"Name": ..}`, infinity,
/// which JSON has not, becomes the word. (RON's own values forget the names of variants.)
struct Words<'a> {
    text: &'a str,
    tokens: Vec<(Range<usize>, Token<'a>)>,
    at: usize,
}

/// Deeper than any preset is.
const DEEPEST: usize = 64;

impl<'a> Words<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).map(|(_, token)| *token)
    }

    fn take(&mut self, sign: u8) -> bool {
        let found = self.peek() == Some(Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let (range, token) = self.tokens.get(self.at).filter(|_| depth < DEEPEST)?.clone();
        self.at += 1;
        match token {
            Token::Text(_) => ron::from_str::<String>(&self.text[range]).ok().map(Value::String),
            Token::Quoted => {
                let quoted = &self.text[range];
                let string =
                    ron::from_str::<String>(quoted).or_else(|_| ron::from_str::<char>(quoted).map(String::from));
                string.ok().map(Value::String)
            }
            Token::Sign(b'[') => self.group(b']', depth),
            Token::Sign(b'{') => self.group(b'}', depth),
            Token::Sign(b'(') => self.group(b')', depth),
            Token::Sign(_) => None,
            Token::Word(name) if self.take(b'(') => {
                let inner = match self.group(b')', depth)? {
                    Value::Array(mut items) if items.len() == 1 => items.pop()?,
                    inner => inner,
                };
                Some(if name == "Some" { inner } else { json!({ name: inner }) })
            }
            Token::Word(word) => Some(scalar(word)),
        }
    }

    /// What stands up to a closing bracket: fields if the first has a name, else a list.
    fn group(&mut self, close: u8, depth: usize) -> Option<Value> {
        let mut fields = serde_json::Map::new();
        let mut items = Vec::new();
        while !self.take(close) {
            let keyed = matches!(self.tokens.get(self.at + 1), Some((_, Token::Sign(b':'))));
            match self.peek()? {
                Token::Word(name) | Token::Text(name) if keyed && close != b']' => {
                    self.at += 2;
                    fields.insert(name.to_owned(), self.value(depth + 1)?);
                }
                _ => items.push(self.value(depth + 1)?),
            }
            if !self.take(b',') && self.peek() != Some(Token::Sign(close)) {
                return None;
            }
        }
        match (fields.is_empty(), items.is_empty()) {
            (false, true) => Some(Value::Object(fields)),
            (true, true) if close == b'}' => Some(Value::Object(fields)),
            (true, _) if close != b'}' => Some(Value::Array(items)),
            _ => None,
        }
    }
}

/// A word: a number, a truth value, nothing, or a name.
fn scalar(word: &str) -> Value {
    let plain = word.replace('_', "");
    match word {
        "true" => true.into(),
        "false" => false.into(),
        "None" => Value::Null,
        "inf" | "+inf" => "inf".into(),
        "-inf" => "-inf".into(),
        _ if !plain.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => word.into(),
        _ => match (plain.parse::<u64>(), plain.parse::<i64>(), plain.parse::<f64>()) {
            (Ok(whole), ..) => whole.into(),
            (_, Ok(whole), _) => whole.into(),
            (.., Ok(number)) => number.into(),
            _ => word.into(),
        },
    }
}
