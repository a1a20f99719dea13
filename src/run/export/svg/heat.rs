//! A heat map: cells on a lightness ramp, letters or numbers on them, the ramp with its ends.

use super::draw::{
    Anchor, INK, MISSING, MUTED, Part, fitted, nothing, px, ramp, rectangle, text, text_width, two_sided,
};
use crate::contract::{Axis, Heat, Span, short_number};

/// Room above the cells, for the unit.
const TOP: f64 = 24.0;

/// The colour of a share of a ramp, and of text on it.
type Ramp = fn(f64) -> (String, &'static str);

/// Paints a matrix.
pub(super) fn paint(heat: &Heat, width: f64) -> Part {
    paint_sided(heat, false, width)
}

/// Paints a matrix, `signed` with zero in the middle of a ramp of two sides.
pub(super) fn paint_sided(heat: &Heat, signed: bool, width: f64) -> Part {
    let ramp: Ramp = if signed { two_sided } else { ramp };
    let (rows, columns) = (heat.rows.len(), heat.columns.len());
    if rows == 0 || columns == 0 {
        return nothing(width);
    }
    let widest = heat.rows.iter().map(|row| text_width(row, 11.0)).fold(0.0, f64::max).min(width * 0.3);
    let left = widest + 30.0;
    let room = (width - left - 90.0).max(120.0);
    let cell = ((room / columns as f64).clamp(3.0, 72.0), (380.0 / rows as f64).clamp(3.0, 38.0));
    let (wide, high) = (cell.0 * columns as f64, cell.1 * rows as f64);
    let axis = Axis { range: heat.range, ..Axis::default() };
    // A ramp ends at the data and not at round numbers, so that its whole lightness is used.
    let span = heat.range.map_or_else(|| ends(&heat.values), |_| axis.span(heat.values.iter().copied()));
    let mut part = Part::new(left + wide + 90.0);
    part.height = TOP + high + 44.0;
    cells(heat, (span, ramp), cell, left, &mut part);
    labels(heat, cell, left, widest, &mut part);
    scale(heat, (span, ramp), left + wide + 16.0, high.max(60.0), &mut part);
    part.height = part.height.max(TOP + high.max(60.0) + 10.0);
    part
}

fn ends(values: &[f64]) -> Span {
    let fold = |(low, high): (f64, f64), v: &f64| (low.min(*v), high.max(*v));
    let (low, high) = values.iter().filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), fold);
    if low < high {
        Span { low, high, ..Axis::default().span([]) }
    } else {
        Axis::default().span(values.iter().copied())
    }
}

/// The cells with what stands on them.
fn cells(heat: &Heat, (span, ramp): (Span, Ramp), cell: (f64, f64), left: f64, part: &mut Part) {
    let columns = heat.columns.len();
    let gap = if cell.0 > 12.0 && cell.1 > 12.0 { 1.0 } else { 0.0 };
    let size = 12f64.min(cell.1 - 3.0);
    // Numbers on all cells or on none: some only would look like a pattern of the data.
    let fits = |value: &f64| text_width(&short_number(*value), size) <= cell.0;
    let numbers = heat.values.iter().all(fits) && heat.letters.iter().all(String::is_empty);
    for index in 0..heat.rows.len() * columns {
        let (x, y) = (left + cell.0 * (index % columns) as f64, TOP + cell.1 * (index / columns) as f64);
        let value = heat.values.get(index).copied().unwrap_or(f64::NAN);
        let share = if value.is_finite() { span.position(value) } else { None };
        let (fill, ink) = share.map_or((MISSING.to_owned(), MUTED), ramp);
        let square = rectangle(x, y, cell.0 - gap, cell.1 - gap, &fill);
        part.add(if gap == 0.0 { square.set("shape-rendering", "crispEdges") } else { square });
        let letter = heat.letters.get(index).map_or("", String::as_str);
        let shown = if numbers && share.is_some() { short_number(value) } else { letter.to_owned() };
        if size >= 7.0 && !shown.is_empty() && text_width(&shown, size) <= cell.0 {
            let (x, y) = (x + (cell.0 - gap) / 2.0, y + (cell.1 - gap) / 2.0 + size * 0.36);
            part.add(text(&shown, x, y, size, Anchor::Middle, ink));
        }
    }
}

/// Names of rows and columns, as many as fit, and of the two axes.
fn labels(heat: &Heat, cell: (f64, f64), left: f64, widest: f64, part: &mut Part) {
    let (wide, high) = (cell.0 * heat.columns.len() as f64, cell.1 * heat.rows.len() as f64);
    let every = (13.0 / cell.1).ceil() as usize;
    for (i, row) in heat.rows.iter().enumerate().step_by(every.max(1)) {
        let y = TOP + cell.1 * (i as f64 + 0.5) + 4.0;
        part.add(text(&fitted(row, 11.0, widest + 6.0), left - 6.0, y, 11.0, Anchor::End, MUTED));
    }
    let widest_column = heat.columns.iter().map(|column| text_width(column, 11.0)).fold(0.0, f64::max).min(120.0);
    let every = ((widest_column + 6.0) / cell.0).ceil() as usize;
    for (i, column) in heat.columns.iter().enumerate().step_by(every.max(1)) {
        let x = left + cell.0 * (i as f64 + 0.5);
        part.add(text(&fitted(column, 11.0, 120.0), x, TOP + high + 15.0, 11.0, Anchor::Middle, MUTED));
    }
    let middle = (left + wide / 2.0, TOP + high / 2.0);
    part.add(text(&heat.column_axis, middle.0, TOP + high + 34.0, 12.0, Anchor::Middle, INK));
    let turn = format!("translate(11 {}) rotate(-90)", px(middle.1));
    part.add(text(&heat.row_axis, 0.0, 0.0, 12.0, Anchor::Middle, INK).set("transform", turn));
}

/// The ramp with numbers at its ends and middle.
fn scale(heat: &Heat, (span, ramp): (Span, Ramp), x: f64, high: f64, part: &mut Part) {
    let steps = 32;
    for step in 0..steps {
        let (fill, _) = ramp(1.0 - (step as f64 + 0.5) / steps as f64);
        let y = TOP + high * step as f64 / steps as f64;
        let square = rectangle(x, y, 12.0, high / steps as f64 + 0.2, &fill);
        part.add(square.set("shape-rendering", "crispEdges"));
    }
    for share in [0.0, 0.5, 1.0] {
        let value = span.low + (span.high - span.low) * share;
        part.add(text(&short_number(value), x + 17.0, TOP + high * (1.0 - share) + 4.0, 11.0, Anchor::Start, MUTED));
    }
    part.add(text(&fitted(&heat.unit, 11.0, 84.0), x, 9.0, 11.0, Anchor::Start, INK));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_ends_at_the_data() {
        assert_eq!((ends(&[0.2, f64::NAN, 0.7]).low, ends(&[0.2, f64::NAN, 0.7]).high), (0.2, 0.7));
        for values in [vec![], vec![f64::NAN], vec![-3.0], vec![3.0], vec![0.0, 0.0]] {
            let span = ends(&values);
            assert!(span.low < span.high && span.low.is_finite() && span.high.is_finite(), "{values:?}: {span:?}");
        }
    }
}
