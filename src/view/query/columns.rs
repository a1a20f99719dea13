//! The columns that a query may name, and which values each takes.

use super::parse::QueryError;
use super::{Compare, Value};
use crate::base::text::nearest;
use crate::contract::{Family, Outcome, Status};

/// Something that a row may be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// Name of a run.
    Name,
    /// Slug of the system.
    System,
    /// Family of the system.
    Family,
    /// Name of the preset.
    Preset,
    /// What a run is doing: the name of its status, and `live` where it has a worker.
    State,
    /// The word of the verdict; `none` where there is none.
    Verdict,
    /// A tag of a run.
    Tag,
    /// Seed of the study.
    Seed,
    /// How many trials.
    Trials,
    /// Per cent of the steps that are done.
    Progress,
    /// Time since the run was created.
    Age,
    /// A value of the preset by its path, `settings.model.heads`.
    Setting(String),
}

/// The word of the state that stands for every state with a worker.
pub(super) const LIVE: &str = "live";
/// The word of a verdict that is not there.
pub(super) const NONE: &str = "none";

const NAMES: [(&str, Column); 11] = [
    ("name", Column::Name),
    ("system", Column::System),
    ("family", Column::Family),
    ("preset", Column::Preset),
    ("state", Column::State),
    ("verdict", Column::Verdict),
    ("tag", Column::Tag),
    ("seed", Column::Seed),
    ("trials", Column::Trials),
    ("progress", Column::Progress),
    ("age", Column::Age),
];

/// Seconds of the units of an age.
const UNITS: [(&str, f64); 6] =
    [("min", 60.0), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0), ("w", 604_800.0)];

impl Column {
    /// Its name in a query.
    pub fn name(&self) -> String {
        match self {
            Column::Setting(path) => path.clone(),
            named => NAMES.iter().find(|(_, column)| column == named).map_or("", |(name, _)| name).to_owned(),
        }
    }

    /// The column of a name that stands at a place of the text.
    pub(super) fn of(name: &str, at: usize) -> Result<Column, QueryError> {
        let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((_, column)) = known {
            return Ok(column.clone());
        }
        if let Some(path) = name.strip_prefix("settings.")
            && !path.is_empty()
        {
            return Ok(Column::Setting(name.to_owned()));
        }
        let names = NAMES.iter().map(|(name, _)| *name).chain(["settings."]);
        let hint = match nearest(name, names) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("there are {} and settings.PATH", NAMES.map(|(name, _)| name).join(", ")),
        };
        Err(QueryError::new(at, format!("there is no field `{name}`; {hint}")))
    }

    /// Reads what it is compared with; the comparison may come out as another way to say the same.
    pub(super) fn value(
        &self,
        compare: Compare,
        text: &str,
        (sign_at, at): (usize, usize),
    ) -> Result<(Compare, Value), QueryError> {
        let wrong = |what: String| Err(QueryError::new(at, what));
        let exact = if compare == Compare::Begins { Compare::Equal } else { compare };
        match self {
            Column::Seed | Column::Trials | Column::Progress => match number(text.trim_end_matches('%')) {
                Some(number) => Ok((exact, Value::Number(number))),
                None => wrong(format!("expected a number for `{}`, found `{text}`", self.name())),
            },
            Column::Age if !compare.orders() => {
                Err(QueryError::new(sign_at, "an age is compared with <, <=, > or >=, for example `age<2d`"))
            }
            Column::Age => match age(text) {
                Some(seconds) => Ok((compare, Value::Number(seconds))),
                None => wrong(format!("expected an age such as 30min, 5h, 2d or 1w, found `{text}`")),
            },
            Column::Setting(path) if compare.orders() && number(text).is_none() => {
                wrong(format!("expected a number for `{path}`, found `{text}`"))
            }
            Column::Setting(_) => Ok((compare, Value::Text(text.to_lowercase()))),
            _ if compare.orders() => {
                Err(QueryError::new(sign_at, format!("`{}` is a text: it takes :, = or !=", self.name())))
            }
            _ => {
                let text = text.to_lowercase();
                self.check(compare, &text, at)?;
                Ok((compare, Value::Text(text)))
            }
        }
    }

    /// That a value can be had at all, where all are known.
    fn check(&self, compare: Compare, text: &str, at: usize) -> Result<(), QueryError> {
        let Some(words) = self.words() else { return Ok(()) };
        let fits =
            |word: &&'static str| if compare == Compare::Begins { word.starts_with(text) } else { *word == text };
        if words.iter().any(fits) {
            return Ok(());
        }
        let hint = match nearest(text, words.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("there are {}", words.join(", ")),
        };
        Err(QueryError::new(at, format!("there is no {} `{text}`; {hint}", self.name())))
    }

    /// Every value that it may have, where these are fixed.
    fn words(&self) -> Option<Vec<&'static str>> {
        use Status::{Done, Failed, Paused, Running, Stalled, Stopped, Waiting};
        match self {
            Column::Family => Some(Family::ALL.map(Family::name).to_vec()),
            Column::State => {
                let all = [Waiting, Running, Paused, Stalled, Done, Failed, Stopped].map(Status::name);
                Some([&all[..], &[LIVE]].concat())
            }
            Column::Verdict => {
                let all = [Outcome::Reproduced, Outcome::Partly, Outcome::NotReproduced, Outcome::Undecided];
                Some([&all.map(Outcome::name)[..], &[NONE]].concat())
            }
            _ => None,
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Seconds of `30min`, `5h`, `2d`.
fn age(text: &str) -> Option<f64> {
    let (unit, seconds) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    number(text.strip_suffix(unit)?).map(|count| count * seconds).filter(|age| age.is_finite())
}
