//! Who learns to answer about edges: a graph network or the flat perceptron.

use super::flat::Flat;
use super::model::Network;
use super::score::Answer;
use super::settings::{Condition, Settings};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Archive, TrialError};
use crate::engine::Var;
use crate::instruments::subject::{Examples, Forward, Model, Objective, Subject};
use crate::nn::layers::{Attributes, Wiring};
use crate::nn::weights::Values;
use crate::nn::zoo::graph_network::GraphNetwork;
use crate::tasks::graphs::{Graph, sort};
use crate::training::Trained;

/// A learner of graphs with classes.
#[derive(Debug)]
pub(super) enum Student {
    Graphs(Box<Network>),
    Flat(Box<Flat>),
}

impl Student {
    /// A fresh one for a condition.
    pub(super) fn new(settings: &Settings, condition: Condition, key: Key, pool: Pool) -> Self {
        match condition {
            Condition::Flat => Student::Flat(Box::new(Flat::new(settings, key, pool))),
            _ => Student::Graphs(Box::new(Network::new(settings, condition, key, pool))),
        }
    }

    /// A training step.
    pub(super) fn train(&mut self, graphs: &[Graph], step: u64, learning_rate: f32) -> Result<Trained, TrialError> {
        match self {
            Student::Graphs(network) => network.train(graphs, step, learning_rate),
            Student::Flat(flat) => flat.train(graphs, step, learning_rate),
        }
    }

    /// What it says of every graph.
    pub(super) fn answers(&mut self, graphs: &[Graph]) -> Vec<Answer> {
        match self {
            Student::Graphs(network) => network.answers(graphs),
            Student::Flat(flat) => flat.answers(graphs),
        }
    }

    /// What it says of one graph after every processing step; the perceptron has one.
    pub(super) fn steps(&mut self, graph: &Graph) -> Vec<Answer> {
        match self {
            Student::Graphs(network) => network.steps(graph),
            Student::Flat(flat) => flat.answers(std::slice::from_ref(graph)),
        }
    }

    /// How far probabilities move at most when the nodes of graphs get other numbers: nothing but rounding for what
    /// treats them as a set.
    pub(super) fn moved_by_relabelling(&mut self, graphs: &[Graph]) -> f64 {
        // The numbers backwards, then two of them exchanged.
        let order = |count: usize| {
            let mut order: Vec<usize> = (0..count).rev().collect();
            order.swap(0, count / 2);
            order
        };
        let other: Vec<Graph> = graphs.iter().map(|graph| graph.relabelled(&order(graph.nodes))).collect();
        let (before, after) = (self.answers(graphs), self.answers(&other));
        let mut most = 0.0f32;
        for ((graph, before), after) in graphs.iter().zip(&before).zip(&after) {
            let edges = before.edges.iter().zip(&after.edges);
            let old = order(graph.nodes);
            let nodes = after.nodes.iter().enumerate().map(|(i, now)| (&before.nodes[old[i]], now));
            edges.chain(nodes).for_each(|(a, b)| most = most.max((a - b).abs()));
        }
        f64::from(most)
    }

    /// Parameters that training adjusts.
    pub(super) fn parameters(&self) -> usize {
        match self {
            Student::Graphs(network) => network.learner.parameters(),
            Student::Flat(flat) => flat.learner.parameters(),
        }
    }

    /// Names weights and optimiser state to a checkpoint.
    pub(super) fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        match self {
            Student::Graphs(network) => network.learner.keep(archive),
            Student::Flat(flat) => flat.learner.keep(archive),
        }
    }

    /// The model on lists of one length as instruments see it, with lists that were and were not trained on.
    pub(super) fn subject(&self, settings: &Settings, steps: u64, seen: [&[Vec<f32>]; 2], key: Key) -> Subject {
        let count = settings.sort.trained.1;
        let examples = |lists: &[Vec<f32>]| {
            let targets = lists.iter().flat_map(|list| sort::graph(list).edge_targets).collect();
            Examples::new(lists.len(), lists.concat(), targets).of_stream()
        };
        let seen = seen.map(examples);
        let (batch, rate) = (settings.sort.batch, settings.sort.learning_rate);
        let (subject, training) = match self {
            Student::Graphs(network) => {
                let model = Lists { model: network.learner.model.clone(), count, processing: settings.sort.processing };
                let subject = network.learner.subject(model, Objective::CrossEntropy, seen, key);
                (subject, network.learner.trained_for(steps, batch, rate))
            }
            Student::Flat(flat) => {
                let subject = flat.learner.subject(flat.on_lists(count), Objective::CrossEntropy, seen, key);
                (subject, flat.learner.trained_for(steps, batch, rate))
            }
        };
        Subject { training, chance: Some(0.5), ..subject }
    }
}

/// A graph network on lists of one length: `[lists, count]` to two logits an edge, `[lists, count^2, 2]`.
#[derive(Debug)]
struct Lists {
    model: GraphNetwork,
    count: usize,
    processing: usize,
}

impl Model for Lists {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let (graph, lists, count) = (inputs.graph(), inputs.shape()[0], self.count);
        let (edges, nodes) = (lists * count * count, lists * count);
        let numbers = |rows: usize, of: &dyn Fn(usize) -> usize| {
            graph.constant([rows], (0..rows).map(|i| of(i) as f32).collect())
        };
        let first = |edge: usize| edge / (count * count) * count;
        let wiring = Wiring {
            receivers: numbers(edges, &|i| first(i) + i / count % count),
            senders: numbers(edges, &|i| first(i) + i % count),
            edge_graphs: numbers(edges, &|i| i / (count * count)),
            node_graphs: numbers(nodes, &|i| i / count),
            graphs: lists,
        };
        let zeros = |rows: usize| graph.constant([rows, 1], vec![0.0; rows]);
        let given = Attributes { edges: zeros(edges), nodes: inputs.reshape([nodes, 1]), globals: zeros(lists) };
        let said = self.model.forward(values, &wiring, &given, self.processing);
        let hidden = said.iter().enumerate().map(|(step, said)| {
            let nodes = said.state.nodes;
            let width = nodes.shape().last_extent();
            (format!("nodes, step {}", step + 1), nodes.reshape([lists, count * width]))
        });
        let hidden = hidden.collect();
        let last = said.last().and_then(|said| said.edges).expect("a step answers about edges");
        Forward { outputs: last.reshape([lists, count * count, 2]), hidden }
    }
}
