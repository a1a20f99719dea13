//! A measured value on one row: its interval, every seed as a dot, and the threshold that it had to meet.

use ratatui::style::Style;

use crate::contract::Check;
use crate::tui::pen::Pen;
use crate::view::threshold::limits;

/// Least columns in which a strip says something.
pub(super) const LEAST: u16 = 14;

/// Paints the strip of a check from column `x` on; `style` is that of the value and its interval.
pub(super) fn paint(pen: &mut Pen, (x, y): (u16, u16), columns: u16, check: &Check, style: Style) {
    let Some(effect) = check.effect.filter(|effect| effect.is_finite()) else { return };
    let limits = limits(&check.threshold);
    let ends = check.interval.into_iter().flat_map(|(low, high)| [low, high]);
    let all = || ends.clone().chain([effect]).chain(check.seeds.iter().copied()).chain(limits.iter().copied());
    let finite = || all().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    // Where everything falls together, the value stands in the middle.
    let (low, high) = if high > low { (low, high) } else { (low - 1.0, low + 1.0) };
    let last = f64::from(columns.saturating_sub(1));
    let column = |value: f64| x + ((value - low) / (high - low) * last).clamp(0.0, last).round() as u16;
    let look = pen.look;
    let symbol = |full: char, ascii: char| if look.glyph("─", "-") == "-" { ascii } else { full };
    for at in x..x + columns {
        pen.cell(at, y, symbol('─', '-'), look.rule());
    }
    if let Some((from, to)) = check.interval.filter(|(from, to)| from.is_finite() && to.is_finite()) {
        for at in column(from)..=column(to) {
            pen.cell(at, y, symbol('━', '='), style);
        }
    }
    for seed in check.seeds.iter().filter(|seed| seed.is_finite()) {
        pen.cell(column(*seed), y, symbol('○', 'o'), look.text());
    }
    for limit in limits {
        pen.cell(column(limit), y, symbol('┃', '|'), look.warning());
    }
    pen.cell(column(effect), y, symbol('◆', '*'), style);
}
