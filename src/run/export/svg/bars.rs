//! Bars from top to bottom, with intervals and words behind them.

use super::draw::{Anchor, GRID, INK, MUTED, Part, colour, fitted, nothing, rectangle, stroke, text, text_width};
use crate::contract::{Bar, Bars, Scale, Span, short_number};

const ROW: f64 = 26.0;

/// Paints a list of bars.
pub(super) fn paint(bars: &Bars, width: f64) -> Part {
    if bars.bars.is_empty() {
        return nothing(width);
    }
    let widest = bars.bars.iter().map(|bar| text_width(&bar.label, 12.0)).fold(0.0, f64::max);
    let left = widest.min(width * 0.4) + 10.0;
    let behind = bars.bars.iter().map(|bar| text_width(&words(bar), 11.0)).fold(0.0, f64::max);
    let room = (width - left - behind.min(width * 0.3) - 16.0).max(80.0);
    let ends = bars.bars.iter().filter_map(|bar| bar.interval).flat_map(|(low, high)| [low, high]);
    // A length is read from zero.
    let zero = (bars.axis.scale == Scale::Linear).then_some(0.0);
    let span = bars.axis.span(bars.bars.iter().map(|bar| bar.value).chain(ends).chain(zero));
    let mut part = Part::new(width);
    let high = ROW * bars.bars.len() as f64;
    part.height = high + 40.0;
    for tick in span.ticks(6) {
        let x = left + span.position(tick).unwrap_or(0.0) * room;
        part.add(stroke((x, 0.0), (x, high), GRID, 1.0));
        part.add(text(&short_number(tick), x, high + 15.0, 11.0, Anchor::Middle, MUTED));
    }
    for (index, bar) in bars.bars.iter().enumerate() {
        let y = ROW * index as f64;
        part.add(text(&fitted(&bar.label, 12.0, left - 10.0), left - 8.0, y + 17.0, 12.0, Anchor::End, INK));
        let end = draw(bar, span, left, room, y, &mut part);
        part.add(text(&words(bar), end + 6.0, y + 17.0, 11.0, Anchor::Start, MUTED));
    }
    let base = left + base(span) * room;
    part.add(stroke((base, 0.0), (base, high), MUTED, 1.0));
    let label = fitted(&bars.axis.label, 12.0, room);
    part.add(text(&label, left + room / 2.0, high + 33.0, 12.0, Anchor::Middle, INK));
    part
}

/// Where bars begin: at zero where the axis has one.
fn base(span: Span) -> f64 {
    span.position(0.0).unwrap_or(0.0).clamp(0.0, 1.0)
}

/// The number and the word behind a bar.
fn words(bar: &Bar) -> String {
    let number = if bar.value.is_finite() { short_number(bar.value) } else { "no value".into() };
    format!("{number} {}", bar.note).trim_end().to_owned()
}

/// One bar and its interval; gives the right end of what was drawn.
fn draw(bar: &Bar, span: Span, left: f64, room: f64, y: f64, part: &mut Part) -> f64 {
    let place = |value: f64| span.position(value).map(|share| left + share.clamp(0.0, 1.0) * room);
    let base = left + base(span) * room;
    let mut right = base;
    if let Some(end) = place(bar.value) {
        part.add(
            rectangle(base.min(end), y + 5.0, (end - base).abs(), ROW - 10.0, colour(0)).set("fill-opacity", 0.75),
        );
        right = right.max(end);
    }
    if let Some((Some(low), Some(high))) = bar.interval.map(|(low, high)| (place(low), place(high))) {
        let middle = y + ROW / 2.0;
        part.add(stroke((low, middle), (high, middle), INK, 1.4));
        for x in [low, high] {
            part.add(stroke((x, middle - 4.0), (x, middle + 4.0), INK, 1.4));
        }
        right = right.max(high);
    }
    right
}
