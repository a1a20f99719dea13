//! How sharply the loss rises around the weights.

use super::Instrument;
use crate::contract::{Axis, Bar, Bars, Body, Found, Panel, Quantity};
use crate::instruments::derivatives::Hessian;
use crate::instruments::sharpness::{lanczos, random_direction, trace};
use crate::instruments::subject::Subject;
use crate::nn::optimiser::Method;

/// Training examples that the loss is taken on.
const EXAMPLES: usize = 256;
/// Products for the largest eigenvalues, and how many are shown.
const LANCZOS: (usize, usize) = (30, 5);
/// Random vectors for the trace.
const PROBES: usize = 12;

/// The row.
pub(super) const SHARPNESS: Instrument = Instrument {
    name: "sharpness",
    question: "how sharply does the training loss rise around the weights?",
    meaning: "low: a flat place, many weights near by are as good; under gradient descent 2 / learning rate is \
              the edge of stability: at 1 of `edge` training bounces between the walls of its valley",
    paper: "Cohen et al. 2021; Hutchinson 1990 for the trace",
    read: sharpness,
};

fn sharpness(subject: &Subject) -> Found {
    let examples = subject.train.first(EXAMPLES);
    if examples.count == 0 {
        return Found::refused("there are no training examples");
    }
    let mut hessian = match Hessian::new(subject, &examples) {
        Ok(hessian) => hessian,
        Err(why) => return Found::refused(why),
    };
    let weights = subject.weights.parameters(&subject.store);
    let start = random_direction(weights, subject.key.purpose("sharpness"));
    let Some(spectrum) = lanczos(|v| hessian.product(v), &start, LANCZOS.0, LANCZOS.1) else {
        return Found::refused("a product with the Hessian is not finite");
    };
    let mut quantities = vec![Quantity::new("largest eigenvalue", spectrum.values[0], "")];
    if let Some(training) = subject.training.filter(|t| matches!(t.optimiser.method, Method::Sgd(_))) {
        let edge = 2.0 / f64::from(training.learning_rate);
        quantities.push(Quantity::new("edge", spectrum.values[0] / edge, "of 2 / learning rate"));
    }
    if let Some((value, error)) = trace(|v| hessian.product(v), weights, PROBES, subject.key.purpose("trace")) {
        quantities.push(Quantity::new("trace", value, "").within(value - 1.96 * error, value + 1.96 * error));
    }
    quantities.push(Quantity::new("least eigenvalue met", spectrum.lowest, ""));
    let bars = spectrum.values.iter().enumerate();
    let bars = bars.map(|(i, value)| Bar { label: (i + 1).to_string(), value: *value, ..Bar::default() }).collect();
    let body = Body::Bars(Bars { axis: Axis::linear("eigenvalue"), bars });
    let panel = Panel::new("sharpness", "Largest eigenvalues of the loss's Hessian", "", body);
    let how = if hessian.is_exact() { "exact products" } else { "products by central differences of gradients" };
    let note = format!("{} training examples, {how}", examples.count);
    Found::Measured { quantities, note, panel: Some(Box::new(panel)) }
}
