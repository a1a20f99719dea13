//! How sure the model is, and whether rightly.

use super::Instrument;
use crate::contract::{Axis, Body, Dash, Found, Line, Lines, Panel, Quantity};
use crate::instruments::derivatives::Gradients;
use crate::instruments::robustness::{
    Attack, calibration_error, confidences, correct, margins, under_attack, under_noise,
};
use crate::instruments::statistics::{Bootstrap, deviation, mean};
use crate::instruments::subject::{Examples, Objective, Subject};

/// Test examples that are disturbed.
const EXAMPLES: usize = 256;
/// Bins of equal count for calibration.
const BINS: usize = 15;
/// Noise, in standard deviations of the inputs.
const NOISE: [f64; 4] = [0.1, 0.25, 0.5, 1.0];
/// Largest adversarial change, in standard deviations of the inputs, and steps.
const ATTACK: (f64, usize) = (0.1, 10);

/// How sure it is.
pub(super) const CONFIDENCE: Instrument = Instrument {
    name: "confidence",
    question: "how sure is it, and is it right as often as it thinks?",
    meaning: "calibration error: 0 honest; margin: how far the right answer stands above the next, below 0 wrong",
    paper: "Guo et al. 2017, bins of equal count",
    read: confidence,
};

/// How little it takes to change its mind.
pub(super) const ROBUSTNESS: Instrument = Instrument {
    name: "robustness",
    question: "how much of its accuracy is left when inputs are disturbed?",
    meaning: "near its plain accuracy: it rests on what noise cannot move; far below: on fine detail",
    paper: "Madry et al. 2018 for the attack",
    read: robustness,
};

/// Logits and classes of test examples, one row a target.
fn answers(subject: &Subject, examples: &Examples) -> Result<(Vec<f32>, Vec<usize>), String> {
    if subject.objective != Objective::CrossEntropy {
        return Err("its answers are no classes".into());
    }
    if examples.count == 0 {
        return Err("there are no test examples".into());
    }
    let logits = subject.outputs(&subject.trained(), examples);
    Ok((logits, examples.targets.iter().map(|t| *t as usize).collect()))
}

fn confidence(subject: &Subject) -> Found {
    let (logits, targets) = match answers(subject, &subject.test) {
        Ok(found) => found,
        Err(why) => return Found::refused(why),
    };
    let classes = logits.len() / targets.len();
    let (sure, right) = (confidences(&logits, classes), correct(&logits, &targets));
    let margins = margins(&logits, &targets);
    let bootstrap = Bootstrap { draws: 200, ..Bootstrap::new(subject.key.purpose("confidence")) };
    let error = bootstrap.over_units(sure.len().min(20_000), |units| {
        let pick = |values: &[f64]| units.iter().map(|&i| values[i]).collect::<Vec<_>>();
        calibration_error(&pick(&sure), &pick(&right), BINS)
    });
    let mut quantities = Vec::new();
    if let Some(e) = error {
        quantities.push(Quantity::new("calibration error", e.value, "").within(e.low, e.high));
    }
    let estimates = [("confidence", bootstrap.mean(&[&sure])), ("margin", bootstrap.mean(&[&margins]))];
    for (name, estimate) in estimates {
        quantities.extend(estimate.map(|e| Quantity::new(name, e.value, "").within(e.low, e.high)));
    }
    Found::numbers(quantities)
}

fn robustness(subject: &Subject) -> Found {
    let examples = subject.test.first(EXAMPLES);
    let measured =
        answers(subject, &examples).and_then(|(logits, targets)| disturb(subject, &examples, &logits, &targets));
    measured.unwrap_or_else(Found::refused)
}

fn disturb(subject: &Subject, examples: &Examples, logits: &[f32], targets: &[usize]) -> Result<Found, String> {
    let inputs: Vec<f64> = examples.inputs.iter().map(|x| f64::from(*x)).collect();
    let size = deviation(&inputs).filter(|d| *d > 0.0).ok_or("its inputs do not vary")?;
    let plain = mean(&correct(logits, targets)).ok_or("there are no test examples")?;
    let trained = subject.trained();
    let with = |inputs: &[f32]| Examples { inputs: inputs.to_vec(), ..examples.clone() };
    let classify = |inputs: &[f32]| subject.outputs(&trained, &with(inputs));
    let levels = NOISE.map(|level| level * size);
    let noisy = under_noise(classify, &examples.inputs, targets, &levels, subject.key.purpose("robustness"));
    let mut gradients = Gradients::new(subject, examples.count)?;
    let slope = |inputs: &[f32]| gradients.of_inputs(&with(inputs));
    let attack = Attack::projected((ATTACK.0 * size) as f32, ATTACK.1);
    let attacked = under_attack(classify, slope, &examples.inputs, targets, attack);
    let mut quantities = vec![Quantity::new("accuracy, undisturbed", plain, "")];
    quantities.extend(attacked.map(|accuracy| Quantity::new("accuracy, attacked", accuracy, "")));
    let mut points = vec![(0.0, plain)];
    for ((_, accuracy), level) in noisy.iter().zip(NOISE) {
        quantities.push(Quantity::new(format!("accuracy, noise {level}"), *accuracy, ""));
        points.push((level, *accuracy));
    }
    let line = Line { label: "accuracy".into(), dash: Dash::Solid, points };
    let x = Axis::linear("noise (deviations of the inputs)");
    let lines = Lines { x, y: Axis::linear("accuracy").within(0.0, 1.0), lines: vec![line], marks: Vec::new() };
    let panel = Panel::new("robustness", "Accuracy under noise", "", Body::Lines(lines));
    let note = format!(
        "{} test examples; noise and attack in deviations of the inputs ({size:.3}); attack: {} in {} steps",
        examples.count, ATTACK.0, ATTACK.1
    );
    Ok(Found::Measured { quantities, note, panel: Some(Box::new(panel)) })
}
