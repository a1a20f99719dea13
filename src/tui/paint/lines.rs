//! Line charts: sub-cell curves with letters, dashes and colours, on linear or logarithmic axes.

use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::{axes, groups, letter, nothing};
use crate::contract::{Axis, Dash, Line, Lines, Scale, Span};
use crate::tui::canvas::Canvas;
use crate::tui::look::{Glyphs, Look};
use crate::tui::pen::Pen;
use crate::view::words;

/// Lines of one label: they share letter, colour and stroke.
struct Series<'a> {
    label: &'a str,
    dash: Dash,
    lines: usize,
    /// Median of the last values.
    last: Option<f64>,
}

/// Paints a chart of lines; `switched` swaps a linear and a logarithmic vertical axis.
pub(super) fn paint(pen: &mut Pen, data: &Lines, switched: bool) {
    let has_points = |line: &Line| line.points.iter().any(|(x, y)| x.is_finite() && y.is_finite());
    if !data.lines.iter().any(has_points) {
        return nothing(pen, "no values yet");
    }
    let (labels, places) = groups(data.lines.iter().map(|line| line.label.as_str()));
    let series = series(data, &labels, &places);
    let y_axis = if switched { switch(&data.y) } else { data.y.clone() };
    let x = data.x.span(data.lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)));
    let y = y_axis.span(data.lines.iter().flat_map(|line| line.points.iter().map(|point| point.1)));
    let y_label = if y.scale == Scale::Log { format!("{} (log)", data.y.label) } else { data.y.label.clone() };
    let mut plot_pen = legend(pen, &series);
    if plot_pen.is_empty() {
        return;
    }
    let plot = axes::paint(&mut plot_pen, (&x, &data.x.label), (&y, y_label.trim_start()));
    let mut pen = plot_pen.within(plot);
    marks(&mut pen, data, &x);
    curves(&mut pen, data, &places, &series, (&x, &y));
}

/// The axis with its spacing swapped; its fixed ends stay where they can.
fn switch(axis: &Axis) -> Axis {
    let scale = if axis.scale == Scale::Log { Scale::Linear } else { Scale::Log };
    Axis { scale, ..axis.clone() }
}

fn series<'a>(data: &Lines, labels: &[&'a str], places: &[usize]) -> Vec<Series<'a>> {
    let mut lasts = vec![Vec::new(); labels.len()];
    let mut all: Vec<Series> =
        labels.iter().map(|label| Series { label, dash: Dash::Solid, lines: 0, last: None }).collect();
    for (line, place) in data.lines.iter().zip(places) {
        all[*place].dash = line.dash;
        all[*place].lines += 1;
        lasts[*place].extend(line.points.iter().rev().map(|(_, y)| *y).find(|y| y.is_finite()));
    }
    for (one, lasts) in all.iter_mut().zip(&mut lasts) {
        lasts.sort_by(f64::total_cmp);
        one.last = lasts.get(lasts.len() / 2).copied();
    }
    all
}

fn stroke(look: Look, dash: Dash) -> &'static str {
    match dash {
        Dash::Solid => look.glyph("━━", "--"),
        Dash::Dashed => look.glyph("╍╍", "- "),
        Dash::Dotted => look.glyph("┈┈", ".."),
    }
}

fn ink(look: Look, place: usize, dash: Dash) -> Style {
    let style = look.series(place);
    if dash == Dash::Dotted { style.add_modifier(Modifier::DIM) } else { style }
}

/// Paints the legend at the right where there is room, else in rows on top; what is left for the plot.
fn legend<'p>(pen: &'p mut Pen, series: &[Series]) -> Pen<'p> {
    let entries: Vec<String> = series.iter().map(entry).collect();
    let widest = entries.iter().map(|entry| entry.width() + 5).max().unwrap_or(0) as u16;
    let (width, height) = (pen.width(), pen.height());
    if width >= 64 && widest <= width / 3 && series.len() <= usize::from(height.saturating_sub(2)) {
        let left = width - widest;
        for (row, (one, entry)) in series.iter().zip(&entries).enumerate() {
            key(pen, (left, row as u16), row, one, entry);
        }
        return pen.inset(0, 0, widest + 1, 0);
    }
    let most_rows = if height >= 12 { 2 } else { u16::from(height >= 4) };
    let (mut x, mut y) = (0, 0);
    for (place, (one, entry)) in series.iter().zip(&entries).enumerate() {
        let needs = entry.width() as u16 + 4;
        if x > 0 && x + needs > width {
            (x, y) = (0, y + 1);
        }
        if y >= most_rows {
            let rest = format!("+{}", series.len() - place);
            let dim = pen.look.dim();
            if most_rows > 0 {
                pen.text_before(width, most_rows - 1, &rest, dim);
            }
            break;
        }
        x = key(pen, (x, y), place, one, entry) + 2;
    }
    let used = if most_rows == 0 { 0 } else { (y + 1).min(most_rows) };
    pen.inset(0, used, 0, 0)
}

fn entry(one: &Series) -> String {
    let last = one.last.map_or_else(String::new, |value| format!(" {}", words::value(value)));
    let lines = if one.lines > 1 { format!(" ×{}", one.lines) } else { String::new() };
    format!("{}{last}{lines}", one.label)
}

fn key(pen: &mut Pen, (x, y): (u16, u16), place: usize, one: &Series, entry: &str) -> u16 {
    let look = pen.look;
    let style = ink(look, place, one.dash);
    let x = pen.text(x, y, &letter(place).to_string(), style.add_modifier(Modifier::BOLD));
    let x = pen.text(x, y, stroke(look, one.dash), style);
    let entry = if look.glyphs == Glyphs::Ascii { entry.replace('×', "x") } else { entry.to_owned() };
    let room = pen.width().saturating_sub(x + 1);
    pen.text_within(x + 1, y, &entry, room, look.text())
}

fn marks(pen: &mut Pen, data: &Lines, x: &Span) {
    let (rule, dim) = (pen.look.rule(), pen.look.dim());
    let line = if pen.look.glyph("┊", ":") == ":" { ':' } else { '┊' };
    let last = f64::from(pen.width().max(1) - 1);
    for mark in &data.marks {
        let Some(at) = x.position(mark.x).filter(|at| (0.0..=1.0).contains(at)) else { continue };
        let column = (at * last).round() as u16;
        for y in 0..pen.height() {
            pen.cell(column, y, line, rule);
        }
        let bottom = pen.height().saturating_sub(1);
        let room = pen.width().saturating_sub(column + 1);
        pen.text_within(column + 1, bottom, &mark.label, room, dim);
    }
}

fn curves(pen: &mut Pen, data: &Lines, places: &[usize], series: &[Series], (x, y): (&Span, &Span)) {
    let look = pen.look;
    let mut canvas = Canvas::new(pen.width(), pen.height(), look.glyphs);
    // The most important line is drawn last, on top of the others.
    for (line, place) in data.lines.iter().zip(places).rev() {
        let at = |(px, py): &(f64, f64)| Some((x.position(*px)?, y.position(*py)?));
        canvas.line(line.points.iter().map(at), line.dash, *place as u16);
    }
    let dash = |place: u16| series.get(usize::from(place)).map_or(Dash::Solid, |one| one.dash);
    canvas.paint(pen, |place| ink(look, usize::from(place), dash(place)));
    let mut taken = Vec::new();
    for (line, place) in data.lines.iter().zip(places) {
        let at = |(px, py): &(f64, f64)| canvas.cell_of(x.position(*px)?, y.position(*py)?);
        let Some(end) = line.points.iter().rev().find_map(at) else { continue };
        let style = ink(look, *place, line.dash).add_modifier(Modifier::BOLD);
        let spot = free_spot(end, pen.height(), &taken);
        if let Some((column, row)) = spot.filter(|_| !taken.iter().any(|(_, _, other)| other == place)) {
            pen.cell(column, row, letter(*place), style);
            taken.push((column, row, *place));
        }
    }
}

/// A cell for a letter: the end of its line, or just above or below when another letter is there.
fn free_spot((column, row): (u16, u16), height: u16, taken: &[(u16, u16, usize)]) -> Option<(u16, u16)> {
    let free = |row: &u16| *row < height && !taken.iter().any(|(c, r, _)| (*c, *r) == (column, *row));
    [row, row.wrapping_sub(1), row + 1].into_iter().find(free).map(|row| (column, row))
}
