//! Which algorithm was found: the phase diagram of width and number of tasks, and a map of what is not in it.

use std::collections::BTreeSet;

use super::evidence::{self, Evidence, Recorded};
use super::settings::Study;
use crate::contract::{Body, Heat, Panel, TrialResult};
use crate::nn::zoo::Kind;
use crate::tasks::gpicl::TaskCount;

/// K as a number by which columns are sorted: infinitely many come last.
fn tasks(recorded: &Recorded<'_>) -> u64 {
    match recorded.cell.condition.tasks {
        TaskCount::Finite(tasks) => tasks as u64,
        TaskCount::Infinite => u64::MAX,
    }
}

/// The conditions of the phase diagram: whole-context Transformers of the transition and of where nothing is learned,
/// of every width that was trained with two numbers of tasks or more. None unless there are two such widths.
fn in_diagram<'e>(evidence: &'e Evidence<'_>) -> Vec<Recorded<'e>> {
    let fits = |r: &Recorded<'_>| {
        let c = &r.cell.condition;
        matches!(c.study, Study::Transition | Study::Failure) && c.model == Kind::Transformer && c.sees_all()
    };
    let width = |r: &Recorded<'_>| r.cell.condition.width;
    let mut taken = BTreeSet::new();
    // A second condition of the same width and K is another question: it stays on the other map.
    let first = |r: &Recorded<'_>| taken.insert((width(r), tasks(r)));
    let mut found: Vec<Recorded<'e>> = evidence.all().filter(fits).filter(first).collect();
    let a_row = |of: usize| taken.iter().filter(|(width, _)| *width == of).count() > 1;
    found.retain(|r| a_row(width(r)));
    let rows: BTreeSet<usize> = found.iter().map(width).collect();
    if rows.len() > 1 { found } else { Vec::new() }
}

/// A heat map with a cell a condition: colour u, a letter a seed. None before anything was measured.
fn heat(conditions: &[Recorded<'_>], rows: Vec<String>, row: impl Fn(&Recorded<'_>) -> String) -> Option<Heat> {
    let numbers: BTreeSet<u64> = conditions.iter().map(tasks).collect();
    let numbers: Vec<u64> = numbers.into_iter().collect();
    let mut values = vec![f64::NAN; rows.len() * numbers.len()];
    let mut letters = vec![String::new(); values.len()];
    for r in conditions {
        let at =
            rows.iter().position(|name| *name == row(r))? * numbers.len() + numbers.binary_search(&tasks(r)).ok()?;
        values[at] = r.last("unseen.last").unwrap_or(f64::NAN);
        let regime = |seed: &&TrialResult| evidence::regime(seed, r.cell.condition.chance());
        letters[at] = r.seeds.iter().filter_map(regime).map(|regime| regime.letter()).collect();
    }
    let name = |number: &u64| if *number == u64::MAX { "inf".into() } else { number.to_string() };
    values.iter().any(|value| value.is_finite()).then(|| Heat {
        row_axis: "model".into(),
        column_axis: "K, training tasks".into(),
        rows,
        columns: numbers.iter().map(name).collect(),
        values,
        letters,
        range: Some((0.0, 1.0)),
        unit: "accuracy on unseen tasks, last 8".into(),
    })
}

/// Rows: width, the largest on top; columns: K, rising; a letter a seed on the colour of u.
pub(super) fn phase_diagram(evidence: &Evidence<'_>) -> Option<Panel> {
    let conditions = in_diagram(evidence);
    let widths: BTreeSet<usize> = conditions.iter().map(|r| r.cell.condition.width).collect();
    let rows = widths.into_iter().rev().map(|width| width.to_string()).collect();
    let heat = heat(&conditions, rows, |r| r.cell.condition.width.to_string())?;
    let says = "The algorithm that training found, by width d and number K of training tasks; one letter a seed: F nothing \
                learned, M memorises its tasks, I identifies which of them it is in, L learns new ones. Colour: accuracy \
                on unseen tasks over the last 8 positions. On the boundary seeds fall on either side.";
    let heat = Heat { row_axis: "width d".into(), ..heat };
    Some(Panel::new("phase-diagram", "Phase diagram: fail, memorise, identify, learn", says, Body::Heat(heat)))
}

/// What sets a row of the map apart from the common condition, in words.
fn row_label(recorded: &Recorded<'_>) -> String {
    let c = &recorded.cell.condition;
    match c.model {
        Kind::Transformer if c.sees_all() && c.study != Study::State => format!("d = {}", c.width),
        Kind::Transformer => format!("d = {}, w = {}", c.width, c.window),
        Kind::LinearAttention | Kind::DeltaNet => format!("{} {}, H = {}", model_name(c.model), c.width, c.heads),
        model => format!("{} {}", model_name(model), c.width),
    }
}

fn model_name(model: Kind) -> String {
    model.entry().name.replace('_', " ")
}

/// Every other condition. Rows: width, window or model; columns: K; a letter a seed on the colour of u.
pub(super) fn regimes(evidence: &Evidence<'_>) -> Option<Panel> {
    let diagram: Vec<String> = in_diagram(evidence).iter().map(|r| r.cell.label.clone()).collect();
    let shown = |r: &Recorded<'_>| {
        !matches!(r.cell.condition.study, Study::Plateau | Study::Format) && !diagram.contains(&r.cell.label)
    };
    let conditions: Vec<Recorded<'_>> = evidence.all().filter(shown).collect();
    let mut rows: Vec<String> = Vec::new();
    for r in &conditions {
        let row = row_label(r);
        rows.extend((!rows.contains(&row)).then_some(row));
    }
    let heat = heat(&conditions, rows, row_label)?;
    let says = "One cell a condition, a letter a seed: F nothing learned, M memorises its tasks, I identifies which of \
                them it is in, L learns new ones. Colour: accuracy on unseen tasks over the last 8 positions. Near the \
                boundary seeds fall on either side.";
    Some(Panel::new("regimes", "Which algorithm was found", says, Body::Heat(heat)))
}

#[cfg(test)]
mod tests {
    use super::super::Gpicl;
    use super::*;
    use crate::contract::{Event, TrialSpec};
    use crate::training::testing::{preset, result};

    /// What a seed reaches: wide models with many tasks learn, others memorise.
    fn made_up(spec: &TrialSpec) -> TrialResult {
        let learns = spec.axes["width"] == "64" && !["4", "16"].contains(&spec.axes["tasks"].as_str());
        // On the boundary one seed of two does.
        let boundary = spec.axes["tasks"] == "64" && spec.seed == 1;
        let (last, first) = if learns && !boundary { (0.8, 0.1) } else { (0.1, 0.9) };
        let metrics = [("unseen.first", 0.1), ("unseen.last", last), ("seen.first", first), ("seen.last", first)];
        let event = |(name, value): (&str, f64)| Event::Metric { step: 9, name: name.into(), value };
        result(spec, &metrics.map(event))
    }

    fn maps(name: &str) -> Vec<(String, Heat)> {
        let study = preset::<Gpicl>(name);
        let results: Vec<TrialResult> = study.trials().iter().map(made_up).collect();
        let heat = |panel: Panel| match panel.body {
            Body::Heat(heat) => Some((panel.id, heat)),
            _ => None,
        };
        study.panels(&results).into_iter().filter_map(heat).collect()
    }

    #[test]
    fn the_diagram_has_every_width_and_number_of_tasks_once() {
        let found = maps("full");
        let [(first, diagram), (second, rest)] = &found[..] else { panic!("two maps: {found:?}") };
        assert_eq!((first.as_str(), second.as_str()), ("phase-diagram", "regimes"));
        assert_eq!(diagram.rows, ["64", "32", "16"]);
        assert_eq!(diagram.columns, ["4", "16", "64", "256", "1024", "4096", "inf"]);
        assert_eq!(diagram.letters[..7], ["MM", "MM", "LM", "LL", "LL", "LL", "LL"]);
        assert!(diagram.letters[7..].iter().all(|letters| letters == "MM"), "{:?}", diagram.letters);
        assert!((diagram.values[2] - 0.45).abs() < 1e-12 && diagram.values.iter().all(|value| value.is_finite()));
        // The state study alone is left: 7 windows, 3 sizes of an LSTM, 3 numbers of heads of two memories.
        assert_eq!((rest.columns.as_slice(), rest.rows.len()), (&["inf".to_owned()][..], 16));
        assert!(rest.values.iter().all(|value| value.is_finite()), "a cell a condition: {rest:?}");
    }

    #[test]
    fn a_preset_without_a_grid_of_widths_has_one_map() {
        let found = maps("quick");
        let [(name, map)] = &found[..] else { panic!("one map: {found:?}") };
        assert_eq!((name.as_str(), map.rows.len()), ("regimes", 5));
        assert_eq!(map.columns, ["4", "32", "inf"]);
        // d = 64 with three numbers of tasks, and four others with one.
        assert_eq!(map.values.iter().filter(|value| value.is_finite()).count(), 7);
    }
}
