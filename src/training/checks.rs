//! What cannot be used in settings, found field by field and told all at once.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::contract::{Problem, plain_name};

/// Problems of the fields under a path.
#[derive(Debug, Default)]
pub struct Checks {
    under: String,
    found: Vec<Problem>,
}

impl Checks {
    /// Of the fields at the top of the settings.
    pub fn new() -> Self {
        Checks::default()
    }

    /// Of the fields under a path: `conditions[2]`.
    pub fn under(path: impl Into<String>) -> Self {
        Checks { under: path.into() + ".", found: Vec::new() }
    }

    /// A field must fit; else what was found, and what was expected.
    pub fn holds(&mut self, field: impl AsRef<str>, fits: bool, found: impl ToString, expected: impl Into<String>) {
        if !fits {
            self.found.push(Problem::new(format!("{}{}", self.under, field.as_ref()), found, expected));
        }
    }

    /// A number must lie in a range, both ends included.
    pub fn range<T: PartialOrd + Display>(&mut self, field: impl AsRef<str>, value: T, range: RangeInclusive<T>) {
        let expected = format!("{} to {}", range.start(), range.end());
        self.holds(field, range.contains(&value), value, expected);
    }

    /// A number must lie above 0 and below a bound, which may be infinity.
    pub fn positive<T: Into<f64> + Display + Copy>(&mut self, field: impl AsRef<str>, value: T, below: f64) {
        let fits = value.into() > 0.0 && value.into() < below;
        let bound = if below.is_finite() { format!(" and below {below}") } else { String::new() };
        self.holds(field, fits, value, format!("above 0{bound}"));
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

    /// Adds problems whose paths are whole already.
    pub fn extend(&mut self, problems: Vec<Problem>) {
        self.found.extend(problems);
    }

    /// Whether nothing was found so far.
    pub const fn none(&self) -> bool {
        self.found.is_empty()
    }

    /// All that was found, in order.
    pub fn problems(self) -> Vec<Problem> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_names_field_value_and_expectation() {
        let mut checks = Checks::under("network");
        checks.range("width", 0, 1..=64);
        checks.range("width", 64, 1..=64);
        checks.range("share", 1.5, 0.0..=1.0);
        checks.positive("rate", 0.0f32, 10.0);
        checks.positive("rate", f64::NAN, f64::INFINITY);
        checks.positive("rate", 0.1f32, 10.0);
        checks.share("momentum", 1.0f32, 1.0);
        checks.share("momentum", 0.0, 1.0);
        checks.holds("kind", false, "cnn", "an mlp");
        let told: Vec<String> = checks
            .problems()
            .into_iter()
            .map(|p| format!("{}: {}, expected {}", p.path, p.found, p.expected))
            .collect();
        assert_eq!(
            told,
            [
                "network.width: 0, expected 1 to 64",
                "network.share: 1.5, expected 0 to 1",
                "network.rate: 0, expected above 0 and below 10",
                "network.rate: NaN, expected above 0",
                "network.momentum: 1, expected at least 0 and below 1",
                "network.kind: cnn, expected an mlp",
            ]
        );
    }

    #[test]
    fn names_are_there_and_differ_as_folders() {
        let mut checks = Checks::new();
        checks.names("conditions", ["a b", "a-b", "c", " "].into_iter());
        let paths: Vec<String> = checks.problems().into_iter().map(|problem| problem.path).collect();
        assert_eq!(paths, ["conditions[1].name", "conditions[3].name"]);
    }
}
