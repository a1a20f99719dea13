//! What is trained and tested: strata by the number of operators, bounds on values.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use rand::seq::{SliceRandom, index};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::expression::{Expression, LARGEST_SMALL, Tree, enumerate};
use crate::base::checks::Checks;
use crate::base::random::Key;

/// Training, or one of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Part {
    /// Short expressions with small values.
    #[serde(rename = "train")]
    Train,
    /// Trained expressions.
    I,
    /// New ones, short, with small values.
    #[serde(rename = "SS")]
    ShortSmall,
    /// Longer ones, with small values.
    #[serde(rename = "LS")]
    LongSmall,
    /// Short ones, with a large value somewhere inside.
    #[serde(rename = "SL")]
    ShortLarge,
    /// Longer ones, with a large value somewhere inside.
    #[serde(rename = "LL")]
    LongLarge,
}

impl Part {
    /// The five tests.
    pub const TESTS: [Part; 5] = [Part::I, Part::ShortSmall, Part::LongSmall, Part::ShortLarge, Part::LongLarge];

    /// Its name in the paper.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::I => "I",
            Part::ShortSmall => "SS",
            Part::LongSmall => "LS",
            Part::ShortLarge => "SL",
            Part::LongLarge => "LL",
        }
    }
}

/// Where short ends and large begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most operators of a training expression.
    pub short: usize,
    /// Most operators of a test expression.
    pub long: usize,
    /// The largest value inside a test expression with large values; small ones end at 100.
    pub large: u64,
}

impl Default for Limits {
    /// The paper's.
    fn default() -> Self {
        Limits { short: 10, long: 20, large: 10_000 }
    }
}

/// How many expressions of each number of operators, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// In training.
    pub train: usize,
    /// In a test.
    pub test: usize,
}

impl Limits {
    /// What cannot be used.
    pub fn check(&self, checks: &mut Checks) {
        checks.range("short", self.short, 3..=20);
        checks.range("long", self.long, self.short + 1..=self.short + 20);
        checks.range("large", self.large, LARGEST_SMALL + 1..=1_000_000);
    }
}

impl Sizes {
    /// What cannot be used.
    pub fn check(&self, checks: &mut Checks) {
        checks.range("train", self.train, 1..=200_000);
        checks.range("test", self.test, 1..=20_000);
    }
}

/// Up to this many operators all expressions are listed, and results may be zero.
const LISTED: usize = 2;

/// The share of a stratum that may have one result.
const SAME_RESULT: f64 = 0.05;

/// Draws of one expression after which a stratum has no more.
const PATIENCE: usize = 200_000;

/// A part, from the streams below `key`. The tests but I hold nothing that the training part of the same `key` holds.
pub fn part(part: Part, limits: &Limits, sizes: &Sizes, key: Key) -> Vec<Expression> {
    let key = key.purpose("hint");
    let small = 0..=LARGEST_SMALL;
    let large = LARGEST_SMALL + 1..=limits.large;
    let train = || strata(0..=limits.short, sizes.train, &small, &HashSet::new(), key.purpose("train"));
    let long = limits.short + 1..=limits.long;
    // What is trained on is short and small: only SS could hold some of it.
    match part {
        Part::Train => train(),
        Part::I => of_training(train(), sizes.test * (limits.short + 1), key.purpose("I")),
        Part::ShortSmall => {
            let known: HashSet<String> = train().into_iter().map(|expression| expression.text).collect();
            strata(LISTED + 1..=limits.short, sizes.test, &small, &known, key.purpose("SS"))
        }
        Part::LongSmall => strata(long, sizes.test, &small, &HashSet::new(), key.purpose("LS")),
        Part::ShortLarge => strata(LISTED..=limits.short, sizes.test, &large, &HashSet::new(), key.purpose("SL")),
        Part::LongLarge => strata(long, sizes.test, &large, &HashSet::new(), key.purpose("LL")),
    }
}

fn of_training(train: Vec<Expression>, count: usize, key: Key) -> Vec<Expression> {
    let chosen = index::sample(&mut key.stream(), train.len(), count.min(train.len()));
    chosen.into_iter().map(|at| train[at].clone()).collect()
}

/// At most `count` expressions of each number of operators, whose largest value is in `values`.
fn strata(
    operators: RangeInclusive<usize>,
    count: usize,
    values: &RangeInclusive<u64>,
    known: &HashSet<String>,
    key: Key,
) -> Vec<Expression> {
    operators.flat_map(|operators| stratum(operators, count, values, known, key.index(operators as u64))).collect()
}

fn stratum(
    operators: usize,
    count: usize,
    values: &RangeInclusive<u64>,
    known: &HashSet<String>,
    key: Key,
) -> Vec<Expression> {
    let mut stream = key.stream();
    let fits = |expression: &Expression| values.contains(&expression.largest) && !known.contains(&expression.text);
    if operators <= LISTED {
        // In a random order first: the text of a tree costs more than the tree, and is made of those that are taken.
        let mut trees = enumerate(operators);
        trees.shuffle(&mut stream);
        return trees.iter().filter_map(Expression::of).filter(fits).take(count).collect();
    }
    let most = ((count as f64 * SAME_RESULT) as usize).max(1);
    let (mut found, mut texts, mut results) = (Vec::new(), HashSet::new(), HashMap::<u64, usize>::new());
    let mut in_vain = 0;
    while found.len() < count && in_vain < PATIENCE {
        in_vain += 1;
        // The text costs more than the value: most trees are refused by theirs.
        let tree = Tree::random(&mut stream, operators);
        let Some([result, largest]) = tree.value() else { continue };
        let same = results.get(&result).copied().unwrap_or(0);
        if result == 0 || !values.contains(&largest) || same >= most {
            continue;
        }
        let Some(expression) = Expression::of(&tree).filter(fits) else { continue };
        if texts.insert(expression.text.clone()) {
            *results.entry(result).or_default() += 1;
            found.push(expression);
            in_vain = 0;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { train: 200, test: 40 };

    fn drawn(which: Part) -> Vec<Expression> {
        part(which, &Limits::default(), &SIZES, Key::new(3))
    }

    #[test]
    fn every_part_keeps_its_bounds() {
        let train = drawn(Part::Train);
        let known: HashSet<&str> = train.iter().map(|expression| expression.text.as_str()).collect();
        assert_eq!(train.len(), 10 + 200 * 10);
        for which in [Part::Train].into_iter().chain(Part::TESTS) {
            let expressions = drawn(which);
            assert_eq!(expressions, drawn(which));
            let [operators, values] = match which {
                Part::Train | Part::I => [[0, 10], [0, 100]],
                Part::ShortSmall => [[3, 10], [0, 100]],
                Part::LongSmall => [[11, 20], [0, 100]],
                Part::ShortLarge => [[2, 10], [101, 10_000]],
                Part::LongLarge => [[11, 20], [101, 10_000]],
            };
            for expression in &expressions {
                let (count, largest) = (expression.operators() as u64, expression.largest);
                assert!(operators[0] <= count && count <= operators[1], "{} {}", which.name(), expression.text);
                assert!(values[0] <= largest && largest <= values[1], "{} {}", which.name(), expression.text);
                assert!(expression.result > 0 || count <= 2);
                assert_eq!(known.contains(expression.text.as_str()), matches!(which, Part::Train | Part::I));
            }
            let strata = (operators[1] - operators[0] + 1) as usize;
            let whole = if which == Part::Train { train.len() } else { strata * SIZES.test };
            assert_eq!(expressions.len(), whole, "{}", which.name());
        }
    }

    #[test]
    fn no_result_fills_a_stratum() {
        for operators in 3..=10 {
            let stratum = drawn(Part::Train).into_iter().filter(|expression| expression.operators() == operators);
            let mut results = HashMap::<u64, usize>::new();
            stratum.for_each(|expression| *results.entry(expression.result).or_default() += 1);
            assert!(results.values().all(|count| *count <= 10) && results.len() >= 20);
        }
    }
}
