//! What a GPICL preset sets: one condition in full, and grids of what differs from it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cost;
use super::sets::FOREIGN;
use crate::base::text::nearest;
use crate::contract::{Cell, Checks, Expectation, Problem};
use crate::nn::zoo;
use crate::tasks::base_set::Standardise;
use crate::tasks::gpicl::{Config, Format, TaskCount};
use crate::tasks::idx::Files;
use crate::tasks::images::Source;

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the training images come from.
    pub base: Source,
    /// What is subtracted from them and divided by.
    #[serde(default)]
    pub standardise: Standardise,
    /// Further sets to evaluate on, in IDX files.
    #[serde(default)]
    pub evaluate_on: Vec<Files>,
    /// How much is evaluated, and how often.
    pub evaluation: Evaluation,
    /// No condition draws from more training tasks than this, whatever its K: what the ablation takes
    /// away is the variety of tasks. `"inf"` takes away nothing.
    #[serde(default)]
    pub task_limit: TaskCount,
    /// One condition in full.
    pub common: Condition,
    /// What is compared: each grid is the product of its lists, on top of `common`.
    pub grids: Vec<Grid>,
}

/// How much is evaluated, and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Sequences of each set at the end.
    pub sequences: usize,
    /// Sequences of each evaluation during training.
    pub probe: usize,
    /// Steps between evaluations during training.
    pub every: u64,
}

/// One condition in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// K: number of training tasks, or `"inf"`.
    pub tasks: TaskCount,
    /// C: classes in a sequence.
    pub classes: usize,
    /// P: width of a projected input.
    pub projection: usize,
    /// T: examples in a sequence.
    pub tokens: usize,
    /// How a token shows the newest labelled pair.
    pub format: Format,
    /// b: share of every batch with one fixed permutation of the labels.
    pub bias: f64,
    /// Control: the share `bias` fixes the projection too.
    pub bias_fixes_projection: bool,
    /// Kind of model.
    pub model: zoo::Kind,
    /// d: width of the residual stream, or units of a recurrent layer.
    pub width: usize,
    /// L: layers.
    pub layers: usize,
    /// H: attention or memory heads.
    pub heads: usize,
    /// w: tokens that a query sees, itself among them; at least `tokens` for all.
    pub window: usize,
    /// B: sequences in a batch.
    pub batch: usize,
    /// Training steps.
    pub steps: u64,
    /// Peak learning rate of Adam.
    pub learning_rate: f32,
    /// Steps over which the learning rate rises.
    pub warm_up: u64,
    /// Largest global norm of the gradient.
    pub clip: f32,
    /// Decay of Adam's first moment.
    pub beta1: f32,
    /// Decay of Adam's second moment.
    pub beta2: f32,
    /// Adam's epsilon.
    pub epsilon: f32,
}

/// The question that a grid answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Study {
    /// K: memorise, identify or learn (R1, R2, R4).
    Transition,
    /// How much state the next prediction can reach (R3, R4, R5).
    State,
    /// Where nothing is meta-learned.
    Failure,
    /// Interventions on the plateau (R6).
    Plateau,
    /// The paper's token format.
    Format,
}

/// A product of lists on top of `common`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// What it answers.
    pub study: Study,
    /// Fields of a condition that vary, each with its values.
    pub over: BTreeMap<String, Vec<Value>>,
    /// Fields of a condition that differ from `common` in the whole grid.
    #[serde(default)]
    pub with: BTreeMap<String, Value>,
    /// At most so many seeds; the preset's number when absent.
    #[serde(default)]
    pub seeds: Option<u64>,
}

/// A condition with the question that it answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// What it answers.
    pub study: Study,
    /// The condition in full.
    pub condition: Condition,
}

impl std::ops::Deref for Placed {
    type Target = Condition;
    fn deref(&self) -> &Condition {
        &self.condition
    }
}

impl Condition {
    /// What the task family is set to; `limit` caps the number of tasks.
    pub fn family(&self, limit: TaskCount) -> Config {
        let tasks = match (self.tasks, limit) {
            (tasks, TaskCount::Infinite) => tasks,
            (TaskCount::Infinite, limit) => limit,
            (TaskCount::Finite(tasks), TaskCount::Finite(limit)) => TaskCount::Finite(tasks.min(limit)),
        };
        let Condition { classes, projection, tokens, format, bias, bias_fixes_projection, .. } = *self;
        Config { classes, projection, tokens, format, tasks, bias, bias_fixes_projection }
    }

    /// What the model is made from.
    pub fn model_shape(&self) -> zoo::Shape {
        zoo::Shape {
            inputs: self.family(TaskCount::Infinite).token_width(),
            outputs: self.classes,
            tokens: self.tokens,
            width: self.width,
            layers: self.layers,
            heads: self.heads,
            window: self.window,
        }
    }

    /// Accuracy of guessing.
    pub fn chance(&self) -> f64 {
        1.0 / self.classes as f64
    }

    /// Whether the whole context can be seen.
    pub fn sees_all(&self) -> bool {
        self.window >= self.tokens
    }

    fn check(&self, base_classes: usize, checks: &mut Checks) {
        self.family(TaskCount::Infinite).check(base_classes, checks);
        checks.range("width", self.width, 1..=4096);
        checks.range("layers", self.layers, 1..=64);
        checks.range("heads", self.heads, 1..=256);
        checks.range("window", self.window, 1..=1 << 20);
        checks.range("batch", self.batch, 1..=4096);
        checks.range("steps", self.steps, 1..=10_000_000);
        let divides = self.heads > 0 && self.width.is_multiple_of(self.heads);
        let divisors: Vec<String> = (1..=self.width.min(256))
            .filter(|h| self.width.is_multiple_of(*h))
            .take(9)
            .map(|h| h.to_string())
            .collect();
        let expected = format!("a divisor of the width {}: {}", self.width, divisors.join(", "));
        checks.holds("heads", divides || self.width == 0, self.heads, expected);
        checks.positive("learning_rate", self.learning_rate, 10.0);
        checks.positive("clip", self.clip, 1e6);
        checks.share("beta1", self.beta1, 1.0);
        checks.share("beta2", self.beta2, 1.0);
        checks.positive("epsilon", self.epsilon, 1.0);
    }
}

/// The symbol of a field in labels.
fn symbol(field: &str) -> &str {
    match field {
        "tasks" => "K",
        "window" => "w",
        "width" => "d",
        "heads" => "H",
        "layers" => "L",
        "batch" => "B",
        "bias" => "b",
        "classes" => "C",
        "projection" => "P",
        "tokens" => "T",
        "epsilon" => "eps",
        other => other,
    }
}

fn value_label(field: &str, value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match field {
        "model" | "format" => text.replace('_', " "),
        "bias_fixes_projection" => "fixed projection".into(),
        _ => format!("{} = {text}", symbol(field)),
    }
}

impl Grid {
    /// The conditions with their labels, the first axis (by name) outermost.
    ///
    /// # Errors
    /// A field that no condition has, or a value that does not fit; the path is inside the grid.
    fn conditions(&self, common: &Condition) -> Result<Vec<(String, Condition)>, Problem> {
        let mut base = serde_json::to_value(common).expect("a condition is plain data");
        for (field, value) in &self.with {
            base = set(&base, "with", field, value)?;
        }
        let mut partial = vec![(Vec::<String>::new(), base)];
        for (field, values) in &self.over {
            if values.is_empty() {
                return Err(Problem::new(format!("over.{field}"), "an empty list", "at least one value"));
            }
            let mut next = Vec::with_capacity(partial.len() * values.len());
            for (labels, condition) in &partial {
                for value in values {
                    let labels = [labels.as_slice(), &[value_label(field, value)]].concat();
                    next.push((labels, set(condition, "over", field, value)?));
                }
            }
            partial = next;
        }
        let whole = |(labels, condition): (Vec<String>, Value)| {
            let label = if labels.is_empty() { "common".into() } else { labels.join(", ") };
            (label, serde_json::from_value(condition).expect("each field was checked when it was set"))
        };
        Ok(partial.into_iter().map(whole).collect())
    }
}

/// The condition with one field set; refused if the field does not exist or the value does not fit.
fn set(condition: &Value, part: &str, field: &str, value: &Value) -> Result<Value, Problem> {
    let path = format!("{part}.{field}");
    let mut changed = condition.clone();
    let fields = changed.as_object_mut().expect("a condition is written as a map");
    if !fields.contains_key(field) {
        let near = nearest(field, fields.keys().map(String::as_str));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(Problem::told(path, format!("a condition has no field `{field}`{hint}")));
    }
    fields.insert(field.to_owned(), value.clone());
    match serde_json::from_value::<Condition>(changed.clone()) {
        Ok(_) => Ok(changed),
        Err(error) => Err(Problem::told(path, unusable(value, &error.to_string()))),
    }
}

/// Why a value does not fit, with the nearest of the names that would.
fn unusable(value: &Value, error: &str) -> String {
    let names = error.split_once("expected one of").map_or("", |(_, names)| names);
    let names = names.split('`').skip(1).step_by(2);
    let near = value.as_str().and_then(|word| nearest(word, names));
    let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    format!("{value} does not fit: {error}{hint}")
}

impl Settings {
    /// Every cell of every grid.
    ///
    /// # Errors
    /// The first thing in the grids that does not fit.
    pub fn cells(&self, seeds: u64) -> Result<Vec<Cell<Placed>>, Problem> {
        let mut cells: Vec<Cell<Placed>> = Vec::new();
        for (i, grid) in self.grids.iter().enumerate() {
            let at = |problem: Problem| Problem { path: format!("grids[{i}].{}", problem.path), ..problem };
            let seeds = grid.seeds.map_or(seeds, |most| most.min(seeds));
            for (mut label, condition) in grid.conditions(&self.common).map_err(at)? {
                // Two grids may hold the same label; the later one says what it is for.
                if cells.iter().any(|earlier| earlier.label == label) {
                    label = format!("{label} ({})", study_name(grid.study));
                }
                cells.push(self.cell(label, Placed { study: grid.study, condition }, seeds));
            }
        }
        Ok(cells)
    }

    /// A cell with its axes, and what a trial of it takes.
    fn cell(&self, label: String, placed: Placed, seeds: u64) -> Cell<Placed> {
        let (study, c) = (placed.study, placed.condition.clone());
        let steps = c.steps + self.final_sets(&c) as u64;
        Cell::new(label, placed, seeds, steps)
            .at("study", study_name(study))
            .at("tasks", c.tasks)
            .at("window", c.window)
            .at("width", c.width)
            .at("model", c.model.entry().name)
            .at("batch", c.batch)
            .seeing(c.batch)
            .costing(cost::flop(&c, &self.evaluation))
            .taking(cost::memory(&c, &self.evaluation), cost::disk(&c))
    }

    /// Checks everything for a base set of so many classes.
    pub fn check(&self, base_classes: usize, checks: &mut Checks) {
        checks.under("common", |checks| self.common.check(base_classes, checks));
        checks.under("evaluation", |checks| {
            checks.range("sequences", self.evaluation.sequences, 1..=100_000);
            checks.range("probe", self.evaluation.probe, 1..=100_000);
            checks.range("every", self.evaluation.every, 1..=1_000_000);
        });
        checks.holds("task_limit", self.task_limit != TaskCount::Finite(0), 0, "at least 1, or \"inf\"");
        checks.holds("grids", !self.grids.is_empty(), "none", "at least one grid");
        for (i, grid) in self.grids.iter().enumerate() {
            checks.holds(format!("grids[{i}].seeds"), grid.seeds != Some(0), 0, "at least 1 seed");
        }
        // The grids differ from `common`, so they are looked at when it is sound.
        if checks.none() {
            self.check_grids(base_classes, checks);
        }
    }

    fn check_grids(&self, base_classes: usize, checks: &mut Checks) {
        let mut found = Vec::new();
        for (i, grid) in self.grids.iter().enumerate() {
            match grid.conditions(&self.common) {
                Err(problem) => found.push(Problem { path: format!("grids[{i}].{}", problem.path), ..problem }),
                Ok(conditions) => {
                    let part = |field: &str| if grid.with.contains_key(field) { "with" } else { "over" };
                    let place = |field: &str| format!("grids[{i}].{}.{field}", part(field));
                    for (_, condition) in conditions {
                        let mut cell = Checks::new();
                        condition.check(base_classes, &mut cell);
                        let (asked, wrong) = cell.told();
                        found.extend(wrong.into_iter().map(|p| Problem { path: place(&p.path), ..p }));
                        let set = |field: &str| grid.with.contains_key(field) || grid.over.contains_key(field);
                        for Expectation { path, expected } in asked.into_iter().filter(|asked| set(&asked.path)) {
                            checks.expect(place(&path), expected);
                        }
                    }
                }
            }
        }
        found.dedup();
        found.into_iter().for_each(|problem| checks.refuse(problem));
        let cells = self.cells(1).unwrap_or_default();
        let twice = cells.iter().enumerate().any(|(i, cell)| cells[..i].iter().any(|c| c.condition == cell.condition));
        let sound = checks.none();
        checks.holds("grids", !sound || !twice, "the same condition twice", "every condition once in a study");
    }

    /// How many sets a condition is examined on at the end: unseen and permuted sequences, random
    /// pairs, the foreign sets, and seen tasks where there are any.
    pub fn final_sets(&self, condition: &Condition) -> usize {
        let seen = condition.family(self.task_limit).tasks != TaskCount::Infinite;
        3 + FOREIGN.len() + self.evaluate_on.len() + usize::from(seen)
    }
}

/// The word for a study in labels.
const fn study_name(study: Study) -> &'static str {
    match study {
        Study::Transition => "transition",
        Study::State => "state",
        Study::Failure => "failure",
        Study::Plateau => "plateau",
        Study::Format => "format",
    }
}
