//! Line charts: sub-cell curves with letters, dashes and colours, on linear or logarithmic axes.

use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::legend::{self, Series, ink};
use super::{axes, groups, letter, nothing};
use crate::contract::{Axis, Dash, Line, Lines, Scale, Span, short_number};
use crate::tui::canvas::Canvas;
use crate::tui::pen::Pen;
use crate::view::Glance;
use crate::view::curves::{BAND, Points, band, middle_at, smoothed};

/// A curve as it is drawn.
struct Curve {
    /// Which label it belongs to.
    place: usize,
    dash: Dash,
    /// Whether it stands behind the others: what was recorded behind what was smoothed, the edges of a band.
    faint: bool,
    points: Points,
}

/// Added to the ink of what stands behind.
const FAINT: u16 = 0x8000;

/// Paints a chart of lines as it is looked at.
pub(super) fn paint(pen: &mut Pen, data: &Lines, glance: Glance) {
    let has_points = |line: &Line| line.points.iter().any(|(x, y)| x.is_finite() && y.is_finite());
    if !data.lines.iter().any(has_points) {
        return nothing(pen, "no values yet");
    }
    let (labels, places) = groups(data.lines.iter().map(|line| line.label.as_str()));
    let series = series(data, &labels, &places, glance);
    let curves = drawn(data, &places, glance);
    let x = match glance.window {
        Some((low, high)) => Span { scale: data.x.scale, low, high },
        None => data.x.span(data.lines.iter().flat_map(|line| line.points.iter().map(|point| point.0))),
    };
    let y_axis = Axis { scale: glance.scale.unwrap_or(data.y.scale), ..data.y.clone() };
    let seen = |point: &&(f64, f64)| (x.low..=x.high).contains(&point.0);
    let y = y_axis.span(curves.iter().flat_map(|curve| curve.points.iter().filter(seen).map(|point| point.1)));
    let y_label = match y.scale {
        Scale::Linear => data.y.label.clone(),
        scale => format!("{} ({})", data.y.label, scale.name()),
    };
    let mut plot_pen = legend::paint(pen, &series, y_label.trim_start());
    if plot_pen.is_empty() {
        return;
    }
    let x_label = match glance.cursor {
        Some(at) => format!("{} {}", data.x.label, short_number(at)),
        None => data.x.label.clone(),
    };
    let plot = axes::paint(&mut plot_pen, (&x, &x_label), &y);
    let mut pen = plot_pen.within(plot);
    marks(&mut pen, data, &x);
    gaps(&mut pen, data, &x);
    let (dim, accent) = (pen.look.dim(), pen.look.accent());
    upright(&mut pen, glance.anchor, &x, dim);
    upright(&mut pen, glance.cursor, &x, accent);
    ink_curves(&mut pen, &curves, &series, (&x, &y));
    mark_labels(&mut pen, data, &x);
}

/// What is drawn, the most important first: smoothed lines before what was recorded, seeds as bands.
fn drawn(data: &Lines, places: &[usize], glance: Glance) -> Vec<Curve> {
    let (mut front, mut back) = (Vec::new(), Vec::new());
    for (place, line) in places.iter().zip(&data.lines) {
        // References are what they are.
        let smooth = glance.smoothing > 0.0 && line.dash != Dash::Dotted;
        let curve = |points, faint| Curve { place: *place, dash: line.dash, faint, points };
        if smooth {
            front.push(curve(smoothed(&line.points, glance.smoothing), false));
            back.push(curve(line.points.clone(), true));
        } else {
            front.push(curve(line.points.clone(), false));
        }
    }
    let alike = |place: usize| places.iter().filter(|other| **other == place).count();
    if glance.raw || !places.iter().any(|place| alike(*place) >= BAND) {
        front.append(&mut back);
        return front;
    }
    let mut curves = Vec::new();
    let mut edges = Vec::new();
    for place in 0..=places.iter().copied().max().unwrap_or(0) {
        let (own, rest): (Vec<Curve>, Vec<Curve>) = front.into_iter().partition(|curve| curve.place == place);
        front = rest;
        if own.len() < BAND {
            curves.extend(own);
            curves.extend(back.extract_if(.., |curve| curve.place == place));
            continue;
        }
        let dash = own[0].dash;
        let found = band(&own.into_iter().map(|curve| curve.points).collect::<Vec<_>>());
        curves.push(Curve { place, dash, faint: false, points: found.median });
        edges.extend([found.low, found.high].map(|points| Curve { place, dash: Dash::Dotted, faint: true, points }));
    }
    curves.append(&mut edges);
    curves
}

/// The entries of the legend: the value at the cursor, else the last.
fn series<'a>(data: &Lines, labels: &[&'a str], places: &[usize], glance: Glance) -> Vec<Series<'a>> {
    let of = |place: usize| {
        let own = move |(_, at): &(&Line, &usize)| **at == place;
        data.lines.iter().zip(places).filter(own).map(|(line, _)| line)
    };
    let points = |place: usize| of(place).map(|line| line.points.as_slice());
    let change = |place: usize| {
        let (here, there) = (glance.cursor?, glance.anchor?);
        Some(middle_at(points(place), here)? - middle_at(points(place), there)?)
    };
    let entry = |(place, label): (usize, &&'a str)| Series {
        label,
        dash: of(place).next_back().map_or(Dash::Solid, |line| line.dash),
        lines: of(place).count(),
        last: middle_at(points(place), glance.cursor.unwrap_or(f64::INFINITY)),
        change: change(place),
    };
    labels.iter().enumerate().map(entry).collect()
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

/// Where a curve has no value: a cross at the foot of the chart.
fn gaps(pen: &mut Pen, data: &Lines, x: &Span) {
    let (bad, cross) = (pen.look.bad(), if pen.look.glyph("×", "x") == "x" { 'x' } else { '×' });
    let foot = pen.height().saturating_sub(1);
    for (at, _) in data.lines.iter().flat_map(|line| &line.points).filter(|(_, y)| !y.is_finite()) {
        if let Some(column) = mark_column(pen, x, *at) {
            pen.cell(column, foot, cross, bad);
        }
    }
}

fn upright(pen: &mut Pen, at: Option<f64>, x: &Span, style: Style) {
    let Some(column) = at.and_then(|at| mark_column(pen, x, at)) else { return };
    let line = if pen.look.glyph("│", "|") == "|" { '|' } else { '│' };
    for y in 0..pen.height() {
        pen.cell(column, y, line, style);
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

fn ink_curves(pen: &mut Pen, curves: &[Curve], series: &[Series], (x, y): (&Span, &Span)) {
    let look = pen.look;
    let mut canvas = Canvas::new(pen.width(), pen.height(), look.glyphs);
    // The most important curve is drawn last, on top of the others.
    for curve in curves.iter().rev() {
        let at = |(px, py): &(f64, f64)| Some((x.position(*px)?, y.position(*py)?));
        let behind = if curve.faint { FAINT } else { 0 };
        canvas.line(curve.points.iter().map(at), curve.dash, curve.place as u16 | behind);
    }
    let dash = |place: usize| series.get(place).map_or(Dash::Solid, |one| one.dash);
    canvas.paint(pen, |mark| {
        let place = usize::from(mark & !FAINT);
        ink(look, place, if mark & FAINT == 0 { dash(place) } else { Dash::Dotted })
    });
    let mut taken = Vec::new();
    for curve in curves.iter().filter(|curve| !curve.faint) {
        let at = |(px, py): &(f64, f64)| canvas.cell_of(x.position(*px)?, y.position(*py)?);
        let Some(end) = curve.points.iter().rev().find_map(at) else { continue };
        let style = ink(look, curve.place, curve.dash).add_modifier(Modifier::BOLD);
        let spot = free_spot(end, pen.height(), &taken);
        if let Some((column, row)) = spot.filter(|_| !taken.iter().any(|(_, _, other)| *other == curve.place)) {
            pen.cell(column, row, letter(curve.place), style);
            taken.push((column, row, curve.place));
        }
    }
}

/// A cell for a letter: the end of its line, or just above or below when another letter is there.
fn free_spot((column, row): (u16, u16), height: u16, taken: &[(u16, u16, usize)]) -> Option<(u16, u16)> {
    let free = |row: &u16| *row < height && !taken.iter().any(|(c, r, _)| (*c, *r) == (column, *row));
    [row, row.wrapping_sub(1), row + 1].into_iter().find(free).map(|row| (column, row))
}
