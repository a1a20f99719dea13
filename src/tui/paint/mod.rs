//! Painters, one file a panel kind. Every painter takes any area and any data.

mod axes;
mod bars;
mod beside;
mod graphs;
mod heat;
mod images;
mod legend;
mod lines;
mod sankey;
mod scatter;
mod sequence;
mod strip;
mod table;
mod tokens;
mod verdict;

pub(super) use verdict::{paint as verdict, style as verdict_style};

pub(super) use graphs::paint as graphs;
pub(super) use sequence::paint as sequence;

use super::guard;
use super::pen::Pen;
use crate::contract::{Body, Panel};
use crate::view::Glance;

/// How a panel is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct View {
    /// How charts are looked at.
    pub(super) glance: Glance,
    /// Lines scrolled down, where there are lines.
    pub(super) scroll: usize,
    /// The token under the cursor, in sequences.
    pub(super) token: usize,
    /// The matrix or layer of a sequence that comes first.
    pub(super) picture: usize,
}

/// Paints the note and the body of a panel.
pub(super) fn panel(pen: &mut Pen, panel: &Panel, view: View) {
    let mut top = 0;
    if !panel.note.is_empty() && pen.height() > 5 {
        let (width, dim) = (pen.width(), pen.look.dim());
        pen.text_within(0, 0, &panel.note, width, dim);
        top = 1;
    }
    let what = format!("the panel `{}`", panel.id);
    if !guard::guarded(&what, || body(&mut pen.inset(0, top, 0, 0), &panel.body, view)) {
        nothing(&mut pen.inset(0, top, 0, 0), "This panel cannot be painted: a fault in ansatz itself.");
    }
}

fn body(pen: &mut Pen, body: &Body, view: View) {
    if pen.is_empty() {
        return;
    }
    match body {
        Body::Lines(data) => lines::paint(pen, data, view.glance),
        Body::Heat(data) => heat::paint(pen, data),
        Body::Bars(data) => bars::paint(pen, data, view.scroll),
        Body::Scatter(data) => scatter::paint(pen, data),
        Body::Table(data) => table::paint(pen, data, view.scroll),
        Body::Images(data) => images::paint(pen, data, view.scroll),
        Body::Tokens(data) => tokens::paint(pen, &data.tokens, view.scroll),
        Body::Sequence(data) => sequence::paint(pen, data, view.token, view.picture),
        Body::Graphs(data) => graphs::paint(pen, data, view.token),
        Body::Sankey(data) => sankey::paint(pen, data, &[]),
        Body::Beside { panels } => beside::paint(pen, panels, view),
    }
}

/// What is said where there is nothing to paint.
fn nothing(pen: &mut Pen, what: &str) {
    let dim = pen.look.dim();
    pen.text(0, 0, what, dim);
}

/// The letter of a series.
pub(super) fn letter(at: usize) -> char {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    LETTERS.get(at).map_or('*', |byte| char::from(*byte))
}

/// The distinct names in the order in which they come, and the place of each item's name among them.
fn groups<'a>(names: impl Iterator<Item = &'a str>) -> (Vec<&'a str>, Vec<usize>) {
    let mut distinct = Vec::new();
    let mut known = std::collections::BTreeMap::new();
    let places = names
        .map(|name| {
            *known.entry(name).or_insert_with(|| {
                distinct.push(name);
                distinct.len() - 1
            })
        })
        .collect();
    (distinct, places)
}

#[cfg(test)]
mod tests;
