//! What the gradients of single examples say about the next step.

use super::Instrument;
use crate::contract::{Axis, Bar, Bars, Body, Found, Panel, Quantity};
use crate::instruments::cockpit::{Batch, End, step_fit};
use crate::instruments::derivatives::{Hessian, flat, per_example, per_example_at};
use crate::instruments::sharpness::trace;
use crate::instruments::subject::{Examples, Subject};

/// Examples whose gradients are taken one by one, at most.
const EXAMPLES: usize = 64;
/// Random vectors for the curvature.
const PROBES: usize = 8;

/// The row.
pub(super) const GRADIENTS: Instrument = Instrument {
    name: "gradients",
    question: "is there still something to learn from a batch, or only noise?",
    meaning: "tests below 1: a step surely goes downhill; above: the batch is too small here. Step fit: -1 stays, 0 \
              reaches the minimum along the step, above 0 jumps over it. Early stopping above 0: only noise is left",
    paper: "Schneider, Dangel and Hennig 2021 (Cockpit)",
    read: gradients,
};

fn gradients(subject: &Subject) -> Found {
    let batch = subject.training.map_or(EXAMPLES, |t| t.batch.min(EXAMPLES));
    let examples = subject.train.first(batch.max(8));
    match measure(subject, &examples) {
        Ok(found) => found,
        Err(why) => Found::refused(why),
    }
}

fn measure(subject: &Subject, examples: &Examples) -> Result<Found, String> {
    let (losses, single) = per_example(subject, examples)?;
    let batch = Batch::new(losses, single).ok_or("a gradient is not finite, or the examples are too few")?;
    let mut quantities = vec![
        Quantity::new("gradient norm", batch.gradient_norm(), ""),
        Quantity::new("norm test", batch.norm_test(), "standard errors"),
        Quantity::new("inner product test", batch.inner_product_test(), "standard errors"),
        Quantity::new("orthogonality test", batch.orthogonality_test(), "standard errors"),
    ];
    let mut add = |name: &str, value: Option<f64>, unit: &str| {
        quantities.extend(value.filter(|v| v.is_finite()).map(|value| Quantity::new(name, value, unit)));
    };
    add("signal to noise", batch.signal_to_noise(), "");
    add("early stopping", batch.early_stopping(), "");
    let mut hessian = Hessian::new(subject, examples)?;
    let weights = subject.weights.parameters(&subject.store);
    let curvature = trace(|v| hessian.product(v), weights, PROBES, subject.key.purpose("curvature"));
    add("Takeuchi criterion", curvature.and_then(|(trace, _)| batch.takeuchi(trace)), "");
    if let Some(training) = subject.training {
        let rate = f64::from(training.learning_rate);
        add("balanced batch", batch.balanced_batch(rate), "examples");
        let step: Vec<f64> = batch.gradient().iter().map(|g| -rate * g).collect();
        add(
            "step fit",
            after_step(subject, examples, &step)?.and_then(|after| step_fit(&batch.end(&step), &after)),
            "",
        );
    }
    let trained = subject.trained();
    let distance = subject.initial.as_ref().map(|initial| {
        let squares = initial.iter().flatten().zip(trained.iter().flatten()).map(|(a, b)| f64::from(a - b).powi(2));
        squares.sum::<f64>().sqrt()
    });
    add("distance from the start", distance, "");
    let label = |bin: usize| match bin {
        0 => "< 1e-8".to_owned(),
        11 => ">= 1e2".to_owned(),
        bin => format!("1e{}", bin as i64 - 9),
    };
    let bars = batch.histogram().into_iter().enumerate();
    let bars = bars.map(|(bin, share)| Bar { label: label(bin), value: share, ..Bar::default() }).collect();
    let body = Body::Bars(Bars { axis: Axis::linear("share").within(0.0, 1.0), bars });
    let panel = Panel::new("gradients", "Sizes of single gradients' numbers, by decade", "", body);
    let note = format!("{} training examples, one by one; a step along the mean gradient", examples.count);
    Ok(Found::Measured { quantities, note, panel: Some(Box::new(panel)) })
}

/// The end of a step of gradient descent; none if it leaves finite numbers.
fn after_step(subject: &Subject, examples: &Examples, step: &[f64]) -> Result<Option<End>, String> {
    let moved: Vec<f64> = flat(&subject.trained()).iter().zip(step).map(|(w, s)| w + s).collect();
    let (losses, single) = per_example_at(subject, examples, &moved)?;
    Ok(Batch::new(losses, single).map(|batch| batch.end(step)))
}
