//! Many graphs as one: the disjoint union, filled up to a fixed size so that one plan serves many batches.

use super::{Graph, Layout};

/// Edges, nodes and graphs of a union.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counts {
    /// Edges.
    pub edges: usize,
    /// Nodes.
    pub nodes: usize,
    /// Graphs.
    pub graphs: usize,
}

/// The disjoint union of graphs as flat arrays. Rows behind the last edge and node are padding: numbers of nodes and
/// graphs are -1 there and everything else is zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Union {
    /// Rows, padding too.
    pub counts: Counts,
    /// The node that every edge reaches, among all nodes of the union.
    pub receivers: Vec<f32>,
    /// The node that it leaves.
    pub senders: Vec<f32>,
    /// The graph of every edge.
    pub edge_graphs: Vec<f32>,
    /// The graph of every node.
    pub node_graphs: Vec<f32>,
    /// `[edges, edge_inputs]`.
    pub edge_inputs: Vec<f32>,
    /// `[nodes, node_inputs]`.
    pub node_inputs: Vec<f32>,
    /// `[graphs, global_inputs]`.
    pub global_inputs: Vec<f32>,
    /// `[edges, edge_targets]`.
    pub edge_targets: Vec<f32>,
    /// `[nodes, node_targets]`.
    pub node_targets: Vec<f32>,
    /// What every edge weighs in a mean over the edges that are there: one over their number.
    pub edge_weights: Vec<f32>,
    /// The same for nodes.
    pub node_weights: Vec<f32>,
}

impl Counts {
    /// Of some graphs.
    pub fn of<'a>(graphs: impl IntoIterator<Item = &'a Graph>) -> Self {
        let add = |sum: Counts, graph: &Graph| Counts {
            edges: sum.edges + graph.edges.len(),
            nodes: sum.nodes + graph.nodes,
            graphs: sum.graphs + 1,
        };
        graphs.into_iter().fold(Counts::default(), add)
    }

    /// The least of the sizes `quantum`, `2 quantum`, .. of edges and nodes that holds this many: batches of like size
    /// share one.
    #[must_use]
    pub fn rounded(self, quantum: usize) -> Self {
        let up = |count: usize| count.max(1).next_multiple_of(quantum.max(1));
        Counts { edges: up(self.edges), nodes: up(self.nodes), graphs: self.graphs }
    }

    /// Whether a union of this size holds so many.
    pub const fn holds(&self, other: &Counts) -> bool {
        self.edges >= other.edges && self.nodes >= other.nodes && self.graphs >= other.graphs
    }
}

impl Union {
    /// The union of graphs, filled up to `counts`.
    ///
    /// # Panics
    /// If they are more than that.
    pub fn of(graphs: &[&Graph], layout: &Layout, counts: Counts) -> Self {
        let there = Counts::of(graphs.iter().copied());
        assert!(counts.holds(&there), "{there:?} in {counts:?}");
        let (mut union, mut first) = (Union { counts, ..Union::default() }, 0);
        for (number, graph) in graphs.iter().enumerate() {
            for (sender, receiver) in &graph.edges {
                union.senders.push((first + sender) as f32);
                union.receivers.push((first + receiver) as f32);
            }
            union.edge_graphs.extend(std::iter::repeat_n(number as f32, graph.edges.len()));
            union.node_graphs.extend(std::iter::repeat_n(number as f32, graph.nodes));
            union.edge_inputs.extend(&graph.edge_inputs);
            union.node_inputs.extend(&graph.node_inputs);
            union.global_inputs.extend(&graph.global_inputs);
            union.edge_targets.extend(&graph.edge_targets);
            union.node_targets.extend(&graph.node_targets);
            first += graph.nodes;
        }
        union.edge_weights = vec![1.0 / there.edges.max(1) as f32; there.edges];
        union.node_weights = vec![1.0 / there.nodes.max(1) as f32; there.nodes];
        union.filled(layout);
        union
    }

    fn filled(&mut self, layout: &Layout) {
        let Counts { edges, nodes, graphs } = self.counts;
        for (numbers, rows) in [
            (&mut self.receivers, edges),
            (&mut self.senders, edges),
            (&mut self.edge_graphs, edges),
            (&mut self.node_graphs, nodes),
        ] {
            numbers.resize(rows, -1.0);
        }
        for (values, length) in [
            (&mut self.edge_inputs, edges * layout.edge_inputs),
            (&mut self.node_inputs, nodes * layout.node_inputs),
            (&mut self.global_inputs, graphs * layout.global_inputs),
            (&mut self.edge_targets, edges * layout.edge_targets),
            (&mut self.node_targets, nodes * layout.node_targets),
            (&mut self.edge_weights, edges),
            (&mut self.node_weights, nodes),
        ] {
            values.resize(length, 0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sort;
    use super::*;

    #[test]
    fn graphs_stand_behind_each_other_and_the_rest_is_empty() {
        let (a, b) = (sort::graph(&[0.5, 0.1]), sort::graph(&[0.3]));
        let there = Counts::of([&a, &b]);
        assert_eq!(there, Counts { edges: 5, nodes: 3, graphs: 2 });
        assert_eq!(there.rounded(4), Counts { edges: 8, nodes: 4, graphs: 2 });
        let union = Union::of(&[&a, &b], &sort::LAYOUT, there.rounded(4));
        assert_eq!(union.receivers, [0.0, 0.0, 1.0, 1.0, 2.0, -1.0, -1.0, -1.0]);
        assert_eq!(union.senders, [0.0, 1.0, 0.0, 1.0, 2.0, -1.0, -1.0, -1.0]);
        assert_eq!(union.edge_graphs[3..], [0.0, 1.0, -1.0, -1.0, -1.0]);
        assert_eq!(
            (&union.node_graphs[..], &union.node_inputs[..]),
            (&[0.0, 0.0, 1.0, -1.0][..], &[0.5, 0.1, 0.3, 0.0][..])
        );
        assert_eq!((union.edge_weights.iter().sum::<f32>(), union.edge_weights[5]), (1.0, 0.0));
        assert_eq!((union.edge_inputs.len(), union.global_inputs.len(), union.edge_targets.len()), (8, 2, 8));
    }

    #[test]
    fn a_graph_with_other_numbers_is_the_same_graph() {
        let (graph, order) = (sort::graph(&[0.5, 0.1, 0.9]), [2, 0, 1]);
        let other = graph.relabelled(&order);
        assert_eq!(other.node_inputs, [0.9, 0.5, 0.1]);
        for ((was, now), target) in graph.edges.iter().zip(&other.edges).zip(&other.edge_targets) {
            assert_eq!((order[now.0], order[now.1]), *was);
            let (from, to) = (other.node_inputs[now.0], other.node_inputs[now.1]);
            assert_eq!(*target == 1.0, [(0.1, 0.5), (0.5, 0.9)].contains(&(from, to)));
        }
    }
}
