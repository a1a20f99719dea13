//! How strongly each known feature is represented, against how well it is computed.

use super::Instrument;
use crate::contract::{Axis, Bar, Bars, Body, Found, Panel, Quantity};
use crate::instruments::representation::{Observed, Readout, explained};
use crate::instruments::statistics::mean;
use crate::instruments::subject::{Feature, Objective, Subject};

/// Penalty and steps of the linear classifier where a feature has no output of its own.
const READOUT: (f64, usize) = (1e-3, 8);
/// A layer of more units gets no linear classifier.
const UNITS: usize = 256;

/// The row.
pub(super) const REPRESENTATION: Instrument = Instrument {
    name: "representation",
    question: "how much of its last hidden layer does each known feature explain, and how well does it compute each?",
    meaning: "R2 far apart at the same accuracy: what is seen in the layer is not what is computed with it; near each \
              other: it is",
    paper: "Lampinen, Chan and Hermann 2024",
    read: representation,
};

fn representation(subject: &Subject) -> Found {
    let count = subject.test.count;
    let usable = |f: &&Feature| f.values.as_ref().is_some_and(|values| values.len() >= count);
    let known: Vec<&Feature> = subject.features.iter().filter(usable).collect();
    if known.is_empty() || count < 8 {
        return Found::refused("no feature of its inputs is known by its values");
    }
    let trained = subject.trained();
    let found = subject.examine(&trained, &subject.test, |forward, _| {
        let layer = forward.hidden.last().map(|(_, layer)| *layer);
        [Some(forward.outputs), layer].into_iter().flatten().collect()
    });
    let [outputs, layer] = &found[..] else { return Found::refused("it has no hidden layer") };
    let (units, half) = (layer.len() / count, count / 2);
    let mut quantities = Vec::new();
    let mut bars = Vec::new();
    for feature in known {
        let Some(values) = &feature.values else { continue };
        let part = |layer, feature| Observed { layer, feature };
        let fitted = part(&layer[..half * units], &values[..half]);
        let scored = part(&layer[half * units..], &values[half..count]);
        let share = explained(fitted, scored, units);
        quantities.push(Quantity::new(format!("R2 of {}", feature.name), share.share, ""));
        bars.push(Bar { label: feature.name.clone(), value: share.share, ..Bar::default() });
        let accuracy = own_accuracy(subject, feature, outputs, values)
            .or_else(|| (units <= UNITS).then(|| read_out(fitted, scored, units)).flatten());
        quantities.extend(accuracy.map(|a| Quantity::new(format!("accuracy on {}", feature.name), a, "")));
        quantities.push(Quantity::new(format!("units that carry {}", feature.name), share.density(), "of the units"));
    }
    let body = Body::Bars(Bars { axis: Axis::linear("R2").within(0.0, 1.0), bars });
    let says = "Share of the last hidden layer's variance that each feature alone explains.";
    let panel = Panel::new("representation", "What the last hidden layer holds", says, body);
    let note = format!(
        "fitted on {half} test examples, scored on {}; accuracy of its own output, else of a linear \
                        classifier on the layer",
        count - half
    );
    Found::Measured { quantities, note, panel: Some(Box::new(panel)) }
}

/// How often the feature's own output has its sign.
fn own_accuracy(subject: &Subject, feature: &Feature, outputs: &[f32], values: &[f32]) -> Option<f64> {
    let output = feature.output.filter(|_| subject.objective == Objective::Logistic)?;
    let width = outputs.len() / subject.test.count;
    let right = outputs.chunks_exact(width).zip(values).map(|(row, v)| f64::from(u8::from(row[output] * v > 0.0)));
    mean(&right.collect::<Vec<_>>())
}

/// How often a linear classifier, fitted on one half, has the feature's sign on the other.
fn read_out(fitted: Observed<'_>, scored: Observed<'_>, units: usize) -> Option<f64> {
    let readout = Readout::fit(fitted, units, READOUT.0, READOUT.1).ok()?;
    let scores = readout.scores(scored.layer);
    let right = scores.iter().zip(scored.feature).map(|(s, v)| f64::from(u8::from((*s > 0.0) == (*v > 0.0))));
    mean(&right.collect::<Vec<_>>())
}
