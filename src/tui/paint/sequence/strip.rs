//! The tokens in a row, the one under the cursor in brackets, notes below, and what is known of that token.

use crate::contract::{Sequence, Token};
use crate::tui::look::Look;
use crate::tui::pen::Pen;
use crate::view::{Parts, strip, token_text, words};

/// Paints the strip.
pub(super) fn paint(pen: &mut Pen, data: &Sequence, cursor: usize, parts: &Parts) {
    let look = pen.look;
    let ascii = look.glyph("·", ".") == ".";
    let slots = strip(&data.tokens, pen.width(), cursor);
    for slot in &slots {
        let token = &data.tokens[slot.token];
        let here = slot.token == cursor;
        let style = if here { look.strong() } else { weight_style(token, look) };
        pen.text_within(slot.x, 0, &token_text(token, ascii), slot.width, style);
        if here {
            pen.cell(slot.x.saturating_sub(1), 0, '[', look.accent());
            pen.cell(slot.x + slot.width, 0, ']', look.accent());
        }
        if parts.notes {
            let style = if here { look.accent() } else { look.warning() };
            pen.text_within(slot.x, 1, &token.note, slot.width, style);
        }
    }
    let (more, less) = (look.glyph("›", ">"), look.glyph("‹", "<"));
    if slots.first().is_some_and(|slot| slot.token > 0) {
        pen.text(0, 1.min(pen.height().saturating_sub(1)), less, look.dim());
    }
    if slots.last().is_some_and(|slot| slot.token + 1 < data.tokens.len()) {
        let (end, y) = (pen.width(), 1.min(pen.height().saturating_sub(1)));
        pen.text_before(end, y, more, look.dim());
    }
    if parts.told {
        let (width, y) = (pen.width(), pen.height() - 1);
        let x = pen.text(0, y, &format!("token {} of {}  ", cursor + 1, data.tokens.len()), look.accent());
        pen.text_within(x, y, &about(data, cursor, ascii), width.saturating_sub(x), look.text());
    }
}

/// How a token looks by its weight.
fn weight_style(token: &Token, look: Look) -> ratatui::style::Style {
    match token.weight {
        w if !w.is_finite() => look.text(),
        w if look.has_ramp() => look.on_ramp(w.clamp(0.0, 1.0)),
        w if w >= 0.66 => look.selected(),
        w if w >= 0.33 => look.strong(),
        _ => look.dim(),
    }
}

/// A token in words: its text, what is noted, its weight, and every number of it.
fn about(data: &Sequence, at: usize, ascii: bool) -> String {
    let Some(token) = data.tokens.get(at) else { return String::new() };
    let mut parts = vec![token_text(token, ascii)];
    if !token.note.is_empty() {
        parts.push(token.note.clone());
    }
    if token.weight.is_finite() {
        parts.push(format!("right {}", words::value(token.weight)));
    }
    for track in &data.tracks {
        if let Some(value) = track.values.get(at).filter(|value| value.is_finite()) {
            parts.push(format!("{} {}", track.label, words::value(*value)));
        }
    }
    parts.join("  ")
}
