//! Robustness of a classifier: accuracy under noise and under attack, calibration, margins. Everything
//! works on numbers and closures, so on any model.
//!
//! Attacks: fast gradient sign (Goodfellow, Shlens and Szegedy 2015) and projected gradient descent
//! (Madry et al. 2018), both within a largest change of every input number. Calibration error: Guo et al.
//! 2017, with bins of equal mass as in Nixon et al. 2019.

use rand_distr::{Distribution, StandardNormal};

use super::statistics::mean;
use super::subject::best;
use crate::base::random::Key;

/// An attack within a largest change of every input number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attack {
    /// Largest change of a number.
    pub radius: f32,
    /// Steps up the gradient's sign; one of size `radius` is the fast gradient sign method.
    pub steps: usize,
    /// Size of a step.
    pub step: f32,
}

impl Attack {
    /// One step of full size.
    pub const fn fast(radius: f32) -> Self {
        Attack { radius, steps: 1, step: radius }
    }

    /// `steps` steps of 2.5 radius / steps, as in Madry et al. 2018.
    pub fn projected(radius: f32, steps: usize) -> Self {
        Attack { radius, steps, step: 2.5 * radius / steps.max(1) as f32 }
    }
}

/// Whether each row of logits has its largest value at the target: 1 or 0.
///
/// # Panics
/// If there is no target or the rows are not as many.
pub fn correct(logits: &[f32], targets: &[usize]) -> Vec<f64> {
    rows(logits, targets).map(|(row, target)| f64::from(u8::from(best(row) == target))).collect()
}

/// The logit of the target minus the largest other one, for each row; negative where the answer is wrong.
///
/// # Panics
/// As [`correct`].
pub fn margins(logits: &[f32], targets: &[usize]) -> Vec<f64> {
    let margin = |(row, target): (&[f32], usize)| {
        let others = row.iter().enumerate().filter(|(class, _)| *class != target);
        f64::from(row[target]) - others.map(|(_, x)| f64::from(*x)).fold(f64::NEG_INFINITY, f64::max)
    };
    rows(logits, targets).map(margin).collect()
}

/// The probability of each row's answer.
pub fn confidences(logits: &[f32], classes: usize) -> Vec<f64> {
    let confidence = |row: &[f32]| {
        let most = row.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        1.0 / row.iter().map(|x| f64::from(x - most).exp()).sum::<f64>()
    };
    logits.chunks_exact(classes.max(1)).map(confidence).collect()
}

/// Expected calibration error: examples sorted by confidence, in `bins` bins of equal count; the mean over
/// examples of |accuracy - confidence| of their bin. None without examples, or if the lists differ in length.
pub fn calibration_error(confidences: &[f64], correct: &[f64], bins: usize) -> Option<f64> {
    let count = confidences.len();
    if count == 0 || correct.len() != count || bins == 0 || confidences.iter().any(|c| !c.is_finite()) {
        return None;
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| confidences[a].total_cmp(&confidences[b]));
    let gap = |bin: usize| {
        let members = &order[bin * count / bins..(bin + 1) * count / bins];
        members.iter().map(|&i| correct[i] - confidences[i]).sum::<f64>().abs()
    };
    Some((0..bins).map(gap).sum::<f64>() / count as f64)
}

/// Accuracy under Gaussian noise of each standard deviation in `levels`, as (level, accuracy). `classify`
/// gives logits for inputs, row-major. The same noise at every level, but for its size.
pub fn under_noise(
    mut classify: impl FnMut(&[f32]) -> Vec<f32>,
    inputs: &[f32],
    targets: &[usize],
    levels: &[f64],
    key: Key,
) -> Vec<(f64, f64)> {
    let mut stream = key.purpose("noise").stream();
    let noise: Vec<f32> = inputs.iter().map(|_| StandardNormal.sample(&mut stream)).collect();
    let at = |level: &f64| {
        let noisy: Vec<f32> = inputs.iter().zip(&noise).map(|(x, n)| x + *level as f32 * n).collect();
        Some((*level, mean(&correct(&classify(&noisy), targets))?))
    };
    levels.iter().filter_map(at).collect()
}

/// Inputs changed so that the loss grows. `gradient` gives the derivative of the loss by the inputs.
pub fn attacked(mut gradient: impl FnMut(&[f32]) -> Vec<f32>, inputs: &[f32], attack: Attack) -> Vec<f32> {
    let mut moved = inputs.to_vec();
    for _ in 0..attack.steps {
        let slope = gradient(&moved);
        for ((x, begin), slope) in moved.iter_mut().zip(inputs).zip(slope) {
            let sign = if slope == 0.0 { 0.0 } else { slope.signum() };
            *x = (*x + attack.step * sign).clamp(begin - attack.radius, begin + attack.radius);
        }
    }
    moved
}

/// Accuracy under an attack. None without targets.
pub fn under_attack(
    classify: impl FnOnce(&[f32]) -> Vec<f32>,
    gradient: impl FnMut(&[f32]) -> Vec<f32>,
    inputs: &[f32],
    targets: &[usize],
    attack: Attack,
) -> Option<f64> {
    if targets.is_empty() {
        return None;
    }
    mean(&correct(&classify(&attacked(gradient, inputs, attack)), targets))
}

fn rows<'a>(logits: &'a [f32], targets: &'a [usize]) -> impl Iterator<Item = (&'a [f32], usize)> {
    let classes = logits.len() / targets.len();
    assert_eq!(classes * targets.len(), logits.len(), "one row of logits a target");
    logits.chunks_exact(classes).zip(targets.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes by the sign of the first number; the second is larger and means nothing.
    fn classify(inputs: &[f32]) -> Vec<f32> {
        inputs.chunks_exact(2).flat_map(|x| [-x[0], x[0]]).collect()
    }

    const INPUTS: [f32; 8] = [0.3, 5.0, -0.3, 5.0, 0.1, -5.0, -0.1, -5.0];
    const TARGETS: [usize; 4] = [1, 0, 1, 0];

    /// The loss of target 1 falls with the first number, that of target 0 grows.
    fn gradient(inputs: &[f32]) -> Vec<f32> {
        let slope = |(i, _): (usize, &[f32])| if TARGETS[i] == 1 { [-1.0, 0.0] } else { [1.0, 0.0] };
        inputs.chunks_exact(2).enumerate().flat_map(slope).collect()
    }

    #[test]
    fn an_attack_turns_what_lies_within_its_radius() {
        let left = |attack| under_attack(classify, gradient, &INPUTS, &TARGETS, attack).unwrap();
        assert_eq!([0.05, 0.2, 0.4].map(|radius| left(Attack::fast(radius))), [1.0, 0.5, 0.0]);
        assert_eq!([0.05, 0.2, 0.4].map(|radius| left(Attack::projected(radius, 10))), [1.0, 0.5, 0.0]);
        let moved = attacked(gradient, &INPUTS, Attack { radius: 0.2, steps: 9, step: 0.1 });
        for (x, begin) in moved.iter().zip(INPUTS) {
            assert!((x - begin).abs() < 0.2 + 1e-6);
        }
        // What the loss does not depend on stays.
        assert!(moved.chunks(2).zip(INPUTS.chunks(2)).all(|(a, b)| a[1] == b[1] && (a[0] - b[0]).abs() > 0.19));
        assert_eq!(under_attack(classify, gradient, &[], &[], Attack::fast(0.1)), None);
    }

    #[test]
    fn noise_takes_what_the_normal_distribution_says() {
        // Right at x = 1 unless noise is below -1/level: 1 - Phi(1/level).
        let (inputs, targets) = ([1.0, 0.0].repeat(4000), vec![1; 4000]);
        let found = under_noise(classify, &inputs, &targets, &[0.0, 1.0, 2.0], Key::new(2));
        for ((_, accuracy), expected) in found.iter().zip([1.0, 0.841_345, 0.691_462]) {
            assert!((accuracy - expected).abs() < 0.02, "{accuracy} {expected}");
        }
    }

    #[test]
    fn calibration_has_its_closed_forms() {
        let sure = vec![0.8; 10];
        let eight: Vec<f64> = (0..10).map(|i| f64::from(u8::from(i < 8))).collect();
        assert!(calibration_error(&sure, &eight, 1).unwrap() < 1e-12);
        assert!((calibration_error(&sure, &[1.0; 10], 5).unwrap() - 0.2).abs() < 1e-12);
        // Two bins of equal mass, off by 0.1 above and by 0.4 below.
        let mixed = calibration_error(&[0.9, 0.9, 0.6, 0.6], &[1.0, 1.0, 1.0, 1.0], 2).unwrap();
        assert!((mixed - 0.25).abs() < 1e-12);
        assert_eq!(calibration_error(&[], &[], 5), None);
        assert_eq!(calibration_error(&[0.5], &[1.0, 0.0], 5), None);
        assert!((confidences(&[0.0, 0.0, 0.0, 3.0f32.ln()], 2)[1] - 0.75).abs() < 1e-6);
    }

    #[test]
    fn margins_are_negative_where_the_answer_is_wrong() {
        let logits = [1.0, 3.0, 2.0, 5.0, 0.0, 4.0];
        assert_eq!(margins(&logits, &[1, 2]), [1.0, -1.0]);
        assert_eq!(correct(&logits, &[1, 2]), [1.0, 0.0]);
    }
}
