//! What there is to see of the whole study.

use super::judge::valid;
use super::settings::{Condition, Role};
use crate::base::random::Key;
use crate::contract::{Axis, Bar, Bars, Body, Dash, Evidence, Heat, Line, Lines, Panel, Recorded, Table};
use crate::instruments::representation::similarity;
use crate::instruments::statistics::{Bootstrap, mean};

/// What a reader must know of the setting.
const CHOSEN: &str = "the base setting was chosen on replicas 0 to 2, after three layers with Adam had failed";

/// The panels of the study.
pub(super) fn panels(evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
    let mut shown = vec![gaps(evidence), table(evidence)];
    shown.extend(evidence.find(|condition| condition.role == Role::EasyHard).and_then(growth));
    shown.push(similarities(evidence));
    shown
}

/// G of every condition.
fn gaps(evidence: &Evidence<'_, Condition>) -> Panel {
    let bootstrap = Bootstrap::new(Key::new(0).purpose("panels"));
    let bar = |r: Recorded<'_, Condition>| {
        let groups: Vec<[f64; 1]> = r.values("gap").into_iter().map(|gap| [gap]).collect();
        let estimate = bootstrap.mean(&groups);
        let gated = valid(r).len();
        Bar {
            label: r.cell.label.clone(),
            value: estimate.as_ref().map_or(f64::NAN, |e| e.value),
            interval: estimate.map(|e| e.interval()),
            note: format!("{gated} of {} past the gate", r.seeds.len()),
        }
    };
    Panel::new(
        "gaps",
        "How much more of the layer the first feature explains",
        "G = R2 of the first feature - R2 of the second, last hidden layer, mean and interval over seeds. The first is \
         the easy one where they differ. Equal features, named by a coin, must lie around 0; so must an untrained \
         network. Runs that missed the gate are in the bars and not in the verdict.",
        Body::Bars(Bars { axis: Axis::linear("G").within(-1.0, 1.0), bars: evidence.all().map(bar).collect() }),
    )
    .noting(CHOSEN)
}

/// Every seed in numbers.
fn table(evidence: &Evidence<'_, Condition>) -> Panel {
    let metrics = [
        ("accuracy 1", "accuracy_first"),
        ("accuracy 2", "accuracy_second"),
        ("R2 1", "r2_first"),
        ("R2 2", "r2_second"),
        ("per input 1", "per_input_r2_first"),
        ("per input 2", "per_input_r2_second"),
        ("per unit 1", "standardised_r2_first"),
        ("per unit 2", "standardised_r2_second"),
        ("dense 1", "density_first"),
        ("dense 2", "density_second"),
        ("top PCs 1", "top_components_r2_first"),
        ("top PCs 2", "top_components_r2_second"),
        ("grew 1", "growth_first"),
        ("way to turn 1", "flip_length_first"),
        ("way to turn 2", "flip_length_second"),
        ("follows 1", "follows_first"),
        ("nuisance", "nuisance_r2"),
        ("shuffled", "shuffled_r2"),
    ];
    let mut rows = Vec::new();
    for recorded in evidence.all() {
        for seed in recorded.seeds {
            let mut row = vec![recorded.cell.label.clone(), seed.spec.seed.to_string()];
            let shown = |metric: &str| seed.last(metric).map_or_else(|| "-".into(), |value| format!("{value:.3}"));
            row.extend(metrics.map(|(_, metric)| shown(metric)));
            rows.push(row);
        }
    }
    let columns = ["condition", "replica"].into_iter().chain(metrics.map(|(name, _)| name)).map(String::from).collect();
    Panel::new(
        "seeds",
        "Every replica",
        "R2 as the ratio of sums (on which the verdict rests), as the mean of ratios of single inputs, and over units of \
         equal variance; share of units that carry the feature; R2 on the first two principal components; growth after \
         it is mastered; how far the layer must be moved to turn the answer; how often a linear classifier that could \
         use either feature follows the first. The R2 of a bit that nobody asked for is the floor.",
        Body::Table(Table { columns, rows }),
    )
}

/// R2 over training with each seed's final variance below it, mean over seeds.
fn growth(recorded: Recorded<'_, Condition>) -> Option<Panel> {
    let finals = ["explained_first", "r2_first"].map(|metric| recorded.last(metric));
    let variance = finals[0].zip(finals[1]).map(|(explained, share)| explained / share).filter(|v| v.is_finite())?;
    let line = |label: &str, metric: &str, by: f64, dash: Dash| Line {
        label: label.into(),
        dash,
        points: recorded.series(metric).into_iter().map(|(step, value)| (step, value / by)).collect(),
    };
    Some(Panel::new(
        "growth",
        format!("While {} is learned", recorded.cell.label),
        "Mean over seeds of what each feature explains of the last hidden layer, in units of the final variance, with \
         the accuracies (dotted). The easy feature is mastered within a few dozen steps and goes on growing while the \
         hard one is learned.",
        Body::Lines(Lines {
            x: Axis::linear("training step"),
            y: Axis::linear("R2, accuracy").within(0.0, 1.0),
            lines: vec![
                line("easy: share", "explained_first", variance, Dash::Solid),
                line("hard: share", "explained_second", variance, Dash::Solid),
                line("easy: accuracy", "accuracy_first", 1.0, Dash::Dotted),
                line("hard: accuracy", "accuracy_second", 1.0, Dash::Dotted),
            ],
            marks: Vec::new(),
        }),
    ))
}

/// Similarity of the networks of two conditions by the distances within their layers.
fn similarities(evidence: &Evidence<'_, Condition>) -> Panel {
    let all: Vec<(&str, Vec<&[f64]>)> =
        evidence.all().map(|r| (r.cell.label.as_str(), r.groups("distances"))).filter(|(_, d)| !d.is_empty()).collect();
    let between = |i: usize, j: usize| {
        let pairs = all[i].1.iter().enumerate().flat_map(|(a, x)| {
            all[j].1.iter().enumerate().filter(move |(b, _)| i != j || a < *b).filter_map(|(_, y)| similarity(x, y))
        });
        mean(&pairs.collect::<Vec<f64>>()).unwrap_or(f64::NAN)
    };
    let labels: Vec<String> = all.iter().map(|(label, _)| (*label).to_owned()).collect();
    Panel::new(
        "similarity",
        "Similarity of networks (RSA)",
        "Correlation of the distances between the same inputs within the last hidden layers, mean over pairs of seeds; \
         on the diagonal between seeds of one condition. Networks that compute the same can look unlike each other, and \
         networks that share an easy feature look alike whatever else they compute.",
        Body::Heat(Heat {
            row_axis: "condition".into(),
            column_axis: "condition".into(),
            rows: labels.clone(),
            columns: labels,
            values: (0..all.len())
                .flat_map(|i| (0..all.len()).map(move |j| (i, j)))
                .map(|(i, j)| between(i, j))
                .collect(),
            letters: Vec::new(),
            range: Some((0.0, 1.0)),
            unit: "correlation".into(),
        }),
    )
}
