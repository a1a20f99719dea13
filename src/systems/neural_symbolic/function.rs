//! What a symbol does to its inputs, whatever kind of values its language has.

use serde::{Deserialize, Serialize};

use super::arithmetic::{Arithmetic, FUEL};
use super::program::Program;
use super::value::{Language, Value};
use super::{enumerate, numbers};

/// Tokens together in what a program is applied to, at most: a wrong tree may repeat a list over and over.
const LONGEST: usize = 2000;

/// A function of values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Function {
    /// Over lists.
    Lists(Program),
    /// Over natural numbers.
    Numbers(Arithmetic),
    /// Gives nothing at all: that of parentheses, which is given.
    Nothing,
}

impl Function {
    /// Its value on inputs; none where it is undefined.
    pub(super) fn run(&self, inputs: &[Value]) -> Option<Value> {
        match self {
            Function::Lists(program) => {
                let lists: Vec<&[u8]> = inputs.iter().map(Value::tokens).collect::<Option<_>>()?;
                let length: usize = lists.iter().map(|list| list.len()).sum();
                (length <= LONGEST).then(|| Value::List(program.run(&lists)))
            }
            Function::Numbers(program) => {
                let numbers: Vec<u32> = inputs.iter().map(Value::number).collect::<Option<_>>()?;
                program.run(&numbers, &mut { FUEL }).map(Value::Number)
            }
            Function::Nothing => Some(Value::Empty),
        }
    }

    /// As people read it.
    pub(super) fn text(&self, language: &Language) -> String {
        match self {
            Function::Lists(program) => program.text(language),
            Function::Numbers(program) => program.text(language),
            Function::Nothing => "nothing (given)".into(),
        }
    }

    /// Its program over numbers, if it is one.
    pub(super) const fn arithmetic(&self) -> Option<&Arithmetic> {
        match self {
            Function::Numbers(program) => Some(program),
            _ => None,
        }
    }
}

/// Programs that are tried for a symbol.
#[derive(Clone, Debug)]
pub(super) enum Library {
    /// Over lists.
    Lists(enumerate::Library),
    /// Over natural numbers.
    Numbers(numbers::Library),
}
