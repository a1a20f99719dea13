//! Statistics behind verdicts: plain summaries, the bootstrap, rank correlation, censored times.
//!
//! Every function gives nothing, rather than a number, for empty or non-finite input; and the same
//! bits for the same input and key.

mod bootstrap;
mod censored;
pub mod chi_square;
mod linear;
pub mod nelder_mead;
pub mod normal;
mod rank;
pub mod sample;

pub use bootstrap::{Bootstrap, Estimate, Pairing};
pub use censored::{Lifetime, PairedSigns, first_crossing, paired_signs};
pub use linear::{least_squares_line, pearson};
pub use rank::{partial_spearman, ranks, spearman};

pub use crate::base::numbers::mean;

/// The standard deviation of a sample (divided by n - 1); none for fewer than two values.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// Means of every `window` neighbours, in order; the first belongs to the first `window` values.
/// Empty when there are fewer values than that.
pub fn running_mean(values: &[f64], window: usize) -> Vec<f64> {
    values.windows(window.max(1)).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect()
}

/// The quantile `share` (0 to 1) of sorted values, linear between neighbours (Hyndman and Fan's type 7).
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_have_their_closed_forms() {
        assert_eq!(mean(&[1.0, 2.0, 6.0]), Some(3.0));
        assert_eq!(deviation(&[1.0, 2.0, 6.0]), Some(7.0f64.sqrt()));
        assert_eq!(deviation(&[4.0, 4.0]), Some(0.0));
        assert_eq!((mean(&[]), deviation(&[]), deviation(&[1.0])), (None, None, None));
        assert_eq!((mean(&[1.0, f64::NAN]), deviation(&[f64::INFINITY, 1.0])), (None, None));
    }

    #[test]
    fn running_means_and_quantiles() {
        assert_eq!(running_mean(&[1.0, 3.0, 5.0, 7.0], 2), [2.0, 4.0, 6.0]);
        assert!(running_mean(&[1.0, 3.0], 3).is_empty());
        assert_eq!(running_mean(&[1.0, 3.0], 0), [1.0, 3.0]);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
        assert_eq!((quantile(&[5.0], 0.025), quantile(&[], 0.5)), (Some(5.0), None));
    }
}
