//! Points in a plane; a group has its colour and its glyph.

use svg::Node;
use svg::node::element::Group;

use super::draw::{Anchor, Key, MUTED, Part, fitted, glyph, legend, nothing, text};
use super::frame::Frame;
use crate::contract::Scatter;

/// With more points than this their names would only cover each other.
const NAMED: usize = 30;

/// Paints points.
pub(super) fn paint(scatter: &Scatter, width: f64) -> Part {
    let points = &scatter.points;
    if !points.iter().any(|p| p.x.is_finite() && p.y.is_finite()) {
        return nothing(width);
    }
    let (x, y) = (scatter.x.span(points.iter().map(|p| p.x)), scatter.y.span(points.iter().map(|p| p.y)));
    let frame = Frame::new(x, y, width, 320.0);
    let mut groups: Vec<&str> = Vec::new();
    for point in points {
        if !groups.contains(&point.group.as_str()) {
            groups.push(&point.group);
        }
    }
    let mut part = frame.paint(&scatter.x.label, &scatter.y.label);
    let mut inside = frame.inside();
    for point in points {
        let Some((x, y)) = frame.place(point.x, point.y) else { continue };
        let index = groups.iter().position(|group| *group == point.group).unwrap_or(0);
        inside.append(glyph(index, x, y, 4.0));
        if points.len() <= NAMED && !point.label.is_empty() {
            // To the left of the point where there is no room to its right.
            let (dx, anchor) = if x > frame.width * 0.8 { (-7.0, Anchor::End) } else { (7.0, Anchor::Start) };
            inside.append(text(&fitted(&point.label, 10.0, 110.0), x + dx, y + 3.5, 10.0, anchor, MUTED));
        }
    }
    part.add(inside);
    let mut whole = Part::new(part.width);
    whole.stack(part, 0.0);
    let keys = groups.iter().enumerate().filter(|(_, group)| !group.is_empty());
    let keys = keys.map(|(i, label)| Key { label, sample: Group::new().add(glyph(i, 13.0, 7.0, 4.0)) });
    let mut indented = Part::new(0.0);
    indented.put(legend(keys.collect(), frame.width), frame.left, 0.0);
    whole.stack(indented, 8.0);
    whole
}
