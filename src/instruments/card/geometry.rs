//! The shape of what was learned: how many directions the representation uses, and how far it moved.

use super::Instrument;
use crate::contract::{Axis, Body, Dash, Found, Line, Lines, Panel, Quantity};
use crate::instruments::representation::{Components, distances, similarity};
use crate::instruments::spectrum::effective_rank_of;
use crate::instruments::subject::{Examples, Subject};

/// Test examples whose representation is looked at, and rows of it, at most.
const EXAMPLES: usize = 256;
const ROWS: usize = 512;

/// The row.
pub(super) const GEOMETRY: Instrument = Instrument {
    name: "geometry",
    question: "how many directions does its representation use, and how far did training take it?",
    meaning: "effective rank: 1, everything on one line; as many as there are units, all of them alike. Similarity to the \
              start: near 1, training kept the distances that random weights gave (lazy)",
    paper: "Roy and Vetterli 2007 for the rank; Kriegeskorte et al. 2008 for the similarity",
    read: geometry,
};

fn geometry(subject: &Subject) -> Found {
    let trained = subject.trained();
    let size = |weights: &[Vec<f32>]| weights.iter().flatten().map(|w| f64::from(*w).powi(2)).sum::<f64>().sqrt();
    let mut quantities = vec![Quantity::new("weight norm", size(&trained), "")];
    if let Some(initial) = &subject.initial {
        let moved: Vec<Vec<f32>> =
            trained.iter().zip(initial).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect()).collect();
        let relative = size(&moved) / size(initial);
        quantities.push(Quantity::new("distance from the start", relative, "norms of the start"));
    }
    let examples = subject.test.first(EXAMPLES);
    let mut panel = None;
    if let Some((layer, units)) = representation(subject, &trained, &examples) {
        if let Ok(components) = Components::of(&layer, units) {
            let rank = effective_rank_of(&components.shares);
            quantities.extend(rank.map(|rank| Quantity::new("effective rank", rank, &format!("of {units}"))));
            panel = Some(Box::new(scree(&components)));
        }
        let before = subject.initial.as_ref().and_then(|initial| representation(subject, initial, &examples));
        let alike = before.and_then(|(before, _)| similarity(&distances(&before, units), &distances(&layer, units)));
        quantities.extend(alike.map(|r| Quantity::new("similarity to the start", r, "correlation of distances")));
    }
    let note = format!("the last hidden layer on {} test examples", examples.count);
    Found::Measured { quantities, note, panel }
}

/// The last hidden layer, `[rows, units]`: a row an example, or a position of one.
fn representation(subject: &Subject, weights: &[Vec<f32>], examples: &Examples) -> Option<(Vec<f32>, usize)> {
    if examples.count == 0 {
        return None;
    }
    let mut units = 0;
    let found = subject.examine(weights, examples, |forward, _| {
        let Some((_, last)) = forward.hidden.last() else { return Vec::new() };
        units = last.shape().last().copied().unwrap_or(0);
        vec![*last]
    });
    let mut layer = found.into_iter().next().filter(|_| units > 0)?;
    layer.truncate(ROWS * units);
    Some((layer, units))
}

fn scree(components: &Components) -> Panel {
    let shares = components.shares.iter().scan(0.0, |sum, share| {
        *sum += share;
        Some(*sum)
    });
    let points = shares.enumerate().map(|(i, sum)| (i as f64 + 1.0, sum)).collect();
    let line = Line { label: "variance so far".into(), dash: Dash::Solid, points };
    let y = Axis::linear("share of the variance").within(0.0, 1.0);
    let lines = Lines { x: Axis::linear("principal components"), y, lines: vec![line], marks: Vec::new() };
    let says = "How much of the representation's variance its first principal components hold together.";
    Panel::new("geometry", "Directions of the representation", says, Body::Lines(lines))
}
