//! Small graphs that change step by step: traces of algorithms, derivation trees, links that a model predicts.

use serde::{Deserialize, Serialize};

use super::missing;

/// Graphs side by side that are stepped through together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Graphs {
    /// What the states of nodes are called, by their numbers.
    pub states: Vec<String>,
    /// What steps are called beside their number; empty where that says it all.
    pub steps: Vec<String>,
    /// From left to right.
    pub graphs: Vec<Graph>,
}

/// One graph through its steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// Caption.
    pub label: String,
    /// Whether edges have a direction.
    pub directed: bool,
    /// Where nodes stand.
    pub layout: Layout,
    /// Names of the nodes.
    pub nodes: Vec<String>,
    /// One a step; where there are fewer than steps, the last one stays.
    pub frames: Vec<Frame>,
}

/// Where the nodes of a graph stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Evenly on a circle, clockwise from the top.
    #[default]
    Circle,
    /// Where each frame places them.
    Placed,
    /// In reading order from left to right, each below the node that an edge reaches it from: a tree of the words of a
    /// sentence.
    Tree,
}

/// A graph at one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// A line about this step; may be empty.
    pub note: String,
    /// Whether something happens here that one would go to.
    pub marked: bool,
    /// How each node stands, in the order of the graph's nodes; those that are not here are not drawn.
    pub nodes: Vec<NodeState>,
    /// The edges of this step.
    pub edges: Vec<Edge>,
}

/// A node at one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeState {
    /// Number of its state: gives colour and glyph.
    pub state: usize,
    /// A word or a value beside it; may be empty.
    pub value: String,
    /// Where it stands when the layout is `Placed`: right and up, in any unit that all nodes share.
    #[serde(with = "missing::place", default)]
    pub place: Option<(f64, f64)>,
}

/// How an edge is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    /// It is there.
    #[default]
    Plain,
    /// It is what the step is about: a pointer, a path, a head that was chosen.
    Chosen,
    /// It disagrees with what is right.
    Wrong,
    /// What would be right, or what was before.
    Reference,
}

impl EdgeKind {
    /// Its name, as files have it.
    pub const fn name(self) -> &'static str {
        match self {
            EdgeKind::Plain => "plain",
            EdgeKind::Chosen => "chosen",
            EdgeKind::Wrong => "wrong",
            EdgeKind::Reference => "reference",
        }
    }
}

/// An edge at one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// Place of the node that it leaves.
    pub from: usize,
    /// Place of the node that it reaches.
    pub to: usize,
    /// Strength in 0 to 1 (attention, a probability), shown as brightness.
    #[serde(with = "missing::one")]
    pub weight: f64,
    /// Stroke.
    pub kind: EdgeKind,
}

impl Graph {
    /// The frame of a step; `None` while there is none.
    pub fn frame(&self, step: usize) -> Option<&Frame> {
        self.frames.get(step.min(self.frames.len().saturating_sub(1)))
    }

    /// Where the nodes of a frame stand, in 0 to 1 rightwards and upwards; `None` for one that has no place.
    /// What moves through the frames keeps one scale.
    pub fn places(&self, step: usize) -> Vec<Option<(f64, f64)>> {
        let Some(frame) = self.frame(step) else { return Vec::new() };
        let count = self.nodes.len().min(frame.nodes.len());
        match self.layout {
            Layout::Circle => (0..count).map(|node| Some(on_circle(node, count))).collect(),
            Layout::Placed => {
                let (low, high) = self.corners();
                let within = |at: f64, low: f64, high: f64| if high > low { (at - low) / (high - low) } else { 0.5 };
                let place = |(x, y): (f64, f64)| (within(x, low.0, high.0), within(y, low.1, high.1));
                frame.nodes[..count].iter().map(|node| node.place.filter(is_finite).map(place)).collect()
            }
            Layout::Tree => in_tree(count, &frame.edges).into_iter().map(Some).collect(),
        }
    }

    /// Lower left and upper right corner of every place in every frame.
    fn corners(&self) -> ((f64, f64), (f64, f64)) {
        let all = self.frames.iter().flat_map(|frame| &frame.nodes).filter_map(|node| node.place.filter(is_finite));
        let none = ((f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        all.fold(none, |(low, high), (x, y)| ((low.0.min(x), low.1.min(y)), (high.0.max(x), high.1.max(y))))
    }
}

impl Graphs {
    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.graphs.iter().map(|graph| graph.frames.len()).max().unwrap_or(0)
    }

    /// Whether nothing is to be seen yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next marked step behind one, or the one before it.
    pub fn marked_from(&self, step: usize, on: bool) -> Option<usize> {
        let marked =
            |step: &usize| self.graphs.iter().any(|graph| graph.frames.get(*step).is_some_and(|frame| frame.marked));
        if on { (step + 1..self.len()).find(marked) } else { (0..step.min(self.len())).rev().find(marked) }
    }
}

fn is_finite((x, y): &(f64, f64)) -> bool {
    x.is_finite() && y.is_finite()
}

fn on_circle(node: usize, count: usize) -> (f64, f64) {
    let angle = std::f64::consts::TAU * node as f64 / count.max(1) as f64;
    (0.5 + 0.5 * angle.sin(), 0.5 + 0.5 * angle.cos())
}

/// Reading order gives the column, the number of edges above it the row; an edge of a circle counts once.
fn in_tree(count: usize, edges: &[Edge]) -> Vec<(f64, f64)> {
    let mut head = vec![None; count];
    for edge in edges.iter().filter(|edge| edge.kind != EdgeKind::Reference && edge.from != edge.to) {
        if let Some(head) = head.get_mut(edge.to).filter(|_| edge.from < count) {
            *head = Some(edge.from);
        }
    }
    let depth = |node: usize| std::iter::successors(Some(node), |at| head[*at]).take(count.max(1)).count() - 1;
    let depths: Vec<usize> = (0..count).map(depth).collect();
    let deepest = depths.iter().copied().max().unwrap_or(0).max(1) as f64;
    let column = |node: usize| if count > 1 { node as f64 / (count - 1) as f64 } else { 0.5 };
    depths.iter().enumerate().map(|(node, depth)| (column(node), 1.0 - *depth as f64 / deepest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(layout: Layout, nodes: Vec<NodeState>, edges: &[(usize, usize)]) -> Graph {
        let edge = |&(from, to): &(usize, usize)| Edge { from, to, weight: 1.0, kind: EdgeKind::Plain };
        let names = (0..nodes.len()).map(|node| node.to_string()).collect();
        let frame = Frame { nodes, edges: edges.iter().map(edge).collect(), ..Frame::default() };
        Graph { layout, nodes: names, frames: vec![frame], ..Graph::default() }
    }

    fn placed(x: f64, y: f64) -> NodeState {
        NodeState { place: Some((x, y)), ..NodeState::default() }
    }

    #[test]
    fn a_tree_stands_in_reading_order_below_its_root() {
        let tree = graph(Layout::Tree, vec![NodeState::default(); 3], &[(1, 0), (1, 2)]);
        assert_eq!(tree.places(0), [(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)].map(Some));
        let round = graph(Layout::Tree, vec![NodeState::default(); 2], &[(0, 1), (1, 0), (7, 1), (0, 9)]);
        assert_eq!(round.places(5).len(), 2, "a circle and edges to nowhere end");
    }

    #[test]
    fn places_fill_the_unit_square_through_all_frames() {
        let mut moving = graph(Layout::Placed, vec![placed(-1.0, 2.0), placed(1.0, 2.0)], &[]);
        moving.frames.push(Frame { nodes: vec![placed(3.0, 4.0), placed(f64::NAN, 0.0)], ..Frame::default() });
        assert_eq!(moving.places(0), [Some((0.0, 0.0)), Some((0.5, 0.0))]);
        assert_eq!(moving.places(1), [Some((1.0, 1.0)), None]);
        let still = graph(Layout::Placed, vec![placed(7.0, 7.0)], &[]);
        assert_eq!(still.places(0), [Some((0.5, 0.5))]);
        let round = graph(Layout::Circle, vec![NodeState::default(); 4], &[]);
        assert_eq!(round.places(0)[0], Some((0.5, 1.0)));
        assert!(Graph::default().places(0).is_empty());
    }

    #[test]
    fn a_walk_goes_from_mark_to_mark() {
        let mut one = graph(Layout::Circle, Vec::new(), &[]);
        one.frames = [false, true, false, true].map(|marked| Frame { marked, ..Frame::default() }).to_vec();
        let all = Graphs { graphs: vec![Graph::default(), one], ..Graphs::default() };
        assert_eq!((all.len(), all.is_empty(), Graphs::default().is_empty()), (4, false, true));
        assert_eq!([0, 1, 3].map(|step| all.marked_from(step, true)), [Some(1), Some(3), None]);
        assert_eq!([3, 1, 9].map(|step| all.marked_from(step, false)), [Some(1), None, Some(3)]);
    }
}
