//! The graph-network block (Battaglia et al. 2018, section 3): edges, nodes and a global attribute are updated in turn
//! by functions that all of them share and by sums that do not depend on any order. Its variants (their section 4.2)
//! leave inputs out.
//!
//! Many graphs are one: a batch is the disjoint union of its graphs, so that nothing here knows of batches but the
//! number of the graph that an edge or a node is of. Entries of number -1 are padding: they reach nobody.

mod block;
mod kind;
#[cfg(test)]
mod tests;
mod update;

pub use block::{BlockShape, GraphBlock, Prepared};
pub use kind::{GraphKind, Reduce};

use crate::engine::Var;

/// How the graphs of a union hang together.
#[derive(Clone, Copy, Debug)]
pub struct Wiring<'g> {
    /// The node that every edge reaches, `[edges]`; -1 for padding, here and below.
    pub receivers: Var<'g>,
    /// The node that it leaves, `[edges]`.
    pub senders: Var<'g>,
    /// The graph that it is of, `[edges]`.
    pub edge_graphs: Var<'g>,
    /// The graph that every node is of, `[nodes]`.
    pub node_graphs: Var<'g>,
    /// Graphs of the union.
    pub graphs: usize,
}

/// Numbers on the edges, the nodes and the graphs of a union.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'g> {
    /// `[edges, width]`.
    pub edges: Var<'g>,
    /// `[nodes, width]`.
    pub nodes: Var<'g>,
    /// `[graphs, width]`.
    pub globals: Var<'g>,
}

/// How many numbers stand on an edge, a node and a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    /// On an edge.
    pub edges: usize,
    /// On a node.
    pub nodes: usize,
    /// On a graph.
    pub globals: usize,
}

impl Widths {
    /// The same on all three.
    pub const fn all(width: usize) -> Self {
        Widths { edges: width, nodes: width, globals: width }
    }
}

impl Wiring<'_> {
    /// Nodes of the union, padding too.
    pub fn nodes(&self) -> usize {
        self.node_graphs.shape()[0]
    }
}
