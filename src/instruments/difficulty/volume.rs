//! The exact measure where hypotheses are linear in N orthonormal functions with Gaussian coefficients: the
//! share of those through the training points that also generalise.
//!
//! With theta, theta* ~ N(0, I/N) and P0 the projector on what the training points do not see, the hypotheses
//! through all points are `theta* + P0 (z - theta*)`, z ~ N(0, I/N). By Parseval's identity their error is
//! `e = |P0 (z - theta*)|^2`, and N e is noncentral chi-square with N - n degrees of freedom and noncentrality
//! `N |P0 theta*|^2`.

use rand_distr::{Distribution, StandardNormal};

use crate::base::random::Stream;
use crate::instruments::statistics::chi_square::ChiSquare;
use crate::kernels::linalg::{LinalgError, svd};

/// Singular values below this share of the largest count as zero.
const RANK: f64 = 1e-10;

/// All hypotheses of a linear space that agree with the truth on some points.
#[derive(Clone, Debug)]
pub struct Interpolating {
    /// Orthonormal rows that span what the points see, `[rank, functions]`.
    seen: Vec<f64>,
    /// theta*, one number a function.
    truth: Vec<f64>,
}

impl Interpolating {
    /// For points with values `features` `[points, functions]`, and the truth's coefficients.
    ///
    /// # Errors
    /// When a value is not finite.
    pub fn new(features: &[f64], truth: Vec<f64>) -> Result<Self, LinalgError> {
        let functions = truth.len();
        let factors = svd(features.len() / functions, functions, features)?;
        let floor = RANK * factors.values.first().copied().unwrap_or(0.0);
        let rank = factors.values.iter().filter(|s| **s > floor).count();
        Ok(Interpolating { seen: factors.v_transposed[..rank * functions].to_vec(), truth })
    }

    /// Functions N.
    pub fn functions(&self) -> usize {
        self.truth.len()
    }

    /// theta*.
    pub fn truth(&self) -> &[f64] {
        &self.truth
    }

    /// Directions that the points leave open, N - n in general position.
    pub fn free(&self) -> usize {
        self.functions() - self.seen.len() / self.functions()
    }

    /// P0 v.
    fn unseen(&self, v: &mut [f64]) {
        for row in self.seen.chunks(self.functions()) {
            let along: f64 = row.iter().zip(v.iter()).map(|(a, b)| a * b).sum();
            v.iter_mut().zip(row).for_each(|(v, row)| *v -= along * row);
        }
    }

    /// The law of N e; nothing when the points leave no direction open, and e = 0.
    pub fn law(&self) -> Option<ChiSquare> {
        let mut open = self.truth.clone();
        self.unseen(&mut open);
        let noncentrality = self.functions() as f64 * open.iter().map(|x| x * x).sum::<f64>();
        (self.free() > 0).then(|| ChiSquare { freedom: self.free() as f64, noncentrality })
    }

    /// Bits to reach an error of at most `error`, `-log2 P(e <= error)`.
    pub fn bits(&self, error: f64) -> f64 {
        let bits = |law: ChiSquare| -law.ln_cdf(error * self.functions() as f64) / std::f64::consts::LN_2;
        self.law().map_or(0.0, bits).max(0.0)
    }

    /// The coefficients of a hypothesis through all points, in `hypothesis`.
    ///
    /// # Panics
    /// If `hypothesis` is not as long as there are functions.
    pub fn draw(&self, stream: &mut Stream, hypothesis: &mut [f64]) {
        let scale = 1.0 / (self.functions() as f64).sqrt();
        for (h, truth) in hypothesis.iter_mut().zip(&self.truth) {
            let z: f64 = StandardNormal.sample(stream);
            *h = scale * z - truth;
        }
        self.unseen(hypothesis);
        hypothesis.iter_mut().zip(&self.truth).for_each(|(h, truth)| *h += truth);
    }
}

/// Coefficients of independent normal values of variance 1/N.
pub fn random_coefficients(functions: usize, stream: &mut Stream) -> Vec<f64> {
    let scale = 1.0 / (functions as f64).sqrt();
    (0..functions).map(|_| StandardNormal.sample(stream)).map(|z: f64| scale * z).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use crate::instruments::statistics::sample::kolmogorov;

    fn features(points: usize, functions: usize) -> Vec<f64> {
        random_coefficients(points * functions, &mut Key::new(1).purpose("features").stream())
    }

    fn space(points: usize, functions: usize) -> Interpolating {
        let truth = random_coefficients(functions, &mut Key::new(2).purpose("truth").stream());
        Interpolating::new(&features(points, functions), truth).unwrap()
    }

    #[test]
    fn every_hypothesis_passes_through_the_points() {
        let (points, space) = (features(3, 9), space(3, 9));
        let mut hypothesis = vec![0.0; 9];
        let mut stream = Key::new(4).stream();
        for _ in 0..5 {
            space.draw(&mut stream, &mut hypothesis);
            assert!(hypothesis.iter().zip(space.truth()).any(|(h, t)| (h - t).abs() > 1e-3));
            for row in points.chunks(9) {
                let off: f64 =
                    row.iter().zip(hypothesis.iter().zip(space.truth())).map(|(p, (h, t))| p * (h - t)).sum();
                assert!(off.abs() < 1e-12, "{off}");
            }
        }
    }

    #[test]
    fn errors_of_hypotheses_follow_the_law() {
        let space = space(4, 12);
        let law = space.law().unwrap();
        let (mut stream, mut hypothesis) = (Key::new(5).stream(), vec![0.0; 12]);
        let mut error = || -> f64 {
            space.draw(&mut stream, &mut hypothesis);
            hypothesis.iter().zip(space.truth()).map(|(h, t)| (h - t).powi(2)).sum()
        };
        let errors: Vec<f64> = (0..20_000).map(|_| error()).collect();
        assert_eq!(law.freedom, 8.0);
        assert!(kolmogorov(&errors, |e| law.ln_cdf(12.0 * e).exp()).unwrap() < 0.0136);
    }

    #[test]
    fn as_many_points_as_functions_leave_nothing_open() {
        for points in [5, 8] {
            let space = space(points, 5);
            assert_eq!((space.free(), space.law(), space.bits(0.1)), (0, None, 0.0));
            let mut hypothesis = vec![0.0; 5];
            space.draw(&mut Key::new(1).stream(), &mut hypothesis);
            assert!(hypothesis.iter().zip(space.truth()).all(|(h, t)| (h - t).abs() < 1e-12));
        }
    }

    #[test]
    fn bits_of_a_truth_of_its_expected_length() {
        // The sheet's table: df = nc = N - 2, at 0.1 N.
        let table = [(5, 5.582), (9, 12.640), (25, 39.986), (49, 80.406), (81, 134.020), (125, 207.555), (343, 571.07)];
        for (n, expected) in table {
            let law = ChiSquare { freedom: (n - 2) as f64, noncentrality: (n - 2) as f64 };
            let found = -law.ln_cdf(0.1 * n as f64) / std::f64::consts::LN_2;
            assert!((found - expected).abs() < 5e-3, "{n}: {found}");
        }
    }
}
