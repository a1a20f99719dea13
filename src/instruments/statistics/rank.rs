//! Spearman's rank correlation.

/// Ranks from 1, ties sharing the mean of their places; none if a value is not finite.
pub fn ranks(values: &[f64]) -> Option<Vec<f64>> {
    if !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    // `==` and not the total order: 0.0 and -0.0 are a tie.
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let first = order.partition_point(|&i| values[i] < values[tied[0]]);
        let shared = first as f64 + (tied.len() + 1) as f64 / 2.0;
        tied.iter().for_each(|&i| ranks[i] = shared);
    }
    Some(ranks)
}

/// Spearman's rank correlation: Pearson's of the ranks, which is right with ties too. None for fewer
/// than two pairs, lists of different length, values that are not finite, or a constant list.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    if x.len() != y.len() {
        return None;
    }
    let (x, y) = (ranks(x)?, ranks(y)?);
    let middle = (x.len() + 1) as f64 / 2.0;
    let sum = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(p, q)| (p - middle) * (q - middle)).sum() };
    let spread = (sum(&x, &x) * sum(&y, &y)).sqrt();
    (spread > 0.0).then(|| (sum(&x, &y) / spread).clamp(-1.0, 1.0))
}

/// Spearman's correlation of x and y with z held: what is left of it when each is cleared of what its ranks have in
/// common with those of z. None where a correlation is none, or x or y is ranked as z.
pub fn partial_spearman(x: &[f64], y: &[f64], z: &[f64]) -> Option<f64> {
    let (xy, xz, yz) = (spearman(x, y)?, spearman(x, z)?, spearman(y, z)?);
    let rest = (1.0 - xz * xz) * (1.0 - yz * yz);
    (rest > 1e-9).then(|| ((xy - xz * yz) / rest.sqrt()).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_share_ties() {
        assert_eq!(ranks(&[10.0, 30.0, 10.0, 20.0, 30.0, 30.0]).unwrap(), [1.5, 5.0, 1.5, 3.0, 5.0, 5.0]);
        assert_eq!(ranks(&[0.0, -0.0]).unwrap(), [1.5, 1.5]);
        assert_eq!((ranks(&[]), ranks(&[f64::NAN])), (Some(vec![]), None));
    }

    #[test]
    fn known_values() {
        // Without ties: 1 - 6 sum d^2 / (n (n^2 - 1)); d = 1, 1, 0, 1, 1: 1 - 24/120.
        assert!((spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[2.0, 1.0, 3.0, 5.0, 4.0]).unwrap() - 0.8).abs() < 1e-15);
        // With ties: ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
        let tied = spearman(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((tied - 4.5 / 22.5f64.sqrt()).abs() < 1e-15);
        // Any rising map keeps it, a falling one turns it round.
        let (x, y): (Vec<f64>, Vec<f64>) = (0..9).map(|i| (f64::from(i), f64::from(i * i * i))).unzip();
        assert_eq!(spearman(&x, &y), Some(1.0));
        assert_eq!(spearman(&x, &y.iter().map(|v| -v).collect::<Vec<_>>()), Some(-1.0));
    }

    #[test]
    fn what_a_third_explains_is_taken_out() {
        // r(x, y) = r(y, z) = 0.8 and r(x, z) = 0.6: (0.8 - 0.48) / (0.8 * 0.6) = 2/3.
        let (x, y, z) = ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 4.0, 3.0], [2.0, 1.0, 4.0, 3.0]);
        assert!((partial_spearman(&x, &y, &z).unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!((partial_spearman(&x, &x, &x), partial_spearman(&x, &y, &x)), (None, None));
        // r(x, z) = 0 and r(y, z) = -0.4: 0.8 / sqrt(1 - 0.16).
        let apart = [2.0, 4.0, 1.0, 3.0];
        assert!((partial_spearman(&x, &y, &apart).unwrap() - 0.8 / 0.84f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn nothing_to_correlate_is_none() {
        assert_eq!(spearman(&[], &[]), None);
        assert_eq!(spearman(&[1.0], &[1.0]), None);
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[1.0]), None);
        assert_eq!(spearman(&[1.0, f64::NAN], &[1.0, 2.0]), None);
    }
}
