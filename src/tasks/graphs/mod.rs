//! Tasks on graphs of any size: sorting, shortest paths, chains of masses and springs (the demos that came with
//! Battaglia et al. 2018), and a graph of a user's own from a list of edges.

pub mod edge_list;
mod rows;
pub mod shortest_path;
pub mod sort;
pub mod springs;
mod union;

pub(super) use rows::{MASS_SPRING, SHORTEST_PATH, SORTING};
pub use union::{Counts, Union};

/// How many numbers stand on an edge, a node and a graph, and how many are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Given on an edge.
    pub edge_inputs: usize,
    /// Given on a node.
    pub node_inputs: usize,
    /// Given on a graph.
    pub global_inputs: usize,
    /// Asked of an edge: a class is one number.
    pub edge_targets: usize,
    /// Asked of a node.
    pub node_targets: usize,
}

/// A directed graph with what is given and what is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// How many nodes there are.
    pub nodes: usize,
    /// (sender, receiver) of every edge.
    pub edges: Vec<(usize, usize)>,
    /// `[edges, edge_inputs]`.
    pub edge_inputs: Vec<f32>,
    /// `[nodes, node_inputs]`.
    pub node_inputs: Vec<f32>,
    /// `[global_inputs]`.
    pub global_inputs: Vec<f32>,
    /// `[edges, edge_targets]`.
    pub edge_targets: Vec<f32>,
    /// `[nodes, node_targets]`.
    pub node_targets: Vec<f32>,
}

impl Graph {
    /// The same graph with other numbers for its nodes: node i is what node `order[i]` was. Edges keep their order.
    ///
    /// # Panics
    /// If `order` does not name every node once.
    pub fn relabelled(&self, order: &[usize]) -> Graph {
        assert_eq!(order.len(), self.nodes, "one place a node");
        let mut now = vec![usize::MAX; self.nodes];
        order.iter().enumerate().for_each(|(i, old)| now[*old] = i);
        let rows = |values: &[f32]| -> Vec<f32> {
            let width = values.len() / self.nodes.max(1);
            order.iter().flat_map(|old| values[old * width..][..width].iter().copied()).collect()
        };
        Graph {
            edges: self.edges.iter().map(|(sender, receiver)| (now[*sender], now[*receiver])).collect(),
            node_inputs: rows(&self.node_inputs),
            node_targets: rows(&self.node_targets),
            ..self.clone()
        }
    }
}
