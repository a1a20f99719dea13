//! Small graphs at one of their steps: nodes as words, edges as lines, side by side.

use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::beside::part;
use super::nothing;
use crate::contract::{Dash, Edge, EdgeKind, Frame, Graph, Graphs};
use crate::tui::canvas::Canvas;
use crate::tui::look::{Glyphs, Look};
use crate::tui::pen::{Pen, shorten};

/// Least columns and rows of one graph.
const LEAST: (u16, u16) = (16, 5);

/// Edges weaker than this are not drawn.
const FAINTEST: f64 = 0.08;

/// Paints the graphs at a step; those without room are counted.
pub(in crate::tui) fn paint(pen: &mut Pen, data: &Graphs, step: usize) {
    let Some(last) = data.len().checked_sub(1) else { return nothing(pen, "no step yet") };
    let step = step.min(last);
    let top = if pen.height() > 4 { heading(pen, data, step) } else { 0 };
    let mut pen = pen.inset(0, top, 0, 0);
    let (width, height) = (pen.width(), pen.height());
    let count = data.graphs.len() as u16;
    // Side by side where there is room, else one above the other.
    let across = count.min((width / LEAST.0).max(1));
    let down = count.div_ceil(across.max(1)).min((height / LEAST.1).max(1));
    for (at, graph) in data.graphs.iter().enumerate().take(usize::from(across * down)) {
        let (column, row) = (at as u16 % across, at as u16 / across);
        let (left, right) = part(width, column, across);
        let (top, bottom) = part(height, row, down);
        let gap = u16::from(column + 1 < across);
        one(&mut pen.inset(left, top, width - right + gap, height - bottom), graph, step);
    }
    let hidden = count.saturating_sub(across * down);
    if hidden > 0 {
        let dim = pen.look.dim();
        pen.text_before(width, height.saturating_sub(1), &format!(" +{hidden}"), dim);
    }
}

/// The step's number and name, and what states look like; how many lines that took.
fn heading(pen: &mut Pen, data: &Graphs, step: usize) -> u16 {
    let look = pen.look;
    let name = data.steps.get(step).map_or("", String::as_str);
    let text = format!("step {} of {}  {name}", step + 1, data.len());
    let mut column = pen.text(0, 0, &text, look.dim()) + 3;
    for (state, label) in data.states.iter().enumerate().filter(|(_, label)| !label.is_empty()) {
        if usize::from(column) + label.width() + 2 > usize::from(pen.width()) {
            break;
        }
        column = pen.text(column, 0, shape(look, state), look.series(state));
        column = pen.text(column, 0, label, look.dim()) + 2;
    }
    1
}

/// What stands before the name of a node in some state.
fn shape(look: Look, state: usize) -> &'static str {
    let full = ["○", "●", "◐", "◆", "▲", "■"];
    let ascii = ["o", "@", "%", "#", "^", "="];
    look.glyph(full[state % full.len()], ascii[state % ascii.len()])
}

fn one(pen: &mut Pen, graph: &Graph, step: usize) {
    let Some(frame) = graph.frame(step) else { return nothing(pen, "no step yet") };
    let mut top = 0;
    if pen.height() > 3 {
        let (look, width) = (pen.look, pen.width());
        let next = pen.text_within(0, 0, &graph.label, width, look.strong());
        let next = if next > 0 { next + 2 } else { 0 };
        pen.text_within(next, 0, &frame.note, width.saturating_sub(next), look.dim());
        top = u16::from(!graph.label.is_empty() || !frame.note.is_empty());
    }
    let mut pen = pen.inset(0, top, 0, 0);
    if pen.is_empty() {
        return;
    }
    let places = spread(&graph.places(step), pen.width());
    edges(&mut pen, graph, frame, &places);
    nodes(&mut pen, graph, frame, &places);
}

/// Places with room for names at both sides.
fn spread(places: &[Option<(f64, f64)>], width: u16) -> Vec<Option<(f64, f64)>> {
    let side = 3.0_f64.min(f64::from(width) / 4.0) / f64::from(width.max(1));
    places.iter().map(|place| place.map(|(x, y)| (side + x * (1.0 - 2.0 * side), y))).collect()
}

/// How an edge is inked: the number counts up with what must not be hidden.
fn ink(edge: &Edge) -> u16 {
    match edge.kind {
        EdgeKind::Reference => 0,
        EdgeKind::Plain => 1 + (edge.weight.clamp(0.0, 1.0) * 3.0).round() as u16,
        EdgeKind::Chosen => 5,
        EdgeKind::Wrong => 6,
    }
}

fn style(look: Look, ink: u16) -> Style {
    match ink {
        0 | 1 => look.rule(),
        2 => look.dim(),
        3 | 4 => look.text(),
        5 => look.accent().add_modifier(Modifier::BOLD),
        _ => look.bad().add_modifier(Modifier::BOLD),
    }
}

fn edges(pen: &mut Pen, graph: &Graph, frame: &Frame, places: &[Option<(f64, f64)>]) {
    let look = pen.look;
    let mut canvas = Canvas::new(pen.width(), pen.height(), look.glyphs);
    let mut all: Vec<&Edge> = frame.edges.iter().filter(|edge| edge.weight >= FAINTEST).collect();
    all.sort_by_key(|edge| ink(edge));
    let ends = |edge: &Edge| {
        let (from, to) = (places.get(edge.from)?.as_ref()?, places.get(edge.to)?.as_ref()?);
        (edge.from != edge.to).then_some((*from, *to))
    };
    let mut heads = Vec::new();
    for edge in all {
        let Some((from, to)) = ends(edge) else { continue };
        let dash = match edge.kind {
            EdgeKind::Reference => Dash::Dotted,
            EdgeKind::Wrong => Dash::Dashed,
            EdgeKind::Plain | EdgeKind::Chosen => Dash::Solid,
        };
        // A canvas draws from left to right.
        let (left, right) = if from.0 <= to.0 { (from, to) } else { (to, from) };
        canvas.line([Some(left), Some(right)], dash, ink(edge));
        if graph.directed && edge.kind != EdgeKind::Reference && edge.weight >= 0.5 {
            heads.push((from, to, ink(edge)));
        }
    }
    canvas.paint(pen, |ink| style(look, ink));
    for (from, to, ink) in heads {
        head(pen, &canvas, (from, to), style(look, ink));
    }
}

/// An arrow's head, two thirds along the edge: next to the node its name would cover it.
fn head(pen: &mut Pen, canvas: &Canvas, (from, to): ((f64, f64), (f64, f64)), style: Style) {
    let along = |share: f64| (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
    let (x, y) = along(0.67);
    let Some((column, row)) = canvas.cell_of(x, y) else { return };
    // Cells are about twice as high as wide.
    let across = (to.0 - from.0) * f64::from(pen.width());
    let up = 2.0 * (to.1 - from.1) * f64::from(pen.height());
    let eighth = (up.atan2(across) / std::f64::consts::FRAC_PI_4).round().rem_euclid(8.0) as usize;
    let full = ['→', '↗', '↑', '↖', '←', '↙', '↓', '↘'];
    let ascii = ['>', '/', '^', '\\', '<', '/', 'v', '\\'];
    let glyphs = if pen.look.glyphs == Glyphs::Ascii { ascii } else { full };
    pen.cell(column, row, glyphs[eighth], style);
}

fn nodes(pen: &mut Pen, graph: &Graph, frame: &Frame, places: &[Option<(f64, f64)>]) {
    let look = pen.look;
    let (right, bottom) = (f64::from(pen.width().max(1) - 1), f64::from(pen.height().max(1) - 1));
    let cell = |(x, y): (f64, f64)| ((x * right).round() as u16, ((1.0 - y) * bottom).round() as u16);
    let mut all: Vec<(u16, u16, usize)> = places
        .iter()
        .enumerate()
        .filter_map(|(node, place)| place.map(cell).map(|(column, row)| (row, column, node)))
        .collect();
    all.sort_unstable();
    let mut used = (0, 0);
    for (at, (row, column, node)) in all.iter().enumerate() {
        let (Some(name), Some(state)) = (graph.nodes.get(*node), frame.nodes.get(*node)) else { continue };
        let from = if used.0 == *row { used.1 } else { 0 };
        // A name ends before the next node of the same row begins.
        let next = all.get(at + 1).filter(|(below, ..)| below == row).map_or(pen.width(), |(_, next, _)| *next);
        let mut text = format!("{}{name}", shape(look, state.state));
        if !state.value.is_empty() {
            text += &format!(" {}", state.value);
        }
        let wide = text.width() as u16;
        let start = column.saturating_sub(wide / 2).min(pen.width().saturating_sub(wide)).max(from);
        let room = next.max(start + 2).min(pen.width()).saturating_sub(start);
        let text = shorten(&text, usize::from(room), look);
        let end = pen.text(start, *row, &text, look.series(state.state).add_modifier(Modifier::BOLD));
        used = (*row, end + 1);
    }
}
