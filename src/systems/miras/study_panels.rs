//! What there is to see of the whole study.

use super::alone::{ALPHAS, ETAS, RULES};
use super::settings::{Condition, Task, Trained};
use crate::contract::{Axis, Body, Dash, Evidence, Heat, Line, Lines, Mark, Panel, Recorded, Table, short_number};

/// Every panel for which something was recorded.
pub(super) fn panels(evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
    let alone = evidence.find(|c| *c == Condition::Alone).filter(|r| !r.seeds.is_empty());
    let of_alone = alone.map(|alone| {
        let vector = |name: &str| alone.groups(name).first().map(|values| values.to_vec());
        [under_fire(vector), errors(vector), retention(vector)]
    });
    let trained: Vec<(Trained, Recorded<'_, Condition>)> = evidence.all().filter_map(trained).collect();
    let of_trained = [recall(&trained), capacity(&trained), learning(&trained), seeds(&trained)];
    of_alone.into_iter().flatten().chain(of_trained).flatten().collect()
}

fn trained<'e>(recorded: Recorded<'e, Condition>) -> Option<(Trained, Recorded<'e, Condition>)> {
    match recorded.cell.condition {
        Condition::Trained(trained) if !recorded.seeds.is_empty() => Some((trained, recorded)),
        _ => None,
    }
}

/// The error on clean keys after every token of an outlier stream, a line a rule.
pub(super) fn under_fire(vector: impl Fn(&str) -> Option<Vec<f64>>) -> Option<Panel> {
    let line = |rule: &super::alone::Named| {
        let points = vector(&format!("trace.{}", rule.name))?.into_iter().enumerate();
        let points = points.map(|(t, error)| ((t + 1) as f64, error)).collect();
        let dash = if matches!(rule.name, "hebbian" | "l2" | "huber" | "l1") { Dash::Solid } else { Dash::Dashed };
        Some(Line { label: rule.title.into(), dash, points })
    };
    // The two that are judged come first.
    let order = [2, 1, 3, 0, 4, 5, 6, 7, 8];
    let lines: Vec<Line> = order.iter().filter_map(|i| line(&RULES[*i])).collect();
    if lines.is_empty() {
        return None;
    }
    let outliers = vector("trace.outliers").unwrap_or_default();
    let marks = outliers.iter().enumerate().filter(|(_, is)| **is > 0.0);
    let marks = marks.map(|(t, _)| Mark { x: (t + 1) as f64, label: "!".into() }).collect();
    let (x, y) = (Axis::linear("token"), Axis::log("error on clean keys"));
    let says = "How far the memory is from the map that it should hold, after each token of a stream with outliers (!), \
                each rule at its own best step. L2 jumps at every outlier; Huber and L1 do not.";
    Some(Panel::new("under-fire", "Memory under fire", says, Body::Lines(Lines { x, y, lines, marks })))
}

/// Errors by rule and kind of stream.
pub(super) fn errors(vector: impl Fn(&str) -> Option<Vec<f64>>) -> Option<Panel> {
    let streams = ["gauss", "outlier", "drift", "no_drift"];
    let told = |name: String| {
        let errors = vector(&name).unwrap_or_default();
        let mean = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
        if errors.is_empty() { "-".to_owned() } else { short_number(mean) }
    };
    let mut rows = Vec::new();
    for rule in &RULES {
        let mut row = vec![rule.title.to_owned()];
        row.extend(streams.map(|stream| told(format!("{stream}.{}", rule.name))));
        row.extend(["drift", "no_drift"].map(|stream| told(format!("{stream}.{}.forgetting", rule.name))));
        if row[1..].iter().any(|cell| cell != "-") {
            rows.push(row);
        }
    }
    let columns = ["rule", "gauss", "outlier", "drift", "no drift", "drift, alpha < 1", "no drift, alpha < 1"];
    let body = Table { columns: columns.map(str::to_owned).to_vec(), rows };
    let says = "Relative error on clean keys at the end of fresh streams, mean; every rule with the step that suited it \
                best on other streams. Robust losses win under outliers alone; forgetting wins where the map changes.";
    (!body.rows.is_empty()).then(|| Panel::new("errors", "The memory alone", says, Body::Table(body)))
}

/// What tuning found for the Hebbian rule where the map changes.
pub(super) fn retention(vector: impl Fn(&str) -> Option<Vec<f64>>) -> Option<Panel> {
    let heat = |stream: &str, title: &str| {
        let values = vector(&format!("{stream}.hebbian.tuning"))?;
        let heat = Heat {
            row_axis: "alpha, kept".into(),
            column_axis: "step eta".into(),
            rows: ALPHAS.iter().map(|alpha| format!("{alpha}")).collect(),
            columns: ETAS.iter().map(|eta| format!("{eta}")).collect(),
            values: values.iter().map(|error| error.max(1e-6).log10().min(2.0)).collect(),
            letters: Vec::new(),
            range: Some((-2.0, 2.0)),
            unit: "log10 of the error, cut at 2".into(),
        };
        Some(Panel::new(stream, title, "", Body::Heat(heat)))
    };
    let panels: Vec<Panel> =
        [heat("drift", "the map changes"), heat("no_drift", "it does not")].into_iter().flatten().collect();
    let says = "A Hebbian memory by how much of the past it keeps and how far it steps; error on tuning streams. Where the \
                map changes the best place lies below alpha = 1, where it does not, on it.";
    (!panels.is_empty()).then(|| Panel::new("retention", "What forgetting is for", says, Body::Beside { panels }))
}

/// Rows: models; columns: task and N; accuracy.
fn recall(all: &[(Trained, Recorded<'_, Condition>)]) -> Option<Panel> {
    let row = |t: &Trained| {
        let others = [(t.deep, ", deep"), (!t.forgets, ", alpha = 1"), (t.layers > 1, ", L > 1")];
        let chunk = if t.chunk > 1 { format!(", b = {}", t.chunk) } else { String::new() };
        others.iter().filter(|(is, _)| *is).fold(t.model.name() + &chunk, |name, (_, word)| name + word)
    };
    let column = |t: &Trained| format!("{} {}", t.task.name(), t.pairs);
    let asked: Vec<_> = all.iter().filter(|(t, r)| t.task != Task::Pixels && r.last("accuracy").is_some()).collect();
    let (mut rows, mut keys): (Vec<String>, Vec<(usize, usize, String)>) = (Vec::new(), Vec::new());
    for (t, _) in &asked {
        let key = (Task::ALL.iter().position(|task| *task == t.task).unwrap_or(0), t.pairs, column(t));
        rows.extend((!rows.contains(&row(t))).then(|| row(t)));
        keys.extend((!keys.contains(&key)).then_some(key));
    }
    keys.sort_unstable();
    let columns: Vec<String> = keys.into_iter().map(|(.., name)| name).collect();
    let mut values = vec![f64::NAN; rows.len() * columns.len()];
    for (t, r) in &asked {
        let place =
            rows.iter().position(|name| *name == row(t)).zip(columns.iter().position(|name| *name == column(t)));
        if let Some((i, j)) = place {
            values[i * columns.len() + j] = r.last("accuracy").unwrap_or(f64::NAN);
        }
    }
    let letters = values.iter().map(|v| if v.is_nan() { String::new() } else { format!("{:.0}", 100.0 * v) }).collect();
    let heat = Heat {
        row_axis: "model".into(),
        column_axis: "task, N".into(),
        rows,
        columns,
        values,
        letters,
        range: Some((0.0, 1.0)),
        unit: "accuracy, percent on the cells".into(),
    };
    let says = "Share of questions answered rightly, mean over seeds. A sum and a correction recall clean values alike up \
                to as many keys as a memory is wide; faulty values need a loss that bounds them.";
    (!heat.values.is_empty()).then(|| Panel::new("recall", "What trained memories recall", says, Body::Heat(heat)))
}

/// Accuracy over N, where there are several.
fn capacity(all: &[(Trained, Recorded<'_, Condition>)]) -> Option<Panel> {
    let mut lines: Vec<Line> = Vec::new();
    for (t, r) in all.iter().filter(|(t, _)| t.task == Task::Clean && t.chunk == 1 && !t.deep && t.forgets) {
        let Some(accuracy) = r.last("accuracy") else { continue };
        let point = (t.pairs as f64, accuracy);
        match lines.iter_mut().find(|line| line.label == t.model.name()) {
            Some(line) => line.points.push(point),
            None => lines.push(Line { label: t.model.name(), dash: Dash::Solid, points: vec![point] }),
        }
    }
    lines.retain(|line| line.points.len() > 1);
    lines.iter_mut().for_each(|line| line.points.sort_by(|a, b| a.0.total_cmp(&b.0)));
    let (x, y) = (Axis::log("N, keys of a sequence"), Axis::linear("accuracy").within(0.0, 1.0));
    let says = "Accuracy on clean recall by how many keys a sequence holds: where a line falls, the memory is full.";
    let some = !lines.is_empty();
    let body = Body::Lines(Lines { x, y, lines, marks: Vec::new() });
    some.then(|| Panel::new("capacity", "Capacity", says, body))
}

/// Accuracy over training.
fn learning(all: &[(Trained, Recorded<'_, Condition>)]) -> Option<Panel> {
    let panel = |task: Task| {
        let of_task = all.iter().filter(|(t, _)| t.task == task);
        let line = |(_, r): &(Trained, Recorded<'_, Condition>)| {
            let label = r.cell.label.replacen(&format!(", {}", task.name()), "", 1);
            Line { label, dash: Dash::Solid, points: r.series("accuracy") }
        };
        let lines: Vec<Line> = of_task.map(line).filter(|line| !line.points.is_empty()).collect();
        let (x, y) = (Axis::linear("training step"), Axis::linear("accuracy").within(0.0, 1.0));
        let some = !lines.is_empty();
        let body = Body::Lines(Lines { x, y, lines, marks: Vec::new() });
        some.then(|| Panel::new(task.name(), task.name(), "", body))
    };
    let panels: Vec<Panel> = Task::ALL.into_iter().filter_map(panel).collect();
    let says = "Accuracy on sequences never trained on; mean over seeds. Recurrent memories sit at chance first and then \
                rise at once: a run that is stopped before says nothing.";
    (!panels.is_empty()).then(|| Panel::new("learning", "Learning to recall", says, Body::Beside { panels }))
}

/// Every seed in numbers.
fn seeds(all: &[(Trained, Recorded<'_, Condition>)]) -> Option<Panel> {
    let mut rows = Vec::new();
    for (_, r) in all {
        for seed in r.seeds {
            let told = |metric: &str| seed.last(metric).map_or_else(|| "-".to_owned(), short_number);
            let reached = seed.metrics.get("accuracy").and_then(|points| points.iter().find(|(_, a)| *a >= 0.9));
            rows.push(vec![
                r.cell.label.clone(),
                seed.spec.seed.to_string(),
                told("accuracy"),
                reached.map_or_else(|| "-".into(), |(step, _)| step.to_string()),
                told("loss"),
                told("threshold"),
                told("clipped"),
                told("parameters"),
                told("state"),
            ]);
        }
    }
    let columns =
        ["condition", "seed", "accuracy", "0.9 at step", "nats", "threshold", "clipped", "parameters", "state"];
    let body = Table { columns: columns.map(str::to_owned).to_vec(), rows };
    let says = "Every trial as last examined. Threshold: mean of Yaad's learned delta; clipped: share of tokens whose error \
                is longer. Equal parameters are not equal state: both are told, in numbers.";
    (!body.rows.is_empty()).then(|| Panel::new("seeds", "Every seed", says, Body::Table(body)))
}
