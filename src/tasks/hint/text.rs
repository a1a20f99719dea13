//! The text of expressions: its tree by the shunting-yard algorithm (Dijkstra 1961), the heads of its symbols, and the
//! authors' JSON.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::expression::{Expression, Operator, Tree};

/// An expression in the authors' files; what else stands there is passed over.
#[derive(Serialize, Deserialize)]
struct Written {
    expr: String,
    head: Vec<i64>,
    res: u64,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no list of `{expr, head, res}`.
    #[error("expected a list of {{expr, head, res}}: {0}")]
    Json(#[from] serde_json::Error),
    /// An entry says something that is not so.
    #[error("entry {entry}, `{text}`: {says}")]
    Entry {
        /// Counted from 1.
        entry: usize,
        /// The expression.
        text: String,
        /// What is wrong.
        says: String,
    },
}

/// Half-read text: values and operators that wait, each value with its root's place.
struct Yard {
    values: Vec<(Tree, usize)>,
    /// Operators with their places; none for an open parenthesis.
    waiting: Vec<(Option<Operator>, usize)>,
    heads: Vec<Option<usize>>,
}

impl Yard {
    /// Applies the last operator that waits.
    fn reduce(&mut self) -> Option<()> {
        let (Some(operator), place) = self.waiting.pop()? else { return None };
        let ((right, right_root), (left, left_root)) = (self.values.pop()?, self.values.pop()?);
        self.heads[left_root] = Some(place);
        self.heads[right_root] = Some(place);
        self.values.push((Tree::Apply(operator, Box::new([left, right])), place));
        Some(())
    }

    fn operator(&mut self, operator: Operator, place: usize) -> Option<()> {
        let stronger =
            |(last, _): &(Option<Operator>, usize)| last.is_some_and(|l| l.precedence() >= operator.precedence());
        while self.waiting.last().is_some_and(stronger) {
            self.reduce()?;
        }
        self.waiting.push((Some(operator), place));
        Some(())
    }

    fn close(&mut self, place: usize) -> Option<()> {
        while self.waiting.last()?.0.is_some() {
            self.reduce()?;
        }
        let (_, open) = self.waiting.pop()?;
        let root = self.values.last()?.1;
        self.heads[open] = Some(root);
        self.heads[place] = Some(root);
        Some(())
    }
}

/// Reads digits, operators and parentheses; none where they are no expression.
fn read_text(text: &str) -> Option<(Tree, Vec<Option<usize>>)> {
    let mut yard = Yard { values: Vec::new(), waiting: Vec::new(), heads: vec![None; text.chars().count()] };
    let mut value_expected = true;
    for (place, symbol) in text.chars().enumerate() {
        let (needs_value, then) = match symbol {
            '0'..='9' | '(' => (true, symbol == '('),
            _ => (false, symbol != ')'),
        };
        if needs_value != value_expected {
            return None;
        }
        value_expected = then;
        match symbol {
            '(' => yard.waiting.push((None, place)),
            ')' => yard.close(place)?,
            _ => match symbol.to_digit(10) {
                Some(digit) => yard.values.push((Tree::Digit(digit as u8), place)),
                None => yard.operator(Operator::of(symbol)?, place)?,
            },
        }
    }
    while !yard.waiting.is_empty() {
        yard.reduce()?;
    }
    let (tree, _) = yard.values.pop()?;
    (!value_expected && yard.values.is_empty()).then_some((tree, yard.heads))
}

/// The place of each symbol's head.
pub(super) fn heads_of(text: &str) -> Option<Vec<Option<usize>>> {
    read_text(text).map(|(_, heads)| heads)
}

#[cfg(test)]
pub(super) fn tree_of(text: &str) -> Option<Tree> {
    read_text(text).map(|(tree, _)| tree)
}

/// Reads a file of the authors: a JSON list. Heads and results must be those of the text.
///
/// # Errors
/// Where it is no such list, or an entry is wrong.
pub fn read(text: &str) -> Result<Vec<Expression>, ReadError> {
    let written: Vec<Written> = serde_json::from_str(text)?;
    let refused = |at: usize, text: &str, says: String| ReadError::Entry { entry: at + 1, text: text.to_owned(), says };
    let entries = written.into_iter().enumerate();
    entries.map(|(at, entry)| checked(&entry).map_err(|says| refused(at, &entry.expr, says))).collect()
}

fn checked(entry: &Written) -> Result<Expression, String> {
    let (tree, _) = read_text(&entry.expr).ok_or("expected digits, + - * / and parentheses that make an expression")?;
    let expression = Expression::of(&tree).ok_or("expected no division by zero")?;
    if expression.text != entry.expr {
        return Err(format!("expected no more parentheses than `{}` has", expression.text));
    }
    if expression.result != entry.res {
        return Err(format!("expected res {}, found {}", expression.result, entry.res));
    }
    let heads = written_heads(&expression.heads);
    if heads == entry.head { Ok(expression) } else { Err(format!("expected head {heads:?}, found {:?}", entry.head)) }
}

fn written_heads(heads: &[Option<usize>]) -> Vec<i64> {
    heads.iter().map(|head| head.map_or(-1, |head| head as i64)).collect()
}

/// Writes a JSON list, an expression a line.
pub(super) fn write(expressions: &[Expression], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "[")?;
    for (at, Expression { text, heads, result, .. }) in expressions.iter().enumerate() {
        let written = Written { expr: text.clone(), head: written_heads(heads), res: *result };
        let comma = if at + 1 < expressions.len() { "," } else { "" };
        writeln!(out, "{}{comma}", serde_json::to_string(&written)?)?;
    }
    writeln!(out, "]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_those_of_the_authors_examples() {
        let heads = |text: &str| written_heads(&heads_of(text).unwrap());
        assert_eq!(heads("6*(5-2)"), [1, -1, 4, 4, 1, 4, 4]);
        assert_eq!(heads("(6+4)/(3-1)"), [2, 2, 5, 2, 2, -1, 8, 8, 5, 8, 8]);
        for wrong in ["", "6*", "(6", "6)", "12", "6(5)", "()", "6+*5", "a"] {
            assert_eq!(heads_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_with_an_error_is_refused_by_its_entry() {
        let good = r#"[{"expr":"7/2","head":[1,-1,1],"res":4,"img_paths":[]}]"#;
        assert_eq!(read(good).unwrap()[0].result, 4);
        for (wrong, told) in [
            (good.replace("\"res\":4", "\"res\":3"), "entry 1, `7/2`: expected res 4"),
            (good.replace("[1,-1,1]", "[1,-1,0]"), "expected head"),
            (good.replace("7/2", "(7)"), "no more parentheses"),
            (good.replace("7/2", "7//"), "make an expression"),
            (good.replace("7/2", "7/0"), "division by zero"),
            (good.replace("expr", "text"), "list of {expr, head, res}"),
        ] {
            let message = read(&wrong).unwrap_err().to_string();
            assert!(message.contains(told), "{message}");
        }
    }
}
