//! Curves: dashes, glyphs, marks, a legend; a missing value breaks the line.

use svg::Node;
use svg::node::element::{Group, Path, SVG};

use super::draw::{Anchor, Key, MUTED, Part, colour, fitted, glyph, legend, nothing, px, stroke, text};
use super::frame::Frame;
use crate::contract::{Dash, Line, Lines};

const HEIGHT: f64 = 300.0;

/// Paints lines over a common x.
pub(super) fn paint(lines: &Lines, width: f64) -> Part {
    let points = || lines.lines.iter().flat_map(|line| &line.points);
    if !points().any(|(x, y)| x.is_finite() && y.is_finite()) {
        return nothing(width);
    }
    let x = lines.x.span(points().map(|p| p.0).chain(lines.marks.iter().map(|mark| mark.x)));
    let y = lines.y.span(points().map(|p| p.1));
    let frame = Frame::new(x, y, width, HEIGHT);
    let mut part = frame.paint(&lines.x.label, &lines.y.label);
    marks(lines, &frame, &mut part);
    let mut inside = frame.inside();
    // The most important line comes last, on top of the others.
    for (index, line) in lines.lines.iter().enumerate().rev() {
        curve(line, index, lines.lines.len(), &frame, &mut inside);
    }
    part.add(inside);
    let keys = lines.lines.iter().enumerate().map(|(index, line)| key(line, index, lines.lines.len()));
    let mut whole = Part::new(part.width);
    whole.stack(part, 0.0);
    let mut indented = Part::new(0.0);
    indented.put(legend(keys.collect(), frame.width), frame.left, 0.0);
    whole.stack(indented, 8.0);
    whole
}

fn dashes(dash: Dash) -> &'static str {
    match dash {
        Dash::Solid => "none",
        Dash::Dashed => "7 4",
        Dash::Dotted => "1.5 4",
    }
}

fn styled(course: String, line: &Line, index: usize) -> Path {
    Path::new()
        .set("d", course)
        .set("fill", "none")
        .set("stroke", colour(index))
        .set("stroke-width", 1.8)
        .set("stroke-dasharray", dashes(line.dash))
        .set("stroke-linecap", if line.dash == Dash::Dotted { "round" } else { "butt" })
        .set("stroke-linejoin", "round")
}

/// Strokes a line and puts some glyphs on it when there are others to be told apart from.
fn curve(line: &Line, index: usize, count: usize, frame: &Frame, inside: &mut SVG) {
    let placed: Vec<Option<(f64, f64)>> = line.points.iter().map(|(x, y)| frame.place(*x, *y)).collect();
    let mut course = String::new();
    let mut visible = Vec::new();
    for run in placed.split(Option::is_none) {
        let run = thinned(&run.iter().flatten().copied().collect::<Vec<_>>());
        if let [only] = run[..] {
            inside.append(glyph(index, only.0, only.1, 2.5));
        }
        for (i, (x, y)) in run.iter().enumerate() {
            course += &format!("{}{} {}", if i == 0 { "M" } else { "L" }, px(*x), px(*y));
        }
        visible.extend(run);
    }
    if course.is_empty() {
        return;
    }
    inside.append(styled(course, line, index));
    if count > 1 {
        // Evenly along the line, and not at the same places as its neighbours.
        let many = visible.len().min(6);
        let shift = index as f64 / count as f64;
        for k in 0..many {
            let at = (k as f64 + shift) / many as f64 * visible.len() as f64;
            let (x, y) = visible[(at as usize).min(visible.len() - 1)];
            inside.append(glyph(index, x, y, 3.4));
        }
    }
}

/// First, lowest, highest and last point of every pixel column: looks the same, is small.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept = Vec::new();
    for column in points.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        if column.len() <= 4 {
            kept.extend_from_slice(column);
            continue;
        }
        let by_height = |a: &usize, b: &usize| column[*a].1.total_cmp(&column[*b].1);
        let low = (0..column.len()).min_by(by_height).unwrap_or(0);
        let high = (0..column.len()).max_by(by_height).unwrap_or(0);
        let mut wanted = [0, low, high, column.len() - 1].to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        kept.extend(wanted.into_iter().map(|i| column[i]));
    }
    kept
}

/// A dashed upright at each mark, its label above the plot.
fn marks(lines: &Lines, frame: &Frame, part: &mut Part) {
    for mark in &lines.marks {
        let Some(share) = frame.x.position(mark.x).filter(|share| (0.0..=1.0).contains(share)) else { continue };
        let x = frame.left + share * frame.width;
        let upright = stroke((x, frame.top), (x, frame.top + frame.height), MUTED, 1.0);
        part.add(upright.set("stroke-dasharray", "2 3"));
        part.add(text(&fitted(&mark.label, 10.0, 90.0), x, frame.top - 4.0, 10.0, Anchor::Middle, MUTED));
    }
}

fn key(line: &Line, index: usize, count: usize) -> Key<'_> {
    let mut sample = Group::new().add(styled("M0 7L26 7".into(), line, index));
    if count > 1 {
        sample.append(glyph(index, 13.0, 7.0, 3.4));
    }
    Key { label: &line.label, sample }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_spikes_and_ends() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|i| (i as f64 / 100.0, 1.0)).collect();
        points[5_050].1 = 99.0;
        let thin = thinned(&points);
        assert!(thin.len() <= 404 && thin.iter().any(|p| p.1 == 99.0));
        assert_eq!((thin.first(), thin.last()), (points.first(), points.last()));
    }
}
