//! What a preset sets: two kernel spaces, networks, and which data they are conditioned on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Cell, Checks};
use crate::tasks::images::Source;

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Labels of the training data on which all hypotheses are conditioned. What the ablation takes away.
    #[serde(default)]
    pub labels: Labels,
    /// Hypotheses drawn of a kernel space.
    pub samples: usize,
    /// Resamples of the losses that are fitted again, for the interval of the bits.
    pub refits: usize,
    /// Leg A: bits against the dimension of the inputs.
    pub torus: Torus,
    /// Leg B: kernel spaces against networks.
    pub digits: Digits,
    /// Leg C: further networks, which decide nothing; left out where labels are permuted.
    #[serde(default)]
    pub architectures: Architectures,
}

/// Labels of the training data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Labels {
    /// Those of the task.
    #[default]
    Given,
    /// The same in a random order: they say nothing of the test data.
    Permuted,
}

/// Leg A: targets on the torus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Torus {
    /// Dimensions d, ascending from 1.
    pub dimensions: Vec<usize>,
    /// Widths of the kernel.
    pub sigmas: Vec<f64>,
    /// Training points n.
    pub train: usize,
    /// Test points T, the same for every d.
    pub test: usize,
    /// The wanted mean squared error, eps.
    pub target: f64,
}

/// Leg B: classes of images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Digits {
    /// The images.
    #[serde(default)]
    pub source: Source,
    /// Training images n.
    pub train: usize,
    /// Test images T.
    pub test: usize,
    /// At most so many random splits (the preset's seeds are the draws of leg A).
    pub splits: u64,
    /// The networks that set the wanted error.
    pub network: Architecture,
    /// Networks trained on permuted labels, for the control.
    pub permuted: usize,
    /// The share of the networks that reach the wanted error, by its definition.
    pub quantile: f64,
    /// How networks are trained.
    pub training: Training,
}

/// How networks are trained: Adam on the mean squared error to one-hot labels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Images in a batch.
    pub batch: usize,
    /// Adam's learning rate.
    pub learning_rate: f32,
    /// A network fits the training set, and is a hypothesis, from the first epoch with a smaller training
    /// error than this.
    pub fitted: f32,
    /// Most epochs; a network that has not fitted by then is dropped and counted.
    pub epochs: u64,
}

/// What of a network is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// All of it.
    #[default]
    Trained,
    /// The last layer, by gradient descent; what is before it stays as it began.
    Frozen,
    /// The last layer, by least squares; what is before it stays as it began.
    Random,
}

/// A space of networks: one input layer, `depth` further hidden layers, a linear output, ReLU.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Hidden units of each layer; 0 for a linear map without hidden layers.
    pub width: usize,
    /// Hidden layers after the first.
    pub depth: usize,
    /// Networks, all trained at once.
    pub nets: usize,
    /// What of them is trained.
    #[serde(default)]
    pub body: Body,
}

/// Leg C.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Architectures {
    /// At most so many splits.
    pub splits: u64,
    /// The spaces.
    pub spaces: Vec<Architecture>,
}

/// The width of the kernel of leg B.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Width {
    /// 1, as in the authors' code.
    One,
    /// The median distance of two training points.
    Median,
}

/// What networks of a trial are for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// They set the wanted error.
    Reference,
    /// The control: trained on permuted labels.
    Permuted,
    /// Leg C.
    Shown,
}

/// One hypothesis space on one kind of data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Condition {
    /// A kernel space on the torus: three targets and inputs.
    Torus {
        /// Dimensions of the torus.
        dimensions: usize,
        /// Width of the kernel.
        sigma: f64,
    },
    /// A kernel space on images.
    Kernel {
        /// Width of the kernel.
        width: Width,
        /// Whether its amplitude is the likeliest one; else 1.
        best_amplitude: bool,
    },
    /// Networks on images.
    Networks {
        /// What they are for.
        role: Role,
        /// What they are.
        space: Architecture,
    },
}

impl Architecture {
    /// Widths from inputs to outputs.
    pub(super) fn sizes(&self, inputs: usize, outputs: usize) -> Vec<usize> {
        let hidden = if self.width == 0 { 0 } else { self.depth + 1 };
        [inputs].into_iter().chain(std::iter::repeat_n(self.width, hidden)).chain([outputs]).collect()
    }

    /// Weights of one network without its biases.
    pub(super) fn weights(sizes: &[usize]) -> usize {
        sizes.windows(2).map(|pair| pair[0] * pair[1]).sum()
    }

    fn label(&self) -> String {
        let body = match self.body {
            Body::Trained => "",
            Body::Frozen => ", body frozen",
            Body::Random => ", last layer solved",
        };
        if self.width == 0 { format!("linear{body}") } else { format!("w = {} d = {}{body}", self.width, self.depth) }
    }
}

impl Condition {
    fn label(&self) -> String {
        match self {
            Condition::Torus { dimensions, sigma } => format!("torus d = {dimensions} sigma = {sigma}"),
            Condition::Kernel { width, best_amplitude } => {
                let sigma = if *width == Width::One { "1" } else { "median" };
                let amplitude = if *best_amplitude { "best" } else { "1" };
                format!("kernel sigma = {sigma} amplitude = {amplitude}")
            }
            Condition::Networks { role: Role::Reference, space } => format!("networks {}", space.label()),
            Condition::Networks { role: Role::Permuted, space } => format!("permuted labels {}", space.label()),
            Condition::Networks { role: Role::Shown, space } => format!("architecture {}", space.label()),
        }
    }
}

/// Epochs that networks are expected to take, for the estimate of the cost alone.
const EXPECTED_EPOCHS: [f64; 2] = [80.0, 400.0];
/// Bytes on disk of a trial: its vectors, panels and checkpoint.
const TRIAL_BYTES: u64 = 500_000;

impl Settings {
    /// The conditions of a study of so many seeds.
    pub(super) fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let mut cells = Vec::new();
        let splits = self.digits.splits.min(seeds);
        // The longest first, so that no thread is left with one at the end.
        cells.push(self.cell(Condition::Networks { role: Role::Permuted, space: self.permuted_space() }, splits));
        cells.push(self.cell(Condition::Networks { role: Role::Reference, space: self.digits.network }, splits));
        // Not with permuted labels: small networks never fit those, and would train to the last epoch for nothing.
        let shown = self.architectures.spaces.iter().filter(|_| self.labels == Labels::Given);
        for space in shown {
            let condition = Condition::Networks { role: Role::Shown, space: *space };
            cells.push(self.cell(condition, self.architectures.splits.min(splits)));
        }
        for width in [Width::One, Width::Median] {
            for best_amplitude in [false, true] {
                cells.push(self.cell(Condition::Kernel { width, best_amplitude }, splits));
            }
        }
        for sigma in &self.torus.sigmas {
            for dimensions in &self.torus.dimensions {
                cells.push(self.cell(Condition::Torus { dimensions: *dimensions, sigma: *sigma }, seeds));
            }
        }
        cells
    }

    fn permuted_space(&self) -> Architecture {
        Architecture { nets: self.digits.permuted, ..self.digits.network }
    }

    fn cell(&self, condition: Condition, seeds: u64) -> Cell<Condition> {
        let (flop, memory) = self.takes(&condition);
        let cell = Cell::new(condition.label(), condition, seeds, self.steps(&condition));
        let cell = cell.costing(flop).taking(memory, TRIAL_BYTES);
        match condition {
            Condition::Torus { dimensions, sigma } => {
                cell.at("leg", "dimension").at("dimensions", dimensions).at("sigma", sigma)
            }
            Condition::Kernel { .. } => cell.at("leg", "kernel"),
            Condition::Networks { role, space } => {
                let leg = if role == Role::Shown { "architecture" } else { "network" };
                cell.at("leg", leg).at("width", space.width).at("depth", space.depth)
            }
        }
    }

    /// Steps of a trial: epochs of networks, else batches of samples with what is before and after them.
    fn steps(&self, condition: &Condition) -> u64 {
        match condition {
            Condition::Networks { space: Architecture { body: Body::Random, nets, .. }, .. } => *nets as u64,
            Condition::Networks { .. } => self.digits.training.epochs,
            Condition::Kernel { .. } => self.space_steps(),
            Condition::Torus { dimensions, .. } => self.space_steps() * if *dimensions > 1 { 3 } else { 1 },
        }
    }

    /// Steps of one kernel space: its law, the samples, the fits.
    pub(super) fn space_steps(&self) -> u64 {
        let fits = self.refits.div_ceil(super::kernel::REFITS).max(1);
        (1 + self.samples.div_ceil(super::kernel::CHUNK) + fits) as u64
    }

    /// What a trial takes, roughly: floating-point operations, and bytes of memory.
    fn takes(&self, condition: &Condition) -> (f64, u64) {
        let normals = |points: usize, outputs: usize| 10.0 * (self.samples * points * outputs) as f64;
        let matrices = |points: usize| 8 * (4 * points.pow(2) + self.samples) as u64;
        match condition {
            Condition::Torus { .. } => {
                let Torus { train, test, .. } = self.torus;
                (3.0 * (normals(test, 1) + 20.0 * (test as f64).powi(3)), matrices(train + test))
            }
            Condition::Kernel { .. } => {
                let Digits { train, test, .. } = self.digits;
                (normals(test, 10) + 30.0 * (test as f64).powi(3), matrices(train + test))
            }
            Condition::Networks { role, space } => {
                let Digits { train, training, .. } = self.digits;
                let sizes = space.sizes(64, 10);
                let (weights, units) = (Architecture::weights(&sizes), sizes.iter().sum::<usize>());
                let epochs = EXPECTED_EPOCHS[usize::from(*role == Role::Permuted)];
                let flop = 6.0 * (weights * train * space.nets) as f64 * epochs;
                let points = train + 3 * training.batch;
                (flop, 4 * (space.nets * (5 * weights + units * points)) as u64)
            }
        }
    }

    /// Checks what can be checked whatever the files hold.
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.range("samples", self.samples, 100..=1_000_000);
        checks.range("refits", self.refits, 0..=10_000);
        checks.range("torus.train", self.torus.train, 2..=4000);
        checks.range("torus.test", self.torus.test, 2..=2000);
        checks.range("digits.train", self.digits.train, 10..=4000);
        checks.range("digits.test", self.digits.test, 10..=2000);
        checks.range("digits.splits", self.digits.splits, 1..=1000);
        checks.range("digits.permuted", self.digits.permuted, 3..=4096);
        checks.range("digits.training.batch", self.digits.training.batch, 1..=self.digits.train);
        checks.range("digits.training.epochs", self.digits.training.epochs, 1..=100_000);
        let spaces = self.architectures.spaces.iter().enumerate();
        let spaces = spaces.map(|(i, space)| (format!("architectures.spaces[{i}]"), space));
        for (path, space) in spaces.chain([("digits.network".to_owned(), &self.digits.network)]) {
            checks.range(format!("{path}.nets"), space.nets, 3..=4096);
            checks.range(format!("{path}.width"), space.width, 0..=8192);
            checks.range(format!("{path}.depth"), space.depth, 0..=32);
        }
        let ascending = self.torus.dimensions.windows(2).all(|pair| pair[0] < pair[1]);
        let fits = ascending && self.torus.dimensions.first() == Some(&1) && self.torus.dimensions.len() > 1;
        let most = self.torus.dimensions.last().is_some_and(|d| *d <= 64);
        let found = format!("{:?}", self.torus.dimensions);
        checks.holds("torus.dimensions", fits && most, found, "at least two, ascending from 1, up to 64");
        let usable = |x: f64| x.is_finite() && x > 0.0;
        let fits = !self.torus.sigmas.is_empty() && self.torus.sigmas.iter().all(|sigma| usable(*sigma));
        checks.holds("torus.sigmas", fits, format!("{:?}", self.torus.sigmas), "at least one, each above 0");
        let training = &self.digits.training;
        checks.positive("torus.target", self.torus.target, f64::INFINITY);
        checks.positive("digits.quantile", self.digits.quantile, 1.0);
        checks.positive("digits.training.learning_rate", training.learning_rate, 10.0);
        checks.positive("digits.training.fitted", training.fitted, 10.0);
        let mut labels: Vec<String> = self.cells(1).into_iter().map(|cell| cell.label).collect();
        let all = labels.len();
        labels.sort_unstable();
        labels.dedup();
        let found = format!("{} the same", all - labels.len());
        checks.holds("architectures.spaces", labels.len() == all, found, "every condition once");
    }
}
