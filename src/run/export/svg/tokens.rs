//! A strip of tokens in reading order, shaded by their weight.

use super::draw::{Anchor, GRID, INK, MUTED, Part, fitted, nothing, rectangle, text, text_width};
use crate::contract::Token;

/// Paints tokens.
pub(super) fn paint(tokens: &[Token], width: f64) -> Part {
    if tokens.is_empty() {
        return nothing(width);
    }
    let mut part = Part::new(width);
    let (mut x, mut y) = (0.0, 0.0);
    for token in tokens {
        let (label, room) = label(token, width);
        if x > 0.0 && x + room > width {
            (x, y) = (0.0, y + 42.0);
        }
        let weight = if token.weight.is_finite() { token.weight.clamp(0.0, 1.0) } else { 0.0 };
        let shade = rectangle(x, y, room, 22.0, "#0072b2").set("fill-opacity", (weight * 70.0).round() / 100.0);
        part.add(shade.set("stroke", GRID).set("rx", 3));
        let ink = if weight > 0.75 { "#ffffff" } else { INK };
        part.add(text(&label, x + room / 2.0, y + 15.5, 13.0, Anchor::Middle, ink));
        let note = fitted(&token.note, 9.0, room + 4.0);
        part.add(text(&note, x + room / 2.0, y + 33.0, 9.0, Anchor::Middle, MUTED));
        x += room + 4.0;
    }
    part.height = y + 38.0;
    part
}

/// What is written for a token, and its room.
fn label(token: &Token, width: f64) -> (String, f64) {
    let shown = token.text.replace('\n', "⏎").replace('\t', "⇥");
    let shown = if shown.trim().is_empty() { "␣".repeat(shown.chars().count().clamp(1, 8)) } else { shown };
    let shown = fitted(&shown, 13.0, width - 12.0);
    let room = text_width(&shown, 13.0).max(text_width(&token.note, 9.0).min(60.0)) + 12.0;
    (shown, room)
}
