//! What a preset sets: cells whose volume is exact, ladders of learners, and data sets.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::contract::{Problem, TrialSpec};
use crate::tasks::torus::FourierBasis;
use crate::training::{Cell, Checks, specs};

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Products over all dimensions: `(2 K + 1)^m` functions.
    #[default]
    Products,
    /// Functions of one dimension each: `1 + 2 K m` functions.
    Sums,
}

/// Leg A.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolutions {
    /// m.
    pub dimensions: usize,
    /// K, ascending.
    pub frequencies: Vec<usize>,
}

/// The curve over n.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    pub files: Vec<Files>,
}

/// A labelled set in two IDX files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Name in panels.
    pub name: String,
    /// File of the images.
    pub images: PathBuf,
    /// File of the labels.
    pub labels: PathBuf,
    /// Average 2x2 pixels into one.
    #[serde(default)]
    pub pool: bool,
    /// Use only the first so many images.
    pub limit: usize,
}

/// What a learner of leg B is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learner {
    /// Kernel ridge regression.
    Kernel,
    /// A perceptron.
    Network,
}

/// How a task of leg B is shown to a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// As (cos, sin) of each angle.
    Plain,
    /// The same turned into so many dimensions.
    Embedded(usize),
    /// Plain, with a target of the first dimension alone.
    FirstOnly,
}

/// What is measured in a trial.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// The exact share, and hypotheses drawn.
    Volume { basis: FourierBasis, points: usize },
    /// A ladder of training sizes.
    Ladder { learner: Learner, basis: FourierBasis, shown: Shown },
    /// A real data set.
    Data(DataSet),
}

/// A data set of leg C.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum DataSet {
    /// The digits with noise.
    Noisy(f64),
    /// The digits on principal components.
    Projected(usize),
    /// The user's.
    Files(Files),
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
    fn volumes(&self) -> Vec<(usize, usize, usize)> {
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
            cells.push(cell.at("leg", leg).at("dimensions", m).at("frequency", k).costing(flop));
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
            let chunks = self.volume.samples.div_ceil(super::volume::chunk(&basis, self.volume.samples));
            let cell = Cell::new(condition.label(), condition, seeds, chunks as u64 + 1);
            let flop = 2.0 * (self.volume.samples * basis.size() * (4 * k + 1).pow(m as u32)) as f64;
            let cell = cell.at("leg", "volume").at("dimensions", m).at("frequency", k).at("points", points);
            cells.push(cell.costing(flop));
        }
        cells.extend(self.data_sets().into_iter().map(|set| {
            let condition = Condition::Data(set);
            let steps = super::dataset::steps(&self.data);
            Cell::new(condition.label(), condition, 1, steps).at("leg", "data").costing(1e9)
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

    /// The trials.
    pub(super) fn trials(&self, seeds: u64) -> Vec<TrialSpec> {
        specs(&self.cells(seeds))
    }

    /// What cannot be used, whatever the files hold.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut checks = Checks::new();
        self.check_tasks(&mut checks);
        let learners = &self.learners;
        checks.range("volume.samples", self.volume.samples, 100..=10_000_000);
        checks.range("volume.points", self.volume.points, 1..=1000);
        checks.range("learners.kernel_points", learners.kernel_points, 4..=16_384);
        checks.range("learners.network_points", learners.network_points, 4..=1 << 20);
        checks.range("learners.network.width", learners.network.width, 1..=8192);
        checks.range("learners.network.layers", learners.network.layers, 1..=32);
        checks.range("learners.network.batch", learners.network.batch, 1..=1 << 16);
        checks.range("learners.network.steps", learners.network.steps, 1..=10_000_000);
        checks.range("learners.test", learners.test, 10..=100_000);
        checks.range("data.pairs", self.data.pairs, 1..=1 << 26);
        for (i, width) in learners.embedded.widths.iter().enumerate() {
            checks.range(format!("learners.embedded.widths[{i}]"), *width, 2 * learners.embedded.dimensions..=4096);
        }
        for (i, components) in self.data.components.iter().enumerate() {
            checks.range(format!("data.components[{i}]"), *components, 1..=64);
        }
        for (i, points) in self.data.accuracy_points.iter().enumerate() {
            checks.range(format!("data.accuracy_points[{i}]"), *points, 10..=1400);
        }
        checks.positive("error", self.error, 1.0);
        checks.positive("learners.ridge", learners.ridge, 1.0);
        checks.positive("learners.network.learning_rate", learners.network.learning_rate, 10.0);
        checks.positive("learners.network.fitted", learners.network.fitted, 10.0);
        checks.positive("data.error", self.data.error, f64::INFINITY);
        for width in &learners.widths {
            checks.positive("learners.widths", *width, f64::INFINITY);
        }
        let fits = self.data.noise.first() == Some(&0.0) && self.data.noise.windows(2).all(|pair| pair[0] < pair[1]);
        checks.holds("data.noise", fits, format!("{:?}", self.data.noise), "ascending from 0");
        checks.holds("learners.widths", !learners.widths.is_empty(), "none", "at least one width");
        checks.problems()
    }

    fn check_tasks(&self, checks: &mut Checks) {
        let volume = &self.volume;
        let ascending = |list: &[usize]| list.windows(2).all(|pair| pair[0] < pair[1]);
        let list = &volume.dimensions;
        let fits = ascending(list) && list.len() > 1 && list[0] == 1;
        checks.holds("volume.dimensions", fits, format!("{list:?}"), "at least two, ascending from 1");
        for (i, resolution) in volume.resolutions.iter().enumerate() {
            let list = &resolution.frequencies;
            let path = format!("volume.resolutions[{i}].frequencies");
            checks.holds(path, ascending(list) && list.len() > 1, format!("{list:?}"), "at least two, ascending");
        }
        let cells = self.volumes().into_iter().map(|(m, k, _)| ("volume", m, k));
        let tasks = self.learners.tasks.iter().map(|(m, k)| ("learners.tasks", *m, *k));
        for (path, m, k) in cells.chain(tasks) {
            let lattice = (4 * k + 1).checked_pow(m as u32);
            let fits = m > 0 && k > 0 && lattice.is_some_and(|points| points <= 10_000);
            let expected = "dimension and frequency of at least 1, with at most 10,000 lattice points (4 K + 1)^m";
            checks.holds(path, fits, format!("m = {m}, K = {k}"), expected);
        }
        let learners = &self.learners;
        let embedded = (learners.embedded.dimensions, learners.embedded.frequency);
        let trained = || learners.network_functions >= self.basis(embedded.0, embedded.1).size();
        let fits = learners.tasks.contains(&embedded) && trained();
        let expected = "one of the tasks on which networks are trained";
        checks.holds("learners.embedded", fits, format!("{embedded:?}"), expected);
        let first = learners.first_only;
        let fits = first.0 > 1 && first.1 > 0 && learners.tasks.contains(&first);
        checks.holds("learners.first_only", fits, format!("{first:?}"), "one of the tasks, of at least two dimensions");
    }
}
