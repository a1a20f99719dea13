//! A table of text: as wide as it must be, numbers to the right.

use super::draw::{Anchor, INK, MUTED, Part, fitted, nothing, rectangle, stroke, text, text_width};
use crate::contract::Table;
use crate::run::export::text::numeric;

const ROW: f64 = 22.0;
/// Longest cell.
const WIDEST: f64 = 320.0;

/// Paints a table.
pub(super) fn paint(table: &Table) -> Part {
    if table.columns.is_empty() {
        return nothing(320.0);
    }
    let mut part = Part::new(0.0);
    let mut left = 0.0;
    for (index, head) in table.columns.iter().enumerate() {
        let cells: Vec<&str> = table.rows.iter().map(|row| row.get(index).map_or("", String::as_str)).collect();
        let widest = cells.iter().map(|cell| text_width(cell, 12.0)).fold(text_width(head, 12.5), f64::max);
        let width = widest.min(WIDEST) + 18.0;
        let (x, anchor) = if numeric(&cells) { (left + width - 9.0, Anchor::End) } else { (left + 9.0, Anchor::Start) };
        for (i, cell) in cells.iter().enumerate() {
            let y = ROW * (i as f64 + 1.0);
            if i % 2 == 1 {
                part.add(rectangle(left, y, width, ROW, "#f5f6f8"));
            }
            part.add(text(&fitted(cell, 12.0, WIDEST), x, y + 15.0, 12.0, anchor, INK));
        }
        part.add(text(&fitted(head, 12.5, WIDEST), x, 15.0, 12.5, anchor, INK).set("font-weight", "600"));
        left += width;
    }
    part.width = left;
    part.height = ROW * (table.rows.len() as f64 + 1.0);
    part.add(stroke((0.0, ROW), (left, ROW), MUTED, 1.0));
    part.add(stroke((0.0, part.height), (left, part.height), MUTED, 1.0));
    part
}
