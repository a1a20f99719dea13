//! What a symbol means: the examples that repaired trees gave of it, and the program that explains them.

use std::collections::BTreeMap;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::arithmetic::{self, Arithmetic};
use super::function::{Function, Library};
use super::program::Program;
use super::value::Value;
use crate::base::random::Stream;

/// A program is called from this likelihood on; below, its examples are.
const TRUSTED: f64 = 0.5;
/// A symbol is not learned any more from this likelihood on.
const SOLVED: f64 = 0.95;
/// A program that leaves outliers unexplained: its likelihood, and the least number and share of telling examples that
/// it explains.
const ROBUST: (f64, usize, f64) = (0.6, 4, 0.05);
/// Examples per argument that a program needs to be fully trusted.
const EXAMPLES_AN_ARGUMENT: f64 = 4.0;
/// What is left of a count when new examples come, and the least that is kept.
const DECAY: f64 = 0.5;
const FORGOTTEN: f64 = 0.1;
/// Examples on which programs are tried, at most: the most frequent ones.
const TRIED: usize = 256;
/// A program that explains none of so many is given up.
const PROBED: usize = 48;

/// Examples of a symbol: how often an output was seen of inputs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(Vec<Value>, Vec<(Value, f64)>)>", into = "Vec<(Vec<Value>, Vec<(Value, f64)>)>")]
pub(super) struct Cache(BTreeMap<Vec<Value>, BTreeMap<Value, f64>>);

impl From<Vec<(Vec<Value>, Vec<(Value, f64)>)>> for Cache {
    fn from(entries: Vec<(Vec<Value>, Vec<(Value, f64)>)>) -> Self {
        Cache(entries.into_iter().map(|(inputs, outputs)| (inputs, outputs.into_iter().collect())).collect())
    }
}

impl From<Cache> for Vec<(Vec<Value>, Vec<(Value, f64)>)> {
    fn from(cache: Cache) -> Self {
        cache.0.into_iter().map(|(inputs, outputs)| (inputs, outputs.into_iter().collect())).collect()
    }
}

/// How a symbol without a program picks among outputs that it has seen.
pub(super) enum Choice<'s> {
    /// By how often each was seen.
    Sampled(&'s mut Stream),
    /// The most frequent.
    Top,
}

impl Cache {
    /// Takes in one example.
    pub(super) fn add(&mut self, inputs: Vec<Value>, output: Value) {
        *self.0.entry(inputs).or_default().entry(output).or_default() += 1.0;
    }

    /// Takes in new examples; what was known of old ones fades.
    fn renew(&mut self, fresh: &Cache) {
        for outputs in self.0.values_mut() {
            outputs.values_mut().for_each(|count| *count *= DECAY);
        }
        for (inputs, outputs) in &fresh.0 {
            let known = self.0.entry(inputs.clone()).or_default();
            outputs.iter().for_each(|(output, count)| *known.entry(output.clone()).or_default() += count);
        }
        self.0.values_mut().for_each(|outputs| outputs.retain(|_, count| *count >= FORGOTTEN));
        self.0.retain(|_, outputs| !outputs.is_empty());
    }

    /// Inputs whose most frequent output has a count of at least 1 and most of all; with that output, the most
    /// frequent first.
    fn examples(&self) -> Vec<(&[Value], &Value)> {
        let clear = |(inputs, outputs): (&'_ Vec<Value>, &'_ BTreeMap<Value, f64>)| {
            let (output, count) = top(outputs)?;
            (count >= 1.0 && count > 0.5 * outputs.values().sum::<f64>()).then_some(count)?;
            let (inputs, outputs) = self.0.get_key_value(inputs)?;
            let output = outputs.get_key_value(output)?.0;
            Some((inputs.as_slice(), output, count))
        };
        let mut found: Vec<(&[Value], &Value, f64)> = self.0.iter().filter_map(clear).collect();
        found.sort_by(|a, b| b.2.total_cmp(&a.2));
        found.into_iter().map(|(inputs, output, _)| (inputs, output)).collect()
    }

    fn choose(&self, inputs: &[Value], choice: &mut Choice<'_>) -> Option<Value> {
        let outputs = self.0.get(inputs)?;
        match choice {
            Choice::Top => Some(top(outputs)?.0.clone()),
            Choice::Sampled(stream) => {
                let mut left = stream.random::<f64>() * outputs.values().sum::<f64>();
                let hit = outputs.iter().find(|(_, count)| {
                    left -= **count;
                    left < 0.0
                });
                hit.or_else(|| outputs.iter().next_back()).map(|(value, _)| value.clone())
            }
        }
    }

    /// What may stand at a place among inputs that are otherwise these, to give one of the targets.
    fn inverse(&self, place: usize, inputs: &[Option<Value>], targets: &[Value]) -> Vec<Value> {
        let fits = |known: &&Vec<Value>| {
            let same = |(i, known): (usize, &Value)| i == place || inputs[i].as_ref() == Some(known);
            known.len() == inputs.len() && known.iter().enumerate().all(same)
        };
        let reaches = |outputs: &BTreeMap<Value, f64>| targets.iter().any(|target| outputs.contains_key(target));
        let found = self.0.iter().filter(|(known, outputs)| reaches(outputs) && fits(known));
        found.map(|(known, _)| known[place].clone()).collect()
    }

    /// Different inputs.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The most frequent output; of equals the first.
fn top(outputs: &BTreeMap<Value, f64>) -> Option<(&Value, f64)> {
    let mut best: Option<(&Value, f64)> = None;
    for (value, count) in outputs {
        if best.is_none_or(|(_, most)| *count > most) {
            best = Some((value, *count));
        }
    }
    best
}

/// What is known of a symbol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Semantics {
    /// Arguments that it takes.
    pub(super) arity: usize,
    /// Its program so far.
    pub(super) program: Option<Function>,
    /// How far the program is trusted, 0 to 1.
    pub(super) likelihood: f64,
    /// Examples of it.
    pub(super) cache: Cache,
    /// Examples that were clear when programs were last tried.
    pub(super) examples: usize,
}

impl Semantics {
    /// Of a symbol of which only the arity is known.
    pub(super) fn new(arity: usize) -> Self {
        Semantics { arity, ..Semantics::default() }
    }

    /// Of a symbol whose meaning is given.
    pub(super) fn given(arity: usize, program: Function) -> Self {
        Semantics { arity, program: Some(program), likelihood: 1.0, ..Semantics::default() }
    }

    /// Whether its program is called.
    pub(super) fn trusted(&self) -> bool {
        self.program.is_some() && self.likelihood > TRUSTED
    }

    /// Whether nothing more is learned of it.
    pub(super) fn solved(&self) -> bool {
        self.program.is_some() && self.likelihood >= SOLVED
    }

    /// Its value on inputs, without those that are empty: by its program if that is trusted, else as it was seen. None
    /// where an input is missing, or nothing like it was seen.
    pub(super) fn call(&self, inputs: &[Option<Value>], choice: &mut Choice<'_>) -> Option<Value> {
        let given: Vec<Value> = inputs.iter().cloned().collect::<Option<_>>()?;
        if given.len() != self.arity {
            return None;
        }
        match &self.program {
            Some(program) if self.trusted() => program.run(&given),
            _ => self.cache.choose(&given, choice),
        }
    }

    /// What an input that nobody knows may be, to give one of the targets.
    pub(super) fn inverse(&self, place: usize, inputs: &[Option<Value>], targets: &[Value]) -> Vec<Value> {
        if inputs.len() == self.arity { self.cache.inverse(place, inputs, targets) } else { Vec::new() }
    }

    /// Learns from new examples; `library` holds programs of its arity to be tried, or none are.
    pub(super) fn learn(&mut self, fresh: &Cache, library: Option<&Library>) {
        self.cache.renew(fresh);
        let Some(library) = library.filter(|_| !self.solved()) else { return };
        let clear = self.cache.examples();
        self.examples = clear.len();
        let found = search(&clear[..clear.len().min(TRIED)], self.arity, library);
        match found {
            Some((program, likelihood)) => (self.program, self.likelihood) = (Some(program), likelihood),
            None => (self.program, self.likelihood) = (None, 0.0),
        }
    }
}

/// The function that is trusted most, of equals the one that explains more, then the cheaper; with its likelihood.
fn search(examples: &[(&[Value], &Value)], arity: usize, library: &Library) -> Option<(Function, f64)> {
    match library {
        Library::Lists(library) => {
            let mut lists: Vec<(Vec<&[u8]>, &[u8])> = Vec::new();
            for (inputs, output) in examples {
                let inputs: Option<Vec<&[u8]>> = inputs.iter().map(Value::tokens).collect();
                lists.extend(inputs.zip(output.tokens()));
            }
            let mut out = Vec::new();
            let explains = |program: &Program, (inputs, output): &(Vec<&[u8]>, &[u8])| {
                out.clear();
                program.write(inputs, &mut out);
                (out == *output).then_some(output.len() > 2)
            };
            let found = best(&library.programs, &lists, explains, (examples.len(), arity));
            found.map(|(program, likelihood)| (Function::Lists(program.clone()), likelihood))
        }
        Library::Numbers(library) => {
            let mut numbers: Vec<(Vec<u32>, u32)> = Vec::new();
            for (inputs, output) in examples {
                let inputs: Option<Vec<u32>> = inputs.iter().map(Value::number).collect();
                numbers.extend(inputs.zip(output.number()));
            }
            let explains = |program: &Arithmetic, (inputs, output): &(Vec<u32>, u32)| {
                let value = program.run(inputs, &mut { arithmetic::FUEL });
                (value == Some(*output)).then(|| *output > 1 && !inputs.contains(output))
            };
            let found = best(&library.programs, &numbers, explains, (examples.len(), arity));
            found.map(|(program, likelihood)| (Function::Numbers(program.clone()), likelihood))
        }
    }
}

/// The program that is trusted most on examples; `explains` says whether one explains an example, and whether that tells
/// anything. The likelihood is of `count` examples of a symbol of an arity.
fn best<'p, P, E>(
    programs: &'p [(usize, P)],
    examples: &[E],
    mut explains: impl FnMut(&P, &E) -> Option<bool>,
    (count, arity): (usize, usize),
) -> Option<(&'p P, f64)> {
    let mut best: Option<(&P, f64, usize)> = None;
    for (_, program) in programs {
        let (mut right, mut telling) = (0, 0);
        for (i, example) in examples.iter().enumerate() {
            if right == 0 && i >= PROBED {
                break;
            }
            let explained = explains(program, example);
            right += usize::from(explained.is_some());
            telling += usize::from(explained == Some(true));
        }
        let likelihood = likelihood(right, telling, count, arity);
        let better = best.is_none_or(|(_, most, explained)| (likelihood, right) > (most, explained));
        if right > 0 && better {
            best = Some((program, likelihood, right));
        }
    }
    best.map(|(program, likelihood, _)| (program, likelihood))
}

/// The likelihood of a program that explains `right` of the examples, `telling` of them with telling outputs.
fn likelihood(right: usize, telling: usize, examples: usize, arity: usize) -> f64 {
    let (robust, least, share) = ROBUST;
    let count = examples.max(1) as f64;
    let few = (EXAMPLES_AN_ARGUMENT * arity as f64 / count).max(1.0);
    let plain = right as f64 / count / few;
    if telling >= least && telling as f64 >= share * count { plain.max(robust) } else { plain }
}

#[cfg(test)]
mod tests {
    use super::super::enumerate;
    use super::*;
    use crate::base::random::Key;

    fn list(tokens: &[u8]) -> Value {
        Value::List(tokens.to_vec())
    }

    fn seen(examples: &[(Vec<Value>, Value)]) -> Cache {
        let mut cache = Cache::default();
        examples.iter().cloned().for_each(|(inputs, output)| cache.add(inputs, output));
        cache
    }

    fn library(arity: usize) -> Library {
        Library::Lists(enumerate::Library::new(arity, 8, 6, &mut Key::new(1).stream()))
    }

    #[test]
    fn a_program_is_found_from_four_examples_and_not_trusted_on_two() {
        let mut left = Semantics::new(1);
        let example = |token: u8| (vec![list(&[token])], list(&[4, token]));
        left.learn(&seen(&[example(0), example(1)]), Some(&library(1)));
        assert!(left.likelihood <= 0.5 && !left.trusted(), "{}", left.likelihood);
        assert_eq!(left.call(&[Some(list(&[2]))], &mut Choice::Top), None, "neither trusted nor seen");
        assert_eq!(left.call(&[Some(list(&[1]))], &mut Choice::Top), Some(list(&[4, 1])));
        left.learn(&seen(&[example(0), example(1), example(2), example(3)]), Some(&library(1)));
        assert!(left.solved());
        assert_eq!(left.call(&[Some(list(&[2, 2]))], &mut Choice::Top), Some(list(&[4, 2, 2])));
        assert_eq!(left.call(&[None], &mut Choice::Top), None);
        assert_eq!(left.call(&[], &mut Choice::Top), None, "an argument is missing");
    }

    #[test]
    fn without_programs_there_are_only_tables() {
        let mut twice = Semantics::new(1);
        for _ in 0..5 {
            twice.learn(&seen(&[(vec![list(&[1])], list(&[1, 1])), (vec![list(&[2])], list(&[2, 2]))]), None);
        }
        assert!(!twice.trusted());
        assert_eq!(twice.call(&[Some(list(&[1]))], &mut Choice::Top), Some(list(&[1, 1])));
        assert_eq!(twice.call(&[Some(list(&[3]))], &mut Choice::Top), None);
    }

    #[test]
    fn noise_that_never_agrees_is_overruled() {
        let mut thrice = Semantics::new(1);
        let right = (0..4).map(|token| (vec![list(&[token])], list(&[token; 3])));
        let noise = (0..40).map(|i| (vec![list(&[i % 4, i / 4, 5])], list(&[3, i % 3, i % 5, i / 7])));
        let examples: Vec<(Vec<Value>, Value)> = right.chain(noise).collect();
        thrice.learn(&seen(&examples), Some(&library(1)));
        assert_eq!(thrice.likelihood, 0.6);
        assert_eq!(thrice.call(&[Some(list(&[0, 1]))], &mut Choice::Top), Some(list(&[0, 1, 0, 1, 0, 1])));
        thrice.learn(&seen(&examples[1..]), Some(&library(1)));
        thrice.learn(&Cache::default(), Some(&library(1)));
        assert!(!thrice.trusted(), "three examples and noise are not enough, and counts fade");
    }

    #[test]
    fn an_input_is_found_from_what_was_seen() {
        let mut and = Semantics::new(2);
        let examples = [(vec![list(&[1]), list(&[2])], list(&[1, 2])), (vec![list(&[1]), list(&[3])], list(&[1, 3]))];
        and.learn(&seen(&examples), None);
        let inputs = [Some(list(&[1])), None];
        assert_eq!(and.inverse(1, &inputs, &[list(&[1, 3]), list(&[0])]), [list(&[3])]);
        assert!(and.inverse(0, &inputs, &[list(&[1, 3])]).is_empty(), "the other input is missing");
    }

    #[test]
    fn a_cache_is_drawn_from_by_its_counts_and_survives_a_file() {
        let mut cache = Cache::default();
        cache.renew(&seen(&[1, 1, 1, 2].map(|token| (vec![], list(&[token])))));
        let mut stream = Key::new(5).stream();
        let ones =
            (0..400).filter(|_| cache.choose(&[], &mut Choice::Sampled(&mut stream)) == Some(list(&[1]))).count();
        assert!((260..340).contains(&ones), "{ones}");
        let text = serde_json::to_string(&cache).unwrap();
        assert_eq!(serde_json::from_str::<Cache>(&text).unwrap(), cache);
        for _ in 0..4 {
            cache.renew(&Cache::default());
        }
        assert_eq!((cache.len(), cache.examples().len()), (1, 0), "0.19 and 0.06 are left of the counts");
    }
}
