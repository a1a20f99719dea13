//! What a preset sets: the sequence of tasks, the network, and the optimisers with their learning rates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Cell, Checks};
use crate::nn::optimiser::{
    Adagrad, Method, Moments, Muon, MuonScale, OptimiserSettings, Orthogonalisation, Sgd, Shampoo,
};
use crate::nn::zoo::mlp::multiply_adds;
use crate::tasks::class_sequence::Parts;
use crate::tasks::images::Source;

/// Replicas on which learning rates are chosen; the others are judged.
pub(super) const TUNING: u64 = 2;

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether Shampoo keeps its matrices. False is the ablation: every Shampoo keeps the diagonals alone.
    pub matrices: bool,
    /// Where the images come from.
    #[serde(default)]
    pub images: Source,
    /// Images that are held out as the test.
    pub test: usize,
    /// The network.
    pub network: Network,
    /// How long a task is trained.
    pub training: Training,
    /// What is compared, each with the learning rates that it may choose from.
    pub optimisers: Vec<Contender>,
    /// Seeds of the control with the order of the tasks reversed, among the judged ones.
    pub reversed_seeds: u64,
    /// Leg B: powerpropagation.
    pub sparse: Sparse,
    /// Other networks and tasks, shown and not judged.
    #[serde(default)]
    pub variations: Vec<Variation>,
}

/// The network: hidden layers with a relu, no biases, as many outputs as classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Units of a hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub layers: usize,
}

/// How long a task is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Images in a batch.
    pub batch: usize,
    /// Mean loss of all training images of a task, in nats, at which the task is done.
    pub tolerance: f64,
    /// Steps from one look at that loss to the next.
    pub every: u64,
    /// Most steps of a task.
    pub cap: u64,
    /// Steps from one computation of Shampoo's roots to the next.
    pub roots_every: u32,
}

/// An optimiser of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Momentum 0.9.
    Sgd,
    /// Betas 0.9 and 0.999, no decay.
    Adamw,
    /// Adagrad.
    Adagrad,
    /// Shampoo's accumulators and powers, without what is off the diagonal.
    DiagonalShampoo,
    /// Shampoo.
    Shampoo,
    /// Shampoo whose accumulators are means with decay 0.99.
    ShampooEma,
    /// Momentum 0.9, its singular values set to one, scale 0.2 sqrt(max(m, n)).
    Muon,
}

impl Kind {
    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Sgd => "SGD",
            Kind::Adamw => "AdamW",
            Kind::Adagrad => "Adagrad",
            Kind::DiagonalShampoo => "diagonal Shampoo",
            Kind::Shampoo => "Shampoo",
            Kind::ShampooEma => "Shampoo EMA",
            Kind::Muon => "Muon",
        }
    }

    /// What it is set to; without `matrices` every Shampoo is diagonal.
    pub fn settings(self, roots_every: u32, matrices: bool) -> OptimiserSettings {
        let shampoo = Shampoo { every: roots_every, diagonal: !matrices, ..Shampoo::default() };
        let method = match self {
            Kind::Sgd => Method::Sgd(Sgd { momentum: 0.9, nesterov: false }),
            Kind::Adamw => Method::Adam(Moments::default()),
            Kind::Adagrad => Method::Adagrad(Adagrad::default()),
            Kind::DiagonalShampoo => Method::Shampoo(Shampoo { diagonal: true, ..shampoo }),
            Kind::Shampoo => Method::Shampoo(shampoo),
            Kind::ShampooEma => Method::Shampoo(Shampoo { beta: 0.99, ..shampoo }),
            Kind::Muon => Method::Muon(Muon {
                momentum: 0.9,
                nesterov: false,
                orthogonalisation: Orthogonalisation::NewtonSchulz,
                scale: MuonScale::RootMeanSquare,
                ..Muon::default()
            }),
        };
        method.into()
    }
}

/// An optimiser with the learning rates that it may choose from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contender {
    /// Which.
    pub kind: Kind,
    /// Learning rates.
    pub rates: Vec<f32>,
}

/// Leg B: all classes at once, SGD on the weights against SGD on v with w = v |v|^(power - 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sparse {
    /// The power that is compared.
    pub power: f32,
    /// Learning rates that each may choose from.
    pub rates: Vec<f32>,
    /// Most steps.
    pub cap: u64,
    /// Shares of the weights that are kept, falling.
    pub kept: Vec<f64>,
}

/// Another network or sequence, shown and not judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variation {
    /// Name for people.
    pub name: String,
    /// The tasks.
    pub parts: Parts,
    /// The network.
    pub network: Network,
    /// When a task is done.
    pub tolerance: f64,
    /// At most so many seeds.
    pub seeds: u64,
    /// What is compared, each at one learning rate.
    pub optimisers: Vec<(Kind, f32)>,
}

/// What a condition trains.
#[derive(Clone, Debug, PartialEq)]
pub enum Leg {
    /// Task after task.
    Sequence(Kind, Parts),
    /// Leg B: SGD on v with this power, or on the weights themselves.
    Sparse(Option<f32>),
    /// A variation, with its place in the preset.
    Variation(usize, Kind),
}

/// One condition in full.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub(super) leg: Leg,
    pub(super) rate: f32,
    pub(super) parts: Parts,
    pub(super) network: Network,
    pub(super) tolerance: f64,
    pub(super) cap: u64,
}

impl Condition {
    /// The optimiser; leg B has plain SGD with momentum.
    pub(super) fn kind(&self) -> Kind {
        match self.leg {
            Leg::Sequence(kind, _) | Leg::Variation(_, kind) => kind,
            Leg::Sparse(_) => Kind::Sgd,
        }
    }

    /// The power of leg B.
    pub(super) fn power(&self) -> Option<f32> {
        match self.leg {
            Leg::Sparse(power) => power,
            _ => None,
        }
    }
}

impl Settings {
    /// Tasks of a sequence of parts, by the number of classes.
    fn tasks(parts: Parts) -> u64 {
        match parts {
            Parts::Pairs | Parts::PairsReversed => 5,
            Parts::Joint => 1,
            Parts::Permuted(count) => count as u64,
        }
    }

    /// Every condition with at most `seeds` replicas.
    pub(super) fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let mut cells = Vec::new();
        let mut add = |label: String, condition: Condition, seeds: u64, kind: &str, order: &str| {
            let steps = Settings::tasks(condition.parts) * condition.cap;
            let (rate, flop) = (condition.rate, self.flop(&condition));
            // The controls need no tuning, so they run on the judged replicas alone.
            let control = matches!(condition.leg, Leg::Sequence(_, Parts::Joint | Parts::PairsReversed));
            let replicas = if control { TUNING..seeds } else { 0..seeds };
            let cell = Cell::new(label, condition, seeds, steps).costing(flop).taking(32 << 20, 500 << 10);
            let cell = cell.seeing(self.training.batch).at("optimiser", kind).at("rate", rate).at("order", order);
            cells.push(Cell { replicas, ..cell });
        };
        let base = |leg, rate, parts| Condition {
            leg,
            rate,
            parts,
            network: self.network,
            tolerance: self.training.tolerance,
            cap: self.training.cap,
        };
        let orders = [(Parts::Pairs, ""), (Parts::Joint, ", joint"), (Parts::PairsReversed, ", reversed")];
        for (parts, suffix) in orders {
            for Contender { kind, rates } in &self.optimisers {
                let wanted = match parts {
                    Parts::Joint => matches!(kind, Kind::Shampoo | Kind::Adamw),
                    Parts::PairsReversed => REVERSED.contains(kind),
                    _ => true,
                };
                let most = if parts == Parts::PairsReversed { seeds.min(TUNING + self.reversed_seeds) } else { seeds };
                for &rate in rates.iter().filter(|_| wanted) {
                    let label = format!("{}, lr = {rate}{suffix}", kind.name());
                    let order = suffix.trim_start_matches(", ");
                    let order = if order.is_empty() { "in order" } else { order };
                    add(label, base(Leg::Sequence(*kind, parts), rate, parts), most, kind.name(), order);
                }
            }
        }
        for power in [None, Some(1.0), Some(self.sparse.power)] {
            for &rate in &self.sparse.rates {
                let name = power.map_or("weights".to_owned(), |power| format!("power {power}"));
                let condition = base(Leg::Sparse(power), rate, Parts::Joint);
                let cap = self.sparse.cap;
                add(format!("sparse {name}, lr = {rate}"), Condition { cap, ..condition }, seeds, &name, "joint");
            }
        }
        for (i, variation) in self.variations.iter().enumerate() {
            for &(kind, rate) in &variation.optimisers {
                let Variation { parts, network, tolerance, .. } = *variation;
                let condition = base(Leg::Variation(i, kind), rate, parts);
                let condition = Condition { network, tolerance, ..condition };
                let label = format!("{}: {}", variation.name, kind.name());
                add(label, condition, seeds.min(variation.seeds), kind.name(), &variation.name);
            }
        }
        cells
    }

    /// The settings of a condition's optimiser.
    pub(super) fn optimiser(&self, condition: &Condition) -> OptimiserSettings {
        condition.kind().settings(self.training.roots_every, self.matrices)
    }

    /// Floating-point operations of a trial that needs a third of its cap, roots left out.
    fn flop(&self, condition: &Condition) -> f64 {
        let Network { width, layers } = condition.network;
        let inputs = if self.images.is_digits() { 64 } else { 784 };
        let weights = multiply_adds(inputs, width, layers, 10);
        let steps = Settings::tasks(condition.parts) as f64 * condition.cap as f64 / 3.0;
        6.0 * steps * self.training.batch as f64 * weights
    }

    /// Checks everything.
    pub(super) fn check(&self, checks: &mut Checks) {
        let most = if self.images.is_digits() { 1500 } else { 1_000_000 };
        checks.range("test", self.test, 50..=most);
        let networks = [("network".to_owned(), self.network)].into_iter();
        let varied = self.variations.iter().enumerate();
        for (path, network) in networks.chain(varied.map(|(i, v)| (format!("variations[{i}].network"), v.network))) {
            let Network { width, layers } = network;
            checks.range(format!("{path}.width"), width, 1..=1024);
            checks.range(format!("{path}.layers"), layers, 1..=16);
        }
        let t = &self.training;
        for (field, value) in [("every", t.every), ("cap", t.cap), ("roots_every", u64::from(t.roots_every))] {
            checks.range(format!("training.{field}"), value, 1..=1_000_000);
        }
        checks.range("training.batch", t.batch, 1..=4096);
        checks.positive("training.tolerance", t.tolerance, 2.0);
        let rates = |rates: &[f32]| {
            let sound = |i: usize| rates[i] > 0.0 && rates[i] < 10.0 && !rates[..i].contains(&rates[i]);
            !rates.is_empty() && (0..rates.len()).all(sound)
        };
        for (i, contender) in self.optimisers.iter().enumerate() {
            let found = format!("{:?}", contender.rates);
            let path = format!("optimisers[{i}].rates");
            checks.holds(path, rates(&contender.rates), found, "1 or more different numbers above 0 and below 10");
            let twice = self.optimisers[..i].iter().any(|other| other.kind == contender.kind);
            checks.holds(format!("optimisers[{i}].kind"), !twice, contender.kind.name(), "every optimiser once");
        }
        for kind in REVERSED {
            let there = self.optimisers.iter().any(|contender| contender.kind == kind);
            checks.holds("optimisers", there, format!("no {}", kind.name()), "SGD, AdamW, Shampoo and its diagonal");
        }
        let s = &self.sparse;
        checks.holds("sparse.rates", rates(&s.rates), format!("{:?}", s.rates), "1 or more different numbers above 0");
        checks.holds("sparse.power", s.power > 1.0 && s.power <= 8.0, s.power.to_string(), "above 1, at most 8");
        checks.range("sparse.cap", s.cap, 1..=1_000_000);
        let falling = s.kept.windows(2).all(|w| w[1] < w[0]) && s.kept.iter().all(|k| *k > 0.0 && *k < 1.0);
        checks.holds("sparse.kept", falling && !s.kept.is_empty(), format!("{:?}", s.kept), "falling shares below 1");
        checks.names("variations", self.variations.iter().map(|variation| variation.name.as_str()));
        for (i, variation) in self.variations.iter().enumerate() {
            let path = |field: &str| format!("variations[{i}].{field}");
            checks.positive(path("tolerance"), variation.tolerance, 2.0);
            checks.holds(path("seeds"), variation.seeds > 0, "0", "at least 1");
            let parts = !matches!(variation.parts, Parts::Permuted(count) if !(2..=100).contains(&count));
            checks.holds(path("parts"), parts, format!("{:?}", variation.parts), "2 to 100 permutations");
            let sound = variation.optimisers.iter().all(|(_, rate)| *rate > 0.0 && *rate < 10.0);
            checks.holds(
                path("optimisers"),
                sound && !variation.optimisers.is_empty(),
                "rates",
                "rates above 0 and below 10",
            );
        }
    }
}

/// What the headline compares, and the control with the order reversed repeats.
pub(super) const REVERSED: [Kind; 4] = [Kind::Shampoo, Kind::Sgd, Kind::Adamw, Kind::DiagonalShampoo];
