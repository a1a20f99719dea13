//! What is learned: sentences with answers, and the language that they are in.

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pcfg;
use super::value::{Kind, Language, Sentence, Value};
use crate::base::random::Key;
use crate::contract::Checks;
use crate::tasks::pcfg_set;
use crate::tasks::scan::{self, Example, Split};

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
}

/// Actions in short, in the order of [`scan::ACTIONS`].
const SHORT: [&str; 6] = ["W", "L", "R", "J", "LT", "RT"];

impl DataSet {
    /// The name in texts.
    pub fn name(&self) -> String {
        match self {
            DataSet::Scan { split, .. } => format!("SCAN {}", split_name(*split)),
            DataSet::Pcfg { split, .. } => format!("PCFG {}", pcfg_name(*split)),
        }
    }

    /// Whether it is a split of SCAN.
    pub(super) fn is_split(&self, of: Split) -> bool {
        matches!(self, DataSet::Scan { split, .. } if *split == of)
    }

    /// Test sentences, at most.
    pub(super) const fn tested(&self) -> usize {
        match self {
            DataSet::Scan { test, .. } | DataSet::Pcfg { test, .. } => *test,
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
        }
    }

    /// The data of one replica, drawn from `key` alone.
    pub(super) fn corpus(&self, key: Key) -> Corpus {
        match self {
            DataSet::Scan { split, joined, test } => {
                let (train, held) = scan::split(*split, key.number());
                let language = scan_language();
                let sentences = |examples: Vec<Example>| examples.iter().map(|e| scan_sentence(e, &language)).collect();
                let train = sentences(with_all_phrases(train, *joined, key.purpose("training commands")));
                let test = sentences(drawn(held, *test, key.purpose("test commands")));
                Corpus { train, test, language }
            }
            DataSet::Pcfg { split, lines, test } => {
                let language = pcfg::language();
                let (train, held) = pcfg_set::split(*split, pcfg_set::corpus(*lines, key), key.number());
                let sentences = |lines: Vec<pcfg_set::Example>| -> Vec<Sentence> {
                    lines.iter().filter_map(|line| pcfg::sentence(line, &language)).collect()
                };
                let test = drawn(sentences(held), *test, key.purpose("test lines"));
                Corpus { train: sentences(train), test, language }
            }
        }
    }
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
pub(super) fn scan_sentence(example: &Example, language: &Language) -> Sentence {
    let symbol = |word: &String| language.symbol(word).expect("SCAN has no other words");
    let mut symbols: Vec<u8> = example.command.iter().map(symbol).collect();
    let manner = |word: u8| ["opposite", "around"].contains(&language.words[usize::from(word)].as_str());
    for at in (1..symbols.len()).rev() {
        if manner(symbols[at - 1]) {
            symbols.swap(at - 1, at);
        }
    }
    let action = |action: &String| scan::ACTIONS.iter().position(|known| known == action);
    let token = |name: &String| action(name).expect("SCAN has no other actions") as u8;
    Sentence { symbols, answer: Value::List(example.actions.iter().map(token).collect()) }
}
