//! What settings take, and what of them cannot be used: the same check tells both, field by field and all at once.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;

use super::text::{nearest, plain_name};

/// A value that is of the right type but cannot be used: 3 heads for width 64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path of the field from the top of what is checked: `settings.model.heads`.
    pub path: String,
    /// What stands there.
    pub found: String,
    /// What was expected; empty where `found` is a sentence that says so itself.
    pub expected: String,
}

impl Problem {
    /// A problem told in one sentence of its own.
    pub fn told(path: impl Into<String>, sentence: impl ToString) -> Self {
        Problem { path: path.into(), found: sentence.to_string(), expected: String::new() }
    }

    /// A problem with a field.
    pub fn new(path: impl Into<String>, found: impl ToString, expected: impl Into<String>) -> Self {
        Problem { path: path.into(), found: found.to_string(), expected: expected.into() }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expected.as_str() {
            "" => write!(f, "{}: {}", self.path, self.found),
            expected => write!(f, "{}: expected {expected}, found {}", self.path, self.found),
        }
    }
}

/// What a field takes, in the words with which its check would refuse it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Path of the field, as in a [`Problem`].
    pub path: String,
    /// What is expected there.
    pub expected: String,
}

/// Checks of the fields under a path. Each is remembered whether it holds or not, so that what a field takes can be
/// told before anybody tries.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    under: String,
    asked: Vec<Expectation>,
    found: Vec<Problem>,
}

impl Checks {
    /// Of the fields at the top.
    pub fn new() -> Self {
        Checks::default()
    }

    fn path(&self, field: &str) -> String {
        format!("{}{field}", self.under)
    }

    /// Checks the fields under a path: `conditions[2]`. Inside, [`Checks::none`] asks about these alone.
    pub fn under(&mut self, path: impl AsRef<str>, check: impl FnOnce(&mut Checks)) {
        let mut inside = Checks { under: self.path(path.as_ref()) + ".", ..Checks::default() };
        check(&mut inside);
        self.asked.append(&mut inside.asked);
        self.found.append(&mut inside.found);
    }

    /// A field must fit; else what was found, and what was expected.
    pub fn holds(&mut self, field: impl AsRef<str>, fits: bool, found: impl ToString, expected: impl Into<String>) {
        let (field, expected) = (field.as_ref(), expected.into());
        if !fits {
            self.found.push(Problem::new(self.path(field), found, &expected));
        }
        self.expect(field, expected);
    }

    /// Remembers what a field takes, without a check of its own.
    pub fn expect(&mut self, field: impl AsRef<str>, expected: impl Into<String>) {
        let expectation = Expectation { path: self.path(field.as_ref()), expected: expected.into() };
        if !self.asked.contains(&expectation) {
            self.asked.push(expectation);
        }
    }

    /// A number must lie in a range, both ends included.
    pub fn range<T: PartialOrd + Display>(&mut self, field: impl AsRef<str>, value: T, range: RangeInclusive<T>) {
        let expected = format!("{} to {}", range.start(), range.end());
        self.holds(field, range.contains(&value), value, expected);
    }

    /// So must every number of a list, or the one that may be absent.
    pub fn range_of_each<T: PartialOrd + Display>(
        &mut self,
        field: impl AsRef<str>,
        values: impl IntoIterator<Item = T>,
        range: RangeInclusive<T>,
    ) {
        let expected = format!("{} to {}", range.start(), range.end());
        self.each(field.as_ref(), values, |value| range.contains(value), &expected);
    }

    /// A number must lie above 0 and below a bound, which may be infinity.
    pub fn positive<T: Into<f64> + Display + Copy>(&mut self, field: impl AsRef<str>, value: T, below: f64) {
        self.positive_each(field, [value], below);
    }

    /// So must every number of a list, or the one that may be absent.
    pub fn positive_each<T: Into<f64> + Display + Copy>(
        &mut self,
        field: impl AsRef<str>,
        values: impl IntoIterator<Item = T>,
        below: f64,
    ) {
        let bound = if below.is_finite() { format!(" and below {below}") } else { String::new() };
        let fits = |value: &T| (*value).into() > 0.0 && (*value).into() < below;
        self.each(field.as_ref(), values, fits, &format!("above 0{bound}"));
    }

    fn each<T: Display>(
        &mut self,
        field: &str,
        values: impl IntoIterator<Item = T>,
        fits: impl Fn(&T) -> bool,
        expected: &str,
    ) {
        self.expect(field, expected);
        for value in values {
            self.holds(field, fits(&value), value, expected);
        }
    }

    /// A number must lie from 0 on and below a bound.
    pub fn share<T: Into<f64> + Display + Copy>(&mut self, field: impl AsRef<str>, value: T, below: f64) {
        let fits = (0.0..below).contains(&value.into());
        self.holds(field, fits, value, format!("at least 0 and below {below}"));
    }

    /// The hidden layers of a perceptron.
    pub fn perceptron(&mut self, field: impl AsRef<str>, width: usize, layers: usize) {
        let fits = (1..=4096).contains(&width) && (1..=16).contains(&layers);
        self.holds(field, fits, format!("{width} x {layers}"), "1 to 4096 units in 1 to 16 layers");
    }

    /// The parts of a list must have names, each another one, also as names of folders.
    pub fn names<'a>(&mut self, list: &str, names: impl Iterator<Item = &'a str>) {
        let mut met: Vec<String> = Vec::new();
        for (i, name) in names.enumerate() {
            let plain = plain_name(name);
            let fits = !plain.is_empty() && !met.contains(&plain);
            self.holds(format!("{list}[{i}].name"), fits, name, "a name of its own");
            met.push(plain);
        }
    }

    /// Names must be among those that are known; a wrong one is told with the nearest. `kind` is what is named.
    pub fn known<'a>(
        &mut self,
        field: impl AsRef<str>,
        kind: &str,
        names: impl IntoIterator<Item = &'a str>,
        known: &[&str],
    ) {
        let (field, path) = (field.as_ref(), self.path(field.as_ref()));
        let expected = if known.is_empty() { format!("there is no {kind}") } else { known.join(", ") };
        self.expect(field, expected);
        for name in names.into_iter().filter(|name| !known.contains(name)) {
            let near = nearest(name, known.iter().copied());
            let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            self.found.push(Problem::told(&path, format!("there is no {kind} `{name}`{hint}")));
        }
    }

    /// A field cannot be used, for a reason that nobody can tell beforehand: what is in a file.
    pub fn refuse(&mut self, problem: Problem) {
        let path = self.path(&problem.path);
        self.found.push(Problem { path, ..problem });
    }

    /// Whether nothing was found so far.
    pub const fn none(&self) -> bool {
        self.found.is_empty()
    }

    /// What was expected of each field, and all that was found, in order.
    pub fn told(self) -> (Vec<Expectation>, Vec<Problem>) {
        (self.asked, self.found)
    }

    /// All that was found, in order.
    pub fn problems(self) -> Vec<Problem> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(expectations: &[Expectation]) -> Vec<String> {
        expectations.iter().map(|asked| format!("{}: {}", asked.path, asked.expected)).collect()
    }

    #[test]
    fn each_check_names_field_value_and_expectation() {
        let mut checks = Checks::new();
        checks.under("network", |checks| {
            checks.range("width", 0, 1..=64);
            checks.range("width", 64, 1..=64);
            checks.range("share", 1.5, 0.0..=1.0);
            checks.positive("rate", 0.0f32, 10.0);
            checks.positive("rate", f64::NAN, f64::INFINITY);
            checks.positive("rate", 0.1f32, 10.0);
            checks.share("momentum", 1.0f32, 1.0);
            checks.share("momentum", 0.0, 1.0);
            checks.holds("kind", false, "cnn", "an mlp");
        });
        let told: Vec<String> = checks.problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "network.width: expected 1 to 64, found 0",
                "network.share: expected 0 to 1, found 1.5",
                "network.rate: expected above 0 and below 10, found 0",
                "network.rate: expected above 0, found NaN",
                "network.momentum: expected at least 0 and below 1, found 1",
                "network.kind: expected an mlp, found cnn",
            ]
        );
    }

    #[test]
    fn what_is_taken_is_told_whether_it_was_kept_to_or_not() {
        let mut checks = Checks::new();
        checks.range("width", 8, 1..=64);
        checks.range("width", 80, 1..=64);
        checks.range_of_each("rungs", None, 2..=9);
        checks.positive_each("rates", [0.1, -0.1], 10.0);
        checks.known("watch", "instrument", ["regime", "confidense"], &["regime", "confidence"]);
        checks.refuse(Problem::told("file", "not there"));
        let (asked, found) = checks.told();
        assert_eq!(
            rows(&asked),
            ["width: 1 to 64", "rungs: 2 to 9", "rates: above 0 and below 10", "watch: regime, confidence"]
        );
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "width: expected 1 to 64, found 80",
                "rates: expected above 0 and below 10, found -0.1",
                "watch: there is no instrument `confidense`; did you mean `confidence`?",
                "file: not there",
            ]
        );
    }

    #[test]
    fn a_part_asks_about_its_own_problems_alone() {
        let mut checks = Checks::new();
        checks.range("width", 0, 1..=64);
        checks.under("part", |checks| {
            assert!(checks.none());
            checks.range("width", 0, 1..=64);
            assert!(!checks.none());
        });
        assert_eq!(checks.problems()[1].path, "part.width");
    }

    #[test]
    fn names_are_there_and_differ_as_folders() {
        let mut checks = Checks::new();
        checks.names("conditions", ["a b", "a-b", "c", " "].into_iter());
        let paths: Vec<String> = checks.problems().into_iter().map(|problem| problem.path).collect();
        assert_eq!(paths, ["conditions[1].name", "conditions[3].name"]);
    }
}
