//! Tokens and their numbers.

use std::collections::{BTreeMap, BTreeSet};

/// What fills a sequence up.
pub const PADDING: u32 = 0;
/// What a target begins with.
pub const BEGIN: u32 = 1;
/// What a sequence ends with.
pub const END: u32 = 2;
/// How many special tokens there are, which come first.
pub const SPECIALS: usize = 3;

/// The tokens of one side, in alphabetical order behind the special ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    tokens: Vec<String>,
    numbers: BTreeMap<String, u32>,
}

impl Vocabulary {
    /// Of all different tokens.
    pub fn new<T: AsRef<str>>(tokens: impl IntoIterator<Item = T>) -> Self {
        let tokens: BTreeSet<String> = tokens.into_iter().map(|token| token.as_ref().to_owned()).collect();
        let numbers = tokens.iter().cloned().zip(SPECIALS as u32..).collect();
        Vocabulary { tokens: tokens.into_iter().collect(), numbers }
    }

    /// How many there are, with the special ones.
    pub const fn size(&self) -> usize {
        self.tokens.len() + SPECIALS
    }

    /// The number of a token.
    pub fn number(&self, token: &str) -> Option<u32> {
        self.numbers.get(token).copied()
    }

    /// The token of a number.
    pub fn token(&self, number: u32) -> &str {
        match number {
            PADDING => "<padding>",
            BEGIN => "<begin>",
            END => "<end>",
            _ => self.tokens.get(number as usize - SPECIALS).map_or("<unknown>", String::as_str),
        }
    }

    /// The numbers of a sequence.
    ///
    /// # Errors
    /// With the first token that is not of the vocabulary.
    pub fn encode<T: AsRef<str>>(&self, tokens: &[T]) -> Result<Vec<u32>, String> {
        let number = |token: &T| {
            let token = token.as_ref();
            self.number(token).ok_or_else(|| format!("the token `{token}` is not of the vocabulary"))
        };
        tokens.iter().map(number).collect()
    }

    /// The tokens of numbers.
    pub fn decode(&self, numbers: &[u32]) -> Vec<&str> {
        numbers.iter().map(|number| self.token(*number)).collect()
    }
}
