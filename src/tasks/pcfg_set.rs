//! PCFG SET (Hupkes, Dankers, Mul and Bruni 2020, "Compositionality decomposed"): functions of strings, nested, in
//! prefix notation with a comma between two arguments: `repeat append I19 V5 , B10` is `I19 V5 B10 I19 V5 B10`.
//!
//! The published data were then resampled to the lengths and depths of natural sentences; that is left out here.

use std::collections::HashSet;
use std::io::Write;

use rand::RngExt;
use rand::seq::index;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DataError, Entry};
use crate::base::random::{Key, Stream};

/// A function of one or two strings.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Its name in the text.
    pub name: &'static str,
    /// Whether it takes two arguments.
    pub binary: bool,
    apply: fn(Vec<String>, Vec<String>) -> Vec<String>,
}

/// The ten functions: six of one argument, four of two.
pub const FUNCTIONS: [Function; 10] = [
    unary("copy", |x, _| x),
    unary("reverse", |x, _| x.into_iter().rev().collect()),
    unary("shift", |mut x, _| {
        x.rotate_left(1);
        x
    }),
    unary("echo", |mut x, _| {
        x.extend(x.last().cloned());
        x
    }),
    unary("swap_first_last", |mut x, _| {
        let last = x.len() - 1;
        x.swap(0, last);
        x
    }),
    unary("repeat", |x, _| [x.as_slice(), &x].concat()),
    binary("append", |x, y| [x, y].concat()),
    binary("prepend", |x, y| [y, x].concat()),
    binary("remove_first", |_, y| y),
    binary("remove_second", |x, _| x),
];

/// Functions of one argument come first in [`FUNCTIONS`].
const UNARY: usize = 6;

/// Letters, and how many times each is numbered: 520 symbols.
const LETTERS: [usize; 2] = [26, 20];

/// Least and most symbols of an argument.
const ARGUMENT: [usize; 2] = [2, 5];

/// Characters that a text must stay below.
const CHARACTERS: usize = 500;

/// Most functions of a training line of [`Split::Productivity`], and of any line of its test.
const PRODUCTIVE: [usize; 2] = [8, 35];

/// Adjacent functions that no training line of [`Split::Systematicity`] has.
const HELD_OUT: [[&str; 2]; 4] = [
    ["swap_first_last", "repeat"],
    ["append", "remove_second"],
    ["repeat", "remove_second"],
    ["append", "swap_first_last"],
];

const fn unary(name: &'static str, apply: fn(Vec<String>, Vec<String>) -> Vec<String>) -> Function {
    Function { name, binary: false, apply }
}

const fn binary(name: &'static str, apply: fn(Vec<String>, Vec<String>) -> Vec<String>) -> Function {
    Function { name, binary: true, apply }
}

/// A nest of functions and the string that it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Example {
    /// Function names, symbols and commas.
    pub source: Vec<String>,
    /// Symbols.
    pub target: Vec<String>,
}

/// How a corpus is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// A tenth at random is tested.
    Random,
    /// Lines with one of four pairs of adjacent functions are tested.
    Systematicity,
    /// Lines of 9 to 35 functions are tested; shorter ones are trained on.
    Productivity,
}

impl Example {
    /// Functions of the source.
    pub fn functions(&self) -> usize {
        self.source.iter().filter(|token| function(token).is_some()).count()
    }

    /// Whether two tokens stand in the source one behind the other.
    fn has(&self, pair: [&str; 2]) -> bool {
        self.source.windows(2).any(|window| window[0] == pair[0] && window[1] == pair[1])
    }
}

/// A function by its name.
pub fn function(name: &str) -> Option<Function> {
    FUNCTIONS.iter().copied().find(|function| function.name == name)
}

/// What a source stands for.
///
/// # Errors
/// In words, where it is no nest of functions.
pub fn evaluate(source: &[String]) -> Result<Vec<String>, String> {
    let mut rest = source;
    let value = next_value(&mut rest)?;
    if rest.is_empty() { Ok(value) } else { Err(format!("expected the end, found `{}`", rest[0])) }
}

/// Takes the next function with its arguments, or the next string, off `rest`.
fn next_value(rest: &mut &[String]) -> Result<Vec<String>, String> {
    let Some(function) = rest.first().and_then(|token| function(token)) else { return next_string(rest) };
    *rest = &rest[1..];
    let first = next_value(rest)?;
    if !function.binary {
        return Ok((function.apply)(first, Vec::new()));
    }
    match rest.first() {
        Some(token) if token == "," => *rest = &rest[1..],
        Some(token) => return Err(format!("expected `,` between the arguments of {}, found `{token}`", function.name)),
        None => return Err(format!("expected a second argument of {}, found the end", function.name)),
    }
    Ok((function.apply)(first, next_value(rest)?))
}

fn next_string(rest: &mut &[String]) -> Result<Vec<String>, String> {
    let length = rest.iter().take_while(|token| *token != "," && function(token).is_none()).count();
    let (string, others) = rest.split_at(length);
    *rest = others;
    match (length, others.first()) {
        (0, Some(token)) => Err(format!("expected a string, found `{token}`")),
        (0, None) => Err("expected a string, found the end".into()),
        _ => Ok(string.to_vec()),
    }
}

/// A growing corpus: no string is an argument twice.
#[derive(Default)]
struct Generator {
    arguments: HashSet<Vec<String>>,
}

/// The chances of a sample: that a function has one argument, that an argument is a function.
#[derive(Clone, Copy)]
struct Chances {
    unary: f64,
    function: f64,
}

impl Generator {
    /// A sample; none where it grew too long.
    fn sample(&mut self, stream: &mut Stream) -> Option<Example> {
        let chances = Chances { unary: stream.random(), function: stream.random() };
        let mut source = Vec::new();
        self.function(stream, chances, &mut source)?;
        let characters = source.iter().map(|token| token.len() + 1).sum::<usize>() - 1;
        if characters >= CHARACTERS {
            return None;
        }
        let target = evaluate(&source).expect("the generator writes nests of functions");
        Some(Example { source, target })
    }

    fn function(&mut self, stream: &mut Stream, chances: Chances, source: &mut Vec<String>) -> Option<()> {
        // A token takes two characters at least: here it is already too long.
        if source.len() > CHARACTERS / 2 {
            return None;
        }
        let binary = !stream.random_bool(chances.unary);
        let of = if binary { &FUNCTIONS[UNARY..] } else { &FUNCTIONS[..UNARY] };
        source.push(of[stream.random_range(0..of.len())].name.into());
        self.argument(stream, chances, source)?;
        if binary {
            source.push(",".into());
            self.argument(stream, chances, source)?;
        }
        Some(())
    }

    fn argument(&mut self, stream: &mut Stream, chances: Chances, source: &mut Vec<String>) -> Option<()> {
        if stream.random_bool(chances.function) {
            return self.function(stream, chances, source);
        }
        loop {
            let length = stream.random_range(ARGUMENT[0]..=ARGUMENT[1]);
            let string: Vec<String> = (0..length).map(|_| symbol(stream)).collect();
            if self.arguments.insert(string.clone()) {
                source.extend(string);
                return Some(());
            }
        }
    }
}

fn symbol(stream: &mut Stream) -> String {
    let letter = char::from(b'A' + stream.random_range(0..LETTERS[0]) as u8);
    format!("{letter}{}", stream.random_range(1..=LETTERS[1]))
}

/// So many distinct lines, from the streams below `key`.
pub fn corpus(count: usize, key: Key) -> Vec<Example> {
    let mut stream = key.purpose("pcfg-set").stream();
    let mut generator = Generator::default();
    let samples = std::iter::from_fn(|| Some(generator.sample(&mut stream)));
    samples.flatten().take(count).collect()
}

/// Training and test lines of a corpus, each in its order. Only [`Split::Random`] depends on the seed; lines that
/// belong to neither part are left out.
pub fn split(split: Split, corpus: Vec<Example>, seed: u64) -> (Vec<Example>, Vec<Example>) {
    match split {
        Split::Random => {
            let mut stream = Key::new(seed).purpose("pcfg-set").purpose("random").stream();
            let tested: HashSet<usize> =
                index::sample(&mut stream, corpus.len(), corpus.len() / 10).into_iter().collect();
            let (test, train): (Vec<_>, Vec<_>) =
                corpus.into_iter().enumerate().partition(|(at, _)| tested.contains(at));
            [train, test].map(|part| part.into_iter().map(|(_, example)| example).collect()).into()
        }
        Split::Systematicity => {
            let (test, train) = corpus.into_iter().partition(|line| HELD_OUT.iter().any(|pair| line.has(*pair)));
            (train, test)
        }
        Split::Productivity => {
            let (train, test): (Vec<_>, Vec<_>) =
                corpus.into_iter().partition(|line| line.functions() <= PRODUCTIVE[0]);
            (train, test.into_iter().filter(|line| line.functions() <= PRODUCTIVE[1]).collect())
        }
    }
}

/// Reads the authors' two files, `.src` and `.tgt`, line by line beside each other.
///
/// # Errors
/// With the line, counted from 1, where one is empty or the files have not as many.
pub fn read(sources: &str, targets: &str) -> Result<Vec<Example>, String> {
    let (sources, targets): (Vec<&str>, Vec<&str>) = (sources.lines().collect(), targets.lines().collect());
    if sources.len() != targets.len() {
        return Err(format!("expected as many targets as sources, found {} and {}", targets.len(), sources.len()));
    }
    let words = |line: &str| line.split_whitespace().map(String::from).collect::<Vec<_>>();
    let both = sources.iter().zip(&targets).enumerate();
    both.map(|(at, (source, target))| {
        let example = Example { source: words(source), target: words(target) };
        let empty = example.source.is_empty() || example.target.is_empty();
        if empty { Err(format!("line {}: expected a source and a target", at + 1)) } else { Ok(example) }
    })
    .collect()
}

/// Which side of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Train,
    Test,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    lines: usize,
    split: Option<Split>,
    part: Part,
    seed: u64,
}

/// The row of the table of tasks.
pub(super) const ENTRY: Entry = Entry {
    name: "pcfg-set",
    what: "PCFG SET: nested functions of strings, a tab, and the string they stand for; all, or a part of a split",
    source: "after Hupkes et al., Compositionality decomposed, 2020; without their naturalisation",
    settings: || json!({ "lines": 10_000, "split": null, "part": "train", "seed": 0 }),
    write,
};

fn write(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let Settings { lines, split: name, part, seed } = super::read(settings)?;
    let all = corpus(lines, Key::new(seed));
    let examples = match name {
        None => all,
        Some(name) => {
            let (train, test) = split(name, all, seed);
            if part == Part::Train { train } else { test }
        }
    };
    for example in examples.iter().take(limit) {
        writeln!(out, "{}\t{}", example.source.join(" "), example.target.join(" "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(String::from).collect()
    }

    fn value(text: &str) -> String {
        evaluate(&words(text)).unwrap().join(" ")
    }

    #[test]
    fn functions_do_what_the_paper_says() {
        for (source, target) in [
            ("swap_first_last shift reverse copy M2 H16 K3 Z20", "Z20 H16 M2 K3"),
            ("repeat append I19 V5 , B10", "I19 V5 B10 I19 V5 B10"),
            ("remove_second K3 F20 M4 K2 W15 , reverse echo E19 Y4", "K3 F20 M4 K2 W15"),
            ("echo A1 B1 C1", "A1 B1 C1 C1"),
            ("shift A1 B1 C1", "B1 C1 A1"),
            ("prepend A1 , B1 C1", "B1 C1 A1"),
            ("remove_first A1 , reverse B1 C1", "C1 B1"),
            ("append prepend A1 , B1 , append C1 , D1", "B1 A1 C1 D1"),
        ] {
            assert_eq!(value(source), target, "{source}");
        }
        for (wrong, told) in [
            ("append A1 B1", "second argument of append"),
            ("append reverse A1 reverse B1", "expected `,`"),
            ("copy , A1", "a string, found `,`"),
            ("copy A1 , B1", "the end, found `,`"),
        ] {
            assert!(evaluate(&words(wrong)).unwrap_err().contains(told), "{wrong}");
        }
    }

    #[test]
    fn a_corpus_keeps_the_limits_and_no_argument_comes_twice() {
        let lines = corpus(1500, Key::new(1));
        assert_eq!(lines, corpus(1500, Key::new(1)));
        let mut arguments = HashSet::new();
        for line in &lines {
            assert!(line.source.join(" ").len() < 500 && line.functions() >= 1);
            let strings = line.source.split(|token| token == "," || function(token).is_some());
            for string in strings.filter(|string| !string.is_empty()) {
                assert!((2..=5).contains(&string.len()));
                assert!(arguments.insert(string.to_vec()), "{string:?} twice");
            }
        }
        let deepest = lines.iter().map(Example::functions).max().unwrap();
        assert!(deepest > PRODUCTIVE[0], "{deepest}");
    }

    #[test]
    fn no_training_line_has_what_is_held_out() {
        let lines = corpus(4000, Key::new(2));
        let (train, test) = split(Split::Systematicity, lines.clone(), 0);
        let held = |line: &Example| HELD_OUT.iter().any(|pair| line.source.join(" ").contains(&pair.join(" ")));
        assert!(train.len() + test.len() == 4000 && test.len() > 100);
        assert!(test.iter().all(held) && !train.iter().any(held));
        let (train, test) = split(Split::Productivity, lines.clone(), 0);
        assert!(train.iter().all(|line| line.functions() <= 8) && test.len() > 20);
        assert!(test.iter().all(|line| (9..=35).contains(&line.functions())));
        let (train, test) = split(Split::Random, lines.clone(), 3);
        assert_eq!((train.len(), test.len()), (3600, 400));
        assert_ne!(split(Split::Random, lines, 4).1, test);
    }

    #[test]
    fn the_authors_files_are_read_beside_each_other() {
        let read_back = read("copy A1 B2\nreverse A1 B2\n", "A1 B2\nB2 A1").unwrap();
        assert!(read_back.iter().all(|example| evaluate(&example.source).unwrap() == example.target));
        assert!(read("copy A1\n", "A1\nB1\n").unwrap_err().contains("2 and 1"));
        assert!(read("copy A1\n\n", "A1\nB1").unwrap_err().starts_with("line 2:"));
    }
}
