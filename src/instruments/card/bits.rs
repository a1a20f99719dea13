//! How improbable the trained model's test error is among fresh weights of its architecture.

use super::Instrument;
use crate::contract::{Axis, Body, Dash, Found, Line, Lines, Mark, Panel, Quantity};
use crate::engine::Var;
use crate::instruments::hypothesis_bits::{ScaledChiSquare, interval};
use crate::instruments::statistics::{deviation, mean};
use crate::instruments::subject::{Forward, Objective, Subject, mean_of_each};

/// Test targets (examples times positions) that an error is the mean of, at most.
const TARGETS: usize = 512;
/// Multiplications that the fresh models may take together, and bounds on their number.
const WORK: f64 = 6e10;
const MODELS: (usize, usize) = (200, 4_000);
/// Resamples for the error bar.
const REFITS: usize = 40;

/// The row.
pub(super) const BITS: Instrument = Instrument {
    name: "inductive-bias",
    question: "how much must training and data add to what the architecture brings by itself?",
    meaning: "bits: minus log2 of the chance that fresh weights do as well on the test examples. Few: the architecture \
              nearly does it alone; many: nearly all was learned",
    paper: "Boopathy et al. 2024, hypotheses not conditioned on the training set",
    read: bits,
};

/// The squared error of each example against targets, classes as one-hot against probabilities: what the
/// paper measures.
fn squared_errors<'g>(objective: Objective, forward: &Forward<'g>, targets: Var<'g>) -> Var<'g> {
    let outputs = forward.outputs;
    let each = match objective {
        Objective::SquaredError => {
            let off = outputs - targets;
            off * off
        }
        Objective::Logistic => {
            let off = outputs.sigmoid() - (targets + 1.0) * 0.5;
            off * off
        }
        Objective::CrossEntropy => {
            let shape = outputs.shape();
            let probabilities = outputs.softmax();
            let squares = (probabilities * probabilities).sum_axes(&[shape.len() - 1]);
            // |p - onehot(y)|^2 = |p|^2 - 2 p_y + 1, with p_y = exp(-cross entropy); mean over the classes.
            let right = (outputs.cross_entropy(targets) * -1.0).exp();
            (squares - right * 2.0 + 1.0) * (1.0 / shape[shape.len() - 1] as f32)
        }
    };
    mean_of_each(each)
}

fn bits(subject: &Subject) -> Found {
    let Some(reinitialise) = &subject.reinitialise else {
        return Found::refused("nothing is known of how its weights begin");
    };
    let positions = subject.target.iter().product::<usize>().max(1);
    let examples = subject.test.first((TARGETS / positions).max(32));
    if examples.count == 0 {
        return Found::refused("there are no test examples");
    }
    let weights = subject.weights.parameters(&subject.store);
    let one = (weights * examples.count * positions) as f64;
    let models = ((WORK / one) as usize).clamp(MODELS.0, MODELS.1);
    let key = subject.key.purpose("bits");
    let fresh = (0..models).map(|i| reinitialise(key.index(i as u64)));
    let objective = subject.objective;
    let wanted = |all: &mut dyn Iterator<Item = Vec<Vec<f32>>>| {
        subject.means(all, &examples, |forward, targets| squared_errors(objective, forward, targets))
    };
    let errors = wanted(&mut { fresh });
    let target = wanted(&mut std::iter::once(subject.trained()))[0];
    let fitted = ScaledChiSquare::fit(&errors).zip(mean(&errors).zip(deviation(&errors)));
    let Some((law, (middle, spread))) = fitted else {
        return Found::refused("the errors of fresh weights do not vary, or are not finite");
    };
    let found = law.bits_of(middle, spread, target);
    let refits: Vec<_> = (0..REFITS).filter_map(|i| law.refit(&errors, key.purpose("refit").index(i as u64))).collect();
    let mut bits = Quantity::new("bits", found.bits, "bits");
    bits.interval = interval(&refits, target);
    let mut quantities = vec![
        bits,
        Quantity::new("test squared error", target, ""),
        Quantity::new("of fresh weights, mean", middle, ""),
        Quantity::new("distance", (middle - target) / spread, "deviations of fresh weights"),
    ];
    quantities.extend(law.kolmogorov(&errors).map(|off| Quantity::new("misfit of the law", off, "Kolmogorov")));
    let note = found.warning().map_or_else(String::new, |warning| format!("{warning}; "));
    let note = format!("{note}{models} fresh models on {} test examples", examples.count);
    Found::Measured { quantities, note, panel: Some(Box::new(panel(&errors, &law, target))) }
}

/// How many fresh models do at least as well as an error, sampled and by the law.
fn panel(errors: &[f64], law: &ScaledChiSquare, target: f64) -> Panel {
    let mut sorted = errors.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let sampled = sorted.iter().enumerate().step_by((sorted.len() / 100).max(1));
    let sampled = sampled.map(|(i, error)| (*error, (i as f64 + 1.0) / count)).collect();
    let (low, high) = (target.min(sorted[0]), sorted[sorted.len() - 1]);
    let at = |i: usize| low + (high - low) * i as f64 / 80.0;
    let curve = (0..=80).map(|i| (at(i), law.ln_cdf(at(i)).exp())).filter(|(_, share)| *share > 1e-12).collect();
    let line = |label: &str, dash, points| Line { label: label.into(), dash, points };
    let lines = Lines {
        x: Axis::linear("squared error on the test examples"),
        y: Axis::log("share of fresh models at least as good"),
        lines: vec![line("sampled", Dash::Solid, sampled), line("fitted law", Dash::Dotted, curve)],
        marks: vec![Mark { x: target, label: "trained".into() }],
    };
    Panel::new("inductive-bias", "What fresh weights reach", "", Body::Lines(lines))
}
