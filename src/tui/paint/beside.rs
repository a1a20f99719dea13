//! Panels that only make sense together: side by side, in rows when there is no room for all.

use super::{View, body};
use crate::contract::Panel;
use crate::tui::pen::Pen;

/// Least columns and rows of a part.
const LEAST: (u16, u16) = (18, 5);

/// Paints panels from left to right and from top to bottom; those without room are named as a number.
pub(super) fn paint(pen: &mut Pen, panels: &[Panel], view: View) {
    let (width, height) = (pen.width(), pen.height());
    let most_columns = (width / LEAST.0).max(1);
    let most_rows = (height / LEAST.1).max(1);
    let count = panels.len().min(usize::from(most_columns) * usize::from(most_rows)) as u16;
    if count == 0 {
        return;
    }
    let columns = count.min(most_columns);
    let rows = count.div_ceil(columns);
    let columns = count.div_ceil(rows);
    for (at, panel) in (0..count).zip(panels) {
        let row = at / columns;
        let across = columns.min(count - row * columns);
        let (left, right) = part(width, at % columns, across);
        let (top, bottom) = part(height, row, rows);
        let gap = u16::from(at % columns + 1 < across);
        let mut part = pen.inset(left, top, width - right + gap, height - bottom);
        let titled = u16::from(part.height() >= 3);
        if titled > 0 {
            let (room, strong) = (part.width(), part.look.strong());
            part.text_within(0, 0, &panel.title, room, strong);
        }
        body(&mut part.inset(0, titled, 0, 0), &panel.body, view);
    }
    let hidden = panels.len() - usize::from(count);
    if hidden > 0 {
        let dim = pen.look.dim();
        pen.text_before(width, height - 1, &format!(" +{hidden}"), dim);
    }
}

/// Start and end of the `at`-th of `of` nearly equal parts.
pub(super) fn part(length: u16, at: u16, of: u16) -> (u16, u16) {
    let edge = |i: u16| (u32::from(length) * u32::from(i) / u32::from(of)) as u16;
    (edge(at), edge(at + 1))
}
