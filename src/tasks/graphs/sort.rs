//! Sorting as a task on graphs: numbers on the nodes of a graph with all edges, every node also with one to itself.
//! Asked is whether a node is the smallest, and whether an edge goes from a number to the next larger one.

use std::ops::RangeInclusive;

use rand::RngExt;

use super::{Graph, Layout};
use crate::base::random::Stream;

/// A number a node; a class an edge and a node. Edges and graph are given a zero.
pub const LAYOUT: Layout =
    Layout { edge_inputs: 1, node_inputs: 1, global_inputs: 1, edge_targets: 1, node_targets: 1 };

/// The graph of a list of numbers, edges by receiver and then by sender.
pub fn graph(values: &[f32]) -> Graph {
    let nodes = values.len();
    let ranks = ranks(values);
    let edges: Vec<(usize, usize)> = (0..nodes).flat_map(|r| (0..nodes).map(move |s| (s, r))).collect();
    let linked = |&(sender, receiver): &(usize, usize)| f32::from(ranks[receiver] == ranks[sender] + 1);
    Graph {
        nodes,
        edge_inputs: vec![0.0; edges.len()],
        node_inputs: values.to_vec(),
        global_inputs: vec![0.0],
        edge_targets: edges.iter().map(linked).collect(),
        node_targets: ranks.iter().map(|rank| f32::from(*rank == 0)).collect(),
        edges,
    }
}

/// The place of every number in sorted order.
pub fn ranks(values: &[f32]) -> Vec<usize> {
    let mut ranks = vec![0; values.len()];
    for (rank, place) in order(values).into_iter().enumerate() {
        ranks[place] = rank;
    }
    ranks
}

/// The places of the numbers from the smallest to the largest.
pub fn order(values: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    order
}

/// Numbers uniform in 0 to 1, as many as a size drawn from `sizes`.
pub fn list(sizes: &RangeInclusive<usize>, stream: &mut Stream) -> Vec<f32> {
    let count = stream.random_range(sizes.clone());
    (0..count).map(|_| stream.random()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_linked_from_each_number_to_the_next_larger() {
        let graph = graph(&[0.4, 0.9, 0.1]);
        let linked: Vec<(usize, usize)> =
            graph.edges.iter().zip(&graph.edge_targets).filter(|(_, t)| **t == 1.0).map(|(edge, _)| *edge).collect();
        assert_eq!(linked, [(2, 0), (0, 1)]);
        assert_eq!((graph.edges.len(), &graph.node_targets[..]), (9, &[0.0, 0.0, 1.0][..]));
        assert!(graph.edges.contains(&(1, 1)), "edges to oneself belong to it");
        assert_eq!(order(&graph.node_inputs), [2, 0, 1]);
    }
}
