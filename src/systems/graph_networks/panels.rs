//! What there is to see of one trial of sorting or of shortest paths.

use super::score::Answer;
use super::settings::{Condition, RANGES};
use super::student::Student;
use super::trial::{LinkTrial, Look};
use crate::contract::{
    Axis, Body, Dash, Edge, EdgeKind, Frame, Graph as Drawn, Graphs, Image, Images, Layout, Line, Lines, NodeState,
    Panel,
};
use crate::tasks::graphs::shortest_path::Map;
use crate::tasks::graphs::{Graph, sort};

/// Every panel.
pub(super) fn panels(trial: &mut LinkTrial, looks: &[Look]) -> Vec<Panel> {
    let mut panels = vec![learning(trial, looks)];
    let graph = trial.shown(1).clone();
    let answers = trial.student.steps(&graph);
    if trial.condition == Condition::Path {
        panels.push(path(&graph, &answers));
        panels.extend(own_path(trial));
    } else {
        panels.push(links(&graph, &answers));
    }
    if let Student::Graphs(network) = &mut trial.student {
        let kind = trial.settings.shape(trial.condition).kind;
        panels.push(anatomy(kind.name(), &kind.arrows(), &network.magnitudes(&graph)));
    }
    panels
}

fn learning(trial: &LinkTrial, looks: &[Look]) -> Panel {
    let step = |look: &Look| look.step as f64;
    let named = |range: usize| RANGES[range].replace('_', " ");
    let found = (0..trial.tests.len()).map(|range| Line {
        label: format!("F1, {}", named(range)),
        dash: Dash::Solid,
        points: looks.iter().map(|look| (step(look), look.f1[range])).collect(),
    });
    let solved = (0..trial.tests.len().min(2)).map(|range| Line {
        label: format!("solved, {}", named(range)),
        dash: Dash::Dashed,
        points: looks.iter().map(|look| (step(look), look.solved[range])).collect(),
    });
    let bounds = trial.bounds.iter().enumerate().take(2).map(|(range, bound)| Line {
        label: format!("gap alone, {}", named(range)),
        dash: Dash::Dotted,
        points: looks.iter().map(|look| (step(look), *bound)).collect(),
    });
    let lines = found.chain(solved).chain(bounds).collect();
    let y = Axis::linear("share").within(0.0, 1.0);
    Panel::new(
        "learning",
        "Graphs of the sizes trained on, and larger ones",
        "F1 of the edges that are there, each edge judged by itself, and the share of graphs of which everything is right. \
         Dotted: the best that an edge could do that knows its own two numbers alone. Below it nothing was heard from \
         anybody.",
        Body::Lines(Lines { x: Axis::linear("training step"), y, lines, marks: Vec::new() }),
    )
}

/// The links of a list in sorted order, one image a processing step.
fn links(graph: &Graph, answers: &[Answer]) -> Panel {
    let (count, ranks) = (graph.nodes, sort::ranks(&graph.node_inputs));
    let image = |label: String, values: &[f32]| {
        let mut pixels = vec![0.0; count * count];
        for ((sender, receiver), value) in graph.edges.iter().zip(values) {
            pixels[ranks[*sender] * count + ranks[*receiver]] = *value;
        }
        Image { label, width: count, height: count, pixels }
    };
    let steps = answers.iter().enumerate().map(|(step, answer)| image(format!("step {}", step + 1), &answer.edges));
    let truth = image("right".into(), &graph.edge_targets);
    Panel::new(
        "links",
        "Links of one list, step by step",
        "From each number (row) to each number (column), both from the smallest to the largest: the probability that the \
         second is the next larger one. The diagonal above the main one should light up and everything else go dark; a \
         broad band says that only the gap is known.",
        Body::Images(Images { images: steps.chain([truth]).collect() }),
    )
    .noting(format!("a test list of {count} numbers"))
}

const PLACE_STATES: [&str; 4] = ["place", "start", "end", "said to be on the path"];

/// A map with the path that is said, one frame a processing step.
fn drawn(label: String, names: &[String], graph: &Graph, answers: &[Answer]) -> Drawn {
    let input = |node: usize, i: usize| graph.node_inputs[node * 5 + i];
    let frame = |(step, answer): (usize, &Answer)| {
        let node = |node: usize| {
            let said = answer.nodes[node] > 0.5;
            let state = match (input(node, 3) == 1.0, input(node, 4) == 1.0) {
                (true, _) => 1,
                (_, true) => 2,
                _ if said => 3,
                _ => 0,
            };
            let place = Some((f64::from(input(node, 0)), f64::from(input(node, 1))));
            NodeState { state, value: String::new(), place }
        };
        // A road is two edges; the stronger direction is drawn.
        let edge = |i: usize| {
            let (from, to) = graph.edges[i];
            let probability = answer.edges[i].max(answer.edges[i + 1]);
            let right = graph.edge_targets[i].max(graph.edge_targets[i + 1]) == 1.0;
            let kind = match (probability > 0.5, right) {
                (true, true) => EdgeKind::Chosen,
                (true, false) => EdgeKind::Wrong,
                (false, true) => EdgeKind::Reference,
                (false, false) => EdgeKind::Plain,
            };
            Edge { from, to, weight: f64::from(probability), kind }
        };
        let edges: Vec<Edge> = (0..graph.edges.len()).step_by(2).map(edge).collect();
        let wrong = edges.iter().filter(|e| [EdgeKind::Wrong, EdgeKind::Reference].contains(&e.kind)).count();
        Frame {
            note: format!("step {}: {wrong} roads wrong", step + 1),
            marked: wrong == 0,
            nodes: (0..graph.nodes).map(node).collect(),
            edges,
        }
    };
    let frames = answers.iter().enumerate().map(frame).collect();
    Drawn { label, directed: false, layout: Layout::Placed, nodes: names.to_vec(), frames }
}

fn path_panel(id: &str, title: &str, drawn: Drawn) -> Panel {
    let graphs = Graphs { states: PLACE_STATES.map(str::to_owned).to_vec(), steps: Vec::new(), graphs: vec![drawn] };
    Panel::new(
        id,
        title,
        "Roads by how probable it is that the path takes them, step by step; chosen rightly, chosen wrongly, and the way \
         that would have been right where it is missed.",
        Body::Graphs(graphs),
    )
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|node| node.to_string()).collect()
}

fn path(graph: &Graph, answers: &[Answer]) -> Panel {
    let drawn = drawn(format!("{} places", graph.nodes), &numbered(graph.nodes), graph, answers);
    path_panel("path", "The shortest path, as it is found", drawn)
}

/// The same on a user's graph, between the two places that are farthest apart.
fn own_path(trial: &mut LinkTrial) -> Option<Panel> {
    let own = trial.own.as_ref()?;
    let (map, names): (&Map, Vec<String>) = (&own.map, own.names.clone());
    let (start, end) = map.farthest();
    let graph = map.graph(start, end);
    let (length, label) = (map.path(start, end)?.1, format!("from {} to {}", names[start], names[end]));
    let answers = trial.student.steps(&graph);
    let panel = path_panel("own-path", "The shortest path in your graph", drawn(label, &names, &graph, &answers));
    let scale = "laid out by its distances; lengths in the same scale";
    Some(panel.noting(format!("length {length:.3} of the width of the map, {scale}")))
}

/// The block as boxes: what comes in above, what goes out below.
pub(super) fn anatomy(kind: &str, arrows: &[(usize, usize)], magnitudes: &[[f64; 3]]) -> Panel {
    const NAMES: [&str; 6] = ["edges", "nodes", "graph", "edges'", "nodes'", "graph'"];
    let frame = |(step, after): (usize, &[f64; 3])| {
        // What goes out of a step comes into the next.
        let before = step.checked_sub(1).map(|before| magnitudes[before]);
        let of = |part: usize| if part < 3 { before.map(|before| before[part]) } else { Some(after[part - 3]) };
        let largest = (0..6).filter_map(of).fold(f64::MIN_POSITIVE, f64::max);
        let node = |part: usize| NodeState {
            state: usize::from(part >= 3),
            value: of(part).map_or_else(String::new, |mean| format!("{mean:.2}")),
            place: Some(((part % 3) as f64, if part < 3 { 1.0 } else { 0.0 })),
        };
        let edge = |(from, to): &(usize, usize)| Edge {
            from: *from,
            to: *to,
            weight: of(*from).map_or(0.5, |mean| mean / largest),
            kind: if *from < 3 { EdgeKind::Plain } else { EdgeKind::Chosen },
        };
        Frame {
            note: format!("step {}", step + 1),
            marked: false,
            nodes: (0..6).map(node).collect(),
            edges: arrows.iter().map(edge).collect(),
        }
    };
    let drawn = Drawn {
        label: kind.to_owned(),
        directed: true,
        layout: Layout::Placed,
        nodes: NAMES.map(str::to_owned).to_vec(),
        frames: magnitudes.iter().enumerate().map(frame).collect(),
    };
    let graphs = Graphs { states: vec!["comes in".into(), "goes out".into()], steps: Vec::new(), graphs: vec![drawn] };
    Panel::new(
        "anatomy",
        "Anatomy of the block",
        "Which update reads what, and the mean magnitude of what it reads, on one test graph: edges' feeds nodes', both \
         feed graph', and all three come in at the next step. An arrow that is missing is an input that this variant \
         leaves out.",
        Body::Graphs(graphs),
    )
}
