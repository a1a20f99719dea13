//! Programs by what they match: one of each behaviour.

use std::collections::HashMap;

use super::program::Program;
use super::strings::Members;

/// Programs no two of which match the same strings of the pool; each is the shortest text of its kind.
#[derive(Clone, Debug)]
pub struct Language {
    programs: Vec<Program>,
    members: Vec<Members>,
    numbers: HashMap<Members, usize>,
}

impl Language {
    /// Of programs, by length of their texts, of equal ones the first. Those that match nothing of the pool are left
    /// out.
    pub fn new(programs: impl IntoIterator<Item = Program>) -> Self {
        let mut programs: Vec<(usize, Program)> =
            programs.into_iter().map(|program| (program.to_string().len(), program)).collect();
        programs.sort_by_key(|(length, _)| *length);
        let mut language = Language { programs: Vec::new(), members: Vec::new(), numbers: HashMap::new() };
        for (_, program) in programs {
            let members = program.members();
            if members.count() > 0 && !language.numbers.contains_key(&members) {
                language.numbers.insert(members, language.programs.len());
                language.members.push(members);
                language.programs.push(program);
            }
        }
        language
    }

    /// Of all programs of one to so many parts.
    pub fn of_parts(most: usize) -> Self {
        Language::new((1..=most).flat_map(Program::of_parts))
    }

    /// The same with some of its programs, by their numbers, in that order.
    ///
    /// # Panics
    /// If a number is none of a program.
    #[must_use]
    pub fn part(&self, numbers: &[usize]) -> Self {
        let members: Vec<Members> = numbers.iter().map(|number| self.members[*number]).collect();
        Language {
            programs: numbers.iter().map(|number| self.programs[*number].clone()).collect(),
            numbers: members.iter().copied().zip(0..).collect(),
            members,
        }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.programs.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }

    /// The programs.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// What each matches.
    pub fn members(&self) -> &[Members] {
        &self.members
    }

    /// The program that matches just these strings.
    pub fn find(&self, members: &Members) -> Option<usize> {
        self.numbers.get(members).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::DIFFERENT;
    use super::*;

    #[test]
    fn two_parts_make_1298_kinds_and_the_shortest_text_stands_for_each() {
        assert_eq!([1, 2, 3].map(|parts| Language::of_parts(parts).len()), DIFFERENT);
        let language = Language::of_parts(2);
        assert_eq!((language.len(), language.is_empty()), (1298, false));
        let text = |text: &str| {
            let found = language.find(&Program::parse(text).unwrap().members()).unwrap();
            language.programs()[found].to_string()
        };
        assert_eq!((text("a{1,2}"), text("aa?"), text("a?a")), ("aa?".into(), "aa?".into(), "aa?".into()));
        assert!(language.members().iter().all(|members| members.count() > 0));
        let part = language.part(&[7, 3]);
        assert_eq!((part.len(), part.find(&language.members()[3])), (2, Some(1)));
        assert_eq!(part.find(&language.members()[4]), None);
    }
}
