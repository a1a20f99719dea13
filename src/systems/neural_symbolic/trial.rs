//! The trial of a symbol system: epochs of deduction, abduction and learning, in small parts.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::abduction::{Module, Seen};
use super::corpus::{Album, Corpus};
use super::machine::{Deduced, Machine, Shown, best};
use super::panels;
use super::parser::{Parser, Told};
use super::perception::{Label, Perception};
use super::semantics::{Cache, Semantics};
use super::settings::{Arm, Condition};
use super::transitions::{Action, Transition, replayed};
use super::tree::Tree;
use super::value::{Sentence, Value};
use crate::base::random::{Key, Stream};
use crate::contract::{Archive, Flow, Panel, Progress, Record, Setup, Trial, TrialError};

/// Training sentences of one call of `step`, and test sentences.
const SENTENCES: usize = 100;
const TESTED: usize = 400;
/// Sweeps of an epoch: for meanings, parses, and labels.
const SWEEPS: u64 = 3;
/// Wrong test sentences that are kept for a look.
const FAILURES: usize = 5;

/// Passes of perception in an epoch. Each goes over as many labels that were told at the beginning, again and again, as
/// an epoch has sentences, and over at most twice as many that abduction found.
const PERCEIVED: u64 = 5;

/// What an epoch does, part by part. Perception is learned first, so that the first of all is of what was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A pass of perception over labels.
    Perceive,
    /// Sentences from here on are deduced and repaired: examples of symbols.
    Meanings(usize),
    /// Meanings are learned.
    Programs,
    /// Sentences from here on are deduced and repaired: labels of pictures.
    Labels(usize),
    /// Sentences from here on are deduced: right parses.
    Parses(usize),
    /// A pass over right parses.
    Pass,
    /// Test sentences from here on are answered.
    Test(usize),
}

/// What was found in an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    /// Epochs done.
    pub(super) epoch: u64,
    /// Share of training sentences whose best parse answered rightly by itself.
    pub(super) deduced: f64,
    /// Share that abduction repaired.
    pub(super) repaired: f64,
    /// Share of training sentences no parse of which was a tree.
    pub(super) unparsed: f64,
    /// Share of test sentences answered rightly.
    pub(super) test: f64,
    /// Share of transitions that the parser told rightly in its last pass; none if it did not learn.
    pub(super) parser: Option<f64>,
    /// Symbols with a program that is trusted.
    pub(super) programs: usize,
    /// Share of test pictures taken for the right symbol; none where symbols are told.
    pub(super) perception: Option<f64>,
}

/// A test sentence with a wrong answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) sentence: Sentence,
    pub(super) answered: Option<Value>,
}

/// What the running epoch found so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tally {
    deduced: usize,
    repaired: usize,
    unparsed: usize,
    /// Examples of each symbol.
    examples: Vec<Cache>,
    /// Right parses: symbols, and actions.
    parses: Vec<(Vec<u8>, Vec<Action>)>,
    /// What pictures were taken for, in trees that answer rightly.
    labels: Vec<Label>,
    /// Transitions told in the last pass, and rightly.
    told: (usize, usize),
    /// Which test sentences were answered rightly.
    right: Vec<bool>,
    /// Test pictures, and those taken for the right symbol.
    perceived: (usize, usize),
    failures: Vec<Failure>,
}

/// How far the trial is, and what its panels need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    tick: u64,
    /// Training steps and passes of the parser.
    parser_steps: u64,
    passes: u64,
    /// Those of perception.
    perception_steps: u64,
    perception_passes: u64,
    /// What pictures were taken for in the epoch before.
    labels: Vec<Label>,
    /// What is known of every symbol.
    pub(super) meanings: Vec<Semantics>,
    pub(super) looks: Vec<Look>,
    tally: Tally,
    /// Wrong test sentences of the last test.
    pub(super) failures: Vec<Failure>,
    /// Of the last sentences that were explained the last that was repaired, or else deduced.
    pub(super) shown: Option<Shown>,
}

/// What became of a training sentence with a tree.
struct Explained {
    /// Whether it answered rightly by itself.
    deduced: bool,
    /// The tree that answers rightly, if one was found.
    tree: Option<Tree>,
}

/// One symbol system, one seed.
pub(super) struct NsrTrial {
    pub(super) condition: Condition,
    key: Key,
    pub(super) corpus: Corpus,
    pub(super) machine: Machine,
    pub(super) parser: Parser,
    /// Who looks at pictures; none where symbols are told.
    perception: Option<Perception>,
    pub(super) state: State,
    /// Sentences of a sweep, by their numbers, with the sweep that they are of: made anew when asked for another.
    drawn: (u64, Vec<usize>),
}

/// Calls of `step` that an epoch takes.
pub(super) fn ticks(condition: &Condition) -> u64 {
    schedule(condition).len() as u64
}

/// The parts of an epoch. A split may have fewer test sentences than are asked for: the last parts then do nothing.
fn schedule(condition: &Condition) -> Vec<Part> {
    let sweep = || (0..condition.learning.sentences).step_by(SENTENCES);
    let tests = (0..condition.data.tested()).step_by(TESTED);
    let pictures = condition.data.has_pictures();
    (0..PERCEIVED)
        .filter(|_| pictures)
        .map(|_| Part::Perceive)
        .chain(sweep().map(Part::Meanings))
        .chain([Part::Programs])
        .chain(sweep().filter(|_| pictures).map(Part::Labels))
        .chain(sweep().map(Part::Parses))
        .chain((0..condition.parser.passes).map(|_| Part::Pass))
        .chain(tests.map(Part::Test))
        .collect()
}

impl NsrTrial {
    /// Starts a condition; data and first weights depend on the seed and the data set alone.
    ///
    /// # Errors
    /// When a user's file cannot be read any more.
    pub(super) fn start(condition: Condition, setup: &Setup) -> Result<Self, TrialError> {
        let key = setup.key;
        let corpus = condition.data.corpus(key.purpose("data"))?;
        let language = corpus.language.clone();
        let parser = Parser::new(&language, condition.parser, key.purpose("parser"), setup.pool.clone());
        let seen =
            |album: &Album| Perception::new(album.pictures.clone(), key.purpose("perception"), setup.pool.clone());
        let perception = corpus.pictures.as_ref().map(seen);
        let machine = Machine::new(language, condition.costs(), condition.learning.parses, key.purpose("machine"));
        let state = State { meanings: machine.ignorant(), tally: fresh(&machine), ..State::default() };
        Ok(NsrTrial { condition, key, corpus, machine, parser, perception, state, drawn: (u64::MAX, Vec::new()) })
    }

    /// Epochs done.
    pub(super) fn epoch(&self) -> u64 {
        self.state.tick / ticks(&self.condition)
    }

    fn part(&self) -> Part {
        let schedule = schedule(&self.condition);
        schedule[(self.state.tick % schedule.len() as u64) as usize]
    }

    /// The sentences of an epoch's sweep: all that are short enough in a random order, over and over.
    fn draw(&mut self, sweep: u64) {
        let number = SWEEPS * self.epoch() + sweep;
        if self.drawn.0 == number {
            return;
        }
        let most = self.condition.words(self.epoch());
        let short = |at: &usize| most == 0 || self.corpus.train[*at].symbols.len() <= most;
        let eligible: Vec<usize> = (0..self.corpus.train.len()).filter(short).collect();
        let mut stream = self.key.purpose("sentences").index(number).stream();
        let mut drawn = Vec::with_capacity(self.condition.learning.sentences + eligible.len());
        while drawn.len() < self.condition.learning.sentences && !eligible.is_empty() {
            let mut order = eligible.clone();
            order.shuffle(&mut stream);
            drawn.extend(order);
        }
        drawn.truncate(self.condition.learning.sentences);
        self.drawn = (number, drawn);
    }

    /// Calls `each` with some sentences of a sweep, their numbers, and a stream for each.
    fn sweep(&mut self, sweep: u64, from: usize, each: fn(&mut Self, usize, &mut Stream)) {
        self.draw(sweep);
        let key = self.key.purpose("deduction").index(self.drawn.0);
        for place in from..(from + SENTENCES).min(self.drawn.1.len()) {
            let at = self.drawn.1[place];
            each(self, at, &mut key.index(place as u64).stream());
        }
    }

    /// Sampled parses of a training sentence with their values.
    fn deduced(&self, at: usize, stream: &mut Stream) -> Vec<Deduced> {
        let (sentence, perception) = (&self.corpus.train[at], self.perception.as_ref());
        self.machine.deduce(sentence, perception, &self.parser, &self.state.meanings, stream)
    }

    /// Symbols of a sentence: those that its pictures are likeliest to show, or those that are told.
    pub(super) fn symbols(&self, sentence: &Sentence) -> Vec<u8> {
        match &self.perception {
            Some(perception) => perception.read(&sentence.pictures),
            None => sentence.symbols.clone(),
        }
    }

    /// A tree of a training sentence that answers rightly, by abduction within a module where need be; none where there
    /// was no tree to begin with.
    fn explained(&mut self, at: usize, module: Module, stream: &mut Stream) -> Option<Explained> {
        let found = self.deduced(at, stream);
        let chosen = best(&found, &self.state.meanings)?;
        let Sentence { answer, pictures, .. } = &self.corpus.train[at];
        let seen = self.perception.as_ref().map(|perception| Seen { perception, pictures });
        let changed = (self.condition.abduction.then_some(module), seen);
        let (tree, shown) = self.machine.explain(chosen, answer, &self.state.meanings, changed, stream);
        if shown.repair.is_some() || self.state.shown.as_ref().is_none_or(|shown| shown.repair.is_none()) {
            self.state.shown = Some(shown);
        }
        Some(Explained { deduced: chosen.tree.answer() == Some(answer), tree })
    }

    /// Explains a training sentence by what symbols mean.
    fn explain(&mut self, at: usize, stream: &mut Stream) {
        let Some(Explained { deduced, tree }) = self.explained(at, Module::Meanings, stream) else {
            self.state.tally.unparsed += 1;
            return;
        };
        let tally = &mut self.state.tally;
        tally.deduced += usize::from(deduced);
        tally.repaired += usize::from(!deduced && tree.is_some());
        for (symbol, inputs, output) in tree.iter().flat_map(Tree::facts) {
            tally.examples[usize::from(symbol)].add(inputs, output);
        }
    }

    /// Explains a training sentence by what its pictures show.
    fn label(&mut self, at: usize, stream: &mut Stream) {
        let explained = self.explained(at, Module::Perception, stream);
        if let Some(tree) = explained.and_then(|explained| explained.tree) {
            let pictures = self.corpus.train[at].pictures.iter().copied();
            self.state.tally.labels.extend(pictures.zip(tree.symbols));
        }
    }

    /// A pass of perception over what was told to begin with, and over some labels of the epoch before.
    fn perceive(&mut self) -> Result<(), TrialError> {
        let (Some(perception), Some(album)) = (&mut self.perception, &self.corpus.pictures) else { return Ok(()) };
        let mut labels = self.state.labels.clone();
        let pass = self.state.perception_passes;
        labels.shuffle(&mut self.key.purpose("labels").index(pass).stream());
        let sentences = self.condition.learning.sentences;
        labels.truncate(2 * sentences);
        labels.extend(album.told.iter().cycle().take(sentences.max(album.told.len())));
        perception.learn(&labels, pass, &mut self.state.perception_steps)?;
        self.state.perception_passes += 1;
        Ok(())
    }

    /// Keeps the best of the parses that answer rightly, for the parser to learn.
    fn keep_right(&mut self, at: usize, stream: &mut Stream) {
        let answer = self.corpus.train[at].answer.clone();
        let mut found = self.deduced(at, stream);
        found.retain(|one| one.tree.answer() == Some(&answer));
        if let Some(right) = best(&found, &self.state.meanings) {
            let actions = right.transitions.iter().map(|transition| transition.action).collect();
            self.state.tally.parses.push((right.tree.symbols.clone(), actions));
        }
    }

    /// Learns what symbols mean from the examples of the epoch.
    fn learn_meanings(&mut self) {
        let examples = std::mem::take(&mut self.state.tally.examples);
        let libraries = self.machine.libraries(&self.state.meanings);
        for (meaning, examples) in self.state.meanings.iter_mut().zip(&examples) {
            meaning.learn(examples, libraries.get(&meaning.arity));
        }
        self.state.tally.examples = examples;
    }

    /// A pass of the parser over the right parses of the epoch.
    fn pass(&mut self) -> Result<(), TrialError> {
        if self.condition.arm == Arm::UntrainedParser || self.state.tally.parses.is_empty() {
            return Ok(());
        }
        let replay = |(symbols, actions): &(Vec<u8>, Vec<Action>)| replayed(symbols, &self.machine.language, actions);
        let transitions: Vec<Transition> = self.state.tally.parses.iter().flat_map(replay).collect();
        let Told { seen, right } = self.parser.learn(&transitions, self.state.passes, &mut self.state.parser_steps)?;
        self.state.passes += 1;
        self.state.tally.told = (seen, right);
        Ok(())
    }

    /// Answers some test sentences.
    fn test(&mut self, from: usize) {
        for sentence in self.corpus.test.iter().skip(from).take(TESTED) {
            let symbols = self.symbols(sentence);
            let perceived = &mut self.state.tally.perceived;
            perceived.0 += sentence.pictures.len();
            perceived.1 += symbols.iter().zip(&sentence.symbols).filter(|(seen, is)| seen == is).count();
            let read = self.machine.read(&symbols, &self.parser, &self.state.meanings);
            let answered = read.and_then(|deduced| deduced.tree.answer().cloned());
            let right = answered.as_ref() == Some(&sentence.answer);
            self.state.tally.right.push(right);
            let failures = &mut self.state.tally.failures;
            if !right {
                failures.truncate(FAILURES - 1);
                failures.insert(0, Failure { sentence: sentence.clone(), answered });
            }
        }
    }

    /// Ends an epoch.
    fn close(&mut self, record: &mut dyn Record) {
        let tally = std::mem::replace(&mut self.state.tally, fresh(&self.machine));
        let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
        let sentences = self.condition.learning.sentences;
        let look = Look {
            epoch: self.epoch(),
            deduced: share(tally.deduced, sentences),
            repaired: share(tally.repaired, sentences),
            unparsed: share(tally.unparsed, sentences),
            test: share(tally.right.iter().filter(|right| **right).count(), tally.right.len()),
            parser: (tally.told.0 > 0).then(|| share(tally.told.1, tally.told.0)),
            programs: self.state.meanings.iter().filter(|meaning| meaning.trusted()).count(),
            perception: (tally.perceived.0 > 0).then(|| share(tally.perceived.1, tally.perceived.0)),
        };
        let step = self.state.tick;
        let metrics = [
            ("accuracy", Some(look.test)),
            ("deduced", Some(look.deduced)),
            ("repaired", Some(look.repaired)),
            ("unparsed", Some(look.unparsed)),
            ("parser", look.parser),
            ("programs", Some(look.programs as f64)),
            ("perception", look.perception),
        ];
        for (name, value) in metrics {
            value.into_iter().for_each(|value| record.metric(step, name, value));
        }
        self.corpus.record_parts(&tally.right, step, record);
        if look.epoch == self.condition.learning.epochs {
            let right = tally.right.iter().map(|right| f64::from(u8::from(*right))).collect();
            record.vector(step, "right", right);
        }
        self.state.failures = tally.failures;
        self.state.labels = tally.labels;
        self.state.looks.push(look);
    }
}

/// Nothing found yet.
fn fresh(machine: &Machine) -> Tally {
    Tally { examples: vec![Cache::default(); machine.language.len()], ..Tally::default() }
}

impl Trial for NsrTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.state.tick, steps: ticks(&self.condition) * self.condition.learning.epochs }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        match self.part() {
            Part::Meanings(from) => {
                self.state.shown = None;
                self.sweep(0, from, Self::explain);
            }
            Part::Programs => self.learn_meanings(),
            Part::Perceive => self.perceive()?,
            Part::Labels(from) => {
                self.state.shown = None;
                self.sweep(2, from, Self::label);
            }
            Part::Parses(from) => self.sweep(1, from, Self::keep_right),
            Part::Pass => self.pass()?,
            Part::Test(from) => self.test(from),
        }
        self.state.tick += 1;
        if self.state.tick.is_multiple_of(ticks(&self.condition)) {
            self.close(record);
        }
        let Progress { step, steps } = self.progress();
        Ok(if step >= steps { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        panels::panels(self)
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        let Progress { step, steps } = self.progress();
        archive.reachable(step <= steps && self.state.meanings.len() == self.machine.language.len())?;
        if let Some(perception) = &mut self.perception {
            perception.keep(archive)?;
        }
        self.parser.keep(archive)
    }
}
