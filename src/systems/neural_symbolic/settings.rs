//! What a preset sets: what is learned, by whom, and for how long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline_trial;
use super::corpus::DataSet;
use super::machine::Costs;
use super::parser::ParserSettings;
use super::trial;
use crate::contract::{Cell, Checks};
use crate::training::sequence_to_sequence::{Form, SPECIALS, TransformerSettings};

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether trees that answer wrongly are repaired. Without it only trees that are right by themselves teach
    /// anything: that is what the ablation takes away.
    #[serde(default = "yes")]
    pub abduction: bool,
    /// The transition parser.
    pub parser: ParserSettings,
    /// The Transformer that reads the same sentences.
    pub transformer: Baseline,
    /// What is learned, one data set after the other.
    pub grids: Vec<Grid>,
}

/// A data set with who learns it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// What is learned.
    pub data: DataSet,
    /// Who learns it.
    pub arms: Vec<Arm>,
    /// How symbol systems learn it.
    pub learning: Learning,
    /// At most so many seeds of the Transformer; the preset's number when absent. Symbol systems are cheap: each has
    /// all seeds.
    #[serde(default)]
    pub control_seeds: Option<u64>,
}

/// Who learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The neural-symbolic recursive machine.
    Nsr,
    /// The same without abduction: only trees that are right by themselves teach anything.
    NoAbduction,
    /// The same with a parser that never learns.
    UntrainedParser,
    /// The same with tables of examples in place of programs.
    Tables,
    /// An encoder-decoder Transformer, from sequence to sequence.
    Transformer,
}

/// A Transformer from sequences to sequences, trained with Adam, batches sorted by length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The network.
    pub network: TransformerSettings,
    /// Training steps.
    pub steps: u64,
    /// Sentences in a batch.
    pub batch: usize,
    /// The learning rate, once it is warm.
    pub learning_rate: f32,
    /// Steps in which the learning rate rises.
    pub warm_up: u64,
    /// Last steps, in which it falls to 0; none: it stays.
    pub decay: u64,
    /// Steps between looks at some test sentences.
    pub every: u64,
}

/// How a symbol system learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Learning {
    /// Epochs.
    pub epochs: u64,
    /// Sentences of an epoch, for meanings and again for the parser.
    pub sentences: usize,
    /// Parses that are sampled of each.
    pub parses: usize,
    /// Longest sentences by epoch; none for sentences of any length from the beginning.
    pub curriculum: Vec<Stage>,
    /// Cost up to which programs of at most one argument are tried.
    pub cost_one: usize,
    /// Cost up to which programs of two arguments are tried.
    pub cost_two: usize,
}

/// From some epoch on sentences may be longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The epoch, from 0.
    pub from: u64,
    /// Most words of a sentence; 0 for any number.
    pub words: usize,
}

/// One condition in full.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// What is learned.
    pub data: DataSet,
    /// Who learns it.
    pub arm: Arm,
    /// How.
    pub learning: Learning,
    /// The parser.
    pub parser: ParserSettings,
    /// Whether wrong trees are repaired.
    pub abduction: bool,
    /// The Transformer, where that is who learns.
    pub baseline: Baseline,
}

const fn yes() -> bool {
    true
}

impl Arm {
    /// The name in texts.
    pub const fn name(self) -> &'static str {
        match self {
            Arm::Nsr => "NSR",
            Arm::NoAbduction => "no abduction",
            Arm::UntrainedParser => "untrained parser",
            Arm::Tables => "tables for programs",
            Arm::Transformer => "Transformer",
        }
    }
}

impl Condition {
    /// The name of the condition: what learns first, as it tells more of where names are cut.
    pub fn label(&self) -> String {
        format!("{}, {}", self.arm.name(), self.data.name())
    }

    /// Costs up to which programs are tried, if any are.
    pub(super) fn costs(&self) -> Option<Costs> {
        (self.arm != Arm::Tables).then_some(Costs { one: self.learning.cost_one, two: self.learning.cost_two })
    }

    /// Most words of a sentence in an epoch; 0 for any number.
    pub(super) fn words(&self, epoch: u64) -> usize {
        let stages = self.learning.curriculum.iter().filter(|stage| stage.from <= epoch);
        stages.max_by_key(|stage| stage.from).map_or(0, |stage| stage.words)
    }
}

impl Settings {
    /// Checks everything.
    pub fn check(&self, checks: &mut Checks) {
        checks.under("parser", |checks| {
            checks.range("embedding", self.parser.embedding, 1..=256);
            checks.range("hidden", self.parser.hidden, 1..=1024);
            checks.share("dropout", self.parser.dropout, 1.0);
            checks.positive("learning_rate", self.parser.learning_rate, 1.0);
            checks.range("batch", self.parser.batch, 1..=4096);
            checks.range("passes", self.parser.passes, 1..=20);
            checks.share("exploration", self.parser.exploration, 1.0);
        });
        checks.under("transformer", |checks| {
            let Baseline { network, steps, batch, learning_rate, warm_up, decay, every } = &self.transformer;
            checks.under("network", |checks| network.check(checks));
            checks.range("steps", *steps, 1..=1_000_000);
            checks.range("batch", *batch, 1..=1024);
            checks.positive("learning_rate", *learning_rate, 1.0);
            checks.range("warm_up", *warm_up, 0..=100_000);
            checks.range("decay", *decay, 0..=1_000_000);
            checks.range("every", *every, 1..=1_000_000);
        });
        checks.holds("grids", !self.grids.is_empty(), "none", "at least one data set");
        let mut labels: Vec<String> = Vec::new();
        for (i, grid) in self.grids.iter().enumerate() {
            checks.under(format!("grids[{i}]"), |checks| grid.check(checks, &mut labels));
        }
    }

    /// The conditions as cells of the study.
    pub fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let cell = |grid: &Grid, arm: Arm| {
            let condition = Condition {
                data: grid.data.clone(),
                arm,
                learning: grid.learning.clone(),
                parser: self.parser,
                abduction: self.abduction && arm != Arm::NoAbduction,
                baseline: self.transformer,
            };
            let most = grid.control_seeds.filter(|_| arm == Arm::Transformer);
            let seeds = most.map_or(seeds, |most| most.min(seeds));
            let steps = match arm {
                Arm::Transformer => self.transformer.steps + baseline_trial::examinations(&condition),
                _ => trial::ticks(&condition) * condition.learning.epochs,
            };
            Cell::new(condition.label(), condition.clone(), seeds, steps)
                .at("data", condition.data.name())
                .at("learner", arm.name())
                .costing(condition.flop())
                .taking(64 << 20, 2 << 20)
        };
        self.grids
            .iter()
            .flat_map(|grid| grid.arms.iter().map(move |arm| (grid, *arm)))
            .map(|(g, a)| cell(g, a))
            .collect()
    }
}

impl Condition {
    /// Floating-point operations of a trial, roughly.
    fn flop(&self) -> f64 {
        const VOCABULARY: usize = 16 + SPECIALS;
        let Baseline { network, steps, batch, .. } = self.baseline;
        let form = Form { network, vocabularies: [VOCABULARY; 2], longest: [16, 48], batch };
        match self.arm {
            Arm::Transformer => steps as f64 * form.step_flop(baseline_trial::LENGTHS),
            _ => self.learning.epochs as f64 * self.epoch_flop(),
        }
    }

    /// Of an epoch of a symbol system: states of all parses, each a sum of 18 rows, and the parser's training.
    fn epoch_flop(&self) -> f64 {
        const STATES: f64 = 18.0;
        let Learning { sentences, parses, .. } = self.learning;
        let ParserSettings { embedding, hidden, passes, .. } = self.parser;
        let read = 2.0 * (sentences * parses) as f64 * STATES * 20.0 * hidden as f64;
        let learned = 6.0 * sentences as f64 * STATES * passes as f64 * (18 * embedding * hidden) as f64;
        read + learned
    }
}

impl Grid {
    fn check(&self, checks: &mut Checks, labels: &mut Vec<String>) {
        let name = self.data.name();
        checks.holds("data", !labels.contains(&name), &name, "another data set than before");
        labels.push(name);
        checks.under("data", |checks| self.data.check(checks));
        let distinct = self.arms.iter().enumerate().all(|(i, arm)| !self.arms[..i].contains(arm));
        checks.holds("arms", distinct && !self.arms.is_empty(), format!("{:?}", self.arms), "at least one, each once");
        let shown = self.data.has_pictures() && self.arms.contains(&Arm::Transformer);
        checks.holds("arms", !shown, "transformer", "symbol systems alone, where symbols are pictures");
        checks.holds("control_seeds", self.control_seeds != Some(0), 0, "at least 1 seed");
        checks.under("learning", |checks| {
            let Learning { epochs, sentences, parses, curriculum, cost_one, cost_two } = &self.learning;
            checks.range("epochs", *epochs, 1..=1000);
            checks.range("sentences", *sentences, 1..=10_000);
            checks.range("parses", *parses, 1..=64);
            let rises = curriculum.windows(2).all(|pair| pair[0].from < pair[1].from);
            checks.holds("curriculum", rises, format!("{curriculum:?}"), "stages of rising epochs");
            checks.range("cost_one", *cost_one, 1..=13);
            checks.range("cost_two", *cost_two, 1..=8);
        });
    }
}
