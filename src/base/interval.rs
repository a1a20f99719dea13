//! Intervals for means over a few seeds, by Student's t.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::numbers::mean;

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Half the length of its interval; none from a single value.
    pub half: Option<f64>,
    /// How many values.
    pub count: usize,
}

/// The mean of finite values with its 95 % interval by Student's t; none without any.
pub fn student(values: &[f64]) -> Option<Mean> {
    let mean = mean(values)?;
    let count = values.len();
    let half = (count > 1).then(|| quantile((count - 1) as f64) * (variance(values, mean) / count as f64).sqrt());
    Some(Mean { mean, half, count })
}

/// The difference of the means of two sets of independent values, `first` less `second`, with its 95 % interval
/// by Welch's t (Welch 1947).
pub fn welch(first: &[f64], second: &[f64]) -> Option<Mean> {
    let (one, two) = (mean(first)?, mean(second)?);
    let count = first.len().min(second.len());
    let half = (count > 1).then(|| {
        let (n, m) = (first.len() as f64, second.len() as f64);
        let (a, b) = (variance(first, one) / n, variance(second, two) / m);
        let freedom = (a + b).powi(2) / (a * a / (n - 1.0) + b * b / (m - 1.0));
        // Two sets without any spread differ by exactly that.
        if a + b == 0.0 { 0.0 } else { quantile(freedom) * (a + b).sqrt() }
    });
    Some(Mean { mean: one - two, half, count })
}

fn variance(values: &[f64], mean: f64) -> f64 {
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// What Student's t stays below with a probability of 97.5 %.
fn quantile(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_differences_have_the_intervals_of_the_tables() {
        let found = student(&[1.0, 2.0, 3.0]).unwrap();
        // t(0.975, 2) = 4.30265, standard error 1 / sqrt(3).
        assert!((found.half.unwrap() - 4.302_652_73 / 3f64.sqrt()).abs() < 1e-6);
        assert_eq!((found.mean, found.count, student(&[7.0]).unwrap().half), (2.0, 3, None));
        assert!(student(&[]).is_none());
        // Equal spreads: Welch's freedom is n + m - 2 = 4, t = 2.77645.
        let found = welch(&[2.0, 3.0, 4.0], &[1.0, 2.0, 3.0]).unwrap();
        assert!(
            (found.mean - 1.0).abs() < 1e-12 && (found.half.unwrap() - 2.776_445_1 * (2f64 / 3.0).sqrt()).abs() < 1e-6
        );
        assert_eq!(welch(&[1.0, 1.0], &[0.5, 0.5]).unwrap().half, Some(0.0));
        assert_eq!(welch(&[1.0], &[0.5, 0.25]).unwrap().half, None);
    }
}
