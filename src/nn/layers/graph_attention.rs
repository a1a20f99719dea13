//! Attention on dense graphs (GATv2, Brody et al. 2022) with values that know the edge: every node looks at the nodes
//! that it may hear, and what comes through an edge is a sum of what its sender and the edge itself say.

use super::Linear;
use crate::engine::{Graph, Var};
use crate::nn::weights::{Builder, Init, Values, Weight};

/// The slope of the leaky relu below zero, as the CLRS benchmark has it.
pub const SLOPE: f32 = 0.01;

/// Widths of graph attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphAttentionShape {
    /// Numbers of a node.
    pub nodes: usize,
    /// Numbers of an edge.
    pub edges: usize,
    /// Heads.
    pub heads: usize,
    /// Hidden units of a head's logit, and numbers of its value.
    pub width: usize,
}

/// `logit_ij = a . leaky(W_1 z_j + W_2 z_i + W_e e_ij)`, `alpha_i = softmax_j(logit_ij / T)` over what node i may hear,
/// `out_i = sum_j alpha_ij (M z_j + M_e e_ij)`, every head for itself.
#[derive(Clone, Debug)]
pub struct GraphAttention {
    sender: Linear,
    receiver: Linear,
    edge: Weight,
    score: Weight,
    value: Linear,
    edge_value: Weight,
    shape: GraphAttentionShape,
}

/// What nodes attend to, and what they receive.
#[derive(Clone, Copy, Debug)]
pub struct Attended<'g> {
    /// alpha, `[graphs, heads, nodes, nodes]`: of a receiver (row) on senders.
    pub weights: Var<'g>,
    /// `[graphs, nodes, heads * width]`.
    pub received: Var<'g>,
}

/// Where attention comes from.
#[derive(Clone, Copy, Debug)]
pub enum AttentionSource<'g> {
    /// Its own logits, over what is not zero in `mask` `[graphs, heads, nodes, nodes]`, divided by a temperature `[1]`.
    Own {
        /// What a receiver (row) may hear.
        mask: Var<'g>,
        /// One over the temperature.
        sharpness: Var<'g>,
    },
    /// Given, `[graphs, heads, nodes, nodes]`.
    Given(Var<'g>),
}

/// `[heads * rows, heads * columns]`: ones where both belong to the same head.
fn blocks(graph: &Graph, heads: usize, rows: usize, columns: usize) -> Var<'_> {
    let same = |at: usize| f32::from(at / (heads * columns) / rows == at % (heads * columns) / columns);
    graph.constant([heads * rows, heads * columns], (0..heads * rows * heads * columns).map(same).collect())
}

impl GraphAttention {
    /// Weights uniform within one over the root of their inputs, as PyTorch's linear maps begin.
    pub fn new(b: &mut Builder<'_>, name: &str, shape: GraphAttentionShape) -> Self {
        let GraphAttentionShape { nodes, edges, heads, width } = shape;
        let uniform = |inputs: usize| Init::Uniform(1.0 / (inputs as f32).sqrt());
        b.within(name, |b| GraphAttention {
            sender: Linear::uniform(b, "sender", nodes, heads * width, true),
            receiver: Linear::uniform(b, "receiver", nodes, heads * width, false),
            edge: b.weight("edge", [edges, heads * width], uniform(edges)),
            score: b.weight("score", [heads * width, 1], uniform(width)),
            value: Linear::uniform(b, "value", nodes, heads * width, true),
            edge_value: b.weight("edge_value", [heads * edges, heads * width], uniform(edges)),
            shape,
        })
    }

    /// Nodes `[graphs, nodes, width]` and edges `[graphs, nodes, nodes, width]` to a receiver (row) from a sender.
    pub fn forward<'g>(
        &self,
        values: &Values<'g>,
        nodes: Var<'g>,
        edges: Var<'g>,
        source: AttentionSource<'g>,
    ) -> Attended<'g> {
        let weights = match source {
            AttentionSource::Own { mask, sharpness } => {
                (self.logits(values, nodes, edges) * sharpness).keep_where(mask, f32::NEG_INFINITY).softmax()
            }
            AttentionSource::Given(weights) => weights,
        };
        Attended { weights, received: self.received(values, nodes, edges, weights) }
    }

    /// `[graphs, heads, nodes, nodes]`.
    fn logits<'g>(&self, values: &Values<'g>, nodes: Var<'g>, edges: Var<'g>) -> Var<'g> {
        let (graph, shape) = (nodes.graph(), nodes.shape());
        let (graphs, count, hidden) = (shape[0], shape[1], self.shape.heads * self.shape.width);
        let sender = self.sender.forward(values, nodes).reshape([graphs, 1, count, hidden]);
        let receiver = self.receiver.forward(values, nodes).reshape([graphs, count, 1, hidden]);
        let units = (sender + receiver + edges.matmul(values[self.edge])).leaky_relu(SLOPE);
        let score = values[self.score] * blocks(graph, self.shape.heads, self.shape.width, 1);
        units.matmul(score).permute(&[0, 3, 1, 2])
    }

    /// What comes through the edges, head beside head.
    fn received<'g>(&self, values: &Values<'g>, nodes: Var<'g>, edges: Var<'g>, weights: Var<'g>) -> Var<'g> {
        let (graph, shape) = (nodes.graph(), nodes.shape());
        let (graphs, count) = (shape[0], shape[1]);
        let GraphAttentionShape { edges: edge_width, heads, width, .. } = self.shape;
        let said = self.value.forward(values, nodes).reshape([graphs, count, heads, width]).permute(&[0, 2, 1, 3]);
        let from_nodes = weights.matmul(said).permute(&[0, 2, 1, 3]).reshape([graphs, count, heads * width]);
        let met = weights.permute(&[0, 2, 1, 3]).matmul(edges).reshape([graphs, count, heads * edge_width]);
        from_nodes + met.matmul(values[self.edge_value] * blocks(graph, heads, edge_width, width))
    }
}

impl GraphAttentionShape {
    /// Multiply-adds on a graph of so many nodes, up to small terms.
    pub fn multiply_adds(&self, count: f64) -> f64 {
        let GraphAttentionShape { nodes, edges, heads, width } = *self;
        let hidden = (heads * width) as f64;
        count * count * hidden * (edges as f64 + 3.0) + count * hidden * (3.0 * nodes as f64 + edges as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand::RngExt;

    use super::*;
    use crate::base::random::Key;
    use crate::base::threads::Pool;
    use crate::engine::{Executor, Store};

    const SHAPE: GraphAttentionShape = GraphAttentionShape { nodes: 3, edges: 2, heads: 2, width: 4 };
    const NODES: usize = 5;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut stream = Key::new(seed).stream();
        (0..count).map(|_| stream.random_range(-1.0..1.0)).collect()
    }

    /// The formula in f64, node by node and head by head.
    fn by_hand(store: &Store, z: &[f32], e: &[f32], mask: &[f32], sharpness: f64) -> (Vec<f64>, Vec<f64>) {
        let weight = |name: &str, row: usize, column: usize, columns: usize| {
            f64::from(store.values(store.find(&format!("heads.{name}")).unwrap())[row * columns + column])
        };
        let (width, hidden) = (SHAPE.width, SHAPE.heads * SHAPE.width);
        let map = |name: &str, x: &[f32], row: usize, at: usize| -> f64 {
            x.iter().enumerate().map(|(i, x)| f64::from(*x) * weight(name, row + i, at, hidden)).sum()
        };
        let node = |i: usize| &z[i * SHAPE.nodes..][..SHAPE.nodes];
        let edge = |i: usize, j: usize| &e[(i * NODES + j) * SHAPE.edges..][..SHAPE.edges];
        let (mut alphas, mut out) = (Vec::new(), vec![0.0; NODES * hidden]);
        for head in 0..SHAPE.heads {
            for i in 0..NODES {
                let logit = |j: usize| -> f64 {
                    let unit = |at: usize| {
                        let x = map("sender.weight", node(j), 0, at)
                            + weight("sender.bias", 0, at, hidden)
                            + map("receiver.weight", node(i), 0, at)
                            + map("edge", edge(i, j), 0, at);
                        weight("score", at, 0, 1) * if x > 0.0 { x } else { f64::from(SLOPE) * x }
                    };
                    sharpness * (head * width..(head + 1) * width).map(unit).sum::<f64>()
                };
                let heard = |j: usize| mask[(head * NODES + i) * NODES + j] != 0.0;
                let exp: Vec<f64> = (0..NODES).map(|j| if heard(j) { logit(j).exp() } else { 0.0 }).collect();
                let total: f64 = exp.iter().sum();
                for (j, x) in exp.iter().enumerate() {
                    for at in head * width..(head + 1) * width {
                        let said = map("value.weight", node(j), 0, at)
                            + weight("value.bias", 0, at, hidden)
                            + map("edge_value", edge(i, j), head * SHAPE.edges, at);
                        out[i * hidden + at] += x / total * said;
                    }
                    alphas.push(x / total);
                }
            }
        }
        (alphas, out)
    }

    #[test]
    fn attention_is_what_the_formula_says() {
        let mut store = Store::new();
        let mut builder = Builder::new(&mut store, Key::new(1));
        let layer = GraphAttention::new(&mut builder, "heads", SHAPE);
        let weights = builder.finish();
        let (z, e) = (numbers(NODES * SHAPE.nodes, 2), numbers(NODES * NODES * SHAPE.edges, 3));
        let mask: Vec<f32> = (0..SHAPE.heads * NODES * NODES)
            .map(|at| f32::from(at % 3 != 0 || at / NODES % NODES == at % NODES))
            .collect();
        let graph = Graph::new();
        let values = weights.read(&graph, &store);
        let nodes = graph.constant([1, NODES, SHAPE.nodes], z.clone());
        let edges = graph.constant([1, NODES, NODES, SHAPE.edges], e.clone());
        let may = graph.constant([1, SHAPE.heads, NODES, NODES], mask.clone());
        let sharpness = graph.constant([1], vec![2.0]);
        let own = layer.forward(&values, nodes, edges, AttentionSource::Own { mask: may, sharpness });
        let given = layer.forward(&values, nodes, edges, AttentionSource::Given(own.weights));
        let outputs = [own.weights, own.received, given.received].map(|value| graph.output("x", value));
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        executor.run(&mut store);
        let (alphas, out) = by_hand(&store, &z, &e, &mask, 2.0);
        for (output, expected) in outputs.into_iter().zip([&alphas, &out, &out]) {
            let found = executor.output(output, &store);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} {expected}");
            }
        }
    }
}
