//! What a preset sets for the decoder on mixed domains.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::settings::Condition;
use crate::contract::{Cell, Checks};
use crate::nn::layers::{Activation, Derivatives, NormKind, Spread};
use crate::nn::optimiser::{Decay, Method, Moments, OptimiserSettings};
use crate::nn::zoo::block::{BlockSettings, FeedForwardKind, NormPlace};
use crate::nn::zoo::decoder::{DecoderShape, Positions};
use crate::tasks::modular_domains::{LENGTH, ModularDomains};

/// The decoder on mixed domains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Domains {
    /// p: numbers are below it, answers modulo it.
    pub modulus: usize,
    /// Share of the questions of every domain that is trained on.
    pub shares: Shares,
    /// The decoder.
    pub network: Network,
    /// Weight decay, apart from the gradient.
    pub weight_decay: f32,
    /// The learning rate of AdamW (betas 0.9 and 0.98), after its warm-up.
    pub learning_rate: f32,
    /// Steps over which the learning rate rises.
    pub warm_up: u64,
    /// Factor of the load loss, which keeps all experts in use.
    pub load_factor: f32,
    /// Questions in a batch.
    pub batch: usize,
    /// Training steps.
    pub steps: u64,
    /// Steps from one look at accuracies and pathways to the next.
    pub every: u64,
    /// Questions of every domain whose pathways are followed, of those for training and of the others.
    pub probe: usize,
    /// Groups by time that the followed questions of a domain are cut into, to be matched.
    pub groups: usize,
    /// Exponent of the one-pass variant: the question of rank r is drawn as often as r to the power of minus this.
    pub tail: f64,
    /// At most so many replicas of each variant.
    pub seeds: u64,
}

/// Share of the questions of every domain that is trained on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// Of a + b.
    pub add: f64,
    /// Of a - b.
    pub subtract: f64,
    /// Of a b.
    pub multiply: f64,
    /// Of a + b where a is even and a - b where it is odd.
    pub either: f64,
}

/// The decoder: blocks of attention and a mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// d: width of the residual stream.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Blocks.
    pub blocks: usize,
    /// Hidden units of an expert.
    pub hidden: usize,
    /// E: experts of a block.
    pub experts: usize,
    /// k: experts that a token goes to.
    pub chosen: usize,
}

impl Shares {
    /// In the order of [`crate::tasks::modular_domains::Domain::ALL`].
    pub const fn all(&self) -> [f64; 4] {
        [self.add, self.subtract, self.multiply, self.either]
    }
}

impl Network {
    /// Multiply-adds of a token: attention, router, experts, and the head.
    fn work(&self, vocabulary: usize) -> f64 {
        let Network { width, blocks, hidden, experts, chosen, .. } = *self;
        let block = 4 * width * width + 2 * LENGTH * width + width * experts + chosen * 2 * width * hidden;
        (blocks * block + width * vocabulary) as f64
    }

    fn weights(&self, vocabulary: usize) -> usize {
        let Network { width, blocks, hidden, experts, .. } = *self;
        let block = 4 * width * width + width * experts + experts * 2 * width * hidden + 2 * width;
        blocks * block + width * (2 * vocabulary + LENGTH + 1)
    }
}

impl Domains {
    /// The decoder's shape: rms norms, learned positions, a head of its own, experts as in the mixture on sums.
    pub fn shape(&self) -> DecoderShape {
        let Network { width, heads, blocks, hidden, experts, chosen } = self.network;
        let activation = Activation::Relu;
        let block = BlockSettings {
            width,
            hidden,
            heads,
            key_heads: heads,
            norm: NormKind::Rms,
            norm_place: NormPlace::Before,
            feed_forward: FeedForwardKind::Experts { experts, chosen, activation, gated: false, renormalise: false },
            bias: false,
            spread: Spread::FanIn(1.0),
            derivatives: Derivatives::First,
        };
        let vocabulary = ModularDomains::vocabulary(self.modulus);
        DecoderShape { vocabulary, tokens: LENGTH, layers: blocks, block, positions: Positions::Learned, tied: false }
    }

    /// AdamW.
    pub fn optimiser(&self) -> OptimiserSettings {
        let moments = Moments { beta1: 0.9, beta2: 0.98, epsilon: 1e-8 };
        let decay = if self.weight_decay == 0.0 { Decay::None } else { Decay::Decoupled(self.weight_decay) };
        OptimiserSettings { decay, ..Method::Adam(moments).into() }
    }

    /// Floating-point operations of a training step.
    pub fn step_flop(&self) -> f64 {
        6.0 * (self.batch * LENGTH) as f64 * self.network.work(ModularDomains::vocabulary(self.modulus))
    }

    /// Questions in all.
    const fn questions(&self) -> usize {
        4 * self.modulus * self.modulus
    }

    pub(in super::super) fn check(&self, checks: &mut Checks) {
        checks.range("modulus", self.modulus, 5..=113);
        checks.under("shares", |checks| {
            let names = ["add", "subtract", "multiply", "either"];
            names.iter().zip(self.shares.all()).for_each(|(name, share)| checks.range(name, share, 0.05..=0.99));
        });
        let Network { width, heads, blocks, hidden, experts, chosen } = self.network;
        checks.under("network", |checks| {
            checks.range("width", width, 1..=1024);
            let divides = heads > 0 && width.is_multiple_of(heads);
            checks.holds("heads", divides, heads, format!("a divisor of the width {width}"));
            checks.range("blocks", blocks, 1..=16);
            checks.range("hidden", hidden, 1..=4096);
            checks.range("experts", experts, 2..=64);
            checks.range("chosen", chosen, 1..=experts.max(1));
        });
        checks.share("weight_decay", self.weight_decay, 100.0);
        checks.positive("learning_rate", self.learning_rate, 1.0);
        checks.range("warm_up", self.warm_up, 0..=1_000_000);
        checks.share("load_factor", self.load_factor, 10.0);
        // An epoch has whole batches.
        let most = if self.modulus < 2 { 1 } else { ModularDomains::least_training(self.modulus, self.shares.all()) };
        checks.range("batch", self.batch, 1..=most);
        checks.range("steps", self.steps, 1..=1_000_000);
        checks.range("every", self.every, 1..=self.steps.max(1));
        checks.range("probe", self.probe, 2..=2048);
        checks.range("groups", self.groups, 1..=16);
        checks.range("tail", self.tail, 0.0..=4.0);
        checks.holds("seeds", self.seeds > 0, 0, "at least 1");
    }

    /// Both variants with at most `seeds` replicas.
    pub(in super::super) fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let vocabulary = ModularDomains::vocabulary(self.modulus);
        let looks = self.steps / self.every.max(1) + 1;
        let looking = 2.0 * (self.questions() * LENGTH) as f64 * self.network.work(vocabulary);
        let flop = self.steps as f64 * self.step_flop() + looks as f64 * looking;
        let Network { width, blocks, hidden, experts, chosen, .. } = self.network;
        let weights = self.network.weights(vocabulary);
        let activations =
            self.batch * LENGTH * (vocabulary + blocks * (12 * width + 3 * chosen * hidden + 4 * experts));
        let disk = 2 * 12 * weights as u64 + looks * 21 * 45 + 30 * self.questions() as u64 + 40_000;
        let cell = |condition: Condition| {
            Cell::new(condition.name(), condition, seeds.min(self.seeds), self.steps)
                .seeing(self.batch)
                .costing(flop)
                .taking(4 * (5 * weights + 3 * activations) as u64, disk)
        };
        [Condition::Domains, Condition::OnePass].into_iter().map(cell).collect()
    }
}
