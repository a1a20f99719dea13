//! GPICL's tasks: classification problems made from one labelled set by random projections of the
//! input and random relabelling (Kirsch et al. 2022).
//!
//! Task k is a pair (A, rho): A in R^{PxF} with entries N(0, 1/F), rho a uniform permutation of the
//! classes. A sequence draws rows i_1..i_T uniformly with replacement among those with rho(y_i) < C;
//! x'_t = A x_{i_t} and y'_t = rho(y_{i_t}).

mod batch;
mod family;
mod pair;
mod sample;

pub use batch::Batch;
pub use family::{Evaluation, Gpicl};
pub use pair::{Classification, Examples, Pair};
pub(super) use sample::ENTRY;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::checks::Checks;

/// Positions that count as "the last": accuracy at one position alone is noisy.
pub const LAST: usize = 8;

/// How a token shows the newest labelled pair beside the query x'_t. The label is one-hot times
/// sqrt(C) in both: unscaled, it is drowned by inputs of norm about sqrt(P).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// u_t = [x'_t ; x'_{t-1} ; sqrt(C) onehot(y'_{t-1})], zeros for the pair at t = 1.
    #[default]
    Paired,
    /// u_t = [x'_t ; sqrt(C) onehot(y'_{t-1})], zeros for the label at t = 1 (the paper's order).
    Shifted,
}

/// K, the number of training tasks. In files: a number, or `"inf"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenCount", into = "WrittenCount")]
pub enum TaskCount {
    /// So many frozen pairs (A, rho).
    Finite(u32),
    /// A fresh pair for every sequence.
    #[default]
    Infinite,
}

impl std::fmt::Display for TaskCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TaskCount::Finite(count) => write!(f, "{count}"),
            TaskCount::Infinite => f.write_str("inf"),
        }
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a number of tasks or \"inf\"")]
enum WrittenCount {
    Number(u32),
    Word(#[schemars(extend("const" = "inf"))] String),
}

impl TryFrom<WrittenCount> for TaskCount {
    type Error = String;

    fn try_from(written: WrittenCount) -> Result<Self, String> {
        match written {
            WrittenCount::Number(count) => Ok(TaskCount::Finite(count)),
            WrittenCount::Word(word) if word == "inf" => Ok(TaskCount::Infinite),
            WrittenCount::Word(word) => Err(format!("expected a number of tasks or \"inf\", found \"{word}\"")),
        }
    }
}

impl From<TaskCount> for WrittenCount {
    fn from(count: TaskCount) -> Self {
        match count {
            TaskCount::Finite(count) => WrittenCount::Number(count),
            TaskCount::Infinite => WrittenCount::Word("inf".into()),
        }
    }
}

/// What can be set about the tasks; the default is the bench's quick setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// C: label slots, and classes that occur in one sequence.
    pub classes: usize,
    /// P: width of a projected input.
    pub projection: usize,
    /// T: examples in a sequence.
    pub tokens: usize,
    /// How a token is laid out.
    pub format: Format,
    /// K: number of training tasks.
    pub tasks: TaskCount,
    /// b: share of every batch in which rho is one fixed permutation.
    pub bias: f64,
    /// Control that must trap the model: the share `bias` fixes A as well.
    pub bias_fixes_projection: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            classes: 5,
            projection: 16,
            tokens: 32,
            format: Format::Paired,
            tasks: TaskCount::Infinite,
            bias: 0.0,
            bias_fixes_projection: false,
        }
    }
}

impl Config {
    /// Numbers of one token: 2P + C paired, P + C shifted.
    pub const fn token_width(&self) -> usize {
        match self.format {
            Format::Paired => 2 * self.projection + self.classes,
            Format::Shifted => self.projection + self.classes,
        }
    }

    /// Checks every field for a base set of `base_classes` classes.
    pub fn check(&self, base_classes: usize, checks: &mut Checks) {
        let classes = format!("2 to {base_classes}, the classes of the base set");
        checks.holds("classes", (2..=base_classes).contains(&self.classes), self.classes, classes);
        checks.range("projection", self.projection, 1..=1024);
        checks.range("tokens", self.tokens, 2..=4096);
        let some_tasks = self.tasks != TaskCount::Finite(0);
        checks.holds("tasks", some_tasks, self.tasks, "at least 1, or \"inf\"");
        checks.holds("bias", (0.0..=1.0).contains(&self.bias), self.bias, "a share from 0 to 1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_widths_are_those_of_the_formats() {
        let config = Config::default();
        assert_eq!(config.token_width(), 37);
        assert_eq!(Config { format: Format::Shifted, ..config }.token_width(), 21);
    }

    #[test]
    fn every_refusal_names_its_field() {
        let config = Config {
            classes: 11,
            projection: 0,
            tokens: 1,
            tasks: TaskCount::Finite(0),
            bias: f64::NAN,
            ..Config::default()
        };
        let problems = |config: Config| {
            let mut checks = Checks::new();
            config.check(10, &mut checks);
            checks.problems()
        };
        let refusals = problems(config);
        let fields: Vec<_> = refusals.iter().map(|refusal| refusal.path.as_str()).collect();
        assert_eq!(fields, ["classes", "projection", "tokens", "tasks", "bias"]);
        assert_eq!(refusals[0].to_string(), "classes: expected 2 to 10, the classes of the base set, found 11");
        assert_eq!(problems(Config::default()), []);
    }

    #[test]
    fn the_number_of_tasks_is_a_number_or_inf() {
        let read = ron::from_str::<TaskCount>;
        assert_eq!(read("32"), Ok(TaskCount::Finite(32)));
        assert_eq!(read("\"inf\""), Ok(TaskCount::Infinite));
        assert!(read("\"many\"").unwrap_err().to_string().contains("found \"many\""));
        assert!(read("-1").is_err());
        let config = Config { tasks: TaskCount::Finite(4), ..Config::default() };
        assert_eq!(ron::from_str::<Config>(&ron::to_string(&config).unwrap()), Ok(config.clone()));
        let json = serde_json::to_value(&config).unwrap();
        assert_eq!(json["tasks"], 4);
        assert_eq!(serde_json::from_value::<Config>(json).unwrap(), config);
        assert_eq!(serde_json::to_value(TaskCount::Infinite).unwrap(), "inf");
    }
}
