//! What every screen has: titled rules, bars of progress, the footer of keys.

use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use crate::contract::{Level, Status};
use crate::tui::look::Look;
use crate::tui::pen::Pen;
use crate::view::{Binding, Message};

/// A rule with a title, heavy where the focus is; the rows below are for the content.
pub(super) fn titled<'p>(pen: &'p mut Pen, number: Option<usize>, title: &str, note: &str, focused: bool) -> Pen<'p> {
    let look = pen.look;
    let style = if focused { look.accent() } else { look.rule() };
    let line = match (look.glyph("─", "-"), focused) {
        ("-", true) => '=',
        ("-", false) => '-',
        (_, true) => '━',
        (_, false) => '─',
    };
    for x in 0..pen.width() {
        pen.cell(x, 0, line, style);
    }
    let room = pen.width().saturating_sub(3);
    let text_style = if focused { look.accent() } else { look.strong() };
    let number = number.map_or(String::new(), |number| format!("{number} "));
    let end = pen.text_within(2, 0, &format!(" {number}{title} "), room, text_style);
    if !note.is_empty() && usize::from(pen.width().saturating_sub(end)) > note.width() + 4 {
        let before = pen.width() - 2;
        pen.text_before(before, 0, &format!(" {note} "), look.dim());
    }
    pen.inset(0, 1, 0, 0)
}

/// A bar of progress over some columns of a row.
pub(super) fn progress(pen: &mut Pen, (x, y): (u16, u16), columns: u16, share: f64, style: Style) {
    let look = pen.look;
    let filled = (share.clamp(0.0, 1.0) * f64::from(columns)).floor() as u16;
    let (full, empty) = match look.glyph("█", "#") {
        "#" => ('#', '.'),
        _ => ('━', '─'),
    };
    for at in 0..columns {
        let (symbol, style) = if at < filled { (full, style) } else { (empty, look.rule()) };
        pen.cell(x + at, y, symbol, style);
    }
}

/// The style of a state; the word is always beside it.
pub(super) fn state_style(status: Status, look: Look) -> Style {
    match status {
        Status::Running => look.accent(),
        Status::Done => look.good(),
        Status::Failed => look.bad(),
        Status::Paused | Status::Stalled | Status::Stopped => look.warning(),
        Status::Waiting => look.dim(),
    }
}

/// The style and the mark of a level.
pub(super) fn level(level: Level, look: Look) -> (&'static str, Style) {
    match level {
        Level::Info => (" ", look.text()),
        Level::Warning => ("!", look.warning()),
        Level::Error => (look.glyph("✗", "E"), look.bad()),
    }
}

/// The key of a binding as the footer shows it.
pub(super) fn key_name(binding: &Binding) -> String {
    match binding.keys {
        [_, _, ..] if binding.keys_text().contains('-') && binding.keys.len() == 9 => binding.keys_text(),
        keys => keys.first().map_or_else(String::new, ToString::to_string),
    }
}

/// The last row: keys that work now, the last two always; a message in place of the others.
pub(super) fn footer(pen: &mut Pen, keys: &[(String, &str)], message: Option<&Message>) {
    if pen.is_empty() {
        return;
    }
    let y = pen.height() - 1;
    let mut row = pen.inset(0, y, 0, 0);
    row.clear();
    let width = |(key, label): &(String, &str)| (key.width() + 1 + label.width()) as u16;
    let always = &keys[keys.len().saturating_sub(2)..];
    let tail: u16 = always.iter().map(|key| width(key) + 2).sum();
    let room = row.width().saturating_sub(tail + 1);
    if let Some(message) = message {
        let style = if message.is_error { row.look.bad() } else { row.look.accent() };
        row.text_within(1, 0, &message.text, room, style);
    } else {
        let mut x = 1;
        for key in &keys[..keys.len() - always.len()] {
            if x + width(key) > room {
                break;
            }
            x = one_key(&mut row, x, key) + 2;
        }
    }
    let mut x = row.width().saturating_sub(tail) + 1;
    for key in always {
        x = one_key(&mut row, x, key) + 2;
    }
}

fn one_key(pen: &mut Pen, x: u16, (key, label): &(String, &str)) -> u16 {
    let look = pen.look;
    let x = pen.text(x, 0, key, look.accent());
    pen.text(x + 1, 0, label, look.text())
}
