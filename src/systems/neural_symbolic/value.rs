//! Values of symbols and the languages that they belong to.

use serde::{Deserialize, Serialize};

use super::function::Function;

/// What a node of a tree is worth. That nothing is known of it is the `None` of an `Option`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Value {
    /// A list of tokens.
    List(Vec<u8>),
    /// A natural number.
    Number(u32),
    /// Nothing at all: dropped from what a function is applied to.
    Empty,
}

impl Value {
    /// Its tokens, if it is a list.
    pub(super) fn tokens(&self) -> Option<&[u8]> {
        match self {
            Value::List(tokens) => Some(tokens),
            Value::Number(_) | Value::Empty => None,
        }
    }

    /// The number, if it is one.
    pub(super) const fn number(&self) -> Option<u32> {
        match self {
            Value::Number(number) => Some(*number),
            Value::List(_) | Value::Empty => None,
        }
    }

    /// The value in the words of a language.
    pub(super) fn text(&self, language: &Language) -> String {
        match self {
            Value::List(tokens) if tokens.is_empty() => "()".into(),
            Value::List(tokens) => tokens.iter().map(|token| language.token(*token)).collect::<Vec<_>>().join(" "),
            Value::Number(number) => number.to_string(),
            Value::Empty => "nothing".into(),
        }
    }
}

/// What values a language's symbols have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Lists of tokens.
    Lists,
    /// Natural numbers.
    Numbers,
}

impl Kind {
    /// The value that is tried for a leaf whose value nobody knows: a list without tokens. Among numbers all leaves
    /// without a value are given.
    pub(super) const fn nothing(self) -> Option<Value> {
        match self {
            Kind::Lists => Some(Value::List(Vec::new())),
            Kind::Numbers => None,
        }
    }
}

/// The symbols of a task with what is given of them, and the tokens of its answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Language {
    /// What values are.
    pub(super) kind: Kind,
    /// Words, by the number of the symbol.
    pub(super) words: Vec<String>,
    /// How many arguments each takes.
    pub(super) arity: Vec<usize>,
    /// What the parser sees of each: symbols of a class are one to it.
    pub(super) classes: Vec<u8>,
    /// Meanings that are given.
    pub(super) given: Vec<Option<Function>>,
    /// Tokens of lists, in short.
    pub(super) tokens: Vec<String>,
    /// How many of the tokens, from the first on, are constants of programs.
    pub(super) constants: usize,
}

impl Language {
    /// How many symbols there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// What stands for no word among the classes: the number behind the last.
    pub(super) fn none(&self) -> u8 {
        self.classes.iter().max().map_or(0, |class| class + 1)
    }

    /// A token in short.
    pub(super) fn token(&self, token: u8) -> &str {
        self.tokens.get(usize::from(token)).map_or("?", String::as_str)
    }

    /// Whether it is given that a symbol is worth nothing: it may hang below any symbol that takes arguments, and is
    /// none of them.
    pub(super) fn silent(&self, symbol: u8) -> bool {
        self.given[usize::from(symbol)] == Some(Function::Nothing)
    }

    /// The number of a word.
    pub(super) fn symbol(&self, word: &str) -> Option<u8> {
        self.words.iter().position(|known| known == word).map(|at| at as u8)
    }
}

/// An input with its answer: all that anybody is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Sentence {
    /// Symbols, in reading order.
    pub(super) symbols: Vec<u8>,
    /// A picture for each symbol where these are not told; none where they are.
    pub(super) pictures: Vec<u32>,
    /// The answer.
    pub(super) answer: Value,
}
