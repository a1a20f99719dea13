//! What a preset sets: the conditions one by one, and how they are looked at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::data::DataSet;
use crate::contract::{Cell, Checks};
use crate::nn::optimiser::{Method, OptimiserSettings};
use crate::nn::zoo::mlp::multiply_adds;

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether coordinates differ in complexity. Without it all are of the simplest kind that a data set has:
    /// that is what the ablation takes away.
    #[serde(default = "yes")]
    pub complexity_gap: bool,
    /// Training points of a condition: a fixed set, reshuffled each epoch.
    pub train: usize,
    /// Test points.
    pub test: usize,
    /// Points in a batch.
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
    /// Training points and test points of each look during training.
    pub probe: usize,
    /// Test points on which each coordinate alone is randomised at the end.
    pub coordinates: usize,
    /// Resamples of the test points behind each interval.
    pub resamples: usize,
}

/// One condition in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Name for people.
    pub name: String,
    /// What is learned.
    pub data: DataSet,
    /// Shown and reported, and no part of the verdict.
    #[serde(default)]
    pub reported: bool,
    /// d: coordinates of a point; dominoes have their 128 pixels whatever it says.
    #[serde(default = "fifty")]
    pub dimension: usize,
    /// Training points, where they are not as many as in the other conditions.
    #[serde(default)]
    pub train: Option<usize>,
    /// Test points, likewise.
    #[serde(default)]
    pub test: Option<usize>,
    /// What learns.
    pub network: Network,
    /// Networks trained apart whose scores are averaged.
    #[serde(default = "one")]
    pub members: usize,
    /// Perturbations of the training points, made anew for each batch.
    #[serde(default)]
    pub attack: Option<Attack>,
    /// Method and weight decay (of weights and biases).
    pub optimiser: OptimiserSettings,
    /// The learning rate.
    pub learning_rate: f32,
    /// Training steps at most.
    pub steps: u64,
    /// Training steps at most if the gate is missed by then.
    pub extended: u64,
    /// Steps between looks.
    pub every: u64,
    /// Loss on the training points looked at that ends training; 0 for never.
    #[serde(default)]
    pub stop_loss: f64,
    /// At most so many seeds; the preset's number when absent.
    #[serde(default)]
    pub seeds: Option<u64>,
}

/// What learns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Hidden layers with relu between the input and two logits.
    Mlp {
        /// Units of a hidden layer.
        width: usize,
        /// Hidden layers.
        layers: usize,
    },
    /// For dominoes: 3x3 convolutions to 16 and to 32 filters, maximum pooling, 64 units.
    Cnn,
}

/// Projected gradient ascent on the loss, from the point itself (Madry et al. 2018).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    /// The ball in which a point moves.
    pub norm: Ball,
    /// Its radius.
    pub radius: f32,
    /// Steps, each 2.5 radii long in all.
    pub steps: usize,
}

/// The shape of a ball.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ball {
    /// Each number moves at most by the radius.
    Cube,
    /// The point moves at most by the radius in Euclidean length.
    Sphere,
}

const fn yes() -> bool {
    true
}

const fn fifty() -> usize {
    50
}

const fn one() -> usize {
    1
}

impl Condition {
    /// Numbers in a row.
    pub fn width(&self) -> usize {
        if self.data == DataSet::Dominoes { super::data::DOMINO } else { self.dimension }
    }

    /// Multiply-adds of the network for one row.
    fn work(&self) -> f64 {
        match self.network {
            Network::Mlp { width, layers } => multiply_adds(self.width(), width, layers, 2),
            // 16x8 pixels: 9 -> 16 filters, 144 -> 32 filters, pooled to 8x4, 1,024 -> 64 -> 2.
            Network::Cnn => 128.0 * (9.0 * 16.0 + 144.0 * 32.0) + 1024.0 * 64.0 + 128.0,
        }
    }

    /// Floating-point operations of a training step with so many points.
    pub fn step_flop(&self, batch: usize) -> f64 {
        let passes = 1.0 + self.attack.map_or(0.0, |attack| attack.steps as f64);
        6.0 * batch as f64 * self.work() * self.members as f64 * passes
    }

    /// Parts of the examination at the end: training points, scores, two kinds of resamples, each block.
    pub fn parts(&self) -> usize {
        super::trial::FIXED_PARTS + if self.data == DataSet::Dominoes { 2 } else { self.dimension }
    }

    fn check(&self, batch: usize, checks: &mut Checks) {
        let dominoes = self.data == DataSet::Dominoes;
        match self.network {
            Network::Mlp { width, layers } => checks.perceptron("network", width, layers),
            Network::Cnn => checks.holds("network", dominoes, "cnn", "an mlp, except for dominoes"),
        }
        checks.range("dimension", self.dimension, 2..=1000);
        checks.range_of_each("train", self.train, batch.max(2)..=1_000_000);
        checks.range_of_each("test", self.test, 4..=1_000_000);
        checks.range("members", self.members, 1..=16);
        if let Some(attack) = self.attack {
            checks.positive("attack.radius", attack.radius, f64::INFINITY);
            checks.range("attack.steps", attack.steps, 1..=100);
        }
        checks.positive("learning_rate", self.learning_rate, f64::INFINITY);
        let method = self.optimiser.method;
        let fits = matches!(method, Method::Sgd(_) | Method::Adam(_));
        checks.holds("optimiser.method", fits, format!("{method:?}"), "sgd or adam");
        let found = format!("{} and {}", self.steps, self.extended);
        let expected = "at least 1 step, and `extended` not below `steps`";
        checks.holds("steps", self.steps > 0 && self.extended >= self.steps, found, expected);
        checks.holds("every", self.every > 0, 0, "at least 1 step between looks");
        checks.holds("stop_loss", (0.0..=1.0).contains(&self.stop_loss), self.stop_loss, "0 (never) to 1");
        checks.holds("seeds", self.seeds != Some(0), 0, "at least 1 seed");
    }
}

impl Settings {
    /// Checks everything.
    pub fn check(&self, checks: &mut Checks) {
        checks.range("train", self.train, self.batch.max(2)..=1_000_000);
        checks.range("test", self.test, 4..=1_000_000);
        checks.range("batch", self.batch, 1..=100_000);
        checks.range("evaluation.probe", self.evaluation.probe, 2..=self.train.min(self.test));
        checks.range("evaluation.coordinates", self.evaluation.coordinates, 2..=self.test);
        checks.range("evaluation.resamples", self.evaluation.resamples, 10..=10_000);
        checks.holds("conditions", !self.conditions.is_empty(), "none", "at least one condition");
        checks.names("conditions", self.conditions.iter().map(|condition| condition.name.as_str()));
        for (i, condition) in self.conditions.iter().enumerate() {
            checks.under(format!("conditions[{i}]"), |checks| condition.check(self.batch, checks));
        }
    }

    /// The same settings with a condition's own numbers of points.
    pub fn sized(&self, condition: &Condition) -> Settings {
        let train = condition.train.unwrap_or(self.train);
        let test = condition.test.unwrap_or(self.test);
        let Evaluation { probe, coordinates, resamples } = self.evaluation;
        let evaluation =
            Evaluation { probe: probe.min(train).min(test), coordinates: coordinates.min(test), resamples };
        Settings { train, test, evaluation, ..self.clone() }
    }

    /// The conditions as cells of the study.
    pub fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let widest = self.conditions.iter().map(Condition::width).max().unwrap_or(0);
        // Points by coordinates and as the network sees them, and as much again while they are scored.
        let memory = 4 * (3 * self.train + 4 * self.test) * widest + (8 << 20);
        let recorded = 6 * self.evaluation.resamples * 20 + 40_000;
        let cell = |condition: &Condition| {
            let seeds = condition.seeds.map_or(seeds, |most| most.min(seeds));
            let steps = condition.steps + condition.parts() as u64;
            let looks = 8.0 * self.sized(condition).evaluation.probe as f64 * condition.work() / condition.every as f64;
            let flop = condition.steps as f64 * (condition.step_flop(self.batch) + looks);
            Cell::new(&condition.name, condition.clone(), seeds, steps)
                .at("data", condition.data.name())
                .at("dimension", condition.width())
                .seeing(self.batch)
                .costing(flop)
                .taking(memory as u64, recorded as u64 + 400_000)
        };
        self.conditions.iter().map(cell).collect()
    }
}
