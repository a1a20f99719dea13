//! The chart that the viewer makes itself: one metric over all trials, against the axis of a person's choice.

use std::collections::BTreeSet;

use crate::contract::{Axis, Body, Card, Dash, Line, Lines, Panel, StudyState, TrialState, seconds_at};

/// What a trial's progress is measured in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Along {
    /// Steps, as recorded.
    #[default]
    Steps,
    /// Examples that were trained on.
    Examples,
    /// Floating-point operations.
    Operations,
    /// Seconds of work.
    Time,
}

impl Along {
    const ALL: [Along; 4] = [Along::Steps, Along::Examples, Along::Operations, Along::Time];

    /// The next one that is known of some trial.
    #[must_use]
    pub fn next<'a>(self, trials: impl Iterator<Item = &'a TrialState> + Clone) -> Self {
        let at = Along::ALL.iter().position(|along| *along == self).unwrap_or(0);
        let others = (1..Along::ALL.len()).map(|on| Along::ALL[(at + on) % Along::ALL.len()]);
        let known = |along: &Along| trials.clone().any(|trial| along.place(trial, trial.progress.step).is_some());
        others.into_iter().find(known).unwrap_or(Along::Steps)
    }

    /// Its name on an axis.
    pub const fn name(self) -> &'static str {
        match self {
            Along::Steps => "step",
            Along::Examples => "examples",
            Along::Operations => "FLOP",
            Along::Time => "seconds",
        }
    }

    /// Where a step of a trial lies; none where nobody knows.
    fn place(self, trial: &TrialState, step: u64) -> Option<f64> {
        let spec = &trial.result.spec;
        match self {
            Along::Steps => Some(step as f64),
            Along::Examples => spec.examples_at(step).map(|examples| examples as f64),
            Along::Operations => spec.flop_at(step),
            Along::Time => seconds_at(&trial.times, step),
        }
    }
}

/// Every recorded metric: the card's first, in its order, then the others by name.
pub fn metric_names(state: &StudyState, card: Option<&Card>) -> Vec<String> {
    let recorded: BTreeSet<&String> = state.trials.iter().flat_map(|trial| trial.result.metrics.keys()).collect();
    let listed = card.map_or(&[][..], |card| card.metrics);
    let mut names: Vec<String> =
        listed.iter().map(|m| m.name.to_owned()).filter(|name| recorded.contains(name)).collect();
    names.extend(recorded.into_iter().filter(|name| !listed.iter().any(|m| m.name == *name)).cloned());
    names
}

/// The first metric of a trial to say in one number: the card's first, else any.
pub fn headline(trial: &TrialState, card: Option<&Card>) -> Option<(String, f64)> {
    let listed = card.into_iter().flat_map(|card| card.metrics).map(|metric| metric.name);
    let listed = listed.filter_map(|name| Some((name.to_owned(), trial.result.last(name)?))).next();
    listed.or_else(|| {
        let (name, series) = trial.result.metrics.iter().next()?;
        Some((name.clone(), series.last()?.1))
    })
}

/// The curve of a metric in a trial.
pub(super) fn curve(trial: &TrialState, name: &str, along: Along, label: String, dash: Dash) -> Option<Line> {
    let series = trial.result.metrics.get(name)?;
    let points: Option<Vec<(f64, f64)>> =
        series.iter().map(|(step, value)| Some((along.place(trial, *step)?, *value))).collect();
    Some(Line { label, dash, points: points? })
}

/// The axes of a chart of a metric over some trials.
pub(super) fn axes<'a>(trials: impl Iterator<Item = &'a TrialState>, unit: &str, along: Along) -> (Axis, Axis) {
    let end = trials.filter_map(|trial| along.place(trial, trial.progress.steps)).fold(0.0, f64::max);
    let x = Axis::linear(along.name());
    // How long a trial will take nobody knows before: that axis grows in jumps with the work.
    let x = if end > 0.0 && along != Along::Time { x.within(0.0, end) } else { x };
    let y = Axis::linear(unit);
    (x, if unit == "accuracy" { y.within(0.0, 1.0) } else { y })
}

/// The chosen metric over the steps of every trial; trials of one condition share a label.
pub(super) fn panel(state: &StudyState, chosen: usize, along: Along, card: Option<&Card>) -> Option<Panel> {
    let names = metric_names(state, card);
    let name = names.get(chosen % names.len().max(1))?;
    let listed = card.and_then(|card| card.metrics.iter().find(|metric| metric.name == name));
    let line = |trial: &TrialState| curve(trial, name, along, trial.result.spec.condition.clone(), Dash::Solid);
    let (x, y) = axes(state.trials.iter(), listed.map_or("", |metric| metric.unit), along);
    let lines = Lines { x, y, lines: state.trials.iter().filter_map(line).collect(), marks: Vec::new() };
    let says = listed.map_or("A metric that the trials record.", |metric| metric.says);
    let says = format!(
        "{says} Median and quartiles over the seeds of a condition; r shows every seed. v and V change the metric, a \
         the axis along which it is drawn."
    );
    let title = format!("{name} over all trials");
    let place = format!("metric {} of {}", chosen % names.len() + 1, names.len());
    Some(Panel::new("metric", title, says, Body::Lines(lines)).noting(place))
}
