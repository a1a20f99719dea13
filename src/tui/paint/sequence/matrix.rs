//! A matrix at the cursor's token: half blocks where there is colour, shades where there is none.

use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use crate::contract::Matrix;
use crate::tui::look::Look;
use crate::tui::paint::heat::{Ramp, half_cell, ramp};
use crate::tui::paint::nothing;
use crate::tui::pen::Pen;

/// Columns of a picture at least: title and ends of the ramp want them.
const LEAST: u16 = 24;

/// How a picture is laid on cells: how many values (or groups of them) are drawn, and how large each is.
struct Scale {
    down: usize,
    across: usize,
    /// Columns of a drawn value; with halves as many half rows, else rows.
    width: u16,
    height: u16,
}

/// Rows above and below the picture.
fn margins(matrix: &Matrix, height: u16) -> (u16, u16) {
    let caret = u16::from(matrix.by_token && height >= 6);
    (u16::from(height >= 3), u16::from(height >= 4) + caret)
}

fn scale(matrix: &Matrix, (width, height): (u16, u16), halves: bool) -> Scale {
    let dots = if halves { usize::from(height) * 2 } else { usize::from(height) };
    let (down, across) = (matrix.rows.min(dots).max(1), matrix.columns.min(usize::from(width)).max(1));
    let high = (dots / down).max(1);
    let wide = (usize::from(width) / across).max(1);
    // A half block is square, a whole cell twice as high as wide.
    let (wide, high) =
        if halves { (wide.min(high), high.min(wide)) } else { (wide.min(2 * high), high.min(wide.div_ceil(2))) };
    Scale { down, across, width: wide.min(8) as u16, height: high.min(if halves { 8 } else { 4 }) as u16 }
}

/// Columns that a matrix wants in an area.
pub(super) fn width(matrix: &Matrix, width: u16, height: u16, look: Look) -> u16 {
    let (top, bottom) = margins(matrix, height);
    let scale = scale(matrix, (width, height.saturating_sub(top + bottom).max(1)), look.has_halves());
    let picture = (scale.across as u16).saturating_mul(scale.width) + u16::from(matrix.by_token);
    picture.max(LEAST).min(width)
}

/// Paints a matrix as it is at a token; `chosen` where it is one of several and the keys are on it.
pub(super) fn paint(pen: &mut Pen, matrix: &Matrix, token: usize, chosen: bool) {
    let Some(frame) = matrix.frame(token) else {
        return nothing(pen, "nothing at this token");
    };
    let (look, ends) = (pen.look, matrix.ends());
    let sides = if matrix.is_signed() { Ramp::TwoSided } else { Ramp::OneSided };
    let (top, bottom) = margins(matrix, pen.height());
    if top > 0 {
        title(pen, matrix, chosen);
    }
    if pen.height() >= 4 {
        ramp(pen, ends, "", sides);
    }
    let gutter = u16::from(matrix.by_token && pen.width() >= 6);
    let mut area = pen.inset(gutter, top, 0, bottom);
    if area.is_empty() {
        return;
    }
    let halves = look.has_halves();
    let scale = scale(matrix, (area.width(), area.height()), halves);
    let at = |row: usize, column: usize| drawn(matrix, frame, &scale, (row, column), (ends, sides));
    if halves {
        let dots = scale.down * usize::from(scale.height);
        for y in 0..dots.div_ceil(2) {
            for column in 0..scale.across {
                let of = |dot: usize| (dot < dots).then(|| at(dot / usize::from(scale.height), column)).flatten();
                let x = column as u16 * scale.width;
                half_cell(&mut area, (x, y as u16), scale.width, (of(2 * y), of(2 * y + 1)), sides);
            }
        }
    } else {
        for row in 0..scale.down {
            for column in 0..scale.across {
                whole_cell(
                    &mut area,
                    (column as u16 * scale.width, row as u16 * scale.height),
                    &scale,
                    at(row, column),
                    sides,
                );
            }
        }
    }
    if gutter > 0 {
        carets(pen, matrix, &scale, token, top, halves);
    }
}

fn title(pen: &mut Pen, matrix: &Matrix, chosen: bool) {
    let (look, width) = (pen.look, pen.width());
    let style = if chosen { look.accent() } else { look.strong() };
    let mark = if chosen { look.glyph("▸ ", "> ") } else { "" };
    let x = pen.text_within(0, 0, &format!("{mark}{}", matrix.label), width, style) + 2;
    let (down, across) = (look.glyph("↓", "down"), look.glyph("→", "across"));
    let axes = format!("{} {down} {} {across}", matrix.row_axis, matrix.column_axis);
    if usize::from(width.saturating_sub(x)) >= axes.width().min(8) {
        pen.text_within(x, 0, &axes, width.saturating_sub(x), look.dim());
    }
}

/// What is drawn at a place, 0 to 1: of several values their mean, or with two sides the furthest from zero.
fn drawn(
    matrix: &Matrix,
    frame: &[f32],
    scale: &Scale,
    (row, column): (usize, usize),
    ((low, high), sides): ((f64, f64), Ramp),
) -> Option<f64> {
    let stretch =
        |at: usize, of: usize, all: usize| at * all / of..((at + 1) * all / of).max(at * all / of + 1).min(all);
    let (mut sum, mut count, mut furthest) = (0.0, 0, 0.0_f64);
    for r in stretch(row, scale.down, matrix.rows) {
        for c in stretch(column, scale.across, matrix.columns) {
            let value = f64::from(frame[r * matrix.columns + c]);
            if value.is_finite() {
                (sum, count) = (sum + value, count + 1);
                furthest = if value.abs() > furthest.abs() { value } else { furthest };
            }
        }
    }
    let value = if sides == Ramp::TwoSided { furthest } else { sum / f64::from(count.max(1)) };
    (count > 0).then(|| ((value - low) / (high - low)).clamp(0.0, 1.0))
}

fn whole_cell(pen: &mut Pen, (x, y): (u16, u16), scale: &Scale, at: Option<f64>, sides: Ramp) {
    let look = pen.look;
    for row in y..y + scale.height {
        for column in x..x + scale.width {
            match at {
                Some(at) if look.has_ramp() => pen.cell(column, row, ' ', Style::new().bg(sides.colour(look, at))),
                Some(at) => pen.cell(column, row, sides.shade(look, at), look.text()),
                None => pen.cell(column, row, ' ', look.text()),
            }
        }
    }
}

/// The token under the cursor as a row, at the left, and as a column, below.
fn carets(pen: &mut Pen, matrix: &Matrix, scale: &Scale, token: usize, top: u16, halves: bool) {
    let look = pen.look;
    let accent = look.accent();
    let used = if halves {
        (scale.down * usize::from(scale.height)).div_ceil(2) as u16
    } else {
        scale.down as u16 * scale.height
    };
    if token < matrix.rows {
        let place = token * scale.down / matrix.rows * usize::from(scale.height);
        let y = if halves { place / 2 } else { place + usize::from(scale.height / 2) };
        pen.cell(0, top + y as u16, if look.glyph("▸", ">") == ">" { '>' } else { '▸' }, accent);
    }
    if token < matrix.columns && pen.height() >= 6 {
        let x = token * scale.across / matrix.columns * usize::from(scale.width) + usize::from(scale.width / 2);
        pen.cell(1 + x as u16, top + used, if look.glyph("▴", "^") == "^" { '^' } else { '▴' }, accent);
    }
}
