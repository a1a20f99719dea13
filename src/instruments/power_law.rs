//! Scaling laws: E(C) = a (b + C)^(-alpha) + E_inf, fitted on the logarithm of the error (Bachmann,
//! Anagnostidis and Hofmann 2023, section on scaling laws; the form is that of Zhai et al. 2022).

use super::statistics::nelder_mead::NelderMead;

/// One search for the law's parameters.
const SEARCH: NelderMead = NelderMead { size: 0.3, tolerance: 1e-20, evaluations: 1500 };

/// A power law with an offset and a floor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// Factor.
    pub a: f64,
    /// Offset, in the unit of the compute; at least 0.
    pub b: f64,
    /// Exponent; positive where more compute means less error.
    pub alpha: f64,
    /// What no compute takes away; at least 0.
    pub floor: f64,
}

/// A fitted law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// The law.
    pub law: PowerLaw,
    /// Share of the variance of the log error that it explains.
    pub r_squared: f64,
}

impl PowerLaw {
    /// The error at a compute.
    pub fn at(&self, compute: f64) -> f64 {
        self.a * (self.b + compute).powf(-self.alpha) + self.floor
    }
}

/// Numbers that a law is made from: ln a, ln b, alpha, ln floor, with compute in units of the least.
type Parameters = [f64; 4];

fn law(p: &[f64]) -> PowerLaw {
    // Beyond these the law is flat, a pure power or overflows; the search need not go there.
    let exp = |x: f64| x.clamp(-40.0, 40.0).exp();
    PowerLaw { a: exp(p[0]), b: exp(p[1]), alpha: p[2].clamp(-20.0, 20.0), floor: exp(p[3]) }
}

/// Fits points (compute, error), all positive, by least squares on ln E, from several beginnings; none for
/// fewer than five points, for compute that does not vary, or values that are not positive and finite.
pub fn fit(points: &[(f64, f64)]) -> Option<Fit> {
    let usable = |&(c, e): &(f64, f64)| c > 0.0 && e > 0.0 && c.is_finite() && e.is_finite();
    if points.len() < 5 || !points.iter().all(usable) {
        return None;
    }
    let fold = |pick: fn(f64, f64) -> f64, of: fn(&(f64, f64)) -> f64| points.iter().map(of).reduce(pick);
    let (least, most) = (fold(f64::min, |p| p.0)?, fold(f64::max, |p| p.0)?);
    if least == most {
        return None;
    }
    let scaled: Vec<(f64, f64)> = points.iter().map(|(c, e)| (c / least, e.ln())).collect();
    let loss = |p: &[f64]| {
        let law = law(p);
        scaled.iter().map(|(c, log)| (law.at(*c).ln() - log).powi(2)).sum::<f64>()
    };
    let lowest = fold(f64::min, |p| p.1)?;
    let mut best: Option<(Parameters, f64)> = None;
    for alpha in [0.2, 0.5, 1.0] {
        for share in [0.05, 0.7] {
            for b in [-3.0, 1.0] {
                let first = points.first()?.1;
                let start = [first.ln() + alpha * f64::exp(b).ln_1p(), b, alpha, (share * lowest).ln()];
                let found = descend(start, 3, &loss);
                best = Some(best.filter(|(_, loss)| *loss <= found.1).unwrap_or(found));
            }
        }
    }
    let (parameters, residual) = descend(best?.0, 12, &loss);
    let found = law(&parameters);
    let mean = scaled.iter().map(|(_, log)| log).sum::<f64>() / scaled.len() as f64;
    let total: f64 = scaled.iter().map(|(_, log)| (log - mean).powi(2)).sum();
    let law = PowerLaw { a: found.a * least.powf(found.alpha), b: found.b * least, ..found };
    (total > 0.0 && law.a.is_finite()).then(|| Fit { law, r_squared: 1.0 - residual / total })
}

/// The search begun anew where it ended, so many times: a simplex that has collapsed gets its size back.
fn descend(start: Parameters, rounds: usize, loss: &impl Fn(&[f64]) -> f64) -> (Parameters, f64) {
    let mut at = (start, loss(&start));
    for _ in 0..rounds {
        let Some(found) = SEARCH.minimise(&at.0, loss).filter(|found| found.value < at.1) else { break };
        at = ([0, 1, 2, 3].map(|i| found.point[i]), found.value);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(law: &PowerLaw, unit: f64) -> Vec<(f64, f64)> {
        (0..=12).map(|i| f64::from(1 << i)).map(|c| (c * unit, law.at(c))).collect()
    }

    #[test]
    fn a_law_without_noise_is_recovered() {
        let law = PowerLaw { a: 0.5, b: 1.0, alpha: 0.3, floor: 0.05 };
        let fit = fit(&sampled(&law, 1.0)).unwrap();
        let near = |found: f64, expected: f64| (found / expected - 1.0).abs() < 0.01;
        assert!(near(fit.law.a, 0.5) && near(fit.law.b, 1.0), "{fit:?}");
        assert!(near(fit.law.alpha, 0.3) && near(fit.law.floor, 0.05), "{fit:?}");
        assert!(fit.r_squared > 0.999_999);
    }

    #[test]
    fn the_unit_of_compute_changes_factor_and_offset_alone() {
        let law = PowerLaw { a: 0.5, b: 1.0, alpha: 0.3, floor: 0.05 };
        let found = fit(&sampled(&law, 1e9)).unwrap().law;
        assert!((found.alpha / 0.3 - 1.0).abs() < 0.01 && (found.b / 1e9 - 1.0).abs() < 0.01, "{found:?}");
        assert!((found.at(64e9) / law.at(64.0) - 1.0).abs() < 1e-4);
    }

    #[test]
    fn an_error_that_grows_has_a_negative_exponent() {
        let points: Vec<(f64, f64)> = (1..9).map(|c| (f64::from(c), 0.1 * f64::from(c).powf(0.4))).collect();
        let found = fit(&points).unwrap();
        assert!(found.law.alpha < 0.0 && found.r_squared > 0.99, "{found:?}");
    }

    #[test]
    fn what_no_law_explains_has_a_low_r_squared() {
        let points: Vec<(f64, f64)> = (0..12).map(|i| (f64::from(1 << i), [0.1, 0.4][i as usize % 2])).collect();
        assert!(fit(&points).unwrap().r_squared < 0.4);
    }

    #[test]
    fn points_that_cannot_be_fitted_are_refused() {
        let good = [(1.0, 0.5), (2.0, 0.4), (3.0, 0.3), (4.0, 0.25), (5.0, 0.2)];
        assert!(fit(&good).is_some());
        assert!(fit(&good[..4]).is_none());
        assert!(fit(&good.map(|(_, e)| (2.0, e))).is_none());
        assert!(fit(&good.map(|(c, e)| (c, e - 0.2))).is_none());
        assert!(fit(&good.map(|(c, _)| (c, f64::NAN))).is_none());
    }
}
