//! Why a preset cannot be used, told to a person: place, line, field, expectation, nearest name.

use std::fmt;

use ron::error::{Error, SpannedError};

use super::locate::{Map, Place};
use crate::base::text::nearest;
use crate::contract::{PresetError, Problem};

/// Everything that is wrong with a preset. Its `Display` is what a person is to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetFailure {
    /// What is wrong, one entry a thing.
    pub complaints: Vec<Complaint>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    /// The file, or the option of the command line.
    pub source: String,
    /// Line and column from 1, and the text of that line.
    pub place: Option<(usize, usize, String)>,
    /// Path of the field; may be empty.
    pub field: String,
    /// What is wrong, and what was expected.
    pub says: String,
    /// The nearest name that would have been right, if one is near.
    pub nearest: Option<String>,
}

impl std::error::Error for PresetFailure {}

impl fmt::Display for PresetFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, complaint) in self.complaints.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{complaint}")?;
        }
        Ok(())
    }
}

/// Longer lines are shown in part.
const WIDEST: usize = 100;

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some((line, column, _)) = &self.place {
            write!(f, ":{line}:{column}")?;
        }
        f.write_str(if self.source.is_empty() { "" } else { ": " })?;
        if !self.field.is_empty() {
            write!(f, "`{}`: ", self.field)?;
        }
        f.write_str(&self.says)?;
        if let Some(name) = &self.nearest {
            write!(f, "; did you mean `{name}`?")?;
        }
        let Some((line, column, text)) = &self.place else { return Ok(()) };
        let first = column.saturating_sub(WIDEST / 2);
        let first = if text.chars().count() <= WIDEST { 0 } else { first };
        let shown: String =
            text.chars().skip(first).take(WIDEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let number = line.to_string();
        write!(f, "\n  {number} | {shown}\n  {:1$} | ", "", number.len())?;
        write!(f, "{:1$}^", "", column - 1 - first)
    }
}

impl PresetFailure {
    /// A failure without a place in a text.
    pub(super) fn plain(source: impl Into<String>, says: impl Into<String>) -> Box<Self> {
        Self::one(Complaint { source: source.into(), says: says.into(), ..Complaint::default() })
    }

    pub(super) fn one(complaint: Complaint) -> Box<Self> {
        Box::new(PresetFailure { complaints: vec![complaint] })
    }

    /// What `error` says of the RON text of `source`.
    pub(super) fn of_text(source: &str, text: &str, error: &PresetError) -> Box<Self> {
        let map = Map::of(text);
        let complaints = match error {
            PresetError::Ron(error) => vec![ron_complaint(error)],
            PresetError::Value { path, message } => vec![value_complaint(path, message, Some(&map))],
            PresetError::Problems(problems) => problems.iter().map(|p| problem_complaint(p, Some(&map))).collect(),
        };
        let place = |c: &Complaint| c.place.as_ref().map(|(line, column, _)| (*line, *column));
        let mut complaints: Vec<Complaint> =
            complaints.into_iter().map(|c| Complaint { source: source.into(), ..c }).map(|c| c.showing(text)).collect();
        complaints.sort_by_key(place);
        Box::new(PresetFailure { complaints })
    }

    /// What `error` says of a preset that was changed on the command line.
    pub(super) fn of_changes(source: &str, error: &PresetError) -> Box<Self> {
        let complaints = match error {
            PresetError::Ron(error) => vec![Complaint { place: None, ..ron_complaint(error) }],
            PresetError::Value { path, message } => vec![value_complaint(path, message, None)],
            PresetError::Problems(problems) => problems.iter().map(|p| problem_complaint(p, None)).collect(),
        };
        let complaints = complaints.into_iter().map(|c| Complaint { source: source.into(), ..c }).collect();
        Box::new(PresetFailure { complaints })
    }
}

impl Complaint {
    /// The same with a place that is known by its numbers only.
    pub(super) fn at(self, place: Option<Place>) -> Self {
        Complaint { place: place.map(|p| (p.line, p.column, String::new())), ..self }
    }

    /// The same with the text of its line; a place behind the text moves to its end.
    pub(super) fn showing(mut self, text: &str) -> Self {
        if let Some((line, column, shown)) = &mut self.place {
            *line = (*line).clamp(1, text.lines().count().max(1));
            *shown = text.lines().nth(*line - 1).unwrap_or_default().to_owned();
            *column = (*column).clamp(1, shown.chars().count() + 1);
        }
        self
    }
}

fn problem_complaint(problem: &Problem, map: Option<&Map<'_>>) -> Complaint {
    let place = map.and_then(|map| map.value(&problem.path).or_else(|| map.nearest_above(&problem.path)));
    let says = match problem.expected.as_str() {
        "" => problem.found.clone(),
        expected => format!("{} cannot be used: expected {expected}", problem.found),
    };
    Complaint { field: problem.path.clone(), says, ..Complaint::default() }.at(place)
}

/// What is wrong with the text as RON.
fn ron_complaint(error: &SpannedError) -> Complaint {
    let place = Place { line: error.span.end.line, column: error.span.end.col };
    let says = match &error.code {
        Error::ExceededRecursionLimit => "brackets are nested too deeply".into(),
        Error::Eof => "the text ends too early; is a bracket left open?".into(),
        other => {
            let mut words = other.to_string();
            if let Some(first) = words.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            words
        }
    };
    Complaint { says, ..Complaint::default() }.at(Some(place))
}

/// What does not fit its type, from serde's message: ``unknown variant `x`, expected one of `a`, `b` ``. In a text it
/// is pointed at.
fn value_complaint(path: &str, message: &str, map: Option<&Map<'_>>) -> Complaint {
    // `?` stands for a field that was not reached yet, `.` for the top.
    let path = path.trim_end_matches('?').trim_matches('.');
    let (slip, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    let quoted = |text: &'_ str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<String>>();
    let (name, names) = (quoted(slip).into_iter().next().unwrap_or_default(), quoted(expected));
    let list = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let kind = slip.split('`').next().unwrap_or_default();
    let says = match kind {
        "unknown field " if names.is_empty() => format!("there is no field `{name}` here; there are none"),
        "unknown field " => format!("there is no field `{name}` here; there are {}", list()),
        "unknown variant " => format!("`{name}` is none of {}", list()),
        "missing field " => format!("the field `{name}` is missing"),
        _ => misfit(slip, expected).unwrap_or_else(|| message.into()),
    };
    let place = |map: &Map<'_>| match kind {
        "unknown field " => map.key(path),
        "missing field " => None,
        _ => map.value(path),
    };
    let near = nearest(&name, names.iter().map(String::as_str)).filter(|_| kind.starts_with("unknown "));
    let place = map.and_then(|map| place(map).or_else(|| map.nearest_above(path)));
    Complaint { field: path.into(), says, nearest: near.map(str::to_owned), ..Complaint::default() }.at(place)
}

/// A value of a wrong type in words for people.
fn misfit(slip: &str, expected: &str) -> Option<String> {
    const NUMBERS: [&str; 10] = ["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize"];
    let (kind, found) = slip.split_once(": ")?;
    // "string "w"" is "w", "integer `3`" is 3; "a sequence" is what it says.
    let found = found.strip_prefix("string ").or_else(|| found.split('`').nth(1)).unwrap_or(found);
    let wanted = match expected {
        _ if kind == "invalid value" && NUMBERS.contains(&expected) => {
            return Some(format!("the whole number {found} does not fit the field"));
        }
        _ if NUMBERS.contains(&expected) => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text in double quotes",
        "a sequence" => "a list: [..]",
        "a map" => "a map: {..}",
        _ if expected.starts_with("struct ") => "fields in brackets: (name: value, ..)",
        other if !other.is_empty() => other,
        _ => return None,
    };
    Some(format!("expected {wanted}, found {found}"))
}
