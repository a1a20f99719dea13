//! A sample against a law: its quantiles, and how far its distribution is from a given one.

/// Places between which a cumulative distribution is interpolated: the error is far below that of any
/// sample.
const PLACES: usize = 400;

/// The largest difference between the cumulative distribution `cdf` and that of a sample (Kolmogorov's
/// distance). In a large sample `cdf` is called for every so many values and drawn as straight lines in
/// between. Nothing for an empty sample.
pub fn kolmogorov(values: &[f64], cdf: impl Fn(f64) -> f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let every = sorted.len().div_ceil(PLACES).max(1);
    let mut most = None::<f64>;
    for first in (0..sorted.len()).step_by(every) {
        let last = (first + every).min(sorted.len() - 1);
        let (low, high) = (cdf(sorted[first]), cdf(sorted[last]));
        let span = sorted[last] - sorted[first];
        for (i, x) in sorted.iter().enumerate().take(last + 1).skip(first) {
            let share = if span > 0.0 { (x - sorted[first]) / span } else { 0.0 };
            let p = low + share * (high - low);
            let off = (p - i as f64 / count).abs().max(((i + 1) as f64 / count - p).abs());
            most = Some(most.map_or(off, |most| most.max(off)));
        }
    }
    most
}

/// The quantile `share` (0 to 1) of a sample, linear between neighbours; nothing of an empty one.
pub fn sample_quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    super::quantile(&sorted, share)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kolmogorov's distance value by value.
    fn plain(values: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
        let count = values.len() as f64;
        let below = |x: f64| values.iter().filter(|v| **v < x).count() as f64 / count;
        let upto = |x: f64| values.iter().filter(|v| **v <= x).count() as f64 / count;
        values.iter().map(|x| (cdf(*x) - below(*x)).abs().max((cdf(*x) - upto(*x)).abs())).fold(0.0, f64::max)
    }

    #[test]
    fn the_distance_is_that_of_its_definition() {
        assert!((kolmogorov(&[0.1, 0.5, 0.6], |x| x).unwrap() - 0.4).abs() < 1e-15);
        assert_eq!(kolmogorov(&[0.25], |x| x), Some(0.75));
        for count in [5usize, 399, 400, 401, 2000, 2001] {
            let values: Vec<f64> = (0..count).map(|i| (i as f64 * 0.618_033).fract().powf(1.1)).collect();
            let cdf = |x: f64| 1.0 - (-2.0 * x).exp();
            let (found, expected) = (kolmogorov(&values, cdf).unwrap(), plain(&values, cdf));
            assert!((found - expected).abs() < 1e-4, "{count}: {found} {expected}");
        }
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(sample_quantile(&[4.0, 1.0, 2.0], 0.75), Some(3.0));
        assert_eq!((sample_quantile(&[5.0], 0.1), sample_quantile(&[], 0.1)), (Some(5.0), None));
        assert_eq!(kolmogorov(&[], |_| 0.0), None);
    }
}
