//! What a trial is about: programs, examples of them, which programs are trained and tested.

use std::sync::{Arc, LazyLock};

use rand::RngExt;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::rsa::{Context, Meanings};
use super::settings::{Programs, Settings};
use crate::base::random::{Key, Stream};
use crate::contract::TrialError;
use crate::tasks::regexes::{self, Language, Members, STRINGS, text};

/// A string with its label: the number of an utterance, twice that of the string, one more if it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Example(pub(super) u16);

/// Examples that there are.
pub(super) const EXAMPLES: usize = 2 * STRINGS;

impl Example {
    pub(super) const fn new(string: usize, holds: bool) -> Self {
        Example((2 * string + holds as usize) as u16)
    }

    /// Its string.
    pub(super) const fn string(self) -> usize {
        self.0 as usize / 2
    }

    /// Whether the string is to match.
    pub(super) const fn holds(self) -> bool {
        self.0 % 2 == 1
    }

    /// Whether what matches `members` agrees with it.
    pub(super) const fn fits(self, members: &Members) -> bool {
        members.has(self.string()) == self.holds()
    }
}

impl std::fmt::Display for Example {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.holds() { '+' } else { '-' }, text(self.string()))
    }
}

/// The programs and who gets them.
#[derive(Clone, Debug)]
pub(super) struct World {
    /// What literal models are trained on.
    pub(super) all: Arc<Language>,
    /// What exact speakers and listeners know, and targets are of.
    pub(super) known: Arc<Language>,
    /// Which of these agree with which examples.
    pub(super) meanings: Meanings,
    /// Targets of tests, of looks between rounds, and of rounds in their order, by their numbers among the known.
    pub(super) test: Vec<usize>,
    pub(super) validation: Vec<usize>,
    pub(super) rounds: Vec<usize>,
    /// Lines of a user's list that are no programs.
    pub(super) skipped: usize,
}

static TWO_PARTS: LazyLock<Arc<Language>> = LazyLock::new(|| Arc::new(Language::of_parts(2)));
static THREE_PARTS: LazyLock<Arc<Language>> = LazyLock::new(|| Arc::new(Language::of_parts(3)));

fn generated(parts: usize) -> &'static Arc<Language> {
    if parts == 2 { &TWO_PARTS } else { &THREE_PARTS }
}

impl World {
    /// The world of a replica, from streams below `key`.
    ///
    /// # Errors
    /// When a user's list cannot be read.
    pub(super) fn new(settings: &Settings, key: Key) -> Result<Self, TrialError> {
        let mut skipped = 0;
        let (all, known) = match &settings.programs {
            Programs::Generated { parts, known } => (Arc::clone(generated(*parts)), *known),
            Programs::File(path) => {
                let list = regexes::read(path).map_err(TrialError::data)?;
                skipped = list.skipped;
                (Arc::new(Language::new(list.programs)), None)
            }
        };
        let mut numbers: Vec<usize> = (0..all.len()).collect();
        let known = match known {
            Some(count) if count < all.len() => {
                numbers.shuffle(&mut key.purpose("known").stream());
                numbers.truncate(count);
                Arc::new(all.part(&numbers))
            }
            _ => Arc::clone(&all),
        };
        let members = known.members();
        let meanings = Meanings::new(known.len(), EXAMPLES, |h, u| Example(u as u16).fits(&members[h]));
        let mut order: Vec<usize> = (0..known.len()).collect();
        order.shuffle(&mut key.purpose("targets").stream());
        let mut next = |count: usize| -> Vec<usize> { order.drain(..count.min(order.len())).collect() };
        let [test, validation, rounds] = [settings.test, settings.validation, settings.tuned()].map(&mut next);
        Ok(World { meanings, test, validation, rounds, skipped, all, known })
    }

    /// Examples that an exact speaker says of a known program: each drawn from its row, given what it said.
    pub(super) fn spoken(
        &self,
        program: usize,
        examples: usize,
        rationality: f64,
        stream: &mut Stream,
    ) -> Vec<Example> {
        let mut context = self.meanings.silence();
        let mut said = Vec::with_capacity(examples);
        for _ in 0..examples {
            let row = self.meanings.speaker(program, &self.meanings.counts(&context), rationality);
            let utterance = drawn(&row, stream);
            self.meanings.hear(&mut context, utterance);
            said.push(Example(utterance as u16));
        }
        said
    }

    /// The programs that agree with examples.
    pub(super) fn context(&self, examples: &[Example]) -> Context {
        let mut context = self.meanings.silence();
        examples.iter().for_each(|example| self.meanings.hear(&mut context, usize::from(example.0)));
        context
    }
}

/// One of a row of shares.
fn drawn(row: &[f64], stream: &mut Stream) -> usize {
    let mut place = stream.random::<f64>() * row.iter().sum::<f64>();
    let found = row.iter().position(|share| {
        place -= share;
        place < 0.0
    });
    // Rounding may leave a rest behind the last.
    found.unwrap_or_else(|| row.iter().rposition(|share| *share > 0.0).unwrap_or(0))
}

/// Examples as they come by chance: the label is a fair coin, the string any with that label.
pub(super) fn random(members: &Members, examples: usize, stream: &mut Stream) -> Vec<Example> {
    let matching = members.count();
    let one = |_| {
        let holds = if matching == 0 || matching == STRINGS { matching > 0 } else { stream.random() };
        let count = if holds { matching } else { STRINGS - matching };
        let place = stream.random_range(0..count as u32) as usize;
        let string = members.strings(holds).nth(place).expect("there are as many");
        Example::new(string, holds)
    };
    (0..examples).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_examples_are_true_and_half_of_them_match() {
        let members = TWO_PARTS.members()[700];
        let examples = random(&members, 4000, &mut Key::new(1).stream());
        assert!(examples.iter().all(|example| example.fits(&members)));
        let share = examples.iter().filter(|example| example.holds()).count() as f64 / 4000.0;
        assert!((share - 0.5).abs() < 0.03, "{share}");
        let all = Members::of(|_| true);
        assert!(random(&all, 9, &mut Key::new(1).stream()).iter().all(|example| example.holds()));
        assert_eq!((Example::new(43, true).to_string(), EXAMPLES), ("+aab".into(), 516));
    }

    #[test]
    fn a_row_is_drawn_by_its_shares() {
        let mut stream = Key::new(2).stream();
        let mut counts = [0; 3];
        (0..3000).for_each(|_| counts[drawn(&[0.2, 0.0, 0.8], &mut stream)] += 1);
        assert!(counts[1] == 0 && (550..650).contains(&counts[0]), "{counts:?}");
    }
}
