//! What a preset sets: the conditions one by one, and how much is looked at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Cell, Checks};
use crate::nn::optimiser::{Method, OptimiserSettings};
use crate::nn::zoo::mlp::multiply_adds;
use crate::tasks::bits::{Formula, INPUTS, WIDTH};

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether features differ in complexity. Without it a parity or a majority is the first of its bits: that is
    /// what the ablation takes away.
    #[serde(default = "yes")]
    pub complexity_gap: bool,
    /// Number of the first replica. The base setting was chosen on replicas 0 to 2: judgement begins behind them.
    pub first_replica: u64,
    /// Inputs in a batch.
    pub batch: usize,
    /// How much is looked at.
    pub evaluation: Evaluation,
    /// The conditions.
    pub conditions: Vec<Condition>,
}

/// How much is looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Held-out inputs on which the layer is fitted from a feature, at the end.
    pub validation: usize,
    /// Held-out inputs on which that is scored.
    pub test: usize,
    /// The same for each look during training.
    pub probe: usize,
    /// Steps between looks at first.
    pub early: u64,
    /// Up to this step.
    pub early_until: u64,
    /// Steps between looks afterwards.
    pub every: u64,
}

/// The part that a condition plays in the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The first feature is easy, the second hard.
    EasyHard,
    /// Control: both are easy, named by a coin.
    EasyEasy,
    /// Control: both are hard, named by a coin.
    HardHard,
    /// As `easy_hard`, the hard one alone at first.
    HardFirst,
    /// Shown and reported, and no part of the verdict.
    Reported,
}

/// One condition in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Name for people.
    pub name: String,
    /// Its part in the verdict.
    pub role: Role,
    /// What is learned.
    pub task: Task,
    /// What learns.
    pub network: Network,
    /// Share of each hidden layer that is dropped in training.
    #[serde(default)]
    pub dropout: f32,
    /// The optimiser.
    pub optimiser: OptimiserSettings,
    /// Its learning rate.
    pub learning_rate: f32,
    /// Training steps on both features; twice as many if the gate is missed. 0 leaves the network untrained.
    pub steps: u64,
    /// Steps on the second feature alone before.
    #[serde(default)]
    pub alone: u64,
    /// Share of the training inputs for which the first feature is told.
    #[serde(default = "all")]
    pub told: f64,
    /// At most so many seeds; the preset's number when absent.
    #[serde(default)]
    pub seeds: Option<u64>,
}

/// What is learned: two features, each by an output of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Features of 16 bits.
    Bits {
        /// The first.
        first: Formula,
        /// The second.
        second: Formula,
        /// Whether bits pass through a random rotation before the network sees them.
        #[serde(default)]
        mixed: bool,
    },
    /// 8x8 digits: the first feature is a bright patch in a corner, the second whether the digit is below 5.
    Digits,
}

/// What learns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Hidden layers with relu; the last is the representation.
    Mlp {
        /// Units of a hidden layer.
        width: usize,
        /// Hidden layers.
        layers: usize,
    },
    /// For digits: 3x3 convolutions to 32 and to 64 filters; their means are the representation.
    Cnn,
}

const fn yes() -> bool {
    true
}

const fn all() -> f64 {
    1.0
}

impl Task {
    /// Numbers of an input.
    pub fn width(&self) -> usize {
        if *self == Task::Digits { super::data::PIXELS } else { WIDTH }
    }

    fn problem(&self) -> Option<String> {
        let Task::Bits { first, second, .. } = self else { return None };
        let shared = first.bits().iter().find(|bit| second.bits().contains(bit));
        let shared = shared.map(|bit| format!("bit {bit} in both features"));
        first.problem().or_else(|| second.problem()).or(shared)
    }
}

impl Network {
    /// Hidden layers that are looked at.
    pub fn layers(self) -> usize {
        match self {
            Network::Mlp { layers, .. } => layers,
            Network::Cnn => 1,
        }
    }

    /// Multiply-adds for one input of `inputs` numbers.
    fn work(self, inputs: usize) -> f64 {
        match self {
            Network::Mlp { width, layers } => multiply_adds(inputs, width, layers, 2),
            Network::Cnn => 64.0 * (9.0 * 32.0) + 16.0 * (288.0 * 64.0) + 128.0,
        }
    }
}

impl Condition {
    /// Floating-point operations of a training step.
    pub fn step_flop(&self, batch: usize) -> f64 {
        6.0 * batch as f64 * self.network.work(self.task.width())
    }

    /// Training steps at most: twice as many on both features if the gate is missed.
    pub fn most_steps(&self) -> u64 {
        self.alone + 2 * self.steps
    }

    /// Parts of the examination at the end.
    pub fn parts(&self) -> usize {
        super::trial::FIXED_PARTS + self.network.layers() + 1
    }

    /// Whether both features are of one kind, so that a coin must name them.
    pub fn by_coin(&self) -> bool {
        matches!(self.role, Role::EasyEasy | Role::HardHard)
    }

    fn check(&self, checks: &mut Checks) {
        match self.network {
            Network::Mlp { width, layers } => checks.perceptron("network", width, layers),
            Network::Cnn => checks.holds("network", self.task == Task::Digits, "cnn", "an mlp, except for digits"),
        }
        let problem = self.task.problem();
        let expected = "two features of different bits between 1 and 16";
        checks.holds("task", problem.is_none(), problem.unwrap_or_default(), expected);
        let none = self.dropout == 0.0;
        let fits = none || ((0.0..1.0).contains(&self.dropout) && self.network != Network::Cnn);
        checks.holds("dropout", fits, self.dropout, "0 to below 1, for an mlp");
        checks.positive("learning_rate", self.learning_rate, f64::INFINITY);
        let method = self.optimiser.method;
        let fits = matches!(method, Method::Sgd(_) | Method::Adam(_));
        checks.holds("optimiser.method", fits, format!("{method:?}"), "sgd or adam");
        checks.holds("told", self.told > 0.0 && self.told <= 1.0, self.told, "above 0, at most 1");
        let fits = self.steps > 0 || (self.role == Role::Reported && self.alone == 0);
        checks.holds("steps", fits, self.steps, "at least 1, except for an untrained network that is reported");
        checks.holds("steps", self.steps.max(self.alone) <= 1_000_000, self.steps.max(self.alone), "at most 1000000");
        checks.holds("seeds", self.seeds != Some(0), 0, "at least 1 seed");
    }
}

impl Settings {
    /// Checks everything.
    pub fn check(&self, checks: &mut Checks) {
        let Evaluation { validation, test, probe, early, early_until: _, every } = self.evaluation;
        checks.range("first_replica", self.first_replica, 0..=100_000);
        checks.range("batch", self.batch, 1..=100_000);
        checks.range("evaluation.validation", validation, 4..=INPUTS / 4);
        checks.range("evaluation.test", test, 4..=INPUTS / 4);
        checks.range("evaluation.probe", probe, 4..=validation.min(test));
        checks.range("evaluation.early", early, 1..=1_000_000);
        checks.range("evaluation.every", every, 1..=1_000_000);
        checks.holds("conditions", !self.conditions.is_empty(), "none", "at least one condition");
        checks.names("conditions", self.conditions.iter().map(|condition| condition.name.as_str()));
        for (i, condition) in self.conditions.iter().enumerate() {
            checks.under(format!("conditions[{i}]"), |checks| condition.check(checks));
        }
    }

    /// The conditions as cells of the study.
    pub fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let held_out = self.evaluation.validation + self.evaluation.test;
        // Inputs and features, and two layers of the held-out inputs while they are looked at.
        let memory = 4 * (INPUTS * 18 + 2 * held_out * 256) as u64 + (8 << 20);
        let cell = |condition: &Condition| {
            let seeds = condition.seeds.map_or(seeds, |most| most.min(seeds));
            let steps = condition.alone + condition.steps;
            let looks = self.evaluation.early_until / self.evaluation.early + steps / self.evaluation.every;
            let seen = held_out * (condition.parts() + 1) + 2 * self.evaluation.probe * looks as usize;
            let work = condition.network.work(condition.task.width());
            let flop = steps as f64 * condition.step_flop(self.batch) + 2.0 * seen as f64 * work;
            let cell = Cell::new(&condition.name, condition.clone(), seeds, steps + condition.parts() as u64);
            let replicas = self.first_replica..self.first_replica + seeds;
            Cell { replicas, ..cell.seeing(self.batch).costing(flop).taking(memory, 900_000) }
        };
        self.conditions.iter().map(cell).collect()
    }
}
