//! Where a person stands in the charts of a run: zoom, cursor, smoothing, bands. Never changed by new data.

use std::collections::BTreeMap;

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
    /// The spacing of the vertical axis of the charts for which a person chose one.
    scales: BTreeMap<String, Scale>,
    /// The stretch of the horizontal axis that a chart shows, where it is not the whole.
    pub windows: BTreeMap<String, (f64, f64)>,
    /// Place in the list of smoothings.
    smoothing: usize,
    /// Whether seeds are shown one by one instead of as bands.
    pub raw: bool,
    /// The cursor: the name of the axis that it stands on, and where. All charts with that axis show it.
    pub cursor: Option<(String, f64)>,
    /// Where the cursor was left for comparison, on the same axis: values are shown beside those there.
    anchor: Option<(String, f64)>,
}

/// How one chart is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Glance {
    /// Spacing of the vertical axis, where it is not the chart's own.
    pub scale: Option<Scale>,
    /// Stretch of the horizontal axis; the whole when absent.
    pub window: Option<(f64, f64)>,
    /// Weight of the past in the smoothing; 0 for none.
    pub smoothing: f64,
    /// Whether seeds are shown one by one.
    pub raw: bool,
    /// Where the cursor stands on the horizontal axis.
    pub cursor: Option<f64>,
    /// The place that values are compared with.
    pub anchor: Option<f64>,
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
        let here =
            |place: &Option<(String, f64)>| place.as_ref().filter(|(label, _)| axis == Some(label)).map(|(_, at)| *at);
        Glance {
            scale: self.scales.get(&item.key).copied(),
            window: self.windows.get(&item.key).copied(),
            smoothing: SMOOTHING[self.smoothing],
            raw: self.raw,
            cursor: here(&self.cursor),
            anchor: here(&self.anchor),
        }
    }

    /// Gives the vertical axis of a chart the next spacing on which its values have a place; which it is, in words.
    ///
    /// # Errors
    /// Why there is no other.
    pub fn switch(&mut self, item: &Item) -> Result<String, String> {
        let Some(lines) = lines_of(item) else {
            return Err("Only charts of lines have an axis to switch.".into());
        };
        let now = self.scales.get(&item.key).copied().unwrap_or(lines.y.scale);
        let others = Scale::ALL.iter().cycle().skip_while(|scale| **scale != now).skip(1).take(Scale::ALL.len() - 1);
        let next = others.copied().find(|scale| suits(*scale, lines)).unwrap_or(lines.y.scale);
        if next == now {
            return Err("On every other spacing no value would have a place.".into());
        }
        if next == lines.y.scale {
            self.scales.remove(&item.key);
        } else {
            self.scales.insert(item.key.clone(), next);
        }
        Ok(format!("The vertical axis is {}.", next.name()))
    }

    /// Leaves the cursor's place for comparison, or forgets the one that was left; which it is, in words.
    pub fn drop_anchor(&mut self) -> &'static str {
        let again = self.anchor.take() == self.cursor;
        if again {
            return "Values stand alone again.";
        }
        self.anchor.clone_from(&self.cursor);
        "Values are shown beside those here."
    }

    /// Moves the cursor to the next of some events, or the one before.
    ///
    /// # Errors
    /// When there is none in that direction.
    pub fn to_event(&mut self, item: &Item, events: &[f64], forward: bool) -> Result<(), &'static str> {
        let Some(lines) = lines_of(item) else { return Err("The focused panel is no chart of lines.") };
        let marks = lines.marks.iter().map(|mark| mark.x);
        let all: Vec<(f64, f64)> = events.iter().copied().chain(marks).map(|x| (x, 0.0)).collect();
        let Some((_, at)) = self.cursor.clone() else {
            self.place_cursor(item);
            return Ok(());
        };
        let beyond = if forward { at.next_up() } else { at.next_down() };
        let next = snapped([all.as_slice()].into_iter(), beyond, forward);
        let next = next.ok_or("No note or mark lies in that direction.")?;
        self.cursor = Some((lines.x.label.clone(), next));
        Ok(())
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

    /// Forgets what belongs to the run that was looked at: cursor and stretches.
    pub fn leave(&mut self) {
        (self.cursor, self.anchor) = (None, None);
        self.windows.clear();
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
        self.scales.remove(&item.key);
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

/// Whether a spacing shows values of a chart: logarithms need one above zero; the symmetric one is for charts with
/// values that are not; odds are for shares.
fn suits(scale: Scale, lines: &Lines) -> bool {
    let mut values = lines.lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y).filter(|y| y.is_finite());
    match scale {
        Scale::Linear => true,
        Scale::Log => values.any(|y| y > 0.0),
        Scale::Symlog => values.any(|y| y <= 0.0),
        Scale::Logit => {
            let all: Vec<f64> = values.collect();
            all.iter().all(|y| (0.0..=1.0).contains(y)) && all.iter().any(|y| scale.holds(*y))
        }
    }
}

/// A share of a stretch, at a place: on a logarithmic axis a share of its ratio.
fn share(lines: &Lines, share: f64, (low, high): (f64, f64), at: f64) -> f64 {
    match lines.x.scale {
        Scale::Log => at * ((high / low).powf(share) - 1.0),
        _ => share * (high - low),
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
    fn an_axis_goes_through_the_spacings_that_show_its_values() {
        let with = |values: &[f64]| {
            let points = values.iter().enumerate().map(|(x, y)| (x as f64, *y)).collect();
            let line = Line { label: "a".into(), dash: Dash::Solid, points };
            let lines = Lines { x: Axis::linear("step"), y: Axis::linear("y"), lines: vec![line], marks: Vec::new() };
            let panel = Panel::new("a", "a", "", Body::Lines(lines));
            Item { key: "a".into(), shown: Shown::Made(Box::new(panel)) }
        };
        let through = |item: &Item| {
            let mut charts = Charts::default();
            let step = |_| charts.switch(item).map(|_| charts.glance(item).scale.map_or("own", Scale::name));
            (0..3).map(step).collect::<Vec<_>>()
        };
        assert_eq!(through(&with(&[3.0, 50.0])), [Ok("log"), Ok("own"), Ok("log")]);
        assert_eq!(through(&with(&[0.2, 1.0])), [Ok("log"), Ok("logit"), Ok("own")]);
        assert_eq!(through(&with(&[-3.0, 50.0])), [Ok("log"), Ok("symlog"), Ok("own")]);
        assert!(through(&with(&[f64::NAN]))[0].is_err());
    }

    #[test]
    fn the_cursor_jumps_to_events_and_is_compared_with_where_it_was() {
        let loss = item("loss", Axis::linear("step"));
        let mut charts = Charts::default();
        charts.place_cursor(&loss);
        assert!(charts.to_event(&loss, &[20.0, 60.5], true).is_err());
        charts.to_event(&loss, &[20.0, 60.5], false).unwrap();
        assert_eq!(charts.glance(&loss).cursor, Some(60.5));
        charts.drop_anchor();
        charts.to_event(&loss, &[20.0, 60.5], false).unwrap();
        let glance = charts.glance(&loss);
        assert_eq!((glance.cursor, glance.anchor), (Some(20.0), Some(60.5)));
        charts.drop_anchor();
        charts.drop_anchor();
        assert_eq!(charts.glance(&loss).anchor, None);
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
        charts.switch(&loss).unwrap();
        charts.reset(&loss);
        assert_eq!(charts.glance(&loss), Glance::default());
        charts.smooth();
        assert_eq!(charts.glance(&loss).smoothing, 0.6);
    }
}
