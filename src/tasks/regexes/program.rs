//! Programs: texts of parts, and what they match.

use std::fmt;
use std::sync::LazyLock;

use regex::RegexBuilder;

use super::MOST_PARTS;
use super::strings::{Matched, Members, text};

/// What a part matches once.
pub const ATOMS: [&str; 10] = ["a", "b", "A", "B", "0", "1", "[a-z]", "[A-Z]", "[0-9]", "[A-Za-z]"];
/// How often it may come.
pub const REPEATS: [&str; 5] = ["", "{2}", "{1,2}", "{1,}", "?"];
/// Different parts.
pub const PARTS: usize = ATOMS.len() * REPEATS.len();

/// Other ways to write the same, in people's lists.
const SAME_ATOMS: [(&str, u8); 3] = [("[a-zA-Z]", 9), ("\\d", 8), ("[[:digit:]]", 8)];
const SAME_REPEATS: [(&str, u8); 5] = [("+", 3), ("{1}", 0), ("{0,1}", 4), ("{2,2}", 1), ("{1,1}", 0)];

/// An atom with how often it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// Its place in [`ATOMS`].
    pub atom: u8,
    /// Its place in [`REPEATS`].
    pub repeat: u8,
}

/// Parts one behind the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Program(Vec<Part>);

impl Part {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Part> + Clone {
        (0..PARTS as u8).map(|part| Part { atom: part / REPEATS.len() as u8, repeat: part % REPEATS.len() as u8 })
    }

    fn matched(self) -> &'static Matched {
        &MATCHED[usize::from(self.atom) * REPEATS.len() + usize::from(self.repeat)]
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", ATOMS[usize::from(self.atom)], REPEATS[usize::from(self.repeat)])
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| write!(f, "{part}"))
    }
}

/// What every part matches, by the regular expression engine.
static MATCHED: LazyLock<Vec<Matched>> = LazyLock::new(|| Part::all().map(|part| matched(&part.to_string())).collect());

/// What an expression matches as a whole.
///
/// # Panics
/// If it is no regular expression.
fn matched(expression: &str) -> Matched {
    let whole = RegexBuilder::new(&format!("^(?:{expression})$")).unicode(false).build();
    let whole = whole.expect("a part is a regular expression");
    Matched { members: Members::of(|string| whole.is_match(&text(string))), empty: whole.is_match("") }
}

impl Program {
    /// Of one to three parts.
    ///
    /// # Panics
    /// If there are none or more.
    pub fn new(parts: Vec<Part>) -> Self {
        assert!((1..=MOST_PARTS).contains(&parts.len()), "{} parts make no program", parts.len());
        Program(parts)
    }

    /// All texts of so many parts.
    pub fn of_parts(parts: usize) -> Vec<Program> {
        (1..parts).fold(Part::all().map(|part| Program(vec![part])).collect(), |shorter: Vec<Program>, _| {
            let longer = |program: &Program| {
                let program = program.clone();
                Part::all().map(move |part| Program([program.0.as_slice(), &[part]].concat()))
            };
            shorter.iter().flat_map(longer).collect()
        })
    }

    /// Its parts.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Reads a text of parts; anchors around it are allowed, and other ways to write a part.
    ///
    /// # Errors
    /// With the rest of the text that is no part, or a word about how many there are.
    pub fn parse(text: &str) -> Result<Program, String> {
        let whole = text.strip_prefix('^').unwrap_or(text);
        let mut rest = whole.strip_suffix('$').unwrap_or(whole);
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let (atom, behind) = longest(rest, &ATOMS, &SAME_ATOMS).ok_or_else(|| format!("`{rest}` is no part"))?;
            let (repeat, behind) = longest(behind, &REPEATS, &SAME_REPEATS).unwrap_or((0, behind));
            parts.push(Part { atom, repeat });
            rest = behind;
        }
        match parts.len() {
            1..=MOST_PARTS => Ok(Program(parts)),
            count => Err(format!("{count} parts where 1 to {MOST_PARTS} are taken")),
        }
    }

    /// Which strings of the pool it matches as a whole: the engine says it of each part, and the whole matches where a
    /// string can be cut between them.
    pub fn members(&self) -> Members {
        let first = *self.0[0].matched();
        self.0[1..].iter().fold(first, |before, part| before.then(part.matched())).members
    }
}

/// The number of the longest word that a text begins with, and what follows it.
fn longest<'t>(text: &'t str, words: &[&str], same: &[(&str, u8)]) -> Option<(u8, &'t str)> {
    let words = words.iter().zip(0..).map(|(word, number)| (*word, number)).chain(same.iter().copied());
    let (word, number) = words.filter(|(word, _)| text.starts_with(word)).max_by_key(|(word, _)| word.len())?;
    Some((number, &text[word.len()..]))
}

#[cfg(test)]
mod tests {
    use super::super::strings::{LETTERS, number};
    use super::*;

    fn matches(program: &str, string: &str) -> bool {
        let letter = |c: char| LETTERS.iter().position(|known| *known == c).unwrap() as u8;
        let letters: Vec<u8> = string.chars().map(letter).collect();
        let members = Program::parse(program).unwrap().members();
        members.has(number(&letters).unwrap())
    }

    #[test]
    fn one_or_two_letters_and_perhaps_a_zero() {
        assert!(["a", "ab", "ab0", "b0"].iter().all(|string| matches("[a-z]{1,2}0?", string)));
        // `abab` of the sheet is longer than the strings of the pool.
        assert!(["0", "aba", "A0", "A0a"].iter().all(|string| !matches("[a-z]{1,2}0?", string)));
    }

    #[test]
    fn there_are_so_many_programs_and_the_engine_agrees_on_every_one() {
        assert_eq!(Part::all().count(), 50);
        let two: Vec<Program> = [Program::of_parts(1), Program::of_parts(2)].concat();
        assert_eq!(two.len(), 2550);
        assert_eq!(Program::of_parts(3).len(), 125_000);
        for program in two.iter().chain(Program::of_parts(3).iter().step_by(997)) {
            assert_eq!(program.members(), matched(&program.to_string()).members, "{program}");
            assert_eq!(Program::parse(&program.to_string()).as_ref(), Ok(program));
        }
    }

    #[test]
    fn people_write_parts_in_other_ways() {
        let same = |a: &str, b: &str| assert_eq!(Program::parse(a), Program::parse(b));
        same("^[a-zA-Z]+\\d{0,1}$", "[A-Za-z]{1,}[0-9]?");
        same("a{1}b{2,2}", "ab{2}");
        for (wrong, told) in [("a|b", "`|b`"), ("", "0 parts"), ("abAB", "4 parts"), ("a{3}", "`{3}`"), ("c", "`c`")] {
            assert!(Program::parse(wrong).unwrap_err().contains(told), "{wrong}");
        }
    }
}
