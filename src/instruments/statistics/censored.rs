//! Times until something happens, when the budget may end first: plateau lengths and their comparison.

use serde::{Deserialize, Serialize};

use super::running_mean;

/// How long something lasted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Lifetime {
    /// It ended at this step.
    Ended(u64),
    /// It had not ended when the budget did, at this step.
    Censored(u64),
}

impl Lifetime {
    /// The step, ended or censored.
    pub const fn step(self) -> u64 {
        match self {
            Lifetime::Ended(step) | Lifetime::Censored(step) => step,
        }
    }

    /// Whether it was surely shorter than `other`: it ended, and before the other did or was last seen.
    pub const fn surely_shorter_than(self, other: Lifetime) -> bool {
        match (self, other) {
            (Lifetime::Ended(a), Lifetime::Ended(b)) => a < b,
            // Still on at step b, so it lasts longer than that.
            (Lifetime::Ended(a), Lifetime::Censored(b)) => a <= b,
            (Lifetime::Censored(_), _) => false,
        }
    }
}

/// The plateau of a curve: the first step at which the mean of the last `window` points exceeds
/// `threshold`, or censored at the last point. None without points.
pub fn first_crossing(points: &[(u64, f64)], window: usize, threshold: f64) -> Option<Lifetime> {
    let last = points.last()?.0;
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let crossed = running_mean(&values, window).iter().position(|&mean| mean > threshold);
    Some(crossed.map_or(Lifetime::Censored(last), |i| Lifetime::Ended(points[i + window.max(1) - 1].0)))
}

/// A sign test over seeds for "the first is shorter", for times that may be censored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedSigns {
    /// Seeds at which the first was surely shorter.
    pub shorter: u64,
    /// Seeds at which it was surely longer.
    pub longer: u64,
    /// Seeds that do not tell: equal, or censored too early.
    pub undecided: u64,
    /// Chance of at least so many shorter ones if both signs were as likely; one-sided. With n seeds
    /// it cannot be below 2^-n.
    pub p_value: f64,
}

/// Compares lifetimes pair by pair (the same seed under two conditions); a pair tells only what its
/// censoring leaves certain. None if the lists differ in length or no pair tells.
pub fn paired_signs(first: &[Lifetime], second: &[Lifetime]) -> Option<PairedSigns> {
    if first.len() != second.len() {
        return None;
    }
    let count =
        |a: &[Lifetime], b: &[Lifetime]| a.iter().zip(b).filter(|(a, b)| a.surely_shorter_than(**b)).count() as u64;
    let (shorter, longer) = (count(first, second), count(second, first));
    let decided = shorter + longer;
    let undecided = first.len() as u64 - decided;
    (decided > 0).then(|| PairedSigns { shorter, longer, undecided, p_value: upper_tail(decided, shorter) })
}

/// P(X >= k) for X binomial(n, 1/2), summed from the small terms.
fn upper_tail(n: u64, k: u64) -> f64 {
    // term(n) = 2^-n; term(i - 1) = term(i) * i / (n - i + 1). In logarithms, so that no n underflows.
    let (mut log_term, mut sum) = (-(n as f64) * std::f64::consts::LN_2, 0.0);
    for i in (k..=n).rev() {
        sum += log_term.exp();
        log_term += (i.max(1) as f64 / (n - i + 1) as f64).ln();
    }
    f64::min(sum, 1.0)
}

#[cfg(test)]
mod tests {
    use super::Lifetime::{Censored, Ended};
    use super::*;

    #[test]
    fn a_plateau_ends_where_the_running_mean_crosses() {
        let points: Vec<(u64, f64)> = (1..=6).map(|i| (20 * i, if i < 4 { 0.2 } else { 0.4 })).collect();
        // Means of two: 0.2, 0.2, 0.3, 0.4, 0.4, the third at step 80.
        assert_eq!(first_crossing(&points, 2, 0.25), Some(Ended(80)));
        assert_eq!(first_crossing(&points, 2, 0.35), Some(Ended(100)));
        assert_eq!(first_crossing(&points, 2, 0.5), Some(Censored(120)));
        assert_eq!(first_crossing(&points, 10, 0.0), Some(Censored(120)));
        assert_eq!(first_crossing(&points, 0, 0.3), Some(Ended(80)));
        assert_eq!(first_crossing(&[], 10, 0.0), None);
        assert_eq!(Censored(7).step(), 7);
    }

    #[test]
    fn only_certain_pairs_count() {
        let first = [Ended(100), Ended(300), Ended(500), Censored(700), Ended(200), Censored(700)];
        let second = [Ended(200), Censored(700), Censored(400), Ended(600), Ended(200), Censored(700)];
        let signs = paired_signs(&first, &second).unwrap();
        assert_eq!((signs.shorter, signs.longer, signs.undecided), (2, 1, 3));
        assert!((signs.p_value - 0.5).abs() < 1e-12);
        let turned = paired_signs(&second, &first).unwrap();
        assert_eq!((turned.shorter, turned.longer), (1, 2));
        assert!((turned.p_value - 7.0 / 8.0).abs() < 1e-12);
    }

    #[test]
    fn p_values_are_those_of_the_binomial() {
        let p = |n, k| upper_tail(n, k);
        assert!((p(3, 3) - 0.125).abs() < 1e-15);
        assert!((p(10, 8) - 56.0 / 1024.0).abs() < 1e-12);
        assert!((p(10, 0) - 1.0).abs() < 1e-12);
        assert!((p(2001, 1001) - 0.5).abs() < 1e-9, "{}", p(2001, 1001));
    }

    #[test]
    fn nothing_certain_is_none() {
        assert_eq!(paired_signs(&[], &[]), None);
        assert_eq!(paired_signs(&[Censored(5)], &[Censored(9)]), None);
        assert_eq!(paired_signs(&[Ended(5)], &[]), None);
    }
}
