//! The fixed pool: all strings of one to three letters, and sets of them.

use std::sync::LazyLock;

/// The letters that strings are made of.
pub const LETTERS: [char; 6] = ['a', 'b', 'A', 'B', '0', '1'];
/// Letters of the longest string.
pub const LONGEST: usize = 3;
/// Strings of the pool: 6 + 36 + 216.
pub const STRINGS: usize = 258;
const WORDS: usize = STRINGS.div_ceil(64);

/// Which strings of the pool are in a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Members([u64; WORDS]);

impl Members {
    /// The strings for which `holds` says so.
    pub fn of(holds: impl Fn(usize) -> bool) -> Self {
        let mut members = Members::default();
        (0..STRINGS).filter(|string| holds(*string)).for_each(|string| members.insert(string));
        members
    }

    /// Puts a string in.
    pub const fn insert(&mut self, string: usize) {
        self.0[string / 64] |= 1 << (string % 64);
    }

    /// Whether a string is in.
    pub const fn has(&self, string: usize) -> bool {
        self.0[string / 64] >> (string % 64) & 1 == 1
    }

    /// How many are in.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The strings that are in, or those that are not, in order.
    pub fn strings(&self, within: bool) -> impl Iterator<Item = usize> {
        (0..STRINGS).filter(move |string| self.has(*string) == within)
    }
}

/// Strings of fewer letters than `length`, without the empty one.
const fn shorter(length: usize) -> usize {
    match length {
        0 | 1 => 0,
        2 => 6,
        _ => 42,
    }
}

/// The letters of a string of the pool, by their places in [`LETTERS`]. The pool is in order of length, then of letters.
///
/// # Panics
/// If the pool has no such string.
pub fn letters(string: usize) -> Vec<u8> {
    assert!(string < STRINGS, "the pool has no string {string}");
    let length = (1..=LONGEST).rev().find(|length| shorter(*length) <= string).unwrap_or(1);
    let rest = string - shorter(length);
    (0..length as u32).rev().map(|place| (rest / 6usize.pow(place) % 6) as u8).collect()
}

/// The number of a string of letters; none if it is empty or too long.
pub fn number(letters: &[u8]) -> Option<usize> {
    let fits = (1..=LONGEST).contains(&letters.len()) && letters.iter().all(|letter| *letter < 6);
    fits.then(|| shorter(letters.len()) + letters.iter().fold(0, |sum, letter| 6 * sum + usize::from(*letter)))
}

/// A string of the pool as text.
pub fn text(string: usize) -> String {
    letters(string).iter().map(|letter| LETTERS[usize::from(*letter)]).collect()
}

/// For every string the ways to cut it in two; none is the empty string.
type Cuts = Vec<Vec<(Option<usize>, Option<usize>)>>;

static CUTS: LazyLock<Cuts> = LazyLock::new(|| {
    let cuts = |string: usize| {
        let letters = letters(string);
        (0..=letters.len()).map(|at| (number(&letters[..at]), number(&letters[at..]))).collect()
    };
    (0..STRINGS).map(cuts).collect()
});

/// A set of strings that may have the empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Matched {
    pub(super) members: Members,
    pub(super) empty: bool,
}

impl Matched {
    fn has(&self, string: Option<usize>) -> bool {
        string.map_or(self.empty, |string| self.members.has(string))
    }

    /// One of these strings followed by one of those.
    pub(super) fn then(&self, next: &Matched) -> Matched {
        let joined = |string: usize| CUTS[string].iter().any(|(head, tail)| self.has(*head) && next.has(*tail));
        Matched { members: Members::of(joined), empty: self.empty && next.empty }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_has_every_string_of_one_to_three_letters_once() {
        let texts: std::collections::BTreeSet<String> = (0..STRINGS).map(text).collect();
        assert_eq!(texts.len(), 258);
        assert_eq!(2 * STRINGS, 516, "examples: every string with either label");
        for string in 0..STRINGS {
            assert_eq!(number(&letters(string)), Some(string));
        }
        assert_eq!((text(0), text(6), text(42), text(257)), ("a".into(), "aa".into(), "aaa".into(), "111".into()));
        assert_eq!((number(&[]), number(&[0; 4]), number(&[6])), (None, None, None));
    }

    #[test]
    fn sets_know_who_is_in() {
        let set = Members::of(|string| string % 3 == 1);
        assert_eq!((set.count(), set.has(4), set.has(257)), (86, true, false));
        assert_eq!(set.strings(true).count() + set.strings(false).count(), STRINGS);
        assert!(set.strings(false).all(|string| string % 3 != 1));
    }
}
