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
                let text = error.code.to_string();
                vec![Complaint { field: path.clone(), says: Reason::of(&text).sentence(&text), ..Complaint::default() }]
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
    let last = path.rsplit('.').next();
    let inside = |name: &str| {
        let bare = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if last == Some(name) { path.to_owned() } else { bare }
    };
    let text = error.code.to_string();
    let reason = Reason::of(&text);
    let mut says = reason.sentence(&text);
    let (field, place) = match &reason {
        Reason::NoField { found, .. } => (inside(found), map.key(&inside(found))),
        Reason::Twice(name) => (inside(name), Some(start)),
        Reason::Missing(_) => (path.to_owned(), map.nearest_above(path)),
        // RON reads 8 of 8.5 and then wants a comma.
        Reason::Plain(Error::ExpectedComma)
            if let Some((place, number)) = map.number_around(end).filter(|(_, n)| n.contains('.')) =>
        {
            says = format!("expected a whole number, found {number}");
            (path.to_owned(), Some(place))
        }
        reason if reason.of_the_value(&text) => (path.to_owned(), map.value(path)),
        _ => (path.to_owned(), Some(end)),
    };
    let near = match &reason {
        Reason::NoField { found, names } | Reason::NoVariant { found, names } => nearest(found, names.iter().copied()),
        _ => None,
    };
    Complaint { field, says, nearest: near.map(str::to_owned), ..Complaint::default() }.at(place.or(Some(start)))
}

/// What a RON error is about, read from what it says: presets are read behind an interface that hands on texts.
enum Reason<'t> {
    NoField {
        found: &'t str,
        names: Vec<&'t str>,
    },
    NoVariant {
        found: &'t str,
        names: Vec<&'t str>,
    },
    Missing(&'t str),
    Twice(&'t str),
    WrongType {
        expected: &'t str,
        found: &'t str,
    },
    /// An error that says the same in every place.
    Plain(&'static Error),
    Other,
}

/// What people are told in other words, and what is wrong with a value and not with the text around it.
const PLAIN: &[(Error, &str)] = &[
    (Error::IntegerOutOfBounds, "this whole number does not fit the field"),
    (Error::ExpectedInteger, "expected a whole number"),
    (Error::ExpectedFloat, "expected a number"),
    (Error::ExpectedBoolean, "expected true or false"),
    (Error::ExpectedString, "expected a text in double quotes"),
    (Error::ExpectedArray, "expected a list: [..]"),
    (Error::ExpectedMap, "expected a map: {..}"),
    (Error::ExpectedStructLike, "expected fields in brackets: (name: value, ..)"),
    (Error::ExceededRecursionLimit, "brackets are nested too deeply"),
    (Error::Eof, "the text ends too early; is a bracket left open?"),
    (Error::ExpectedComma, "expected comma"),
];

impl<'t> Reason<'t> {
    fn of(text: &'t str) -> Self {
        if let Some((code, _)) = PLAIN.iter().find(|(code, _)| code.to_string() == text) {
            return Reason::Plain(code);
        }
        let types = text.strip_prefix("Expected ").and_then(|rest| rest.strip_suffix(" instead"));
        if let Some((expected, found)) = types.and_then(|rest| rest.split_once(" but found ")) {
            return Reason::WrongType { expected, found };
        }
        // "Unexpected field named `found` in `Outer`, expected one of `a`, `b` instead"
        let (said, expected) = text.split_once(", expected ").unwrap_or((text, ""));
        let names = || expected.split('`').skip(1).step_by(2).collect();
        let found = said.split('`').nth(1).unwrap_or_default();
        match said.split('`').next().unwrap_or_default() {
            "Unexpected field named " => Reason::NoField { found, names: names() },
            "Unexpected variant named " | "Unexpected enum variant named " => {
                Reason::NoVariant { found, names: names() }
            }
            "Unexpected missing field named " => Reason::Missing(found),
            "Unexpected duplicate field named " => Reason::Twice(found),
            text if text.starts_with("Expected opening ") || text.starts_with("Expected only opening ") => {
                Reason::Plain(&Error::ExpectedStructLike)
            }
            _ => Reason::Other,
        }
    }

    /// Whether the value of a field is wrong, and not the text around it, where RON's own position is the one to show.
    fn of_the_value(&self, text: &str) -> bool {
        match self {
            Reason::Plain(code) => !matches!(code, Error::ExceededRecursionLimit | Error::Eof | Error::ExpectedComma),
            // RON begins its own sentences with a capital, our types do not.
            Reason::Other => !text.starts_with(char::is_uppercase),
            _ => true,
        }
    }

    /// The reason in words for people.
    fn sentence(&self, text: &str) -> String {
        let list = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match self {
            Reason::NoField { found, names } => format!("there is no field `{found}` here; there are {}", list(names)),
            Reason::NoVariant { found, names } => format!("`{found}` is none of {}", list(names)),
            Reason::Missing(field) => format!("the field `{field}` is missing"),
            Reason::Twice(field) => format!("the field `{field}` is given twice"),
            Reason::WrongType { expected, found } => format!("expected {expected}, found {found}"),
            Reason::Plain(code) => {
                PLAIN.iter().find(|(plain, _)| plain == *code).map_or_else(String::new, |(_, says)| (*says).to_owned())
            }
            Reason::Other => {
                let mut words = text.to_owned();
                if let Some(first) = words.get_mut(..1) {
                    first.make_ascii_lowercase();
                }
                words
            }
        }
    }
}
