//! The network that is compiled or trained: a step encodes what is known, attends one or two rounds, and decodes what is
//! known next. Compiled and trained ones differ in their weights alone.

use super::settings::EDGES;
use crate::engine::{Graph, Var};
use crate::nn::layers::{AttentionSource, GraphAttention, GraphAttentionShape, Linear};
use crate::nn::weights::{Builder, Init, Values, Weight};
use crate::tasks::algorithms::{Algorithm, HintKind, Sample};

/// Hidden layers of the perceptron of a round.
pub(super) const LAYERS: usize = 4;
/// What a node is given: its position, and whether it is the source.
pub(super) const INPUTS: usize = 2;

/// Which network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NetworkShape {
    /// Gives hints, heads, what heads may hear, and rounds.
    pub(super) algorithm: Algorithm,
    /// Width of everything inside.
    pub(super) hidden: usize,
}

/// One round of attention with its perceptron.
#[derive(Clone, Debug)]
struct Round {
    heads: GraphAttention,
    layers: Vec<Linear>,
    out: Linear,
    skip: Linear,
}

/// The network.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) shape: NetworkShape,
    encoder: Linear,
    rounds: Vec<Round>,
    hints: Linear,
    receiver: Linear,
    sender: Linear,
    edge: Weight,
    score: Weight,
}

/// What is given of graphs and does not change from step to step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'g> {
    /// `[graphs, nodes, INPUTS]`.
    pub(super) nodes: Var<'g>,
    /// Weights of edges from a node (row) to another, `[graphs, nodes, nodes]`.
    pub(super) edges: Var<'g>,
    /// What heads may hear, `[graphs, heads, nodes, nodes]`.
    pub(super) mask: Var<'g>,
    /// One over the temperature of attention, `[1]`.
    pub(super) sharpness: Var<'g>,
}

/// What is known before a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'g> {
    /// `[graphs, nodes, width]`.
    pub(super) hints: Var<'g>,
    /// Probabilities, `[graphs, nodes, nodes]`.
    pub(super) pointers: Var<'g>,
}

/// What a step says.
#[derive(Clone, Debug)]
pub(super) struct Said<'g> {
    /// The state of every node, `[graphs, nodes, hidden]`.
    pub(super) state: Var<'g>,
    /// Logits (or numbers) of the hints, `[graphs, nodes, width]`.
    pub(super) hints: Var<'g>,
    /// Logits of the pointers, `[graphs, nodes, nodes]`.
    pub(super) pointers: Var<'g>,
    /// Of every round, `[graphs, heads, nodes, nodes]`.
    pub(super) attention: Vec<Var<'g>>,
}

impl NetworkShape {
    /// Heads of a round.
    pub(super) fn heads(&self) -> usize {
        if self.algorithm == Algorithm::Dfs { 3 } else { 2 }
    }

    /// Rounds of a step.
    pub(super) fn rounds(&self) -> usize {
        if self.algorithm == Algorithm::Dfs { 2 } else { 1 }
    }

    /// Whether a head hears all nodes; else neighbours and itself.
    pub(super) fn hears_all(&self, head: usize) -> bool {
        self.algorithm == Algorithm::Dfs && head > 0
    }

    /// What a receiver (row) may hear through each head, `[heads, nodes, nodes]`: the nodes that it has an edge to in
    /// depth-first search, those that have an edge to it in the others.
    pub(super) fn mask(&self, sample: &Sample) -> Vec<f32> {
        let n = sample.nodes;
        let heard = |at: usize| {
            let (head, i, j) = (at / (n * n), at / n % n, at % n);
            let edge = if self.algorithm == Algorithm::Dfs { sample.edge(i, j) } else { sample.edge(j, i) };
            f32::from(self.hears_all(head) || i == j || edge != 0.0)
        };
        (0..self.heads() * n * n).map(heard).collect()
    }

    fn attention(&self) -> GraphAttentionShape {
        GraphAttentionShape { nodes: 2 * self.hidden, edges: EDGES, heads: self.heads(), width: self.hidden }
    }

    /// Multiply-adds of a step on one graph, up to small terms.
    pub(super) fn multiply_adds(&self, nodes: usize) -> f64 {
        let (n, hidden, attention) = (nodes as f64, self.hidden as f64, self.attention());
        let met = hidden * (2 + self.heads()) as f64;
        let perceptron = n * (2.0 * met + LAYERS as f64 * hidden) * hidden;
        let decoders = n * n * hidden * (EDGES as f64 + 2.0) + n * 4.0 * hidden * hidden;
        self.rounds() as f64 * (attention.multiply_adds(n) + perceptron) + decoders
    }
}

impl Network {
    pub(super) fn new(b: &mut Builder<'_>, shape: NetworkShape) -> Self {
        let (hidden, width) = (shape.hidden, shape.algorithm.hint_width());
        let uniform = |inputs: usize| Init::Uniform(1.0 / (inputs as f32).sqrt());
        let met = (2 + shape.heads()) * hidden;
        let round = |b: &mut Builder<'_>, _: usize| Round {
            heads: GraphAttention::new(b, "heads", shape.attention()),
            layers: (0..LAYERS)
                .map(|i| Linear::uniform(b, &format!("layers.{i}"), if i == 0 { met } else { hidden }, hidden, true))
                .collect(),
            out: Linear::uniform(b, "out", hidden, hidden, true),
            skip: Linear::uniform(b, "skip", met, hidden, false),
        };
        Network {
            shape,
            encoder: Linear::uniform(b, "encoder", INPUTS + width, hidden, true),
            rounds: (0..shape.rounds()).map(|i| b.within(format!("rounds.{i}"), |b| round(b, i))).collect(),
            hints: Linear::uniform(b, "hints", 2 * hidden, width, true),
            receiver: Linear::uniform(b, "pointers.receiver", 2 * hidden, hidden, true),
            sender: Linear::uniform(b, "pointers.sender", 2 * hidden, hidden, true),
            edge: b.weight("pointers.edge", [EDGES, hidden], uniform(EDGES)),
            score: b.weight("pointers.score", [hidden, 1], uniform(hidden)),
        }
    }

    /// The state before the first step.
    pub(super) fn nothing<'g>(&self, given: &Given<'g>) -> Var<'g> {
        let shape = given.nodes.shape();
        let extents = [shape[0], shape[1], self.shape.hidden];
        given.nodes.graph().constant(extents, vec![0.0; extents.iter().product()])
    }

    /// One step; `forced` attention takes the place of that of every head of a round.
    pub(super) fn step<'g>(
        &self,
        values: &Values<'g>,
        given: &Given<'g>,
        known: &Known<'g>,
        state: Var<'g>,
        forced: Option<&[Var<'g>]>,
    ) -> Said<'g> {
        let graph = state.graph();
        let features = self.encoder.forward(values, graph.concat(2, &[given.nodes, known.hints]));
        let edges = edge_features(given.edges, known.pointers);
        let (mut state, mut attention) = (state, Vec::new());
        for (i, round) in self.rounds.iter().enumerate() {
            let source = match forced {
                Some(forced) => AttentionSource::Given(forced[i]),
                None => AttentionSource::Own { mask: given.mask, sharpness: given.sharpness },
            };
            let nodes = graph.concat(2, &[features, state]);
            let heard = round.heads.forward(values, nodes, edges, source);
            let met = graph.concat(2, &[nodes, heard.received]);
            let hidden = round.layers.iter().fold(met, |x, layer| layer.forward(values, x).relu());
            state = round.out.forward(values, hidden) + round.skip.forward(values, met);
            attention.push(heard.weights);
        }
        let nodes = graph.concat(2, &[features, state]);
        Said {
            state,
            hints: self.hints.forward(values, nodes),
            pointers: self.pointers(values, nodes, edges),
            attention,
        }
    }

    /// `logit_ij = w . max(P_1 h_i, P_2 h_j + P_3 e_ij)`.
    fn pointers<'g>(&self, values: &Values<'g>, nodes: Var<'g>, edges: Var<'g>) -> Var<'g> {
        let shape = nodes.shape();
        let (graphs, count, hidden) = (shape[0], shape[1], self.shape.hidden);
        let receiver = self.receiver.forward(values, nodes).reshape([graphs, count, 1, hidden]);
        let sender = self.sender.forward(values, nodes).reshape([graphs, 1, count, hidden]);
        let units = receiver.maximum(sender + edges.matmul(values[self.edge]));
        units.matmul(values[self.score]).reshape([graphs, count, count])
    }

    /// What is known after a step: probabilities where hints are none of numbers.
    pub(super) fn known<'g>(&self, said: &Said<'g>) -> Known<'g> {
        let kinds = self.shape.algorithm.hints().iter().map(|hint| hint.kind);
        let parts: Vec<Var<'g>> = parts(said.hints, kinds)
            .into_iter()
            .map(|(kind, x)| match kind {
                HintKind::Mask => x.sigmoid(),
                HintKind::Scalar => x,
                HintKind::MaskOne => over_nodes(x).softmax().reshape(x.shape()),
                HintKind::Category(_) => x.softmax(),
            })
            .collect();
        Known { hints: said.hints.graph().concat(2, &parts), pointers: said.pointers.softmax() }
    }
}

/// Hints `[graphs, nodes, width]` one by one.
pub(super) fn parts<'g>(hints: Var<'g>, kinds: impl Iterator<Item = HintKind>) -> Vec<(HintKind, Var<'g>)> {
    let mut at = 0;
    let mut part = |kind: HintKind| {
        at += kind.width();
        (kind, hints.slice(2, at - kind.width(), kind.width()))
    };
    kinds.map(&mut part).collect()
}

/// `[graphs, nodes, 1]` as `[graphs, nodes]`.
pub(super) fn over_nodes(x: Var<'_>) -> Var<'_> {
    let shape = x.shape();
    x.reshape([shape[0], shape[1]])
}

/// Of receiver i and sender j: A_ij, A_ji, i = j, pi_ij, pi_ji.
fn edge_features<'g>(edges: Var<'g>, pointers: Var<'g>) -> Var<'g> {
    let (graph, shape): (&'g Graph, _) = (edges.graph(), edges.shape());
    let (graphs, count) = (shape[0], shape[1]);
    let own = |at: usize| f32::from(at / count % count == at % count);
    let itself = graph.constant([graphs, count, count], (0..graphs * count * count).map(own).collect());
    let back = |x: Var<'g>| x.permute(&[0, 2, 1]);
    let all = [edges, back(edges), itself, pointers, back(pointers)];
    let all = all.map(|x| x.reshape([graphs, count, count, 1]));
    graph.concat(3, &all)
}
