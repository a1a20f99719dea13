//! What there is to see of one trial.

use serde::{Deserialize, Serialize};

use super::learner::Inside;
use super::measure::Curves;
use crate::contract::{
    Axis, Bar, Bars, Body, Dash, Event, Heat, Image, Images, Line, Lines, Matrix, Panel, Sequence, Token, Track,
};
use crate::instruments::regime::{Accuracies, Regime};
use crate::instruments::statistics::mean;
use crate::instruments::subject::best;
use crate::tasks::base_set::BaseSet;
use crate::tasks::gpicl::Batch;

/// Accuracies at one moment of training, for the panel of emergence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Moment {
    step: u64,
    seen_first: Option<f64>,
    seen_last: Option<f64>,
    unseen_first: Option<f64>,
    unseen_last: Option<f64>,
}

impl Moment {
    /// From what a probe recorded.
    pub(super) fn new(step: u64, events: &[Event]) -> Self {
        let of = |wanted: &str| {
            events.iter().find_map(|event| match event {
                Event::Metric { name, value, .. } if name == wanted => Some(*value),
                _ => None,
            })
        };
        Moment {
            step,
            seen_first: of("seen.first"),
            seen_last: of("seen.last"),
            unseen_first: of("unseen.first"),
            unseen_last: of("unseen.last"),
        }
    }

    fn regime(&self, chance: f64) -> Option<Regime> {
        let seen = self.seen_first.zip(self.seen_last);
        let accuracies = Accuracies { unseen_first: self.unseen_first?, unseen_last: self.unseen_last?, seen };
        Some(Regime::of(&accuracies, chance))
    }
}

/// Accuracy by the number of examples seen: the picture of the paper.
pub(super) fn in_context(label: &str, curves: &Curves, chance: f64) -> Panel {
    let line = |name: &str, shown: &str, dash: Dash| {
        let points = curves.get(name)?.iter().enumerate().map(|(t, y)| (t as f64, *y)).collect();
        Some(Line { label: shown.to_owned(), dash, points })
    };
    let measured = |name: &&String| !name.contains('.') && !["permuted", "random_pairs"].contains(&name.as_str());
    let mut names: Vec<&String> = curves.keys().filter(measured).collect();
    names.sort_by_key(|name| match name.as_str() {
        "unseen" => 0,
        "seen" => 1,
        _ => 2,
    });
    let mut lines: Vec<Line> = names.into_iter().filter_map(|name| line(name, name, Dash::Solid)).collect();
    lines.extend(line("permuted", "labels permuted", Dash::Dashed));
    lines.extend(line("unseen.nearest_neighbour", "1-NN", Dash::Dotted));
    lines.extend(line("unseen.majority", "majority", Dash::Dotted));
    let body = Lines {
        x: Axis::linear("examples seen").within(0.0, curves.values().map(Vec::len).max().unwrap_or(2) as f64),
        y: Axis::linear("accuracy").within(0.0, 1.0),
        lines,
        marks: Vec::new(),
    };
    Panel::new(
        "in-context",
        format!("Learning in context, {label}"),
        "Accuracy after so many labelled examples of a new sequence. Flat and high on seen tasks alone: it \
         memorises. Rising on seen tasks alone: it identifies. Rising on unseen tasks and foreign sets: it learns. \
         Dotted: what 1-nearest-neighbour and the most frequent label reach on the very same sequences.",
        Body::Lines(body),
    )
    .noting(format!("chance {chance:.2}"))
}

/// When the algorithm appears: memorising first and learning later, or never.
pub(super) fn emergence(history: &[Moment], chance: f64) -> Option<Panel> {
    type Read = fn(&Moment) -> Option<f64>;
    let bands: [(&str, Read); 3] =
        [("seen, first", |m| m.seen_first), ("seen, last", |m| m.seen_last), ("unseen, last", |m| m.unseen_last)];
    let last = history.last()?;
    let shown: Vec<_> = bands.iter().filter(|(_, read)| history.iter().any(|m| read(m).is_some())).collect();
    let mut letters = vec![String::new(); history.len() * (shown.len() - 1)];
    letters.extend(history.iter().map(|m| m.regime(chance).map_or(String::new(), |r| r.letter().to_owned())));
    let heat = Heat {
        row_axis: "accuracy".into(),
        column_axis: "training step".into(),
        rows: shown.iter().map(|(name, _)| (*name).to_owned()).collect(),
        columns: history.iter().map(|m| m.step.to_string()).collect(),
        values: shown.iter().flat_map(|(_, read)| history.iter().map(|m| read(m).unwrap_or(f64::NAN))).collect(),
        letters,
        range: Some((0.0, 1.0)),
        unit: "accuracy".into(),
    };
    let regime = last.regime(chance).map_or("not yet known".into(), |regime| regime.to_string());
    let panel = Panel::new(
        "emergence",
        "When the algorithm appears",
        "One column an evaluation. The letter is the regime by the sheet's rule: F fails, M memorises, I \
         identifies, L learns. Memorising first and learning later is the paper's picture near the threshold.",
        Body::Heat(heat),
    );
    Some(panel.noting(format!("now: {regime}")))
}

/// For every token the attention mass that goes to tokens whose pair has the query's own class, of all that goes to
/// pairs; NaN where there is no such pair before it.
fn same_class_mass(attention: &[f32], batch: &Batch) -> Vec<f64> {
    let tokens = batch.config().tokens;
    let class = |t: usize| batch.targets[t];
    let of = |t: usize| {
        let row = &attention[t * tokens..(t + 1) * tokens];
        // Token s shows the pair of position s - 1.
        let all: f32 = row[1..=t].iter().sum();
        let same: f32 = (1..=t).filter(|s| class(s - 1) == class(t)).map(|s| row[s]).sum();
        let has_one = all > 0.0 && (0..t).any(|s| class(s) == class(t));
        if has_one { f64::from(same / all) } else { f64::NAN }
    };
    (0..tokens).map(of).collect()
}

/// The sequence token by token: the class that is asked, the probability that it gets, what the model attends to or
/// holds in its memory.
fn sequence(inside: &Inside, batch: &Batch, mass: Option<Vec<f64>>) -> Sequence {
    let (tokens, classes) = (batch.config().tokens, batch.config().classes);
    let answers: Vec<&[f32]> = inside.probabilities.chunks_exact(classes).collect();
    let right = |t: usize| f64::from(answers[t][batch.targets[t] as usize]);
    let token = |t: usize| Token {
        text: batch.targets[t].to_string(),
        weight: right(t),
        note: if best(answers[t]) as f32 == batch.targets[t] { String::new() } else { "wrong".into() },
    };
    let track =
        |label: &str, unit: &str, values| Track { label: label.into(), unit: unit.into(), values, ..Track::default() };
    let mut tracks = vec![track("surprise", "nats", (0..tokens).map(|t| -right(t).ln()).collect())];
    tracks.extend(mass.map(|mass| track("attention on its class", "", mass)));
    let attention = inside.attention.as_ref().map(|values| Matrix {
        label: "attention of the last layer".into(),
        row_axis: "query".into(),
        column_axis: "key (shows the pair before)".into(),
        rows: tokens,
        columns: tokens,
        // What lies ahead is not attended to: no value, not a small one.
        frames: vec![
            values.iter().enumerate().map(|(i, a)| if i % tokens > i / tokens { f32::NAN } else { *a }).collect(),
        ],
        range: None,
        by_token: true,
    });
    let memory = inside.memory.as_ref().map(|frames| {
        let side = frames.first().map_or(0, |frame| frame.len().isqrt());
        Matrix {
            label: "memory of the last layer, head 1".into(),
            row_axis: "value".into(),
            column_axis: "key".into(),
            rows: side,
            columns: side,
            frames: frames.clone(),
            range: None,
            by_token: false,
        }
    });
    let matrices = attention.into_iter().chain(memory).collect();
    Sequence { tokens: (0..tokens).map(token).collect(), tracks, matrices, pathways: None }
}

/// Inside one sequence: the sequence token by token, the digit asked last, and what the model really sees.
pub(super) fn inside(inside: &Inside, batch: &Batch, base: &BaseSet) -> Panel {
    let mass = inside.attention.as_ref().map(|attention| same_class_mass(attention, batch));
    let known: Vec<f64> = mass.iter().flatten().copied().filter(|mass| mass.is_finite()).collect();
    let says = "A fixed unseen sequence. Every token asks for the class of an image and shows the pair before it; its \
                shade is the probability of the right class. A learner's surprise falls along the sequence. The keys ] \
                and [ go to other trials, e to the next wrong answer.";
    let body = Body::Sequence(sequence(inside, batch, mass));
    let asked = batch.config().tokens - 1;
    let mut panels = vec![Panel::new("sequence", "Inside one sequence", says, body)];
    let row = batch.rows[asked] as usize;
    if let Some(picture) = base.picture {
        let pixels = base.raw(row).into_iter().map(|value| (value / picture.full).clamp(0.0, 1.0)).collect();
        let label = format!("class {}", batch.targets[asked]);
        let image = Image { label, width: picture.width, height: picture.height, pixels };
        let body = Body::Images(Images { images: vec![image] });
        panels.push(Panel::new("asked", "The image asked last", "", body));
    }
    let bar =
        |(i, value): (usize, &f32)| Bar { label: format!("{}", i + 1), value: f64::from(*value), ..Bar::default() };
    let bars = Bars { axis: Axis::linear("x'"), bars: batch.query(asked).iter().enumerate().map(bar).collect() };
    panels.push(Panel::new("projected", "What the model sees of it", "", Body::Bars(bars)));
    let classes = batch.config().classes;
    let answers =
        inside.probabilities[asked * classes..(asked + 1) * classes].iter().enumerate().map(|(class, p)| Bar {
            label: class.to_string(),
            value: f64::from(*p),
            note: if class as f32 == batch.targets[asked] { "right".into() } else { String::new() },
            ..Bar::default()
        });
    let answers = Bars { axis: Axis::linear("probability").within(0.0, 1.0), bars: answers.collect() };
    panels.push(Panel::new("answer", "Its answer", "", Body::Bars(answers)));
    let panel = Panel::new(
        "inside",
        "Inside one sequence",
        "A fixed unseen sequence. Left, token by token: the class asked, its probability, what the last layer attends \
         to (mean over heads) or holds in its memory; S steps through it. A learner's attention lies on pairs of the \
         query's own class. Right: the last image asked, the projected vector that the model is given, and its answer.",
        Body::Beside { panels },
    );
    match mean(&known) {
        Some(mass) => {
            panel.noting(format!("attention on same-class pairs {mass:.2}, chance {:.2}", 1.0 / classes as f64))
        }
        None => panel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emergence_shows_what_there_is() {
        let at = |step, unseen_last| Moment {
            step,
            seen_first: None,
            seen_last: None,
            unseen_first: Some(0.2),
            unseen_last: Some(unseen_last),
        };
        let panel = emergence(&[at(0, 0.2), at(25, 0.8)], 0.2).unwrap();
        let Body::Heat(heat) = &panel.body else { panic!("a heat map") };
        assert_eq!((heat.rows.len(), heat.letters.clone()), (1, vec!["F".to_owned(), "L".to_owned()]));
        assert_eq!(panel.note, "now: learns");
        assert_eq!(emergence(&[], 0.2), None);
    }
}
