//! What a preset can set.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::trial;
use crate::contract::{Cell, Checks, Problem};
use crate::tasks::regexes::{self, DIFFERENT, MOST_PARTS};
use crate::training::sequence_to_sequence::{Form, TransformerSettings};

/// Examples of a specification at which arms are judged: s@5.
pub(super) const JUDGED: usize = 5;

/// Listeners and speakers that play for examples, and what they are compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What is to be guessed.
    pub programs: Programs,
    /// Programs on which every listener is tested; chosen examples of them are never trained on.
    pub test: usize,
    /// Programs on which listeners are looked at between rounds.
    pub validation: usize,
    /// Examples of a full specification.
    pub examples: usize,
    /// Listener and speaker alike.
    pub network: TransformerSettings,
    /// How both learn from random examples.
    pub literal: Literal,
    /// How they play for examples.
    pub play: Play,
    /// How they learn from chosen examples.
    pub tuning: Tuning,
    /// Programs that a listener is asked for in a test, of which the likeliest that fits is its answer.
    pub asked: usize,
}

/// Where programs come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Programs {
    /// All of one to so many parts, one of each behaviour.
    Generated {
        /// Most parts.
        parts: usize,
        /// Of so many at random exact speakers and listeners know, and targets are drawn; the literal models are
        /// trained on all. None for all.
        known: Option<usize>,
    },
    /// A list of one's own, a regular expression a line; lines that are no programs here are skipped and counted.
    File(PathBuf),
}

/// Learning from random examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Literal {
    /// Training steps of the listener.
    pub listener_steps: u64,
    /// Of the speaker.
    pub speaker_steps: u64,
    /// Specifications in a batch, here and when chosen examples are learned.
    pub batch: usize,
    /// Highest learning rate of Adam.
    pub learning_rate: f32,
    /// Steps in which the rate rises.
    pub warm_up: u64,
    /// Share of the steps, at the end, in which it falls to zero.
    pub decay: f64,
}

/// Which of the candidates the speaker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The one that S1 on the sampled programs gives the most: PraX.
    MostTelling,
    /// Any, with equal chances: SHUF.
    Uniform,
}

/// Rounds of self-play.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// How the arm PraX chooses. `ablated` takes this away.
    pub choice: Choice,
    /// Rounds.
    pub rounds: usize,
    /// New targets in a round.
    pub targets: usize,
    /// Samples a turn from each of the four models.
    pub samples: usize,
    /// Share of probability from which tokens are drawn, here and in tests.
    pub top_p: f32,
}

/// Learning from chosen examples, from the literal weights on; half of every batch is random examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// Steps of the listener after each round; also all that HFT and LIT+ have.
    pub listener_steps: u64,
    /// Steps of the speaker after each round but the last.
    pub speaker_steps: u64,
    /// Learning rate of Adam, all the time.
    pub learning_rate: f32,
}

impl Programs {
    /// Most parts of a program.
    pub(super) const fn parts(&self) -> usize {
        match self {
            Programs::Generated { parts, .. } => *parts,
            Programs::File(_) => MOST_PARTS,
        }
    }

    fn check(&self, needed: usize, checks: &mut Checks) {
        match self {
            Programs::Generated { parts, known } => {
                checks.range("generated.parts", *parts, 2..=MOST_PARTS);
                let most = DIFFERENT[(*parts).clamp(1, MOST_PARTS) - 1];
                checks.range_of_each("generated.known", *known, 1..=most);
                let there = known.unwrap_or(most);
                checks.holds(
                    "generated",
                    needed <= there,
                    there,
                    format!("at least {needed} programs, of all tests and rounds"),
                );
            }
            Programs::File(path) => {
                checks.expect("file", "a file with a regular expression a line");
                match regexes::read(path).map(|list| regexes::Language::new(list.programs).len()) {
                    Err(error) => checks.refuse(Problem::told("file", error)),
                    Ok(there) => checks.holds(
                        "file",
                        needed <= there,
                        format!("{there} different programs"),
                        format!("a list of at least {needed}, for all tests and rounds"),
                    ),
                }
            }
        }
    }
}

impl Settings {
    /// Programs of which a listener learns chosen examples.
    pub(super) const fn tuned(&self) -> usize {
        self.play.rounds * self.play.targets
    }

    /// The forms of listener and speaker.
    pub(super) fn forms(&self) -> [Form; 2] {
        let (program, spec) = (2 * self.programs.parts(), super::codec::EXAMPLE * self.examples);
        let vocabularies = [super::codec::vocabulary(self.examples); 2];
        let form = |longest| Form { network: self.network, vocabularies, longest, batch: self.literal.batch };
        let before = super::codec::EXAMPLE * (self.examples - 1);
        [form([spec, program]), form([program + before, super::codec::EXAMPLE - 1])]
    }

    /// Checks everything.
    pub fn check(&self, checks: &mut Checks) {
        checks.range("test", self.test, 1..=10_000);
        checks.range("validation", self.validation, 1..=10_000);
        checks.range("examples", self.examples, JUDGED..=12);
        checks.under("network", |checks| self.network.check(checks));
        checks.range("asked", self.asked, 1..=500);
        checks.under("literal", |checks| {
            let Literal { listener_steps, speaker_steps, batch, learning_rate, warm_up, decay } = &self.literal;
            checks.range("listener_steps", *listener_steps, 1..=1_000_000);
            checks.range("speaker_steps", *speaker_steps, 1..=1_000_000);
            checks.range("batch", *batch, 2..=1024);
            checks.positive("learning_rate", *learning_rate, 1.0);
            checks.range("warm_up", *warm_up, 0..=100_000);
            checks.range("decay", *decay, 0.0..=1.0);
        });
        checks.under("play", |checks| {
            let Play { choice: _, rounds, targets, samples, top_p } = &self.play;
            checks.range("rounds", *rounds, 1..=100);
            checks.range("targets", *targets, 1..=10_000);
            checks.range("samples", *samples, 1..=500);
            checks.holds("top_p", *top_p > 0.0 && *top_p <= 1.0, top_p, "above 0 and at most 1");
        });
        checks.under("tuning", |checks| {
            let Tuning { listener_steps, speaker_steps, learning_rate } = &self.tuning;
            checks.range("listener_steps", *listener_steps, 1..=100_000);
            checks.range("speaker_steps", *speaker_steps, 1..=100_000);
            checks.positive("learning_rate", *learning_rate, 1.0);
        });
        // A file is read last: a wrong number is told without waiting for it.
        if checks.none() {
            checks.under("programs", |checks| self.programs.check(self.test + self.validation + self.tuned(), checks));
        }
    }

    /// The one condition: all arms share the literal models, so a trial has all of them.
    pub fn cells(&self, seeds: u64) -> Vec<Cell<Settings>> {
        let steps = trial::schedule(self).len() as u64;
        let cell = Cell::new("all arms", self.clone(), seeds, steps);
        vec![cell.costing(self.flop()).taking(128 << 20, 4 << 20)]
    }

    /// Floating-point operations of a trial, roughly.
    fn flop(&self) -> f64 {
        let [listener, speaker] = self.forms();
        // Sources are of all lengths up to the longest.
        let step = |form: &Form| form.step_flop([0.6 * form.longest[0] as f64, form.longest[1] as f64]);
        let rounds = self.play.rounds as f64;
        let listening = self.literal.listener_steps as f64 + (2.0 + 2.0 * rounds) * self.tuning.listener_steps as f64;
        let speaking = self.literal.speaker_steps as f64 + 2.0 * (rounds - 1.0) * self.tuning.speaker_steps as f64;
        let sequence = |form: &Form| 2.0 * (form.longest[1] + 1) as f64 * self.network.work(form.vocabularies[1])[1];
        let turns = 2.0 * (self.tuned() * self.examples) as f64;
        let played = turns * 2.0 * self.play.samples as f64 * (sequence(&listener) + sequence(&speaker));
        let asked = 4.0 * (self.test * (self.examples + 1) * self.asked) as f64 * sequence(&listener);
        listening * step(&listener) + speaking * step(&speaker) + played + asked
    }
}
