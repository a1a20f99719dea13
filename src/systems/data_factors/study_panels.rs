//! What there is to see of the whole study.

use super::examination::bin_name;
use super::settings::Arm;
use crate::contract::{Axis, Bar, Bars, Body, Dash, Evidence, Heat, Line, Lines, Panel, Recorded, Table, short_number};
use crate::instruments::statistics::mean;

/// Every panel for which something was recorded.
pub(super) fn panels(evidence: &Evidence<'_, Arm>) -> Vec<Panel> {
    let arms: Vec<Recorded<'_, Arm>> = evidence.all().filter(|arm| !arm.seeds.is_empty()).collect();
    [race(&arms), repetition(&arms), ends(&arms), seeds(&arms)].into_iter().flatten().collect()
}

/// z over training, an arm a colour: the mean, the seeds, and training accuracy.
fn race(arms: &[Recorded<'_, Arm>]) -> Option<Panel> {
    let line = |label: String, dash: Dash, points: Vec<(f64, f64)>| Line { label, dash, points };
    let mut lines: Vec<Line> = Vec::new();
    lines.extend(arms.iter().map(|arm| line(arm.cell.label.clone(), Dash::Solid, arm.series("zero_shot"))));
    lines
        .extend(arms.iter().map(|arm| {
            line(format!("{}, training lines", arm.cell.label), Dash::Dotted, arm.series("train_accuracy"))
        }));
    lines.retain(|line| !line.points.is_empty());
    let (x, y) = (Axis::linear("training step"), Axis::linear("accuracy").within(0.0, 1.0));
    let some = !lines.is_empty();
    let says = "Share of test commands carried out exactly (solid, mean over seeds), and of training lines (dotted). All \
                arms train the same network; only their lines differ.";
    let body = Body::Lines(Lines { x, y, lines, marks: Vec::new() });
    some.then(|| Panel::new("arms-race", "Arms race", says, body))
}

/// Rows: arms; columns: how often lines were shown; share of the lines.
fn repetition(arms: &[Recorded<'_, Arm>]) -> Option<Panel> {
    let shown: Vec<(String, Vec<f64>)> = arms
        .iter()
        .filter_map(|arm| {
            let bins = arm.curve("repetition")?;
            let all: f64 = bins.iter().sum();
            let z = arm.last("zero_shot").unwrap_or(f64::NAN);
            // The number first: names are cut where there is little room.
            let label = format!("z {z:.2} {}", arm.cell.label);
            Some((label, bins.iter().map(|count| count / all.max(1.0)).collect()))
        })
        .collect();
    let used = |bins: &Vec<f64>| bins.iter().rposition(|share| *share > 0.0).map_or(0, |last| last + 1);
    let columns = shown.iter().map(|(_, bins)| used(bins)).max().filter(|columns| *columns > 0)?;
    let values: Vec<f64> = shown.iter().flat_map(|(_, bins)| bins[..columns].to_vec()).collect();
    let heat = Heat {
        row_axis: "arm".into(),
        column_axis: "times shown".into(),
        rows: shown.into_iter().map(|(label, _)| label).collect(),
        columns: (0..columns).map(bin_name).collect(),
        letters: values.iter().map(|share| format!("{:.0}", 100.0 * share)).collect(),
        values,
        range: Some((0.0, 1.0)),
        unit: "share of the training lines, percent on the cells".into(),
    };
    let says = "How often each arm's training lines were shown, with its zero-shot accuracy: few lines shown often, or many \
                lines shown seldom.";
    Some(Panel::new("repetition", "Repetition clock", says, Body::Heat(heat)))
}

/// z at the end, with each seed.
fn ends(arms: &[Recorded<'_, Arm>]) -> Option<Panel> {
    let bar = |arm: &Recorded<'_, Arm>| {
        let values: Vec<f64> = arm.groups("zero_shot.by_command").iter().filter_map(|group| mean(group)).collect();
        let ends = values.iter().copied().reduce(f64::min).zip(values.iter().copied().reduce(f64::max));
        let value = mean(&values)?;
        Some(Bar { label: arm.cell.label.clone(), value, interval: ends, note: String::new() })
    };
    let bars: Vec<Bar> = arms.iter().filter_map(bar).collect();
    let says = "Zero-shot accuracy at the last step, mean over seeds, with the worst and the best of them.";
    let some = !bars.is_empty();
    let body = Body::Bars(Bars { axis: Axis::linear("zero-shot accuracy").within(0.0, 1.0), bars });
    some.then(|| Panel::new("ends", "At the end", says, body))
}

/// Every seed in numbers.
fn seeds(arms: &[Recorded<'_, Arm>]) -> Option<Panel> {
    let mut rows = Vec::new();
    for arm in arms {
        for seed in arm.seeds {
            let told = |metric: &str| seed.last(metric).map_or_else(|| "-".to_owned(), short_number);
            let metrics = ["zero_shot", "train_accuracy", "loss", "distance", "lines", "shown", "parameters"];
            let mut row = vec![arm.cell.label.clone(), seed.spec.seed.to_string()];
            row.extend(metrics.map(told));
            rows.push(row);
        }
    }
    let columns = ["arm", "seed", "zero-shot", "training", "nats", "distance", "lines", "shown", "parameters"];
    let some = !rows.is_empty();
    let body = Table { columns: columns.map(str::to_owned).to_vec(), rows };
    let says = "Every trial as last examined. Distance: of the new word's embedding from the centroid of the other verbs, in \
                their spread; shown: median times that a line was shown.";
    some.then(|| Panel::new("seeds", "Every seed", says, Body::Table(body)))
}
