//! A running trial: one arm, one seed.

use std::collections::HashMap;

use rand::RngExt;
use rand::seq::{SliceRandom, index};
use serde::{Deserialize, Serialize};

use super::data::{Lines, Sets, verbs};
use super::examination::{Board, Look, distance, repetition};
use super::panels;
use super::settings::{Arm, Order, Settings};
use crate::base::random::Key;
use crate::contract::{Archive, Flow, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::subject::Subject;
use crate::nn::optimiser::{Decay, Method, Moments, OptimiserSettings};
use crate::nn::schedule::Schedule;
use crate::tasks::scan::Example;
use crate::training::burst;
use crate::training::sequence_to_sequence::{Form, Pair, Pools, SPECIALS, SequenceToSequence, Vocabulary, share};

/// Pairs that are handed out to instruments, at most.
const HANDED_OUT: usize = 400;

/// Which lines of a set come in which step.
#[derive(Clone, Debug)]
enum Supply {
    Shuffled(Pools),
    /// Numbers of lines in the order in which they join.
    AlwaysNovel {
        order: Vec<u32>,
        count: usize,
        steps: u64,
        key: Key,
    },
}

impl Supply {
    fn new(lines: &Lines, count: usize, settings: &Settings, arm: &Arm, key: Key) -> Self {
        match arm.order {
            Order::Shuffled => Supply::Shuffled(Pools::new(lines.lengths(), count, settings.training.pool, key)),
            Order::AlwaysNovel => {
                let mut order: Vec<u32> = (0..lines.count() as u32).collect();
                order.shuffle(&mut key.purpose("joining").stream());
                Supply::AlwaysNovel { order, count, steps: arm.steps, key }
            }
        }
    }

    fn batch(&mut self, step: u64) -> Vec<u32> {
        match self {
            Supply::Shuffled(pools) => pools.batch(step).to_vec(),
            Supply::AlwaysNovel { order, count, steps, key } => {
                let joined = 0.2 + 0.8 * (step as f64 / (0.8 * *steps as f64)).min(1.0);
                let there = ((order.len() as f64 * joined) as usize).clamp(1, order.len());
                let mut stream = key.purpose("drawn").index(step).stream();
                (0..*count).map(|_| order[stream.random_range(0..there)]).collect()
            }
        }
    }
}

/// How often each line was shown: a function of the step, counted on as it is asked for.
struct Clock {
    supply: Supply,
    until: u64,
    counts: HashMap<u32, u64>,
}

impl Clock {
    fn bins(&mut self, step: u64, lines: u64) -> Vec<f64> {
        for at in self.until..step {
            for line in self.supply.batch(at) {
                *self.counts.entry(line).or_default() += 1;
            }
        }
        self.until = self.until.max(step);
        repetition(self.counts.values().copied(), lines)
    }

    /// The median over all lines.
    fn median(&self, lines: u64) -> f64 {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        counts.sort_unstable();
        let never = lines.saturating_sub(counts.len() as u64);
        let middle = lines / 2;
        if middle < never { 0.0 } else { counts.get((middle - never) as usize).map_or(0.0, |count| *count as f64) }
    }
}

/// How far the trial is, and what its panels need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    step: u64,
    looks: Vec<Look>,
}

/// One arm, one seed.
pub(super) struct ArmTrial {
    settings: Settings,
    pub(super) arm: Arm,
    key: Key,
    sets: Sets,
    pub(super) words: Vocabulary,
    actions: Vocabulary,
    model: SequenceToSequence,
    schedule: Schedule,
    supply: Supply,
    clock: Clock,
    /// Lines of a batch that are isolated ones.
    isolated: usize,
    /// Training lines and test commands of an examination.
    sample: Vec<Pair>,
    tests: Vec<Pair>,
    pub(super) board: Board,
    /// Loss of the batches since the last look, for the next one: the last.
    loss: Option<f64>,
    state: State,
}

fn pair(words: &Vocabulary, actions: &Vocabulary, line: &Example) -> Pair {
    let known = "every symbol of lines and tests is in the vocabularies";
    Pair { source: words.encode(&line.command).expect(known), target: actions.encode(&line.actions).expect(known) }
}

impl ArmTrial {
    /// Starts an arm. First weights depend on the seed and the sizes of the vocabularies, not on the arm.
    pub(super) fn start(settings: &Settings, arm: Arm, setup: &Setup) -> Result<Self, TrialError> {
        let key = setup.key;
        let sets = Sets::new(settings, &arm, key.purpose("sets"))?;
        let [words, actions] = sets.symbols().map(Vocabulary::new);
        let training = settings.training;
        let form = Form {
            network: settings.network,
            vocabularies: [words.size(), actions.size()],
            longest: sets.longest(),
            batch: training.batch,
        };
        let optimiser = OptimiserSettings {
            method: Method::Adam(Moments { beta2: training.beta2, ..Moments::default() }),
            decay: Decay::None,
            clip_norm: Some(training.clip),
            clip_value: None,
        };
        let model = SequenceToSequence::new(key.purpose("network"), setup.pool.clone(), optimiser, &form);
        let schedule =
            Schedule::falling_at_the_end(training.learning_rate, arm.steps, training.warm_up, training.decay);
        let some = sets.isolated.count() > 0;
        let isolated = if some { (training.isolated * training.batch as f64).round() as usize } else { 0 };
        let others = (training.batch - isolated).min(sets.lines.count() as usize);
        let supply = Supply::new(&sets.lines, others, settings, &arm, key.purpose("order"));
        let sample = sample(&sets, settings.examination.lines, key.purpose("sample"));
        Ok(ArmTrial {
            settings: settings.clone(),
            arm,
            key,
            sample: sample.iter().map(|line| pair(&words, &actions, line)).collect(),
            tests: sets.tests.iter().map(|test| pair(&words, &actions, &test.example)).collect(),
            board: Board::new(&sets.tests),
            clock: Clock { supply: supply.clone(), until: 0, counts: HashMap::new() },
            sets,
            words,
            actions,
            model,
            schedule,
            supply,
            isolated,
            loss: None,
            state: State::default(),
        })
    }

    pub(super) fn looks(&self) -> &[Look] {
        &self.state.looks
    }

    /// The lines of a step.
    fn batch(&mut self, step: u64) -> Vec<Pair> {
        let mut stream = self.key.purpose("isolated").index(step).stream();
        let alone = self.sets.isolated.count();
        let alone: Vec<u64> = (0..self.isolated).map(|_| stream.random_range(0..alone)).collect();
        let others = self.supply.batch(step);
        let lines = others.into_iter().map(|line| self.sets.lines.line(u64::from(line)));
        let lines = lines.chain(alone.into_iter().map(|line| self.sets.isolated.line(line)));
        lines.map(|line| pair(&self.words, &self.actions, &line)).collect()
    }

    fn train(&mut self) -> Result<(), TrialError> {
        let step = self.state.step;
        let batch = self.batch(step);
        let rows: Vec<&Pair> = batch.iter().collect();
        let trained = self.model.train(&rows, step, self.schedule.at(step));
        let trained = trained.map_err(|error| error.of_batch(self.key.purpose("order").number()))?;
        self.loss = Some(f64::from(trained.loss));
        self.state.step += 1;
        Ok(())
    }

    fn look(&mut self, record: &mut dyn Record) {
        let (step, beam) = (self.state.step, self.settings.examination.beam);
        let train = share(&self.model.exact(&self.sample, beam));
        let right = self.model.exact(&self.tests, beam);
        let look = Look {
            step,
            loss: self.loss,
            train,
            zero_shot: share(&right),
            board: self.board.shares(&right),
            distance: self.distance(),
        };
        let metrics = [
            ("zero_shot", Some(look.zero_shot)),
            ("train_accuracy", Some(look.train)),
            ("loss", look.loss),
            ("distance", look.distance),
        ];
        for (name, value) in metrics {
            value.into_iter().for_each(|value| record.metric(step, name, value));
        }
        if step >= self.arm.steps {
            self.close(&right, &look, record);
        }
        self.state.looks.push(look);
    }

    /// What the judge and the panels of the study need of the end.
    fn close(&mut self, right: &[bool], look: &Look, record: &mut dyn Record) {
        let (step, lines) = (self.state.step, self.sets.lines.count());
        record.vector(step, "zero_shot.by_command", right.iter().map(|right| f64::from(u8::from(*right))).collect());
        record.vector(step, "board", look.board.clone());
        record.vector(step, "repetition", self.clock.bins(step, lines));
        record.metric(step, "shown", self.clock.median(lines));
        record.metric(step, "lines", (lines + self.sets.isolated.count()) as f64);
        record.metric(step, "parameters", self.model.learner.parameters() as f64);
    }

    /// Embeddings of the verbs and their copies: name, whether it is the new word or a copy of it, vector.
    pub(super) fn embeddings(&self) -> Vec<(String, bool, Vec<f32>)> {
        let all = self.model.source_embeddings();
        let family = |word: &str| {
            let stem = word.split('@').next().unwrap_or(word).trim_end_matches(|c: char| c.is_ascii_digit());
            let line = Example { command: vec![stem.to_owned()], actions: Vec::new() };
            let known = !verbs(&line).is_empty() || stem == "verb";
            known.then(|| self.sets.new_word.as_deref() == Some(stem))
        };
        let numbers = SPECIALS as u32..self.words.size() as u32;
        let of = |number: u32| {
            let word = self.words.token(number);
            Some((word.to_owned(), family(word)?, all[number as usize].clone()))
        };
        numbers.filter_map(of).collect()
    }

    fn distance(&self) -> Option<f64> {
        let word = self.sets.new_word.as_ref()?;
        let all = self.embeddings();
        let own = all.iter().find(|(name, ..)| name == word)?;
        let others: Vec<&[f32]> = all.iter().filter(|(_, new, _)| !new).map(|(.., vector)| vector.as_slice()).collect();
        distance(&own.2, &others)
    }

    pub(super) fn repetition(&mut self) -> Vec<f64> {
        self.clock.bins(self.state.step, self.sets.lines.count())
    }

    fn subject(&self) -> Subject {
        let first = |pairs: &[Pair]| pairs[..pairs.len().min(HANDED_OUT)].to_vec();
        let (train, test) = (first(&self.sample), first(&self.tests));
        let Settings { training, .. } = self.settings;
        let trained = self.model.learner.trained_for(self.state.step, training.batch, training.learning_rate);
        Subject {
            training: trained,
            chance: Some(1.0 / (self.actions.size() - SPECIALS + 1) as f64),
            ..self.model.subject([&train, &test], self.key)
        }
    }
}

/// At most so many different lines of a set, isolated ones among them.
fn sample(sets: &Sets, most: usize, key: Key) -> Vec<Example> {
    let (lines, alone) = (sets.lines.count(), sets.isolated.count());
    let all = (lines + alone) as usize;
    let mut chosen = index::sample(&mut key.stream(), all, most.min(all)).into_vec();
    chosen.sort_unstable();
    let line = |at: u64| if at < lines { sets.lines.line(at) } else { sets.isolated.line(at - lines) };
    chosen.into_iter().map(|at| line(at as u64)).collect()
}

impl Trial for ArmTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.state.step, steps: self.arm.steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.state.looks.is_empty() {
            self.look(record);
        }
        for _ in 0..burst(self.settings.step_flop(&self.arm)) {
            self.train()?;
            if self.state.step.is_multiple_of(self.settings.examination.every) || self.state.step == self.arm.steps {
                self.look(record);
                break;
            }
        }
        Ok(if self.state.step >= self.arm.steps { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        panels::of_trial(self)
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        Ok(card::read(&self.subject(), names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        archive.reachable(self.state.step <= self.arm.steps)?;
        self.model.keep(archive)
    }
}
