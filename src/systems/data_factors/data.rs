//! Training sets: lines, what copies of them are called, and the commands that are tested.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand::seq::{SliceRandom, index};

use super::settings::{Arm, Corpus, Data, Difficulty, Files, Settings};
use crate::base::random::Key;
use crate::contract::TrialError;
use crate::tasks::scan::{self, Chains, Example, Split, VERBS};

/// How copies of a line differ from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renaming {
    /// Not at all.
    Nothing,
    /// Each verb of a line, or one of its copies, in every combination.
    Verbs {
        /// Whether the actions are those of the copies too.
        actions: bool,
    },
    /// All symbols of a copy are its own.
    All,
}

/// Lines with their copies, made when they are asked for: a set of millions takes no more room than its originals.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    originals: Vec<Example>,
    /// The number of the first copy of each original, and the number of all.
    first: Vec<u64>,
    copies: usize,
    renaming: Renaming,
}

/// A command that is tested.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    pub(super) example: Example,
    /// What training lacks of it: its row on the command board.
    pub(super) row: String,
}

/// What an arm trains on and is tested on.
#[derive(Clone, Debug)]
pub(super) struct Sets {
    /// Training lines but for the isolated ones.
    pub(super) lines: Lines,
    /// Lines that stand for themselves: the new word alone, and its copies.
    pub(super) isolated: Lines,
    /// Test commands.
    pub(super) tests: Vec<Test>,
    /// The new word, if there is one.
    pub(super) new_word: Option<String>,
}

/// Training lines without isolated ones, isolated lines, test lines.
type Parts = [Vec<Example>; 3];

impl Lines {
    pub(super) fn new(originals: Vec<Example>, copies: usize, renaming: Renaming) -> Self {
        let mut first = vec![0];
        for line in &originals {
            let own = match renaming {
                Renaming::Nothing | Renaming::All => copies as u64 + 1,
                Renaming::Verbs { .. } => (copies as u64 + 1).pow(verbs(line).len() as u32),
            };
            first.push(first[first.len() - 1] + own);
        }
        Lines { originals, first, copies, renaming }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        *self.first.last().expect("a number of all")
    }

    /// The original of a line, and which of its copies it is.
    fn original(&self, number: u64) -> (&Example, u64) {
        let at = self.first.partition_point(|first| *first <= number) - 1;
        (&self.originals[at], number - self.first[at])
    }

    /// A line by its number: originals in order, each with its copies behind it.
    pub(super) fn line(&self, number: u64) -> Example {
        let (original, copy) = self.original(number);
        match self.renaming {
            Renaming::Nothing => original.clone(),
            Renaming::All => in_vocabulary(original, copy as usize),
            Renaming::Verbs { actions } => {
                let mut rest = copy;
                let mut line = original.clone();
                for verb in verbs(original) {
                    let chosen = (rest % (self.copies as u64 + 1)) as usize;
                    rest /= self.copies as u64 + 1;
                    line = replaced(&line, verb, chosen, actions);
                }
                line
            }
        }
    }

    /// Actions of each line, for sorting.
    pub(super) fn lengths(&self) -> Vec<u16> {
        let own = |at: usize| {
            let count = (self.first[at + 1] - self.first[at]) as usize;
            std::iter::repeat_n(self.originals[at].actions.len() as u16, count)
        };
        (0..self.originals.len()).flat_map(own).collect()
    }

    /// All words, and all actions, of all lines.
    pub(super) fn symbols(&self) -> [BTreeSet<String>; 2] {
        let mut found = [BTreeSet::new(), BTreeSet::new()];
        for line in &self.originals {
            found[0].extend(line.command.iter().cloned());
            found[1].extend(line.actions.iter().cloned());
        }
        let plain = found.clone();
        for copy in 1..=self.copies {
            for (side, all) in plain.iter().enumerate() {
                let renamed = |symbol: &&String| match self.renaming {
                    Renaming::Nothing => false,
                    Renaming::All => true,
                    Renaming::Verbs { actions } => {
                        (side == 0 || actions) && VERBS.iter().any(|verb| [verb.0, verb.1][side] == **symbol)
                    }
                };
                let name = |symbol: &String| match self.renaming {
                    Renaming::All => own_symbol(symbol, copy),
                    _ => format!("{symbol}{copy}"),
                };
                let new: Vec<String> = all.iter().filter(renamed).map(name).collect();
                found[side].extend(new);
            }
        }
        found
    }
}

/// The different verbs of a line, in order of appearance.
pub(super) fn verbs(line: &Example) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for word in &line.command {
        let verb = VERBS.into_iter().find(|verb| verb.0 == word);
        found.extend(verb.filter(|verb| !found.contains(verb)));
    }
    found
}

/// A line with a verb's copy in its place (0: itself), in the actions too if wanted.
pub(super) fn replaced(line: &Example, verb: (&str, &str), copy: usize, actions: bool) -> Example {
    let of = |symbols: &[String], from: &str| {
        let one = |symbol: &String| if copy > 0 && symbol == from { format!("{symbol}{copy}") } else { symbol.clone() };
        symbols.iter().map(one).collect()
    };
    let done = if actions { of(&line.actions, verb.1) } else { line.actions.clone() };
    Example { command: of(&line.command, verb.0), actions: done }
}

/// A symbol in the vocabulary of a copy.
fn own_symbol(symbol: &str, copy: usize) -> String {
    format!("{symbol}@{copy}")
}

/// A line in the vocabulary of a copy; copy 0 is the line itself.
pub(super) fn in_vocabulary(line: &Example, copy: usize) -> Example {
    let of = |symbols: &[String]| match copy {
        0 => symbols.to_vec(),
        _ => symbols.iter().map(|symbol| own_symbol(symbol, copy)).collect(),
    };
    Example { command: of(&line.command), actions: of(&line.actions) }
}

/// Reads a pair of files.
pub(super) fn read(files: &Files) -> Result<[Vec<Example>; 2], String> {
    let read = |path: &std::path::Path| {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
        let lines = scan::read(&text).map_err(|error| told(&error))?;
        if lines.is_empty() { Err(told(&"expected a line at least")) } else { Ok(lines) }
    };
    Ok([read(&files.train)?, read(&files.test)?])
}

/// Lines that come more than once are isolated ones.
fn parted(train: Vec<Example>, test: Vec<Example>) -> Parts {
    let mut times: BTreeMap<&Example, usize> = BTreeMap::new();
    train.iter().for_each(|line| *times.entry(line).or_default() += 1);
    let isolated: Vec<Example> =
        times.iter().filter(|(_, times)| **times > 1).map(|(line, _)| (*line).clone()).collect();
    let lines = train.into_iter().filter(|line| !isolated.contains(line)).collect();
    [lines, isolated, test]
}

fn parts(arm: &Arm, key: Key) -> Result<Parts, TrialError> {
    Ok(match (&arm.corpus, arm.data) {
        (Corpus::Phrases, _) => {
            let (with, without): (Vec<_>, Vec<_>) = scan::phrases().into_iter().partition(|line| line.has("jump"));
            let (alone, test) = with.into_iter().partition(|line| line.command.len() == 1);
            [without, alone, test]
        }
        (Corpus::Scan(split), _) => {
            let (train, test) = scan::split(*split, key.number());
            parted(train, test)
        }
        (Corpus::Files(files), _) => {
            let [train, test] = read(files).map_err(TrialError::data)?;
            parted(train, test)
        }
        (Corpus::Chains, Data::Length { words, lines }) => length(words, lines, key),
        (Corpus::Chains, Data::Difficulty { by, lines }) => difficulty(by, lines, key),
        (Corpus::Chains, _) => return Err(TrialError::data("chains are made by length or difficulty")),
    })
}

/// Test commands of the length arms.
const LONG_TESTS: usize = 500;

/// Chains of at most so many words, and others of up to twice as many.
fn length(words: usize, lines: usize, key: Key) -> Parts {
    let (short, long) = (Chains::new(VERBS.len(), words), Chains::new(VERBS.len(), 2 * words));
    let train = (0..lines as u64).map(|i| short.draw(&mut key.purpose("train").index(i).stream())).collect();
    let mut stream = key.purpose("test").stream();
    let drawn = std::iter::from_fn(|| Some(long.draw(&mut stream)));
    let test = drawn.filter(|line| line.command.len() > words).take(LONG_TESTS).collect();
    [train, Vec::new(), test]
}

/// Verbs of the difficulty arms, and words of a line whose difficulty is its verbs.
const MANY_VERBS: usize = 40;
const WORDS: usize = 32;

/// Chains without `jump`, `jump` alone, and SCAN's commands with it.
fn difficulty(by: Difficulty, lines: usize, key: Key) -> Parts {
    let words = if let Difficulty::Words(words) = by { words } else { WORDS };
    let chains = Chains::new(MANY_VERBS, words);
    let phrases: Vec<Example> = chains.phrases().iter().filter(|phrase| !phrase.has("jump")).cloned().collect();
    let mut by_verb: BTreeMap<&str, Vec<Example>> = BTreeMap::new();
    for phrase in phrases.iter().filter(|phrase| !phrase.has("turn")) {
        by_verb.entry(&phrase.command[0]).or_default().push(phrase.clone());
    }
    let of_verbs: Vec<&Vec<Example>> = by_verb.values().collect();
    let line = |i: u64| {
        let mut stream = key.purpose("train").index(i).stream();
        match by {
            Difficulty::Words(_) => chains.draw_of(&mut stream, &phrases),
            Difficulty::Verbs(count) => loop {
                let chosen = index::sample(&mut stream, of_verbs.len(), count).into_vec();
                let mut order = chosen.clone();
                // A line of few verbs may be as long a chain as one of many.
                while stream.random_bool(0.5) {
                    order.push(chosen[stream.random_range(0..count)]);
                }
                order.shuffle(&mut stream);
                let one = |verb: &usize| {
                    let phrases = of_verbs[*verb];
                    phrases[stream.random_range(0..phrases.len())].clone()
                };
                let parts: Vec<Example> = order.iter().map(one).collect();
                let line = scan::chained(&parts, &mut stream);
                if line.command.len() <= words {
                    break line;
                }
            },
        }
    };
    let train = (0..lines as u64).map(line).collect();
    let [_, isolated, test] = {
        let (train, test) = scan::split(Split::AddPrimitiveJump, 0);
        parted(train, test)
    };
    [train, isolated, test]
}

/// The first phrase of a command that no training line has; else how long it is.
fn row(line: &Example, known: &BTreeSet<Vec<String>>) -> String {
    let conjunction = |word: &String| word == "and" || word == "after";
    let new = line.command.split(conjunction).find(|phrase| !known.contains(*phrase));
    new.map_or_else(|| format!("{} words", line.command.len()), |phrase| phrase.join(" "))
}

impl Sets {
    /// The sets of an arm, from streams below `key`.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn new(settings: &Settings, arm: &Arm, key: Key) -> Result<Self, TrialError> {
        let [lines, isolated, test] = parts(arm, key.purpose("lines"))?;
        let original = lines.len();
        let (copies, renaming) = match arm.data {
            Data::Primitives(copies) | Data::Repeated(copies) => (copies, Renaming::Verbs { actions: true }),
            Data::Synonyms(copies) => (copies, Renaming::Verbs { actions: false }),
            Data::Vocabularies(copies) => (copies, Renaming::All),
            Data::Original | Data::Length { .. } | Data::Difficulty { .. } => (0, Renaming::Nothing),
        };
        let renaming = if settings.new_symbols { renaming } else { Renaming::Nothing };
        let conjunction = |word: &String| word == "and" || word == "after";
        let known: BTreeSet<Vec<String>> =
            lines.iter().flat_map(|line| line.command.split(conjunction).map(<[String]>::to_vec)).collect();
        let alone = |line: &&Example| line.command.len() == 1 && !verbs(line).is_empty();
        let new_verb = isolated.iter().find(alone).map(|line| verbs(line)[0]);
        // Where copies of the new word were trained, alone, their commands are tested too.
        let variants = match (renaming, new_verb) {
            (Renaming::Verbs { .. }, Some(_)) => copies.min(settings.examination.variants),
            _ => 0,
        };
        let actions = renaming == Renaming::Verbs { actions: true };
        let mut tests: Vec<Test> = Vec::new();
        for copy in 0..=variants {
            tests.extend(test.iter().map(|line| {
                let example = new_verb.map_or_else(|| line.clone(), |verb| replaced(line, verb, copy, actions));
                Test { example, row: row(line, &known) }
            }));
        }
        let most = settings.examination.commands;
        if tests.len() > most {
            let mut chosen = index::sample(&mut key.purpose("tests").stream(), tests.len(), most).into_vec();
            chosen.sort_unstable();
            tests = chosen.into_iter().map(|at| tests[at].clone()).collect();
        }
        let mut lines = Lines::new(lines, copies, renaming);
        if matches!(arm.data, Data::Repeated(_)) {
            let all = lines.count() as usize;
            let chosen = index::sample(&mut key.purpose("repeated").stream(), all, original.min(all));
            let chosen = chosen.into_iter().map(|number| lines.line(number as u64)).collect();
            lines = Lines::new(chosen, 0, Renaming::Nothing);
        }
        let isolated = Lines::new(isolated, copies, renaming);
        Ok(Sets { lines, isolated, tests, new_word: new_verb.map(|verb| verb.0.to_owned()) })
    }

    /// All words, and all actions, that are trained or tested.
    pub(super) fn symbols(&self) -> [BTreeSet<String>; 2] {
        let [mut words, mut actions] = self.lines.symbols();
        let [more_words, more_actions] = self.isolated.symbols();
        words.extend(more_words);
        actions.extend(more_actions);
        for test in &self.tests {
            words.extend(test.example.command.iter().cloned());
            actions.extend(test.example.actions.iter().cloned());
        }
        [words, actions]
    }

    /// The longest command and the longest actions, trained or tested.
    pub(super) fn longest(&self) -> [usize; 2] {
        let all = || {
            let lines = self.lines.originals.iter().chain(&self.isolated.originals);
            lines.chain(self.tests.iter().map(|test| &test.example))
        };
        let command = all().map(|line| line.command.len()).max().unwrap_or(1);
        [command, all().map(|line| line.actions.len()).max().unwrap_or(1)]
    }
}
