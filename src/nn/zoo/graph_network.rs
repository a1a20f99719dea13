//! Encode, process, decode on graphs (Battaglia et al. 2018, figure 6c, and the companion library's demos): an encoder
//! of every edge, node and graph by itself; a graph-network block that sees the encoding beside what it gave before,
//! with the same weights every time; after each time a decoder, again by itself, and linear heads.

use crate::engine::Var;
use crate::nn::layers::{Attributes, BlockShape, GraphBlock, GraphKind, Linear, Reduce, Widths, Wiring};
use crate::nn::weights::{Builder, Values};

/// What a model is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphNetworkShape {
    /// Numbers on edges, nodes and graphs that come in.
    pub inputs: Widths,
    /// Numbers that come out for an edge; none where edges are not asked about.
    pub edge_outputs: Option<usize>,
    /// Numbers that come out for a node.
    pub node_outputs: Option<usize>,
    /// Width of everything in between.
    pub width: usize,
    /// Layers of every update function.
    pub layers: usize,
    /// The variant of the block that is repeated.
    pub kind: GraphKind,
    /// How what is received becomes one.
    pub reduce: Reduce,
}

/// The model.
#[derive(Clone, Debug)]
pub struct GraphNetwork {
    encoder: GraphBlock,
    core: GraphBlock,
    decoder: GraphBlock,
    edge_head: Option<Linear>,
    node_head: Option<Linear>,
}

/// What the model says after a processing step.
#[derive(Clone, Copy, Debug)]
pub struct Decoded<'g> {
    /// Of every edge, `[edges, edge_outputs]`.
    pub edges: Option<Var<'g>>,
    /// Of every node, `[nodes, node_outputs]`.
    pub nodes: Option<Var<'g>>,
    /// What the block gave, which the decoder read.
    pub state: Attributes<'g>,
}

impl GraphNetworkShape {
    /// Multiply-adds of a forward pass over so many edges, nodes and graphs, with so many processing steps; small terms
    /// of the variants left out.
    pub fn multiply_adds(&self, [edges, nodes, graphs]: [f64; 3], steps: usize) -> f64 {
        let (w, deeper) = (self.width as f64, self.layers.saturating_sub(1) as f64);
        let square = w * w;
        let alone = |inputs: Widths| {
            let per = |inputs: usize| inputs as f64 * w + deeper * square;
            edges * per(inputs.edges) + nodes * per(inputs.nodes) + graphs * per(inputs.globals)
        };
        let heads =
            edges * w * self.edge_outputs.unwrap_or(0) as f64 + nodes * w * self.node_outputs.unwrap_or(0) as f64;
        let core = (1.0 + deeper) * square * edges + (5.0 + deeper) * square * nodes + (6.0 + deeper) * square * graphs;
        alone(self.inputs) + steps as f64 * (core + alone(Widths::all(self.width)) + heads)
    }
}

impl GraphNetwork {
    /// Fresh weights.
    pub fn new(b: &mut Builder<'_>, shape: &GraphNetworkShape) -> Self {
        let GraphNetworkShape { inputs, edge_outputs, node_outputs, width, layers, kind, reduce } = *shape;
        let inner = Widths::all(width);
        let block = |kind: GraphKind, parts: Vec<Widths>| BlockShape { kind, reduce, parts, width, layers };
        let head = |b: &mut Builder<'_>, name: &str, outputs: Option<usize>| {
            outputs.map(|outputs| Linear::uniform(b, name, width, outputs, true))
        };
        let alone = GraphKind::Independent;
        GraphNetwork {
            encoder: b.within("encoder", |b| GraphBlock::new(b, &block(alone, vec![inputs]))),
            core: b.within("core", |b| GraphBlock::new(b, &block(kind, vec![inner, inner]))),
            decoder: b.within("decoder", |b| GraphBlock::new(b, &block(alone, vec![inner]))),
            edge_head: head(b, "edge_head", edge_outputs),
            node_head: head(b, "node_head", node_outputs),
        }
    }

    /// What the model says after each of `steps` processing steps.
    pub fn forward<'g>(
        &self,
        values: &Values<'g>,
        wiring: &Wiring<'g>,
        inputs: &Attributes<'g>,
        steps: usize,
    ) -> Vec<Decoded<'g>> {
        let encoded = self.encoder.forward(values, wiring, &self.encoder.prepare(values, &[]), inputs);
        let (beside, alone) = (self.core.prepare(values, &[encoded]), self.decoder.prepare(values, &[]));
        let mut state = encoded;
        let step = |_| {
            state = self.core.forward(values, wiring, &beside, &state);
            let read = self.decoder.forward(values, wiring, &alone, &state);
            Decoded {
                edges: self.edge_head.as_ref().map(|head| head.forward(values, read.edges)),
                nodes: self.node_head.as_ref().map(|head| head.forward(values, read.nodes)),
                state,
            }
        };
        (0..steps).map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Built, assert_learned, assert_near, given, reals};
    use super::*;
    use crate::engine::Graph;

    pub(super) const SORT: GraphNetworkShape = GraphNetworkShape {
        inputs: Widths::all(1),
        edge_outputs: Some(2),
        node_outputs: Some(2),
        width: 16,
        layers: 2,
        kind: GraphKind::Full,
        reduce: Reduce::Sum,
    };

    /// Two graphs of three and two nodes with all edges, and `padding` rows behind edges and nodes.
    fn wiring(graph: &Graph, padding: usize) -> (Wiring<'_>, [usize; 2]) {
        let all = |from: usize, count: usize| {
            (0..count * count).map(move |i| ((from + i / count) as f32, (from + i % count) as f32))
        };
        let edges: Vec<(f32, f32)> = all(0, 3).chain(all(3, 2)).collect();
        let padded = |mut values: Vec<f32>| {
            values.resize(values.len() + padding, -1.0);
            graph.constant([values.len()], values)
        };
        let wiring = Wiring {
            receivers: padded(edges.iter().map(|edge| edge.0).collect()),
            senders: padded(edges.iter().map(|edge| edge.1).collect()),
            edge_graphs: padded([vec![0.0; 9], vec![1.0; 4]].concat()),
            node_graphs: padded(vec![0.0, 0.0, 0.0, 1.0, 1.0]),
            graphs: 2,
        };
        (wiring, [13 + padding, 5 + padding])
    }

    fn inputs(graph: &Graph, [edges, nodes]: [usize; 2]) -> Attributes<'_> {
        Attributes {
            edges: given(graph, [edges, 1], &reals(1, edges)),
            nodes: given(graph, [nodes, 1], &reals(2, nodes)),
            globals: given(graph, [2, 1], &reals(3, 2)),
        }
    }

    #[test]
    fn weights_are_as_many_as_the_demo_has() {
        assert_eq!(Built::new(|b| GraphNetwork::new(b, &SORT)).parameters(), 8116);
    }

    #[test]
    fn padding_reaches_nobody() {
        for kind in GraphKind::ALL {
            for reduce in Reduce::ALL {
                let shape = GraphNetworkShape { kind, reduce, ..SORT };
                let of = |padding: usize| {
                    Built::new(|b| GraphNetwork::new(b, &shape)).run(|model, values, graph| {
                        let (wiring, rows) = wiring(graph, padding);
                        let last = model.forward(values, &wiring, &inputs(graph, rows), 3).pop().unwrap();
                        vec![last.edges.unwrap(), last.nodes.unwrap(), last.state.globals]
                    })
                };
                let (bare, padded) = (of(0), of(7));
                for (bare, padded) in bare.iter().zip(&padded) {
                    assert_near(&padded[..bare.len()], bare, 1e-5);
                }
            }
        }
    }

    #[test]
    fn every_variant_learns_through_its_steps() {
        for (kind, reduce) in GraphKind::ALL.map(|kind| (kind, Reduce::Sum)).into_iter().chain([
            (GraphKind::Full, Reduce::Mean),
            (GraphKind::Full, Reduce::Max),
            (GraphKind::Full, Reduce::Nothing),
        ]) {
            let shape = GraphNetworkShape { kind, reduce, ..SORT };
            let mut built = Built::new(|b| GraphNetwork::new(b, &shape));
            let losses = built.train(0.01, 60, |model, values, graph| {
                let (wiring, rows) = wiring(graph, 2);
                let last = model.forward(values, &wiring, &inputs(graph, rows), 2).pop().unwrap();
                let targets = graph.constant([7], vec![0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
                let counted = graph.constant([7], vec![1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
                (last.nodes.unwrap().cross_entropy(targets) * counted).sum()
            });
            // What hears nodes of its own graph alone as a whole cannot tell them apart so soon.
            assert_learned(&losses, if kind == GraphKind::Relation { 1.01 } else { 0.95 });
        }
    }

    #[test]
    fn every_weight_of_the_full_block_but_the_last_readout_has_a_gradient() {
        let mut built = Built::new(|b| GraphNetwork::new(b, &SORT));
        let names: Vec<String> = built.weights.slots().iter().map(|slot| built.store.name(*slot).to_owned()).collect();
        let gradients = built.run(|model, values, graph| {
            let (wiring, rows) = wiring(graph, 1);
            let all = model.forward(values, &wiring, &inputs(graph, rows), 2);
            let said = all.iter().flat_map(|said| [said.edges, said.nodes]).flatten();
            let loss = said.map(|x| x.sum_squares()).reduce(|a, b| a + b);
            graph.gradient(loss.unwrap(), values.vars()).unwrap()
        });
        for (name, gradient) in names.iter().zip(gradients) {
            let unread = name.starts_with("decoder.globals");
            assert_eq!(gradient.iter().any(|x| *x != 0.0), !unread, "{name}");
        }
    }
}
