//! Multi-query associative recall (Arora et al. 2023, "Zoology"): pairs of a key and a value are shown, then keys
//! alone are asked. With faults, some values reach the model's memory as noise.

use std::io::Write;

use rand::RngExt;
use rand::seq::{SliceRandom, index};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DataError, Entry, Known, Task, read};
use crate::base::checks::Checks;
use crate::base::random::{Key, Stream};

/// The task. Tokens are keys `0..keys`, then values `keys..keys + values`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recall {
    /// Keys of the vocabulary; those of a sequence are distinct.
    pub keys: usize,
    /// Values of the vocabulary; those of a sequence need not be distinct.
    pub values: usize,
    /// N: keys of a sequence.
    pub pairs: usize,
    /// How often each pair is shown, all in random order.
    pub showings: usize,
    /// Whether every showing of a key has a value of its own; the last one is asked for.
    pub rebind: bool,
    /// Keys asked at the end.
    pub queries: usize,
    /// Probability that a shown value is a fault.
    pub fault: f64,
    /// Standard deviation of the noise that a memory gets in place of a faulty value, in every channel.
    pub fault_size: f32,
}

/// Sequences with what is asked of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequences {
    /// How many.
    pub count: usize,
    /// Tokens, `[count, tokens]`.
    pub tokens: Vec<f32>,
    /// What is to be answered at each of the last tokens, `[count, asked]`.
    pub targets: Vec<f32>,
    /// 1 at tokens whose value is a fault, 0 elsewhere, `[count, tokens]`.
    pub faulty: Vec<f32>,
    /// Noise in place of faulty values, zeros elsewhere, `[count, tokens, width]`.
    pub noise: Vec<f32>,
}

impl Sequences {
    /// Room for sequences of so many tokens, the last `asked` of them questions, read by a memory of this width.
    pub fn new(count: usize, [tokens, asked, width]: [usize; 3]) -> Self {
        Sequences {
            count,
            tokens: vec![0.0; count * tokens],
            targets: vec![0.0; count * asked],
            faulty: vec![0.0; count * tokens],
            noise: vec![0.0; count * tokens * width],
        }
    }
}

impl Recall {
    /// Tokens of a sequence.
    pub const fn tokens(&self) -> usize {
        2 * self.pairs * self.showings + self.queries
    }

    /// Tokens of the vocabulary.
    pub const fn vocabulary(&self) -> usize {
        self.keys + self.values
    }

    /// What cannot be used.
    pub fn check(&self, checks: &mut Checks) {
        checks.range("keys", self.keys, 1..=65_536);
        checks.range("values", self.values, 1..=65_536);
        checks.range("pairs", self.pairs, 1..=self.keys.clamp(1, 4096));
        checks.range("showings", self.showings, 1..=64);
        checks.range("queries", self.queries, 1..=4096);
        checks.range("fault", self.fault, 0.0..=1.0);
        checks.range("fault_size", self.fault_size, 0.0..=1e6);
    }

    /// One sequence: pairs of key and value in the order shown, then (key, value) of every question.
    fn draw(&self, stream: &mut Stream) -> (Vec<[usize; 2]>, Vec<[usize; 2]>) {
        let keys: Vec<usize> = index::sample(stream, self.keys, self.pairs).into_vec();
        let value = |stream: &mut Stream| self.keys + stream.random_range(0..self.values);
        let mut shown = Vec::with_capacity(self.pairs * self.showings);
        for key in &keys {
            let once = value(stream);
            for showing in 0..self.showings {
                shown.push([*key, if self.rebind && showing > 0 { value(stream) } else { once }]);
            }
        }
        shown.shuffle(stream);
        let asked = |key: usize| *shown.iter().rfind(|pair| pair[0] == key).expect("every key is shown");
        let questions = (0..self.queries).map(|_| asked(keys[stream.random_range(0..self.pairs)])).collect();
        (shown, questions)
    }
}

impl Task for Recall {
    type Batch = Sequences;

    fn known(&self) -> Known {
        Known { features: Vec::new(), chance_accuracy: Some(1.0 / self.values as f64), best_loss: Some(0.0) }
    }

    /// The width of the noise is that of the batch.
    fn fill(&self, stream: &mut Stream, batch: &mut Sequences) {
        let (length, queries) = (self.tokens(), self.queries);
        let width = batch.noise.len() / batch.faulty.len().max(1);
        batch.faulty.fill(0.0);
        batch.noise.fill(0.0);
        for at in 0..batch.count {
            let (shown, questions) = self.draw(stream);
            let tokens = &mut batch.tokens[at * length..][..length];
            for (place, [key, value]) in shown.iter().enumerate() {
                (tokens[2 * place], tokens[2 * place + 1]) = (*key as f32, *value as f32);
                if self.fault > 0.0 && stream.random_bool(self.fault) {
                    let token = at * length + 2 * place + 1;
                    batch.faulty[token] = 1.0;
                    for x in &mut batch.noise[token * width..][..width] {
                        let normal: f32 = StandardNormal.sample(stream);
                        *x = self.fault_size * normal;
                    }
                }
            }
            for (place, [key, value]) in questions.iter().enumerate() {
                tokens[length - queries + place] = *key as f32;
                batch.targets[at * queries + place] = *value as f32;
            }
        }
    }
}

/// The row of the table of tasks.
pub(super) const ENTRY: Entry = Entry {
    name: "recall",
    what: "multi-query associative recall: pairs of key and value, then keys whose value is asked; faults marked by !",
    source: "after Arora et al., Zoology, 2023",
    settings: || {
        json!({ "seed": 0, "keys": 32, "values": 32, "pairs": 8, "showings": 1, "rebind": false, "queries": 16,
                "fault": 0.0, "fault_size": 10.0 })
    },
    write,
};

/// At most `limit` sequences, one a line: `k3 v17 ... | k3=v17 ...`.
fn write(mut settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let seed: u64 = read(settings.as_object_mut().and_then(|fields| fields.remove("seed")).unwrap_or_default())?;
    let recall: Recall = read(settings)?;
    let mut checks = Checks::new();
    recall.check(&mut checks);
    if let Some(problem) = checks.problems().into_iter().next() {
        return Err(DataError::Settings { path: problem.path, message: problem.found });
    }
    let mut batch = Sequences::new(1, [recall.tokens(), recall.queries, 1]);
    for line in 0..limit as u64 {
        recall.fill(&mut Key::new(seed).index(line).stream(), &mut batch);
        let name = |token: f32| match token as usize {
            key if key < recall.keys => format!("k{key}"),
            value => format!("v{}", value - recall.keys),
        };
        let (shown, asked) = batch.tokens.split_at(batch.tokens.len() - recall.queries);
        let marked = |(token, faulty): (&f32, &f32)| name(*token) + if *faulty > 0.0 { "!" } else { "" };
        let shown: Vec<String> = shown.iter().zip(&batch.faulty).map(marked).collect();
        let asked: Vec<String> =
            asked.iter().zip(&batch.targets).map(|(key, value)| format!("{}={}", name(*key), name(*value))).collect();
        writeln!(out, "{} | {}", shown.join(" "), asked.join(" "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const PLAIN: Recall = Recall {
        keys: 32,
        values: 16,
        pairs: 8,
        showings: 1,
        rebind: false,
        queries: 16,
        fault: 0.0,
        fault_size: 10.0,
    };

    fn batch(recall: Recall, count: usize) -> Sequences {
        let mut batch = Sequences::new(count, [recall.tokens(), recall.queries, 4]);
        recall.fill(&mut Key::new(3).stream(), &mut batch);
        batch
    }

    #[test]
    fn every_question_has_the_value_shown_last() {
        let twice = Recall { showings: 3, rebind: true, ..PLAIN };
        for recall in [PLAIN, Recall { showings: 3, ..PLAIN }, twice] {
            let drawn = batch(recall, 20);
            let length = recall.tokens();
            let mut changed = 0;
            for (tokens, targets) in drawn.tokens.chunks(length).zip(drawn.targets.chunks(recall.queries)) {
                let (shown, asked) = tokens.split_at(length - recall.queries);
                let mut last = BTreeMap::new();
                for pair in shown.chunks(2) {
                    assert!((pair[0] as usize) < 32 && (32..48).contains(&(pair[1] as usize)));
                    changed += usize::from(last.insert(pair[0] as usize, pair[1]).is_some_and(|old| old != pair[1]));
                }
                assert_eq!(last.len(), recall.pairs, "keys of a sequence are distinct");
                assert!(asked.iter().zip(targets).all(|(key, target)| last[&(*key as usize)] == *target));
            }
            assert_eq!(changed > 0, recall.rebind);
        }
        assert_eq!((PLAIN.tokens(), Recall { showings: 3, ..PLAIN }.tokens()), (32, 64));
    }

    #[test]
    fn faults_hit_values_alone_at_their_rate_and_size() {
        let drawn = batch(Recall { showings: 3, fault: 0.15, ..PLAIN }, 400);
        let values = drawn.faulty.len() / 64 * 24;
        let hit = drawn.faulty.iter().sum::<f32>() / values as f32;
        assert!((hit - 0.15).abs() < 0.02, "{hit}");
        let (mut squares, mut of) = (0.0, 0);
        for ((faulty, noise), token) in drawn.faulty.iter().zip(drawn.noise.chunks(4)).zip(&drawn.tokens) {
            assert!(*faulty == 0.0 || *token >= 32.0, "a key is no fault");
            assert_eq!(*faulty == 0.0, noise.iter().all(|x| *x == 0.0));
            (squares, of) = (squares + noise.iter().map(|x| x * x).sum::<f32>(), of + 4 * *faulty as usize);
        }
        assert!((squares / of as f32 / 100.0 - 1.0).abs() < 0.1);
    }

    #[test]
    fn sequences_are_written_as_words() {
        let mut text = Vec::new();
        let mut settings = (ENTRY.settings)();
        settings["fault"] = 1.0.into();
        write(settings.clone(), 2, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!((text.lines().count(), text.matches('!').count(), text.matches('=').count()), (2, 16, 32));
        settings["pairs"] = 33.into();
        assert!(write(settings, 1, &mut Vec::new()).unwrap_err().to_string().contains("pairs"));
    }
}
