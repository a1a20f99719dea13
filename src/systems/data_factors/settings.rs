//! What a preset sets: the network, its training, and the arms: one training set each.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::data;
use crate::base::checks::Problem;
use crate::contract::{Cell, Checks};
use crate::tasks::scan::Split;
use crate::training::sequence_to_sequence::{Form, TransformerSettings};

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether copies of lines have new symbols. Without, they are copies and nothing else: the ablation.
    pub new_symbols: bool,
    /// The Transformer.
    pub network: TransformerSettings,
    /// How it is trained.
    pub training: Training,
    /// How it is examined.
    pub examination: Examination,
    /// The training sets, one a condition.
    pub arms: Vec<Arm>,
}

/// How a model is trained: Adam, a rise of the learning rate, then a constant one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Lines in a batch.
    pub batch: usize,
    /// Share of every batch that lines with the new word alone fill, where the split has such lines.
    pub isolated: f64,
    /// Batches whose lines are sorted by length together, so that little is padding; 1 for none.
    pub pool: usize,
    /// The learning rate after its rise.
    pub learning_rate: f32,
    /// Steps of the rise.
    pub warm_up: u64,
    /// Adam's decay of squared gradients.
    pub beta2: f32,
    /// Largest global norm of the gradient.
    pub clip: f32,
}

/// How a model is examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Examination {
    /// Steps from one examination to the next.
    pub every: u64,
    /// Training lines of an examination, at most.
    pub lines: usize,
    /// Test commands of an examination, at most.
    pub commands: usize,
    /// Copies of the new word whose commands are tested beside its own, at most.
    pub variants: usize,
    /// Hypotheses kept in decoding; 1 is greedy.
    pub beam: usize,
}

/// A training set and how long it is trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Where its lines come from.
    pub corpus: Corpus,
    /// What is made of them.
    pub data: Data,
    /// In which order they come.
    #[serde(default)]
    pub order: Order,
    /// Training steps.
    pub steps: u64,
    /// At most so many seeds; the preset's number when absent.
    #[serde(default)]
    pub seeds: Option<u64>,
}

/// Where training lines and test commands come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Corpus {
    /// The 102 commands of SCAN without a conjunction; those with `jump` in a context are tested.
    Phrases,
    /// A published split of SCAN.
    Scan(Split),
    /// Two files in SCAN's format.
    Files(Files),
    /// SCAN's grammar chained beyond one conjunction, made by `data`.
    Chains,
}

/// A pair of files, lines of `IN: .. OUT: ..`. Lines that come more than once are the isolated ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Training lines.
    pub train: PathBuf,
    /// Test lines.
    pub test: PathBuf,
}

/// What is made of a corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// The lines as they are.
    Original,
    /// Every verb may be replaced by one of so many copies, in command and actions alike.
    Primitives(usize),
    /// The same in the command alone: the copies are synonyms.
    Synonyms(usize),
    /// So many copies of all lines, each in a vocabulary of its own (AugZero).
    Vocabularies(usize),
    /// As many different lines of the set `primitives` as the original has.
    Repeated(usize),
    /// Chains over SCAN's four verbs of at most so many words; tested on up to twice as many.
    Length {
        /// Words.
        words: usize,
        /// Training lines.
        lines: usize,
    },
    /// Chains over forty verbs of which `jump` is seen alone only; tested on SCAN's commands with `jump`.
    Difficulty {
        /// What makes a line hard.
        by: Difficulty,
        /// Training lines.
        lines: usize,
    },
}

/// What makes a line hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Difficulty {
    /// So many different verbs in a line.
    Verbs(usize),
    /// At most so many words.
    Words(usize),
}

/// In which order lines come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// In epochs, each in an order of its own.
    #[default]
    Shuffled,
    /// A fifth of the lines at first; others join evenly until four fifths of training are done.
    AlwaysNovel,
}

impl Data {
    /// The word for people.
    fn name(self) -> String {
        match self {
            Data::Original => "1x".into(),
            Data::Primitives(copies) => format!("{copies}x"),
            Data::Synonyms(copies) => format!("{copies} synonyms"),
            Data::Vocabularies(copies) => format!("AugZero-{copies}"),
            Data::Repeated(copies) => format!("{copies}x, repeated"),
            Data::Length { words, .. } => format!("up to {words} words"),
            Data::Difficulty { by: Difficulty::Verbs(verbs), .. } => format!("{verbs} verbs a line"),
            Data::Difficulty { by: Difficulty::Words(words), .. } => format!("jump, up to {words} words"),
        }
    }

    /// Whether it makes chains of its own.
    const fn chains(self) -> bool {
        matches!(self, Data::Length { .. } | Data::Difficulty { .. })
    }

    fn check(self, checks: &mut Checks) {
        match self {
            Data::Original => {}
            Data::Primitives(copies) => checks.range("data.primitives", copies, 0..=200),
            Data::Synonyms(copies) => checks.range("data.synonyms", copies, 0..=200),
            Data::Vocabularies(copies) => checks.range("data.vocabularies", copies, 0..=200),
            Data::Repeated(copies) => checks.range("data.repeated", copies, 1..=200),
            Data::Length { words, lines } => {
                checks.range("data.length.words", words, 1..=64);
                checks.range("data.length.lines", lines, 1..=1_000_000);
            }
            Data::Difficulty { by, lines } => {
                match by {
                    Difficulty::Verbs(verbs) => checks.range("data.difficulty.by.verbs", verbs, 1..=8),
                    Difficulty::Words(words) => checks.range("data.difficulty.by.words", words, 1..=64),
                }
                checks.range("data.difficulty.lines", lines, 1..=1_000_000);
            }
        }
    }
}

impl Corpus {
    fn name(&self) -> String {
        match self {
            Corpus::Phrases | Corpus::Chains => String::new(),
            Corpus::Scan(split) => split.name().replace('_', " "),
            Corpus::Files(files) => files.test.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }

    /// Tokens of a line and of its actions, on average, as batches are padded.
    const fn lengths(&self) -> [f64; 2] {
        match self {
            Corpus::Phrases => [5.0, 25.0],
            Corpus::Scan(_) | Corpus::Files(_) => [9.0, 18.0],
            Corpus::Chains => [12.0, 28.0],
        }
    }
}

impl Arm {
    /// The name for people, unique in a study whose arms differ.
    pub fn label(&self) -> String {
        let corpus = self.corpus.name();
        let order = if self.order == Order::AlwaysNovel { "always novel" } else { "" };
        let parts = [corpus.as_str(), &self.data.name(), order];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }

    fn check(&self, checks: &mut Checks) {
        self.data.check(checks);
        checks.holds("steps", self.steps > 0, 0, "at least 1 step");
        checks.holds("seeds", self.seeds != Some(0), 0, "at least 1 seed");
        let fits = self.data.chains() == (self.corpus == Corpus::Chains);
        checks.holds("corpus", fits, format!("{:?}", self.corpus), "chains for length and difficulty, and only there");
        if let Corpus::Files(files) = &self.corpus
            && let Err(told) = data::read(files)
        {
            checks.refuse(Problem::told("corpus.files", told));
        }
    }
}

impl Settings {
    /// Checks everything.
    pub fn check(&self, checks: &mut Checks) {
        checks.under("network", |checks| self.network.check(checks));
        let Training { batch, isolated, pool, learning_rate, warm_up, beta2, clip } = self.training;
        checks.under("training", |checks| {
            checks.range("batch", batch, 2..=4096);
            checks.range("isolated", isolated, 0.0..=0.5);
            checks.range("pool", pool, 1..=1000);
            checks.positive("learning_rate", learning_rate, 1.0);
            checks.range("warm_up", warm_up, 0..=1_000_000);
            checks.share("beta2", beta2, 1.0);
            checks.positive("clip", clip, f64::INFINITY);
        });
        let Examination { every, lines, commands, variants, beam } = self.examination;
        checks.under("examination", |checks| {
            checks.range("every", every, 1..=1_000_000);
            checks.range("lines", lines, 1..=10_000);
            checks.range("commands", commands, 1..=50_000);
            checks.range("variants", variants, 0..=200);
            checks.range("beam", beam, 1..=32);
        });
        checks.holds("arms", !self.arms.is_empty(), "none", "at least one arm");
        for (i, arm) in self.arms.iter().enumerate() {
            let repeated = self.arms[..i].iter().any(|other| other.label() == arm.label());
            checks.under(format!("arms[{i}]"), |checks| {
                arm.check(checks);
                checks.holds("data", !repeated, arm.label(), "an arm that is not there yet");
            });
        }
    }

    /// Floating-point operations of a training step of an arm.
    pub fn step_flop(&self, arm: &Arm) -> f64 {
        let form = Form { network: self.network, vocabularies: [0, 64], longest: [0, 0], batch: self.training.batch };
        form.step_flop(arm.corpus.lengths())
    }

    /// The arms as cells of the study.
    pub fn cells(&self, seeds: u64) -> Vec<Cell<Arm>> {
        let cell = |arm: &Arm| {
            let seeds = arm.seeds.map_or(seeds, |most| most.min(seeds));
            let looked = (self.examination.lines + self.examination.commands) as f64 / self.training.batch as f64;
            let looks = (arm.steps / self.examination.every + 2) as f64 * looked * self.step_flop(arm) / 3.0;
            let flop = arm.steps as f64 * self.step_flop(arm) + looks;
            let memory = if arm.corpus == Corpus::Phrases { 64 << 20 } else { 512 << 20 };
            Cell::new(arm.label(), arm.clone(), seeds, arm.steps)
                .at("data", arm.data.name())
                .seeing(self.training.batch)
                .costing(flop)
                .taking(memory, 1 << 20)
        };
        self.arms.iter().map(cell).collect()
    }
}
