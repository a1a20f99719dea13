//! A kernel space: hypotheses that pass through the training points are samples of the noise-free posterior
//! of a Gaussian process, and the law of their test loss is known.
//!
//! With k(a, b) = exp(-|a - b|^2 / (2 sigma^2)), A = K_tt^-1: mu = K_st A Y, S = K_ss - K_st A K_ts, and
//! f = mu + S^(1/2) z, the same S for each of the c outputs (Boopathy et al. 2024, public code).

use std::f64::consts::PI;

use rand_distr::{Distribution, StandardNormal};

use crate::base::random::Stream;
use crate::instruments::statistics::normal::{ln_normal_cdf, ln_normal_density, lower_mills_ratio};
use crate::kernels::linalg::{LinalgError, Triangle, cholesky, solve_triangular, symmetric_eigen};

/// Added to the diagonal of the training kernel, relative to its mean; doubled until it can be factored.
const JITTER: f64 = 1e-6;
/// Times that it is doubled.
const DOUBLINGS: i32 = 30;
/// Variances below this share of the largest are rounding.
const ROUNDING: f64 = 1e-13;
/// Halvings of the search for the saddlepoint.
const HALVINGS: usize = 200;

/// The radial basis function kernel of rows `a` and rows `b`, `width` numbers each: `[rows of a, rows of b]`.
pub fn rbf_kernel(a: &[f64], b: &[f64], width: usize, sigma: f64) -> Vec<f64> {
    let factor = -0.5 / (sigma * sigma);
    let row = |x: &[f64]| b.chunks(width).map(|y| (factor * squared_distance(x, y)).exp()).collect::<Vec<f64>>();
    a.chunks(width).flat_map(row).collect()
}

/// |x - y|^2.
pub fn squared_distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// The median distance between two different rows.
pub fn median_distance(rows: &[f64], width: usize) -> f64 {
    let points: Vec<&[f64]> = rows.chunks(width).collect();
    let pair = |i: usize| points[..i].iter().map(|x| squared_distance(x, points[i]).sqrt()).collect::<Vec<f64>>();
    let mut distances: Vec<f64> = (0..points.len()).flat_map(pair).collect();
    distances.sort_unstable_by(f64::total_cmp);
    distances.get(distances.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The kernel between the points of a training and a test set.
#[derive(Clone, Debug)]
pub struct Kernels {
    /// Training points n.
    pub train: usize,
    /// Test points T.
    pub test: usize,
    /// K_tt, `[n, n]`.
    pub train_train: Vec<f64>,
    /// K_st, `[T, n]`.
    pub test_train: Vec<f64>,
    /// K_ss, `[T, T]`.
    pub test_test: Vec<f64>,
}

/// The posterior at the test points.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// mu, `[T, c]`.
    pub mean: Vec<f64>,
    /// S, `[T, T]`.
    pub covariance: Vec<f64>,
    /// Amplitude of the prior with the greatest marginal likelihood, `tr(Y^T A Y) / (n c)`: the factor by
    /// which it multiplies S, while mu stays.
    pub best_amplitude: f64,
    /// What was added to the diagonal of K_tt.
    pub jitter: f64,
}

impl Kernels {
    /// RBF kernels of rows of `width` numbers.
    pub fn rbf(train: &[f64], test: &[f64], width: usize, sigma: f64) -> Self {
        Kernels {
            train: train.len() / width,
            test: test.len() / width,
            train_train: rbf_kernel(train, train, width, sigma),
            test_train: rbf_kernel(test, train, width, sigma),
            test_test: rbf_kernel(test, test, width, sigma),
        }
    }

    /// The posterior given labels `[n, outputs]`, by Cholesky.
    ///
    /// # Errors
    /// When the kernel cannot be factored even with a large jitter.
    pub fn posterior(&self, labels: &[f64], outputs: usize) -> Result<Posterior, LinalgError> {
        let (n, t) = (self.train, self.test);
        let (factor, jitter) = self.factor()?;
        // With K = L L^T: half = L^-1 Y and across = L^-1 K_ts, so that mu = across^T half.
        let half = solve_triangular(n, &factor, Triangle::Lower, false, outputs, labels)?;
        let across = solve_triangular(n, &factor, Triangle::Lower, false, t, &transposed(t, n, &self.test_train))?;
        let (half_rows, across_rows) = (transposed(n, outputs, &half), transposed(n, t, &across));
        let across_row = |i: usize| &across_rows[i * n..(i + 1) * n];
        let mut mean = Vec::with_capacity(t * outputs);
        for i in 0..t {
            mean.extend(half_rows.chunks(n).map(|column| dot(across_row(i), column)));
        }
        let mut covariance = vec![0.0; t * t];
        for i in 0..t {
            for j in 0..=i {
                let value = self.test_test[i * t + j] - dot(across_row(i), across_row(j));
                (covariance[i * t + j], covariance[j * t + i]) = (value, value);
            }
        }
        let best_amplitude = dot(&half, &half) / (n * outputs) as f64;
        Ok(Posterior { mean, covariance, best_amplitude, jitter })
    }

    fn factor(&self) -> Result<(Vec<f64>, f64), LinalgError> {
        let n = self.train;
        let diagonal = (0..n).map(|i| self.train_train[i * n + i]).sum::<f64>() / n as f64;
        for doubling in 0..=DOUBLINGS {
            let jitter = JITTER * diagonal * 2f64.powi(doubling);
            let mut moved = self.train_train.clone();
            (0..n).for_each(|i| moved[i * n + i] += jitter);
            match cholesky(n, &moved) {
                Ok(factor) => return Ok((factor, jitter)),
                Err(LinalgError::NotPositiveDefinite) => {}
                Err(error) => return Err(error),
            }
        }
        Err(LinalgError::NotPositiveDefinite)
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    // Four sums side by side: the order is fixed and the processor is not kept waiting.
    let mut sums = [0.0; 4];
    let (x4, y4) = (x.chunks_exact(4), y.chunks_exact(4));
    let rest: f64 = x4.remainder().iter().zip(y4.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in x4.zip(y4) {
        (0..4).for_each(|i| sums[i] += x[i] * y[i]);
    }
    rest + (sums[0] + sums[1]) + (sums[2] + sums[3])
}

fn transposed(rows: usize, columns: usize, a: &[f64]) -> Vec<f64> {
    (0..columns).flat_map(|j| (0..rows).map(move |i| a[i * columns + j])).collect()
}

/// The law of the test loss `e = |f - y|^2 / (T c)` of a posterior sample: a sum of scaled noncentral
/// chi-square variables, one an eigenvector u_i of S with eigenvalue l_i.
#[derive(Clone, Debug, PartialEq)]
pub struct LossLaw {
    /// w_i = l_i / (T c), in units of the loss.
    pub weights: Vec<f64>,
    /// w_i b_i = sum over outputs of (u_i . (mu - y))^2 / (T c).
    pub offsets: Vec<f64>,
    /// Outputs c.
    pub outputs: usize,
}

impl Posterior {
    /// The law of the loss against labels `[T, outputs]`, with the prior's amplitude times `amplitude`.
    ///
    /// # Errors
    /// When a value is not finite.
    pub fn loss_law(&self, labels: &[f64], outputs: usize, amplitude: f64) -> Result<LossLaw, LinalgError> {
        let t = labels.len() / outputs;
        let eigen = symmetric_eigen(t, &self.covariance)?;
        let unit = 1.0 / (t * outputs) as f64;
        let largest = eigen.values.last().copied().unwrap_or(0.0).max(0.0);
        let variance = |l: &f64| if *l > ROUNDING * largest { l * amplitude * unit } else { 0.0 };
        let vectors = transposed(t, t, &eigen.vectors);
        let off: Vec<f64> = self.mean.iter().zip(labels).map(|(mean, label)| mean - label).collect();
        let off = transposed(t, outputs, &off);
        let along = |u: &[f64]| off.chunks(t).map(|off| dot(u, off).powi(2)).sum::<f64>() * unit;
        Ok(LossLaw {
            weights: eigen.values.iter().map(variance).collect(),
            offsets: vectors.chunks(t).map(along).collect(),
            outputs,
        })
    }
}

impl LossLaw {
    /// The loss of one hypothesis: z is drawn in the basis of eigenvectors, where S^(1/2) is diagonal; a
    /// rotation changes neither the law of z nor the loss. Of an eigenvector only the length of the offset
    /// counts, so it lies along the first output.
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        let mut normal = || -> f64 { StandardNormal.sample(stream) };
        let mut loss = 0.0;
        for (weight, offset) in self.weights.iter().zip(&self.offsets) {
            if *weight == 0.0 {
                loss += offset;
                continue;
            }
            loss += (weight.sqrt() * normal() + offset.sqrt()).powi(2);
            let others: f64 = (1..self.outputs).map(|_| normal().powi(2)).sum();
            loss += weight * others;
        }
        loss
    }

    /// Mean of the loss.
    pub fn mean(&self) -> f64 {
        self.cumulants(0.0)[1]
    }

    /// kappa(s) and its first three derivatives, s < 1 / (2 max w).
    fn cumulants(&self, s: f64) -> [f64; 4] {
        let c = self.outputs as f64;
        let mut sum = [0.0; 4];
        for (&w, &offset) in self.weights.iter().zip(&self.offsets) {
            let q = 1.0 / (1.0 - 2.0 * s * w);
            sum[0] += 0.5 * c * q.ln() + s * offset * q;
            sum[1] += c * w * q + offset * q * q;
            sum[2] += 2.0 * c * (w * q).powi(2) + 4.0 * offset * w * q.powi(3);
            sum[3] += 8.0 * c * (w * q).powi(3) + 24.0 * offset * w * w * q.powi(4);
        }
        sum
    }

    /// The s with kappa'(s) = target; nothing when no loss can be so small.
    fn saddlepoint(&self, target: f64) -> Option<f64> {
        let below = |s: f64| self.cumulants(s)[1] < target;
        let widest = self.weights.iter().fold(0.0f64, |most, w| most.max(*w));
        if widest <= 0.0 {
            return None;
        }
        let (mut low, mut high) = (-0.5 / widest, 0.5 / widest * (1.0 - 1e-12));
        while !below(low) {
            low *= 4.0;
            if low < -1e290 {
                return None;
            }
        }
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if below(middle) { low = middle } else { high = middle }
        }
        Some(0.5 * (low + high))
    }

    /// Natural logarithm of P(loss <= target) by the saddlepoint formula of Lugannani and Rice (1980):
    /// Phi(r) + phi(r) (1/r - 1/v). Minus infinity when no loss can be so small.
    pub fn ln_cdf(&self, target: f64) -> f64 {
        let Some(s) = self.saddlepoint(target) else {
            return if target >= self.mean() { 0.0 } else { f64::NEG_INFINITY };
        };
        let [k0, _, k2, k3] = self.cumulants(s);
        let r = (2.0 * (s * target - k0).max(0.0)).sqrt().copysign(s);
        let v = s * k2.sqrt();
        if r.abs() < 1e-4 {
            // The limit at the mean, where both terms of the difference are infinite.
            return (0.5 + k3 / (6.0 * (2.0 * PI).sqrt() * k2.powf(1.5))).ln();
        }
        let correction = 1.0 / r - 1.0 / v;
        if r > 0.0 {
            return (ln_normal_cdf(r).exp() + ln_normal_density(r).exp() * correction).min(1.0).ln();
        }
        ln_normal_density(r) + (lower_mills_ratio(r) + correction).ln()
    }

    /// Bits to reach `target`.
    pub fn bits(&self, target: f64) -> f64 {
        (-self.ln_cdf(target) / std::f64::consts::LN_2).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use crate::instruments::statistics::chi_square::ChiSquare;
    use crate::instruments::statistics::sample::kolmogorov;

    #[test]
    fn equal_eigenvalues_give_a_chi_square() {
        let (t, c, l) = (12, 3, 0.7);
        let w = l / (t * c) as f64;
        let law = LossLaw { weights: vec![w; t], offsets: vec![0.0; t], outputs: c };
        let exact = ChiSquare::central((t * c) as f64);
        for share in [0.05, 0.2, 0.5, 0.9, 1.0, 1.3] {
            let target = share * l;
            let (found, expected) = (law.ln_cdf(target), exact.ln_cdf(target / w));
            assert!((found - expected).exp_m1().abs() < 0.01, "{share}: {found} {expected}");
        }
    }

    #[test]
    fn offsets_give_the_noncentral_chi_square() {
        let (t, w) = (40, 0.02);
        let offsets: Vec<f64> = (0..t).map(|i| if i % 2 == 0 { 0.03 } else { 0.01 }).collect();
        let exact = ChiSquare { freedom: t as f64, noncentrality: offsets.iter().sum::<f64>() / w };
        let law = LossLaw { weights: vec![w; t], offsets, outputs: 1 };
        assert!((law.mean() - w * exact.mean()).abs() < 1e-12);
        for target in [0.1, 0.4, 1.0, law.mean(), 2.0] {
            let (found, expected) = (law.ln_cdf(target), exact.ln_cdf(target / w));
            assert!((found - expected).exp_m1().abs() < 0.01, "{target}: {found} {expected}");
        }
    }

    #[test]
    fn what_cannot_be_reached_takes_infinitely_many_bits() {
        let law = LossLaw { weights: vec![0.1, 0.0], offsets: vec![0.0, 0.5], outputs: 1 };
        assert_eq!((law.bits(0.4), law.bits(0.5)), (f64::INFINITY, f64::INFINITY));
        assert!(law.bits(0.51).is_finite());
        let certain = LossLaw { weights: vec![0.0], offsets: vec![0.5], outputs: 1 };
        assert_eq!((certain.bits(0.6), certain.bits(0.4)), (0.0, f64::INFINITY));
    }

    #[test]
    fn one_training_point_has_a_closed_form() {
        let r = 1.3f64;
        let posterior = Kernels::rbf(&[0.0], &[r], 1, 1.0).posterior(&[2.0], 1).unwrap();
        assert!((posterior.mean[0] - 2.0 * (-r * r / 2.0).exp()).abs() < 1e-5);
        assert!((posterior.covariance[0] - (1.0 - (-r * r).exp())).abs() < 1e-5);
        assert!((posterior.best_amplitude - 4.0).abs() < 1e-4);
    }

    #[test]
    fn every_hypothesis_passes_through_the_training_points() {
        let points = [0.0, 0.4, 1.1, 2.5];
        let labels = [1.0, -1.0, 0.5, 2.0, 0.0, 1.0, 3.0, -0.2];
        let posterior = Kernels::rbf(&points, &points, 1, 0.5).posterior(&labels, 2).unwrap();
        assert!(posterior.covariance.iter().all(|s| s.abs() < 1e-5));
        assert!(posterior.mean.iter().zip(&labels).all(|(mu, y)| (mu - y).abs() < 1e-4));
    }

    /// S^(1/2) by eigenvectors, in full.
    fn root(t: usize, s: &[f64]) -> Vec<f64> {
        let eigen = symmetric_eigen(t, s).unwrap();
        let at = |i: usize, j: usize| {
            let term = |k: usize| eigen.vectors[i * t + k] * eigen.values[k].max(0.0).sqrt() * eigen.vectors[j * t + k];
            (0..t).map(term).sum::<f64>()
        };
        (0..t * t).map(|ij| at(ij / t, ij % t)).collect()
    }

    #[test]
    fn a_root_times_itself_is_the_covariance() {
        for (found, expected) in root(2, &[2.0, 1.0, 1.0, 2.0]).iter().zip([1.366_025, 0.366_025, 0.366_025, 1.366_025])
        {
            assert!((found - expected).abs() < 1e-6);
        }
        let points: Vec<f64> = (0..9).map(|i| f64::from(i) * 0.37).collect();
        let s = Kernels::rbf(&points[..3], &points, 1, 0.5).posterior(&[1.0, 0.0, -1.0], 1).unwrap().covariance;
        let half = root(9, &s);
        for i in 0..9 {
            for j in 0..9 {
                let product: f64 = (0..9).map(|k| half[i * 9 + k] * half[k * 9 + j]).sum();
                assert!((product - s[i * 9 + j]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn losses_of_hypotheses_drawn_in_full_follow_the_law() {
        let (t, c) = (9, 2);
        let test: Vec<f64> = (0..t).map(|i| i as f64 * 0.37 + 0.1).collect();
        let posterior =
            Kernels::rbf(&[0.0, 1.0, 2.0], &test, 1, 0.5).posterior(&[1., 0., -1., 0.5, 0.2, 0.], c).unwrap();
        let labels: Vec<f64> = (0..t * c).map(|i| (i as f64 * 0.9).sin()).collect();
        let law = posterior.loss_law(&labels, c, 0.6).unwrap();
        let half = root(t, &posterior.covariance);
        let mut stream = Key::new(2).stream();
        let mut loss = || {
            let z: Vec<f64> = (0..t * c).map(|_| StandardNormal.sample(&mut stream)).collect();
            let off = |i: usize, o: usize| {
                let drawn: f64 = (0..t).map(|j| half[i * t + j] * z[j * c + o]).sum();
                posterior.mean[i * c + o] + 0.6f64.sqrt() * drawn - labels[i * c + o]
            };
            (0..t * c).map(|io| off(io / c, io % c).powi(2)).sum::<f64>() / (t * c) as f64
        };
        let full: Vec<f64> = (0..4000).map(|_| loss()).collect();
        let mut stream = Key::new(3).stream();
        let short: Vec<f64> = (0..4000).map(|_| law.sample(&mut stream)).collect();
        // 1.36 / sqrt(4000) = 0.0215 holds in 95 % of samples; the formula's own error is below 0.01.
        for losses in [full, short] {
            assert!(kolmogorov(&losses, |x| law.ln_cdf(x).exp()).unwrap() < 0.03);
        }
    }

    #[test]
    fn the_median_distance() {
        // Distances 1, 3 and 2.
        assert_eq!(median_distance(&[0.0, 1.0, 3.0], 1), 2.0);
        assert_eq!(squared_distance(&[0.0, 1.0], &[3.0, 5.0]), 25.0);
    }
}
