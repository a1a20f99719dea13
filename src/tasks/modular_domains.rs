//! Sequences `op a b =` over four operations modulo p: domains that are learned at different times, each with its own
//! share for training.

use std::io::Write;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DataError, Entry, read};
use crate::base::random::Key;

/// Tokens of a question: `op a b =`.
pub const LENGTH: usize = 4;

/// An operation modulo p.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Domain {
    /// a + b.
    Add,
    /// a - b.
    Subtract,
    /// a b.
    Multiply,
    /// a + b where a is even, a - b where it is odd.
    Either,
}

impl Domain {
    /// All of them.
    pub const ALL: [Domain; 4] = [Domain::Add, Domain::Subtract, Domain::Multiply, Domain::Either];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Domain::Add => "add",
            Domain::Subtract => "subtract",
            Domain::Multiply => "multiply",
            Domain::Either => "either",
        }
    }

    /// What is to be answered.
    pub const fn answer(self, a: usize, b: usize, modulus: usize) -> usize {
        match self {
            Domain::Add => (a + b) % modulus,
            Domain::Subtract => (a + modulus - b) % modulus,
            Domain::Multiply => a * b % modulus,
            Domain::Either if a.is_multiple_of(2) => (a + b) % modulus,
            Domain::Either => (a + modulus - b) % modulus,
        }
    }
}

/// A question with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Operation.
    pub domain: Domain,
    /// First number.
    pub a: usize,
    /// Second number.
    pub b: usize,
    /// What is to be answered.
    pub answer: usize,
}

impl Question {
    /// Its tokens: numbers are themselves, then come the four operations and the equals sign.
    pub const fn tokens(&self, modulus: usize) -> [usize; LENGTH] {
        [modulus + self.domain as usize, self.a, self.b, modulus + Domain::ALL.len()]
    }
}

/// All questions, some of them for training.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModularDomains {
    /// p.
    pub modulus: usize,
    /// Questions: those for training first, the domains mixed at random; then the others, domain by domain.
    pub questions: Vec<Question>,
    /// How many are for training.
    pub train: usize,
}

impl ModularDomains {
    /// Every ordered pair of numbers below p in every domain. Of each domain a share of the unordered pairs is for
    /// training, both orders of a pair together, so that no question is one of the training turned round.
    ///
    /// # Panics
    /// If the modulus is below 2.
    pub fn new(modulus: usize, shares: [f64; 4], key: Key) -> Self {
        let key = key.purpose("domains");
        let (mut training, mut others) = (Vec::new(), Vec::new());
        for (domain, share) in Domain::ALL.into_iter().zip(shares) {
            let mut pairs: Vec<(usize, usize)> = (0..modulus).flat_map(|a| (a..modulus).map(move |b| (a, b))).collect();
            pairs.shuffle(&mut key.purpose(domain.name()).stream());
            let ask = |a: usize, b: usize| Question { domain, a, b, answer: domain.answer(a, b, modulus) };
            for (i, (a, b)) in pairs.iter().copied().enumerate() {
                let part = if i < training_pairs(modulus, share) { &mut training } else { &mut others };
                part.push(ask(a, b));
                part.extend((a != b).then(|| ask(b, a)));
            }
        }
        training.shuffle(&mut key.purpose("order").stream());
        let train = training.len();
        ModularDomains { modulus, questions: [training, others].concat(), train }
    }

    /// The least number of training questions, whatever pairs of a number with itself fall among them.
    ///
    /// # Panics
    /// If the modulus is below 2.
    pub fn least_training(modulus: usize, shares: [f64; 4]) -> usize {
        let of = |share: f64| {
            let pairs = training_pairs(modulus, share);
            2 * pairs - pairs.min(modulus)
        };
        shares.into_iter().map(of).sum()
    }

    /// Different tokens: the numbers, the operations, the equals sign.
    pub const fn vocabulary(modulus: usize) -> usize {
        modulus + Domain::ALL.len() + 1
    }
}

/// How many unordered pairs of a domain are for training: at least one and not all.
fn training_pairs(modulus: usize, share: f64) -> usize {
    assert!(modulus >= 2, "a modulus of 2 or more");
    let all = modulus * (modulus + 1) / 2;
    ((share * all as f64) as usize).clamp(1, all - 1)
}

/// What can be set about a sample.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleSettings {
    seed: u64,
    modulus: usize,
    shares: [f64; 4],
}

/// The row of the table of tasks.
pub(super) const ENTRY: Entry = Entry {
    name: "modular-domains",
    what: "four operations modulo p, each with its own share of questions for training",
    source: "after Power et al., Grokking, 2022",
    settings: || json!({ "seed": 0, "modulus": 31, "shares": [0.9, 0.7, 0.5, 0.4] }),
    write,
};

/// At most `limit` questions as CSV.
fn write(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let SampleSettings { seed, modulus, shares } = read(settings)?;
    if !(2..=200).contains(&modulus) {
        let message = format!("found {modulus}; expected 2 to 200");
        return Err(DataError::Settings { path: "modulus".into(), message });
    }
    let all = ModularDomains::new(modulus, shares, Key::new(seed));
    writeln!(out, "operation,a,b,answer,part")?;
    for (at, Question { domain, a, b, answer }) in all.questions.iter().enumerate().take(limit) {
        writeln!(out, "{},{a},{b},{answer},{}", domain.name(), if at < all.train { "train" } else { "test" })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SHARES: [f64; 4] = [0.9, 0.7, 0.5, 0.4];

    #[test]
    fn answers_are_those_of_the_operations() {
        let of = |a, b| Domain::ALL.map(|domain| domain.answer(a, b, 7));
        assert_eq!(of(3, 5), [1, 5, 1, 5]);
        assert_eq!(of(4, 5), [2, 6, 6, 2]);
        assert_eq!(of(0, 6), [6, 1, 0, 6]);
        let question = Question { domain: Domain::Multiply, a: 3, b: 5, answer: 1 };
        assert_eq!((question.tokens(7), ModularDomains::vocabulary(7)), ([9, 3, 5, 11], 12));
    }

    #[test]
    fn every_question_is_there_once_and_none_is_a_training_question_turned_round() {
        let all = ModularDomains::new(11, SHARES, Key::new(1));
        let key = |q: &Question| (q.domain, q.a, q.b);
        let distinct: BTreeSet<_> = all.questions.iter().map(key).collect();
        assert_eq!((all.questions.len(), distinct.len()), (4 * 121, 4 * 121));
        let turned: BTreeSet<_> = all.questions[..all.train].iter().map(|q| (q.domain, q.b, q.a)).collect();
        assert!(all.questions[all.train..].iter().all(|q| !turned.contains(&key(q))));
        for (domain, share) in Domain::ALL.into_iter().zip(SHARES) {
            let trained = all.questions[..all.train].iter().filter(|q| q.domain == domain && q.a <= q.b).count();
            assert_eq!(trained, (share * 66.0) as usize, "{domain:?}");
        }
        // 59, 46, 33 and 26 pairs, at most 11 of each of a number with itself.
        assert_eq!(ModularDomains::least_training(11, SHARES), 2 * (59 + 46 + 33 + 26) - 4 * 11);
        assert!(all.train >= ModularDomains::least_training(11, SHARES));
        // The training questions are mixed: the first sixty of them are of every domain.
        assert!(Domain::ALL.iter().all(|d| all.questions[..60].iter().any(|q| q.domain == *d)));
        assert_ne!(all.questions, ModularDomains::new(11, SHARES, Key::new(2)).questions);
    }
}
