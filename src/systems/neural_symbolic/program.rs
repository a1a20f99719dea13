//! Programs over lists: the language in which a symbol's function is written down.

use serde::{Deserialize, Serialize};

use super::value::Language;

/// What is done to one list. Each gives () of ().
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Operation {
    /// The first token alone.
    Head,
    /// All but the first token.
    Tail,
    /// The last token alone.
    Last,
    /// All but the last token.
    Init,
    /// Backwards.
    Reverse,
}

impl Operation {
    /// All, in the order in which they are tried.
    pub(super) const ALL: [Operation; 5] =
        [Operation::Head, Operation::Tail, Operation::Last, Operation::Init, Operation::Reverse];

    const fn name(self) -> &'static str {
        match self {
            Operation::Head => "head",
            Operation::Tail => "tail",
            Operation::Last => "last",
            Operation::Init => "init",
            Operation::Reverse => "reverse",
        }
    }

    /// Carries it out.
    pub(super) fn apply(self, list: &mut Vec<u8>) {
        match self {
            Operation::Head => list.truncate(1),
            Operation::Tail => drop(list.drain(..list.len().min(1))),
            Operation::Last => drop(list.drain(..list.len().saturating_sub(1))),
            Operation::Init => drop(list.pop()),
            Operation::Reverse => list.reverse(),
        }
    }
}

/// A program: an expression over its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Program {
    /// An argument by its number.
    Argument(u8),
    /// The list without tokens.
    Nil,
    /// The list of one token.
    Token(u8),
    /// An operation on a list.
    Of(Operation, Box<Program>),
    /// Two lists one behind the other.
    Join(Box<Program>, Box<Program>),
}

impl Program {
    /// Appends its value on arguments to `out`.
    pub(super) fn write(&self, arguments: &[&[u8]], out: &mut Vec<u8>) {
        match self {
            Program::Argument(i) => out.extend_from_slice(arguments[usize::from(*i)]),
            Program::Nil => {}
            Program::Token(token) => out.push(*token),
            Program::Of(operation, of) => {
                let mut inner = Vec::new();
                of.write(arguments, &mut inner);
                operation.apply(&mut inner);
                out.append(&mut inner);
            }
            Program::Join(left, right) => {
                left.write(arguments, out);
                right.write(arguments, out);
            }
        }
    }

    /// Its value on arguments.
    pub(super) fn run(&self, arguments: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(arguments, &mut out);
        out
    }

    /// As people read it: `LT + x`.
    pub(super) fn text(&self, language: &Language) -> String {
        match self {
            Program::Argument(i) => ["x", "y", "z"].get(usize::from(*i)).copied().unwrap_or("?").into(),
            Program::Nil => "()".into(),
            Program::Token(token) => language.token(*token).into(),
            Program::Of(operation, of) => format!("{}({})", operation.name(), of.text(language)),
            Program::Join(left, right) => format!("{} + {}", left.text(language), right.text(language)),
        }
    }
}
