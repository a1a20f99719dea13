//! What a preset sets: sizes, how each algorithm is trained, and what is compared with the compiled network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::network::NetworkShape;
use crate::contract::{Cell, Checks};
use crate::tasks::algorithms::Algorithm;

/// Most nodes of a graph: compiled weights hold for all up to this.
pub(super) const LARGEST: usize = 64;
/// Numbers of an edge: A_ij, A_ji, i = j, pi_ij, pi_ji.
pub(super) const EDGES: usize = 5;
/// Units of the widest compiled layer, in depth-first search.
const NARROWEST: usize = 19;

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Width of everything inside the network, compiled and trained.
    pub hidden: usize,
    /// Nodes of graphs that are trained on; one number a batch.
    pub trained: Vec<usize>,
    /// Nodes of test graphs of a size trained on, which is judged.
    pub inside: usize,
    /// Nodes of larger test graphs, which are judged.
    pub beyond: usize,
    /// Nodes of graphs over which accuracy is drawn at the end.
    pub sizes: Vec<usize>,
    /// Graphs of each of them.
    pub sized: usize,
    /// Graphs in a training step.
    pub batch: usize,
    /// Probability that a graph's hints at a step are the true ones, in training.
    pub forcing: f64,
    /// Test graphs of either judged size.
    pub tests: usize,
    /// Training steps from one look at the test graphs to the next.
    pub every: u64,
    /// Breadth-first search.
    pub bfs: Training,
    /// Shortest paths.
    pub bellman_ford: Training,
    /// Depth-first search.
    pub dfs: Training,
    /// Breadth-first search that takes a node a step, as many steps as the depth-first search of CLRS has hints: the
    /// control of length; none without.
    #[serde(default)]
    pub sequential: Option<Training>,
    /// Breadth-first search with a temperature of attention that falls; none without.
    #[serde(default)]
    pub annealed: Option<Annealing>,
    /// Breadth-first search that begins at the compiled weights with noise; none without.
    #[serde(default)]
    pub fine_tuned: Option<FineTuning>,
    /// What the networks of breadth-first search attend to when they are tested. Compiled is the ablation: no gap is
    /// left to measure.
    pub attention: Attention,
    /// What compiled networks are tested on.
    pub compiled: CompiledTests,
}

/// How an algorithm is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Training steps.
    pub steps: u64,
    /// The learning rate of Adam, constant.
    pub learning_rate: f32,
}

/// A temperature that falls geometrically along the training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Annealing {
    /// The last temperature; the first is 1.
    pub last: f32,
    /// At most so many replicas.
    pub seeds: u64,
}

/// A beginning at compiled weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FineTuning {
    /// Standard deviation of the normal noise on every weight.
    pub noise: f32,
    /// Training steps.
    pub steps: u64,
    /// At most so many replicas.
    pub seeds: u64,
}

/// Whose attention a trained network is tested with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// Its own.
    Own,
    /// That of the compiled network, in every head.
    Compiled,
}

/// What compiled networks are tested on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompiledTests {
    /// Graphs of small sizes on which answer and whole trace are held against the textbook, for each algorithm.
    pub graphs: usize,
    /// Their sizes, in turn.
    pub small: Vec<usize>,
    /// Sizes on which accuracy is measured beside.
    pub sizes: Vec<usize>,
    /// Graphs of each of these.
    pub sized: usize,
}

/// How a trained network differs from the one that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// Not at all.
    Main,
    /// Its temperature falls.
    Annealed,
    /// It begins at compiled weights.
    FineTuned,
}

/// What a trial is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Compiled networks of all three algorithms.
    Compiled,
    /// A network that is trained.
    Trained(Algorithm, Arm),
}

impl Condition {
    /// The name for people.
    pub fn name(self) -> String {
        match self {
            Condition::Compiled => "compiled".into(),
            Condition::Trained(algorithm, Arm::Main) => algorithm.name().into(),
            Condition::Trained(algorithm, Arm::Annealed) => format!("{}, annealed", algorithm.name()),
            Condition::Trained(algorithm, Arm::FineTuned) => format!("{}, from compiled weights", algorithm.name()),
        }
    }
}

/// Algorithms that are compiled.
pub(super) const COMPILED: [Algorithm; 3] = [Algorithm::Bfs, Algorithm::BellmanFord, Algorithm::Dfs];

impl Training {
    fn check(&self, checks: &mut Checks) {
        checks.range("steps", self.steps, 1..=1_000_000);
        checks.positive("learning_rate", self.learning_rate, 1.0);
    }
}

impl Settings {
    /// The network of an algorithm.
    pub(super) const fn shape(&self, algorithm: Algorithm) -> NetworkShape {
        NetworkShape { algorithm, hidden: self.hidden }
    }

    /// How a condition is trained.
    pub(super) fn training(&self, algorithm: Algorithm, arm: Arm) -> Training {
        let training = match algorithm {
            Algorithm::Bfs => self.bfs,
            Algorithm::BellmanFord => self.bellman_ford,
            Algorithm::Dfs => self.dfs,
            Algorithm::SequentialBfs => self.sequential.unwrap_or(self.bfs),
        };
        match (arm, self.fine_tuned) {
            (Arm::FineTuned, Some(fine)) => Training { steps: fine.steps, ..training },
            _ => training,
        }
    }

    /// The temperature of attention at a training step.
    pub(super) fn temperature(&self, arm: Arm, step: u64, steps: u64) -> f32 {
        match (arm, self.annealed) {
            (Arm::Annealed, Some(annealing)) => annealing.last.powf(step as f32 / steps.max(1) as f32),
            _ => 1.0,
        }
    }

    /// Whether a condition is tested with the compiled network's attention.
    pub(super) fn is_forced(&self, algorithm: Algorithm) -> bool {
        self.attention == Attention::Compiled && algorithm == Algorithm::Bfs
    }

    /// Steps that a trace of so many nodes usually has.
    fn usual_steps(algorithm: Algorithm, nodes: usize) -> f64 {
        match algorithm {
            // Measured: the longest of a batch.
            Algorithm::Bfs | Algorithm::BellmanFord => 5.0,
            _ => algorithm.most_steps(nodes) as f64,
        }
    }

    /// Multiply-adds of a graph of so many nodes through all of its steps.
    fn multiply_adds(&self, algorithm: Algorithm, nodes: usize) -> f64 {
        Settings::usual_steps(algorithm, nodes) * self.shape(algorithm).multiply_adds(nodes)
    }

    /// Floating-point operations of a training step, mean over the sizes.
    pub(super) fn step_flop(&self, algorithm: Algorithm) -> f64 {
        let sum: f64 = self.trained.iter().map(|nodes| self.multiply_adds(algorithm, *nodes)).sum();
        6.0 * self.batch as f64 * sum / self.trained.len().max(1) as f64
    }

    /// Checks everything.
    pub fn check(&self, checks: &mut Checks) {
        checks.range("hidden", self.hidden, NARROWEST..=256);
        let sizes = |checks: &mut Checks, field: &str, sizes: &[usize]| {
            checks.holds(field, !sizes.is_empty(), "none", "at least one size");
            checks.range_of_each(field, sizes.iter().copied(), 2..=LARGEST);
        };
        sizes(checks, "trained", &self.trained);
        sizes(checks, "sizes", &self.sizes);
        checks.holds("inside", self.trained.contains(&self.inside), self.inside, "a size that is trained on");
        let larger = self.trained.iter().all(|nodes| *nodes < self.beyond) && self.beyond <= LARGEST;
        checks.holds("beyond", larger, self.beyond, format!("more nodes than are trained on, at most {LARGEST}"));
        checks.range("sized", self.sized, 1..=10_000);
        checks.range("batch", self.batch, 1..=1024);
        checks.range("forcing", self.forcing, 0.0..=1.0);
        checks.range("tests", self.tests, 4..=10_000);
        checks.range("every", self.every, 1..=1_000_000);
        checks.under("bfs", |checks| self.bfs.check(checks));
        checks.under("bellman_ford", |checks| self.bellman_ford.check(checks));
        checks.under("dfs", |checks| self.dfs.check(checks));
        if let Some(sequential) = &self.sequential {
            checks.under("sequential", |checks| sequential.check(checks));
        }
        if let Some(annealed) = &self.annealed {
            checks.under("annealed", |checks| {
                checks.positive("last", annealed.last, 1.0);
                checks.range("seeds", annealed.seeds, 1..=100);
            });
        }
        if let Some(fine) = &self.fine_tuned {
            checks.under("fine_tuned", |checks| {
                checks.range("noise", fine.noise, 0.0..=10.0);
                checks.range("steps", fine.steps, 1..=1_000_000);
                checks.range("seeds", fine.seeds, 1..=100);
            });
        }
        checks.under("compiled", |checks| {
            checks.range("graphs", self.compiled.graphs, 1..=100_000);
            sizes(checks, "small", &self.compiled.small);
            sizes(checks, "sizes", &self.compiled.sizes);
            checks.range("sized", self.compiled.sized, 1..=10_000);
        });
    }

    /// Every condition with at most `seeds` replicas, the longest first.
    pub fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let main = |algorithm| (Condition::Trained(algorithm, Arm::Main), seeds);
        let mut conditions = vec![main(Algorithm::Dfs)];
        conditions.extend(self.sequential.map(|_| main(Algorithm::SequentialBfs)));
        conditions.extend([main(Algorithm::BellmanFord), main(Algorithm::Bfs)]);
        let arm = |arm, own: u64| (Condition::Trained(Algorithm::Bfs, arm), seeds.min(own));
        conditions.extend(self.annealed.map(|annealed| arm(Arm::Annealed, annealed.seeds)));
        conditions.extend(self.fine_tuned.map(|fine| arm(Arm::FineTuned, fine.seeds)));
        conditions.push((Condition::Compiled, 1));
        conditions.into_iter().map(|(condition, seeds)| self.cell(condition, seeds)).collect()
    }

    fn cell(&self, condition: Condition, seeds: u64) -> Cell<Condition> {
        let of_sizes = |algorithm, sizes: &[usize], graphs: usize| {
            2.0 * graphs as f64 * sizes.iter().map(|nodes| self.multiply_adds(algorithm, *nodes)).sum::<f64>()
        };
        let Condition::Trained(algorithm, arm) = condition else {
            let CompiledTests { graphs, small, sizes, sized } = &self.compiled;
            let of = |algorithm: &Algorithm| {
                of_sizes(*algorithm, small, graphs / small.len().max(1)) + of_sizes(*algorithm, sizes, *sized)
            };
            let flop = COMPILED.iter().map(of).sum();
            let cell = Cell::new(condition.name(), condition, seeds, self.compiled_steps());
            return cell.costing(flop).taking(60_000_000, 100_000);
        };
        let steps = self.training(algorithm, arm).steps;
        let looks = of_sizes(algorithm, &[self.inside], self.tests) * (steps as f64 / self.every as f64);
        let end = of_sizes(algorithm, &[self.beyond], self.tests) + of_sizes(algorithm, &self.sizes, self.sized);
        Cell::new(condition.name(), condition, seeds, steps)
            .seeing(self.batch)
            .costing(steps as f64 * self.step_flop(algorithm) + looks + end)
            .taking(self.plan_bytes(algorithm), 1_000_000)
    }

    /// Parts in which compiled networks are tested, each a step of their trial.
    pub(super) fn compiled_steps(&self) -> u64 {
        (COMPILED.len() * (self.compiled.small.len() + self.compiled.sizes.len())) as u64
    }

    /// Bytes of the training plans, one a size: units over pairs of nodes are kept for the way back.
    fn plan_bytes(&self, algorithm: Algorithm) -> u64 {
        let shape = self.shape(algorithm);
        let kept = shape.rounds() as f64 * 3.0 * shape.heads() as f64 + 4.0;
        let of = |nodes: &usize| {
            let pairs = self.batch as f64 * (nodes * nodes * self.hidden) as f64;
            4.0 * Settings::usual_steps(algorithm, *nodes) * kept * pairs
        };
        self.trained.iter().map(of).sum::<f64>() as u64 + 20_000_000
    }
}
