//! The comparison: its runs with their letters, the panels, what the selected run says of its claim.

use super::chrome::{state_style, titled};
use super::part;
use super::run::panels;
use crate::tui::paint::verdict_style;
use crate::tui::pen::{Pen, wrap};
use crate::view::compared::letter;
use crate::view::{Comparison, Focus, Side, Size, Stand, words};

/// Paints everything but the footer.
pub(super) fn paint(pen: &mut Pen, comparison: &Comparison) {
    let stand = Stand { size: (pen.width(), pen.height()), ..comparison.stand.clone() };
    let items = comparison.items();
    let grid = stand.grid(&items);
    head(&mut pen.within(part(grid.header)), comparison);
    if grid.trials.width > 0 {
        runs(&mut pen.within(part(grid.trials)), comparison, &stand);
    }
    panels(pen, &items, &stand, "Nothing is recorded yet.");
    claim(&mut pen.within(part(grid.events)), comparison, &stand);
}

fn head(pen: &mut Pen, comparison: &Comparison) {
    let look = pen.look;
    let count = comparison.sides.len();
    let x = pen.text(1, 0, &format!("{count} run{} side by side", words::plural(count)), look.strong());
    if let Some(side) = comparison.sides.get(comparison.baseline) {
        let text = format!("baseline [{}] {}", letter(comparison.baseline), side.feed.state().run);
        let room = pen.width().saturating_sub(x + 3);
        pen.text_within(x + 3, 0, &text, room, look.accent());
    }
    let condition = comparison.condition().map_or_else(|| "all conditions".to_owned(), |one| format!("only {one}"));
    let width = pen.width().saturating_sub(1);
    pen.text_within(1, 1, &condition, width, look.dim());
}

fn runs(pen: &mut Pen, comparison: &Comparison, stand: &Stand) {
    let gap = u16::from(Size::of(stand.size.0, stand.size.1) > Size::Numbers);
    let mut pen = pen.inset(0, 0, gap, 0);
    let mut list = titled(&mut pen, None, "Runs", "", stand.focus == Focus::Trials);
    let rows = usize::from(list.height()) / 2;
    let first = stand.first_row(comparison.sides.len(), rows);
    for (y, (at, side)) in comparison.sides.iter().enumerate().skip(first).take(rows).enumerate() {
        run(&mut list, 2 * y as u16, side, (at, at == stand.trial, at == comparison.baseline));
    }
}

/// A run in two rows: its name, how it stands.
fn run(pen: &mut Pen, y: u16, side: &Side, (at, chosen, baseline): (usize, bool, bool)) {
    let look = pen.look;
    let state = side.feed.state();
    let width = pen.width();
    let mark = if chosen { look.glyph("▸", ">") } else { " " };
    let x = pen.text(0, y, mark, look.accent());
    let letter = letter(at);
    let x = pen.text(x, y, &format!("[{letter}] "), if baseline { look.accent() } else { look.dim() });
    let style = if chosen { look.strong() } else { look.text() };
    pen.text_within(x, y, &state.run, width.saturating_sub(x), style);
    let x = pen.text(5, y + 1, words::state(state.status), state_style(state.status, look)) + 1;
    if let Some(verdict) = &state.verdict {
        let room = width.saturating_sub(x);
        pen.text_within(x, y + 1, words::outcome(verdict.outcome), room, verdict_style(verdict.outcome, look));
    } else {
        pen.text(x, y + 1, &words::percent(words::share(state.progress())), look.text());
    }
}

/// The sentence of the selected run's verdict.
fn claim(pen: &mut Pen, comparison: &Comparison, stand: &Stand) {
    let Some(side) = comparison.sides.get(stand.trial) else { return };
    let state = side.feed.state();
    let text = state.verdict.as_ref().map_or("Not judged yet.", |verdict| &verdict.sentence);
    if pen.height() < 3 {
        let (room, style) = (pen.width().saturating_sub(1), pen.look.text());
        pen.text_within(1, 0, text, room, style);
        return;
    }
    let title = format!("[{}] {}", letter(stand.trial), state.run);
    let mut body = titled(pen, None, &title, "o opens it", false);
    let style = body.look.text();
    for (y, line) in wrap(text, usize::from(body.width().saturating_sub(2))).iter().enumerate() {
        body.text(1, y as u16, line, style);
    }
}
