//! What there is to see of the whole study.

use super::evidence::{self, Evidence, Recorded};
use super::judge::plateau_length;
use super::regime_maps::{phase_diagram, regimes};
use super::sets::FOREIGN;
use super::settings::{Settings, Study};
use crate::contract::{Axis, Bar, Bars, Body, Dash, Line, Lines, Mark, Panel, Point, Scatter, Table, short_number};
use crate::instruments::statistics::{Lifetime, mean, spearman};
use crate::tasks::gpicl::TaskCount;

/// Every panel for which something was recorded.
pub(super) fn panels(settings: &Settings, evidence: &Evidence<'_>) -> Vec<Panel> {
    let panels = [
        in_context(settings, evidence),
        phase_diagram(evidence),
        regimes(evidence),
        generality(settings, evidence),
        state(evidence),
        plateau(evidence),
    ];
    panels.into_iter().flatten().chain([seeds(evidence)]).collect()
}

/// Accuracy on unseen tasks by the number of examples, a line a condition.
fn in_context(settings: &Settings, evidence: &Evidence<'_>) -> Option<Panel> {
    let points = |curve: Vec<f64>| curve.into_iter().enumerate().map(|(t, y)| (t as f64, y)).collect();
    let line = |label: String, dash, curve| Line { label, dash, points: points(curve) };
    let measured = |r: Recorded<'_>| Some(line(r.cell.label.clone(), Dash::Solid, r.curve("unseen.by_position")?));
    let mut lines: Vec<Line> = evidence.all().filter_map(measured).collect();
    let learner = evidence::learner(settings, evidence)?;
    let reference = |name: &str, label: &str| {
        Some(line(label.to_owned(), Dash::Dotted, learner.curve(&format!("unseen.{name}.by_position"))?))
    };
    lines.extend(reference("nearest_neighbour", "1-NN"));
    lines.extend(reference("majority", "majority"));
    if lines.is_empty() {
        return None;
    }
    let y = Axis::linear("accuracy on unseen tasks").within(0.0, 1.0);
    let x = Axis::linear("examples seen").within(0.0, settings.common.tokens as f64);
    let body = Lines { x, y, lines, marks: Vec::new() };
    let says = "Accuracy on problems never trained on, after so many labelled examples; mean over seeds. A rising \
                line has learned to learn; a flat one at chance has not. Dotted: references on the same sequences.";
    let chance = settings.common.chance();
    Some(
        Panel::new("learning", "Learning new problems in context", says, Body::Lines(body))
            .noting(format!("chance {chance:.2}")),
    )
}

/// Sets never trained on, against the references on the same sequences.
fn generality(settings: &Settings, evidence: &Evidence<'_>) -> Option<Panel> {
    let learner = evidence::learner(settings, evidence)?;
    let memoriser = evidence::memoriser(settings, evidence);
    let user = settings.evaluate_on.iter().map(|set| set.name.as_str());
    let sets: Vec<&str> = ["unseen"].into_iter().chain(FOREIGN.iter().map(|(name, _)| *name)).chain(user).collect();
    let shown = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
    let row = |set: &&str| {
        let last = learner.last(&format!("{set}.last"))?;
        let other = memoriser.and_then(|r| r.last(&format!("{set}.last")));
        let references = ["majority", "nearest_neighbour", "class_mean", "softmax_regression"];
        let references = references.map(|name| shown(learner.last(&format!("{set}.{name}.last"))));
        let name = if *set == "unseen" { "unseen digits" } else { set };
        Some([name.to_owned(), shown(Some(last)), shown(other)].into_iter().chain(references).collect::<Vec<String>>())
    };
    let rows: Vec<Vec<String>> = sets.iter().filter_map(row).collect();
    if rows.len() < 2 {
        return None;
    }
    let few = memoriser.map_or("-".into(), |r| r.cell.label.clone());
    let columns =
        ["set", &learner.cell.label, &few, "majority", "1-NN", "class mean", "softmax SGD"].map(str::to_owned);
    let body = Table { columns: columns.into(), rows };
    let says = "Accuracy over the last 8 positions on sets that were never trained on, beside plain learners on the \
                very same sequences. Compare with the in-context majority, not with 1/C: counting labels alone scores \
                far above it on two and three classes.";
    Some(Panel::new("generality", "On sets it never saw", says, Body::Table(body)))
}

/// Accuracy against state and against parameters, the same points.
fn state(evidence: &Evidence<'_>) -> Option<Panel> {
    let fresh = |r: &Recorded<'_>| {
        !matches!(r.cell.condition.study, Study::Plateau | Study::Format)
            && r.cell.condition.tasks == TaskCount::Infinite
    };
    let mut points: Vec<(f64, f64, f64, String, String)> = Vec::new();
    for r in evidence.all().filter(fresh) {
        for seed in r.seeds {
            let (state, parameters, u) = (seed.last("state"), seed.last("parameters"), seed.last("unseen.last"));
            if let (Some(state), Some(parameters), Some(u)) = (state, parameters, u) {
                let model = r.cell.condition.model.entry().name.replace('_', " ");
                points.push((state, parameters, u, model, seed.spec.name.clone()));
            }
        }
    }
    if points.is_empty() {
        return None;
    }
    let scatter = |id: &str, label: &str, x: fn(&(f64, f64, f64, String, String)) -> f64| {
        let point =
            |p: &(f64, f64, f64, String, String)| Point { x: x(p), y: p.2, group: p.3.clone(), label: p.4.clone() };
        let body = Scatter {
            x: Axis::log(label),
            y: Axis::linear("u").within(0.0, 1.0),
            points: points.iter().map(point).collect(),
        };
        Panel::new(id, format!("u by {label}"), "", Body::Scatter(body))
    };
    let column = |x: fn(&(f64, f64, f64, String, String)) -> f64| points.iter().map(x).collect::<Vec<f64>>();
    let u = column(|p| p.2);
    let rank = |x: Vec<f64>| spearman(&x, &u).map_or("-".to_owned(), |r| format!("{r:.2}"));
    let note =
        format!("rank correlation with u: state {}, parameters {}", rank(column(|p| p.0)), rank(column(|p| p.1)));
    let panels = vec![scatter("by-state", "state", |p| p.0), scatter("by-parameters", "parameters", |p| p.1)];
    let says = "One point a trained model at K = inf. State: numbers that carry over from the past into the next \
                prediction. If memory is what counts, the left cloud rises and the right one does not.";
    Some(Panel::new("state", "State against parameters", says, Body::Beside { panels }).noting(note))
}

/// Loss over steps, and how long each condition stayed on the plateau.
fn plateau(evidence: &Evidence<'_>) -> Option<Panel> {
    let any = evidence::of_study(evidence, Study::Plateau).next().is_some();
    let raced: Vec<Recorded<'_>> =
        evidence.all().filter(|r| !any || r.cell.condition.study == Study::Plateau).collect();
    let (mut lines, mut marks, mut bars) = (Vec::new(), Vec::new(), Vec::new());
    for r in &raced {
        let points = r.series("loss");
        if points.is_empty() {
            continue;
        }
        lines.push(Line { label: r.cell.label.clone(), dash: Dash::Solid, points });
        let lengths: Vec<Lifetime> = r.seeds.iter().filter_map(|seed| plateau_length(seed, r)).collect();
        let steps: Vec<f64> = lengths.iter().map(|length| length.step() as f64).collect();
        let Some(length) = mean(&steps) else { continue };
        let censored = lengths.iter().any(|length| matches!(length, Lifetime::Censored(_)));
        if !censored {
            marks.push(Mark { x: length, label: r.cell.label.clone() });
        }
        let note = if censored { "plateau not left".into() } else { format!("{} steps", short_number(length)) };
        bars.push(Bar { label: r.cell.label.clone(), value: length, interval: None, note });
    }
    if lines.is_empty() {
        return None;
    }
    let race = Lines { x: Axis::log("training step"), y: Axis::linear("meta-loss (nats)"), lines, marks };
    let mut panels = vec![Panel::new("loss", "Meta-loss", "", Body::Lines(race))];
    if any && !bars.is_empty() {
        let bars = Bars { axis: Axis::linear("steps on the plateau"), bars };
        panels.push(Panel::new("lengths", "Plateau length", "", Body::Bars(bars)));
    }
    let says = "Meta-loss sits on a plateau at ln C until the algorithm appears; mean over seeds. A larger task batch and a \
                share of fixed labels shorten it. A tick marks where a condition leaves.";
    Some(Panel::new("plateau", "Plateau race", says, Body::Beside { panels }))
}

/// Every seed: two-seed luck near the boundary is real.
fn seeds(evidence: &Evidence<'_>) -> Panel {
    let columns =
        ["condition", "seed", "seen 1-4", "seen last", "unseen 1-4", "unseen last", "parameters", "state", "regime"];
    let metrics = ["seen.first", "seen.last", "unseen.first", "unseen.last"];
    let mut rows = Vec::new();
    for r in evidence.all() {
        for seed in r.seeds {
            let accuracy = |metric: &&str| seed.last(metric).map_or("-".to_owned(), |v| format!("{v:.2}"));
            let size = |metric: &str| seed.last(metric).map_or("-".to_owned(), short_number);
            let regime = evidence::regime(seed, r.cell.condition.chance());
            let mut row = vec![r.cell.label.clone(), seed.spec.seed.to_string()];
            row.extend(metrics.iter().map(accuracy));
            let regime = regime.map_or("-".to_owned(), |regime| regime.to_string());
            row.extend([size("parameters"), size("state"), regime]);
            rows.push(row);
        }
    }
    let says = "Every trial as last evaluated. Positions 1-4 and the last 8; seen tasks on held-out images.";
    let body = Table { columns: columns.map(str::to_owned).into(), rows };
    Panel::new("seeds", "Every seed", says, Body::Table(body))
}
