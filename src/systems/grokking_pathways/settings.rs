//! What a preset sets: the task, the mixture of experts, and how it is trained.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::domains::settings::Domains;
use crate::contract::{Cell, Checks};
use crate::nn::optimiser::{Decay, Method, Moments, OptimiserSettings};
use crate::tasks::modular::ModularSums;

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// p: pairs of numbers below it are added, modulo p.
    pub modulus: usize,
    /// Share of the pairs that is trained on.
    pub train_share: f64,
    /// The mixture of experts.
    pub network: Network,
    /// Weight decay, apart from the gradient. It is what turns memorising into generalising; 0 is the ablation.
    pub weight_decay: f32,
    /// The learning rate of AdamW (betas 0.9 and 0.98), on all training pairs at once.
    pub learning_rate: f32,
    /// Factor of the load loss, which keeps all experts in use.
    pub load_factor: f32,
    /// Training steps.
    pub steps: u64,
    /// Steps from one look at accuracies and pathways to the next.
    pub every: u64,
    /// At most so many replicas of each control.
    pub control_seeds: u64,
    /// A decoder on mixed domains beside the sums; none without.
    #[serde(default)]
    pub domains: Option<Domains>,
}

/// The mixture: pairs are embedded and added, go through layers of experts, and are read out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// d: width of the residual stream.
    pub width: usize,
    /// Hidden units of an expert.
    pub hidden: usize,
    /// L: layers.
    pub layers: usize,
    /// E: experts of a layer.
    pub experts: usize,
    /// k: experts that a sample goes to.
    pub chosen: usize,
}

/// What a condition is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// What is judged.
    Main,
    /// Without weight decay: it memorises and stays there.
    NoDecay,
    /// Answers dealt out anew: there is no rule to be found.
    ShuffledLabels,
    /// The routers stay as they began; reported alone.
    FrozenRouter,
    /// A decoder on mixed domains, in epochs; reported alone.
    Domains,
    /// The same in one pass over samples with a long tail; reported alone.
    OnePass,
}

impl Condition {
    /// Those on sums, the judged one first.
    pub const SUMS: [Condition; 4] =
        [Condition::Main, Condition::NoDecay, Condition::ShuffledLabels, Condition::FrozenRouter];

    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Condition::Main => "main",
            Condition::NoDecay => "no decay",
            Condition::ShuffledLabels => "shuffled labels",
            Condition::FrozenRouter => "frozen router",
            Condition::Domains => "domains",
            Condition::OnePass => "one pass",
        }
    }

    /// Whether it is the mixture on sums.
    pub const fn of_sums(self) -> bool {
        !matches!(self, Condition::Domains | Condition::OnePass)
    }
}

impl Network {
    /// Multiply-adds for one sample: embedding, routers, experts and read-out.
    fn work(&self, modulus: usize) -> f64 {
        let Network { width, hidden, layers, experts, chosen } = *self;
        (2 * width * modulus + layers * (width * experts + chosen * 2 * width * hidden)) as f64
    }
}

impl Settings {
    /// How many pairs there are, and how many of them are for training.
    pub fn pairs(&self) -> (usize, usize) {
        ModularSums::sizes(self.modulus, self.train_share)
    }

    /// AdamW for a condition.
    pub fn optimiser(&self, condition: Condition) -> OptimiserSettings {
        let moments = Moments { beta1: 0.9, beta2: 0.98, epsilon: 1e-8 };
        let decay = match condition {
            Condition::NoDecay => Decay::None,
            _ if self.weight_decay == 0.0 => Decay::None,
            _ => Decay::Decoupled(self.weight_decay),
        };
        OptimiserSettings { decay, ..Method::Adam(moments).into() }
    }

    /// Floating-point operations of a training step.
    pub fn step_flop(&self) -> f64 {
        6.0 * self.pairs().1 as f64 * self.network.work(self.modulus)
    }

    /// Checks everything.
    pub fn check(&self, checks: &mut Checks) {
        checks.range("modulus", self.modulus, 5..=113);
        checks.range("train_share", self.train_share, 0.05..=0.99);
        let Network { width, hidden, layers, experts, chosen } = self.network;
        checks.under("network", |checks| {
            checks.range("width", width, 1..=1024);
            checks.range("hidden", hidden, 1..=4096);
            checks.range("layers", layers, 1..=16);
            checks.range("experts", experts, 2..=64);
            checks.range("chosen", chosen, 1..=experts.max(1));
        });
        checks.share("weight_decay", self.weight_decay, 100.0);
        checks.positive("learning_rate", self.learning_rate, 1.0);
        checks.share("load_factor", self.load_factor, 10.0);
        checks.range("steps", self.steps, 1..=1_000_000);
        checks.range("every", self.every, 1..=self.steps.max(1));
        checks.holds("control_seeds", self.control_seeds > 0, 0, "at least 1");
        if let Some(domains) = &self.domains {
            checks.under("domains", |checks| domains.check(checks));
        }
    }

    /// Every condition with at most `seeds` replicas.
    pub fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let (pairs, train) = self.pairs();
        let looks = self.steps / self.every.max(1) + 1;
        let flop =
            self.steps as f64 * self.step_flop() + looks as f64 * 2.0 * pairs as f64 * self.network.work(self.modulus);
        let Network { width, hidden, layers, experts, .. } = self.network;
        let weights = 2 * width * self.modulus + layers * (width * experts + experts * 2 * width * hidden);
        let activations = pairs * (self.modulus * 3 + layers * (3 * width + 3 * hidden + 4 * experts));
        let disk = 2 * 12 * weights as u64 + looks * 9 * 40 + 40_000;
        let cell = |condition: Condition| {
            let seeds = if condition == Condition::Main { seeds } else { seeds.min(self.control_seeds) };
            Cell::new(condition.name(), condition, seeds, self.steps)
                .seeing(train)
                .costing(flop)
                .taking(4 * (5 * weights + 3 * activations) as u64, disk)
        };
        let domains = self.domains.iter().flat_map(|domains| domains.cells(seeds));
        Condition::SUMS.into_iter().map(cell).chain(domains).collect()
    }
}
