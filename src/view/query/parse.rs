//! Text to query and back. Every fault has a place and says what was expected.

use std::fmt;

use super::{Column, Compare, Query};

/// Parentheses and negations may lie this deep in each other.
const DEEPEST: usize = 64;

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// Characters before the place.
    pub at: usize,
    /// The sentence.
    pub message: String,
}

impl QueryError {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        QueryError { at, message: message.into() }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.at + 1, self.message)
    }
}

impl std::error::Error for QueryError {}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Minus,
    And,
    Or,
    Not,
    Sign(Compare),
    Text { text: String, quoted: bool },
}

impl Token {
    /// As an error names it.
    fn name(&self) -> String {
        match self {
            Token::Open => "`(`".into(),
            Token::Close => "`)`".into(),
            Token::Minus => "`-`".into(),
            Token::And => "`AND`".into(),
            Token::Or => "`OR`".into(),
            Token::Not => "`NOT`".into(),
            Token::Sign(compare) => format!("`{}`", compare.sign()),
            Token::Text { text, .. } => format!("`{text}`"),
        }
    }
}

/// The sign of a comparison that some characters begin with.
fn sign(rest: &[char]) -> Option<(usize, Compare)> {
    let fits = |sign: &str| sign.chars().enumerate().all(|(at, c)| rest.get(at) == Some(&c));
    Compare::ALL.iter().find(|(sign, _)| fits(sign)).map(|(sign, compare)| (sign.len(), *compare))
}

/// Whether a text must be in quotes here.
fn ends_text(rest: &[char]) -> bool {
    rest[0].is_whitespace() || matches!(rest[0], '(' | ')' | '"') || sign(rest).is_some()
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, QueryError> {
    let all: Vec<char> = text.chars().collect();
    let mut tokens: Vec<(usize, Token)> = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let rest = &all[at..];
        let is_value = matches!(tokens.last(), Some((_, Token::Sign(_))));
        let (length, token) = match rest[0] {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => (1, Token::Open),
            ')' => (1, Token::Close),
            '-' if !is_value => (1, Token::Minus),
            '"' => in_quotes(rest, at)?,
            _ => match sign(rest) {
                Some((length, compare)) => (length, Token::Sign(compare)),
                None => bare(rest, is_value),
            },
        };
        tokens.push((at, token));
        at += length;
    }
    Ok(tokens)
}

/// A text without quotes, or a word that joins; how many characters it takes.
fn bare(rest: &[char], is_value: bool) -> (usize, Token) {
    let length = (1..rest.len()).find(|at| ends_text(&rest[*at..])).unwrap_or(rest.len());
    let text: String = rest[..length].iter().collect();
    let token = match text.as_str() {
        "AND" if !is_value => Token::And,
        "OR" if !is_value => Token::Or,
        "NOT" if !is_value => Token::Not,
        _ => Token::Text { text, quoted: false },
    };
    (length, token)
}

/// A text in quotes, where `\` takes the next character as it is.
fn in_quotes(rest: &[char], at: usize) -> Result<(usize, Token), QueryError> {
    let mut text = String::new();
    let mut place = 1;
    while let Some(c) = rest.get(place) {
        match c {
            '"' => return Ok((place + 1, Token::Text { text, quoted: true })),
            '\\' if rest.len() > place + 1 => {
                text.push(rest[place + 1]);
                place += 2;
            }
            c => {
                text.push(*c);
                place += 1;
            }
        }
    }
    Err(QueryError::new(at, "these quotes are not closed"))
}

/// A text as it must be typed to be one text.
pub(super) fn quoted(text: &str) -> String {
    let all: Vec<char> = text.chars().collect();
    let joins = matches!(text, "AND" | "OR" | "NOT");
    let odd = (0..all.len()).any(|at| ends_text(&all[at..]) || all[at] == '\\');
    if text.is_empty() || joins || text.starts_with('-') || odd {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        text.to_owned()
    }
}

pub(super) fn read(text: &str) -> Result<Query, QueryError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Query::default());
    }
    let mut reader = Reader { tokens: &tokens, place: 0, end: text.chars().count() };
    let query = reader.any(0)?;
    match reader.next() {
        None => Ok(query),
        Some((at, token)) => Err(QueryError::new(at, format!("{} closes nothing", token.name()))),
    }
}

struct Reader<'a> {
    tokens: &'a [(usize, Token)],
    place: usize,
    end: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.place).map(|(_, token)| token)
    }

    fn next(&mut self) -> Option<(usize, Token)> {
        let next = self.tokens.get(self.place).cloned();
        self.place += 1;
        next
    }

    /// Parts between OR.
    fn any(&mut self, depth: usize) -> Result<Query, QueryError> {
        let mut parts = vec![self.all(depth)?];
        while self.peek() == Some(&Token::Or) {
            self.place += 1;
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Query::Any(parts) })
    }

    /// Parts beside each other.
    fn all(&mut self, depth: usize) -> Result<Query, QueryError> {
        let mut parts = vec![self.one(depth)?];
        loop {
            match self.peek() {
                None | Some(Token::Or | Token::Close) => break,
                Some(Token::And) => self.place += 1,
                Some(_) => {}
            }
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Query::All(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Query, QueryError> {
        let expected = "expected a word, a field such as state:done, or ( )";
        let Some((at, token)) = self.next() else { return Err(QueryError::new(self.end, expected)) };
        if depth >= DEEPEST {
            return Err(QueryError::new(at, format!("more than {DEEPEST} parentheses or negations in each other")));
        }
        match token {
            Token::Minus | Token::Not => Ok(Query::Not(Box::new(self.one(depth + 1)?))),
            Token::Open => {
                let inner = self.any(depth + 1)?;
                match self.next() {
                    Some((_, Token::Close)) => Ok(inner),
                    _ => Err(QueryError::new(at, "this parenthesis is not closed")),
                }
            }
            Token::Text { text, quoted } => match self.peek() {
                Some(Token::Sign(compare)) if !quoted => self.column(at, &text, *compare),
                _ => Ok(Query::Word(text.to_lowercase())),
            },
            Token::Sign(_) => Err(QueryError::new(at, format!("expected a field before {}", token.name()))),
            _ => Err(QueryError::new(at, format!("{expected}, found {}", token.name()))),
        }
    }

    fn column(&mut self, at: usize, name: &str, compare: Compare) -> Result<Query, QueryError> {
        let column = Column::of(name, at)?;
        let sign_at = self.next().map_or(at, |(at, _)| at);
        match self.next() {
            Some((at, Token::Text { text, .. })) => {
                let (compare, value) = column.value(compare, &text, (sign_at, at))?;
                Ok(Query::Is(column, compare, value))
            }
            other => {
                let (at, found) = other.map_or((self.end, "nothing".into()), |(at, token)| (at, token.name()));
                let after = format!("{}{}", column.name(), compare.sign());
                Err(QueryError::new(at, format!("expected a value after `{after}`, found {found}")))
            }
        }
    }
}
