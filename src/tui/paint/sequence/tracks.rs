//! Numbers of every token as small curves over the token axis, the cursor a rule, ticks where something is noted.

use std::collections::BTreeMap;

use crate::contract::{Axis, Dash, Sequence, Span, Track, short_number};
use crate::tui::canvas::Canvas;
use crate::tui::pen::Pen;
use crate::view::{TokenAxis, words};

/// Paints a track: its name, its value at the cursor and its ends at the left, its curve at the right.
pub(super) fn paint(pen: &mut Pen, track: &Track, axis: &TokenAxis, cursor: usize) {
    if pen.is_empty() {
        return;
    }
    let span = Axis { scale: track.scale, ..Axis::default() }.span(track.values.iter().copied());
    names(pen, track, &span, axis.left, cursor);
    let mut plot = pen.inset(axis.left, 0, 0, 0);
    if plot.height() == 1 {
        return blocks(&mut plot, track, &span, axis, cursor);
    }
    let (column, look) = (axis.column(cursor) + axis.cell() / 2, plot.look);
    let rule = if look.glyph("│", "|") == "|" { '|' } else { '│' };
    for y in 0..plot.height() {
        plot.cell(column, y, rule, look.accent());
    }
    let mut canvas = Canvas::new(plot.width(), plot.height(), look.glyphs);
    let place = |at: usize| Some((axis.share(at), span.position(*track.values.get(at)?)?));
    let known = track.values.iter().filter(|value| value.is_finite()).count();
    if 2 * known < track.values.len() {
        // Values that are few and far between would be lost as dots: they are stems.
        for (x, y) in (0..track.values.len()).filter_map(place) {
            canvas.line([Some((x, 0.0)), Some((x, y))], Dash::Solid, 0);
        }
    } else {
        canvas.line((0..track.values.len()).map(place), Dash::Solid, 0);
    }
    canvas.paint(&mut plot, |_| look.series(0));
}

fn names(pen: &mut Pen, track: &Track, span: &Span, left: u16, cursor: usize) {
    if left < 4 {
        return;
    }
    let look = pen.look;
    let value = track.values.get(cursor).copied().filter(|value| value.is_finite());
    let value = value.map_or_else(|| "-".to_owned(), words::value);
    let value_room = value.len() as u16 + 1;
    let name = if track.unit.is_empty() { track.label.clone() } else { format!("{}, {}", track.label, track.unit) };
    pen.text_within(0, 0, &name, left.saturating_sub(value_room + 1), look.text());
    pen.text_before(left - 1, 0, &value, look.strong());
    let ends = format!("{} to {}", short_number(span.low), short_number(span.high));
    pen.text_within(0, 1, &ends, left - 1, look.dim());
}

/// A curve in one row.
fn blocks(pen: &mut Pen, track: &Track, span: &Span, axis: &TokenAxis, cursor: usize) {
    let look = pen.look;
    let steps: Vec<char> = if look.glyph("█", "#") == "#" { ".:-=+*#@" } else { "▁▂▃▄▅▆▇█" }.chars().collect();
    // Where tokens share a column the highest is seen.
    let mut highest: BTreeMap<u16, f64> = BTreeMap::new();
    for (at, value) in track.values.iter().enumerate() {
        if let Some(share) = span.position(*value) {
            let place = highest.entry(axis.column(at)).or_insert(share);
            *place = place.max(share);
        }
    }
    for (column, share) in highest {
        let symbol = steps[((share.clamp(0.0, 1.0) * steps.len() as f64) as usize).min(steps.len() - 1)];
        for x in column..column + axis.cell() {
            pen.cell(x, 0, symbol, look.series(0));
        }
    }
    pen.restyle(axis.column(cursor), 0, axis.cell(), look.selected());
}

/// The row under the tracks: a letter where something is noted, and what the letters mean.
pub(super) fn ticks(pen: &mut Pen, data: &Sequence, axis: &TokenAxis, cursor: usize, hidden: usize) {
    if pen.is_empty() {
        return;
    }
    let look = pen.look;
    let letters = letters(data);
    let mut legend: Vec<String> = letters.iter().map(|(note, (letter, _))| format!("{letter} {note}")).collect();
    if hidden > 0 {
        legend.push(format!("+{hidden} tracks"));
    }
    pen.text_within(0, 0, &legend.join("  "), axis.left.saturating_sub(1), look.dim());
    let mut plot = pen.inset(axis.left, 0, 0, 0);
    // Where tokens share a column the rarest note is seen.
    let mut shown: BTreeMap<u16, (usize, char)> = BTreeMap::new();
    for (at, token) in data.tokens.iter().enumerate() {
        if let Some((letter, count)) = letters.get(token.note.as_str()) {
            let place = shown.entry(axis.column(at) + axis.cell() / 2).or_insert((*count, *letter));
            if *count < place.0 {
                *place = (*count, *letter);
            }
        }
    }
    for (column, (_, letter)) in shown {
        plot.cell(column, 0, letter, look.warning());
    }
    let column = axis.column(cursor) + axis.cell() / 2;
    if plot.is_blank(column, 0) {
        plot.cell(column, 0, if look.glyph("▲", "^") == "^" { '^' } else { '▲' }, look.accent());
    } else {
        plot.restyle(column, 0, 1, look.selected());
    }
}

/// A letter for every note, its first that is free, and how many tokens have it.
fn letters(data: &Sequence) -> BTreeMap<&str, (char, usize)> {
    let mut letters: BTreeMap<&str, (char, usize)> = BTreeMap::new();
    for token in data.tokens.iter().filter(|token| !token.note.is_empty()) {
        if let Some((_, count)) = letters.get_mut(token.note.as_str()) {
            *count += 1;
            continue;
        }
        let taken = |c: &char| letters.values().any(|(letter, _)| letter == c);
        let free = token.note.chars().find(|c| c.is_ascii_alphanumeric() && !taken(c));
        letters.insert(&token.note, (free.unwrap_or('*'), 1));
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Token;

    #[test]
    fn every_note_has_a_letter_of_its_own() {
        let token = |note: &str| Token { note: note.into(), ..Token::default() };
        let tokens = ["query", "quiet", "", "query", "日本"].map(token).to_vec();
        let data = Sequence { tokens, ..Sequence::default() };
        let found = letters(&data);
        assert_eq!((found["query"], found["quiet"], found["日本"]), (('q', 2), ('u', 1), ('*', 1)));
    }
}
