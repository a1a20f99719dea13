//! The trial of the Transformer on the sentences that symbol systems learn.

use serde::{Deserialize, Serialize};

use super::corpus::Corpus;
use super::settings::{Baseline, Condition};
use super::value::{Language, Sentence, Value};
use crate::base::random::Key;
use crate::contract::{
    Archive, Axis, Body, Dash, Flow, Line, Lines, Panel, Progress, Reading, Record, Setup, Table, Trial, TrialError,
};
use crate::instruments::card;
use crate::nn::optimiser::{Method, Moments, OptimiserSettings};
use crate::nn::schedule::Schedule;
use crate::training::burst;
use crate::training::sequence_to_sequence::{Form, Pair, Pools, SPECIALS, SequenceToSequence, share};

/// Sentences that are answered in one call of `step`, and training sentences that are answered in all.
const ASKED: usize = 64;
const TRAINING: usize = 256;
/// Batches of which sentences are sorted by length.
const POOLED: usize = 16;
/// Mean lengths of source and target by which cost is told before any data are made.
pub(super) const LENGTHS: [f64; 2] = [8.0, 16.0];
/// Examples that instruments look at.
const READ: usize = 200;

/// What was found at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Look {
    step: u64,
    loss: f64,
    test: f64,
}

/// How far the trial is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    step: u64,
    /// Calls of the examination at the end.
    examined: u64,
    looks: Vec<Look>,
    /// Which test and training sentences were answered rightly at the end, as far as they were asked.
    test: Vec<bool>,
    train: Vec<bool>,
}

/// One Transformer, one seed.
pub(super) struct BaselineTrial {
    baseline: Baseline,
    key: Key,
    name: String,
    /// Language and test sentences; the training sentences are pairs alone.
    corpus: Corpus,
    train: Vec<Pair>,
    test: Vec<Pair>,
    pools: Pools,
    model: SequenceToSequence,
    state: State,
}

/// Calls of the examination at the end: test sentences, then training sentences.
pub(super) fn examinations(condition: &Condition) -> u64 {
    (condition.data.tested().div_ceil(ASKED) + TRAINING.div_ceil(ASKED)) as u64
}

/// A sentence as numbers of tokens: symbols as they are, numbers digit by digit.
fn pair(sentence: &Sentence) -> Pair {
    let token = |number: u32| number + SPECIALS as u32;
    let target = match &sentence.answer {
        Value::List(tokens) => tokens.iter().map(|of| token(u32::from(*of))).collect(),
        Value::Number(number) => number.to_string().bytes().map(|digit| token(u32::from(digit - b'0'))).collect(),
        Value::Empty => Vec::new(),
    };
    Pair { source: sentence.symbols.iter().map(|symbol| token(u32::from(*symbol))).collect(), target }
}

impl BaselineTrial {
    /// Starts a Transformer; data depend on the seed and the data set alone.
    ///
    /// # Errors
    /// When a user's file cannot be read any more.
    pub(super) fn start(condition: &Condition, setup: &Setup) -> Result<Self, TrialError> {
        let Baseline { network, batch, .. } = condition.baseline;
        let key = setup.key.purpose("transformer");
        let corpus = condition.data.corpus(setup.key.purpose("data"))?;
        let [train, test] = [&corpus.train, &corpus.test].map(|part| part.iter().map(pair).collect::<Vec<Pair>>());
        let longest = |of: fn(&Pair) -> usize| train.iter().chain(&test).map(of).max().unwrap_or(1);
        let form = Form {
            network,
            vocabularies: [corpus.language.len(), corpus.language.tokens.len()].map(|tokens| tokens + SPECIALS),
            longest: [longest(|pair| pair.source.len()), longest(|pair| pair.target.len())],
            batch: batch.min(train.len()),
        };
        let method = Method::Adam(Moments { beta2: 0.98, ..Moments::default() });
        let adam = OptimiserSettings { clip_norm: Some(1.0), ..method.into() };
        let lengths = train.iter().map(|pair| pair.target.len() as u16).collect();
        Ok(BaselineTrial {
            baseline: condition.baseline,
            key,
            name: condition.label(),
            pools: Pools::new(lengths, form.batch, POOLED, key.purpose("batches")),
            model: SequenceToSequence::new(key, setup.pool.clone(), adam, &form),
            corpus,
            train,
            test,
            state: State::default(),
        })
    }

    fn parts(&self) -> [u64; 2] {
        [self.test.len().div_ceil(ASKED) as u64, self.train.len().min(TRAINING).div_ceil(ASKED) as u64]
    }

    /// Training steps up to the next look, or as many as a call of `step` has time for.
    fn train(&mut self, record: &mut dyn Record) -> Result<(), TrialError> {
        for _ in 0..burst(self.model.form().step_flop(LENGTHS)) {
            let step = self.state.step;
            let rows: Vec<&Pair> = self.pools.batch(step).iter().map(|at| &self.train[*at as usize]).collect();
            let Baseline { learning_rate, steps, warm_up, decay, .. } = self.baseline;
            let rate = Schedule::falling_at_the_end(learning_rate, steps, warm_up, decay).at(step);
            let loss = f64::from(self.model.train(&rows, step, rate)?.loss);
            self.state.step += 1;
            let at = self.state.step;
            if at.is_multiple_of(self.baseline.every) || at == self.baseline.steps {
                let right = self.model.exact(&self.test[..self.test.len().min(ASKED)], 1);
                let test = share(&right);
                record.metric(at, "loss", loss);
                if at < self.baseline.steps {
                    record.metric(at, "accuracy", test);
                }
                self.state.looks.push(Look { step: at, loss, test });
                break;
            }
        }
        Ok(())
    }

    /// Asks some sentences of the examination at the end.
    fn examine(&mut self, record: &mut dyn Record) {
        let [tests, trains] = self.parts();
        let asked = |all: &[Pair], part: u64| {
            let from = part as usize * ASKED;
            all[from.min(all.len())..(from + ASKED).min(all.len())].to_vec()
        };
        let part = self.state.examined;
        if part < tests {
            let right = self.model.exact(&asked(&self.test, part), 1);
            self.state.test.extend(right);
        } else {
            let most = self.train.len().min(TRAINING);
            // A stride through the set: short sentences stand at its beginning.
            let spread: Vec<Pair> = (0..most).map(|i| self.train[i * self.train.len() / most].clone()).collect();
            let right = self.model.exact(&asked(&spread, part - tests), 1);
            self.state.train.extend(right);
        }
        self.state.examined += 1;
        if self.state.examined == tests + trains {
            let step = self.state.step;
            record.metric(step, "accuracy", share(&self.state.test));
            record.metric(step, "train_accuracy", share(&self.state.train));
            self.corpus.record_parts(&self.state.test, step, record);
            record.vector(step, "right", self.state.test.iter().map(|right| f64::from(u8::from(*right))).collect());
        }
    }

    fn curves(&self) -> Panel {
        let line = |label: &str, dash, of: fn(&Look) -> f64| {
            let points = self.state.looks.iter().map(|look| (look.step as f64, of(look))).collect();
            Line { label: label.into(), dash, points }
        };
        let lines = vec![line("test, exact", Dash::Solid, |l| l.test), line("loss in nats", Dash::Dashed, |l| l.loss)];
        let (x, y) = (Axis::linear("training step"), Axis::linear("share, nats"));
        let body = Body::Lines(Lines { x, y, lines, marks: Vec::new() });
        let says = "The loss on training sentences, and the share of some test sentences that are answered exactly. A \
                    loss near zero beside a test at zero: it learned the sentences and not the system.";
        Panel::new("curves", self.name.as_str(), says, body)
    }

    /// Some test sentences with what is written and what is right.
    fn answers(&mut self) -> Panel {
        let some: Vec<Pair> = self.test.iter().take(8).cloned().collect();
        let sources: Vec<&[u32]> = some.iter().map(|pair| pair.source.as_slice()).collect();
        let written = self.model.decode(&sources, 1);
        let Language { words, tokens: answers, .. } = &self.corpus.language;
        let text = |tokens: &[u32], names: &[String]| {
            let of = |token: &u32| (*token as usize).checked_sub(SPECIALS).and_then(|at| names.get(at));
            tokens.iter().map(|token| of(token).map_or("?", String::as_str)).collect::<Vec<_>>().join(" ")
        };
        let row = |(pair, written): (&Pair, &Vec<u32>)| {
            let right = if *written == pair.target { "right" } else { "wrong" };
            vec![text(&pair.source, words), text(written, answers), text(&pair.target, answers), right.into()]
        };
        let rows = some.iter().zip(&written).map(row).collect();
        let columns = ["sentence", "answered", "right answer", ""].map(String::from).to_vec();
        let says = "What is written for some test sentences: words, and the tokens of the answer in short. Good: the two \
                    answers are the same to the last token.";
        Panel::new("answers", "Test sentences", says, Body::Table(Table { columns, rows }))
    }
}

impl Trial for BaselineTrial {
    fn progress(&self) -> Progress {
        let [tests, trains] = self.parts();
        Progress { step: self.state.step + self.state.examined, steps: self.baseline.steps + tests + trains }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.state.step < self.baseline.steps {
            self.train(record)?;
        } else {
            self.examine(record);
        }
        let Progress { step, steps } = self.progress();
        Ok(if step >= steps { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        vec![self.curves(), self.answers()]
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        let Progress { step, steps } = self.progress();
        archive.reachable(step <= steps)?;
        self.model.keep(archive)
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        let part = |pairs: &'_ [Pair]| pairs.iter().take(READ).cloned().collect::<Vec<Pair>>();
        let (train, test) = (part(&self.train), part(&self.test));
        let subject = self.model.subject([&train, &test], self.key);
        Ok(card::read(&subject, names, told))
    }
}
