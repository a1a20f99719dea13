//! What is learned: sentences with answers, and the language that they are in.

use std::path::PathBuf;
use std::sync::Arc;

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::perception::Label;
use super::value::{Kind, Language, Sentence, Value};
use super::{files, hint, pcfg};
use crate::base::checks::Problem;
use crate::base::random::Key;
use crate::base::text::nearest;
use crate::contract::{Checks, Record, TrialError};
use crate::tasks::hint::{Limits, Part, Pictures, Side, Sizes, part};
use crate::tasks::pcfg_set;
use crate::tasks::scan::{self, Example, Split};
use crate::training::sequence_to_sequence::share;

/// A data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataSet {
    /// SCAN: commands and their actions.
    Scan {
        /// Which commands are held out.
        split: Split,
        /// Training commands with a conjunction, drawn at random beside all without one; 0 for all of them.
        joined: usize,
        /// Test commands, drawn at random; all of them where there are no more.
        test: usize,
    },
    /// PCFG SET: nested functions of strings.
    Pcfg {
        /// Which lines are held out.
        split: pcfg_set::Split,
        /// Lines that are generated, for both parts.
        lines: usize,
        /// Test lines, drawn at random; all of them where there are no more.
        test: usize,
    },
    /// HINT: arithmetic on digits. All five tests are asked.
    Hint {
        /// Where short ends and large begins.
        limits: Limits,
        /// Training expressions of each number of operators, at most.
        train: usize,
        /// Expressions of each test, drawn at random.
        test: usize,
        /// Whether symbols are pictures: digits of the shipped set, and drawn glyphs.
        #[serde(default)]
        images: bool,
    },
    /// A user's own, in two files: SCAN's text `IN: .. OUT: ..`, PCFG SET's `.src` with `.tgt` beside it, or HINT's
    /// `.json`. The words are those of SCAN, PCFG SET or HINT, whose arity is given.
    File {
        /// Training sentences.
        train: PathBuf,
        /// Test sentences.
        test: PathBuf,
        /// Test sentences that are asked, drawn at random; all of them where there are no more.
        tested: usize,
    },
}

/// A data set as it is learned.
#[derive(Clone, Debug)]
pub(super) struct Corpus {
    /// Its language.
    pub(super) language: Language,
    /// Training sentences; a sentence may come several times.
    pub(super) train: Vec<Sentence>,
    /// Test sentences.
    pub(super) test: Vec<Sentence>,
    /// Tests of their own among the test sentences, in their order: name of the metric, and how many.
    pub(super) parts: Vec<(&'static str, usize)>,
    /// Pictures of symbols, where sentences have some.
    pub(super) pictures: Option<Album>,
}

/// Pictures of symbols.
#[derive(Clone, Debug)]
pub(super) struct Album {
    /// All of them.
    pub(super) pictures: Arc<Pictures>,
    /// Those whose symbols are told to begin with.
    pub(super) told: Vec<Label>,
}

impl Corpus {
    /// Records the share of right answers of every test that is one of its own.
    pub(super) fn record_parts(&self, right: &[bool], step: u64, record: &mut dyn Record) {
        let mut from = 0;
        for (metric, count) in &self.parts {
            let some = right.get(from..from + count).unwrap_or_default();
            record.metric(step, metric, share(some));
            from += count;
        }
    }
}

/// Pictures of each symbol that are told to begin with.
const TOLD: usize = 5;

/// Actions in short, in the order of [`scan::ACTIONS`].
const SHORT: [&str; 6] = ["W", "L", "R", "J", "LT", "RT"];

impl DataSet {
    /// The name in texts.
    pub fn name(&self) -> String {
        match self {
            DataSet::Scan { split, .. } => format!("SCAN {}", split_name(*split)),
            DataSet::Pcfg { split, .. } => format!("PCFG {}", pcfg_name(*split)),
            DataSet::Hint { images, .. } => if *images { "HINT images" } else { "HINT" }.into(),
            DataSet::File { test, .. } => test.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }

    /// Whether it is a split of SCAN.
    pub(super) fn is_split(&self, of: Split) -> bool {
        matches!(self, DataSet::Scan { split, .. } if *split == of)
    }

    /// Whether symbols are pictures.
    pub(super) const fn has_pictures(&self) -> bool {
        matches!(self, DataSet::Hint { images: true, .. })
    }

    /// Test sentences, at most.
    pub(super) const fn tested(&self) -> usize {
        match self {
            DataSet::Scan { test, .. } | DataSet::Pcfg { test, .. } | DataSet::File { tested: test, .. } => *test,
            DataSet::Hint { test, .. } => hint::TESTS.len() * *test,
        }
    }

    /// What cannot be used.
    pub(super) fn check(&self, checks: &mut Checks) {
        match self {
            DataSet::Scan { joined, test, .. } => {
                checks.range("scan.joined", *joined, 0..=20_000);
                checks.range("scan.test", *test, 1..=20_000);
            }
            DataSet::Pcfg { lines, test, .. } => {
                checks.range("pcfg.lines", *lines, 100..=200_000);
                checks.range("pcfg.test", *test, 1..=20_000);
            }
            DataSet::Hint { limits, train, test, .. } => {
                checks.under("hint.limits", |checks| limits.check(checks));
                checks.range("hint.train", *train, 1..=20_000);
                checks.range("hint.test", *test, 1..=5_000);
            }
            DataSet::File { train, test, tested } => {
                checks.range("file.tested", *tested, 1..=20_000);
                checks.expect("file.train", "a file of SCAN, PCFG SET (.src) or HINT (.json), beside one to test on");
                if let Err(told) = files::read(train, test) {
                    checks.refuse(Problem::told("file.train", told));
                }
            }
        }
    }

    /// The data of one replica, drawn from `key` alone.
    ///
    /// # Errors
    /// When a user's file cannot be read any more.
    pub(super) fn corpus(&self, key: Key) -> Result<Corpus, TrialError> {
        Ok(match self {
            DataSet::Scan { split, joined, test } => {
                let (train, held) = scan::split(*split, key.number());
                let language = scan_language();
                let sentence = |example: &Example| scan_sentence(example, &language).expect("SCAN has no other words");
                let sentences = |examples: Vec<Example>| examples.iter().map(sentence).collect();
                let train = sentences(with_all_phrases(train, *joined, key.purpose("training commands")));
                let test = sentences(drawn(held, *test, key.purpose("test commands")));
                Corpus { train, test, language, parts: Vec::new(), pictures: None }
            }
            DataSet::Pcfg { split, lines, test } => {
                let language = pcfg::language();
                let (train, held) = pcfg_set::split(*split, pcfg_set::corpus(*lines, key), key.number());
                let sentences = |lines: Vec<pcfg_set::Example>| -> Vec<Sentence> {
                    lines.iter().filter_map(|line| pcfg::sentence(line, &language)).collect()
                };
                let test = drawn(sentences(held), *test, key.purpose("test lines"));
                Corpus { train: sentences(train), test, language, parts: Vec::new(), pictures: None }
            }
            DataSet::Hint { limits, train, test, images } => {
                let corpus = expressions(limits, Sizes { train: *train, test: *test }, key);
                if *images { illustrated(corpus, key) } else { corpus }
            }
            DataSet::File { train, test, tested } => {
                let (language, [train, test]) = files::read(train, test).map_err(TrialError::data)?;
                let test = drawn(test, *tested, key.purpose("test sentences"));
                Corpus { train, test, language, parts: Vec::new(), pictures: None }
            }
        })
    }
}

/// HINT with so many expressions of each test; a stratum of a test may hold as many by itself.
fn expressions(limits: &Limits, sizes: Sizes, key: Key) -> Corpus {
    let language = hint::language();
    let sentences = |which: Part| -> Vec<Sentence> {
        part(which, limits, &sizes, key).iter().filter_map(|one| hint::sentence(one, &language)).collect()
    };
    let (mut test, mut parts) = (Vec::new(), Vec::new());
    for (which, metric) in hint::TESTS {
        let some = drawn(sentences(which), sizes.test, key.purpose(which.name()));
        parts.push((metric, some.len()));
        test.extend(some);
    }
    Corpus { train: sentences(Part::Train), test, parts, language, pictures: None }
}

/// The same with a picture for each symbol, one of training and test pictures apart. Every training picture of a digit
/// is an expression of its own as well, whose result is its label.
fn illustrated(mut corpus: Corpus, key: Key) -> Corpus {
    let pictures = Pictures::new(key.purpose("pictures"));
    let mut stream = key.purpose("illustrations").stream();
    for (part, side) in [(&mut corpus.train, Side::Train), (&mut corpus.test, Side::Test)] {
        for sentence in part.iter_mut() {
            sentence.pictures = pictures.symbols(&sentence.symbols, side, &mut stream);
        }
    }
    corpus.train.retain(|sentence| sentence.symbols.len() > 1);
    for digit in 0..10 {
        let one = |picture: &u32| Sentence {
            symbols: vec![digit],
            pictures: vec![*picture],
            answer: Value::Number(u32::from(digit)),
        };
        corpus.train.extend(pictures.of(usize::from(digit), Side::Train).iter().map(one));
    }
    let some = |symbol: u8| {
        let all = drawn(pictures.of(usize::from(symbol), Side::Train).to_vec(), TOLD, key.purpose("told"));
        all.into_iter().map(move |picture| (picture, symbol))
    };
    let told = (0..corpus.language.len() as u8).flat_map(some).collect();
    Corpus { pictures: Some(Album { pictures: Arc::new(pictures), told }), ..corpus }
}

fn split_name(split: Split) -> &'static str {
    match split {
        Split::AddPrimitiveJump => "add-jump",
        Split::AddPrimitiveTurnLeft => "add-turn-left",
        Split::TemplateAroundRight => "around-right",
        other => other.name(),
    }
}

const fn pcfg_name(split: pcfg_set::Split) -> &'static str {
    match split {
        pcfg_set::Split::Random => "random",
        pcfg_set::Split::Systematicity => "systematicity",
        pcfg_set::Split::Productivity => "productivity",
    }
}

/// So many at random, in a random order; 0 for all.
fn drawn<T>(mut all: Vec<T>, count: usize, key: Key) -> Vec<T> {
    if count > 0 && count < all.len() {
        all.shuffle(&mut key.stream());
        all.truncate(count);
    }
    all
}

/// All training commands without a conjunction, each once, and so many with one. Without all the short ones a parser
/// locks in wrong heads: of 1,000 random commands two or three have an `around`. 0 for the file as it is.
fn with_all_phrases(train: Vec<Example>, joined: usize, key: Key) -> Vec<Example> {
    if joined == 0 {
        return train;
    }
    let is_joined = |example: &Example| example.has("and") || example.has("after");
    let (long, mut phrases): (Vec<Example>, Vec<Example>) = train.into_iter().partition(is_joined);
    phrases.sort_unstable();
    phrases.dedup();
    phrases.extend(drawn(long, joined, key));
    phrases
}

/// The words of SCAN with the arity that is given of them.
pub(super) fn scan_language() -> Language {
    let arity = |word: &str| match word {
        "walk" | "look" | "run" | "jump" | "turn" => 0,
        "and" | "after" => 2,
        _ => 1,
    };
    Language {
        kind: Kind::Lists,
        words: scan::WORDS.map(String::from).to_vec(),
        arity: scan::WORDS.map(arity).to_vec(),
        classes: (0..scan::WORDS.len() as u8).collect(),
        given: vec![None; scan::WORDS.len()],
        tokens: SHORT.map(String::from).to_vec(),
        constants: SHORT.len(),
    }
}

/// A command with `opposite` and `around` behind the direction that follows them: so its tree is projective, as in the
/// authors' code.
///
/// # Errors
/// With the first word or action that is none of SCAN's.
pub(super) fn scan_sentence(example: &Example, language: &Language) -> Result<Sentence, String> {
    let unknown = |name: &String, known: &[&str]| {
        let near = nearest(name, known.iter().copied()).map_or(String::new(), |near| format!(" (`{near}`?)"));
        format!("expected words and actions of SCAN, found `{name}`{near}")
    };
    let symbol = |word: &String| language.symbol(word).ok_or_else(|| unknown(word, &scan::WORDS));
    let mut symbols = example.command.iter().map(symbol).collect::<Result<Vec<u8>, String>>()?;
    let manner = |word: u8| ["opposite", "around"].contains(&language.words[usize::from(word)].as_str());
    for at in (1..symbols.len()).rev() {
        if manner(symbols[at - 1]) {
            symbols.swap(at - 1, at);
        }
    }
    let action = |action: &String| scan::ACTIONS.iter().position(|known| known == action);
    let token = |name: &String| action(name).map(|at| at as u8).ok_or_else(|| unknown(name, &scan::ACTIONS));
    let answer = example.actions.iter().map(token).collect::<Result<_, _>>()?;
    Ok(Sentence { symbols, pictures: Vec::new(), answer: Value::List(answer) })
}
