//! A Sankey diagram: nodes as bars in columns, bands between that are as wide as what flows.

use svg::node::element::Path;

use super::draw::{Anchor, INK, MUTED, Part, colour, fitted, nothing, px, rectangle, text};
use crate::contract::{Band, Sankey, short_number};

const HEIGHT: f64 = 280.0;
const TOP: f64 = 22.0;
/// Width of a node's bar, and room for names at the right end.
const BAR: f64 = 10.0;
const NAMES: f64 = 110.0;

/// Paints what flows from column to column.
pub(super) fn paint(data: &Sankey, width: f64) -> Part {
    let count = data.columns.len();
    let most = (0..count).map(|column| data.total(column)).fold(0.0, f64::max);
    if most <= 0.0 {
        return nothing(width);
    }
    let mut part = Part::new(width);
    part.height = TOP + HEIGHT + 8.0;
    let step = (width - NAMES) / (count.max(2) - 1) as f64;
    let down = |stretch: (f64, f64)| (TOP + stretch.0 * HEIGHT, TOP + stretch.1 * HEIGHT);
    for column in 0..count.saturating_sub(1) {
        let x = (step * column as f64 + BAR, step * (column + 1) as f64);
        for Band { link, from, to } in data.bands(column) {
            part.add(band(x, down(from), down(to), colour(link.from)));
        }
    }
    for column in 0..count {
        let x = step * column as f64;
        part.add(text(&fitted(&data.columns[column].label, 12.0, step), x, 12.0, 12.0, Anchor::Start, MUTED));
        for (at, (node, stretch)) in data.columns[column].nodes.iter().zip(data.stretches(column)).enumerate() {
            let (top, bottom) = down(stretch);
            if bottom <= top {
                continue;
            }
            part.add(rectangle(x, top, BAR, (bottom - top).max(0.8), colour(at)));
            let name =
                format!("{} {}%", node.label, short_number((node.load / data.total(column) * 1000.0).round() / 10.0));
            let name = fitted(&name, 11.0, (step - BAR).min(NAMES) - 8.0);
            if bottom - top >= 9.0 {
                part.add(text(&name, x + BAR + 4.0, (top + bottom) / 2.0 + 4.0, 11.0, Anchor::Start, INK));
            }
        }
    }
    part
}

fn band((left, right): (f64, f64), from: (f64, f64), to: (f64, f64), fill: &str) -> Path {
    let middle = px((left + right) / 2.0);
    let (left, right) = (px(left), px(right));
    let course = format!(
        "M{left} {}C{middle} {} {middle} {} {right} {}L{right} {}C{middle} {} {middle} {} {left} {}Z",
        px(from.0),
        px(from.0),
        px(to.0),
        px(to.0),
        px(to.1),
        px(to.1),
        px(from.1),
        px(from.1),
    );
    Path::new().set("d", course).set("fill", fill).set("fill-opacity", 0.35)
}
