//! Straight lines: Pearson's correlation and the least-squares line.

/// A line through points, with how much of their variance it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Rise for each unit of x.
    pub slope: f64,
    /// Value at x = 0.
    pub intercept: f64,
    /// Share of the variance of y that lies on the line, 0 to 1.
    pub r_squared: f64,
}

/// Sums of squares and products about the means: xx, yy, xy, and the means. None unless both lists are
/// finite, as long as each other, and hold two values or more.
fn moments(x: &[f64], y: &[f64]) -> Option<([f64; 3], [f64; 2])> {
    if x.len() != y.len() || x.len() < 2 {
        return None;
    }
    let n = x.len() as f64;
    let means = [x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n];
    let sum = |a: &[f64], i: usize, b: &[f64], j: usize| -> f64 {
        a.iter().zip(b).map(|(p, q)| (p - means[i]) * (q - means[j])).sum()
    };
    let sums = [sum(x, 0, x, 0), sum(y, 1, y, 1), sum(x, 0, y, 1)];
    sums.iter().all(|s| s.is_finite()).then_some((sums, means))
}

/// Pearson's correlation. None for fewer than two pairs, lists of different length, values that are not
/// finite, or a constant list.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let ([xx, yy, xy], _) = moments(x, y)?;
    let spread = xx.sqrt() * yy.sqrt();
    (spread > 0.0).then(|| (xy / spread).clamp(-1.0, 1.0))
}

/// The least-squares line of y on x. None where [`pearson`] is none.
pub fn least_squares_line(x: &[f64], y: &[f64]) -> Option<Line> {
    let r = pearson(x, y)?;
    let ([xx, _, xy], [mean_x, mean_y]) = moments(x, y)?;
    let slope = xy / xx;
    Some(Line { slope, intercept: mean_y - slope * mean_x, r_squared: r * r })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_lines() {
        let line = least_squares_line(&[0.0, 1.0, 2.0], &[1.0, 3.0, 5.0]).unwrap();
        assert!(
            (line.slope - 2.0).abs() < 1e-15
                && (line.intercept - 1.0).abs() < 1e-15
                && (line.r_squared - 1.0).abs() < 1e-15
        );
        // x = -1, 0, 1 and y = 0, 1, 0: flat at 1/3.
        assert_eq!(pearson(&[-1.0, 0.0, 1.0], &[0.0, 1.0, 0.0]), Some(0.0));
        // Sums 5, 4, 3: r = 3 / sqrt 20.
        let r = pearson(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 1.0, 3.0]).unwrap();
        assert!((r - 2.0 / 20f64.sqrt()).abs() < 1e-15, "{r}");
        assert!((pearson(&[1.0, 2.0], &[5.0, -3.0]).unwrap() + 1.0).abs() < 1e-15);
    }

    #[test]
    fn nothing_to_correlate_is_none() {
        assert_eq!(pearson(&[1.0], &[1.0]), None);
        assert_eq!(pearson(&[1.0, 2.0], &[1.0]), None);
        assert_eq!(pearson(&[1.0, 2.0], &[1.0, 1.0]), None);
        assert_eq!(pearson(&[1.0, f64::NAN], &[1.0, 2.0]), None);
        assert_eq!(least_squares_line(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}
