//! What there is to see of one trial.

use super::data::{Data, Kind, Probe};
use super::settings::Condition;
use super::trial::{LISTED, Look, Turned};
use crate::contract::{Axis, Bar, Bars, Body, Dash, Heat, Line, Lines, Mark, Panel, Point, Scatter, Table};
use crate::instruments::representation::{Components, Observed, explained};

/// Points of the plane of principal components.
const SHOWN: usize = 300;
/// Rows of the table of units.
const UNITS: usize = 24;
/// Points of an intervention's curve, and how far it goes.
const CURVE: (usize, f64) = (25, 1.5);
/// Accuracy from which a mark is set.
const MASTERED: f64 = 0.99;

/// The representation of a trial on some inputs.
pub(super) struct Pair<'a> {
    pub(super) data: &'a Data,
    /// Of the first validation inputs.
    pub(super) validation: &'a [f32],
    /// Of the first test inputs.
    pub(super) layer: &'a [f32],
    /// Units of the representation.
    pub(super) units: usize,
}

impl Pair<'_> {
    /// What a feature, over the validation and the test inputs, explains of the representation's units.
    fn of(&self, (validation, test): (&[f32], &[f32])) -> Vec<Option<f64>> {
        unit_shares((self.validation, validation), (self.layer, test), self.units)
    }
}

/// R2 of a feature on each unit of a layer: the first inputs of the feature are those of the layer.
fn unit_shares(fitted: (&[f32], &[f32]), scored: (&[f32], &[f32]), units: usize) -> Vec<Option<f64>> {
    let on = |(layer, feature): (&'_ [f32], &'_ [f32])| feature[..layer.len() / units].to_vec();
    let (first, second) = (on(fitted), on(scored));
    let fitted = Observed { layer: fitted.0, feature: &first };
    explained(fitted, Observed { layer: scored.0, feature: &second }, units).units
}

/// R2 over training with a fixed denominator, and the accuracies.
pub(super) fn growth(condition: &Condition, names: &[String; 2], looks: &[Look]) -> Panel {
    let last = looks.last().map_or(0.0, |look| look.variance);
    let line = |label: String, dash: Dash, of: &dyn Fn(&Look) -> f64| Line {
        label,
        dash,
        points: looks.iter().map(|look| (look.step as f64, of(look))).collect(),
    };
    let share = |i: usize| {
        line(format!("{}: share of the final variance", names[i]), Dash::Solid, &move |look: &Look| {
            if last > 0.0 { look.explained[i] / last } else { f64::NAN }
        })
    };
    let accuracy =
        |i: usize| line(format!("{}: accuracy", names[i]), Dash::Dotted, &move |look: &Look| look.accuracy[i]);
    let mark = |i: usize| {
        let look = looks.iter().find(|look| look.accuracy[i] >= MASTERED)?;
        Some(Mark { x: look.step as f64, label: format!("{} mastered", names[i]) })
    };
    Panel::new(
        "growth",
        format!("What the last hidden layer shows, {}", condition.name),
        "Solid: how much of the layer's final variance each feature explains. Dotted: how often it is answered. The \
         sight to see: the easy feature goes on growing long after it is mastered, while the hard one is learned, and \
         the hard one stays small though it ends at the same accuracy.",
        Body::Lines(Lines {
            x: Axis::linear("training step"),
            y: Axis::linear("R2, accuracy").within(0.0, 1.0),
            lines: vec![share(0), share(1), accuracy(0), accuracy(1)],
            marks: [0, 1].into_iter().filter_map(mark).collect(),
        }),
    )
}

/// R2 of every probe on every layer.
pub(super) fn layers(probes: &[String], layers: &[Vec<f64>]) -> Panel {
    let column = |i: usize| if i == 0 { "input".to_owned() } else { format!("layer {i}") };
    let values = (0..probes.len()).flat_map(|probe| layers.iter().map(move |layer| layer[probe])).collect();
    Panel::new(
        "layers",
        "What each layer shows",
        "R2 of each feature on each layer. Rows below the first two: the parts of a parity, of which no one tells \
         anything; bits that nobody asked for; and a feature of other inputs, which must show nothing. A layer in which \
         the parts are as large as the whole has not put the parity together yet.",
        Body::Heat(Heat {
            row_axis: "feature".into(),
            column_axis: "layer".into(),
            rows: probes.to_vec(),
            columns: (0..layers.len()).map(column).collect(),
            values,
            letters: Vec::new(),
            range: Some((0.0, 0.5)),
            unit: "R2".into(),
        }),
    )
}

/// Test inputs on the first two principal components, and what each component shows of the features.
pub(super) fn components(pair: &Pair<'_>) -> Option<Panel> {
    let (data, units) = (pair.data, pair.units);
    let found = Components::of(pair.validation, units).ok()?;
    let count = LISTED.min(units);
    let (fitted, scored) = (found.scores(pair.validation, count), found.scores(pair.layer, count));
    let group = |i: usize| {
        let sign = |f: f32| if f > 0.0 { "+" } else { "-" };
        let [first, second] = &data.test.features;
        format!("first {}, second {}", sign(first[i]), sign(second[i]))
    };
    let point = |(i, scores): (usize, &[f32])| Point {
        x: f64::from(scores[0]),
        y: f64::from(scores.get(1).copied().unwrap_or(0.0)),
        group: group(i),
        label: String::new(),
    };
    let plane = Panel::new(
        "plane",
        "Principal components 1 and 2",
        "Test inputs as the two directions of largest variance show them. Four groups apart: both features are seen; \
         two: only one is.",
        Body::Scatter(Scatter {
            x: Axis::linear("component 1"),
            y: Axis::linear("component 2"),
            points: scored.chunks(count).take(SHOWN).enumerate().map(point).collect(),
        }),
    );
    let each = |i: usize| {
        let (validation, test) = (&data.validation.features[i], &data.test.features[i]);
        unit_shares((&fitted, validation), (&scored, test), count)
    };
    let (first, second) = (each(0), each(1));
    let r2 = |values: &[Option<f64>], i: usize| values[i].unwrap_or(0.0);
    let bar = |i: usize| Bar {
        label: format!("component {}", i + 1),
        value: found.shares[i],
        note: format!("R2 {:.2} and {:.2}", r2(&first, i), r2(&second, i)),
        ..Bar::default()
    };
    let scree = Panel::new(
        "scree",
        "Share of variance, and R2 of the features",
        "How much of the variance each component has; behind it how much of the component the first and the second \
         feature explain.",
        Body::Bars(Bars { axis: Axis::linear("share").within(0.0, 1.0), bars: (0..count).map(bar).collect() }),
    );
    Some(Panel::new(
        "components",
        format!("Principal components: {} and {}", data.names[0], data.names[1]),
        "Whoever reads the layer by its largest components sees what they show, and no more.",
        Body::Beside { panels: vec![plane, scree] },
    ))
}

/// What single units show.
pub(super) fn units(pair: &Pair<'_>) -> Panel {
    let (data, units) = (pair.data, pair.units);
    let of = |probe: &Probe| pair.of((&probe.validation, &probe.test));
    let [first, second] = [of(&data.probes[0]), of(&data.probes[1])];
    let others: Vec<Vec<Option<f64>>> =
        data.probes.iter().filter(|probe| probe.kind == Kind::Nuisance).map(of).collect();
    let mut rows: Vec<(f64, Vec<String>)> = Vec::new();
    for unit in 0..units {
        let Some((first, second)) = first[unit].zip(second[unit]) else { continue };
        let other = others.iter().filter_map(|units| units[unit]).fold(0.0, f64::max);
        let shown = [first, second, other].map(|value| format!("{value:.2}"));
        rows.push((first, [vec![unit.to_string()], shown.to_vec()].concat()));
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let live = rows.len();
    let columns = ["unit", &data.names[0], &data.names[1], "largest of the others"].map(String::from).to_vec();
    let rows = rows.into_iter().map(|(_, row)| row).take(UNITS).collect();
    Panel::new(
        "units",
        "Single units of the last hidden layer",
        "R2 of the features on each unit by itself, largest first. A feature that many units carry is dense; one that \
         a few carry, or all of them a little, is missed by whoever records single units.",
        Body::Table(Table { columns, rows }),
    )
    .noting(format!("{live} of {units} units are not constant"))
}

/// How far the layer must be moved for an output to turn.
pub(super) fn turning(names: &[String; 2], turned: &[Turned; 2]) -> Panel {
    let far = turned.iter().map(|t| t.length).fold(0.0, f64::max) * CURVE.1;
    let line = |(name, turned): (&String, &Turned)| {
        let share = |at: f64| {
            let steps = &turned.flips.steps;
            let reached = steps.iter().filter(|step| **step * turned.length <= at).count();
            reached as f64 / steps.len().max(1) as f64
        };
        let points = (0..CURVE.0).map(|i| far * i as f64 / (CURVE.0 - 1) as f64).map(|at| (at, share(at))).collect();
        let kept = 100.0 * turned.flips.other_kept;
        Line { label: format!("{name} (other output kept in {kept:.0} %)"), dash: Dash::Solid, points }
    };
    Panel::new(
        "turning",
        "Moving the layer against a feature",
        "Share of test inputs whose answer turns when the last hidden layer is moved so far along the difference of the \
         feature's two means. A feature that explains little variance turns after a short way: small is not weak.",
        Body::Lines(Lines {
            x: Axis::linear("length of the move"),
            y: Axis::linear("answers turned").within(0.0, 1.0),
            lines: names.iter().zip(turned).map(line).collect(),
            marks: Vec::new(),
        }),
    )
}
