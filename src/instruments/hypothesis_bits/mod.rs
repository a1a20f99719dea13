//! Inductive bias in bits, from the losses of hypotheses that all fit the training data (Boopathy et al.
//! 2024, "Towards Exact Computation of Inductive Bias"): `I(eps) = -log2 P(loss <= eps)`.
//!
//! A sample of losses is all that is needed of a hypothesis space. Its lower tail is modelled as a scaled
//! noncentral chi-square law ([`ScaledChiSquare`]); for a Gaussian-process posterior the law is known
//! ([`posterior`]) and checks the model. [`random_mlp`] evaluates very many random networks at once.

pub mod posterior;
pub mod random_mlp;

use std::f64::consts::LN_2;

use rand::RngExt;

use super::statistics::chi_square::ChiSquare;
use super::statistics::nelder_mead::NelderMead;
use super::statistics::sample::{kolmogorov, sample_quantile};
use super::statistics::{deviation, mean};
use crate::base::random::Key;

/// Beyond so many standard deviations below the mean the tail model, not the sample, gives the number.
pub const EXTRAPOLATED: f64 = 4.0;
/// Nodes at which a smooth function of the logarithm of the loss is evaluated for a whole sample.
const NODES: usize = 33;
/// The largest parameters of a fit: with more the law is a normal one to every digit that matters.
const MOST: f64 = 1e6;
/// The search for the most likely parameters.
const SEARCH: NelderMead = NelderMead { size: 0.3, tolerance: 1e-7, evaluations: 600 };

/// `scale` times a noncentral chi-square variable: the model of the losses of hypotheses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaledChiSquare {
    /// Scale s, in units of the loss.
    pub scale: f64,
    /// Degrees of freedom and noncentrality.
    pub law: ChiSquare,
}

/// How many bits it takes to reach a target, and how far to trust them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bits {
    /// -log2 P(loss <= target) by the fitted law.
    pub bits: f64,
    /// The same by Sankaran's approximation, as the authors' code has it where the law underflows; biased
    /// low. Where the target is above the mean, that of the law.
    pub sankaran: f64,
    /// (mean - target) / standard deviation of the sample.
    pub extrapolation: f64,
}

impl Bits {
    /// The warning that must stand beside the number; nothing within [`EXTRAPOLATED`].
    pub fn warning(&self) -> Option<String> {
        let far = self.extrapolation > EXTRAPOLATED;
        far.then(|| format!("extrapolated by the tail model ({:.1} sd)", self.extrapolation))
    }
}

/// The average of a smooth function of the loss over a sample, as a weighted sum over few nodes: Chebyshev
/// interpolation in the logarithm of the loss. The nodes are the sample itself where it is small.
#[derive(Clone, Debug)]
struct Nodes {
    /// Where to evaluate.
    at: Vec<f64>,
    /// Weights of the average; they sum to 1.
    weights: Vec<f64>,
}

impl Nodes {
    fn new(losses: &[f64]) -> Option<Self> {
        let fold = |(low, high): (f64, f64), x: &f64| (low.min(*x), high.max(*x));
        let (low, high) = losses.iter().fold((f64::INFINITY, 0.0), fold);
        if losses.len() < 3 || !losses.iter().all(|x| x.is_finite() && *x > 0.0) || low >= high {
            return None;
        }
        let count = losses.len() as f64;
        if losses.len() <= NODES {
            return Some(Nodes { at: losses.to_vec(), weights: vec![1.0 / count; losses.len()] });
        }
        let (middle, half) = (0.5 * (high.ln() + low.ln()), 0.5 * (high.ln() - low.ln()));
        // Chebyshev points of the second kind with their barycentric weights (Berrut and Trefethen 2004).
        let place = |i: usize| (std::f64::consts::PI * i as f64 / (NODES - 1) as f64).cos();
        let places: Vec<f64> = (0..NODES).map(place).collect();
        let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        let factor = |i: usize| if i == 0 || i == NODES - 1 { 0.5 * sign(i) } else { sign(i) };
        let mut weights = vec![0.0; NODES];
        for loss in losses {
            let x = ((loss.ln() - middle) / half).clamp(-1.0, 1.0);
            if let Some(hit) = places.iter().position(|place| *place == x) {
                weights[hit] += 1.0 / count;
                continue;
            }
            let mut parts = [0.0; NODES];
            places.iter().enumerate().for_each(|(i, place)| parts[i] = factor(i) / (x - place));
            let sum: f64 = parts.iter().sum();
            weights.iter_mut().zip(parts).for_each(|(w, part)| *w += part / sum / count);
        }
        Some(Nodes { at: places.iter().map(|x| (middle + half * x).exp()).collect(), weights })
    }

    fn average(&self, of: impl Fn(f64) -> f64) -> f64 {
        self.at.iter().zip(&self.weights).map(|(x, w)| w * of(*x)).sum()
    }
}

impl ScaledChiSquare {
    /// The parameters of greatest likelihood, found by Nelder and Mead's search on their logarithms from
    /// those that have the sample's first three moments. Degrees of freedom and noncentrality are nearly
    /// exchangeable: judge the fit by [`ScaledChiSquare::kolmogorov`], not by its parameters.
    ///
    /// Nothing for fewer than 3 losses, for losses not above 0 or not finite, or all alike.
    pub fn fit(losses: &[f64]) -> Option<Self> {
        let start = Self::of_moments(losses)?;
        start.most_likely(&Nodes::new(losses)?)
    }

    /// The law with the mean `s (k + l)`, the variance `2 s^2 (k + 2 l)` and as nearly as it can the third
    /// central moment `8 s^3 (k + 3 l)` of a sample.
    fn of_moments(losses: &[f64]) -> Option<Self> {
        let (m, sd) = (mean(losses)?, deviation(losses)?);
        let v = sd * sd;
        if !(m > 0.0 && v > 0.0) {
            return None;
        }
        let t = losses.iter().map(|x| (x - m).powi(3)).sum::<f64>() / losses.len() as f64;
        // 8 m s^2 - 8 v s + t = 0; k and l are both above 0 for s between v / 4m and v / 2m.
        let root = (v - (v * v - 0.5 * m * t).max(0.0).sqrt()) / (2.0 * m);
        let s = root.clamp(0.26 * v / m, 0.49 * v / m);
        let noncentrality = v / (2.0 * s * s) - m / s;
        let freedom = m / s - noncentrality;
        let bounded = |x: f64| x.clamp(1e-3, 0.5 * MOST);
        let law = ChiSquare { freedom: bounded(freedom), noncentrality: bounded(noncentrality) };
        // The mean is kept where a bound was met.
        Some(ScaledChiSquare { scale: m / law.mean(), law })
    }

    fn most_likely(&self, nodes: &Nodes) -> Option<Self> {
        let of = |p: &[f64]| ScaledChiSquare {
            scale: p[0].exp(),
            law: ChiSquare { freedom: p[1].exp(), noncentrality: p[2].exp() },
        };
        let loss = |p: &[f64]| {
            let fit = of(p);
            let inside = fit.law.freedom <= MOST && fit.law.noncentrality <= MOST;
            if inside { -nodes.average(|x| fit.ln_density(x)) } else { f64::INFINITY }
        };
        let start = [self.scale.ln(), self.law.freedom.ln(), self.law.noncentrality.ln()];
        SEARCH.minimise(&start, loss).map(|found| of(&found.point))
    }

    /// Natural logarithm of the density of a loss.
    pub fn ln_density(&self, loss: f64) -> f64 {
        self.law.ln_density(loss / self.scale) - self.scale.ln()
    }

    /// Natural logarithm of P(loss <= target).
    pub fn ln_cdf(&self, target: f64) -> f64 {
        self.law.ln_cdf(target / self.scale)
    }

    /// Bits to reach `target`: `-log2 P(loss <= target)`; Sankaran's where the law gives no number.
    pub fn bits(&self, target: f64) -> f64 {
        match -self.ln_cdf(target) / LN_2 {
            bits if bits.is_finite() => bits.max(0.0),
            _ => self.law.sankaran(target / self.scale).map_or(f64::INFINITY, |nats| nats / LN_2),
        }
    }

    /// Bits to reach `target` with what is known of their worth, from mean and standard deviation of the
    /// sample that was fitted.
    pub fn bits_of(&self, mean: f64, deviation: f64, target: f64) -> Bits {
        let bits = self.bits(target);
        let sankaran = self.law.sankaran(target / self.scale).map_or(bits, |nats| nats / LN_2);
        Bits { bits, sankaran, extrapolation: (mean - target) / deviation }
    }

    /// Kolmogorov's distance of the law and a sample: the largest difference of their cumulative
    /// distributions. Nothing for an empty sample.
    pub fn kolmogorov(&self, losses: &[f64]) -> Option<f64> {
        kolmogorov(losses, |loss| self.ln_cdf(loss).exp())
    }

    /// The fit of one resample of the losses, drawn with replacement from the stream of `key`, from this fit
    /// on: what [`interval`] is made from.
    pub fn refit(&self, losses: &[f64], key: Key) -> Option<Self> {
        let mut stream = key.stream();
        let most = losses.len() as u32;
        let resample: Vec<f64> = losses.iter().map(|_| losses[stream.random_range(0..most) as usize]).collect();
        self.most_likely(&Nodes::new(&resample)?)
    }
}

/// The 95 % interval of the bits to reach `target`, from the fits of resamples; nothing without any.
pub fn interval(refits: &[ScaledChiSquare], target: f64) -> Option<(f64, f64)> {
    let bits: Vec<f64> = refits.iter().map(|fit| fit.bits(target)).collect();
    Some((sample_quantile(&bits, 0.025)?, sample_quantile(&bits, 0.975)?))
}

#[cfg(test)]
mod tests;
