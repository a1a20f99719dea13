//! Tables: columns as wide as their text, narrowed fairly when the area is too small.

use unicode_width::UnicodeWidthStr;

use super::nothing;
use crate::contract::Table;
use crate::tui::pen::Pen;

/// Columns narrower than this say nothing: rather than that, the last ones are left out.
const NARROWEST: usize = 6;

/// Paints a table, `scroll` rows left out at the top.
pub(super) fn paint(pen: &mut Pen, data: &Table, scroll: usize) {
    if data.columns.is_empty() {
        return nothing(pen, "no rows yet");
    }
    let look = pen.look;
    let hidden_mark = format!("+{} columns", data.columns.len());
    let widths = widths(data, usize::from(pen.width()), hidden_mark.width() + 1);
    row(pen, 0, &data.columns, &widths, &data.rows, true);
    if widths.len() < data.columns.len() {
        let end = pen.width();
        pen.text_before(end, 0, &format!(" +{} columns", data.columns.len() - widths.len()), look.dim());
    }
    let room = usize::from(pen.height().saturating_sub(1));
    let first = scroll.min(data.rows.len().saturating_sub(room));
    for (at, cells) in data.rows.iter().skip(first).take(room).enumerate() {
        row(pen, at as u16 + 1, cells, &widths, &data.rows, false);
    }
    let hidden = data.rows.len().saturating_sub(first + room);
    if hidden > 0 && pen.height() > 1 {
        let (end, last) = (pen.width(), pen.height() - 1);
        pen.text_before(end, last, &format!(" {hidden} more {}", look.glyph("↓", "v")), look.dim());
    }
}

fn row(pen: &mut Pen, y: u16, cells: &[String], widths: &[usize], rows: &[Vec<String>], is_head: bool) {
    let style = if is_head { pen.look.dim() } else { pen.look.text() };
    let mut x = 0;
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = if is_number(rows, column) { width.saturating_sub(cell.width()) as u16 } else { 0 };
        pen.text_within(x + gap, y, cell, (*width as u16).saturating_sub(gap), style);
        x += *width as u16 + 2;
    }
}

/// Whether a column holds numbers, to be set flush right.
fn is_number(rows: &[Vec<String>], column: usize) -> bool {
    let starts =
        |text: &String| text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit() || "+-.−".contains(c));
    !rows.is_empty() && rows.iter().take(64).all(|row| row.get(column).is_some_and(starts))
}

/// Width of each column shown: its text's, or less for the widest when all do not fit; the last ones
/// are left out when all would become illegible, with `mark` columns kept for saying so.
fn widths(data: &Table, room: usize, mark: usize) -> Vec<usize> {
    let widest = |column: usize| {
        let cells = data.rows.iter().filter_map(|row| row.get(column));
        cells.chain([&data.columns[column]]).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let wanted: Vec<usize> = (0..data.columns.len()).map(widest).collect();
    let widest_of = |shown: usize| wanted[..shown].iter().copied().max().unwrap_or(0);
    let fitted = |shown: usize| {
        let kept = if shown < wanted.len() { mark } else { 0 };
        let room = room.saturating_sub(2 * (shown - 1) + kept);
        let total = |limit: usize| wanted[..shown].iter().map(|width| (*width).min(limit)).sum::<usize>();
        (0..=widest_of(shown).min(room)).rev().find(|limit| total(*limit) <= room).unwrap_or(0)
    };
    let is_legible = |shown: &usize| fitted(*shown) >= NARROWEST.min(widest_of(*shown));
    let shown = (1..=wanted.len()).rev().find(is_legible).unwrap_or(1);
    let limit = fitted(shown).max(1);
    wanted[..shown].iter().map(|width| (*width).min(limit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_column_gives_way() {
        let columns = vec!["a".to_owned(), "says".to_owned()];
        let rows = vec![vec!["12345".to_owned(), "a long sentence indeed".to_owned()]];
        let table = Table { columns, rows };
        assert_eq!(widths(&table, 80, 10), [5, 22]);
        assert_eq!(widths(&table, 20, 10), [5, 13]);
        let columns: Vec<String> = (0..9).map(|i| format!("column {i}")).collect();
        let table = Table { rows: vec![columns.clone()], columns };
        assert_eq!(widths(&table, 100, 10), [8; 9]);
        assert_eq!(widths(&table, 43, 10), [6; 4]);
        assert_eq!(widths(&table, 0, 10), [1]);
    }
}
