//! What a model is measured on, and the metrics that come out.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::learner::Learner;
use crate::base::random::Key;
use crate::contract::Record;
use crate::instruments::statistics::mean;
use crate::tasks::base_set::BaseSet;
use crate::tasks::gpicl::{Batch, Evaluation, Gpicl, LAST};
use crate::tasks::references::{self, Nearness};

/// Positions that count as "the first".
const FIRST: Range<usize> = 0..4;

/// One set of sequences with its name in metrics.
pub(super) struct Set {
    /// Name: `unseen`, `seen`, `wine`, ...
    pub(super) name: String,
    /// The sequences.
    pub(super) batch: Batch,
}

/// The sets that are watched during training: unseen tasks, and seen ones if there are any.
pub(super) fn probe_sets(family: &Gpicl, sequences: usize) -> Vec<Set> {
    let set = |name: &str, kind: Evaluation| {
        family.evaluation(&kind, sequences).map(|batch| Set { name: name.to_owned(), batch })
    };
    [set("unseen", Evaluation::Unseen), set("seen", Evaluation::Seen)].into_iter().flatten().collect()
}

/// The sets of the final evaluation.
pub(super) fn final_sets(family: &Gpicl, foreign: &[Arc<BaseSet>], sequences: usize, key: Key) -> Vec<Set> {
    let mut sets = probe_sets(family, sequences);
    let permuted = sets[0].batch.with_permuted_context(key.purpose("permuted"), LAST);
    sets.push(Set { name: "permuted".into(), batch: permuted });
    for base in foreign {
        let batch = family.evaluation(&Evaluation::Foreign(Arc::clone(base)), sequences);
        sets.extend(batch.map(|batch| Set { name: base.name.clone(), batch }));
    }
    let pairs = family.evaluation(&Evaluation::RandomPairs, sequences);
    sets.extend(pairs.map(|batch| Set { name: "random_pairs".into(), batch }));
    sets
}

/// The last positions of sequences of this length.
fn last(tokens: usize) -> Range<usize> {
    tokens.saturating_sub(LAST)..tokens
}

/// Accuracy by position, for the learning-curve panel; NaN where nothing was scored.
pub(super) type Curves = BTreeMap<String, Vec<f64>>;

/// Measures a model on a set: accuracy at the first and last positions. Keeps the curve.
pub(super) fn probe(learner: &mut Learner, set: &Set, step: u64, record: &mut dyn Record, curves: &mut Curves) {
    let correct = learner.correct(&set.batch);
    record_accuracies(&set.name, &set.batch, &correct, step, record);
    curves.insert(set.name.clone(), curve(&set.batch, &correct));
}

fn record_accuracies(name: &str, batch: &Batch, correct: &[f32], step: u64, record: &mut dyn Record) {
    let tokens = batch.config().tokens;
    for (part, positions) in [("first", FIRST), ("last", last(tokens))] {
        if let Some(accuracy) = mean(&batch.by_sequence(correct, positions)) {
            record.metric(step, &format!("{name}.{part}"), accuracy);
        }
    }
}

fn curve(batch: &Batch, correct: &[f32]) -> Vec<f64> {
    batch.by_position(correct).into_iter().map(|at| at.unwrap_or(f64::NAN)).collect()
}

/// Measures a model on a set for the judge: what a probe records, the accuracy of every sequence at
/// the first, the last and the very first positions, the curve, and the references on the very same
/// sequences.
pub(super) fn examine(
    learner: &mut Learner,
    set: &Set,
    learning_rate: f32,
    step: u64,
    record: &mut dyn Record,
    curves: &mut Curves,
) {
    let Set { name, batch } = set;
    let tokens = batch.config().tokens;
    let correct = learner.correct(batch);
    record_accuracies(name, batch, &correct, step, record);
    curves.insert(name.clone(), curve(batch, &correct));
    let mut vector = |what: &str, values: Vec<f64>| {
        if values.iter().all(|v| v.is_finite()) && !values.is_empty() {
            record.vector(step, &format!("{name}.{what}"), values);
        }
    };
    for (part, positions) in [("first", FIRST), ("last", last(tokens)), ("opening", 0..1)] {
        vector(&format!("{part}.by_sequence"), batch.by_sequence(&correct, positions));
    }
    vector("by_position", curves[name].clone());
    let references = [
        ("nearest_neighbour", references::nearest_neighbour(batch, Nearness::Euclidean)),
        ("majority", references::majority(batch)),
        ("class_mean", references::class_mean(batch)),
        ("softmax_regression", references::softmax_regression(batch, learning_rate)),
    ];
    for (reference, correct) in &references {
        vector(&format!("{reference}.last.by_sequence"), batch.by_sequence(correct, last(tokens)));
        vector(&format!("{reference}.by_position"), curve(batch, correct));
    }
    for (reference, correct) in &references {
        if let Some(accuracy) = mean(&batch.by_sequence(correct, last(tokens))) {
            record.metric(step, &format!("{name}.{reference}.last"), accuracy);
        }
        curves.insert(format!("{name}.{reference}"), curve(batch, correct));
    }
}
