//! How well the model does what it was trained for.

use super::Instrument;
use crate::contract::{Found, Quantity};
use crate::instruments::statistics::{Bootstrap, Estimate, Pairing};
use crate::instruments::subject::{Examples, Subject};

/// The row.
pub(super) const FIT: Instrument = Instrument {
    name: "fit",
    question: "how well does it do what it was trained for, on what it saw and on what it did not?",
    meaning: "a gap near 0 with a low loss: what it assumes fits the task; a large gap: it holds the examples and not the rule",
    paper: "",
    read: fit,
};

fn fit(subject: &Subject) -> Found {
    if subject.train.count == 0 || subject.test.count == 0 {
        return Found::refused("there are no examples to look at");
    }
    let trained = subject.trained();
    let losses = |examples: &Examples| to_f64(&subject.losses(&trained, examples));
    let (train, test) = (losses(&subject.train), losses(&subject.test));
    let bootstrap = Bootstrap { draws: 400, ..Bootstrap::new(subject.key.purpose("fit")) };
    let mut quantities = Vec::new();
    let mut add = |name: &str, unit: &str, estimate: Option<Estimate>| {
        quantities.extend(estimate.map(|e| Quantity::new(name, e.value, unit).within(e.low, e.high)));
    };
    let unit = subject.loss_unit();
    add("test loss", unit, bootstrap.mean(&[&test]));
    add("training loss", unit, bootstrap.mean(&[&train]));
    add("gap", unit, bootstrap.difference(&[&test], &[&train], Pairing::Independent));
    let accuracy = |examples: &Examples| subject.correct(&subject.outputs(&trained, examples), examples);
    if let Some((train, test)) = accuracy(&subject.train).zip(accuracy(&subject.test)) {
        add("test accuracy", "", bootstrap.mean(&[test]));
        add("training accuracy", "", bootstrap.mean(&[train]));
    }
    Found::numbers(quantities)
}

fn to_f64(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}
