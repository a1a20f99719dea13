//! A graph network with its passes: batches are disjoint unions, filled up to a few sizes that share plans.

use std::collections::BTreeMap;

use super::score::Answer;
use super::settings::{Condition, Settings};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::TrialError;
use crate::engine::{Shape, Var};
use crate::nn::layers::{Attributes, Wiring};
use crate::nn::optimiser::{Method, Moments};
use crate::nn::weights::{Builder, Values};
use crate::nn::zoo::graph_network::{Decoded, GraphNetwork};
use crate::tasks::graphs::{Counts, Graph, Layout, Union};
use crate::training::{Learner, Pass, Trained};

/// Rows by which training unions grow, of edges and nodes alike.
const QUANTUM: usize = 128;
/// The most edges of a union that is only looked at, and the graphs it always has.
const LOOK: (usize, usize) = (4096, 32);

/// A graph network, its weights and its passes.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) learner: Learner<GraphNetwork>,
    layout: Layout,
    processing: usize,
    training: BTreeMap<Counts, Pass>,
    /// By size, and by whether every processing step answers or the last alone.
    looking: BTreeMap<(Counts, bool), Pass>,
}

/// What a pass reads of a union, in order.
struct Inputs<'g> {
    wiring: Wiring<'g>,
    attributes: Attributes<'g>,
    /// Targets and weights of edges, where they are asked about, and of nodes.
    edges: Option<[Var<'g>; 2]>,
    nodes: [Var<'g>; 2],
}

/// Names and shapes of what a pass reads.
fn given(layout: &Layout, counts: Counts) -> Vec<(String, Shape)> {
    let Counts { edges, nodes, graphs } = counts;
    let Layout { edge_inputs, node_inputs, global_inputs, edge_targets, node_targets } = *layout;
    // A class a row has no axis of its own.
    let target = |rows: usize, width: usize| if width == 1 { Shape::from([rows]) } else { Shape::from([rows, width]) };
    let all = [
        ("receivers", Shape::from([edges])),
        ("senders", [edges].into()),
        ("edge_graphs", [edges].into()),
        ("node_graphs", [nodes].into()),
        ("edge_inputs", [edges, edge_inputs].into()),
        ("node_inputs", [nodes, node_inputs].into()),
        ("global_inputs", [graphs, global_inputs].into()),
        ("node_targets", target(nodes, node_targets)),
        ("node_weights", [nodes].into()),
        ("edge_targets", target(edges, edge_targets)),
        ("edge_weights", [edges].into()),
    ];
    let asked = if edge_targets > 0 { 11 } else { 9 };
    let size = format!("{edges}.{nodes}.{graphs}");
    all.into_iter().take(asked).map(|(name, shape)| (format!("{name}.{size}"), shape)).collect()
}

impl<'g> Inputs<'g> {
    fn of(given: &[Var<'g>], graphs: usize) -> Self {
        let wiring =
            Wiring { receivers: given[0], senders: given[1], edge_graphs: given[2], node_graphs: given[3], graphs };
        let attributes = Attributes { edges: given[4], nodes: given[5], globals: given[6] };
        let edges = (given.len() > 9).then(|| [given[9], given[10]]);
        Inputs { wiring, attributes, edges, nodes: [given[7], given[8]] }
    }

    /// The loss of an answer: of classes cross-entropy, means over edges and over nodes added; of numbers the squared
    /// error, mean over nodes.
    fn loss(&self, said: &Decoded<'g>) -> Var<'g> {
        let [targets, weights] = self.nodes;
        let nodes = said.nodes.expect("nodes are always asked about");
        match self.edges.zip(said.edges) {
            Some(([edge_targets, edge_weights], edges)) => {
                let edges = (edges.cross_entropy(edge_targets) * edge_weights).sum();
                edges + (nodes.cross_entropy(targets) * weights).sum()
            }
            None => {
                let off = nodes - targets;
                let rows = weights.shape()[0];
                (off * off * weights.reshape([rows, 1])).sum()
            }
        }
    }
}

fn set(pass: &Pass, learner: &mut Learner<GraphNetwork>, union: &Union) {
    let given = [
        &union.receivers,
        &union.senders,
        &union.edge_graphs,
        &union.node_graphs,
        &union.edge_inputs,
        &union.node_inputs,
        &union.global_inputs,
        &union.node_targets,
        &union.node_weights,
        &union.edge_targets,
        &union.edge_weights,
    ];
    let asked = if union.edge_targets.is_empty() { 9 } else { 11 };
    given.into_iter().take(asked).enumerate().for_each(|(i, values)| pass.set(&mut learner.store, i, values));
}

fn shapes(given: &[(String, Shape)]) -> Vec<(&str, Shape)> {
    given.iter().map(|(name, shape)| (name.as_str(), shape.clone())).collect()
}

/// The probability of class 1 from two logits.
fn probability(logits: &[f32]) -> f32 {
    1.0 / (1.0 + (logits[0] - logits[1]).exp())
}

impl Network {
    /// A fresh model for a condition, trained with Adam.
    pub(super) fn new(settings: &Settings, condition: Condition, key: Key, pool: Pool) -> Self {
        let shape = settings.shape(condition);
        let build = move |b: &mut Builder<'_>| GraphNetwork::new(b, &shape);
        Network {
            learner: Learner::new(key.purpose("network"), pool, Method::Adam(Moments::default()), build),
            layout: Settings::layout(condition),
            processing: settings.processing(condition),
            training: BTreeMap::new(),
            looking: BTreeMap::new(),
        }
    }

    /// A training step on the union of graphs: the mean over processing steps of the loss of what was said after each.
    pub(super) fn train(&mut self, graphs: &[Graph], step: u64, learning_rate: f32) -> Result<Trained, TrialError> {
        let graphs: Vec<&Graph> = graphs.iter().collect();
        let counts = Counts::of(graphs.iter().copied()).rounded(QUANTUM);
        let union = Union::of(&graphs, &self.layout, counts);
        let (learner, processing) = (&mut self.learner, self.processing);
        let pass = self.training.entry(counts).or_insert_with(|| {
            let given = given(&self.layout, counts);
            learner.training(&shapes(&given), |model, values, given| {
                let inputs = Inputs::of(given, counts.graphs);
                let said = model.forward(values, &inputs.wiring, &inputs.attributes, processing);
                let loss = said.iter().map(|said| inputs.loss(said)).reduce(|a, b| a + b);
                (loss.expect("there is a processing step") * (1.0 / processing as f32), Vec::new())
            })
        });
        set(pass, learner, &union);
        learner.train(pass, step, learning_rate)
    }

    /// What the model says of every graph after its last processing step.
    pub(super) fn answers(&mut self, graphs: &[Graph]) -> Vec<Answer> {
        let raw = self.raw(graphs, false);
        graphs.iter().zip(raw).map(|(_, mut steps)| classes(&steps.remove(0))).collect()
    }

    /// What it says of one graph after every processing step.
    pub(super) fn steps(&mut self, graph: &Graph) -> Vec<Answer> {
        let raw = self.raw(std::slice::from_ref(graph), true);
        raw.into_iter().flatten().map(|said| classes(&said)).collect()
    }

    /// The numbers that it says of the nodes of every graph, two a node.
    pub(super) fn numbers(&mut self, graphs: &[Graph]) -> Vec<Vec<f32>> {
        self.raw(graphs, false).into_iter().map(|mut steps| steps.remove(0).1).collect()
    }

    /// Mean magnitudes of the attributes of edges, nodes and graph after every processing step on one graph.
    pub(super) fn magnitudes(&mut self, graph: &Graph) -> Vec<[f64; 3]> {
        let union = self.looked_at(&[graph], true);
        let pass = &self.looking[&(union.counts, true)];
        let there = [graph.edges.len(), graph.nodes, 1];
        let mean = |step: usize, i: usize| {
            let values = pass.output(&self.learner.store, 2 * self.processing + 3 * step + i);
            let width = values.len() / [union.counts.edges, union.counts.nodes, union.counts.graphs][i];
            let own = &values[..there[i] * width];
            own.iter().map(|x| f64::from(x.abs())).sum::<f64>() / own.len().max(1) as f64
        };
        (0..self.processing).map(|step| [0, 1, 2].map(|i| mean(step, i))).collect()
    }

    /// Per graph and step what was said of edges and of nodes, two numbers each.
    fn raw(&mut self, graphs: &[Graph], every: bool) -> Vec<Vec<(Vec<f32>, Vec<f32>)>> {
        let mut all = Vec::with_capacity(graphs.len());
        let steps = if every { self.processing } else { 1 };
        for part in parts(graphs) {
            let part: Vec<&Graph> = part.iter().collect();
            let union = self.looked_at(&part, every);
            let pass = &self.looking[&(union.counts, every)];
            let said: Vec<[Vec<f32>; 2]> =
                (0..steps).map(|step| [0, 1].map(|i| pass.output(&self.learner.store, 2 * step + i))).collect();
            let (mut edge, mut node) = (0, 0);
            for graph in part {
                let (edges, nodes) = (2 * edge..2 * (edge + graph.edges.len()), 2 * node..2 * (node + graph.nodes));
                let of = |[of_edges, of_nodes]: &[Vec<f32>; 2]| {
                    (of_edges.get(edges.clone()).unwrap_or_default().to_vec(), of_nodes[nodes.clone()].to_vec())
                };
                all.push(said.iter().map(of).collect());
                edge += graph.edges.len();
                node += graph.nodes;
            }
        }
        all
    }

    /// Runs a pass over the union of some graphs.
    fn looked_at(&mut self, graphs: &[&Graph], every: bool) -> Union {
        let there = Counts::of(graphs.iter().copied());
        let power = |count: usize| count.next_power_of_two().max(64);
        let counts = Counts { edges: power(there.edges), nodes: power(there.nodes), graphs: LOOK.1 };
        let union = Union::of(graphs, &self.layout, counts);
        let (learner, processing) = (&mut self.learner, self.processing);
        let pass = self.looking.entry((counts, every)).or_insert_with(|| {
            let given = given(&self.layout, counts);
            learner
                .pass(&shapes(&given), |model, values, given| looked(model, values, given, counts, (processing, every)))
        });
        set(pass, learner, &union);
        pass.run(&mut learner.store);
        union
    }
}

/// What is handed out: of each step what is said of edges and nodes, then the state.
fn looked<'g>(
    model: &GraphNetwork,
    values: &Values<'g>,
    given: &[Var<'g>],
    counts: Counts,
    (processing, every): (usize, bool),
) -> Vec<Var<'g>> {
    let inputs = Inputs::of(given, counts.graphs);
    let all = model.forward(values, &inputs.wiring, &inputs.attributes, processing);
    let shown = if every { &all[..] } else { &all[all.len() - 1..] };
    // Where edges are not asked about, nodes stand twice.
    let said = |said: &Decoded<'g>| {
        let nodes = said.nodes.expect("nodes are always asked about");
        [said.edges.unwrap_or(nodes), nodes]
    };
    let states = shown.iter().filter(|_| every).flat_map(|s| [s.state.edges, s.state.nodes, s.state.globals]);
    shown.iter().flat_map(said).chain(states).collect()
}

fn classes((edges, nodes): &(Vec<f32>, Vec<f32>)) -> Answer {
    let of = |logits: &[f32]| logits.chunks(2).map(probability).collect();
    Answer { edges: of(edges), nodes: of(nodes) }
}

/// Graphs in parts that are looked at together.
fn parts(graphs: &[Graph]) -> Vec<&[Graph]> {
    let (mut parts, mut from) = (Vec::new(), 0);
    while from < graphs.len() {
        let (mut to, mut edges) = (from, 0);
        while to < graphs.len() && to - from < LOOK.1 && (to == from || edges + graphs[to].edges.len() <= LOOK.0) {
            edges += graphs[to].edges.len();
            to += 1;
        }
        parts.push(&graphs[from..to]);
        from = to;
    }
    parts
}
