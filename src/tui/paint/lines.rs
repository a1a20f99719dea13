//! Line charts: sub-cell curves with letters, dashes and colours, on linear or logarithmic axes.

use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::legend::{self, Series, ink};
use super::{axes, groups, letter, nothing};
use crate::contract::{Axis, Dash, Line, Lines, Scale, Span};
use crate::tui::canvas::Canvas;
use crate::tui::pen::Pen;

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
    let mut plot_pen = legend::paint(pen, &series, y_label.trim_start());
    if plot_pen.is_empty() {
        return;
    }
    let plot = axes::paint(&mut plot_pen, (&x, &data.x.label), &y);
    let mut pen = plot_pen.within(plot);
    marks(&mut pen, data, &x);
    curves(&mut pen, data, &places, &series, (&x, &y));
    mark_labels(&mut pen, data, &x);
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

/// The column of a mark in the plot.
fn mark_column(pen: &Pen, x: &Span, at: f64) -> Option<u16> {
    let at = x.position(at).filter(|at| (0.0..=1.0).contains(at))?;
    Some((at * f64::from(pen.width().max(1) - 1)).round() as u16)
}

fn marks(pen: &mut Pen, data: &Lines, x: &Span) {
    let rule = pen.look.rule();
    let line = if pen.look.glyph("┊", ":") == ":" { ':' } else { '┊' };
    for mark in &data.marks {
        if let Some(column) = mark_column(pen, x, mark.x) {
            for y in 0..pen.height() {
                pen.cell(column, y, line, rule);
            }
        }
    }
}

/// Labels of the marks, each in a row where it covers no curve.
fn mark_labels(pen: &mut Pen, data: &Lines, x: &Span) {
    let dim = pen.look.dim();
    for mark in &data.marks {
        let Some(column) = mark_column(pen, x, mark.x) else { continue };
        let width = mark.label.width() as u16;
        let start = if column + 1 + width < pen.width() { column + 1 } else { column.saturating_sub(width) };
        let free = |y: &u16| (start..start + width).all(|x| pen.is_blank(x, *y));
        if let Some(row) = (0..pen.height()).rev().find(free) {
            pen.text_within(start, row, &mark.label, width, dim);
        }
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
