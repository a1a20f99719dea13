//! The frame of a chart: ticks and labels on two axes, a faint grid, and the plot inside.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::contract::{Span, short_number};
use crate::tui::pen::Pen;

/// Columns between two tick labels on the horizontal axis.
const GAP: usize = 3;

/// Paints both axes and the grid; the area inside, for the plot. Labels and ticks give way when the
/// area is small, the plot last.
pub(super) fn paint(pen: &mut Pen, x: (&Span, &str), y: &Span) -> Rect {
    let (width, height) = (pen.width(), pen.height());
    let with_x = height >= 4 && width >= 8;
    let plot_height = height - if with_x { 2 } else { 0 };
    let y_ticks = y.ticks((usize::from(plot_height).div_ceil(2)).clamp(2, 6));
    let names: Vec<String> = y_ticks.iter().map(|tick| short_number(*tick)).collect();
    let names_width = names.iter().map(|name| name.width()).max().unwrap_or(0) as u16;
    let left = if width >= names_width + 10 && height >= 3 { names_width + 1 } else { 0 };
    let plot = Rect { x: pen.area.x + left, y: pen.area.y, width: width.saturating_sub(left), height: plot_height };
    if left > 0 {
        upright(pen, left - 1, plot_height, y, &y_ticks, &names);
    }
    if with_x {
        level(pen, left, plot_height, x.0, x.1);
    }
    plot
}

/// The row of a place from the low to the high end.
fn row(height: u16, at: f64) -> u16 {
    let last = f64::from(height.max(1) - 1);
    ((1.0 - at).clamp(0.0, 1.0) * last).round() as u16
}

fn upright(pen: &mut Pen, column: u16, height: u16, span: &Span, ticks: &[f64], names: &[String]) {
    let (rule, dim) = (pen.look.rule(), pen.look.dim());
    let (bar, tick, dot) = match pen.look.glyph("│", "|") {
        "|" => ('|', '+', '.'),
        _ => ('│', '┤', '·'),
    };
    for y in 0..height {
        pen.cell(column, y, bar, rule);
    }
    let mut free = i32::from(height);
    for (value, name) in ticks.iter().zip(names) {
        let Some(at) = span.position(*value) else { continue };
        let y = row(height, at);
        if i32::from(y) >= free {
            continue; // would cover the tick below
        }
        free = i32::from(y);
        pen.text_before(column, y, name, dim);
        pen.cell(column, y, tick, rule);
        for x in (column + 4..pen.width()).step_by(4) {
            pen.cell(x, y, dot, rule);
        }
    }
}

fn level(pen: &mut Pen, left: u16, top: u16, span: &Span, label: &str) {
    let (rule, dim) = (pen.look.rule(), pen.look.dim());
    let (line, tick, corner) = match pen.look.glyph("─", "-") {
        "-" => ('-', '+', '+'),
        _ => ('─', '┬', '└'),
    };
    let width = pen.width() - left;
    for x in left..pen.width() {
        pen.cell(x, top, line, rule);
    }
    if left > 0 {
        pen.cell(left - 1, top, corner, rule);
    }
    let label_width = label.width() as u16;
    let label_from = if label_width + 8 < width && label_width > 0 { pen.width() - label_width } else { pen.width() };
    let ticks = span.ticks((usize::from(width) / (5 + GAP)).clamp(2, 9));
    let mut free = 0;
    for value in ticks {
        let Some(at) = span.position(value) else { continue };
        let x = left + (at.clamp(0.0, 1.0) * f64::from(width.max(1) - 1)).round() as u16;
        pen.cell(x, top, tick, rule);
        let name = short_number(value);
        let half = name.width() as u16 / 2;
        let start = x.saturating_sub(half).min((pen.width()).saturating_sub(name.width() as u16));
        let end = start + name.width() as u16;
        if start >= free && end < label_from {
            pen.text(start, top + 1, &name, dim);
            free = end + 1;
        }
    }
    pen.text(label_from, top + 1, label, dim);
}
