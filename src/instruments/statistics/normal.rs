//! The normal law in logs, far into its tail.

use std::f64::consts::PI;

use statrs::function::erf::erfc;

/// From here on the continued fraction is exact to rounding and `erfc` nears underflow.
const FAR: f64 = 8.0;
/// Terms of the continued fraction; at [`FAR`] fewer are needed.
const TERMS: u32 = 60;

/// Natural logarithm of the standard normal density.
pub fn ln_normal_density(z: f64) -> f64 {
    -0.5 * (z * z + (2.0 * PI).ln())
}

/// Mills' ratio of the lower tail, `Phi(z) / phi(z)`; for z below -8 by Laplace's continued fraction
/// `1 / (t + 1 / (t + 2 / (t + 3 / ..)))` with t = -z.
pub fn lower_mills_ratio(z: f64) -> f64 {
    if z < -FAR {
        1.0 / (1..=TERMS).rev().fold(-z, |below, i| -z + f64::from(i) / below)
    } else {
        0.5 * erfc(-z / std::f64::consts::SQRT_2) / ln_normal_density(z).exp()
    }
}

/// Natural logarithm of the standard normal cumulative distribution.
pub fn ln_normal_cdf(z: f64) -> f64 {
    if z < -FAR {
        ln_normal_density(z) + lower_mills_ratio(z).ln()
    } else {
        (0.5 * erfc(-z / std::f64::consts::SQRT_2)).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_near_and_far() {
        // Abramowitz and Stegun, tables 26.1 and 26.2.
        for (z, expected) in
            [(0.0, -std::f64::consts::LN_2), (-1.0, 0.158_655_253_931_457f64.ln()), (-5.0, -15.064_998)]
        {
            assert!((ln_normal_cdf(z) - expected).abs() < 1e-5, "{z}");
        }
        // Table 26.2: -log10 Phi(-x).
        for (x, expected) in [(10.0, 23.118_05), (20.0, 88.560_10), (50.0, 544.966_34), (100.0, 2_173.871_54)] {
            assert!((-ln_normal_cdf(-x) / std::f64::consts::LN_10 - expected).abs() < 1e-5, "{x}");
        }
    }

    #[test]
    fn the_two_formulas_meet() {
        let (near, far) = (ln_normal_cdf(-FAR + 1e-9), ln_normal_cdf(-FAR - 1e-9));
        assert!((near - far).abs() < 1e-6, "{near} {far}");
        assert!((lower_mills_ratio(-FAR + 1e-9) / lower_mills_ratio(-FAR - 1e-9) - 1.0).abs() < 1e-6);
    }
}
