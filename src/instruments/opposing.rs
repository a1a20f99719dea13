//! Groups of examples with opposing signals, from the losses of every example over training
//! (Rosenfeld and Risteski 2023): those whose loss changes most in a step, split by whether it rises or
//! falls with the leading pattern of those changes.

use super::statistics::{mean, pearson};
use crate::kernels::linalg::symmetric_eigen;

/// Losses of every example at successive steps, `[steps, examples]`.
#[derive(Clone, Copy, Debug)]
pub struct Losses<'a> {
    values: &'a [f32],
    examples: usize,
}

/// Changes of loss from one step to the next, `[steps - 1, examples]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    values: Vec<f64>,
    examples: usize,
}

/// The examples that move most, and on which side each is.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// The examples by falling mean |change|.
    pub listed: Vec<usize>,
    /// Their mean |change|, in the unit of the loss.
    pub moved: Vec<f64>,
    /// Of each the correlation of its changes with the leading principal component, whose sign is such
    /// that the first example's is not negative; 0 for an example that does not vary.
    pub side: Vec<f64>,
}

impl<'a> Losses<'a> {
    /// Losses row by row, a row a step.
    ///
    /// # Panics
    /// If the last row is not whole.
    pub fn new(values: &'a [f32], examples: usize) -> Self {
        assert!(examples > 0 && values.len().is_multiple_of(examples), "whole rows of {examples} losses");
        Losses { values, examples }
    }

    /// From each step to the next.
    pub fn changes(&self) -> Changes {
        let rows: Vec<&[f32]> = self.values.chunks_exact(self.examples).collect();
        let change = |pair: &[&[f32]]| -> Vec<f64> {
            pair[1].iter().zip(pair[0]).map(|(after, before)| f64::from(*after) - f64::from(*before)).collect()
        };
        Changes { values: rows.windows(2).flat_map(change).collect(), examples: self.examples }
    }
}

impl Changes {
    /// Steps.
    pub fn steps(&self) -> usize {
        self.values.len() / self.examples
    }

    /// Mean |change| of each example; zeros if there is no step.
    pub fn moved(&self) -> Vec<f64> {
        let mut moved = vec![0.0; self.examples];
        for row in self.values.chunks_exact(self.examples) {
            moved.iter_mut().zip(row).for_each(|(m, d)| *m += d.abs());
        }
        let steps = self.steps().max(1) as f64;
        moved.iter_mut().for_each(|m| *m /= steps);
        moved
    }

    /// The share of all |change| that some examples carry; none if nothing changes.
    pub fn share(&self, members: &[usize]) -> Option<f64> {
        let moved = self.moved();
        let all: f64 = moved.iter().sum();
        (all > 0.0).then(|| members.iter().map(|&i| moved[i]).sum::<f64>() / all)
    }

    /// The mean change of some examples at every step.
    pub fn of(&self, members: &[usize]) -> Vec<f64> {
        let rows = self.values.chunks_exact(self.examples);
        rows.map(|row| members.iter().map(|&i| row[i]).sum::<f64>() / members.len().max(1) as f64).collect()
    }

    /// Correlation over the steps of the mean changes of two groups. Steps at which both move less than
    /// `least` are rounding and left out; none if fewer than three are left.
    pub fn correlation(&self, a: &[usize], b: &[usize], least: f64) -> Option<f64> {
        correlation_of(&self.of(a), &self.of(b), least)
    }

    /// The `count` examples that move most, with their sides. None if there are fewer examples or no two
    /// steps, or a change is not finite.
    pub fn groups(&self, count: usize) -> Option<Groups> {
        let moved = self.moved();
        if count == 0 || count > self.examples || self.steps() < 2 || !moved.iter().all(|m| m.is_finite()) {
            return None;
        }
        let mut order: Vec<usize> = (0..self.examples).collect();
        order.sort_by(|&i, &j| moved[j].total_cmp(&moved[i]));
        order.truncate(count);
        let series: Vec<Vec<f64>> = order.iter().map(|&i| self.centred(i)).collect();
        let leading = leading_component(&series)?;
        let mut side: Vec<f64> = series.iter().map(|s| pearson(s, &leading).unwrap_or(0.0)).collect();
        if side[0] < 0.0 {
            side.iter_mut().for_each(|s| *s = -*s);
        }
        Some(Groups { moved: order.iter().map(|&i| moved[i]).collect(), listed: order, side })
    }

    fn centred(&self, example: usize) -> Vec<f64> {
        let series: Vec<f64> = self.values.iter().skip(example).step_by(self.examples).copied().collect();
        let middle = mean(&series).unwrap_or(0.0);
        series.into_iter().map(|d| d - middle).collect()
    }
}

/// As [`Changes::correlation`], of two series of mean changes.
pub fn correlation_of(a: &[f64], b: &[f64], least: f64) -> Option<f64> {
    let moving = a.iter().zip(b).filter(|(a, b)| a.abs().max(b.abs()) > least);
    let (a, b): (Vec<f64>, Vec<f64>) = moving.map(|(a, b)| (*a, *b)).unzip();
    if a.len() < 3 { None } else { pearson(&a, &b) }
}

/// The first principal component over time of some centred series.
fn leading_component(series: &[Vec<f64>]) -> Option<Vec<f64>> {
    let n = series.len();
    let product = |i: usize, j: usize| -> f64 { series[i].iter().zip(&series[j]).map(|(a, b)| a * b).sum() };
    let gram: Vec<f64> = (0..n * n).map(|at| product(at / n, at % n)).collect();
    let eigen = symmetric_eigen(n, &gram).ok()?;
    let mut leading = vec![0.0; series[0].len()];
    for (i, s) in series.iter().enumerate() {
        // The last column belongs to the largest eigenvalue.
        let loading = eigen.vectors[i * n + n - 1];
        leading.iter_mut().zip(s).for_each(|(l, d)| *l += loading * d);
    }
    Some(leading)
}

impl Groups {
    /// The share of the listed examples that are among `members`.
    pub fn precision(&self, members: &[usize]) -> f64 {
        let hits = self.listed.iter().filter(|i| members.contains(i)).count();
        hits as f64 / self.listed.len() as f64
    }

    /// The listed examples whose loss goes with the first one's, and those whose loss goes against it.
    pub fn sides(&self) -> [Vec<usize>; 2] {
        let of = |wanted: fn(f64) -> bool| {
            let chosen = self.listed.iter().zip(&self.side).filter(|(_, side)| wanted(**side));
            chosen.map(|(i, _)| *i).collect()
        };
        [of(|side| side > 0.0), of(|side| side < 0.0)]
    }

    /// Of the listed examples that are in `a` or `b`, the share that the two sides tell apart rightly
    /// (0.5 to 1, whichever side is named which); none if none is listed.
    pub fn agreement(&self, a: &[usize], b: &[usize]) -> Option<f64> {
        let sign = |i: &usize| if a.contains(i) { 1.0 } else { -1.0 };
        let known = self.listed.iter().zip(&self.side).filter(|(i, _)| a.contains(i) || b.contains(i));
        let right: Vec<f64> = known.map(|(i, side)| f64::from(u8::from(side * sign(i) > 0.0))).collect();
        mean(&right).map(|share| share.max(1.0 - share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Losses of two groups around a weight that jumps, beside quiet examples.
    fn losses(opposite: bool) -> (Vec<f32>, usize) {
        let weight = |t: usize| 0.3 * (t as f64 * 2.9).sin();
        let row = |t: usize| {
            let w = weight(t);
            let up = (w - 1.0).powi(2) as f32;
            let down = if opposite { (w + 1.0).powi(2) as f32 } else { up };
            let quiet = 0.01 * (t as f32).cos();
            [quiet, up, 0.5, down, up * 0.9, down * 0.8]
        };
        ((0..40).flat_map(row).collect(), 6)
    }

    #[test]
    fn opposite_groups_are_found_and_told_apart() {
        let (values, n) = losses(true);
        let changes = Losses::new(&values, n).changes();
        assert_eq!(changes.steps(), 39);
        let found = changes.groups(4).unwrap();
        let mut listed = found.listed.clone();
        listed.sort_unstable();
        assert_eq!(listed, [1, 3, 4, 5]);
        assert_eq!(found.precision(&[1, 3]), 0.5);
        let mut sides = found.sides();
        sides.iter_mut().for_each(|side| side.sort_unstable());
        sides.sort();
        assert_eq!(sides, [vec![1, 4], vec![3, 5]]);
        assert_eq!(found.agreement(&[1, 4], &[3, 5]), Some(1.0));
        assert_eq!(found.agreement(&[1, 3], &[4, 5]), Some(0.5));
        let share = changes.share(&[1, 3, 4, 5]).unwrap();
        assert!(share > 0.98 && share < 1.0, "{share}");
        assert!((changes.share(&[0, 1, 2, 3, 4, 5]).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn anti_phase_is_minus_one_and_a_common_target_plus_one() {
        // (w - 1)^2 and (w + 1)^2 around 0: first-order changes are opposite; equal losses move alike.
        let small: Vec<f64> = (0..20).map(|t| 1e-3 * f64::from(t).sin()).collect();
        let series = |target: f64| small.windows(2).map(move |w| (w[1] - target).powi(2) - (w[0] - target).powi(2));
        let (a, b): (Vec<f64>, Vec<f64>) = (series(1.0).collect(), series(-1.0).collect());
        assert!(correlation_of(&a, &b, 1e-6).unwrap() < -0.9999);
        assert!((correlation_of(&a, &a, 1e-6).unwrap() - 1.0).abs() < 1e-12);
        // Below the floor there is nothing to correlate.
        assert_eq!(correlation_of(&a, &b, 1.0), None);
        let (values, n) = losses(false);
        let changes = Losses::new(&values, n).changes();
        assert!(changes.correlation(&[1, 4], &[3, 5], 1e-6).unwrap() > 0.9999);
    }

    #[test]
    fn nothing_to_find_is_none() {
        let still = [0.5f32; 12];
        let changes = Losses::new(&still, 3).changes();
        assert_eq!(changes.share(&[0]), None);
        assert_eq!(changes.groups(4), None);
        assert_eq!(Losses::new(&still, 12).changes().groups(1), None);
        // Examples that do not move are on no side.
        assert_eq!(changes.groups(2).unwrap().side, [0.0, 0.0]);
    }
}
