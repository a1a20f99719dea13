//! Classical graph algorithms as tasks: Erdos-Renyi graphs, and every state that a textbook algorithm goes through on
//! them, with the semantics and tie-breaking of the CLRS benchmark (Velickovic et al. 2022): the lowest index for
//! breadth-first search, strict improvement for Bellman-Ford, the lowest white neighbour for depth-first search.

mod bellman_ford;
mod bfs;
pub mod dfs;
mod guess;
mod rows;
mod sample;
mod sequential;

pub(super) use rows::{BELLMAN_FORD, BFS, DFS, SEQUENTIAL_BFS};
pub use sample::{GRID, Sample};

/// An algorithm that points every node at another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Breadth-first search, a layer a step.
    Bfs,
    /// Shortest paths from a source, all edges relaxed in a step.
    BellmanFord,
    /// Depth-first search from node 0 on over all roots, a move of the current node a step.
    Dfs,
    /// The breadth-first search of CLRS with its outer loop unrolled: a node a step, 3n steps. Only graphs that are
    /// searched through in three rounds.
    SequentialBfs,
}

/// What kind of thing a hint tells of every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintKind {
    /// Zero or one.
    Mask,
    /// A number, a multiple of 1/[`GRID`].
    Scalar,
    /// One at a single node of the graph, or at none.
    MaskOne,
    /// One of so many classes, one-hot.
    Category(usize),
}

/// A hint beside the pointers, which every algorithm has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Its name in CLRS.
    pub name: &'static str,
    /// What it tells.
    pub kind: HintKind,
}

/// A state of an algorithm.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Where every node points.
    pub pointers: Vec<usize>,
    /// Every hint of every node, `[nodes, width]`.
    pub hints: Vec<f32>,
}

/// All states from the first to the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// At least the first.
    pub states: Vec<State>,
}

const fn hint(name: &'static str, kind: HintKind) -> Hint {
    Hint { name, kind }
}

static BFS_HINTS: [Hint; 1] = [hint("reach", HintKind::Mask)];
static BELLMAN_FORD_HINTS: [Hint; 2] = [hint("d", HintKind::Scalar), hint("mask", HintKind::Mask)];
static DFS_HINTS: [Hint; 2] = [hint("color", HintKind::Category(3)), hint("u", HintKind::MaskOne)];
static SEQUENTIAL_HINTS: [Hint; 3] =
    [hint("reach", HintKind::Mask), hint("prev_reach", HintKind::Mask), hint("i", HintKind::MaskOne)];

impl HintKind {
    /// Numbers of a node.
    pub const fn width(self) -> usize {
        match self {
            HintKind::Category(classes) => classes,
            _ => 1,
        }
    }
}

impl Trace {
    /// Steps from state to state; one where nothing ever changes, as in CLRS.
    pub fn steps(&self) -> usize {
        (self.states.len() - 1).max(1)
    }

    /// The state after so many steps; the last one stays.
    pub fn at(&self, step: usize) -> &State {
        &self.states[step.min(self.states.len() - 1)]
    }

    /// The answer.
    pub fn pointers(&self) -> &[usize] {
        &self.at(usize::MAX).pointers
    }
}

impl Algorithm {
    /// Every one of them.
    pub const ALL: [Algorithm; 4] = [Algorithm::Bfs, Algorithm::BellmanFord, Algorithm::Dfs, Algorithm::SequentialBfs];

    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Bfs => "BFS",
            Algorithm::BellmanFord => "Bellman-Ford",
            Algorithm::Dfs => "DFS",
            Algorithm::SequentialBfs => "sequential BFS",
        }
    }

    /// Its hints beside the pointers, in the order in which states hold them.
    pub fn hints(self) -> &'static [Hint] {
        match self {
            Algorithm::Bfs => &BFS_HINTS,
            Algorithm::BellmanFord => &BELLMAN_FORD_HINTS,
            Algorithm::Dfs => &DFS_HINTS,
            Algorithm::SequentialBfs => &SEQUENTIAL_HINTS,
        }
    }

    /// Numbers that the hints of a node take together.
    pub fn hint_width(self) -> usize {
        self.hints().iter().map(|hint| hint.kind.width()).sum()
    }

    /// Whether its graphs have directed edges.
    pub fn is_directed(self) -> bool {
        self == Algorithm::Dfs
    }

    /// Most steps that it takes on graphs of so many nodes.
    pub fn most_steps(self, nodes: usize) -> usize {
        match self {
            // The last of n nodes is reached after n - 1 steps.
            Algorithm::Bfs | Algorithm::BellmanFord => nodes.saturating_sub(1).max(1),
            // A node is entered once and left once.
            Algorithm::Dfs => 2 * nodes,
            Algorithm::SequentialBfs => sequential::ROUNDS * nodes,
        }
    }

    /// Its states on a graph.
    pub fn trace(self, sample: &Sample) -> Trace {
        let states = match self {
            Algorithm::Bfs => bfs::states(sample),
            Algorithm::BellmanFord => bellman_ford::states(sample),
            Algorithm::Dfs => dfs::states(sample),
            Algorithm::SequentialBfs => sequential::states(sample),
        };
        Trace { states }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    /// The directed graph D6 of the CLRS tests.
    fn d6() -> Sample {
        let edges = [(0, 1), (0, 3), (1, 4), (2, 4), (2, 5), (3, 1), (4, 3), (5, 5)];
        Sample::of_edges(6, 0, edges.map(|(a, b)| (a, b, 1.0)), true)
    }

    fn undirected() -> Sample {
        let edges = [(0, 1), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3), (3, 4)];
        Sample::of_edges(5, 0, edges.map(|(a, b)| (a, b, 1.0)), false)
    }

    fn distances(trace: &Trace) -> Vec<f32> {
        trace.at(usize::MAX).hints.chunks(2).map(|hints| hints[0]).collect()
    }

    #[test]
    fn the_graphs_of_the_clrs_tests_have_their_answers() {
        assert_eq!(Algorithm::Bfs.trace(&undirected()).pointers(), [0, 0, 1, 1, 0]);
        assert_eq!(Algorithm::Bfs.trace(&d6()).pointers(), [0, 0, 2, 0, 1, 5]);
        assert_eq!(Algorithm::Dfs.trace(&d6()).pointers(), [0, 0, 2, 4, 1, 2]);
        assert_eq!(Algorithm::Dfs.trace(&undirected()).pointers(), [0, 0, 1, 2, 3]);
        let weighted = [(0, 1, 2.0), (0, 2, 3.0), (1, 2, 1.0), (1, 3, 3.0), (1, 4, 2.0), (2, 4, 1.0), (3, 4, 5.0)];
        let trace = Algorithm::BellmanFord.trace(&Sample::of_edges(5, 0, weighted, false));
        assert_eq!((trace.pointers(), distances(&trace)), (&[0, 0, 0, 1, 1][..], vec![0.0, 2.0, 3.0, 5.0, 4.0]));
        let directed =
            [(0, 1, 9.0), (0, 2, 3.0), (1, 2, 6.0), (1, 4, 2.0), (2, 1, 2.0), (2, 3, 1.0), (3, 2, 2.0), (3, 4, 2.0)];
        let trace = Algorithm::BellmanFord.trace(&Sample::of_edges(5, 0, directed, true));
        assert_eq!((trace.pointers(), distances(&trace)), (&[0, 2, 0, 2, 3][..], vec![0.0, 5.0, 3.0, 4.0, 6.0]));
    }

    #[test]
    fn traces_are_as_long_as_the_sheet_says() {
        let mean_states = |nodes: usize| {
            let states = |i: u64| {
                let sample = Sample::draw(Algorithm::Bfs, nodes, &mut Key::new(1).index(i).stream());
                Algorithm::Bfs.trace(&sample).states.len() as f64
            };
            (0..1000).map(states).sum::<f64>() / 1000.0
        };
        assert!((mean_states(8) - 3.6).abs() < 0.2 && (mean_states(16) - 4.2).abs() < 0.2);
        for algorithm in Algorithm::ALL {
            for i in 0..60 {
                let nodes = 4 + i as usize % 6;
                let sample = Sample::draw(algorithm, nodes, &mut Key::new(2).index(i).stream());
                let trace = algorithm.trace(&sample);
                assert!(trace.steps() <= algorithm.most_steps(nodes), "{algorithm:?} {nodes}: {}", trace.steps());
                let width = algorithm.hint_width() * nodes;
                assert!(trace.states.iter().all(|s| s.hints.len() == width && s.pointers.len() == nodes));
            }
        }
    }

    #[test]
    fn a_search_that_takes_one_node_a_step_gives_the_same_answer() {
        for i in 0..200 {
            let nodes = 4 + i as usize % 9;
            let sample = Sample::draw(Algorithm::SequentialBfs, nodes, &mut Key::new(3).index(i).stream());
            let (layers, nodewise) = (Algorithm::Bfs.trace(&sample), Algorithm::SequentialBfs.trace(&sample));
            assert_eq!(layers.pointers(), nodewise.pointers());
            assert_eq!(nodewise.steps(), 3 * nodes);
        }
    }
}
