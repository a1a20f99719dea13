//! A Sankey diagram: nodes in columns, each as high as its load, with bands between that are as wide as what flows.
//! Bands are textured by where they come from, so that they are told apart without colour.

use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::nothing;
use crate::contract::{Band, Dash, Link, Sankey};
use crate::tui::canvas::Canvas;
use crate::tui::pen::{Pen, cut};
use crate::view::words;

/// Added to the ink of a link that stands out.
const MARKED: u16 = 0x8000;
/// Columns of names, and of the bands beside them at least.
const NAME: u16 = 8;
const BAND: u16 = 5;

/// Paints the diagram; `marked` are links (column, from, to) that stand out.
pub(super) fn paint(pen: &mut Pen, data: &Sankey, marked: &[(usize, usize, usize)]) {
    let count = data.columns.len();
    if pen.is_empty() {
        return;
    }
    if count == 0 || (0..count).all(|column| data.total(column) <= 0.0) {
        return nothing(pen, "nothing flows yet");
    }
    let least = count * usize::from(NAME + BAND) - usize::from(BAND);
    let longest = data.columns.iter().map(|column| column.nodes.len()).max().unwrap_or(0);
    if usize::from(pen.width()) < least || usize::from(pen.height()) < longest.min(6) + 1 {
        return listed(pen, data);
    }
    let head = u16::from(data.columns.iter().any(|column| !column.label.is_empty()));
    let step = f64::from(pen.width() - NAME) / (count.max(2) - 1) as f64;
    let left = |column: usize| (column as f64 * step).round() as u16;
    let dim = pen.look.dim();
    for column in 0..count {
        pen.text_within(left(column), 0, &data.columns[column].label, NAME + BAND - 1, dim);
        let mut area = pen.inset(left(column), head, 0, 0);
        names(&mut area, data, column);
        if column + 1 < count {
            let (from, to) = (left(column) + NAME, left(column + 1));
            let right = pen.width() - to;
            let mut area = pen.inset(from, head, right + 1, 0);
            bands(&mut area, data, column, marked);
        }
    }
}

/// Names with shares, each at the height of its node; the lighter ones give way.
fn names(pen: &mut Pen, data: &Sankey, column: usize) {
    let (look, height) = (pen.look, pen.height());
    let total = data.total(column).max(f64::MIN_POSITIVE);
    let (nodes, places) = (&data.columns[column].nodes, data.stretches(column));
    let mut order: Vec<usize> = (0..nodes.len()).filter(|at| nodes[*at].load > 0.0).collect();
    order.sort_by(|a, b| nodes[*b].load.total_cmp(&nodes[*a].load).then(a.cmp(b)));
    let mut taken = vec![false; usize::from(height)];
    for at in order {
        let (top, bottom) = places[at];
        let (first, last) = (row(top, height), row(bottom - 1e-9, height));
        let bar = if look.glyph("▌", "|") == "|" { '|' } else { '▌' };
        for y in first..=last {
            pen.cell(NAME - 1, y, bar, look.series(at));
        }
        let y = row((top + bottom) / 2.0, height);
        let Some(free) = taken.get_mut(usize::from(y)).filter(|taken| !**taken) else { continue };
        *free = true;
        let share = words::percent(nodes[at].load / total);
        let name = cut(&nodes[at].label, usize::from(NAME - 2).saturating_sub(share.width() + 1).max(1));
        pen.text(0, y, &cut(&format!("{name} {share}"), usize::from(NAME - 1)), look.series(at));
    }
}

fn row(share: f64, height: u16) -> u16 {
    ((share.clamp(0.0, 1.0) * f64::from(height)) as u16).min(height.saturating_sub(1))
}

/// The bands between two columns, the heaviest first so that light ones lie on top, the marked last.
fn bands(pen: &mut Pen, data: &Sankey, column: usize, marked: &[(usize, usize, usize)]) {
    if pen.is_empty() {
        return;
    }
    let look = pen.look;
    let mut bands = data.bands(column);
    let is_marked = |link: &Link| marked.contains(&(column, link.from, link.to));
    let mut canvas = Canvas::new(pen.width(), pen.height(), look.glyphs);
    let (_, dots) = canvas.size();
    let thick = |stretch: (f64, f64)| ((stretch.1 - stretch.0) * dots as f64).round().max(1.0);
    bands.sort_by_key(|band| is_marked(&band.link));
    for Band { link, from, to } in &bands {
        let dash = if is_marked(link) { Dash::Solid } else { [Dash::Dotted, Dash::Dashed][link.from % 2] };
        let ink = link.from as u16 | if is_marked(link) { MARKED } else { 0 };
        let strands = thick(*from).max(thick(*to)) as usize;
        for strand in 0..strands {
            let share = (strand as f64 + 0.5) / strands as f64;
            let ends = [from, to].map(|(top, bottom)| top + (bottom - top) * share);
            // A cubic with level ends.
            let point = |step: i32| {
                let x = f64::from(step) / 16.0;
                let bend = x * x * (3.0 - 2.0 * x);
                Some((x, 1.0 - (ends[0] + (ends[1] - ends[0]) * bend)))
            };
            canvas.line((0..=16).map(point), dash, ink);
        }
    }
    canvas.paint(pen, |ink| match ink & MARKED {
        0 => look.series(usize::from(ink)),
        _ => look.strong().add_modifier(Modifier::BOLD),
    });
}

/// Where there is no room for a diagram: the heaviest links in words.
fn listed(pen: &mut Pen, data: &Sankey) {
    let look = pen.look;
    let mut rows: Vec<(f64, String)> = Vec::new();
    for column in 0..data.columns.len().saturating_sub(1) {
        let total = data.total(column).max(f64::MIN_POSITIVE);
        for link in data.leaving(column) {
            let name = |column: usize, node: usize| data.columns[column].nodes[node].label.clone();
            let (from, to) = (name(column, link.from), name(column + 1, link.to));
            let share = link.weight / total;
            let arrow = look.glyph("→", "->");
            let text = format!("{} {from} {arrow} {to} {}", data.columns[column].label, words::percent(share));
            rows.push((share, text));
        }
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for (y, (_, text)) in (0..pen.height()).zip(&rows) {
        let (width, style) = (pen.width(), look.text());
        pen.text_within(0, y, text.trim_start(), width, style);
    }
}
