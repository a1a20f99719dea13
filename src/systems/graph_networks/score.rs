//! How right answers about edges and nodes are: F1 of the edges that are there, whole graphs solved.

use crate::tasks::graphs::Graph;

/// The answers about one graph: probabilities that edges and nodes are of class 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) edges: Vec<f32>,
    pub(super) nodes: Vec<f32>,
}

/// What of one graph was found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Found {
    /// Nodes of the graph.
    pub(super) size: usize,
    /// Edges that are there, that were said to be, and both.
    there: usize,
    said: usize,
    both: usize,
    /// Whether every edge and every node that was answered is right.
    solved: bool,
}

impl Found {
    /// Scores an answer; each edge and node stands for itself, and the larger probability is what is said.
    pub(super) fn new(graph: &Graph, answer: &Answer) -> Self {
        let says = |probability: &f32| *probability > 0.5;
        let mut found = Found { size: graph.nodes, solved: true, ..Found::default() };
        for (probability, target) in answer.edges.iter().zip(&graph.edge_targets) {
            let (said, there) = (says(probability), *target == 1.0);
            found.there += usize::from(there);
            found.said += usize::from(said);
            found.both += usize::from(said && there);
            found.solved &= said == there;
        }
        let nodes = answer.nodes.iter().zip(&graph.node_targets);
        found.solved &= nodes.into_iter().all(|(probability, target)| says(probability) == (*target == 1.0));
        found
    }

    /// F1 of this graph alone.
    pub(super) fn f1(&self) -> f64 {
        f1(&[*self])
    }
}

/// F1 over the edges of many graphs; 0 where nothing is there and nothing said.
pub(super) fn f1(all: &[Found]) -> f64 {
    let sum = |of: fn(&Found) -> usize| all.iter().map(of).sum::<usize>() as f64;
    let (there, said, both) = (sum(|f| f.there), sum(|f| f.said), sum(|f| f.both));
    2.0 * both / (there + said).max(1.0)
}

/// The share of graphs of which everything is right.
pub(super) fn solved(all: &[Found]) -> f64 {
    all.iter().filter(|found| found.solved).count() as f64 / all.len().max(1) as f64
}

/// What no message passing could reach on lists: an edge that knows its two numbers and nothing else can only ask
/// whether the gap between them is above 0 and below some t. The best F1 over all t, and that t, on these very lists.
pub(super) fn gap_rule(lists: &[Graph]) -> (f64, f64) {
    let mut gaps: Vec<(f64, bool)> = Vec::new();
    for graph in lists {
        for ((sender, receiver), target) in graph.edges.iter().zip(&graph.edge_targets) {
            let gap = f64::from(graph.node_inputs[*receiver]) - f64::from(graph.node_inputs[*sender]);
            if gap > 0.0 {
                gaps.push((gap, *target == 1.0));
            }
        }
    }
    gaps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let there = gaps.iter().filter(|(_, linked)| *linked).count() as f64;
    let (mut both, mut best) = (0.0, (0.0, 0.0));
    for (said, (gap, linked)) in gaps.iter().enumerate() {
        both += f64::from(u8::from(*linked));
        let f1 = 2.0 * both / (there + said as f64 + 1.0);
        if f1 > best.0 {
            best = (f1, *gap);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use crate::tasks::graphs::sort;

    fn lists(sizes: (usize, usize), count: u64) -> Vec<Graph> {
        let of = |i| sort::graph(&sort::list(&(sizes.0..=sizes.1), &mut Key::new(20).index(i).stream()));
        (0..count).map(of).collect()
    }

    /// Says an edge where the gap is above 0 and below t; nodes rightly.
    fn by_gap(graph: &Graph, t: f32) -> Found {
        let says = |(s, r): &(usize, usize)| {
            let gap = graph.node_inputs[*r] - graph.node_inputs[*s];
            f32::from(gap > 0.0 && gap < t)
        };
        Found::new(graph, &Answer { edges: graph.edges.iter().map(says).collect(), nodes: graph.node_targets.clone() })
    }

    #[test]
    fn without_other_elements_links_are_found_as_the_sheet_computed() {
        let (small, twice, four) = (lists((4, 8), 1500), lists((9, 16), 1500), lists((17, 32), 600));
        let at = |all: &[Graph], t: f32| {
            let found: Vec<Found> = all.iter().map(|graph| by_gap(graph, t)).collect();
            (f1(&found), solved(&found))
        };
        let near = |found: f64, sheet: f64| assert!((found - sheet).abs() < 0.015, "{found} where {sheet} is right");
        near(at(&small, 0.2).0, 0.697);
        near(at(&small, 0.2).1, 0.012);
        near(at(&twice, 0.2).0, 0.565);
        near(at(&four, 0.2).0, 0.358);
        let best = gap_rule(&small);
        near(best.0, 0.697);
        assert!((best.1 - 0.2).abs() < 0.05, "{best:?}");
        near(gap_rule(&twice).0, 0.663);
        near(gap_rule(&four).0, 0.639);
    }

    #[test]
    fn saying_nothing_is_mostly_right_and_worth_nothing() {
        for (sizes, sheet) in [((9, 16), 0.929), ((17, 32), 0.962)] {
            let all = lists(sizes, 600);
            let (mut edges, mut wrong, mut found) = (0, 0.0, Vec::new());
            for graph in &all {
                edges += graph.edges.len();
                wrong += graph.edge_targets.iter().sum::<f32>();
                let nothing = Answer { edges: vec![0.0; graph.edges.len()], nodes: graph.node_targets.clone() };
                found.push(Found::new(graph, &nothing));
            }
            let accuracy = 1.0 - f64::from(wrong) / edges as f64;
            assert!((accuracy - sheet).abs() < 0.002, "{accuracy}");
            assert_eq!((f1(&found), solved(&found)), (0.0, 0.0));
        }
    }

    #[test]
    fn the_right_answer_solves_a_graph() {
        let graph = &lists((5, 5), 1)[0];
        let right = Answer { edges: graph.edge_targets.clone(), nodes: graph.node_targets.clone() };
        let found = Found::new(graph, &right);
        assert_eq!((found.f1(), solved(&[found]), found.size), (1.0, 1.0, 5));
        let wrong = Answer { nodes: vec![0.0; 5], ..right };
        assert_eq!(solved(&[Found::new(graph, &wrong)]), 0.0);
    }
}
