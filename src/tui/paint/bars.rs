//! Bar lists: a name, a bar with eighths of a cell, a number, an interval, a word.

use unicode_width::UnicodeWidthStr;

use super::nothing;
use crate::contract::{Bar, Bars, Scale, Span};
use crate::tui::look::Glyphs;
use crate::tui::pen::Pen;
use crate::view::words;

/// Paints bars from top to bottom, `scroll` of them left out at the top.
pub(super) fn paint(pen: &mut Pen, data: &Bars, scroll: usize) {
    if data.bars.is_empty() {
        return nothing(pen, "no bars yet");
    }
    let ends = |bar: &Bar| [bar.value, bar.interval.map_or(f64::NAN, |i| i.0), bar.interval.map_or(f64::NAN, |i| i.1)];
    let zero = if data.axis.scale == Scale::Linear { 0.0 } else { f64::NAN };
    let span = data.axis.span(data.bars.iter().flat_map(ends).chain([zero]));
    let (width, height) = (pen.width(), pen.height());
    let names = data.bars.iter().map(|bar| bar.label.width()).max().unwrap_or(0) as u16;
    let names = names.min(width / 3);
    let said: Vec<String> = data.bars.iter().map(|bar| said(bar, width)).collect();
    let numbers = (said.iter().map(|text| text.width()).max().unwrap_or(0) as u16).min(width / 2);
    let left = if names > 0 { names + 1 } else { 0 };
    let room = width.saturating_sub(left + numbers + 1);
    let with_axis = height >= 4 && !data.axis.label.is_empty();
    let rows = usize::from(height - u16::from(with_axis));
    // Air between the bars when there is enough of it.
    let every = if data.bars.len() * 2 <= rows + 1 { 2 } else { 1 };
    let first = scroll.min(data.bars.len().saturating_sub(rows));
    for (row, (bar, said)) in data.bars.iter().zip(&said).skip(first).take(rows.div_ceil(every)).enumerate() {
        let y = (row * every) as u16;
        let look = pen.look;
        pen.text_within(0, y, &bar.label, names, look.text());
        let place = first + row;
        stroke(&mut pen.inset(left, y, width.saturating_sub(left + room), 0), bar, &span, place);
        pen.text_within(left + room + 1, y, said, numbers, look.text());
    }
    if with_axis {
        let dim = pen.look.dim();
        pen.text_within(left, height - 1, &data.axis.label, width.saturating_sub(left), dim);
    }
}

fn said(bar: &Bar, width: u16) -> String {
    let interval = match bar.interval {
        Some((low, high)) if width >= 60 => format!(" [{}, {}]", words::value(low), words::value(high)),
        _ => String::new(),
    };
    let note = if bar.note.is_empty() { String::new() } else { format!(" {}", bar.note) };
    format!("{}{interval}{note}", words::value(bar.value))
}

/// One bar from zero (or the low end) to its value, its interval as a line over it.
fn stroke(pen: &mut Pen, bar: &Bar, span: &Span, place: usize) {
    let width = pen.width();
    let Some(at) = span.position(bar.value).map(|at| at.clamp(0.0, 1.0)) else { return };
    let base = span.position(0.0).unwrap_or(0.0).clamp(0.0, 1.0);
    let style = pen.look.series(place);
    let (from, to) = (base.min(at) * f64::from(width), base.max(at) * f64::from(width));
    for x in 0..width {
        let covered = (to.min(f64::from(x + 1)) - from.max(f64::from(x))).clamp(0.0, 1.0);
        let starts = from > f64::from(x) && covered < 1.0;
        if let Some(symbol) = part(covered, starts, pen.look.glyphs) {
            pen.cell(x, 0, symbol, style);
        }
    }
    let Some((low, high)) = bar.interval else { return };
    let (Some(low), Some(high)) = (span.position(low), span.position(high)) else { return };
    let (line, left, right) = match pen.look.glyphs {
        Glyphs::Ascii => ('-', '[', ']'),
        _ => ('─', '├', '┤'),
    };
    let cell = |at: f64| (at.clamp(0.0, 1.0) * f64::from(width.max(1) - 1)).round() as u16;
    let ends = (cell(low.min(high)), cell(low.max(high)));
    let text = pen.look.text();
    for x in ends.0..=ends.1 {
        let symbol = if x == ends.0 {
            left
        } else if x == ends.1 {
            right
        } else {
            line
        };
        // On the bar itself the bar's own value would vanish under the line: only its ends are shown.
        if pen.is_blank(x, 0) || x == ends.0 || x == ends.1 {
            pen.cell(x, 0, symbol, text);
        }
    }
}

/// The glyph of a cell covered in part.
fn part(covered: f64, starts_inside: bool, glyphs: Glyphs) -> Option<char> {
    const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    let eighths = (covered * 8.0).round() as usize;
    match (eighths, glyphs) {
        (0, _) => None,
        (_, Glyphs::Ascii) => (covered >= 0.5).then_some('#'),
        (1..8, _) if starts_inside => Some('▐'),
        (n, _) => Some(EIGHTHS[n.min(8) - 1]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighths_of_a_cell() {
        let drawn = [0.0, 0.13, 0.5, 1.0].map(|covered| part(covered, false, Glyphs::Blocks));
        assert_eq!(drawn, [None, Some('▏'), Some('▌'), Some('█')]);
        assert_eq!(part(0.4, false, Glyphs::Ascii), None);
    }
}
