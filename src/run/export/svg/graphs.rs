//! Small graphs on paper: a row a step, up to four of them, each graph beside the others.

use svg::node::element::{Circle, Group, Path};

use super::draw::{Anchor, INK, Key, MUTED, Part, colour, fitted, glyph, legend, nothing, paragraph, px, stroke, text};
use crate::contract::{Edge, EdgeKind, Graph, Graphs};

/// Steps that are drawn at most.
const STEPS: usize = 4;
const HEIGHT: f64 = 200.0;
/// Room around the places of nodes, for their names.
const SIDE: f64 = 34.0;
const NODE: f64 = 6.0;
const WRONG: &str = "#c0392b";

/// Paints steps from the first to the last.
pub(super) fn paint(data: &Graphs, width: f64) -> Part {
    let Some(last) = data.len().checked_sub(1) else { return nothing(width) };
    let mut part = Part::new(width);
    let rows = STEPS.min(last + 1);
    let across = width / data.graphs.len().max(1) as f64;
    for row in 0..rows {
        let step = if rows > 1 { row * last / (rows - 1) } else { last };
        let name = data.steps.get(step).map_or("", String::as_str);
        part.stack(paragraph(&format!("step {} {name}", step + 1), 12.0, MUTED, "400", width), 14.0);
        let mut line = Part::new(0.0);
        for (at, graph) in data.graphs.iter().enumerate() {
            line.put(one(graph, step, across - 8.0), across * at as f64, 0.0);
        }
        part.stack(line, 4.0);
    }
    part.stack(states(data, width), 8.0);
    part
}

fn states(data: &Graphs, width: f64) -> Part {
    let keys = data
        .states
        .iter()
        .enumerate()
        .filter(|(_, label)| !label.is_empty())
        .map(|(state, label)| Key { label, sample: Group::new().add(glyph(state, 13.0, 7.0, 4.5)) });
    legend(keys.collect(), width)
}

fn one(graph: &Graph, step: usize, width: f64) -> Part {
    let mut part = Part::new(width);
    let Some(frame) = graph.frame(step) else { return part };
    let title = if frame.note.is_empty() { graph.label.clone() } else { format!("{}: {}", graph.label, frame.note) };
    part.add(text(&fitted(&title, 11.0, width), 0.0, 11.0, 11.0, Anchor::Start, INK));
    let at = |(x, y): (f64, f64)| (SIDE + x * (width - 2.0 * SIDE), 30.0 + (1.0 - y) * (HEIGHT - 60.0));
    let places: Vec<Option<(f64, f64)>> = graph.places(step).into_iter().map(|place| place.map(at)).collect();
    for edge in frame.edges.iter().filter(|edge| edge.from != edge.to && edge.weight > 0.0) {
        if let (Some(Some(from)), Some(Some(to))) = (places.get(edge.from), places.get(edge.to)) {
            part.add(drawn(edge, *from, *to));
            if graph.directed {
                part.add(head(edge, *from, *to));
            }
        }
    }
    for ((name, node), place) in graph.nodes.iter().zip(&frame.nodes).zip(&places) {
        let Some((x, y)) = *place else { continue };
        let dot = Circle::new().set("cx", px(x)).set("cy", px(y)).set("r", NODE + 2.0).set("fill", "#ffffff");
        part.add(dot);
        part.add(glyph(node.state, x, y, NODE));
        let words = if node.value.is_empty() { name.clone() } else { format!("{name} {}", node.value) };
        part.add(text(&fitted(&words, 10.0, 2.0 * SIDE), x, y - NODE - 4.0, 10.0, Anchor::Middle, INK));
    }
    part.height = HEIGHT;
    part
}

/// Colour, width and opacity.
fn ink(edge: &Edge) -> (&'static str, f64, f64) {
    match edge.kind {
        EdgeKind::Plain => (MUTED, 1.2, edge.weight.clamp(0.05, 1.0)),
        EdgeKind::Chosen => (colour(0), 2.4, 1.0),
        EdgeKind::Wrong => (WRONG, 2.0, 1.0),
        EdgeKind::Reference => (MUTED, 1.0, 0.6),
    }
}

fn drawn(edge: &Edge, from: (f64, f64), to: (f64, f64)) -> Path {
    let (ink, width, opacity) = ink(edge);
    let line = stroke(from, to, ink, width).set("stroke-opacity", px(opacity));
    match edge.kind {
        EdgeKind::Reference => line.set("stroke-dasharray", "2 3"),
        EdgeKind::Wrong => line.set("stroke-dasharray", "6 3"),
        EdgeKind::Plain | EdgeKind::Chosen => line,
    }
}

/// A small triangle where the edge reaches its node.
fn head(edge: &Edge, from: (f64, f64), to: (f64, f64)) -> Path {
    let (across, down) = (to.0 - from.0, to.1 - from.1);
    let length = across.hypot(down).max(1e-9);
    let (along, side) = ((across / length, down / length), (-down / length, across / length));
    let tip = (to.0 - along.0 * (NODE + 2.0), to.1 - along.1 * (NODE + 2.0));
    let corner = |by: f64| (px(tip.0 - along.0 * 7.0 + side.0 * by), px(tip.1 - along.1 * 7.0 + side.1 * by));
    let ((ax, ay), (bx, by)) = (corner(3.0), corner(-3.0));
    let (ink, _, opacity) = ink(edge);
    let course = format!("M{} {}L{ax} {ay}L{bx} {by}Z", px(tip.0), px(tip.1));
    Path::new().set("d", course).set("fill", ink).set("fill-opacity", px(opacity))
}
