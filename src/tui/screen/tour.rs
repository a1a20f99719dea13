//! The tour's strip above the footer: what there is to know, which key comes next.

use super::chrome::titled;
use crate::tui::pen::{Pen, wrap};
use crate::view::App;

/// Text is set no wider than this.
const MEASURE: u16 = 110;

/// Paints the strip over the rows above the footer; the rest of the screen stays as it is.
pub(super) fn paint(pen: &mut Pen, app: &App) {
    let Some(tour) = app.tour else { return };
    let (stop, number, of) = tour.stop();
    let look = pen.look;
    let columns = pen.width().saturating_sub(2).clamp(1, MEASURE);
    let lines = wrap(stop.text, usize::from(columns));
    let rows = (lines.len() as u16 + 2).min(pen.height().saturating_sub(1));
    let top = pen.height().saturating_sub(rows + 1);
    let mut strip = pen.inset(0, top, 0, 1);
    strip.clear();
    let title = format!("Tour {number}/{of}: {}", stop.title);
    let mut body = titled(&mut strip, None, &title, "n goes on, Esc ends", true);
    let last = body.height().saturating_sub(1);
    for (y, line) in lines.iter().take(usize::from(last)).enumerate() {
        body.text(1, y as u16, line, look.text());
    }
    match app.tour_hint() {
        Some(hint) => _ = body.text_within(1, last, &hint, columns, look.warning()),
        None if stop.keys().is_empty() => _ = body.text(1, last, "Enter ends the tour.", look.accent()),
        None => {
            let x = body.text(1, last, "Press ", look.text());
            body.text(x, last, &stop.keys(), look.accent());
        }
    }
}
