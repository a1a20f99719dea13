//! The trial: one seed, all arms.

use serde::{Deserialize, Serialize};

use super::codec;
use super::exact;
use super::game::{Convention, Table, Turn};
use super::panels;
use super::players::{Named, Players, Side, Spoken, batch, chosen, lengths, literal_pair};
pub(super) use super::schedule::schedule;
use super::schedule::{ASKED, Arm, EXACT, GAMES, Part, examined};
use super::settings::{Choice, JUDGED, Literal, Settings};
use super::world::{Example, World, random};
use crate::base::random::Key;
use crate::contract::{Archive, Flow, Level, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::statistics::mean;
use crate::nn::schedule::Schedule;
use crate::training::sequence_to_sequence::{Pair, Sampling, share};

/// Batches of every length in a look at the loss.
const LOOK: usize = 5;
/// Pairs of each kind that instruments look at, at most.
const READ: usize = 200;

/// What was found after a round: how its speaker spoke, and what its listener made of validation targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) arm: Arm,
    pub(super) spoke: Convention,
    pub(super) validation: f64,
}

/// A game that is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Shown {
    /// Whose round it is of.
    pub(super) title: String,
    /// The target's text.
    pub(super) target: String,
    pub(super) turns: Vec<Turn>,
}

/// Share of targets solved with each number of examples, by an arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Solved {
    pub(super) arm: Arm,
    pub(super) shares: Vec<f64>,
    /// With random examples, at [`JUDGED`].
    pub(super) random: f64,
}

/// How far the trial is, and what its panels need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    tick: usize,
    /// What was said in all rounds of the arm that is on, by target.
    spoken: Vec<Spoken>,
    /// Which specifications of the examination that is on were answered rightly.
    right: Vec<bool>,
    /// Chances of the exact listeners, target by target.
    chances: Vec<[Vec<f64>; 3]>,
    /// Losses since the last look.
    running: Vec<f64>,
    /// Mean losses of both models, by training steps.
    pub(super) losses: [Vec<(u64, f64)>; 2],
    /// The listener's answers to validation targets before any round.
    pub(super) literal: f64,
    pub(super) rounds: Vec<Round>,
    pub(super) solved: Vec<Solved>,
    pub(super) shown: Option<Shown>,
}

/// One seed.
pub(super) struct PragmaticTrial {
    pub(super) settings: Settings,
    key: Key,
    parts: Vec<Part>,
    pub(super) world: World,
    players: Players,
    /// What the stand-in says of test targets, of validation targets, and of what HFT learns from.
    test: Vec<Spoken>,
    validation: Vec<Spoken>,
    human: Vec<Spoken>,
    /// Random examples of test targets.
    random: Vec<Vec<Example>>,
    pub(super) state: State,
}

impl PragmaticTrial {
    /// Starts a seed.
    ///
    /// # Errors
    /// When a user's list cannot be read.
    pub(super) fn start(settings: Settings, setup: &Setup) -> Result<Self, TrialError> {
        let key = setup.key.purpose("pragmatic");
        let world = World::new(&settings, key.purpose("world"))?;
        let spoken = |targets: &[usize], what: &str| -> Vec<Spoken> {
            let key = key.purpose("stand-in").purpose(what);
            let one = |(place, target): (u64, &usize)| {
                (*target, exact::stand_in(&world, *target, settings.examples, &mut key.index(place).stream()))
            };
            (0..).zip(targets).map(one).collect()
        };
        let test = spoken(&world.test, "test");
        let validation = spoken(&world.validation, "validation");
        let human = spoken(&world.rounds, "training");
        let chance = |(place, target): (u64, &usize)| {
            let stream = &mut key.purpose("random test").index(place).stream();
            random(&world.known.members()[*target], JUDGED, stream)
        };
        let random = (0..).zip(&world.test).map(chance).collect();
        let players = Players::new(&settings, key.purpose("players"), &setup.pool);
        let (parts, state) = (schedule(&settings), State::default());
        Ok(PragmaticTrial { key, parts, players, test, validation, human, random, state, world, settings })
    }

    const fn at(&self) -> u64 {
        self.state.tick as u64
    }

    fn sampling(&self, samples: usize) -> Sampling {
        Sampling { samples, temperature: 1.0, top_p: self.settings.play.top_p }
    }

    /// Training steps on random examples.
    fn literal(&mut self, side: Side, from: u64, to: u64, record: &mut dyn Record) -> Result<(), TrialError> {
        let Literal { listener_steps, speaker_steps, learning_rate, warm_up, decay, .. } = self.settings.literal;
        let steps = if side == Side::Listener { listener_steps } else { speaker_steps };
        let falls = (steps as f64 * decay).round() as u64;
        let schedule = Schedule::falling_at_the_end(learning_rate, steps, warm_up, falls);
        let key = self.key.purpose("literal").purpose(side.name());
        for step in from..to {
            let pairs = batch(&self.world, &self.settings, (&[], side), &[], (step, key));
            let rows: Vec<&Pair> = pairs.iter().collect();
            let loss = f64::from(self.players.model(side).train(&rows, step, schedule.at(step))?.loss);
            self.state.running.push(loss);
            // Losses of different lengths differ: a look is a mean over all of them.
            let cycle = LOOK * lengths(side, self.settings.examples);
            if self.state.running.len() == cycle || step + 1 == steps {
                let loss = mean(&std::mem::take(&mut self.state.running)).unwrap_or(f64::NAN);
                record.metric(self.at(), &format!("loss.{}", side.name()), loss);
                self.state.losses[side as usize].push((step + 1, loss));
            }
        }
        if to == steps {
            self.players.keep_literal(side);
        }
        Ok(())
    }

    /// Exact listeners on some test targets; at the end their means.
    fn exact(&mut self, from: usize, record: &mut dyn Record) {
        if from == 0 && self.world.skipped > 0 {
            let says = format!("{} lines of the list are no programs here and were skipped", self.world.skipped);
            record.note(self.at(), Level::Info, says);
        }
        let upto = (from + EXACT).min(self.test.len());
        for (target, said) in &self.test[from..upto] {
            self.state.chances.push(exact::solved(&self.world, *target, said));
        }
        if upto == self.test.len() {
            for (i, name) in ["l0", "random", "l1"].iter().enumerate() {
                record.vector(self.at(), &format!("exact.{name}"), self.exactly(i));
            }
            record.metric(self.at(), "exact.l0.judged", self.exactly(0)[JUDGED - 1]);
            let specs = self.test.iter().map(|(_, said)| said.as_slice());
            if let Some(spoke) = Convention::of(&self.world, specs) {
                let Convention { positive, length, eliminated } = spoke;
                record.vector(self.at(), "convention.stand_in", vec![positive, length, eliminated]);
            }
        }
    }

    /// The mean of an exact listener's chances with each number of examples.
    pub(super) fn exactly(&self, listener: usize) -> Vec<f64> {
        let chances = &self.state.chances;
        let mean = |at: usize| chances.iter().map(|of| of[listener][at]).sum::<f64>() / chances.len() as f64;
        if chances.is_empty() { Vec::new() } else { (0..self.settings.examples).map(mean).collect() }
    }

    /// How the stand-in speaks, of test targets.
    pub(super) fn stand_in(&self) -> Option<Convention> {
        Convention::of(&self.world, self.test.iter().map(|(_, said)| said.as_slice()))
    }

    /// Training steps after a round, from the literal weights on.
    fn tune(&mut self, (arm, round, side): (Arm, usize, Side), steps: [u64; 2]) -> Result<(), TrialError> {
        let [from, to] = steps;
        if from == 0 {
            self.players.back_to_literal(side);
        }
        let specs: &[Spoken] = match arm {
            Arm::LiteralPlus => &[],
            Arm::Human => &self.human,
            Arm::Prax | Arm::Shuffled => &self.state.spoken,
        };
        let pairs = chosen(specs, side);
        // All arms draw from the same streams: they differ in what they learn from alone.
        let key = self.key.purpose("tuning").purpose(side.name()).index(round as u64);
        for step in from..to {
            let drawn = batch(&self.world, &self.settings, (specs, side), &pairs, (step, key));
            let rows: Vec<&Pair> = drawn.iter().collect();
            self.players.model(side).train(&rows, step, self.settings.tuning.learning_rate)?;
        }
        Ok(())
    }

    /// A turn of some games. Both arms of self-play draw from the same streams.
    fn play(&mut self, arm: Arm, round: usize, turn: usize, from: usize) {
        let targets = self.settings.play.targets;
        if round == 0 && turn == 0 && from == 0 {
            self.players.back_to_literal(Side::Listener);
            self.players.back_to_literal(Side::Speaker);
            self.state.spoken.clear();
        }
        let first = round * targets;
        let places = first + from..first + (from + GAMES).min(targets);
        if turn == 0 {
            let begun = places.clone().map(|place| (self.world.rounds[place], Vec::new()));
            self.state.spoken.extend(begun);
        }
        let key = |place: usize| {
            self.key.purpose("play").index(round as u64).index(turn as u64).index((place - first) as u64)
        };
        let keys: Vec<Key> = places.clone().map(key).collect();
        let sampling = self.sampling(self.settings.play.samples);
        let known = &self.world.known;
        let games: Vec<&Spoken> = self.state.spoken[places.clone()].iter().collect();
        let said: Vec<&[Example]> = games.iter().map(|(_, said)| said.as_slice()).collect();
        let asked: Vec<_> = games
            .iter()
            .map(|(target, said)| (&known.programs()[*target], &known.members()[*target], said.as_slice()))
            .collect();
        let hypotheses = self.players.hypotheses(&said, &keys, &sampling);
        let candidates = self.players.candidates(&asked, &keys, &sampling);
        let choice = if arm == Arm::Prax { self.settings.play.choice } else { Choice::Uniform };
        for (i, place) in places.enumerate() {
            let target = self.state.spoken[place].0;
            let table = Table::new(&self.world.known.members()[target], &hypotheses[i], &candidates[i]);
            // Nothing true was to be said: the turn is skipped.
            let Some(said) = table.choose(choice, &mut keys[i].purpose("choice").stream()) else { continue };
            if place == first {
                let title = format!("{}, round {}", arm.name(), round + 1);
                let text = self.world.known.programs()[target].to_string();
                let shown = self.state.shown.take().filter(|shown| shown.title == title);
                let mut shown = shown.unwrap_or(Shown { title, target: text, turns: Vec::new() });
                shown.turns.push(table.shown(said));
                self.state.shown = Some(shown);
            }
            self.state.spoken[place].1.push(candidates[i][said]);
        }
    }

    /// Which of some specifications of targets the listener answers rightly.
    fn ask(&mut self, specs: &[(usize, Vec<Example>)], keys: &[Key]) -> Vec<bool> {
        let views: Vec<&[Example]> = specs.iter().map(|(_, spec)| spec.as_slice()).collect();
        let sampling = self.sampling(self.settings.asked);
        let answers = self.players.answers(&views, keys, &sampling);
        let members = self.world.known.members();
        let right = |(answer, (target, _)): (&Option<Named>, &(usize, Vec<Example>))| {
            answer.as_ref().is_some_and(|answer| answer.members == members[*target])
        };
        answers.iter().zip(specs).map(right).collect()
    }

    /// Some validation targets; at the end what was found after the round.
    fn validate(&mut self, after: Option<(Arm, usize)>, from: usize, record: &mut dyn Record) {
        let upto = (from + ASKED).min(self.validation.len());
        let specs: Vec<Spoken> =
            self.validation[from..upto].iter().map(|(target, said)| (*target, said[..JUDGED].to_vec())).collect();
        let key = self.key.purpose("validation");
        let keys: Vec<Key> = (from..upto).map(|place| key.index(place as u64)).collect();
        let right = self.ask(&specs, &keys);
        self.state.right.extend(right);
        if upto < self.validation.len() {
            return;
        }
        let validation = share(&std::mem::take(&mut self.state.right));
        let Some((arm, round)) = after else {
            self.state.literal = validation;
            record.metric(self.at(), "validation", validation);
            return;
        };
        record.metric(self.at(), &arm.metric("validation"), validation);
        let targets = self.settings.play.targets;
        let of_round = self.state.spoken[round * targets..].iter().map(|(_, said)| said.as_slice());
        if let Some(spoke) = Convention::of(&self.world, of_round) {
            record.metric(self.at(), &arm.metric("positive"), spoke.positive);
            record.metric(self.at(), &arm.metric("length"), spoke.length);
            record.metric(self.at(), &arm.metric("eliminated"), spoke.eliminated);
            self.state.rounds.push(Round { arm, spoke, validation });
        }
    }

    /// A specification of the test, by its number: targets with one example, with two, .., and with random ones.
    fn asked(&self, number: usize) -> Spoken {
        let (count, place) = (number / self.test.len(), number % self.test.len());
        let (target, said) = &self.test[place];
        let spec = if count < self.settings.examples { &said[..=count] } else { &self.random[place][..] };
        (*target, spec.to_vec())
    }

    /// Some specifications of the test; at the end what the arm came to.
    fn examine(&mut self, arm: Arm, from: usize, record: &mut dyn Record) {
        let all = examined(&self.settings);
        let numbers = from..(from + ASKED).min(all);
        let specs: Vec<Spoken> = numbers.clone().map(|number| self.asked(number)).collect();
        let key = self.key.purpose("test");
        let keys: Vec<Key> = numbers.clone().map(|number| key.index(number as u64)).collect();
        let right = self.ask(&specs, &keys);
        self.state.right.extend(right);
        if numbers.end < all {
            return;
        }
        let right = std::mem::take(&mut self.state.right);
        let by_count: Vec<&[bool]> = right.chunks(self.test.len()).collect();
        let numbers = |right: &[bool]| right.iter().map(|right| f64::from(u8::from(*right))).collect::<Vec<f64>>();
        let (chosen, random) = by_count.split_at(self.settings.examples);
        let shares: Vec<f64> = chosen.iter().map(|right| share(right)).collect();
        let first = |place: usize| {
            let found = chosen.iter().position(|right| right[place]);
            found.unwrap_or(chosen.len()) as f64 + 1.0
        };
        let firsts: f64 = (0..self.test.len()).map(first).sum();
        record.vector(self.at(), &arm.metric("right"), numbers(chosen[JUDGED - 1]));
        record.vector(self.at(), &arm.metric("right_random"), numbers(random[0]));
        record.vector(self.at(), &arm.metric("solved"), shares.clone());
        record.metric(self.at(), &arm.metric("s5"), shares[JUDGED - 1]);
        record.metric(self.at(), &arm.metric("random"), share(random[0]));
        record.metric(self.at(), &arm.metric("first"), firsts / self.test.len() as f64);
        self.state.solved.push(Solved { arm, shares, random: share(random[0]) });
    }
}

impl Trial for PragmaticTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.at(), steps: self.parts.len() as u64 }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        let part = self.parts[self.state.tick];
        self.state.tick += 1;
        match part {
            Part::Literal(side, from, to) => self.literal(side, from, to, record)?,
            Part::Exact(from) => self.exact(from, record),
            Part::Play { arm, round, turn, from } => self.play(arm, round, turn, from),
            Part::Tune { arm, round, side, from, to } => self.tune((arm, round, side), [from, to])?,
            Part::Validate { after, from } => self.validate(after, from, record),
            Part::Examine { arm, from } => self.examine(arm, from, record),
        }
        Ok(if self.state.tick == self.parts.len() { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        panels::panels(self)
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        archive.reachable(self.state.tick <= self.parts.len())?;
        self.players.keep(archive)
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        let key = self.key.purpose("readings");
        let stream = &mut key.stream();
        let count = READ.min(self.test.len());
        let pair = |i| literal_pair(&self.world.all, Side::Listener, i % (JUDGED + 1), stream);
        let train: Vec<Pair> = (0..count).map(pair).collect();
        let of = |(target, said): &Spoken| codec::listening(&said[..JUDGED], &self.world.known.programs()[*target]);
        let test: Vec<Pair> = self.test.iter().take(count).map(of).collect();
        let subject = self.players.model(Side::Listener).subject([&train, &test], key);
        Ok(card::read(&subject, names, told))
    }
}
