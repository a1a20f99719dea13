//! Heat maps: colour cells or half blocks, letters on them, and a ramp with numbers.

use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::nothing;
use crate::contract::{Heat, short_number};
use crate::tui::look::Look;
use crate::tui::pen::{Pen, cut};
use crate::view::words;

/// Cells are no wider and no higher than this: beyond, they only look coarse.
const LARGEST: (u16, u16) = (14, 4);

/// What a place between the ends of a range looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ramp {
    /// From dark to bright.
    OneSided,
    /// Dark in the middle, where zero is.
    TwoSided,
}

impl Ramp {
    /// The colour of a place from 0 to 1; only meaningful when [`Look::has_ramp`].
    pub(super) fn colour(self, look: Look, at: f64) -> Color {
        match self {
            Ramp::OneSided => look.ramp(at),
            Ramp::TwoSided => look.two_sided(at),
        }
    }

    /// The shade of a place where there is no colour.
    pub(super) fn shade(self, look: Look, at: f64) -> char {
        match self {
            Ramp::OneSided => look.shade(at),
            Ramp::TwoSided => look.two_sided_shade(at),
        }
    }
}

/// How a matrix is laid on cells.
struct Layout {
    /// Rows and columns of the matrix.
    rows: usize,
    columns: usize,
    /// Columns of the terminal a value, and values (or parts) drawn across.
    width: u16,
    across: usize,
    /// Rows of the terminal a value, or 1 when `down` counts half rows.
    height: u16,
    down: usize,
    halves: bool,
}

/// Paints a matrix as colour.
pub(super) fn paint(pen: &mut Pen, data: &Heat) {
    let (rows, columns) = (data.rows.len(), data.columns.len());
    if rows == 0 || columns == 0 || data.values.len() < rows * columns {
        return nothing(pen, "no values yet");
    }
    let range = range(data);
    let (mut top, mut bottom) = (0, 0);
    if pen.height() >= 3 {
        ramp(pen, range, &data.unit, Ramp::OneSided);
        bottom = 1;
    }
    if pen.height() >= 8 {
        let look = pen.look;
        let text = format!(
            "{} {} {} {}",
            data.row_axis,
            look.glyph("↓", "(down)"),
            data.column_axis,
            look.glyph("→", "(across)")
        );
        let width = pen.width();
        pen.text_within(0, 0, &text, width, look.dim());
        (top, bottom) = (1, 2);
    }
    let names = if pen.width() >= 16 { row_names_width(data, pen.width()) } else { 0 };
    let area = pen.inset(names, top, 0, bottom).area;
    if area.is_empty() {
        return;
    }
    let layout = layout(rows, columns, area.width, area.height, pen.look.has_halves());
    cells(&mut pen.within(area), data, &layout, range);
    row_names(pen, data, &layout, top, names);
    if bottom == 2 {
        column_names(pen, data, &layout, names, top + used_rows(&layout));
    }
}

fn used_rows(layout: &Layout) -> u16 {
    if layout.halves { layout.down.div_ceil(2) as u16 } else { layout.height * layout.down as u16 }
}

/// Ends of the ramp: given, or the finite values'.
fn range(data: &Heat) -> (f64, f64) {
    let given = data.range.filter(|(low, high)| low.is_finite() && high.is_finite() && low < high);
    given.unwrap_or_else(|| {
        let finite = data.values.iter().filter(|v| v.is_finite());
        let fold = |(low, high): (f64, f64), v: &f64| (low.min(*v), high.max(*v));
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), fold);
        if low < high { (low, high) } else { (low.min(0.0), low.max(0.0) + 1.0) }
    })
}

fn layout(rows: usize, columns: usize, width: u16, height: u16, can_halve: bool) -> Layout {
    let halves = can_halve && rows > usize::from(height);
    let across = columns.min(usize::from(width));
    let dots = if halves { usize::from(height) * 2 } else { usize::from(height) };
    let down = rows.min(dots);
    let cell_height = if halves { 1 } else { (dots / down) as u16 }.clamp(1, LARGEST.1);
    let widest = if halves { 2 } else { LARGEST.0.min(4 * cell_height + 2) };
    let cell_width = ((usize::from(width) / across) as u16).clamp(1, widest);
    Layout { rows, columns, width: cell_width, across, height: cell_height, down, halves }
}

/// Mean of the values that fall on a drawn place, on the ramp from 0 to 1.
fn value(data: &Heat, layout: &Layout, (row, column): (usize, usize), (low, high): (f64, f64)) -> Option<f64> {
    let stretch = |at: usize, of: usize, all: usize| at * all / of..((at + 1) * all / of).max(at * all / of + 1);
    let (mut sum, mut count) = (0.0, 0);
    for r in stretch(row, layout.down, layout.rows) {
        for c in stretch(column, layout.across, layout.columns) {
            let v = data.values[r.min(layout.rows - 1) * layout.columns + c.min(layout.columns - 1)];
            if v.is_finite() {
                sum += v;
                count += 1;
            }
        }
    }
    (count > 0).then(|| ((sum / f64::from(count) - low) / (high - low)).clamp(0.0, 1.0))
}

fn cells(pen: &mut Pen, data: &Heat, layout: &Layout, range: (f64, f64)) {
    let whole = layout.down == layout.rows && layout.across == layout.columns && !layout.halves;
    for row in 0..used_rows(layout) / layout.height {
        for column in 0..layout.across {
            let x = column as u16 * layout.width;
            if layout.halves {
                let upper = value(data, layout, (usize::from(row) * 2, column), range);
                let below = usize::from(row) * 2 + 1;
                let lower = (below < layout.down).then(|| value(data, layout, (below, column), range)).flatten();
                half_cell(pen, (x, row), layout.width, (upper, lower), Ramp::OneSided);
            } else {
                let at = value(data, layout, (usize::from(row), column), range);
                let y = row * layout.height;
                full_cell(pen, (x, y), layout, at);
                if whole {
                    mark(pen, data, layout, (usize::from(row), column), at);
                }
            }
        }
    }
}

/// Two values in one cell, one above the other.
pub(super) fn half_cell(
    pen: &mut Pen,
    (x, y): (u16, u16),
    width: u16,
    (upper, lower): (Option<f64>, Option<f64>),
    ramp: Ramp,
) {
    let look = pen.look;
    let (symbol, style) = match (upper, lower) {
        (None, None) => ('·', look.rule()),
        (Some(up), None) => ('▀', Style::new().fg(ramp.colour(look, up))),
        (None, Some(low)) => ('▄', Style::new().fg(ramp.colour(look, low))),
        (Some(up), Some(low)) => ('▀', Style::new().fg(ramp.colour(look, up)).bg(ramp.colour(look, low))),
    };
    for column in x..x + width {
        pen.cell(column, y, symbol, style);
    }
}

fn full_cell(pen: &mut Pen, (x, y): (u16, u16), layout: &Layout, at: Option<f64>) {
    let look = pen.look;
    for row in y..y + layout.height {
        for column in x..x + layout.width {
            match at {
                None if row == y + layout.height / 2 && column == x + layout.width / 2 => {
                    pen.cell(column, row, if look.glyph("·", ".") == "." { '.' } else { '·' }, look.rule());
                }
                None => {}
                Some(at) if look.has_ramp() => pen.cell(column, row, ' ', Style::new().bg(look.ramp(at))),
                Some(at) => pen.cell(column, row, look.shade(at), look.text()),
            }
        }
    }
}

/// The letters of a cell, or its number where it fits.
fn mark(pen: &mut Pen, data: &Heat, layout: &Layout, (row, column): (usize, usize), at: Option<f64>) {
    let Some(at) = at else { return };
    let place = row * layout.columns + column;
    let letters = data.letters.get(place).map_or("", String::as_str);
    let number = words::value(data.values[place]);
    let room = usize::from(layout.width);
    let shaded = !pen.look.has_ramp();
    let text = match (letters.is_empty(), layout.width >= 7) {
        (false, true) if number.width() + letters.width() + 3 <= room => format!("{letters} {number}"),
        (false, _) if letters.width() <= room => letters.to_owned(),
        (true, true) if number.width() + 2 <= room => number,
        _ => return,
    };
    let style = if shaded { pen.look.strong() } else { pen.look.on_ramp(at).add_modifier(Modifier::BOLD) };
    let text = if shaded && text.width() + 2 <= room { format!(" {text} ") } else { text };
    let x = column as u16 * layout.width + (layout.width - text.width() as u16) / 2;
    pen.text(x, row as u16 * layout.height + layout.height / 2, &text, style);
}

fn row_names_width(data: &Heat, width: u16) -> u16 {
    let widest = data.rows.iter().map(|name| name.width()).max().unwrap_or(0) as u16;
    if widest == 0 { 0 } else { widest.min(width / 3) + 1 }
}

fn row_names(pen: &mut Pen, data: &Heat, layout: &Layout, top: u16, names: u16) {
    let dim = pen.look.dim();
    for row in 0..used_rows(layout) {
        let drawn = usize::from(if layout.halves { row * 2 } else { row / layout.height });
        let centred = layout.halves || row % layout.height == layout.height / 2;
        if names > 0 && centred {
            let name = &data.rows[(drawn * layout.rows / layout.down).min(layout.rows - 1)];
            pen.text_before(names - 1, top + row, &cut(name, usize::from(names - 1)), dim);
        }
    }
}

fn column_names(pen: &mut Pen, data: &Heat, layout: &Layout, left: u16, y: u16) {
    let dim = pen.look.dim();
    let mut free = left;
    for drawn in 0..layout.across {
        let name = &data.columns[(drawn * layout.columns / layout.across).min(layout.columns - 1)];
        let middle = left + drawn as u16 * layout.width + layout.width / 2;
        let x = middle.saturating_sub(name.width() as u16 / 2).max(left);
        if x >= free && x + name.width() as u16 <= pen.width() {
            free = pen.text(x, y, name, dim) + 1;
        }
    }
}

/// The ramp with its ends in numbers, in the last row.
pub(super) fn ramp(pen: &mut Pen, (low, high): (f64, f64), unit: &str, ramp: Ramp) {
    let (y, look) = (pen.height() - 1, pen.look);
    let steps = 16.min(pen.width() / 3);
    let mut x = pen.text(0, y, &short_number(low), look.dim()) + 1;
    for step in 0..steps {
        let at = f64::from(step) / f64::from(steps.max(2) - 1);
        match look.has_ramp() {
            true => pen.cell(x, y, ' ', Style::new().bg(ramp.colour(look, at))),
            false => pen.cell(x, y, ramp.shade(look, at), look.text()),
        }
        x += 1;
    }
    x = pen.text(x + 1, y, &short_number(high), look.dim());
    let room = pen.width().saturating_sub(x + 1);
    pen.text_within(x + 1, y, unit, room, look.dim());
}
