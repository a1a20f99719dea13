//! Sums of unordered pairs modulo p: small enough to be memorised, regular enough to be understood.
//!
//! Pairs are unordered, so that no test pair is a training pair turned round (Power et al. 2022 use ordered ones).

use std::io::Write;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DataError, Entry, read};
use crate::base::random::Key;

/// A pair with the answer that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The smaller number.
    pub a: usize,
    /// The other.
    pub b: usize,
    /// What is to be answered.
    pub answer: usize,
}

/// All pairs of numbers below p, some of them for training.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModularSums {
    /// p.
    pub modulus: usize,
    /// Pairs, those for training first.
    pub pairs: Vec<Pair>,
    /// How many are for training.
    pub train: usize,
}

impl ModularSums {
    /// Every unordered pair {a, b} with its sum modulo p, in random order; a share of them is for training, at least
    /// one pair and not all.
    ///
    /// # Panics
    /// If the modulus is below 2.
    pub fn new(modulus: usize, train_share: f64, key: Key) -> Self {
        let mut pairs: Vec<Pair> =
            (0..modulus).flat_map(|a| (a..modulus).map(move |b| Pair { a, b, answer: (a + b) % modulus })).collect();
        pairs.shuffle(&mut key.purpose("pairs").stream());
        let (_, train) = ModularSums::sizes(modulus, train_share);
        ModularSums { modulus, pairs, train }
    }

    /// How many pairs there are, and how many of them are for training.
    ///
    /// # Panics
    /// If the modulus is below 2.
    pub fn sizes(modulus: usize, train_share: f64) -> (usize, usize) {
        assert!(modulus >= 2, "a modulus of 2 or more");
        let all = modulus * (modulus + 1) / 2;
        (all, ((train_share * all as f64) as usize).clamp(1, all - 1))
    }

    /// The same pairs with their answers dealt out anew: as many of each, and no rule.
    #[must_use]
    pub fn shuffled(mut self, key: Key) -> Self {
        let mut answers: Vec<usize> = self.pairs.iter().map(|pair| pair.answer).collect();
        answers.shuffle(&mut key.purpose("answers").stream());
        self.pairs.iter_mut().zip(answers).for_each(|(pair, answer)| pair.answer = answer);
        self
    }
}

impl Pair {
    /// The sum of the pair modulo p, whatever is asked for.
    pub const fn sum(&self, modulus: usize) -> usize {
        (self.a + self.b) % modulus
    }

    /// How far its numbers are apart on the circle of p: 0 to p / 2. The sum says nothing of it.
    pub fn difference(&self, modulus: usize) -> usize {
        let apart = self.b.abs_diff(self.a);
        apart.min(modulus - apart)
    }
}

/// What can be set about a sample.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleSettings {
    seed: u64,
    modulus: usize,
    train_share: f64,
}

/// The row of the table of tasks.
pub(super) const ENTRY: Entry = Entry {
    name: "modular-sums",
    what: "unordered pairs of numbers with their sum modulo p, and whether a pair is for training",
    source: "after Power et al., Grokking, 2022",
    settings: || json!({ "seed": 0, "modulus": 29, "train_share": 0.85 }),
    write,
};

/// At most `limit` pairs as CSV.
fn write(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let SampleSettings { seed, modulus, train_share } = read(settings)?;
    if !(2..=1000).contains(&modulus) {
        let message = format!("found {modulus}; expected 2 to 1000");
        return Err(DataError::Settings { path: "modulus".into(), message });
    }
    let sums = ModularSums::new(modulus, train_share, Key::new(seed));
    writeln!(out, "a,b,sum,part")?;
    for (at, Pair { a, b, answer }) in sums.pairs.iter().enumerate().take(limit) {
        writeln!(out, "{a},{b},{answer},{}", if at < sums.train { "train" } else { "test" })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn pairs_are_unordered_and_every_answer_occurs_alike() {
        let sums = ModularSums::new(29, 0.85, Key::new(1));
        assert_eq!((sums.pairs.len(), sums.train), (435, 369));
        assert_eq!(ModularSums::sizes(29, 0.85), (435, 369));
        let distinct: BTreeSet<(usize, usize)> = sums.pairs.iter().map(|pair| (pair.a, pair.b)).collect();
        assert!(distinct.len() == 435 && sums.pairs.iter().all(|pair| pair.a <= pair.b));
        let mut counts = BTreeMap::new();
        sums.pairs.iter().for_each(|pair| *counts.entry(pair.answer).or_insert(0) += 1);
        assert!(counts.len() == 29 && counts.values().all(|count| *count == 15));
        let apart: BTreeSet<usize> = sums.pairs.iter().map(|pair| pair.difference(29)).collect();
        assert_eq!(apart.into_iter().collect::<Vec<_>>(), (0..15).collect::<Vec<_>>());
    }

    #[test]
    fn shuffled_answers_are_as_many_and_follow_no_rule() {
        let sums = ModularSums::new(29, 0.85, Key::new(1));
        let shuffled = sums.clone().shuffled(Key::new(1));
        let sorted = |sums: &ModularSums| {
            let mut answers: Vec<usize> = sums.pairs.iter().map(|pair| pair.answer).collect();
            answers.sort_unstable();
            answers
        };
        assert_eq!(sorted(&sums), sorted(&shuffled));
        let right = shuffled.pairs.iter().filter(|pair| pair.answer == pair.sum(29)).count();
        assert!(right < 40, "{right} of 435 are right by chance");
    }
}
