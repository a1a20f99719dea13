//! Pages over the screens: help, the card of a system, what a panel means, a question.

use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::chrome::titled;
use crate::contract::Card;
use crate::tui::pen::{Pen, wrap};
use crate::view::{Context, KEYS};

/// Text is set no wider than this: longer lines are hard to read.
const MEASURE: u16 = 96;

/// Lines of a page: indent, text, style.
type Row = (u16, String, Style);

fn page(pen: &mut Pen, title: &str, rows: &[Row], scroll: usize) {
    let mut body = titled(pen, None, title, "Esc closes", true);
    let height = usize::from(body.height().saturating_sub(1));
    let first = scroll.min(rows.len().saturating_sub(height));
    for (y, (indent, text, style)) in rows.iter().skip(first).take(height).enumerate() {
        body.text(1 + indent, y as u16, text, *style);
    }
    let hidden = rows.len().saturating_sub(first + height);
    if hidden > 0 {
        let (end, last, look) = (body.width(), body.height().saturating_sub(2), body.look);
        body.text_before(end, last, &format!(" {hidden} more {}", look.glyph("↓", "v")), look.dim());
    }
}

fn measure(pen: &Pen) -> usize {
    usize::from(pen.width().saturating_sub(4).clamp(1, MEASURE))
}

/// Every key, from the key table; those that work `here` first.
pub(super) fn help(pen: &mut Pen, here: &[Context], scroll: usize) {
    let look = pen.look;
    let columns = measure(pen);
    let keys_width = KEYS.iter().map(|binding| binding.keys_text().width()).max().unwrap_or(0);
    let mut rows = Vec::new();
    let elsewhere = Context::ALL.iter().filter(|context| !here.contains(context));
    for context in here.iter().chain(elsewhere) {
        rows.push((0, context.name().to_owned(), look.strong()));
        for binding in KEYS.iter().filter(|binding| binding.context == *context) {
            let room = columns.saturating_sub(keys_width + 4);
            for (at, line) in wrap(binding.help, room).into_iter().enumerate() {
                let keys = if at == 0 { binding.keys_text() } else { String::new() };
                rows.push((2, format!("{keys:<keys_width$}  {line}"), look.text()));
            }
        }
        rows.push((0, String::new(), look.text()));
    }
    page(pen, "Keys", &rows, scroll);
}

/// The card of a system.
pub(super) fn card(pen: &mut Pen, card: &Card, scroll: usize) {
    let look = pen.look;
    let columns = measure(pen);
    let mut rows: Vec<Row> = Vec::new();
    let mut say = |head: &str, lines: &mut dyn Iterator<Item = String>| {
        rows.push((0, head.to_owned(), look.strong()));
        for text in lines {
            rows.extend(wrap(&text, columns.saturating_sub(2)).into_iter().map(|line| (2, line, look.text())));
        }
        rows.push((0, String::new(), look.text()));
    };
    let numbered = |(at, claim): (usize, &&str)| format!("{}. {claim}", at + 1);
    say("In one sentence", &mut [card.sentence.to_owned()].into_iter());
    say("Paper", &mut [format!("{}. {}, {}.", card.paper.title, card.paper.authors, card.paper.year)].into_iter());
    say("The paper claims", &mut card.claims.iter().enumerate().map(numbered));
    say("What must be shown here", &mut card.thresholds.iter().map(ToString::to_string));
    say("Kept", &mut [card.kept.to_owned()].into_iter());
    say("Smaller than in the paper", &mut [card.shrunk.to_owned()].into_iter());
    say("Replaced", &mut [card.substituted.to_owned()].into_iter());
    say("What the trials record", &mut card.metrics.iter().map(|m| format!("{} ({}): {}", m.name, m.unit, m.says)));
    page(pen, &format!("{} {}", card.number, card.title), &rows, scroll);
}

/// Where a box in the middle of the screen lies, frame and margins included.
pub(super) fn middle((columns, rows): (u16, u16), wide: u16, high: u16) -> Rect {
    let width = wide.saturating_add(4).min(columns);
    let height = high.saturating_add(2).min(rows.saturating_sub(1));
    Rect { x: (columns - width) / 2, y: (rows - height) / 2, width, height }
}

/// A box in the middle of the screen.
pub(super) fn boxed<'p>(pen: &'p mut Pen, columns: u16, rows: u16, title: &str) -> Pen<'p> {
    let inside = middle((pen.width(), pen.height()), columns, rows);
    let (x, y) = (pen.area.x + inside.x, pen.area.y + inside.y);
    let area = Rect { x, y, ..inside };
    let Rect { width, height, .. } = area;
    pen.within(area).clear();
    let look = pen.look;
    let last = height.saturating_sub(1);
    let mut inside = pen.within(area);
    inside.inset(0, last, 0, 0).rule(0, look.accent());
    _ = titled(&mut inside, None, title, "", true);
    pen.within(Rect { x: x + 2, y: y + 1, width: width.saturating_sub(4), height: height.saturating_sub(2) })
}

/// What a panel means.
pub(super) fn explain(pen: &mut Pen, title: &str, text: &str, scroll: usize) {
    let columns = pen.width().saturating_sub(8).clamp(1, 72);
    let lines = wrap(text, usize::from(columns));
    let mut body = boxed(pen, columns, lines.len() as u16, title);
    let style = body.look.text();
    let room = usize::from(body.height());
    let first = scroll.min(lines.len().saturating_sub(room));
    for (y, line) in lines.iter().skip(first).take(room).enumerate() {
        body.text(0, y as u16, line, style);
    }
}

/// Stop the run?
pub(super) fn confirm_stop(pen: &mut Pen) {
    let text = "The worker writes checkpoints and ends. Space, or ansatz resume, goes on from there. Stop it? (y/n)";
    explain(pen, "Stop this run", text, 0);
}
