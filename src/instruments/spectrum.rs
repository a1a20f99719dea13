//! The shape of a representation: how many directions it uses, and how alike its classes are.

use crate::kernels::linalg::symmetric_eigen;

/// Effective rank of the activations `[rows, width]`: `exp` of the entropy of the squared singular values,
/// normalised to sum 1, of the activations less their mean row (the exponential of the spectral entropy of
/// their covariance). 1 to `width`; none if a value is not finite or nothing varies.
pub fn effective_rank(activations: &[f32], width: usize) -> Option<f64> {
    let rows = activations.len().checked_div(width).filter(|rows| *rows > 1)?;
    let mean = mean_row(activations.chunks_exact(width), width)?;
    let mut covariance = vec![0.0; width * width];
    for row in activations.chunks_exact(width) {
        let off: Vec<f64> = row.iter().zip(&mean).map(|(x, m)| f64::from(*x) - m).collect();
        for (i, a) in off.iter().enumerate() {
            covariance[i * width..=i * width + i].iter_mut().zip(&off).for_each(|(c, b)| *c += a * b / rows as f64);
        }
    }
    // Only the lower half was summed.
    for i in 0..width {
        for j in i + 1..width {
            covariance[i * width + j] = covariance[j * width + i];
        }
    }
    effective_rank_of(&symmetric_eigen(width, &covariance).ok()?.values)
}

/// `exp` of the entropy of numbers normalised to sum 1; what is not positive counts as 0. None if nothing is
/// positive.
pub fn effective_rank_of(squared_singular_values: &[f64]) -> Option<f64> {
    let sum: f64 = squared_singular_values.iter().map(|v| v.max(0.0)).sum();
    if !(sum > 0.0 && sum.is_finite()) {
        return None;
    }
    let shares = squared_singular_values.iter().map(|v| v.max(0.0) / sum).filter(|p| *p > 0.0);
    Some((-shares.map(|p| p * p.ln()).sum::<f64>()).exp())
}

/// Cosines between the mean activations of the classes, `[classes, classes]`. None if a class has no row
/// or a mean of zero length, or a value is not finite.
pub fn class_cosines(activations: &[f32], width: usize, labels: &[usize], classes: usize) -> Option<Vec<f64>> {
    let of = |class: usize| {
        let rows = activations.chunks_exact(width).zip(labels).filter(move |(_, label)| **label == class);
        let mean = mean_row(rows.map(|(row, _)| row), width)?;
        let length = mean.iter().map(|x| x * x).sum::<f64>().sqrt();
        (length > 0.0).then(|| mean.into_iter().map(|x| x / length).collect::<Vec<f64>>())
    };
    let means: Vec<Vec<f64>> = (0..classes).map(of).collect::<Option<_>>()?;
    let cosine = |i: usize, j: usize| means[i].iter().zip(&means[j]).map(|(a, b)| a * b).sum();
    Some((0..classes * classes).map(|at| cosine(at / classes, at % classes)).collect())
}

/// The mean over pairs of different classes of `[classes, classes]`; none for fewer than two classes.
pub fn mean_off_diagonal(cosines: &[f64], classes: usize) -> Option<f64> {
    let pairs = classes * classes.saturating_sub(1);
    let sum: f64 = cosines.iter().enumerate().filter(|(at, _)| at / classes != at % classes).map(|(_, c)| c).sum();
    (pairs > 0 && cosines.len() == classes * classes).then(|| sum / pairs as f64)
}

fn mean_row<'a>(rows: impl Iterator<Item = &'a [f32]>, width: usize) -> Option<Vec<f64>> {
    let (mut sum, mut count) = (vec![0.0; width], 0.0);
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(s, x)| *s += f64::from(*x));
        count += 1.0;
    }
    let mean: Vec<f64> = sum.into_iter().map(|s| s / count).collect();
    mean.iter().all(|m| m.is_finite()).then_some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_ranks_by_hand() {
        assert!((effective_rank_of(&[4.0, 4.0, 4.0]).unwrap() - 3.0).abs() < 1e-12);
        assert_eq!(effective_rank_of(&[7.0, 0.0, -1e-18]), Some(1.0));
        assert_eq!((effective_rank_of(&[0.0]), effective_rank_of(&[])), (None, None));
        // Rows +-e_i: three equal directions about a mean of zero; then all on one line off the origin.
        let spread: Vec<f32> = (0..6)
            .flat_map(|r| (0..3).map(move |i| if i == r / 2 { if r % 2 == 0 { 1.0 } else { -1.0 } } else { 0.0 }))
            .collect();
        assert!((effective_rank(&spread, 3).unwrap() - 3.0).abs() < 1e-9);
        let line: Vec<f32> = (0..5).flat_map(|t| [5.0 + t as f32, 1.0 + 2.0 * t as f32]).collect();
        assert!((effective_rank(&line, 2).unwrap() - 1.0).abs() < 1e-6);
        assert_eq!(effective_rank(&[1.0, 2.0], 2), None);
    }

    #[test]
    fn cosines_of_class_means_by_hand() {
        // One-hot means: 0; the same mean: 1.
        let hot = [1.0, 0.0, 3.0, 0.0, 0.0, 2.0];
        let cosines = class_cosines(&hot, 2, &[0, 0, 1], 2).unwrap();
        assert_eq!((cosines[0], mean_off_diagonal(&cosines, 2)), (1.0, Some(0.0)));
        let same = [1.0, 2.0, 1.0, 2.0, 2.0, 4.0];
        let mean = mean_off_diagonal(&class_cosines(&same, 2, &[0, 1, 2], 3).unwrap(), 3).unwrap();
        assert!((mean - 1.0).abs() < 1e-12);
        assert_eq!(class_cosines(&hot, 2, &[0, 0, 0], 2), None, "a class without a row");
        assert_eq!(class_cosines(&[0.0, 0.0, 1.0, 0.0], 2, &[0, 1], 2), None, "a mean of no length");
    }
}
