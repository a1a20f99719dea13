//! The mixture of experts: x = Emb[a] + Emb[b], then L times x <- x + experts(rms_norm(x)), then a linear read-out.

use super::settings::{Condition, Network, Settings};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Shape, Var};
use crate::instruments::subject::{Forward, Model};
use crate::nn::layers::{Activation, ExpertSettings, Experts, Linear, Routed, Spread};
use crate::nn::optimiser::Group;
use crate::nn::weights::{Builder, Values};
use crate::training::{Learner, Pass};

/// Standard deviation of the embedding.
const EMBEDDING: f32 = 0.1;
/// Added to the mean square of the norm.
const EPSILON: f32 = 1e-5;

/// The mixture. A sample is the counts of the numbers below p in its pair, `[p]`: times the table they are the sum of
/// the two embeddings.
#[derive(Clone, Debug)]
pub(super) struct Mixture {
    embedding: Linear,
    layers: Vec<Experts>,
    head: Linear,
}

impl Mixture {
    pub(super) fn new(b: &mut Builder<'_>, modulus: usize, network: Network) -> Self {
        let Network { width, hidden, layers, experts, chosen } = network;
        let settings = ExpertSettings {
            width,
            hidden,
            experts,
            chosen,
            activation: Activation::Relu,
            gated: false,
            renormalise: false,
            spread: Spread::FanIn(1.0),
            output_scale: 1.0,
        };
        Mixture {
            embedding: Linear::new(b, "embedding", modulus, width, EMBEDDING * (modulus as f32).sqrt()),
            layers: (0..layers).map(|l| b.within(format!("layer.{l}"), |b| Experts::new(b, &settings))).collect(),
            head: Linear::new(b, "head", width, modulus, 1.0),
        }
    }

    /// Counts `[samples, p]` to logits `[samples, p]`, with what every layer decided.
    pub(super) fn forward<'g>(&self, values: &Values<'g>, counts: Var<'g>) -> (Var<'g>, Vec<Routed<'g>>) {
        let (x, routed) = self.stream(values, counts);
        (self.head.forward(values, x), routed)
    }

    /// What the head reads, with what every layer decided.
    fn stream<'g>(&self, values: &Values<'g>, counts: Var<'g>) -> (Var<'g>, Vec<Routed<'g>>) {
        let mut x = self.embedding.forward(values, counts);
        let width = x.shape().last_extent();
        let ones = x.graph().constant([width], vec![1.0; width]);
        let mut decided = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let routed = layer.forward(values, x.rms_norm(ones, EPSILON));
            x = x + routed.output;
            decided.push(routed);
        }
        (x, decided)
    }
}

impl Model for Mixture {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let (x, _) = self.stream(values, inputs);
        Forward { outputs: self.head.forward(values, x), hidden: vec![("stream".into(), x)] }
    }
}

/// The mixture with its passes.
pub(super) struct Trained {
    pub(super) learner: Learner<Mixture>,
    /// On all training samples; output 2 is the cross-entropy without the load loss.
    pub(super) training: Pass,
    /// On all samples: cross-entropy and answer of each, then of every layer probabilities, choice and the router's
    /// weight.
    pub(super) looking: Pass,
}

impl Trained {
    /// A fresh mixture for a condition.
    pub(super) fn new(settings: &Settings, condition: Condition, key: Key, pool: Pool) -> Self {
        let (modulus, network, factor) = (settings.modulus, settings.network, settings.load_factor);
        let frozen = condition == Condition::FrozenRouter;
        let group = |path: &str, _: &Shape| Group { frozen: frozen && path.contains("router"), ..Group::default() };
        let build = move |b: &mut Builder<'_>| Mixture::new(b, modulus, network);
        let mut learner = Learner::with_groups(key, pool, settings.optimiser(condition), group, build);
        let (pairs, train) = settings.pairs();
        let given = [("train", Shape::from([train, modulus])), ("answers", Shape::from([train]))];
        let training = learner.training(&given, |mixture, values, given| {
            let (logits, routed) = mixture.forward(values, given[0]);
            let loss = logits.cross_entropy(given[1]).mean();
            let load = routed.iter().map(|layer| layer.load_loss).reduce(|a, b| a + b);
            (load.map_or(loss, |load| loss + load * factor), vec![loss])
        });
        let given = [("all", Shape::from([pairs, modulus])), ("all_answers", Shape::from([pairs]))];
        let looking = learner.pass(&given, |mixture, values, given| {
            let (logits, routed) = mixture.forward(values, given[0]);
            let mut asked = vec![logits.cross_entropy(given[1]), logits.arg_max()];
            for (layer, routed) in mixture.layers.iter().zip(routed) {
                asked.extend([routed.probabilities, routed.chosen, values[layer.router()]]);
            }
            asked
        });
        Trained { learner, training, looking }
    }
}
