//! Bits against closed forms, quantiles and the authors' numbers.

use super::*;

fn draws(fit: &ScaledChiSquare, count: usize, seed: u64) -> Vec<f64> {
    let mut stream = Key::new(seed).purpose("losses").stream();
    (0..count).map(|_| fit.scale * fit.law.sample(&mut stream)).collect()
}

fn scaled(scale: f64, freedom: f64, noncentrality: f64) -> ScaledChiSquare {
    ScaledChiSquare { scale, law: ChiSquare { freedom, noncentrality } }
}

#[test]
fn a_fit_finds_the_distribution_that_made_the_sample() {
    for truth in [scaled(0.01, 12.0, 30.0), scaled(2.0, 1.0, 0.5), scaled(1e-4, 300.0, 200.0)] {
        let losses = draws(&truth, 10_000, 3);
        let fit = ScaledChiSquare::fit(&losses).unwrap();
        // Of a sample's own law the distance is 0.0136 in 95 % of samples.
        assert!(fit.kolmogorov(&losses).unwrap() < 0.014, "{fit:?}");
        for share in [0.01, 0.1, 0.5] {
            let eps = sample_quantile(&losses, share).unwrap();
            assert!((fit.bits(eps) / truth.bits(eps) - 1.0).abs() < 0.05, "{fit:?} at {share}");
        }
    }
}

#[test]
fn a_quantile_of_the_sample_is_worth_its_own_logarithm() {
    let losses = draws(&scaled(0.02, 40.0, 60.0), 10_000, 4);
    let fit = ScaledChiSquare::fit(&losses).unwrap();
    let eps = sample_quantile(&losses, 0.1).unwrap();
    assert!((fit.bits(eps) - 10f64.log2()).abs() < 0.1, "{}", fit.bits(eps));
    let (mean, sd) = (mean(&losses).unwrap(), deviation(&losses).unwrap());
    let bits = fit.bits_of(mean, sd, eps);
    assert!(bits.warning().is_none() && bits.extrapolation > 1.0);
    let far = fit.bits_of(mean, sd, 0.5);
    assert!(far.warning().unwrap().starts_with("extrapolated by the tail model ("), "{far:?}");
    assert!(far.sankaran < far.bits);
}

#[test]
fn the_nodes_stand_for_the_whole_sample() {
    let losses = draws(&scaled(0.1, 3.0, 9.0), 3000, 5);
    let nodes = Nodes::new(&losses).unwrap();
    assert_eq!(nodes.at.len(), NODES);
    assert!((nodes.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    for fit in [scaled(0.1, 3.0, 9.0), scaled(0.4, 1.5, 1.0), scaled(0.01, 80.0, 40.0)] {
        let whole = losses.iter().map(|x| fit.ln_density(*x)).sum::<f64>() / losses.len() as f64;
        let found = nodes.average(|x| fit.ln_density(x));
        assert!((found - whole).abs() < 1e-6 * whole.abs().max(1.0), "{fit:?}: {found} {whole}");
    }
}

#[test]
fn a_small_sample_has_a_wide_interval_around_its_value() {
    let truth = scaled(0.01, 30.0, 30.0);
    let losses = draws(&truth, 64, 6);
    let fit = ScaledChiSquare::fit(&losses).unwrap();
    let eps = sample_quantile(&losses, 0.1).unwrap();
    let refit = |i: u64| fit.refit(&losses, Key::new(1).index(i)).unwrap();
    let refits: Vec<ScaledChiSquare> = (0..60).map(refit).collect();
    let (low, high) = interval(&refits, eps).unwrap();
    assert!(low < fit.bits(eps) && fit.bits(eps) < high && high < 8.0, "{low} {high}");
    assert_eq!(refit(7), refits[7]);
    assert_eq!(interval(&[], eps), None);
}

#[test]
fn a_sample_that_leans_to_the_left_is_a_normal_one() {
    // No chi-square law leans to the left: the fit goes to its limit and stays finite.
    let losses: Vec<f64> = draws(&scaled(1.0, 3.0, 1.0), 64, 7).iter().map(|x| 100.0 - x).collect();
    let fit = ScaledChiSquare::fit(&losses).unwrap();
    let bits = fit.bits(40.0);
    assert!(bits.is_finite() && bits > 50.0, "{fit:?} {bits}");
}

#[test]
fn what_is_no_sample_has_no_fit() {
    assert_eq!(ScaledChiSquare::fit(&[]), None);
    assert_eq!(ScaledChiSquare::fit(&[0.5, 0.5, 0.5, 0.5]), None);
    assert_eq!(ScaledChiSquare::fit(&[0.5, f64::NAN, 0.4, 0.2]), None);
    assert_eq!(ScaledChiSquare::fit(&[0.5, -0.1, 0.4, 0.2]), None);
}
