//! Panels that only make sense together: side by side, or one above the other when there is no room.

use super::{View, body};
use crate::contract::Panel;
use crate::tui::pen::Pen;

/// Least columns of a part.
const NARROWEST: u16 = 18;

/// Paints panels from left to right.
pub(super) fn paint(pen: &mut Pen, panels: &[Panel], view: View) {
    let count = panels.len().min(64) as u16;
    if count == 0 {
        return;
    }
    let (width, height) = (pen.width(), pen.height());
    let across = width >= count * NARROWEST || height < count * 4;
    for (at, panel) in (0..count).zip(panels) {
        let (length, of) = (u32::from(if across { width } else { height }), u32::from(count));
        let edge = |i: u16| (length * u32::from(i) / of) as u16;
        let (from, to) = (edge(at), edge(at + 1));
        let gap = u16::from(across && at + 1 < count && to - from > 2);
        let mut part =
            if across { pen.inset(from, 0, width - to + gap, 0) } else { pen.inset(0, from, 0, height - to) };
        let top = u16::from(part.height() >= 3);
        if top > 0 {
            let (columns, strong) = (part.width(), part.look.strong());
            part.text_within(0, 0, &panel.title, columns, strong);
        }
        body(&mut part.inset(0, top, 0, 0), &panel.body, view);
    }
}
