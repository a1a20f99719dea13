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
            PresetError::Ron { error, path } => vec![ron_complaint(&map, error, path)],
            PresetError::Value { path, message } => {
                vec![Complaint { place: None, ..value_complaint(path, message) }]
            }
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
            PresetError::Ron { error, path } => {
                vec![Complaint { field: path.clone(), says: sentence(&error.code), ..Complaint::default() }]
            }
            PresetError::Value { path, message } => vec![value_complaint(path, message)],
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

/// A message of serde about a JSON value: `unknown variant `x`, expected one of `a`, `b``.
fn value_complaint(path: &str, message: &str) -> Complaint {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let slip = message.starts_with("unknown");
    let near = quoted.split_first().filter(|_| slip).and_then(|(found, names)| nearest(found, names.iter().copied()));
    Complaint { field: path.into(), says: message.into(), nearest: near.map(str::to_owned), ..Complaint::default() }
}

fn ron_complaint(map: &Map<'_>, error: &SpannedError, path: &str) -> Complaint {
    let start = Place { line: error.span.start.line, column: error.span.start.col };
    let end = Place { line: error.span.end.line, column: error.span.end.col };
    // `?` stands for a field that was not reached yet, `.` for the top.
    let path = path.trim_end_matches('?').trim_matches('.');
    let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let mut says = sentence(&error.code);
    let (field, place) = match &error.code {
        Error::NoSuchStructField { found, .. } => {
            let field = if path.rsplit('.').next() == Some(found) { path.to_owned() } else { inside(found) };
            (field.clone(), map.key(&field))
        }
        Error::DuplicateStructField { field, .. } => {
            let field = if path.rsplit('.').next() == Some(field) { path.to_owned() } else { inside(field) };
            (field, Some(start))
        }
        Error::MissingStructField { .. } => (path.to_owned(), map.nearest_above(path)),
        // RON reads 8 of 8.5 and then wants a comma.
        Error::ExpectedComma if let Some((place, number)) = map.number_around(end).filter(|(_, n)| n.contains('.')) => {
            says = format!("expected a whole number, found {number}");
            (path.to_owned(), Some(place))
        }
        code if syntax(code) => (path.to_owned(), Some(end)),
        _ => (path.to_owned(), map.value(path)),
    };
    let near = match &error.code {
        Error::NoSuchStructField { found, expected, .. } | Error::NoSuchEnumVariant { found, expected, .. } => {
            nearest(found, expected.iter().copied())
        }
        _ => None,
    };
    Complaint { field, says, nearest: near.map(str::to_owned), ..Complaint::default() }.at(place.or(Some(start)))
}

/// Whether RON lost its way in the text itself, so that its own position is the one to show.
fn syntax(code: &Error) -> bool {
    !matches!(
        code,
        Error::InvalidValueForType { .. }
            | Error::NoSuchEnumVariant { .. }
            | Error::ExpectedDifferentLength { .. }
            | Error::IntegerOutOfBounds
            | Error::ExpectedInteger
            | Error::ExpectedFloat
            | Error::ExpectedBoolean
            | Error::ExpectedString
            | Error::ExpectedArray
            | Error::ExpectedMap
            | Error::ExpectedStructLike
            | Error::ExpectedNamedStructLike(_)
            | Error::Message(_)
    )
}

/// The reason in words for people.
fn sentence(code: &Error) -> String {
    let list = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match code {
        Error::NoSuchStructField { found, expected, .. } => {
            format!("there is no field `{found}` here; there are {}", list(expected))
        }
        Error::NoSuchEnumVariant { found, expected, .. } => {
            format!("`{found}` is none of {}", list(expected))
        }
        Error::MissingStructField { field, .. } => format!("the field `{field}` is missing"),
        Error::DuplicateStructField { field, .. } => format!("the field `{field}` is given twice"),
        Error::InvalidValueForType { expected, found } => format!("expected {expected}, found {found}"),
        Error::IntegerOutOfBounds => "this whole number does not fit the field".into(),
        Error::ExpectedInteger => "expected a whole number".into(),
        Error::ExpectedFloat => "expected a number".into(),
        Error::ExpectedBoolean => "expected true or false".into(),
        Error::ExpectedString => "expected a text in double quotes".into(),
        Error::ExpectedArray => "expected a list: [..]".into(),
        Error::ExpectedStructLike | Error::ExpectedNamedStructLike(_) => {
            "expected fields in brackets: (name: value, ..)".into()
        }
        Error::ExceededRecursionLimit => "brackets are nested too deeply".into(),
        Error::Eof => "the text ends too early; is a bracket left open?".into(),
        other => {
            let mut words = other.to_string();
            if let Some(first) = words.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            words
        }
    }
}
