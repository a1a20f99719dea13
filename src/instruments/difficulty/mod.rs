//! How hard it is to generalise on a task, in bits, whatever the model (Boopathy et al. 2023, "Model-agnostic
//! Measure of Generalization Difficulty").
//!
//! The closed formula with the constants of the authors' public code, for hypotheses that are combinations of
//! the harmonics of an m-sphere; what it needs to know of a data set: intrinsic dimension, radius, the
//! distance between classes. [`volume`] has the exact measure where the hypotheses are linear and Gaussian.

pub mod points;
pub mod volume;

use std::f64::consts::{LN_2, PI};

use statrs::function::gamma::ln_gamma;

/// A task as the formula sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Problem {
    /// Wanted error over the Lipschitz constant of the loss, eps / L_L.
    pub error: f64,
    /// Training points n.
    pub points: f64,
    /// Intrinsic dimension m of the inputs, at least 1.
    pub dimension: f64,
    /// Radius R of the sphere that stands for their manifold: the largest norm of an input.
    pub radius: f64,
    /// Resolution delta: the smallest distance between inputs of different classes.
    pub resolution: f64,
    /// d: the number of classes.
    pub classes: f64,
    /// D: outputs that are free, one less than the classes.
    pub outputs: f64,
    /// B: bound of the outputs.
    pub bound: f64,
}

/// What the formula makes of a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difficulty {
    /// Largest degree K of a harmonic, not necessarily whole.
    pub degree: f64,
    /// Natural logarithm of the number E of harmonics up to that degree.
    pub ln_harmonics: f64,
    /// Free directions 2 D d E - n D; the data leave so many numbers of a hypothesis open.
    pub directions: f64,
    /// Bits that each of them takes.
    pub bits_each: f64,
}

impl Problem {
    /// A classification task with the constants of the paper: d = C, D = C - 1, B = 1.
    pub fn classification(
        error: f64,
        points: usize,
        dimension: f64,
        radius: f64,
        resolution: f64,
        classes: usize,
    ) -> Self {
        let classes = classes as f64;
        let (points, outputs) = (points as f64, classes - 1.0);
        Problem { error, points, dimension, radius, resolution, classes, outputs, bound: 1.0 }
    }

    /// The formula, in logarithms.
    pub fn difficulty(&self) -> Difficulty {
        let (m, d, free) = (self.dimension, self.classes, self.outputs);
        // W: Wasserstein distance of a sample of n points and the population, on a sphere of radius R.
        let sphere = (LN_2 + 0.5 * (m + 1.0) * PI.ln() + d.ln() - ln_gamma(0.5 * (m + 1.0))) / m;
        let ln_distance = 0.5 * (m / 6.0).ln() + sphere + self.radius.ln() - self.points.ln() / m;
        let frequency = 2.0 * PI * self.radius / self.resolution;
        let degree = degree(m, frequency);
        let ln_harmonics = ln_harmonics(m, degree);
        // L_f: Lipschitz constant of a combination of harmonics.
        let ln_slope = (degree * free.sqrt() / self.radius).ln();
        let ln_each = self.bound.ln() + 0.5 * free.ln() + 0.5 * d.ln() - self.error.ln() + ln_slope + ln_distance;
        let directions = (2.0 * free * d).ln() + ln_harmonics;
        Difficulty {
            degree,
            ln_harmonics,
            directions: directions.exp() - self.points * free,
            bits_each: ln_each / LN_2,
        }
    }
}

impl Difficulty {
    /// Bits in all; nothing where the bound is not valid: more data than free directions, or an error that every
    /// hypothesis reaches.
    pub fn bits(&self) -> Option<f64> {
        let bits = self.directions * self.bits_each;
        (self.directions > 0.0 && self.bits_each > 0.0 && bits.is_finite()).then_some(bits)
    }
}

/// The K with `K (K + m - 1) = M^2`: harmonics of degree K have the eigenvalue of frequency M.
pub fn degree(dimension: f64, frequency: f64) -> f64 {
    let m = dimension - 1.0;
    0.5 * ((m * m + 4.0 * frequency * frequency).sqrt() - m)
}

/// ln E, `E = C(m + K, m) + C(m + K - 1, m)`: harmonics of the m-sphere up to degree K.
pub fn ln_harmonics(dimension: f64, degree: f64) -> f64 {
    let ln_choose = |n: f64| ln_gamma(n + 1.0) - ln_gamma(dimension + 1.0) - ln_gamma(n - dimension + 1.0);
    let (first, m) = (ln_choose(dimension + degree), dimension + degree - 1.0);
    // C(m + K - 1, m) is 0 for K = 0, where its logarithm would be of a number that is none.
    if degree <= 0.0 { first } else { first + (ln_choose(m) - first).exp().ln_1p() }
}

/// Bits of balancing a pole of which `observations` steps were seen, by the authors' code: with
/// delta = eps = 1e-3 and n = 1e4 points.
pub fn cart_pole_bits(observations: u32) -> f64 {
    let (t, small, points) = (f64::from(observations), 1e-3f64, 1e4f64);
    let directions = (LN_2 + 2.0 * t * (2.0 * PI / small).ln() + t * PI.ln() - ln_gamma(t + 1.0)).exp() - points;
    let each = (4.0 * PI * PI / 3f64.sqrt()).log2() + 0.5 * t.log2() - 2.0 * small.log2() - points.log2() / (2.0 * t);
    directions * each
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photographs_of_a_thousand_classes() {
        let problem = Problem {
            error: 0.1,
            points: 1_280_901.0,
            dimension: 48.0,
            radius: 943.592_3,
            resolution: 65.0,
            classes: 1000.0,
            outputs: 999.0,
            bound: 1.0,
        };
        let found = problem.difficulty();
        assert!((found.degree - 70.690_4).abs() < 1e-4, "{found:?}");
        assert!((found.ln_harmonics.exp() / 7.184_420e33 - 1.0).abs() < 1e-6, "{found:?}");
        assert!((found.bits_each - 24.962_626).abs() < 1e-6, "{found:?}");
        assert!((found.bits().unwrap() / 3.583_253e41 - 1.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn numbers_of_spherical_harmonics() {
        assert!((degree(1.0, 5.0) - 5.0).abs() < 1e-12);
        for (m, k, count) in
            [(1.0, 5.0, 11.0), (2.0, 1.0, 4.0), (2.0, 2.0, 9.0), (3.0, 2.0, 14.0), (4.0, 3.0, 50.0), (3.0, 0.0, 1.0)]
        {
            assert!((ln_harmonics(m, k).exp() - count).abs() < 1e-9, "{m} {k}");
        }
        let frequency = degree(3.0, 7.0);
        assert!((frequency * (frequency + 2.0) - 49.0).abs() < 1e-9);
    }

    #[test]
    fn a_pole_seen_once_twice_and_three_times() {
        for (observations, expected) in [(1, 4.41e9), (2, 3.33e17), (3, 1.46e25)] {
            let found = cart_pole_bits(observations);
            assert!((found / expected - 1.0).abs() < 5e-3, "{observations}: {found:e}");
        }
    }

    #[test]
    fn only_ratios_of_lengths_count() {
        let of = |scale: f64| Problem::classification(0.01, 500, 8.0, 4.8 * scale, 1.2 * scale, 10).difficulty();
        let (one, ten) = (of(1.0).bits().unwrap(), of(10.0).bits().unwrap());
        assert!((one / ten - 1.0).abs() < 1e-9, "{one} {ten}");
    }

    #[test]
    fn outside_its_regime_the_bound_is_no_number() {
        let far_too_many = Problem::classification(0.01, 10_000_000, 1.0, 1.0, 1.0, 10).difficulty();
        assert!(far_too_many.directions < 0.0 && far_too_many.bits().is_none());
        let any_will_do = Problem::classification(1e9, 100, 8.0, 4.8, 1.2, 10).difficulty();
        assert!(any_will_do.bits_each < 0.0 && any_will_do.bits().is_none());
    }
}
