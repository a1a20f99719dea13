//! Erdos-Renyi graphs as CLRS draws them.

use rand::RngExt;

use super::{Algorithm, guess, sequential};
use crate::base::random::Stream;

/// Weights are multiples of 1/this, so that sums and comparisons of them are exact.
pub const GRID: f32 = 64.0;
/// Probability of an entry of the matrix that is drawn.
const DENSITY: f64 = 0.5;

/// A graph with what an algorithm is given on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// How many nodes there are.
    pub nodes: usize,
    /// Where they stand, ascending in 0 to 1: the order in which ties are broken.
    pub positions: Vec<f32>,
    /// Where a search begins; node 0 where the algorithm has no source.
    pub source: usize,
    /// The weight of the edge from a node (row) to another (column), 0 where there is none, `[nodes, nodes]`.
    pub edges: Vec<f32>,
}

impl Sample {
    /// A graph for an algorithm: entries of a matrix M with probability 1/2; undirected graphs have the edges of
    /// M * M^T, their weights are `sqrt(w * w^T + 1e-3)` for uniform w, rounded to the grid. The diagonal stays.
    /// Positions are sorted uniform numbers (`random_pos`).
    pub fn draw(algorithm: Algorithm, nodes: usize, stream: &mut Stream) -> Self {
        loop {
            let sample = Sample::any(algorithm, nodes, stream);
            if algorithm != Algorithm::SequentialBfs || sequential::is_covered(&sample) {
                return sample;
            }
        }
    }

    fn any(algorithm: Algorithm, nodes: usize, stream: &mut Stream) -> Self {
        let drawn: Vec<bool> = (0..nodes * nodes).map(|_| stream.random_bool(DENSITY)).collect();
        let weights: Vec<f32> = (0..nodes * nodes).map(|_| stream.random()).collect();
        let weight = |i: usize, j: usize| {
            let (there, back) = (i * nodes + j, j * nodes + i);
            let joined = drawn[there] && (algorithm.is_directed() || drawn[back]);
            match algorithm {
                Algorithm::BellmanFord if joined => {
                    ((weights[there] * weights[back] + 1e-3).sqrt() * GRID).round() / GRID
                }
                _ => f32::from(joined),
            }
        };
        let mut positions: Vec<f32> = (0..nodes).map(|_| stream.random()).collect();
        positions.sort_by(f32::total_cmp);
        let source = if algorithm == Algorithm::Dfs { 0 } else { stream.random_range(0..nodes) };
        let edges = (0..nodes * nodes).map(|at| weight(at / nodes, at % nodes)).collect();
        Sample { nodes, positions, source, edges }
    }

    /// A graph of given edges (from, to, weight), which go both ways unless they are directed; positions are even.
    pub fn of_edges(
        nodes: usize,
        source: usize,
        edges: impl IntoIterator<Item = (usize, usize, f32)>,
        directed: bool,
    ) -> Self {
        let mut all = vec![0.0; nodes * nodes];
        for (from, to, weight) in edges {
            all[from * nodes + to] = weight;
            if !directed {
                all[to * nodes + from] = weight;
            }
        }
        let positions = (0..nodes).map(|i| i as f32 / nodes as f32).collect();
        Sample { nodes, positions, source, edges: all }
    }

    /// The weight of the edge from a node to another; 0 where there is none.
    pub fn edge(&self, from: usize, to: usize) -> f32 {
        self.edges[from * self.nodes + to]
    }

    /// Where every node would point that knew its edges alone: at its lowest neighbour, at itself without one.
    pub fn lowest_neighbours(&self) -> Vec<usize> {
        guess::lowest(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn graphs_are_as_dense_as_clrs_has_them_and_their_weights_on_the_grid() {
        for (algorithm, density) in [(Algorithm::Bfs, 0.25), (Algorithm::BellmanFord, 0.25), (Algorithm::Dfs, 0.5)] {
            let (mut there, mut diagonal) = (0, 0);
            for i in 0..200 {
                let sample = Sample::draw(algorithm, 10, &mut Key::new(4).index(i).stream());
                assert!(sample.positions.is_sorted());
                for (from, to) in (0..100).map(|at| (at / 10, at % 10)) {
                    let weight = sample.edge(from, to);
                    assert_eq!((weight * GRID).fract(), 0.0);
                    assert!(weight == 0.0 || weight * GRID >= 1.0, "an edge must not vanish on the grid");
                    assert!(algorithm.is_directed() || weight == sample.edge(to, from));
                    there += usize::from(from != to && weight > 0.0);
                    diagonal += usize::from(from == to && weight > 0.0);
                }
            }
            assert!((there as f64 / (200.0 * 90.0) - density).abs() < 0.02, "{algorithm:?} {there}");
            assert!((diagonal as f64 / 2000.0 - 0.5).abs() < 0.05, "the diagonal stays");
        }
    }
}
