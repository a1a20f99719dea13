//! Token strips: text in reading order, shaded by weight, with a word under a token where there is one.

use unicode_width::UnicodeWidthStr;

use super::nothing;
use crate::contract::Token;
use crate::tui::pen::Pen;

/// Paints tokens in lines, `scroll` lines left out at the top.
pub(super) fn paint(pen: &mut Pen, tokens: &[Token], scroll: usize) {
    if tokens.is_empty() {
        return nothing(pen, "no tokens yet");
    }
    let lines = lines(tokens, usize::from(pen.width()));
    let first = scroll.min(lines.len().saturating_sub(1));
    let mut y = 0;
    for line in &lines[first..] {
        if y >= pen.height() {
            break;
        }
        let mut x = 0;
        let notes = line.iter().any(|token| !token.note.is_empty());
        for token in line {
            one(pen, (x, y), token, notes);
            x += width(token) as u16 + 1;
        }
        y += 1 + u16::from(notes);
    }
}

/// Columns of a token: its text or its note, whichever is wider.
fn width(token: &Token) -> usize {
    token.text.width().max(token.note.width()).max(1)
}

fn lines(tokens: &[Token], room: usize) -> Vec<Vec<&Token>> {
    let mut lines = vec![Vec::new()];
    let mut used = 0;
    for token in tokens {
        let needs = width(token) + 1;
        if used > 0 && used + needs > room + 1 {
            lines.push(Vec::new());
            used = 0;
        }
        used += needs;
        if let Some(line) = lines.last_mut() {
            line.push(token);
        }
    }
    lines
}

fn one(pen: &mut Pen, (x, y): (u16, u16), token: &Token, notes: bool) {
    let look = pen.look;
    let text = if token.text.is_empty() { look.glyph("·", ".") } else { &token.text };
    // Control characters have no width and would vanish: show that something is there.
    let text = text.replace(char::is_control, look.glyph("⏎", "|"));
    let style = match token.weight {
        w if !w.is_finite() => look.text(),
        w if look.has_ramp() => look.on_ramp(w.clamp(0.0, 1.0)),
        w if w >= 0.66 => look.selected(),
        w if w >= 0.33 => look.strong(),
        _ => look.dim(),
    };
    pen.text(x, y, &text, style);
    if notes {
        pen.text(x, y + 1, &token.note, look.warning());
    }
}
