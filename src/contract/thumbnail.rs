//! A study at a glance: the first chart among its panels, with no more points than a small picture shows.

use super::{Bars, Body, Heat, Lines, Panel, Scatter};

/// Stretches into which a line is cut; each keeps its least and its greatest value.
const STRETCHES: usize = 24;
/// The most lines, bars and points.
const LINES: usize = 6;
const BARS: usize = 12;
const POINTS: usize = 80;
/// The most cells of a heat map.
const CELLS: usize = 400;

/// The first chart among panels, thinned; none where there is none.
pub fn thumbnail(panels: &[Panel]) -> Option<Panel> {
    panels.iter().find_map(|panel| match &panel.body {
        Body::Beside { panels } => thumbnail(panels),
        body => Some(Panel { body: thinned(body)?, note: String::new(), ..panel.clone() }),
    })
}

fn thinned(body: &Body) -> Option<Body> {
    Some(match body {
        Body::Lines(data) if data.lines.iter().any(|line| !line.points.is_empty()) => {
            let lines = data.lines.iter().take(LINES).cloned();
            let lines = lines.map(|mut line| {
                line.points = extremes(&line.points);
                line
            });
            Body::Lines(Lines { lines: lines.collect(), ..data.clone() })
        }
        Body::Heat(data) if !data.values.is_empty() && data.values.len() <= CELLS => {
            Body::Heat(Heat { values: data.values.iter().copied().map(short).collect(), ..data.clone() })
        }
        Body::Bars(data) if !data.bars.is_empty() => {
            let bars = data.bars.iter().take(BARS).cloned();
            let bars = bars.map(|mut bar| {
                bar.value = short(bar.value);
                bar.interval = bar.interval.map(|(low, high)| (short(low), short(high)));
                bar
            });
            Body::Bars(Bars { bars: bars.collect(), ..data.clone() })
        }
        Body::Scatter(data) if !data.points.is_empty() => {
            let every = data.points.len().div_ceil(POINTS);
            let points = data.points.iter().step_by(every).cloned();
            let points = points.map(|mut point| {
                (point.x, point.y) = (short(point.x), short(point.y));
                point
            });
            Body::Scatter(Scatter { points: points.collect(), ..data.clone() })
        }
        _ => return None,
    })
}

/// The points with the extremes of every stretch, and the last.
fn extremes(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(STRETCHES).max(1);
    let mut kept: Vec<usize> = Vec::new();
    if points.len() <= 2 * STRETCHES {
        kept.extend(0..points.len());
    } else {
        for start in (0..points.len()).step_by(every) {
            let stretch = start..(start + every).min(points.len());
            let by = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1);
            kept.extend(stretch.clone().min_by(by));
            kept.extend(stretch.max_by(by));
        }
        kept.push(points.len() - 1);
        kept.sort_unstable();
        kept.dedup();
    }
    kept.into_iter().map(|at| (short(points[at].0), short(points[at].1))).collect()
}

/// Four digits of a number: more than a picture shows.
fn short(value: f64) -> f64 {
    if value.is_finite() { format!("{value:.3e}").parse().unwrap_or(value) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Axis, Dash, Line, Table};

    #[test]
    fn the_first_chart_is_taken_also_from_panels_side_by_side_and_keeps_its_extremes() {
        let spiky = |i: u32| (f64::from(i), if i == 777 { 9.0 } else { (f64::from(i) * 0.01).sin() });
        let line = Line { label: "loss".into(), dash: Dash::Solid, points: (0..1000).map(spiky).collect() };
        let (x, y) = (Axis::linear("step"), Axis::linear("loss"));
        let chart = Panel::new("a", "A", "", Body::Lines(Lines { x, y, lines: vec![line; 9], marks: Vec::new() }));
        let table = Panel::new("t", "T", "", Body::Table(Table::default()));
        let beside = Panel::new("b", "B", "", Body::Beside { panels: vec![table.clone(), chart.noting("0.1")] });
        let small = thumbnail(&[table.clone(), beside]).unwrap();
        assert_eq!((small.id.as_str(), small.note.as_str()), ("a", ""));
        let Body::Lines(lines) = &small.body else { panic!("{small:?}") };
        assert_eq!(lines.lines.len(), LINES);
        let points = &lines.lines[0].points;
        assert!(
            points.len() <= 2 * STRETCHES + 1 && points.contains(&(777.0, 9.0)) && points.last().unwrap().0 == 999.0
        );
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(thumbnail(&[table]), None);
        assert_eq!(short(0.123_456), 0.1235);
    }
}
