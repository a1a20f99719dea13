//! Runs side by side, as panels: one metric over all of them, its last values, what their presets set differently,
//! their verdicts. Pure functions of what the runs hold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::metric::{self, Along};
use super::words;
use crate::base::interval::{Mean, student, welch};
use crate::contract::{Body, Card, Dash, Lines, Panel, StudyState, Table, TrialState, typed};

/// One of the runs.
#[derive(Clone, Copy, Debug)]
pub struct Ran<'a> {
    /// What it recorded.
    pub state: &'a StudyState,
    /// Its preset, with every default filled in.
    pub preset: &'a Value,
    /// The card of its system, if the system is on this bench.
    pub card: Option<&'a Card>,
}

/// The choice of a person.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chosen<'a> {
    /// Place of the run that the others are compared with.
    pub baseline: usize,
    /// Name of the metric.
    pub metric: &'a str,
    /// One condition; all of them without.
    pub condition: Option<&'a str>,
    /// Along what curves are drawn.
    pub along: Along,
}

/// The letter of a run: `a` for the first.
pub fn letter(at: usize) -> char {
    char::from(b'a' + (at % 26) as u8)
}

/// Every metric that one of the runs recorded: those of the first card first.
pub fn metrics(runs: &[Ran]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in runs.iter().flat_map(|run| metric::metric_names(run.state, run.card)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The conditions of all runs, in the order in which they come.
pub fn conditions(runs: &[Ran]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for trial in runs.iter().flat_map(|run| &run.state.trials) {
        if !names.contains(&trial.result.spec.condition) {
            names.push(trial.result.spec.condition.clone());
        }
    }
    names
}

/// All panels in their order.
pub fn panels(runs: &[Ran], chosen: &Chosen) -> Vec<Panel> {
    vec![curves(runs, chosen), last_values(runs, chosen), settings(runs), verdicts(runs), all_values(runs)]
}

fn unit<'a>(runs: &[Ran<'a>], metric: &str) -> &'a str {
    let listed = runs.iter().filter_map(|run| run.card).flat_map(|card| card.metrics);
    listed.into_iter().find(|listed| listed.name == metric).map_or("", |listed| listed.unit)
}

fn trials<'a>(run: &Ran<'a>, chosen: &Chosen) -> impl Iterator<Item = &'a TrialState> {
    let condition = chosen.condition.map(str::to_owned);
    let fits = move |trial: &&TrialState| condition.as_ref().is_none_or(|one| trial.result.spec.condition == *one);
    run.state.trials.iter().filter(fits)
}

/// The chosen metric over the steps of every trial; a label for each run and condition.
pub fn curves(runs: &[Ran], chosen: &Chosen) -> Panel {
    let unit = unit(runs, chosen.metric);
    let (x, y) = metric::axes(runs.iter().flat_map(|run| &run.state.trials), unit, chosen.along);
    let mut lines = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let dash = if at % 2 == 0 { Dash::Solid } else { Dash::Dashed };
        for trial in trials(run, chosen) {
            let label = match chosen.condition {
                Some(_) => format!("[{}] {}", letter(at), run.state.run),
                None => format!("[{}] {}", letter(at), trial.result.spec.condition),
            };
            lines.extend(metric::curve(trial, chosen.metric, chosen.along, label, dash));
        }
    }
    let says = "The chosen metric in every run: its letter stands before the condition. Median and quartiles over the \
                seeds; r shows every seed. v and V change the metric, ] and [ the condition, a the axis.";
    let title = format!("{} in {} runs", chosen.metric, runs.len());
    let note = chosen.condition.map_or_else(|| "all conditions".to_owned(), |one| format!("condition {one}"));
    Panel::new("curves", title, says, Body::Lines(Lines { x, y, lines, marks: Vec::new() })).noting(note)
}

/// The last values of a metric in a run, by condition.
fn finals(run: &Ran, metric: &str) -> BTreeMap<String, Vec<f64>> {
    let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for result in run.state.trials.iter().map(|trial| &trial.result) {
        if let Some(value) = result.last(metric).filter(|value| value.is_finite()) {
            found.entry(result.spec.condition.clone()).or_default().push(value);
        }
    }
    found
}

/// Whether more of a unit is better; none where nobody can say.
fn more_is_better(unit: &str) -> Option<bool> {
    match unit {
        "accuracy" | "share" => Some(true),
        "nats" | "bits" | "error" => Some(false),
        _ => None,
    }
}

fn with_interval(mean: &Mean) -> String {
    let half = mean.half.map_or_else(String::new, |half| format!(" ±{}", words::value(half)));
    format!("{}{half}", words::value(mean.mean))
}

/// The last value of the chosen metric with its interval, and its difference from the baseline.
pub fn last_values(runs: &[Ran], chosen: &Chosen) -> Panel {
    let all: Vec<BTreeMap<String, Vec<f64>>> = runs.iter().map(|run| finals(run, chosen.metric)).collect();
    let better = more_is_better(unit(runs, chosen.metric));
    let mut rows = Vec::new();
    let wanted = conditions(runs).into_iter().filter(|one| chosen.condition.is_none_or(|chosen| chosen == one));
    for condition in wanted {
        let values: Vec<Option<&Vec<f64>>> = all.iter().map(|of| of.get(&condition)).collect();
        let means: Vec<Option<Mean>> = values.iter().map(|values| student(values.as_ref()?)).collect();
        let best = better.and_then(|more| best(&means, more));
        for (at, mean) in means.iter().enumerate() {
            let Some(mean) = mean else { continue };
            let against = values.get(chosen.baseline).copied().flatten();
            let change = match (at == chosen.baseline, values[at], against) {
                (true, ..) => "baseline".to_owned(),
                (_, Some(own), Some(base)) => welch(own, base).map_or_else(String::new, |found| with_sign(&found)),
                _ => "-".to_owned(),
            };
            let star = if best == Some(at) { "*" } else { "" };
            let missing = runs[at].state.trials.iter().filter(|t| t.result.spec.condition == condition).count();
            let count = match missing == mean.count {
                true => mean.count.to_string(),
                false => format!("{} of {missing}", mean.count),
            };
            rows.push(vec![
                format!("{star}{condition}"),
                format!("[{}] {}", letter(at), runs[at].state.run),
                with_interval(mean),
                count,
                change,
            ]);
        }
    }
    let columns = ["condition", "run", chosen.metric, "seeds", "less the baseline"].map(str::to_owned).to_vec();
    let says = "The last value of the metric, mean over the seeds of a condition with its 95 % interval by Student's \
                t, and the difference from the baseline with its interval by Welch's. A star marks the best mean where \
                the metric says which way is better. Seeds without a value are counted, not dropped.";
    Panel::new("last", format!("Last {}", chosen.metric), says, Body::Table(Table { columns, rows }))
}

fn with_sign(mean: &Mean) -> String {
    let sign = if mean.mean >= 0.0 { "+" } else { "" };
    let clear = mean.half.is_some_and(|half| mean.mean.abs() > half);
    format!("{sign}{}{}", with_interval(mean), if clear { " !" } else { "" })
}

/// The place of the best mean, if there are two to choose from.
fn best(means: &[Option<Mean>], more: bool) -> Option<usize> {
    let known = means.iter().enumerate().filter_map(|(at, mean)| Some((at, mean.as_ref()?.mean)));
    let known: Vec<(usize, f64)> = known.collect();
    let sign = if more { 1.0 } else { -1.0 };
    let top = known.iter().copied().max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)))?;
    (known.len() > 1 && known.iter().filter(|(_, value)| *value == top.1).count() == 1).then_some(top.0)
}

/// Every leaf of a preset by its path.
fn leaves(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
    let under = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| leaves(value, &under(name), found)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(i, value)| leaves(value, &format!("{path}[{i}]"), found));
        }
        leaf => _ = found.insert(path.to_owned(), typed(leaf)),
    }
}

/// Settings that are not the same in all presets: path, then the value of each; and how many are.
pub fn differences(presets: &[&Value]) -> (Vec<Vec<String>>, usize) {
    let all: Vec<BTreeMap<String, String>> = presets
        .iter()
        .map(|preset| {
            let mut found = BTreeMap::new();
            leaves(preset, "", &mut found);
            found
        })
        .collect();
    let paths: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let row = |path: &&String| {
        let values = all.iter().map(|leaves| leaves.get(*path).cloned().unwrap_or_else(|| "-".into()));
        let row: Vec<String> = [(*path).clone()].into_iter().chain(values).collect();
        row[1..].iter().any(|value| *value != row[1]).then_some(row)
    };
    let rows: Vec<Vec<String>> = paths.iter().filter_map(row).collect();
    let equal = paths.len() - rows.len();
    (rows, equal)
}

fn heads(first: &[&str], runs: &[Ran]) -> Vec<String> {
    let names = runs.iter().enumerate().map(|(at, run)| format!("[{}] {}", letter(at), run.state.run));
    first.iter().map(|head| (*head).to_owned()).chain(names).collect()
}

/// What the presets set differently.
pub fn settings(runs: &[Ran]) -> Panel {
    let presets: Vec<&Value> = runs.iter().map(|run| run.preset).collect();
    let (rows, equal) = differences(&presets);
    let note = format!("{equal} equal settings are left out");
    let table = Table { columns: heads(&["setting"], runs), rows };
    let says = "The settings of the presets that are not the same in all runs; - where a preset has no such setting.";
    Panel::new("settings", "Settings that differ", says, Body::Table(table)).noting(note)
}

/// What the runs say about their claims.
pub fn verdicts(runs: &[Ran]) -> Panel {
    let row = |(at, run): (usize, &Ran)| {
        let verdict = run.state.verdict.as_ref();
        let number = |value: Option<f64>| value.map_or_else(|| "-".into(), words::value);
        let interval = verdict.and_then(|verdict| verdict.interval);
        let interval = interval
            .map_or_else(String::new, |(low, high)| format!(" [{}, {}]", words::value(low), words::value(high)));
        let held = |verdict: &crate::contract::Verdict| {
            let all = || verdict.checks.iter().chain(&verdict.controls);
            format!("{} of {}", all().filter(|check| check.passed).count(), all().count())
        };
        vec![
            format!("[{}] {}", letter(at), run.state.run),
            format!("{}/{}", run.state.header.system, run.state.preset),
            verdict.map_or_else(|| words::state(run.state.status).to_lowercase(), |v| words::outcome(v.outcome).into()),
            format!("{}{interval}", number(verdict.and_then(|verdict| verdict.effect))),
            verdict.map_or_else(String::new, |verdict| verdict.threshold.clone()),
            verdict.map_or_else(String::new, held),
            run.state.annotations.tags.join(" "),
        ]
    };
    let columns =
        ["run", "preset", "verdict", "effect", "threshold", "checks held", "tags"].map(str::to_owned).to_vec();
    let table = Table { columns, rows: runs.iter().enumerate().map(row).collect() };
    Panel::new("verdicts", "Verdicts", "What each run says about its claim.", Body::Table(table))
}

/// The last values of every metric, mean over the seeds of a condition.
pub fn all_values(runs: &[Ran]) -> Panel {
    let mut rows = Vec::new();
    for condition in conditions(runs) {
        for metric in metrics(runs) {
            let of = |run: &Ran| finals(run, &metric).get(&condition).and_then(|values| student(values));
            let means: Vec<Option<Mean>> = runs.iter().map(of).collect();
            if means.iter().any(Option::is_some) {
                let cell = |mean: &Option<Mean>| mean.as_ref().map_or_else(|| "-".into(), with_interval);
                let head = [condition.clone(), metric.clone()];
                rows.push(head.into_iter().chain(means.iter().map(cell)).collect());
            }
        }
    }
    let table = Table { columns: heads(&["condition", "metric"], runs), rows };
    let says = "The last value of every metric, mean over the seeds of a condition with its 95 % interval.";
    Panel::new("values", "Last values", says, Body::Table(table))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::made_up;
    use super::*;

    fn cells(panel: &Panel) -> Vec<Vec<String>> {
        panel.body.table().unwrap().rows.clone()
    }

    #[test]
    fn what_differs_is_named_and_nothing_else() {
        let preset = |steps: u64| json!({ "seed": 1, "settings": { "steps": steps, "grid": [{ "a": [1, 2] }] } });
        let (one, two, bare) = (preset(10), preset(20), json!({ "seed": 1 }));
        let (rows, equal) = differences(&[&one, &two]);
        assert_eq!((rows, equal), (vec![["settings.steps", "10", "20"].map(String::from).to_vec()], 2));
        assert!(differences(&[&one, &one]).0.is_empty());
        assert_eq!(differences(&[&one, &bare]).0.len(), 2);
    }

    #[test]
    fn values_stand_beside_the_baseline_with_their_intervals() {
        let card = made_up::TABLE[0].card;
        let (state, mut other) = (made_up::state(true), made_up::state(true));
        other.run = "gpicl-other".into();
        for trial in &mut other.trials {
            for (_, value) in trial.result.metrics.get_mut("unseen.last").unwrap() {
                *value *= 0.5;
            }
        }
        other.trials[0].result.metrics.clear();
        let preset = json!({});
        let runs = [&state, &other].map(|state| Ran { state, preset: &preset, card: Some(card) });
        let chosen = Chosen { metric: "unseen.last", ..Chosen::default() };
        let rows = cells(&last_values(&runs, &chosen));
        assert_eq!(rows.len(), 6);
        assert_eq!((rows[0][0].as_str(), rows[0][4].as_str()), ("*K = inf", "baseline"));
        assert!(rows[1][4].starts_with('-') && rows[1][4].ends_with('!'), "{rows:?}");
        assert_eq!(rows[1][3], "2 of 3", "the seed without a value is counted");
        let only = Chosen { condition: Some("K = 4"), baseline: 1, ..chosen };
        assert_eq!(cells(&last_values(&runs, &only)).len(), 2);
        let Body::Lines(lines) = curves(&runs, &only).body else { panic!("no chart") };
        assert_eq!((lines.lines.len(), lines.lines[5].label.as_str()), (6, "[b] gpicl-other"));
        assert_eq!(cells(&verdicts(&runs)).len(), 2);
        assert_eq!(cells(&all_values(&runs)).len(), 6);
    }
}
