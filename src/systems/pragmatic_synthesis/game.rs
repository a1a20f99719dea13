//! A turn of self-play: of what the speakers would say, the example that RSA on the sampled programs chooses.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::players::Named;
use super::rsa::{Meanings, most_telling};
use super::settings::Choice;
use super::world::{Example, World};
use crate::base::random::Stream;
use crate::tasks::regexes::{Members, letters};

/// A turn as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Turn {
    /// Sampled programs that agreed with what had been said; the target is not among them.
    pub(super) hypotheses: Vec<String>,
    /// Candidates with their S1 for the target.
    pub(super) candidates: Vec<(Example, f64)>,
    /// Which rows (hypotheses, then the target) agree with which candidates, row by row.
    pub(super) agree: Vec<bool>,
    /// The place of the candidate that was said.
    pub(super) said: usize,
}

/// Rows and columns of a turn: sampled programs other than the target, which is the last row, and candidates.
pub(super) struct Table<'t> {
    others: Vec<&'t Named>,
    candidates: &'t [Example],
    meanings: Meanings,
}

impl<'t> Table<'t> {
    /// Of what the listeners named and the speakers would say, all of which the target agrees with.
    pub(super) fn new(target: &'t Members, named: &'t [Named], candidates: &'t [Example]) -> Self {
        let others: Vec<&Named> = named.iter().filter(|named| named.members != *target).collect();
        let row = |h: usize| others.get(h).map_or(target, |named| &named.members);
        let meanings = Meanings::new(others.len() + 1, candidates.len(), |h, u| candidates[u].fits(row(h)));
        Table { others, candidates, meanings }
    }

    /// The place of the candidate that is said; none if there are none.
    pub(super) fn choose(&self, choice: Choice, stream: &mut Stream) -> Option<usize> {
        match choice {
            Choice::MostTelling => most_telling(&self.meanings, self.others.len()).map(|(place, _)| place),
            Choice::Uniform if self.candidates.is_empty() => None,
            Choice::Uniform => Some(stream.random_range(0..self.candidates.len() as u32) as usize),
        }
    }

    /// The turn as it is shown.
    pub(super) fn shown(&self, said: usize) -> Turn {
        let counts = self.meanings.counts(&self.meanings.silence());
        let row = self.meanings.speaker(self.others.len(), &counts, 1.0);
        let places = 0..self.candidates.len();
        let rows = 0..=self.others.len();
        Turn {
            hypotheses: self.others.iter().map(|named| named.program.to_string()).collect(),
            candidates: self.candidates.iter().copied().zip(row).collect(),
            agree: rows
                .flat_map(|h| places.clone().map(move |u| (h, u)))
                .map(|(h, u)| self.meanings.agree(h, u))
                .collect(),
            said,
        }
    }
}

/// How a speaker speaks: its convention in three numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Convention {
    /// Share of examples that match.
    pub(super) positive: f64,
    /// Mean letters of a string.
    pub(super) length: f64,
    /// Mean share of the known programs still standing that an example strikes out.
    pub(super) eliminated: f64,
}

impl Convention {
    /// Of specifications; none without an example.
    pub(super) fn of<'s>(world: &World, specs: impl Iterator<Item = &'s [Example]>) -> Option<Self> {
        let (mut sum, mut count) = (Convention::default(), 0.0);
        for said in specs {
            let mut context = world.meanings.silence();
            let mut standing = context.count() as f64;
            for example in said {
                world.meanings.hear(&mut context, usize::from(example.0));
                let left = context.count() as f64;
                sum.positive += f64::from(u8::from(example.holds()));
                sum.length += letters(example.string()).len() as f64;
                sum.eliminated += 1.0 - left / standing;
                (standing, count) = (left, count + 1.0);
            }
        }
        let Convention { positive, length, eliminated } = sum;
        (count > 0.0).then(|| Convention {
            positive: positive / count,
            length: length / count,
            eliminated: eliminated / count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use crate::tasks::regexes::{Program, number};

    fn named(text: &str) -> Named {
        let program = Program::parse(text).unwrap();
        Named { members: program.members(), program, log_probability: 0.0 }
    }

    fn example(letters: &[u8], holds: bool) -> Example {
        Example::new(number(letters).unwrap(), holds)
    }

    #[test]
    fn prax_says_what_strikes_out_most_and_shuf_anything() {
        let target = named("a").members;
        let others = [named("[a-z]"), named("a{1,2}"), named("aa?"), named("a"), named("[A-Za-z]")];
        let candidates = [example(&[0], true), example(&[4], false), example(&[0, 0], false), example(&[1], false)];
        let table = Table::new(&target, &others, &candidates);
        let mut stream = Key::new(1).stream();
        // +a strikes out nobody, -0 nobody, -aa two, -b two: the first of these two.
        assert_eq!(table.choose(Choice::MostTelling, &mut stream), Some(2));
        let shown = table.shown(2);
        assert_eq!((shown.hypotheses.len(), shown.agree.len()), (4, 20));
        assert!((shown.candidates.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(shown.agree[16..].iter().all(|agree| *agree), "the target agrees with all that is said");
        let drawn: std::collections::BTreeSet<_> =
            (0..60).filter_map(|_| table.choose(Choice::Uniform, &mut stream)).collect();
        assert_eq!(drawn.len(), 4);
        let silent = Table::new(&target, &others, &[]);
        assert_eq!([Choice::MostTelling, Choice::Uniform].map(|choice| silent.choose(choice, &mut stream)), [None; 2]);
        let alone = Table::new(&target, &[], &candidates);
        assert_eq!(alone.choose(Choice::MostTelling, &mut stream), Some(0));
    }
}
