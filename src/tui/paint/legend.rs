//! The legend of a line chart: letter, stroke, name, last value, as much of it as there is room for.

use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::letter;
use crate::contract::Dash;
use crate::tui::look::{Glyphs, Look};
use crate::tui::pen::{Pen, shorten};
use crate::view::words;

/// Lines of one label: they share letter, colour and stroke.
pub(super) struct Series<'a> {
    pub(super) label: &'a str,
    pub(super) dash: Dash,
    /// How many lines.
    pub(super) lines: usize,
    /// Median of their values at the cursor, else of their last ones.
    pub(super) last: Option<f64>,
    /// How much that is above the value at the place that it is compared with.
    pub(super) change: Option<f64>,
}

/// How a series is drawn; references stand back.
pub(super) fn ink(look: Look, place: usize, dash: Dash) -> Style {
    let style = look.series(place);
    if dash == Dash::Dotted { style.add_modifier(Modifier::DIM) } else { style }
}

fn stroke(look: Look, dash: Dash) -> &'static str {
    match dash {
        Dash::Solid => look.glyph("━", "-"),
        Dash::Dashed => look.glyph("╍", "="),
        Dash::Dotted => look.glyph("┈", "."),
    }
}

/// Columns of letter, stroke and the blank behind them.
const KEY: u16 = 3;
/// Columns for the number of entries left out.
const REST: u16 = 5;
/// Columns between two entries of a row.
const GAP: u16 = 2;

/// Paints the legend at the right where there is room, else in rows on top, led by the name of the
/// vertical axis; what is left for the plot.
pub(super) fn paint<'p>(pen: &'p mut Pen, series: &[Series], axis: &str) -> Pen<'p> {
    let full: Vec<String> = series.iter().map(|one| entry(one, pen.look)).collect();
    let widest = full.iter().map(|entry| entry.width() as u16 + KEY).max().unwrap_or(0).max(axis.width() as u16);
    let (width, height) = (pen.width(), pen.height());
    let lead = u16::from(!axis.is_empty());
    if width >= 64 && widest <= width / 3 && series.len() as u16 + lead + 2 <= height {
        let left = width - widest;
        let dim = pen.look.dim();
        pen.text(left, 0, axis, dim);
        for (row, (one, entry)) in series.iter().zip(&full).enumerate() {
            key(pen, (left, row as u16 + lead), row, one, entry);
        }
        return pen.inset(0, 0, widest + 1, 0);
    }
    let rows = match height {
        0..4 => 0,
        4..11 => 1,
        _ => 2,
    };
    let used = if rows > 0 { on_top(pen, series, full, axis, rows) } else { 0 };
    pen.inset(0, used, 0, 0)
}

/// Paints the legend in at most some rows, in the longest form that fits; rows used.
fn on_top(pen: &mut Pen, series: &[Series], full: Vec<String>, axis: &str, rows: u16) -> u16 {
    let look = pen.look;
    let width = pen.width();
    let (lead, entries) = form(series, full, axis, (width, rows), look);
    pen.text_within(0, 0, axis, lead.saturating_sub(GAP), look.dim());
    let all_fit = placed(&entries, width, lead).is_some_and(|(_, row)| row < rows);
    let (mut x, mut y) = (lead, 0);
    for (place, (one, entry)) in series.iter().zip(&entries).enumerate() {
        if x > 0 && x + KEY + entry.width() as u16 > width {
            (x, y) = (0, y + 1);
        }
        let is_last = place + 1 == series.len();
        // In the last row the number of those left out needs its own place.
        let cramped = y + 1 == rows && !is_last && !all_fit && x + KEY + entry.width() as u16 + REST > width;
        if y >= rows || cramped {
            let rest = format!(" +{} ", series.len() - place);
            pen.text_before(width, rows - 1, &rest, look.dim());
            break;
        }
        x = key(pen, (x, y), place, one, entry) + GAP;
    }
    (y + 1).min(rows)
}

/// Least columns of a name that is cut, while the axis is still named.
const LEGIBLE: usize = 8;

/// The longest entries that fit and the columns that the axis takes before them: names with values,
/// names, names cut, names cut more without the axis.
fn form(series: &[Series], full: Vec<String>, axis: &str, (width, rows): (u16, u16), look: Look) -> (u16, Vec<String>) {
    let lead = if axis.is_empty() || usize::from(width) < axis.width() + 20 { 0 } else { axis.width() as u16 + GAP };
    let fits = |entries: &Vec<String>, lead| placed(entries, width, lead).is_some_and(|(_, row)| row < rows);
    if fits(&full, lead) {
        return (lead, full);
    }
    let most = series.iter().map(|one| one.label.width()).max().unwrap_or(0).min(usize::from(width));
    let cut = |limit: usize| series.iter().map(|one| shorten(one.label, limit, look)).collect::<Vec<_>>();
    let tries = (LEGIBLE.min(most)..=most).rev().map(|limit| (limit, lead)).chain((3..=most).rev().map(|l| (l, 0)));
    for (limit, lead) in tries {
        let entries = cut(limit);
        if fits(&entries, lead) {
            return (lead, entries);
        }
    }
    (0, cut(LEGIBLE))
}

/// Where entries laid out one after the other end: column and row; none if one is wider than a row.
fn placed(entries: &[String], width: u16, lead: u16) -> Option<(u16, u16)> {
    entries.iter().try_fold((lead, 0_u16), |(x, y), entry| {
        let needs = entry.width() as u16 + KEY;
        match (x + needs <= width, needs <= width) {
            (true, _) => Some((x + needs + GAP, y)),
            (false, true) => Some((needs + GAP, y.saturating_add(1))),
            (false, false) => None,
        }
    })
}

fn entry(one: &Series, look: Look) -> String {
    let mut last = one.last.map_or_else(String::new, |value| format!(" {}", words::value(value)));
    if let Some(change) = one.change {
        let sign = if change >= 0.0 { "+" } else { "" };
        last += &format!(" ({sign}{})", words::value(change));
    }
    let times = if look.glyphs == Glyphs::Ascii { 'x' } else { '×' };
    let lines = if one.lines > 1 { format!(" {times}{}", one.lines) } else { String::new() };
    format!("{}{last}{lines}", one.label)
}

fn key(pen: &mut Pen, (x, y): (u16, u16), place: usize, one: &Series, entry: &str) -> u16 {
    let look = pen.look;
    let style = ink(look, place, one.dash);
    let x = pen.text(x, y, &letter(place).to_string(), style.add_modifier(Modifier::BOLD));
    let x = pen.text(x, y, stroke(look, one.dash), style);
    let room = pen.width().saturating_sub(x + 1);
    pen.text_within(x + 1, y, entry, room, look.text())
}
