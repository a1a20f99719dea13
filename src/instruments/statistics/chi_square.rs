//! The chi-square law, central and noncentral, in logs: density, cumulative distribution far into the
//! lower tail, Sankaran's approximation, draws.
//!
//! Both are Poisson mixtures of central ones: with a = k/2, h = lambda/2, y = x/2 the cumulative
//! distribution is `sum_j e^-h h^j / j! P(a + j, y)`, P the regularised lower incomplete gamma function
//! (Johnson, Kotz and Balakrishnan 1995, chapter 29).

use rand_distr::{Distribution, Gamma, Poisson};
use statrs::function::gamma::{gamma_ur, ln_gamma};

use crate::base::random::Stream;

/// Terms below this share of the largest are left out.
const NEGLIGIBLE: f64 = 1e-18;
/// The same as a difference of logarithms.
const NEGLIGIBLE_LN: f64 = -41.5;

/// The law of `sum_i (z_i + c_i)^2` over `freedom` standard normal `z_i`, with `noncentrality` the sum of
/// the `c_i^2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquare {
    /// Degrees of freedom k, above 0, not necessarily whole.
    pub freedom: f64,
    /// Noncentrality lambda, at least 0.
    pub noncentrality: f64,
}

/// Natural logarithm of the regularised lower incomplete gamma function P(a, x), a > 0; exact to rounding
/// also where P underflows. Below a + 1 by its series, above by the continued fraction of 1 - P.
pub fn ln_gamma_lower(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if x.is_infinite() {
        return 0.0;
    }
    if x >= a + 1.0 {
        return (-gamma_ur(a, x)).ln_1p();
    }
    let (mut term, mut sum, mut n) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        term *= x / (a + n);
        sum += term;
        n += 1.0;
    }
    ln_gamma_power(a, x) + f64::ln(sum)
}

/// ln( x^a e^-x / Gamma(a + 1) ): what P(a, x) loses when a grows by one.
fn ln_gamma_power(a: f64, x: f64) -> f64 {
    a * x.ln() - x - ln_gamma(a + 1.0)
}

impl ChiSquare {
    /// The central law.
    pub const fn central(freedom: f64) -> Self {
        ChiSquare { freedom, noncentrality: 0.0 }
    }

    /// Mean, `k + lambda`.
    pub fn mean(&self) -> f64 {
        self.freedom + self.noncentrality
    }

    /// Variance, `2 (k + 2 lambda)`.
    pub fn variance(&self) -> f64 {
        2.0 * (self.freedom + 2.0 * self.noncentrality)
    }

    /// Natural logarithm of the density; minus infinity for x <= 0.
    pub fn ln_density(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let (a, h, y) = (0.5 * self.freedom, 0.5 * self.noncentrality, 0.5 * x);
        let at = |j: f64| (a + j - 1.0) * y.ln() - y - ln_gamma(a + j);
        if h == 0.0 {
            return at(0.0) - std::f64::consts::LN_2;
        }
        // The terms rise until j (a + j - 1) = h y, and are summed from there to both sides.
        let hy = h * y;
        let mode = (0.5 * ((1.0 - a) + ((a - 1.0).powi(2) + 4.0 * hy).sqrt())).floor().max(0.0);
        let largest = at(mode) - h + mode * h.ln() - ln_gamma(mode + 1.0);
        let (mut sum, mut term, mut j) = (1.0, 1.0, mode);
        while term > NEGLIGIBLE {
            term *= hy / ((j + 1.0) * (a + j));
            sum += term;
            j += 1.0;
        }
        (term, j) = (1.0, mode);
        while term > NEGLIGIBLE && j > 0.0 {
            term *= j * (a + j - 1.0) / hy;
            sum += term;
            j -= 1.0;
        }
        largest + f64::ln(sum) - std::f64::consts::LN_2
    }

    /// Natural logarithm of the cumulative distribution; minus infinity for x <= 0.
    pub fn ln_cdf(&self, x: f64) -> f64 {
        let (a, h, y) = (0.5 * self.freedom, 0.5 * self.noncentrality, 0.5 * x);
        if x <= 0.0 || h == 0.0 || x.is_infinite() {
            return ln_gamma_lower(a, y);
        }
        // Terms are largest near j (a + j) = h y in the lower tail, and at h above it. From far above that
        // the incomplete gamma functions are had by adding, which loses nothing.
        let mode = (0.5 * (-a + (a * a + 4.0 * h * y).sqrt())).min(h).max(0.0);
        let mut j = (mode + 12.0 * (mode + 1.0).sqrt() + 40.0).ceil();
        let mut ln_lower = ln_gamma_lower(a + j, y);
        let mut ln_power = ln_gamma_power(a + j, y);
        let mut ln_poisson = -h + j * h.ln() - ln_gamma(j + 1.0);
        let (mut most, mut sum) = (f64::NEG_INFINITY, 0.0);
        loop {
            let term = ln_poisson + ln_lower;
            if term > most {
                sum = sum * (most - term).exp() + 1.0;
                most = term;
            } else {
                sum += (term - most).exp();
                if term < most + NEGLIGIBLE_LN && j < mode {
                    break;
                }
            }
            if j < 0.5 {
                break;
            }
            ln_poisson += j.ln() - h.ln();
            ln_power += (a + j).ln() - y.ln();
            j -= 1.0;
            // P(a + j) = P(a + j + 1) + power(a + j), the larger of the two taken out.
            let (high, low) = if ln_power > ln_lower { (ln_power, ln_lower) } else { (ln_lower, ln_power) };
            ln_lower = high + (low - high).exp().ln_1p();
        }
        (most + f64::ln(sum)).min(0.0)
    }

    /// `z^2 / 2` of Sankaran's (1963) normal approximation `z` at x, which stands for `-ln cdf` where only
    /// that is at hand; biased low far out. Nothing for x >= the mean.
    pub fn sankaran(&self, x: f64) -> Option<f64> {
        let (k, l) = (self.freedom, self.noncentrality);
        let h = 1.0 - (2.0 / 3.0) * (k + l) * (k + 3.0 * l) / (k + 2.0 * l).powi(2);
        let p = (k + 2.0 * l) / (k + l).powi(2);
        let m = (h - 1.0) * (1.0 - 3.0 * h);
        let centre = 1.0 + h * p * (h - 1.0 - 0.5 * (2.0 - h) * m * p);
        let z = ((x / (k + l)).powf(h) - centre) / (h * (2.0 * p).sqrt() * (1.0 + 0.5 * m * p));
        (x < self.mean() && z < 0.0).then_some(0.5 * z * z)
    }

    /// One draw, by drawing the Poisson number of the mixture first.
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        let poisson = Poisson::new(0.5 * self.noncentrality).ok();
        let j: f64 = poisson.map_or(0.0, |poisson| poisson.sample(stream));
        Gamma::new(0.5 * self.freedom + j, 2.0).map_or(f64::NAN, |gamma| gamma.sample(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    fn law(freedom: f64, noncentrality: f64) -> ChiSquare {
        ChiSquare { freedom, noncentrality }
    }

    #[test]
    fn two_degrees_of_freedom_have_a_closed_form() {
        for x in [1e-9, 0.1, 2.0, 7.0, 100.0] {
            let expected = (-(-x / 2.0f64).exp()).ln_1p();
            assert!((law(2.0, 0.0).ln_cdf(x) - expected).abs() < 1e-7 * expected.abs().max(1e-9), "{x}");
        }
        assert!((-law(2.0, 0.0).ln_cdf(2.0) - 0.458_675).abs() < 1e-6);
    }

    #[test]
    fn known_values_of_the_noncentral_law() {
        assert!((law(4.0, 3.0).ln_cdf(10.0).exp() - 0.783_763_2).abs() < 1e-7);
        for (x, k, l, expected) in [
            (1.0, 20.0, 10.0, -27.265_24),
            (20.0, 100.0, 50.0, -63.455_03),
            (100.0, 400.0, 200.0, -207.025_28),
            (50.0, 400.0, 200.0, -332.248_85),
        ] {
            assert!((law(k, l).ln_cdf(x) - expected).abs() < 1e-5, "{x} {k} {l}: {}", law(k, l).ln_cdf(x));
        }
    }

    #[test]
    fn the_density_is_the_slope_of_the_cumulative_distribution() {
        for (k, l) in [(0.7, 0.0), (3.0, 4.0), (1.5, 60.0), (400.0, 200.0), (3e4, 2e4), (5.0, 1e-8)] {
            let law = law(k, l);
            let (mean, sd) = (law.mean(), law.variance().sqrt());
            for x in [0.3 * mean, (mean - sd).max(0.05 * mean), mean, mean + 2.0 * sd] {
                let step = 3e-5 * sd.min(x);
                // cdf(x + step) - cdf(x - step), relative to cdf(x): fit for the far tail.
                let base = law.ln_cdf(mean.min(x));
                let slope = ((law.ln_cdf(x + step) - base).exp() - (law.ln_cdf(x - step) - base).exp()) / (2.0 * step);
                let found = (law.ln_density(x) - base).exp();
                assert!((slope / found - 1.0).abs() < 1e-4, "k {k} l {l} x {x}: {slope} {found}");
            }
        }
    }

    #[test]
    fn the_upper_end_is_one_and_the_lower_minus_infinity() {
        let law = law(7.0, 40.0);
        assert!(law.ln_cdf(1e4).abs() < 1e-12 && law.ln_cdf(f64::INFINITY) == 0.0);
        assert_eq!((law.ln_cdf(0.0), law.ln_density(-1.0)), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        let mut last = f64::NEG_INFINITY;
        for i in 1..400 {
            let next = law.ln_cdf(f64::from(i) * 0.5);
            // Near 1 the last digits of a logarithm are rounding.
            assert!(next >= last - 1e-12, "{i}");
            last = next;
        }
        // Far below what a plain number can hold.
        assert!(ChiSquare::central(2000.0).ln_cdf(20.0) < -3000.0);
    }

    #[test]
    fn sankaran_is_as_published_and_biased_low() {
        for (x, k, l, expected) in [(20.0, 100.0, 50.0, 55.756), (100.0, 400.0, 200.0, 191.066)] {
            let found = law(k, l).sankaran(x).unwrap();
            assert!((found - expected).abs() < 2e-3, "{found}");
            assert!(found < -law(k, l).ln_cdf(x));
        }
        assert_eq!(law(4.0, 2.0).sankaran(6.5), None);
    }

    #[test]
    fn a_million_draws_have_the_moments_of_the_law() {
        let mut stream = Key::new(5).purpose("chi-square").stream();
        let draws: Vec<f64> = (0..1_000_000).map(|_| 0.5 * law(3.0, 4.0).sample(&mut stream)).collect();
        let mean = draws.iter().sum::<f64>() / 1e6;
        let moment = |p: i32| draws.iter().map(|x| (x - mean).powi(p)).sum::<f64>() / 1e6;
        // Four standard errors: 0.0023 of the mean, about 0.011 and 0.11 of the others.
        assert!((mean - 3.5).abs() < 0.01 && (moment(2) - 5.5).abs() < 0.06, "{mean} {}", moment(2));
        assert!((moment(3) - 15.0).abs() < 0.6, "{}", moment(3));
        assert!((0..100).all(|_| ChiSquare::central(0.5).sample(&mut stream) >= 0.0));
    }
}
