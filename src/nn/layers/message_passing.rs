//! Message passing on dense graphs, the graph-network block without edge outputs or globals (Gilmer et
//! al. 2017; Battaglia et al. 2018): every node adds to itself a function of itself and of the weighted
//! sum of the messages that it receives.

use super::Linear;
use crate::engine::Var;
use crate::nn::weights::{Builder, Init, Values, Weight};

/// Widths of a message-passing block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageWidths {
    /// Numbers in a node.
    pub nodes: usize,
    /// Hidden units of the message function and of the update.
    pub hidden: usize,
    /// Numbers in a message.
    pub messages: usize,
}

/// `m_ij = relu(relu(h_i W_r + h_j W_s + b) W_m + b_m)`, `agg_i = sum_j A_ij m_ij`,
/// `h_i += relu([h_i, agg_i] W_1 + b_1) W_2 + b_2`.
#[derive(Clone, Debug)]
pub struct MessagePassing {
    receiver: Linear,
    sender: Linear,
    message: Weight,
    message_bias: Weight,
    update_in: Linear,
    update_out: Linear,
    skip_absent: bool,
}

impl MessagePassing {
    /// Weights are normal with variance `2 / inputs` before a relu; the last map begins smaller by
    /// `output_scale`; biases begin at zero. With `skip_absent`, edges of weight zero cost nothing.
    pub fn new(b: &mut Builder<'_>, widths: MessageWidths, output_scale: f32, skip_absent: bool) -> Self {
        let MessageWidths { nodes, hidden, messages } = widths;
        let relu = 2f32.sqrt();
        b.within("message_passing", |b| MessagePassing {
            // One map of two nodes in two halves: 2 / inputs = 1 / nodes.
            receiver: Linear::new(b, "receiver", nodes, hidden, 1.0).with_bias(b, "receiver", hidden, 0.0),
            sender: Linear::new(b, "sender", nodes, hidden, 1.0),
            message: b.weight("message.weight", [hidden, messages], Init::Normal((2.0 / hidden as f32).sqrt())),
            message_bias: b.weight("message.bias", [messages], Init::Constant(0.0)),
            update_in: Linear::new(b, "update_in", nodes + messages, hidden, relu).with_bias(
                b,
                "update_in",
                hidden,
                0.0,
            ),
            update_out: Linear::new(b, "update_out", hidden, nodes, output_scale).with_bias(
                b,
                "update_out",
                nodes,
                0.0,
            ),
            skip_absent,
        })
    }

    /// Nodes `[graphs, nodes, width]`, kept; `edges` `[graphs, nodes, nodes]` holds the weight of the edge
    /// to i (row) from j (column).
    pub fn forward<'g>(&self, values: &Values<'g>, nodes: Var<'g>, edges: Var<'g>) -> Var<'g> {
        let (to, from) = (self.receiver.forward(values, nodes), self.sender.forward(values, nodes));
        let (weight, bias) = (values[self.message], values[self.message_bias]);
        self.update(values, nodes, to.edge_messages(from, edges, weight, bias, self.skip_absent))
    }

    /// The same from ops that differentiate again; it makes tensors over all edges.
    pub fn forward_composed<'g>(&self, values: &Values<'g>, nodes: Var<'g>, edges: Var<'g>) -> Var<'g> {
        let (to, from) = (self.receiver.forward(values, nodes), self.sender.forward(values, nodes));
        let (weight, bias) = (values[self.message], values[self.message_bias]);
        self.update(values, nodes, to.edge_messages_composed(from, edges, weight, bias))
    }

    fn update<'g>(&self, values: &Values<'g>, nodes: Var<'g>, received: Var<'g>) -> Var<'g> {
        let joined = nodes.graph().concat(nodes.shape().len() - 1, &[nodes, received]);
        nodes + self.update_out.forward(values, self.update_in.forward(values, joined).relu())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::random::Key;
    use crate::base::threads::Pool;
    use crate::engine::{Executor, Graph, Store};
    use rand::RngExt;

    const GRAPHS: usize = 2;
    const NODES: usize = 5;
    const WIDTHS: MessageWidths = MessageWidths { nodes: 6, hidden: 7, messages: 4 };

    /// Nodes after two rounds, and the gradient of their sum of squares by the nodes before.
    fn rounds(nodes: &[f32], edges: &[f32], composed: bool, skip_absent: bool) -> [Vec<f32>; 2] {
        let mut store = Store::new();
        let mut builder = Builder::new(&mut store, Key::new(31));
        let layer = MessagePassing::new(&mut builder, WIDTHS, 1.0, skip_absent);
        let weights = builder.finish();
        let graph = Graph::new();
        let values = weights.read(&graph, &store);
        let first = graph.constant([GRAPHS, NODES, WIDTHS.nodes], nodes.to_vec());
        let edges = graph.constant([GRAPHS, NODES, NODES], edges.to_vec());
        let round = |h| {
            if composed { layer.forward_composed(&values, h, edges) } else { layer.forward(&values, h, edges) }
        };
        let last = round(round(first));
        let gradient = graph.gradient((last * last).sum(), &[first]).expect("every op has a gradient")[0];
        let outputs = [graph.output("nodes", last), graph.output("gradient", gradient)];
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        executor.run(&mut store);
        outputs.map(|output| executor.output(output, &store))
    }

    fn given() -> (Vec<f32>, Vec<f32>) {
        let mut stream = Key::new(32).stream();
        let nodes = (0..GRAPHS * NODES * WIDTHS.nodes).map(|_| stream.random_range(-1.0..1.0)).collect();
        let edges = (0..GRAPHS * NODES * NODES).map(|_| f32::from(stream.random_bool(0.5))).collect();
        (nodes, edges)
    }

    fn near(a: &[f32], b: &[f32]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * b.abs().max(1.0))
    }

    #[test]
    fn fused_skipping_and_composed_agree() {
        let (nodes, edges) = given();
        let composed = rounds(&nodes, &edges, true, false);
        for skip_absent in [false, true] {
            let fused = rounds(&nodes, &edges, false, skip_absent);
            assert!(fused.iter().zip(&composed).all(|(a, b)| near(a, b)), "skip_absent: {skip_absent}");
        }
    }

    #[test]
    fn outputs_follow_any_relabelling_of_the_nodes() {
        let (nodes, edges) = given();
        let order = &[3, 0, 4, 1, 2];
        let at = |graph: usize, i: usize| graph * NODES + i;
        let relabelled = |x: &[f32]| -> Vec<f32> {
            let rows = (0..GRAPHS).flat_map(|g| order.iter().map(move |i| at(g, *i)));
            rows.flat_map(|row| x[row * WIDTHS.nodes..][..WIDTHS.nodes].to_vec()).collect()
        };
        let edges_relabelled: Vec<f32> = (0..GRAPHS)
            .flat_map(|g| order.iter().flat_map(move |i| order.iter().map(move |j| at(g, *i) * NODES + j)))
            .map(|i| edges[i])
            .collect();
        let [after, _] = rounds(&nodes, &edges, false, true);
        let [relabelled_after, _] = rounds(&relabelled(&nodes), &edges_relabelled, false, true);
        assert!(near(&relabelled_after, &relabelled(&after)));
        assert!(!near(&relabelled_after, &after));
    }

    #[test]
    fn a_node_hears_only_those_with_an_edge_to_it() {
        let (mut nodes, _) = given();
        let mut edges = vec![0.0; GRAPHS * NODES * NODES];
        // In both graphs 1 hears 0.
        (0..GRAPHS).for_each(|g| edges[(g * NODES + 1) * NODES] = 1.0);
        let [before, _] = rounds(&nodes, &edges, false, true);
        nodes[..WIDTHS.nodes].iter_mut().for_each(|x| *x = 2.0 - *x);
        let [after, _] = rounds(&nodes, &edges, false, true);
        let changed =
            |i: usize| before[i * WIDTHS.nodes..][..WIDTHS.nodes] != after[i * WIDTHS.nodes..][..WIDTHS.nodes];
        let rows: Vec<usize> = (0..GRAPHS * NODES).filter(|i| changed(*i)).collect();
        assert_eq!(rows, [0, 1]);
    }
}
