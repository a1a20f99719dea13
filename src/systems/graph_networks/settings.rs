//! What a preset sets: the model, and the tasks it is trained on with their conditions.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Cell, Checks, Problem};
use crate::nn::layers::{GraphKind, Reduce, Widths};
use crate::nn::zoo::graph_network::GraphNetworkShape;
use crate::nn::zoo::mlp::multiply_adds;
use crate::tasks::graphs::{Layout, edge_list, shortest_path, sort, springs};

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The model, the same for every task.
    pub model: ModelSettings,
    /// Sorting, which is judged.
    pub sort: LinkSettings,
    /// A perceptron that sees a list as a vector, on sorting: the control without relations.
    pub flat: FlatSettings,
    /// Masses and springs, which are judged.
    pub springs: SpringSettings,
    /// Shortest paths, which are shown and not judged; none without.
    #[serde(default)]
    pub path: Option<PathSettings>,
    /// Other blocks on sorting, shown and not judged; none without.
    #[serde(default)]
    pub variants: Option<VariantSettings>,
}

/// Encode, process, decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// Width of every attribute inside, and of hidden layers.
    pub width: usize,
    /// Layers of every update function.
    pub layers: usize,
    /// How what a node receives becomes one. Nothing is the ablation: nobody hears anybody.
    pub reduce: Reduce,
}

/// A task that asks for nodes and edges: which sizes, and how it is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkSettings {
    /// Least and most nodes of a graph that is trained on.
    pub trained: (usize, usize),
    /// Of graphs of up to twice the size, which is judged.
    pub twice: (usize, usize),
    /// Of graphs of up to four times the size; none where they are not looked at.
    #[serde(default)]
    pub four_times: Option<(usize, usize)>,
    /// T: processing steps, after each of which the model answers and learns.
    pub processing: usize,
    /// Training steps.
    pub steps: u64,
    /// Training steps of the control that hears nobody.
    pub control_steps: u64,
    /// Graphs in a training step.
    pub batch: usize,
    /// The learning rate of Adam, constant.
    pub learning_rate: f32,
    /// Training steps from one look at the test graphs to the next; the last look alone sees all of them.
    pub every: u64,
    /// Test graphs of every range of sizes.
    pub tests: usize,
}

/// The perceptron on lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlatSettings {
    /// Units of a hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub layers: usize,
    /// Training steps.
    pub steps: u64,
}

/// Masses and springs: which sizes, and how it is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpringSettings {
    /// Least and most masses of a chain that is trained on.
    pub trained: (usize, usize),
    /// Masses of shorter test chains, which are judged.
    pub fewer: usize,
    /// Masses of longer test chains, which are judged.
    pub more: usize,
    /// Masses of much longer test chains, which are shown.
    pub many: usize,
    /// Trajectories of 50 steps from which training states are drawn.
    pub trajectories: usize,
    /// Training steps.
    pub steps: u64,
    /// States in a training step.
    pub batch: usize,
    /// The learning rate of Adam at the beginning; it falls to 0 along a cosine.
    pub learning_rate: f32,
    /// Training steps from one look at rollouts to the next; the last look alone sees all of them.
    pub every: u64,
    /// Test chains of every size, rolled out over 50 steps.
    pub rollouts: usize,
}

/// Shortest paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathSettings {
    /// The task.
    pub task: LinkSettings,
    /// At most so many replicas.
    pub seeds: u64,
    /// A graph of one's own to look for the path in, a line `u v w` an edge: two names and a length. None shows a test
    /// graph alone.
    #[serde(default)]
    pub file: Option<PathBuf>,
}

/// Blocks that are compared on sorting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantSettings {
    /// Variants of the block, beside the whole one.
    pub blocks: Vec<GraphKind>,
    /// Ways in which many become one, beside that of the model.
    pub reduces: Vec<Reduce>,
    /// Training steps.
    pub steps: u64,
    /// At most so many replicas of each.
    pub seeds: u64,
}

/// How a graph network differs from the one that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// Not at all.
    Main,
    /// Every sum is zero: a control.
    NoMessages,
    /// Springs without their constants and lengths: a control.
    NoEdgeInputs,
    /// Another block.
    Block(GraphKind),
    /// Another way in which many become one.
    Reduced(Reduce),
}

/// What a trial is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A graph network on sorting.
    Sort(Arm),
    /// A perceptron on sorting.
    Flat,
    /// A graph network on shortest paths.
    Path,
    /// A graph network on masses and springs.
    Springs(Arm),
}

impl Arm {
    fn name(self) -> String {
        match self {
            Arm::Main => String::new(),
            Arm::NoMessages => ", no messages".into(),
            Arm::NoEdgeInputs => ", no edge inputs".into(),
            Arm::Block(kind) => format!(", {}", kind.name()),
            Arm::Reduced(reduce) => format!(", by {}", reduce.name()),
        }
    }
}

impl Condition {
    /// The name for people.
    pub fn name(self) -> String {
        match self {
            Condition::Sort(arm) => format!("sort{}", arm.name()),
            Condition::Flat => "sort, flat perceptron".into(),
            Condition::Path => "shortest path".into(),
            Condition::Springs(arm) => format!("springs{}", arm.name()),
        }
    }
}

/// Names of the ranges of sizes of a task, as metrics have them.
pub const RANGES: [&str; 3] = ["trained", "twice", "four_times"];

impl LinkSettings {
    /// The ranges of sizes that are tested, by name.
    pub fn ranges(&self) -> Vec<(&'static str, (usize, usize))> {
        let sizes = [Some(self.trained), Some(self.twice), self.four_times];
        RANGES.into_iter().zip(sizes).filter_map(|(name, sizes)| Some((name, sizes?))).collect()
    }

    /// The largest graph that is met.
    pub fn largest(&self) -> usize {
        self.ranges().into_iter().map(|(_, (_, most))| most).max().unwrap_or(0)
    }

    fn check(&self, checks: &mut Checks) {
        for (name, sizes) in self.ranges() {
            sizes_of(name, sizes, 64, checks);
        }
        checks.range("processing", self.processing, 1..=32);
        checks.range("steps", self.steps, 1..=1_000_000);
        checks.range("control_steps", self.control_steps, 1..=1_000_000);
        checks.range("batch", self.batch, 1..=1024);
        checks.positive("learning_rate", self.learning_rate, 1.0);
        checks.range("every", self.every, 1..=self.steps.max(1));
        checks.range("tests", self.tests, 4..=10_000);
    }
}

fn sizes_of(name: &str, (least, most): (usize, usize), limit: usize, checks: &mut Checks) {
    let fits = least >= 2 && least <= most && most <= limit;
    checks.holds(name, fits, format!("{least} to {most}"), format!("sizes from 2 to {limit}, the least first"));
}

impl SpringSettings {
    /// The sizes of the test chains, by name.
    pub const fn tested(&self) -> [(&'static str, usize); 3] {
        [("fewer", self.fewer), ("more", self.more), ("many", self.many)]
    }

    fn check(&self, checks: &mut Checks) {
        let (least, most) = self.trained;
        let fits = least >= 3 && least <= most && most <= 64;
        checks.holds("trained", fits, format!("{least} to {most}"), "sizes from 3 to 64, the least first");
        for (name, masses) in self.tested() {
            checks.range(name, masses, 3..=64);
        }
        checks.range("trajectories", self.trajectories, 1..=100_000);
        checks.range("steps", self.steps, 1..=1_000_000);
        checks.range("batch", self.batch, 1..=4096);
        checks.positive("learning_rate", self.learning_rate, 1.0);
        checks.range("every", self.every, 1..=self.steps.max(1));
        checks.range("rollouts", self.rollouts, 4..=1000);
    }
}

/// The mean number of edges of a task's graphs of `nodes` nodes, for what a step costs.
fn edges(condition: Condition, nodes: f64) -> f64 {
    match condition {
        Condition::Sort(_) | Condition::Flat => nodes * nodes,
        // Measured on graphs of 8 to 16 places.
        Condition::Path => 0.35 * nodes * nodes,
        Condition::Springs(_) => 2.0 * nodes - 4.0,
    }
}

impl Settings {
    /// The task of a condition.
    pub fn links(&self, condition: Condition) -> Option<&LinkSettings> {
        match condition {
            Condition::Sort(_) | Condition::Flat => Some(&self.sort),
            Condition::Path => self.path.as_ref().map(|path| &path.task),
            Condition::Springs(_) => None,
        }
    }

    /// The numbers that a condition's graphs carry.
    pub const fn layout(condition: Condition) -> Layout {
        match condition {
            Condition::Sort(_) | Condition::Flat => sort::LAYOUT,
            Condition::Path => shortest_path::LAYOUT,
            Condition::Springs(_) => springs::LAYOUT,
        }
    }

    /// The model of a condition.
    pub fn shape(&self, condition: Condition) -> GraphNetworkShape {
        let layout = Settings::layout(condition);
        let arm = match condition {
            Condition::Sort(arm) | Condition::Springs(arm) => arm,
            Condition::Path | Condition::Flat => Arm::Main,
        };
        let classes = (layout.edge_targets > 0).then_some(2);
        GraphNetworkShape {
            inputs: Widths { edges: layout.edge_inputs, nodes: layout.node_inputs, globals: layout.global_inputs },
            edge_outputs: classes,
            // Velocities have two parts, classes two logits.
            node_outputs: Some(2),
            width: self.model.width,
            layers: self.model.layers,
            kind: if let Arm::Block(kind) = arm { kind } else { GraphKind::Full },
            reduce: match arm {
                Arm::NoMessages => Reduce::Nothing,
                Arm::Reduced(reduce) => reduce,
                _ => self.model.reduce,
            },
        }
    }

    /// Processing steps of a condition; one for springs.
    pub fn processing(&self, condition: Condition) -> usize {
        self.links(condition).map_or(1, |task| task.processing)
    }

    /// Training steps of a condition.
    pub fn steps(&self, condition: Condition) -> u64 {
        match condition {
            Condition::Sort(Arm::Main) => self.sort.steps,
            Condition::Sort(Arm::Block(_) | Arm::Reduced(_)) => self.variants.as_ref().map_or(0, |v| v.steps),
            Condition::Sort(_) => self.sort.control_steps,
            Condition::Flat => self.flat.steps,
            Condition::Path => self.path.as_ref().map_or(0, |path| path.task.steps),
            Condition::Springs(_) => self.springs.steps,
        }
    }

    /// Graphs in a training step of a condition.
    pub fn batch(&self, condition: Condition) -> usize {
        self.links(condition).map_or(self.springs.batch, |task| task.batch)
    }

    /// Floating-point operations of a training step.
    pub fn step_flop(&self, condition: Condition) -> f64 {
        let batch = self.batch(condition) as f64;
        let (least, most) = self.links(condition).map_or(self.springs.trained, |task| task.trained);
        let nodes = (least + most) as f64 / 2.0;
        if condition == Condition::Flat {
            return 6.0 * batch * self.flat_multiply_adds();
        }
        let counts = [batch * edges(condition, nodes), batch * nodes, batch];
        6.0 * self.shape(condition).multiply_adds(counts, self.processing(condition))
    }

    fn flat_multiply_adds(&self) -> f64 {
        let slots = self.sort.largest();
        multiply_adds(slots, self.flat.width, self.flat.layers, slots * slots)
    }

    /// Checks everything.
    pub fn check(&self, checks: &mut Checks) {
        checks.under("model", |checks| {
            checks.range("width", self.model.width, 1..=256);
            checks.range("layers", self.model.layers, 1..=8);
        });
        checks.under("sort", |checks| self.sort.check(checks));
        checks.under("flat", |checks| {
            checks.range("width", self.flat.width, 1..=4096);
            checks.range("layers", self.flat.layers, 1..=16);
            checks.range("steps", self.flat.steps, 1..=1_000_000);
        });
        checks.under("springs", |checks| self.springs.check(checks));
        if let Some(variants) = &self.variants {
            checks.under("variants", |checks| variants.check(self.model.reduce, checks));
        }
        if let Some(path) = &self.path {
            checks.under("path", |checks| path.check(checks));
        }
    }

    /// Every condition with at most `seeds` replicas.
    pub fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let mut conditions = vec![
            (Condition::Sort(Arm::Main), seeds),
            (Condition::Springs(Arm::Main), seeds),
            (Condition::Sort(Arm::NoMessages), seeds),
            (Condition::Springs(Arm::NoEdgeInputs), seeds),
            (Condition::Springs(Arm::NoMessages), seeds),
            (Condition::Flat, seeds),
        ];
        conditions.extend(self.path.iter().map(|path| (Condition::Path, seeds.min(path.seeds))));
        if let Some(variants) = &self.variants {
            let blocks = variants.blocks.iter().map(|kind| Arm::Block(*kind));
            let reduces = variants.reduces.iter().map(|reduce| Arm::Reduced(*reduce));
            let all = blocks.chain(reduces).map(|arm| (Condition::Sort(arm), seeds.min(variants.seeds)));
            conditions.extend(all);
        }
        conditions.into_iter().map(|(condition, seeds)| self.cell(condition, seeds)).collect()
    }

    fn cell(&self, condition: Condition, seeds: u64) -> Cell<Condition> {
        let steps = self.steps(condition);
        let pool = match condition {
            // The trajectories, four numbers a mass and step.
            Condition::Springs(_) => self.springs.trajectories * 51 * self.springs.trained.1 * 16,
            _ => 0,
        };
        // Every intermediate value of a step is kept for the way back.
        let kept = 8.0 * self.step_flop(condition) / self.model.width as f64;
        let memory = pool as u64 + kept as u64 + 4_000_000;
        Cell::new(condition.name(), condition, seeds, steps)
            .seeing(self.batch(condition))
            .costing(steps as f64 * self.step_flop(condition))
            .taking(memory, 400_000)
    }
}

impl VariantSettings {
    fn check(&self, of_model: Reduce, checks: &mut Checks) {
        let mut met = Vec::new();
        for (i, kind) in self.blocks.iter().enumerate() {
            let fits = *kind != GraphKind::Full && !met.contains(kind);
            checks.holds(format!("blocks[{i}]"), fits, kind.name(), "each other block once");
            met.push(*kind);
        }
        let mut met = Vec::new();
        for (i, reduce) in self.reduces.iter().enumerate() {
            let fits = ![of_model, Reduce::Nothing].contains(reduce) && !met.contains(reduce);
            checks.holds(format!("reduces[{i}]"), fits, reduce.name(), "each other way once");
            met.push(*reduce);
        }
        checks.range("steps", self.steps, 1..=1_000_000);
        checks.range("seeds", self.seeds, 1..=100);
    }
}

impl PathSettings {
    fn check(&self, checks: &mut Checks) {
        checks.under("task", |checks| self.task.check(checks));
        checks.range("seeds", self.seeds, 1..=100);
        checks.expect("file", "none, or a file with a line `u v w` an edge");
        if let Some(Err(error)) = self.file.as_deref().map(edge_list::read) {
            checks.refuse(Problem::told("file", error));
        }
    }
}
