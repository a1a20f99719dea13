//! Where the fields of a RON text stand, so that a message can point at them.
//!
//! A small scanner, not a parser: it skips strings and comments, follows brackets with its own stack
//! (no recursion, so no text is too deep) and never fails; of a broken text it knows what it saw.

use std::ops::Range;

/// A place in a text, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A field that the scanner saw.
#[derive(Debug)]
struct Field {
    /// Path with the names of enum variants, and the same without them.
    paths: [String; 2],
    key: usize,
    value: usize,
}

/// The fields of a text.
#[derive(Debug)]
pub(super) struct Map<'a> {
    text: &'a str,
    fields: Vec<Field>,
    numbers: Vec<(usize, &'a str)>,
}

/// Deeper than any preset is; what lies below is not looked at.
const DEEPEST: usize = 64;

/// One open bracket.
struct Frame {
    /// Lengths of the two paths of what it holds.
    base: [usize; 2],
    /// Position in a list or tuple.
    index: usize,
    /// Whether a key was seen, and no comma since.
    keyed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A name or a number.
    Word(&'a str),
    /// What stands between double quotes.
    Text(&'a str),
    /// A raw string or a character.
    Quoted,
    /// Anything else that is no white space.
    Sign(u8),
}

impl<'a> Map<'a> {
    /// Scans a text.
    pub(super) fn of(text: &'a str) -> Self {
        let mut map = Map { text, fields: Vec::new(), numbers: Vec::new() };
        let tokens = tokens(text);
        let mut paths = [String::new(), String::new()];
        let mut frames: Vec<Frame> = Vec::new();
        let mut depth = 0_usize;
        for (i, (range, token)) in tokens.iter().enumerate() {
            let (at, token) = (range.start, *token);
            let next = tokens.get(i + 1).map(|(_, token)| *token);
            match token {
                Token::Sign(b'(' | b'[' | b'{') => {
                    depth += 1;
                    if depth <= DEEPEST {
                        let before = i.checked_sub(1).map(|i| tokens[i].1);
                        map.element(&mut frames, &mut paths, at);
                        frames.push(Frame::opened(before.filter(|_| depth > 1), &mut paths));
                    }
                }
                Token::Sign(b')' | b']' | b'}') => {
                    if depth <= DEEPEST {
                        frames.pop();
                    }
                    depth = depth.saturating_sub(1);
                }
                Token::Sign(b',') if depth <= DEEPEST => {
                    if let Some(frame) = frames.last_mut() {
                        (frame.index, frame.keyed) = (frame.index + 1, false);
                    }
                }
                Token::Word(name) | Token::Text(name) if depth > 0 && next == Some(Token::Sign(b':')) => {
                    if let Some(frame) = frames.last_mut().filter(|_| depth <= DEEPEST) {
                        frame.keyed = true;
                        let value = tokens.get(i + 2).map_or(at, |(value, _)| value.start);
                        map.field_at(frame, &mut paths, name, [at, value]);
                    }
                }
                Token::Word(_) | Token::Text(_) | Token::Quoted if depth <= DEEPEST => {
                    map.element(&mut frames, &mut paths, at)
                }
                _ => {}
            }
            if let Token::Word(word) = token {
                map.numbers.push((at, word));
            }
        }
        map
    }

    fn field_at(&mut self, frame: &Frame, paths: &mut [String; 2], name: &str, [key, value]: [usize; 2]) {
        paths.iter_mut().zip(frame.base).for_each(|(path, length)| path.truncate(length));
        paths.iter_mut().for_each(|path| extend(path, name));
        self.fields.push(Field { paths: paths.clone(), key, value });
    }

    /// The start of an element of a list or tuple is a field named by its number.
    fn element(&mut self, frames: &mut [Frame], paths: &mut [String; 2], at: usize) {
        let Some(frame) = frames.last_mut().filter(|frame| !frame.keyed) else { return };
        frame.keyed = true;
        self.field_at(frame, paths, &frame.index.to_string(), [at, at]);
    }

    /// Every field that has a name, in order, and where that stands.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&str, Place)> {
        let named = self.fields.iter().filter(|field| field.key != field.value);
        named.map(|field| (field.paths[0].as_str(), place(self.text, field.key)))
    }

    /// Where the field's name stands.
    pub(super) fn key(&self, path: &str) -> Option<Place> {
        self.field(path).map(|field| place(self.text, field.key))
    }

    /// Where the field's value stands.
    pub(super) fn value(&self, path: &str) -> Option<Place> {
        self.field(path).map(|field| place(self.text, field.value))
    }

    /// The text from the field's value on.
    pub(super) fn value_text(&self, path: &str) -> Option<&'a str> {
        self.field(path).map(|field| &self.text[field.value..])
    }

    /// The nearest field above `path` that there is, and where.
    pub(super) fn nearest_above(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.key(path) {
                return Some(place);
            }
            path = path.rsplit_once('.')?.0;
        }
    }

    /// The first number that is too large to be meant: it would be read as infinity.
    pub(super) fn overflow(&self) -> Option<(Place, &'a str)> {
        let huge = |word: &str| overflows(word);
        self.numbers.iter().find(|(_, word)| huge(word)).map(|(at, word)| (place(self.text, *at), *word))
    }

    /// The first field that stands there a second time.
    pub(super) fn twice(&self) -> Option<(Place, &str)> {
        let mut seen = std::collections::HashSet::new();
        let named = self.fields.iter().filter(|field| field.key != field.value);
        let again = named.into_iter().find(|field| !seen.insert(field.paths[0].as_str()))?;
        Some((place(self.text, again.key), again.paths[0].as_str()))
    }

    fn field(&self, path: &str) -> Option<&Field> {
        let path = path.replace('[', ".").replace(']', "");
        let path = path.trim_start_matches('.');
        self.fields.iter().find(|field| field.paths.iter().any(|p| p == path))
    }
}

impl Frame {
    /// A bracket behind `before`: the name of a variant, `Some`, or nothing that counts.
    fn opened(before: Option<Token<'_>>, paths: &mut [String; 2]) -> Self {
        let name = if let Some(Token::Word(name)) = before { name } else { "" };
        if !name.is_empty() && name != "Some" {
            extend(&mut paths[0], name);
        }
        // `Some((a: 1))` is the same field as `(a: 1)`.
        Frame { base: [paths[0].len(), paths[1].len()], index: 0, keyed: name == "Some" }
    }
}

fn extend(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// Whether a decimal number is larger than a setting of any type can hold (32-bit floats included).
pub(super) fn overflows(word: &str) -> bool {
    let number: Result<f64, _> = word.replace('_', "").parse();
    number.is_ok_and(|x| x.abs() > f64::from(f32::MAX)) && word.contains(|c: char| c.is_ascii_digit())
}

/// Line and column of a byte.
pub(super) fn place(text: &str, at: usize) -> Place {
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place { line: 1 + before.matches('\n').count(), column: 1 + before[start..].chars().count() }
}

/// The tokens of a text and the bytes they take; comments and white space are left out.
pub(super) fn tokens(text: &str) -> Vec<(Range<usize>, Token<'_>)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let (length, token) = match bytes[at] {
            b'/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), None),
            b'/' if rest.starts_with("/*") => (comment(rest), None),
            b'"' => {
                let length = string(rest);
                let inside = &rest[1..length];
                (length, Some(Token::Text(inside.strip_suffix('"').unwrap_or(inside))))
            }
            b'r' if raw(rest).is_some() => (raw(rest).unwrap_or(1), Some(Token::Quoted)),
            b'\'' => (character(rest), Some(Token::Quoted)),
            byte if wordy(byte) => {
                let length = rest.bytes().position(|b| !wordy(b)).unwrap_or(rest.len());
                (length, Some(Token::Word(&rest[..length])))
            }
            byte => (1, (!byte.is_ascii_whitespace()).then_some(Token::Sign(byte))),
        };
        found.extend(token.map(|token| (at..at + length, token)));
        at += length;
    }
    found
}

/// Whether a byte can be part of a name or a number; no byte of a wider character splits one.
fn wordy(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+' | b'-') || byte >= 0x80
}

/// Length of a block comment; they nest.
fn comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length of a quoted string with its quotes.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of a raw string `r#"..."#`, if the text starts with one.
fn raw(text: &str) -> Option<usize> {
    let hashes = text[1..].bytes().take_while(|&b| b == b'#').count();
    let body = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(body.find(&end).map_or(text.len(), |at| 2 + hashes + at + end.len()))
}

/// Length of a character literal; a lone quote is one byte long.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    let end = match chars.next() {
        Some((_, '\\')) => chars.nth(1),
        Some(_) => chars.next(),
        None => None,
    };
    end.filter(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r##"// system: "not this"
(
    system: "fa)ke", /* seed: 1, /* nested */ */
    note: r#"a "quoted" width: 3"#,
    settings: (
        width: 64,
        model: Transformer(heads: 3, rates: [0.1, 1e999]),
        list: [(a: 1), Some((a: 2))],
        map: {"k": 'x', "w": (5, 6)},
    ),
)"##;

    #[test]
    fn finds_fields_and_skips_strings_and_comments() {
        let map = Map::of(TEXT);
        let key = |path| map.key(path).map(|p| (p.line, p.column));
        assert_eq!(key("system"), Some((3, 5)));
        assert!(map.value_text("system").unwrap().starts_with("\"fa)ke\""));
        assert_eq!(key("seed"), None);
        assert_eq!(key("settings.width"), Some((6, 9)));
        assert_eq!(map.value("settings.width"), Some(Place { line: 6, column: 16 }));
        assert_eq!(key("settings.model.heads"), Some((7, 28)));
        assert_eq!(key("settings.model.Transformer.heads"), Some((7, 28)));
        assert_eq!(key("settings.model.rates[1]"), Some((7, 51)));
        assert_eq!(key("settings.list[0].a"), Some((8, 17)));
        assert_eq!(key("settings.list[1].a"), Some((8, 30)));
        assert_eq!(key("settings.map.w[1]"), Some((9, 34)));
        assert_eq!(map.nearest_above("settings.model.depth"), Some(Place { line: 7, column: 9 }));
        assert_eq!(map.overflow(), Some((Place { line: 7, column: 51 }, "1e999")));
    }

    #[test]
    fn depth_and_rubbish_do_no_harm() {
        for text in ["[".repeat(100_000), "(a:".repeat(100_000), ")]}'\"".into(), "r##\"/*'\\".into()] {
            Map::of(&text);
        }
        assert!(!overflows("inf") && !overflows("1_000") && overflows("-1e39") && !overflows("0x1F"));
    }
}
