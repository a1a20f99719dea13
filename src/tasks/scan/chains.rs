//! SCAN*: phrases chained by any number of conjunctions, over any number of verbs, as in the synthetic data of Zhou,
//! Jiang and Bansal 2023 ("Data Factors for Better Compositional Generalization").

use rand::RngExt;

use super::Example;
use super::grammar::{Verb, joined, phrases_of};
use crate::base::random::Stream;

/// C = S ((and|after) S)^m from the left, m geometric with 1/2, up to a number of words.
#[derive(Clone, Debug)]
pub struct Chains {
    words: usize,
    phrases: Vec<Example>,
}

impl Chains {
    /// Over so many verbs (the four of SCAN, then `verb5` and so on), of at most so many words.
    ///
    /// # Panics
    /// If there is no verb or no room for one.
    pub fn new(verbs: usize, words: usize) -> Self {
        assert!(verbs > 0 && words > 0, "a command has a verb");
        let made = (5..=verbs).map(|at| Verb { word: format!("verb{at}"), action: format!("I_VERB{at}") });
        let all: Vec<Verb> = Verb::four().into_iter().chain(made).take(verbs).collect();
        let phrases = phrases_of(&all).into_iter().filter(|phrase| phrase.command.len() <= words).collect();
        Chains { words, phrases }
    }

    /// The phrases that chains are made of.
    pub fn phrases(&self) -> &[Example] {
        &self.phrases
    }

    /// A command; too long ones are drawn anew.
    pub fn draw(&self, stream: &mut Stream) -> Example {
        self.draw_of(stream, &self.phrases)
    }

    /// The same out of these phrases alone.
    ///
    /// # Panics
    /// If there are none, or all are too long.
    pub fn draw_of(&self, stream: &mut Stream, phrases: &[Example]) -> Example {
        assert!(phrases.iter().any(|phrase| phrase.command.len() <= self.words), "a phrase that fits");
        loop {
            if let Some(chain) = self.attempt(stream, phrases) {
                return chain;
            }
        }
    }

    fn attempt(&self, stream: &mut Stream, phrases: &[Example]) -> Option<Example> {
        let one = |stream: &mut Stream| &phrases[stream.random_range(0..phrases.len())];
        let mut chain = one(stream).clone();
        while stream.random_bool(0.5) {
            chain = joined(&chain, conjunction(stream), one(stream));
            if chain.command.len() > self.words {
                return None;
            }
        }
        (chain.command.len() <= self.words).then_some(chain)
    }
}

/// Phrases joined from the left by conjunctions drawn at random.
///
/// # Panics
/// If there are none.
pub fn chained(phrases: &[Example], stream: &mut Stream) -> Example {
    let (first, others) = phrases.split_first().expect("a chain has a phrase");
    others.iter().fold(first.clone(), |chain, phrase| joined(&chain, conjunction(stream), phrase))
}

fn conjunction(stream: &mut Stream) -> &'static str {
    if stream.random_bool(0.5) { "and" } else { "after" }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::random::Key;

    #[test]
    fn chains_are_left_associative_and_short_enough() {
        let chains = Chains::new(6, 16);
        assert_eq!(chains.phrases().len(), 6 * 21 + 18);
        let mut stream = Key::new(1).stream();
        let (mut conjunctions, mut verbs) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..500 {
            let drawn = chains.draw(&mut stream);
            assert!(drawn.command.len() <= 16);
            let parts: Vec<&[String]> = drawn.command.split(|word| word == "and" || word == "after").collect();
            conjunctions.insert(parts.len() - 1);
            verbs.extend(drawn.command.iter().filter(|word| word.starts_with("verb")).cloned());
            let joins = drawn.command.iter().filter(|word| *word == "and" || *word == "after");
            let phrase = |words: &[String]| chains.phrases().iter().find(|phrase| phrase.command == words).unwrap();
            let mut actions: Vec<String> = phrase(parts[0]).actions.clone();
            for (join, part) in joins.zip(&parts[1..]) {
                let own = phrase(part).actions.clone();
                actions = if join == "and" { [actions, own].concat() } else { [own, actions].concat() };
            }
            assert_eq!(drawn.actions, actions);
        }
        assert!(conjunctions.len() >= 4 && conjunctions.contains(&0), "{conjunctions:?}");
        assert_eq!(verbs.len(), 2);
    }

    #[test]
    fn no_phrase_of_a_short_grammar_is_too_long() {
        let chains = Chains::new(4, 2);
        assert!(chains.phrases().iter().all(|phrase| phrase.command.len() <= 2));
        assert!((0..50).all(|at| chains.draw(&mut Key::new(2).index(at).stream()).command.len() <= 2));
    }
}
