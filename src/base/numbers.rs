//! What every layer says about a list of numbers.

/// The mean; none of nothing or of values that are not finite.
pub fn mean(values: &[f64]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    mean.is_finite().then_some(mean)
}
