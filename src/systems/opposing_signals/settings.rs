//! What a preset sets: the linear theory, the network, and what more is shown.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Cell, Checks, Problem};
use crate::nn::optimiser::OptimiserSettings;
use crate::tasks::base_set::Split;
use crate::tasks::cifar;
use crate::tasks::opposing::{Absolute, Conflict, Groups, SkyDigits};

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether the groups of the condition `opposing` ask for opposite outputs. False is the ablation: the
    /// heavy feature stays, and one linear weight on it serves both groups.
    pub opposition: bool,
    /// How sharpness is followed.
    pub sharpness: Sharpness,
    /// Leg A: the two-layer linear network.
    pub linear: Linear,
    /// Leg B: the network with a label conflict.
    pub network: Network,
    /// Other optimisers on leg B, shown and not judged.
    #[serde(default)]
    pub studies: Vec<Study>,
    /// Leg C: digits with a sky, shown and not judged.
    #[serde(default)]
    pub digits: Option<Digits>,
    /// Leg C: a convolutional network on the user's pictures, shown and not judged.
    #[serde(default)]
    pub pictures: Option<OwnPictures>,
}

/// How sharpness is followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sharpness {
    /// Steps from one measurement to the next.
    pub every: u64,
    /// Products with the Hessian in a measurement; it starts from the last one's vector.
    pub iterations: usize,
    /// Products of the measurements at the beginning and at the end, which have no vector to start from.
    pub first: usize,
}

/// Leg A.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// d: length of the useful input.
    pub dimension: usize,
    /// h: hidden units.
    pub hidden: usize,
    /// n: examples.
    pub examples: usize,
    /// p: share of the examples with the heavy feature.
    pub share: f64,
    /// a: size of the heavy feature.
    pub height: f64,
    /// Standard deviation of the initial weights.
    pub initial: f32,
    /// Values of |beta| for the law of sharpness.
    pub norms: Vec<f64>,
    /// Learning rate for the law: small, so that training ends at the solution.
    pub small_rate: f32,
    /// |beta| of the runs that reach the edge of stability.
    pub edge_norm: f64,
    /// Their learning rate in units of `2 / (p a^2 |beta|)`: above 1, so that the edge is reached.
    pub edge: f64,
    /// Steps.
    pub steps: u64,
}

/// Leg B.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// d: length of the useful input.
    pub dimension: usize,
    /// Units of each of the two hidden layers.
    pub width: usize,
    /// n: examples.
    pub examples: usize,
    /// |beta|.
    pub norm: f64,
    /// a: size of the shared feature.
    pub height: f64,
    /// Size of the shared feature in the control without outliers.
    pub low_height: f64,
    /// What labels are shifted by, up in A and down in B.
    pub shift: f64,
    /// k: examples of each group.
    pub group: usize,
    /// Learning rates.
    pub rates: Vec<f32>,
    /// Learning rate of the causal test and of the control without outliers.
    pub causal_rate: f32,
    /// Steps of the causal test after the deletion.
    pub causal_steps: u64,
    /// Steps.
    pub steps: u64,
}

/// Another optimiser on leg B.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Name for people.
    pub name: String,
    /// The optimiser.
    pub optimiser: OptimiserSettings,
    /// Its learning rate.
    pub rate: f32,
    /// Examples in a batch, drawn anew each step; all when absent.
    #[serde(default)]
    pub batch: Option<usize>,
}

/// Leg C.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Digits {
    /// Images.
    pub examples: usize,
    /// Images of each group.
    pub group: usize,
    /// Length of the patch.
    pub height: f64,
    /// The two classes that share a sky.
    pub classes: [u8; 2],
    /// Units of each of the two hidden layers.
    pub width: usize,
    /// Learning rate.
    pub rate: f32,
    /// Steps.
    pub steps: u64,
}

/// Pictures that the user brings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnPictures {
    /// A file of CIFAR-10 in its binary form.
    pub file: PathBuf,
    /// Pictures to train on: the first so many.
    pub examples: usize,
    /// Pictures behind them, for the bias card.
    pub unseen: usize,
    /// Examples listed as those that move most; half of them a group.
    pub listed: usize,
    /// Filters of the two convolutions.
    pub filters: [usize; 2],
    /// Learning rate.
    pub rate: f32,
    /// Steps.
    pub steps: u64,
}

/// Which data a condition trains on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Leg {
    /// A, with its |beta|.
    Linear(f64),
    /// B, with the size of its feature.
    Network(f64),
    /// C.
    Digits,
    /// C, on the user's pictures.
    Pictures,
}

/// What is taken out of training at the crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deletion {
    Nothing,
    Planted,
    /// As many others.
    Random,
}

/// One condition in full.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub(super) leg: Leg,
    /// As the preset names it, before the ablation.
    pub(super) groups: Groups,
    pub(super) rate: f32,
    pub(super) deletion: Deletion,
    /// The optimiser of a study; plain gradient descent on all examples when absent.
    pub(super) study: Option<Study>,
    pub(super) steps: u64,
    /// Whether the run is begun again at a larger rate if it never crosses the edge.
    pub(super) must_cross: bool,
}

impl Leg {
    /// Its name; the same over the conditions of leg B.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Leg::Linear(_) => "A",
            Leg::Network(_) => "B",
            Leg::Digits => "C",
            Leg::Pictures => "C pictures",
        }
    }
}

impl Linear {
    /// The data at a |beta|.
    pub(super) fn task(&self, norm: f64) -> Absolute {
        Absolute { dimension: self.dimension, count: self.examples, share: self.share, height: self.height, norm }
    }

    /// `p a^2`: what the theory's sharpness is for each unit of |beta|.
    pub(super) fn law(&self) -> f64 {
        self.share * self.height * self.height
    }
}

impl Network {
    /// The data at a height of the feature.
    pub(super) fn task(&self, height: f64) -> Conflict {
        let Network { dimension, examples, group, shift, norm, .. } = *self;
        Conflict { dimension, count: examples, group, height, shift, norm }
    }
}

impl Digits {
    /// The data of a split.
    pub(super) fn task(&self, split: Split) -> SkyDigits {
        let Digits { group, height, classes, .. } = *self;
        SkyDigits { count: self.examples, group, height, classes, split }
    }
}

impl Settings {
    /// The groups that a condition trains on.
    pub(super) fn trained_groups(&self, groups: Groups) -> Groups {
        if groups == Groups::Opposing && !self.opposition { Groups::Consistent } else { groups }
    }

    /// Every condition with `seeds` replicas.
    pub(super) fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let plain = |leg, groups, rate: f32, steps| Condition {
            leg,
            groups,
            rate,
            deletion: Deletion::Nothing,
            study: None,
            steps,
            must_cross: false,
        };
        let Network { height, low_height, ref rates, causal_rate, steps, examples, .. } = self.network;
        // Losses of every example over the longest run of leg B, in memory and in a checkpoint.
        let kept = 4 * steps * examples as u64;
        let mut cells = Vec::new();
        let mut add = |label: String, condition: Condition| {
            let Condition { leg, groups, rate, steps, .. } = condition;
            let examples = self.sizes(&condition).0;
            // Only the weights differ between seeds on the user's pictures, and every one takes long.
            let seeds = if leg == Leg::Pictures { seeds.min(2) } else { seeds };
            let flop = self.flop(&condition);
            let cell = Cell::new(label, condition, seeds, steps).at("leg", leg.name());
            let cell = cell.at("groups", groups.name()).at("rate", rate);
            cells.push(cell.seeing(examples).costing(flop).taking(2 * kept + (8 << 20), kept + (100 << 10)));
        };
        for groups in [Groups::Opposing, Groups::Consistent, Groups::None] {
            for &rate in rates {
                let condition = plain(Leg::Network(height), groups, rate, steps);
                let must_cross = groups == Groups::Opposing;
                add(format!("B {}, eta = {rate}", groups.name()), Condition { must_cross, ..condition });
            }
        }
        let causal =
            Condition { must_cross: true, ..plain(Leg::Network(height), Groups::Opposing, causal_rate, steps) };
        add("B delete planted".into(), Condition { deletion: Deletion::Planted, ..causal.clone() });
        add("B delete random".into(), Condition { deletion: Deletion::Random, ..causal });
        add(format!("B a = {low_height}"), plain(Leg::Network(low_height), Groups::Opposing, causal_rate, steps));
        let edge_rate = (self.linear.edge * 2.0 / (self.linear.law() * self.linear.edge_norm)) as f32;
        for groups in [Groups::Opposing, Groups::Consistent, Groups::None] {
            let condition = plain(Leg::Linear(self.linear.edge_norm), groups, edge_rate, self.linear.steps);
            add(format!("A edge {}", groups.name()), condition);
        }
        for &norm in &self.linear.norms {
            let condition = plain(Leg::Linear(norm), Groups::Opposing, self.linear.small_rate, self.linear.steps);
            add(format!("A |beta| = {norm}"), condition);
        }
        for study in &self.studies {
            let condition = plain(Leg::Network(height), Groups::Opposing, study.rate, steps);
            add(format!("B {}", study.name), Condition { study: Some(study.clone()), ..condition });
        }
        if let Some(digits) = &self.digits {
            for groups in [Groups::Opposing, Groups::None] {
                add(format!("C {}", groups.name()), plain(Leg::Digits, groups, digits.rate, digits.steps));
            }
        }
        if let Some(pictures) = &self.pictures {
            let condition = plain(Leg::Pictures, Groups::None, pictures.rate, pictures.steps);
            add("C pictures".into(), condition);
        }
        cells
    }

    /// Examples of a trial, each of which is in every step, and multiplications of a pass of one.
    fn sizes(&self, condition: &Condition) -> (usize, usize) {
        match condition.leg {
            Leg::Linear(_) => (self.linear.examples, self.linear.dimension + 1),
            Leg::Network(_) => {
                let Network { dimension, width, examples, .. } = self.network;
                (examples, (dimension + 1) * width + width * width + width)
            }
            Leg::Digits => {
                self.digits.as_ref().map_or((0, 0), |d| (d.examples, 64 * d.width + d.width * d.width + 10 * d.width))
            }
            // The convolutions reuse their weights: multiplications of one picture.
            Leg::Pictures => self.pictures.as_ref().map_or((0, 0), |p| {
                let [first, second] = p.filters;
                (p.examples, 256 * 27 * first + 256 * 9 * first * second + 640 * second)
            }),
        }
    }

    /// Floating-point operations of a trial: a step is three passes, a product with the Hessian six.
    fn flop(&self, condition: &Condition) -> f64 {
        let (examples, weights) = self.sizes(condition);
        let pass = 2.0 * (examples * weights) as f64;
        let products = self.sharpness.iterations as f64 / self.sharpness.every.max(1) as f64;
        condition.steps as f64 * pass * (3.0 + 6.0 * products)
    }

    /// Checks everything.
    pub(super) fn check(&self, checks: &mut Checks) {
        let Settings { sharpness: s, linear: a, network: b, .. } = self;
        for (path, value, most) in [
            ("sharpness.iterations", s.iterations, 1000),
            ("sharpness.first", s.first, 1000),
            ("linear.dimension", a.dimension, 1000),
            ("linear.hidden", a.hidden, 1000),
            ("network.dimension", b.dimension, 1000),
            ("network.width", b.width, 2000),
            ("network.group", b.group, b.examples / 4),
        ] {
            checks.range(path, value, 1..=most);
        }
        for (path, value) in [("linear.examples", a.examples), ("network.examples", b.examples)] {
            checks.range(path, value, 8..=100_000);
        }
        for (path, value) in [("linear.steps", a.steps), ("network.steps", b.steps)] {
            let fits = (4 * s.every..=1_000_000).contains(&value) && s.every > 0;
            checks.holds(path, fits, value.to_string(), "at least 4 measurements, at most 1000000 steps");
        }
        checks.range("sharpness.every", s.every, 1..=10_000);
        let causal = (s.every..=b.steps).contains(&b.causal_steps);
        checks.holds(
            "network.causal_steps",
            causal,
            b.causal_steps.to_string(),
            "a measurement or more, at most the steps",
        );
        for (path, value) in [
            ("linear.height", a.height),
            ("linear.edge_norm", a.edge_norm),
            ("network.norm", b.norm),
            ("network.height", b.height),
            ("network.low_height", b.low_height),
            ("network.shift", b.shift),
        ] {
            checks.positive(path, value, 1e4);
        }
        for (path, value) in
            [("linear.initial", a.initial), ("linear.small_rate", a.small_rate), ("network.causal_rate", b.causal_rate)]
        {
            checks.positive(path, value, 10.0);
        }
        checks.holds("linear.share", a.share > 0.0 && a.share <= 0.5, a.share.to_string(), "above 0, at most 0.5");
        checks.holds("linear.edge", a.edge > 1.0 && a.edge <= 2.0, a.edge.to_string(), "above 1, at most 2");
        let distinct = |values: &[f64]| {
            (0..values.len()).all(|i| values[i] > 0.0 && values[i] < 1e3 && !values[..i].contains(&values[i]))
        };
        checks.holds(
            "linear.norms",
            a.norms.len() >= 3 && distinct(&a.norms),
            format!("{:?}", a.norms),
            "3 or more different numbers above 0",
        );
        let rates: Vec<f64> = b.rates.iter().map(|r| f64::from(*r)).collect();
        checks.holds(
            "network.rates",
            !rates.is_empty() && distinct(&rates),
            format!("{rates:?}"),
            "1 or more different numbers above 0",
        );
        checks.names("studies", self.studies.iter().map(|study| study.name.as_str()));
        for (i, study) in self.studies.iter().enumerate() {
            let taken = ["opposing", "consistent", "none", "delete"].iter().any(|word| study.name.starts_with(word));
            checks.holds(format!("studies[{i}].name"), !taken, &study.name, "a name that begins otherwise");
            checks.positive(format!("studies[{i}].rate"), study.rate, 10.0);
            checks.range_of_each(format!("studies[{i}].batch"), study.batch, 1..=b.examples);
        }
        self.pictures.iter().for_each(|pictures| checks.under("pictures", |checks| pictures.check(checks)));
        self.digits.iter().for_each(|digits| checks.under("digits", |checks| digits.check(s.every, checks)));
    }
}

impl Digits {
    fn check(&self, every: u64, checks: &mut Checks) {
        checks.range("examples", self.examples, 200..=1400);
        checks.range("group", self.group, 1..=self.examples / 40);
        let [a, b] = self.classes;
        let fits = a < 10 && b < 10 && a != b;
        checks.holds("classes", fits, format!("{:?}", self.classes), "two different classes, 0 to 9");
        checks.range("width", self.width, 1..=2000);
        checks.positive("height", self.height, 1e3);
        checks.positive("rate", self.rate, 100.0);
        // Four measurements at least.
        checks.range("steps", self.steps, 4 * every..=1_000_000);
    }
}

impl OwnPictures {
    fn check(&self, checks: &mut Checks) {
        checks.range("examples", self.examples, 20..=50_000);
        checks.range("unseen", self.unseen, 0..=10_000);
        checks.range("listed", self.listed, 2..=self.examples / 4);
        let sound = self.filters.iter().all(|f| (1..=256).contains(f));
        checks.holds("filters", sound, format!("{:?}", self.filters), "1 to 256 each");
        checks.positive("rate", self.rate, 100.0);
        checks.range("steps", self.steps, 2..=1_000_000);
        // The file is read last: a wrong number is told without waiting for it.
        if checks.none()
            && let Err(error) = cifar::read(&self.file, 0, self.examples + self.unseen)
        {
            checks.refuse(Problem::told("file", error));
        }
    }
}
