//! Which of the features that are known the model needs.

use super::Instrument;
use crate::contract::{Axis, Bar, Bars, Body, Found, Panel, Quantity};
use crate::instruments::reliance::{Measure, permutation};
use crate::instruments::statistics::mean;
use crate::instruments::subject::{Examples, Objective, Subject};

/// Permutations that a number is the mean of.
const PERMUTATIONS: u64 = 3;
/// Test examples, at most.
const EXAMPLES: usize = 1_000;

/// The row.
pub(super) const RELIANCE: Instrument = Instrument {
    name: "reliance",
    question: "which of the features that are known does it need?",
    meaning: "AUC (or accuracy) with a feature exchanged among examples: as without, it ignores this one; down to \
              chance, it rests on it alone. `all but` one exchanged: high, this one is enough",
    paper: "Shah et al. 2020",
    read: reliance,
};

fn reliance(subject: &Subject) -> Found {
    let features: Vec<_> = subject.features.iter().filter_map(|f| Some((&f.name, f.exchange.as_ref()?))).collect();
    if features.is_empty() {
        return Found::refused("no feature of its inputs is known beforehand that could be exchanged");
    }
    if subject.objective == Objective::SquaredError {
        return Found::refused("its answers are no classes");
    }
    let examples = subject.test.first(EXAMPLES);
    let trained = subject.trained();
    let score = |inputs: Vec<f32>| score(subject, &trained, &Examples { inputs, ..examples.clone() });
    let Some((name, plain)) = score(examples.inputs.clone()) else {
        return Found::refused("the test examples have only one class");
    };
    let mut quantities = vec![Quantity::new(name, plain, "")];
    let mut bars = vec![Bar { label: "nothing exchanged".into(), value: plain, ..Bar::default() }];
    for (at, (feature, exchange)) in features.iter().enumerate() {
        let each = |others: bool| -> Option<f64> {
            let scores = (0..PERMUTATIONS).map(|i| {
                let key = subject.key.purpose("reliance").index(at as u64).index(i);
                let order: Vec<usize> = permutation(examples.count, key).into_iter().map(|row| row as usize).collect();
                let inputs = if others {
                    let other = features.iter().enumerate().filter(|(other, _)| *other != at);
                    other.fold(examples.inputs.clone(), |inputs, (_, (_, exchange))| exchange(&inputs, &order))
                } else {
                    exchange(&examples.inputs, &order)
                };
                Some(score(inputs)?.1)
            });
            mean(&scores.collect::<Option<Vec<f64>>>()?)
        };
        let mut add = |label: String, value: Option<f64>| {
            quantities.extend(value.map(|value| Quantity::new(format!("{name}, {label}"), value, "")));
            bars.extend(value.map(|value| Bar { label, value, ..Bar::default() }));
        };
        add(format!("{feature} exchanged"), each(false));
        if features.len() > 1 {
            add(format!("all but {feature} exchanged"), each(true));
        }
    }
    let body = Body::Bars(Bars { axis: Axis::linear(name).within(0.0, 1.0), bars });
    let says = "What is left when a feature is taken from other examples; below the first bar, it was needed.";
    let panel = Panel::new("reliance", "Reliance on the features that are known", says, body);
    let note = format!("{} test examples, mean of {PERMUTATIONS} permutations", examples.count);
    Found::Measured { quantities, note, panel: Some(Box::new(panel)) }
}

/// AUC where there are two classes, else accuracy; with its name.
fn score(subject: &Subject, weights: &[Vec<f32>], examples: &Examples) -> Option<(&'static str, f64)> {
    let outputs = subject.outputs(weights, examples);
    if subject.objective == Objective::CrossEntropy && outputs.len() == 2 * examples.targets.len() {
        let scores: Vec<f32> = outputs.chunks_exact(2).map(|row| row[1] - row[0]).collect();
        let positive: Vec<bool> = examples.targets.iter().map(|t| *t > 0.5).collect();
        return Some(("AUC", Measure::Auc.of(&scores, &positive)?));
    }
    Some(("accuracy", mean(&subject.correct(&outputs, examples)?)?))
}
