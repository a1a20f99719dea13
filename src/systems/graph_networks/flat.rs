//! The control without relations: a perceptron that sees a list as one vector, by the places of its numbers, and says of
//! every pair of places whether the second holds the next larger number.

use super::score::Answer;
use super::settings::{FlatSettings, Settings};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::TrialError;
use crate::engine::{Shape, Var};
use crate::instruments::subject::{Forward, Model, named};
use crate::nn::layers::{Activation, Spread};
use crate::nn::optimiser::{Method, Moments};
use crate::nn::weights::{Builder, Values};
use crate::nn::zoo::mlp::{Mlp, MlpShape};
use crate::tasks::graphs::Graph;
use crate::training::{Learner, Pass, Trained};

/// What stands where a list has no number: no number that a list could have.
const EMPTY: f32 = -1.0;

/// The perceptron with its passes.
#[derive(Debug)]
pub(super) struct Flat {
    pub(super) learner: Learner<Mlp>,
    /// Places for numbers.
    slots: usize,
    batch: usize,
    training: Pass,
    looking: Pass,
}

impl Flat {
    /// A fresh one.
    pub(super) fn new(settings: &Settings, key: Key, pool: Pool) -> Self {
        let FlatSettings { width, layers, .. } = settings.flat;
        let (slots, batch) = (settings.sort.largest(), settings.sort.batch);
        let shape = MlpShape {
            spread: Spread::Uniform,
            ..MlpShape::plain(slots, width, layers, slots * slots, Activation::Relu)
        };
        let build = move |b: &mut Builder<'_>| Mlp::new(b, &shape);
        let mut learner = Learner::new(key.purpose("flat"), pool, Method::Adam(Moments::default()), build);
        let pairs = Shape::from([batch, slots * slots]);
        let given = [("lists", Shape::from([batch, slots])), ("links", pairs.clone()), ("weights", pairs)];
        let training = learner.training(&given, |model, values, given| {
            let logits = model.forward(values, given[0]);
            // Logistic loss: softplus(z) - y z, a mean over the pairs that are there.
            let losses = logits.softplus() - logits * given[1];
            ((losses * given[2]).sum(), Vec::new())
        });
        let looking = learner.pass(&given[..1], |model, values, given| vec![model.forward(values, given[0])]);
        Flat { learner, slots, batch, training, looking }
    }

    fn rows<'a>(&self, graphs: impl IntoIterator<Item = &'a Graph>) -> Vec<f32> {
        let mut rows = Vec::new();
        for graph in graphs {
            rows.extend(&graph.node_inputs);
            rows.resize(rows.len().next_multiple_of(self.slots), EMPTY);
        }
        rows
    }

    /// A training step.
    pub(super) fn train(&mut self, graphs: &[Graph], step: u64, learning_rate: f32) -> Result<Trained, TrialError> {
        let pairs = self.slots * self.slots;
        let (mut links, mut weights) = (vec![0.0; self.batch * pairs], vec![0.0; self.batch * pairs]);
        let there: usize = graphs.iter().map(|graph| graph.edges.len()).sum();
        for (i, graph) in graphs.iter().enumerate() {
            for ((sender, receiver), target) in graph.edges.iter().zip(&graph.edge_targets) {
                let place = i * pairs + sender * self.slots + receiver;
                (links[place], weights[place]) = (*target, 1.0 / there as f32);
            }
        }
        let lists = self.rows(graphs);
        let store = &mut self.learner.store;
        [lists, links, weights].iter().enumerate().for_each(|(i, values)| self.training.set(store, i, values));
        self.learner.train(&mut self.training, step, learning_rate)
    }

    /// What it says of the edges of every graph; of nodes it says nothing.
    pub(super) fn answers(&mut self, graphs: &[Graph]) -> Vec<Answer> {
        let (rows, slots) = (self.rows(graphs), self.slots);
        let logits = self.looking.over_rows(&mut self.learner.store, &rows, slots, 0);
        let of = |(graph, logits): (&Graph, &[f32])| {
            let probability = |(s, r): &(usize, usize)| 1.0 / (1.0 + (-logits[s * slots + r]).exp());
            Answer { edges: graph.edges.iter().map(probability).collect(), nodes: Vec::new() }
        };
        graphs.iter().zip(logits.chunks(slots * slots)).map(of).collect()
    }

    /// The model on lists of one length, for instruments.
    pub(super) fn on_lists(&self, count: usize) -> FlatLists {
        FlatLists { model: self.learner.model.clone(), slots: self.slots, count }
    }
}

/// The perceptron on lists of one length, `[lists, count]` to two logits a pair, receivers first.
#[derive(Debug)]
pub(super) struct FlatLists {
    model: Mlp,
    slots: usize,
    count: usize,
}

impl Model for FlatLists {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let (graph, lists) = (inputs.graph(), inputs.shape()[0]);
        let (slots, count) = (self.slots, self.count);
        let empty = graph.constant([lists, slots - count], vec![EMPTY; lists * (slots - count)]);
        let rows = if slots > count { graph.concat(1, &[inputs, empty]) } else { inputs };
        let said = self.model.forward(values, rows).reshape([lists, slots, slots]);
        let own = said.slice(1, 0, count).slice(2, 0, count).permute(&[0, 2, 1]);
        let linked = own.reshape([lists, count * count, 1]);
        let outputs = graph.concat(2, &[linked.zeros_like(), linked]);
        Forward { outputs, hidden: named(self.model.hidden(values, rows)) }
    }
}
