//! What a preset sets: cells whose volume is exact, ladders of learners, and data sets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{dataset, volume};
use crate::contract::Cell;
use crate::tasks::idx;
use crate::tasks::torus::FourierBasis;

/// Bytes on disk of a trial: its vectors, panels and checkpoint.
const TRIAL_BYTES: u64 = 600_000;

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Functions that hypotheses and targets are made of. What the ablation takes away.
    #[serde(default)]
    pub basis: Basis,
    /// The wanted error, relative to the variance 1 of the target.
    pub error: f64,
    /// Leg A: the exact share of good hypotheses.
    pub volume: Volume,
    /// Leg B: data that real learners need.
    pub learners: Learners,
    /// Leg C: real data.
    pub data: DataSets,
}

/// Functions on the torus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Products over all dimensions: `(2 K + 1)^m` functions.
    #[default]
    Products,
    /// Functions of one dimension each: `1 + 2 K m` functions.
    Sums,
}

/// Leg A.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Dimensions m at the frequency [`Volume::frequency`], ascending from 1.
    pub dimensions: Vec<usize>,
    /// K of the cells over dimensions.
    pub frequency: usize,
    /// Lists of frequencies K for each dimension of the cells over the resolution.
    pub resolutions: Vec<Resolutions>,
    /// Training points n of all these cells: few, so that the count of functions is what matters.
    pub points: usize,
    /// Further numbers of training points, for the curve over n.
    pub more_points: MorePoints,
    /// Hypotheses drawn in a trial.
    pub samples: usize,
}

/// Frequencies of one dimension.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolutions {
    /// m.
    pub dimensions: usize,
    /// K, ascending.
    pub frequencies: Vec<usize>,
}

/// The curve over n.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MorePoints {
    /// m.
    pub dimensions: usize,
    /// K.
    pub frequency: usize,
    /// Training points.
    pub points: Vec<usize>,
}

/// Leg B.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Learners {
    /// Pairs (m, K).
    pub tasks: Vec<(usize, usize)>,
    /// Most replicas of a kernel's ladder.
    pub kernel_seeds: u64,
    /// Most training points of a kernel's ladder, which doubles from 2.
    pub kernel_points: usize,
    /// Widths of the kernel from which the best on a validation part is taken.
    pub widths: Vec<f64>,
    /// Ridge of the kernel.
    pub ridge: f64,
    /// Most replicas of a network's ladder.
    pub network_seeds: u64,
    /// Most training points of a network's ladder.
    pub network_points: usize,
    /// Networks are trained only on tasks of at most so many functions.
    pub network_functions: usize,
    /// How networks are trained.
    pub network: Network,
    /// Test points.
    pub test: usize,
    /// Control (a): the task and the widths of the inputs into which it is turned.
    pub embedded: Embedded,
    /// Control (b): the task (m, K) of which the target uses the first dimension alone.
    pub first_only: (usize, usize),
}

/// How networks are trained: Adam on the mean squared error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Units of each hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub layers: usize,
    /// Adam's learning rate.
    pub learning_rate: f32,
    /// Points in a batch, if there are as many.
    pub batch: usize,
    /// Training steps of a rung.
    pub steps: u64,
    /// Training error below which a rung counts; else its steps are doubled once, then it is dropped.
    pub fitted: f32,
}

/// Control (a).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Embedded {
    /// m.
    pub dimensions: usize,
    /// K.
    pub frequency: usize,
    /// Widths D.
    pub widths: Vec<usize>,
}

/// Leg C.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSets {
    /// eps over the Lipschitz constant of the loss.
    pub error: f64,
    /// Deviations of Gaussian noise on the digits' pixels (0 to 1); 0 is the digits themselves.
    pub noise: Vec<f64>,
    /// Numbers of principal components on which the digits are projected.
    pub components: Vec<usize>,
    /// Pairs of points of different classes that the extreme-value estimate draws.
    pub pairs: usize,
    /// Training images of the accuracies beside it.
    pub accuracy_points: Vec<usize>,
    /// The user's own, in IDX files (the format of MNIST).
    #[serde(default)]
    pub files: Vec<idx::Files>,
}

/// What a learner of leg B is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learner {
    /// Kernel ridge regression.
    Kernel,
    /// A perceptron.
    Network,
}

/// How a task of leg B is shown to a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As (cos, sin) of each angle.
    Plain,
    /// The same turned into so many dimensions.
    Embedded(usize),
    /// Plain, with a target of the first dimension alone.
    FirstOnly,
}

/// What is measured in a trial.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The exact share, and hypotheses drawn.
    Volume {
        /// Functions that hypotheses are made of.
        basis: FourierBasis,
        /// Training points.
        points: usize,
    },
    /// A ladder of training sizes.
    Ladder {
        /// What is trained.
        learner: Learner,
        /// Functions that the target is made of.
        basis: FourierBasis,
        /// How the task is shown to it.
        shown: Shown,
    },
    /// A real data set.
    Data(DataSet),
}

/// A data set of leg C.
#[derive(Clone, Debug, PartialEq)]
pub enum DataSet {
    /// The digits with noise.
    Noisy(f64),
    /// The digits on principal components.
    Projected(usize),
    /// The user's.
    Files(idx::Files),
}

impl Condition {
    fn label(&self) -> String {
        let task = |basis: &FourierBasis| format!("m = {} K = {}", basis.dimensions, basis.frequency);
        match self {
            Condition::Volume { basis, points } => format!("volume {} n = {points}", task(basis)),
            Condition::Ladder { learner, basis, shown } => {
                let learner = if *learner == Learner::Kernel { "kernel" } else { "network" };
                let shown = match shown {
                    Shown::Plain => String::new(),
                    Shown::Embedded(width) => format!(" in D = {width}"),
                    Shown::FirstOnly => " first dimension only".into(),
                };
                format!("{learner} {}{shown}", task(basis))
            }
            Condition::Data(DataSet::Noisy(0.0)) => "digits".into(),
            Condition::Data(DataSet::Noisy(noise)) => format!("digits noise = {noise}"),
            Condition::Data(DataSet::Projected(components)) => format!("digits components = {components}"),
            Condition::Data(DataSet::Files(files)) => format!("data {}", files.name),
        }
    }
}

impl Settings {
    /// The basis of a task.
    pub(super) fn basis(&self, dimensions: usize, frequency: usize) -> FourierBasis {
        FourierBasis { dimensions, frequency, products: self.basis == Basis::Products }
    }

    /// The cells of leg A without their order: each once.
    pub(super) fn volumes(&self) -> Vec<(usize, usize, usize)> {
        let volume = &self.volume;
        let over_m = volume.dimensions.iter().map(|m| (*m, volume.frequency, volume.points));
        let over_k =
            volume.resolutions.iter().flat_map(|r| r.frequencies.iter().map(|k| (r.dimensions, *k, volume.points)));
        let more = &volume.more_points;
        let over_n = more.points.iter().map(|n| (more.dimensions, more.frequency, *n));
        let mut cells: Vec<(usize, usize, usize)> = Vec::new();
        for cell in over_m.chain(over_k).chain(over_n) {
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        cells
    }

    /// The conditions of a study of so many seeds.
    pub(super) fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let mut cells = Vec::new();
        let learners = &self.learners;
        let mut ladder = |learner: Learner, (m, k): (usize, usize), shown: Shown, most: u64| {
            let condition = Condition::Ladder { learner, basis: self.basis(m, k), shown };
            let cell = Cell::new(condition.label(), condition, seeds.min(most), self.rungs(learner) as u64);
            let leg = if learner == Learner::Kernel { "kernel" } else { "network" };
            let flop = self.ladder_flop(learner, &self.basis(m, k));
            let points = self.most_points(learner).min(4 * self.basis(m, k).size()) + learners.test;
            let cell = cell.at("leg", leg).at("dimensions", m).at("frequency", k);
            cells.push(cell.costing(flop).taking(8 * (points * points) as u64, TRIAL_BYTES));
        };
        // Networks take longest: first, so that no thread is left with one at the end.
        let embedded = (learners.embedded.dimensions, learners.embedded.frequency);
        for width in &learners.embedded.widths {
            ladder(Learner::Network, embedded, Shown::Embedded(*width), learners.network_seeds);
        }
        for shown in [Shown::Plain, Shown::FirstOnly] {
            ladder(Learner::Network, learners.first_only, shown, learners.network_seeds);
        }
        let small = |task: &(usize, usize)| self.basis(task.0, task.1).size() <= learners.network_functions;
        for task in learners.tasks.iter().filter(|task| small(task) && **task != learners.first_only) {
            ladder(Learner::Network, *task, Shown::Plain, learners.network_seeds);
        }
        for task in &learners.tasks {
            ladder(Learner::Kernel, *task, Shown::Plain, learners.kernel_seeds);
        }
        for (m, k, points) in self.volumes() {
            let basis = self.basis(m, k);
            let condition = Condition::Volume { basis, points };
            let (samples, lattice) = (self.volume.samples, (4 * k + 1).pow(m as u32));
            let chunk = volume::chunk(&basis, samples);
            let memory = 4 * (lattice * basis.size() + chunk * (lattice + basis.size())) + 8 * samples;
            let cell = Cell::new(condition.label(), condition, seeds, samples.div_ceil(chunk) as u64 + 1)
                .costing(2.0 * (samples * basis.size() * lattice) as f64)
                .taking(memory as u64, TRIAL_BYTES);
            cells.push(cell.at("leg", "volume").at("dimensions", m).at("frequency", k).at("points", points));
        }
        cells.extend(self.data_sets().into_iter().map(|set| {
            let condition = Condition::Data(set);
            let cell = Cell::new(condition.label(), condition, 1, dataset::steps(&self.data)).at("leg", "data");
            cell.costing(1e9).taking(100_000_000, TRIAL_BYTES)
        }));
        cells
    }

    fn data_sets(&self) -> Vec<DataSet> {
        let noisy = self.data.noise.iter().map(|noise| DataSet::Noisy(*noise));
        let projected = self.data.components.iter().map(|components| DataSet::Projected(*components));
        noisy.chain(projected).chain(self.data.files.iter().cloned().map(DataSet::Files)).collect()
    }

    /// Most training points of a ladder.
    pub(super) fn most_points(&self, learner: Learner) -> usize {
        if learner == Learner::Kernel { self.learners.kernel_points } else { self.learners.network_points }
    }

    /// Rungs of a ladder: 2, 4, .. up to the most.
    pub(super) fn rungs(&self, learner: Learner) -> usize {
        self.most_points(learner).ilog2() as usize
    }

    fn ladder_flop(&self, learner: Learner, basis: &FourierBasis) -> f64 {
        // A ladder ends near as many points as there are functions.
        let end = (2 * basis.size()).min(self.most_points(learner)) as f64;
        match learner {
            Learner::Kernel => {
                self.learners.widths.len() as f64 * (end.powi(3) + 10.0 * end * self.learners.test as f64)
            }
            Learner::Network => {
                let network = &self.learners.network;
                let weights = network.width * (2 * basis.dimensions + 1 + network.width * (network.layers - 1));
                6.0 * (weights as u64 * network.steps) as f64 * 2.0 * end.min(network.batch as f64)
            }
        }
    }
}
