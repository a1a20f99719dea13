//! Where a person stands in the charts of a run: zoom, cursor, smoothing, bands. Never changed by new data.

use std::collections::{BTreeMap, BTreeSet};

use super::Item;
use super::curves::{moved, snapped, zoomed};
use crate::contract::{Body, Lines, Scale};

/// Weights of the past that smoothing goes through; 0 is none.
const SMOOTHING: [f64; 4] = [0.0, 0.6, 0.9, 0.97];
/// Share of a chart that a cursor's step and jump are long.
const STEP: f64 = 0.01;
const JUMP: f64 = 0.1;
/// How much longer or shorter a stretch becomes, and how far it moves.
const ZOOM: f64 = 0.5;
const MOVE: f64 = 0.25;

/// How the charts of a run are looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Charts {
    /// Keys of the charts whose vertical axis was switched between linear and logarithmic.
    pub switched: BTreeSet<String>,
    /// The stretch of the horizontal axis that a chart shows, where it is not the whole.
    pub windows: BTreeMap<String, (f64, f64)>,
    /// Place in the list of smoothings.
    smoothing: usize,
    /// Whether seeds are shown one by one instead of as bands.
    pub raw: bool,
    /// The cursor: the name of the axis that it stands on, and where. All charts with that axis show it.
    pub cursor: Option<(String, f64)>,
}

/// How one chart is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Glance {
    /// Whether the vertical axis is switched.
    pub switched: bool,
    /// Stretch of the horizontal axis; the whole when absent.
    pub window: Option<(f64, f64)>,
    /// Weight of the past in the smoothing; 0 for none.
    pub smoothing: f64,
    /// Whether seeds are shown one by one.
    pub raw: bool,
    /// Where the cursor stands on the horizontal axis.
    pub cursor: Option<f64>,
}

/// The curves of a panel; of panels side by side the first that has some.
pub fn lines_of<'a>(item: &'a Item) -> Option<&'a Lines> {
    within(&item.panel()?.body)
}

fn within(body: &Body) -> Option<&Lines> {
    match body {
        Body::Lines(lines) => Some(lines),
        Body::Beside { panels } => panels.iter().find_map(|panel| within(&panel.body)),
        _ => None,
    }
}

/// The whole horizontal axis of a chart.
fn whole(lines: &Lines) -> (f64, f64) {
    let span = lines.x.span(lines.lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)));
    (span.low, span.high)
}

fn points(lines: &Lines) -> impl Iterator<Item = &[(f64, f64)]> {
    lines.lines.iter().map(|line| line.points.as_slice())
}

impl Charts {
    /// How a chart is looked at.
    pub fn glance(&self, item: &Item) -> Glance {
        let axis = lines_of(item).map(|lines| lines.x.label.as_str());
        let cursor = self.cursor.as_ref().filter(|(label, _)| axis == Some(label));
        Glance {
            switched: self.switched.contains(&item.key),
            window: self.windows.get(&item.key).copied(),
            smoothing: SMOOTHING[self.smoothing],
            raw: self.raw,
            cursor: cursor.map(|(_, at)| *at),
        }
    }

    /// Switches the vertical axis of a chart.
    pub fn switch(&mut self, item: &Item) {
        if !self.switched.remove(&item.key) {
            self.switched.insert(item.key.clone());
        }
    }

    /// The next smoothing; what it is, in words.
    pub fn smooth(&mut self) -> String {
        self.smoothing = (self.smoothing + 1) % SMOOTHING.len();
        match SMOOTHING[self.smoothing] {
            0.0 => "Curves as they were recorded.".into(),
            factor => format!("Curves smoothed: {factor} of the past; what was recorded stays behind them."),
        }
    }

    /// Seeds one by one, or bands; which it is, in words.
    pub fn seeds(&mut self) -> &'static str {
        self.raw = !self.raw;
        if self.raw { "Every seed has a line." } else { "Three seeds and more: median and quartiles." }
    }

    /// Puts the cursor on the end of a chart.
    pub fn place_cursor(&mut self, item: &Item) {
        let Some(lines) = lines_of(item) else { return };
        let (_, high) = self.shown(item, lines);
        let at = snapped(points(lines), high, false).unwrap_or(high);
        self.cursor = Some((lines.x.label.clone(), at));
    }

    /// Moves the cursor over a chart, by a step or a jump; on to the next point at least.
    pub fn move_cursor(&mut self, item: &Item, forward: bool, far: bool) {
        let Some(lines) = lines_of(item) else { return };
        let (low, high) = self.shown(item, lines);
        let Some((label, at)) = &self.cursor else { return };
        if *label != lines.x.label {
            return self.place_cursor(item);
        }
        let by = share(lines, if far { JUMP } else { STEP }, (low, high), *at);
        let wanted = if forward { at + by } else { at - by };
        let next = snapped(points(lines), wanted, forward).filter(|next| (low..=high).contains(next));
        self.cursor = Some((label.clone(), next.unwrap_or(*at)));
    }

    /// Shows half as much of a chart, or twice as much.
    pub fn zoom(&mut self, item: &Item, closer: bool) {
        let Some(lines) = lines_of(item) else { return };
        let (shown, factor) = (self.shown(item, lines), if closer { ZOOM } else { 1.0 / ZOOM });
        let middle = 0.5 * (shown.0 + shown.1);
        let cursor = self.glance(item).cursor.filter(|at| (shown.0..=shown.1).contains(at));
        self.set(item, zoomed(shown, cursor.unwrap_or(middle), factor, whole(lines)), closer);
    }

    /// Moves what a chart shows.
    pub fn pan(&mut self, item: &Item, forward: bool) {
        let Some(lines) = lines_of(item) else { return };
        let by = if forward { MOVE } else { -MOVE };
        self.set(item, moved(self.shown(item, lines), by, whole(lines)), true);
    }

    /// Shows the whole of a chart again, with the axis it came with.
    pub fn reset(&mut self, item: &Item) {
        self.windows.remove(&item.key);
        self.switched.remove(&item.key);
    }

    /// Takes a stretch over; none is the whole, or when it came from going `closer`, no further than here.
    fn set(&mut self, item: &Item, window: Option<(f64, f64)>, closer: bool) {
        match window {
            Some(window) => _ = self.windows.insert(item.key.clone(), window),
            None if !closer => _ = self.windows.remove(&item.key),
            None => {}
        }
    }

    fn shown(&self, item: &Item, lines: &Lines) -> (f64, f64) {
        self.windows.get(&item.key).copied().unwrap_or_else(|| whole(lines))
    }
}

/// A share of a stretch, at a place: on a logarithmic axis a share of its ratio.
fn share(lines: &Lines, share: f64, (low, high): (f64, f64), at: f64) -> f64 {
    match lines.x.scale {
        Scale::Linear => share * (high - low),
        Scale::Log => at * ((high / low).powf(share) - 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Axis, Dash, Line, Panel};
    use crate::view::Shown;

    fn item(key: &str, axis: Axis) -> Item<'static> {
        let line =
            Line { label: "a".into(), dash: Dash::Solid, points: (1..=100).map(|i| (f64::from(i), 1.0)).collect() };
        let lines = Lines { x: axis, y: Axis::linear("y"), lines: vec![line], marks: Vec::new() };
        let panel = Panel::new(key, key, "", Body::Lines(lines));
        Item { key: key.into(), shown: Shown::Made(Box::new(panel)) }
    }

    #[test]
    fn the_cursor_goes_from_point_to_point_and_stands_in_every_chart_of_its_axis() {
        let (loss, other) = (item("loss", Axis::linear("step")), item("width", Axis::linear("units")));
        let mut charts = Charts::default();
        charts.place_cursor(&loss);
        assert_eq!(charts.glance(&loss).cursor, Some(100.0));
        assert_eq!(charts.glance(&other).cursor, None);
        charts.move_cursor(&loss, false, true);
        charts.move_cursor(&loss, false, false);
        assert_eq!(charts.glance(&item("accuracy", Axis::linear("step"))).cursor, Some(89.0));
        (0..40).for_each(|_| charts.move_cursor(&loss, false, true));
        assert!(charts.glance(&loss).cursor.unwrap() <= 10.0);
        charts.move_cursor(&other, true, false);
        assert_eq!(charts.glance(&other).cursor, Some(100.0));
    }

    #[test]
    fn zoom_is_the_persons_and_ends_at_the_whole() {
        let loss = item("loss", Axis::linear("step").within(0.0, 100.0));
        let mut charts = Charts::default();
        charts.zoom(&loss, true);
        assert_eq!(charts.glance(&loss).window, Some((25.0, 75.0)));
        charts.pan(&loss, true);
        assert_eq!(charts.glance(&loss).window, Some((37.5, 87.5)));
        charts.zoom(&loss, false);
        charts.zoom(&loss, false);
        assert_eq!(charts.glance(&loss).window, None);
        charts.zoom(&loss, true);
        charts.switch(&loss);
        charts.reset(&loss);
        assert_eq!(charts.glance(&loss), Glance::default());
        charts.smooth();
        assert_eq!(charts.glance(&loss).smoothing, 0.6);
    }
}
