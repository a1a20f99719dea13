//! One language to ask lists with: words, `column:value`, `seed>=2`, AND (a blank), OR, NOT (`-`), parentheses, quotes.
//!
//! A word passes what contains it. `:` asks for a beginning, `=` for the whole, numbers and ages take `<` and its kin.
//! What a row does not know ([`Query::passes`] says nothing) neither passes nor passes negated.

mod columns;
mod parse;
mod sift;
#[cfg(test)]
mod tests;

use std::fmt;

pub use columns::Column;
pub use parse::QueryError;
pub use sift::{Presets, Sifted, sift};

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `:`, a text begins with it.
    Begins,
    /// `=`, and `:` of numbers.
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl Compare {
    /// All of them, the longer sign first where one begins with another.
    const ALL: [(&'static str, Compare); 7] = [
        ("!=", Compare::Unequal),
        ("<=", Compare::AtMost),
        (">=", Compare::AtLeast),
        (":", Compare::Begins),
        ("=", Compare::Equal),
        ("<", Compare::Less),
        (">", Compare::More),
    ];

    fn sign(self) -> &'static str {
        Compare::ALL.iter().find(|(_, compare)| *compare == self).map_or("", |(sign, _)| sign)
    }

    /// Whether it asks for an order, which only numbers have.
    const fn orders(self) -> bool {
        matches!(self, Compare::Less | Compare::AtMost | Compare::More | Compare::AtLeast)
    }

    fn numbers(self, found: f64, wanted: f64) -> bool {
        match self {
            Compare::Begins | Compare::Equal => found == wanted,
            Compare::Unequal => found != wanted,
            Compare::Less => found < wanted,
            Compare::AtMost => found <= wanted,
            Compare::More => found > wanted,
            Compare::AtLeast => found >= wanted,
        }
    }
}

/// What a column is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text in small letters.
    Text(String),
    /// A number; of an age, seconds.
    Number(f64),
}

/// What a list is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// A text that must be contained, in small letters.
    Word(String),
    /// A column and what it must be.
    Is(Column, Compare, Value),
    /// What must not pass.
    Not(Box<Query>),
    /// All must pass; none at all lets everything pass.
    All(Vec<Query>),
    /// One at least must pass.
    Any(Vec<Query>),
}

impl Default for Query {
    fn default() -> Self {
        Query::All(Vec::new())
    }
}

/// What a row says of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Texts of which one must do: tags, the values of a list.
    Texts(Vec<String>),
    /// A number.
    Number(f64),
}

/// A row of a list that can be asked.
pub trait Row {
    /// Whether its text contains a word in small letters.
    fn contains(&self, word: &str) -> bool;
    /// What it says of a column; nothing if it does not know.
    fn found(&self, column: &Column) -> Option<Found>;
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn read(text: &str) -> Result<Query, QueryError> {
        parse::read(text)
    }

    /// Whether a row passes; nothing when it turns on what the row does not know.
    pub fn passes(&self, row: &dyn Row) -> Option<bool> {
        match self {
            Query::Word(word) => Some(row.contains(word)),
            Query::Is(column, compare, value) => Some(holds(&row.found(column)?, *compare, value)),
            Query::Not(inner) => inner.passes(row).map(|passes| !passes),
            Query::All(parts) => decided(parts, row, false),
            Query::Any(parts) => decided(parts, row, true),
        }
    }
}

/// The answer of several parts, of which one that answers `by` decides.
fn decided(parts: &[Query], row: &dyn Row, by: bool) -> Option<bool> {
    let mut answer = Some(!by);
    for part in parts {
        match part.passes(row) {
            Some(passes) if passes == by => return Some(by),
            Some(_) => {}
            None => answer = None,
        }
    }
    answer
}

fn holds(found: &Found, compare: Compare, value: &Value) -> bool {
    match (found, value) {
        (Found::Number(found), Value::Number(wanted)) => compare.numbers(*found, *wanted),
        (Found::Texts(texts), Value::Text(wanted)) if compare == Compare::Unequal => {
            texts.iter().all(|text| !alike(text, Compare::Equal, wanted))
        }
        (Found::Texts(texts), Value::Text(wanted)) => texts.iter().any(|text| alike(text, compare, wanted)),
        _ => false,
    }
}

/// Two texts, as numbers where both are.
fn alike(text: &str, compare: Compare, wanted: &str) -> bool {
    if let (Ok(found), Ok(wanted)) = (text.parse::<f64>(), wanted.parse::<f64>())
        && (compare != Compare::Begins || found == wanted)
    {
        return compare.numbers(found, wanted);
    }
    match compare {
        Compare::Begins => text.to_lowercase().starts_with(wanted),
        Compare::Equal => text.to_lowercase() == wanted,
        _ => false,
    }
}

impl fmt::Display for Query {
    /// As it would be typed; reading it gives the same query again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Query::Word(word) => f.write_str(&parse::quoted(word)),
            Query::Is(column, compare, value) => {
                write!(f, "{}{}", column.name(), compare.sign())?;
                match value {
                    Value::Text(text) => f.write_str(&parse::quoted(text)),
                    Value::Number(number) => write!(f, "{number}{}", if *column == Column::Age { "s" } else { "" }),
                }
            }
            Query::Not(inner) => write!(f, "-{}", part(inner, true)),
            Query::All(parts) => joined(f, parts, " ", true),
            Query::Any(parts) => joined(f, parts, " OR ", false),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Query], between: &str, tight: bool) -> fmt::Result {
    for (at, one) in parts.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { between })?;
        f.write_str(&part(one, tight))?;
    }
    Ok(())
}

/// A part of a query, in parentheses where its own parts bind no tighter; beside OR, AND does.
fn part(query: &Query, tight: bool) -> String {
    match query {
        Query::Any(_) => format!("({query})"),
        Query::All(_) if tight => format!("({query})"),
        _ => query.to_string(),
    }
}
