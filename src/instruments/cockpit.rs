//! What the gradients of single examples tell of a training step (Schneider, Dangel and Hennig 2021,
//! "Cockpit": appendix C gives the formulas and their sources).

use super::statistics::mean;

/// Losses, gradients and their spread over the examples of a batch.
#[derive(Clone, Debug)]
pub struct Batch {
    losses: Vec<f64>,
    /// `[examples, weights]`.
    gradients: Vec<Vec<f64>>,
    mean: Vec<f64>,
    /// Mean over the examples of the squared gradient, by weight.
    second_moment: Vec<f64>,
}

/// Loss and slope of a step at one of its ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    /// Mean loss.
    pub loss: f64,
    /// Derivative of the mean loss along the whole step.
    pub slope: f64,
    /// Variances of loss and slope as means over the batch.
    pub variances: (f64, f64),
}

impl Batch {
    /// A batch of at least two examples with gradients as long as each other; none otherwise, or if a
    /// number is not finite.
    pub fn new(losses: Vec<f64>, gradients: Vec<Vec<f64>>) -> Option<Self> {
        let width = gradients.first()?.len();
        let whole = gradients.len() == losses.len() && gradients.len() > 1;
        if !whole || gradients.iter().any(|g| g.len() != width || g.iter().any(|x| !x.is_finite())) {
            return None;
        }
        let count = gradients.len() as f64;
        let (mut mean, mut second_moment) = (vec![0.0; width], vec![0.0; width]);
        for gradient in &gradients {
            for ((m, s), g) in mean.iter_mut().zip(&mut second_moment).zip(gradient) {
                *m += g / count;
                *s += g * g / count;
            }
        }
        Some(Batch { losses, gradients, mean, second_moment })
    }

    /// Mean gradient.
    pub fn gradient(&self) -> &[f64] {
        &self.mean
    }

    /// Length of the mean gradient.
    pub fn gradient_norm(&self) -> f64 {
        self.square().sqrt()
    }

    fn square(&self) -> f64 {
        dot(&self.mean, &self.mean)
    }

    fn count(&self) -> f64 {
        self.losses.len() as f64
    }

    /// Variance of each number of the gradient over the examples (divided by their number).
    fn variances(&self) -> impl Iterator<Item = f64> + '_ {
        self.second_moment.iter().zip(&self.mean).map(|(s, m)| (s - m * m).max(0.0))
    }

    /// Trace of the covariance of single gradients.
    pub fn noise(&self) -> f64 {
        self.variances().sum()
    }

    /// Mean over the weights of squared mean over variance, where there is a variance (Liu et al. 2020):
    /// well below 1 / batch where noise rules, above it where the examples agree.
    pub fn signal_to_noise(&self) -> Option<f64> {
        let varying: Vec<f64> =
            self.variances().zip(&self.mean).filter(|(v, _)| *v > 0.0).map(|(v, m)| m * m / v).collect();
        mean(&varying)
    }

    /// The norm test (Byrd et al. 2012): relative standard error of the gradient; below 1 a step goes downhill.
    pub fn norm_test(&self) -> f64 {
        let squares: f64 = self.gradients.iter().map(|g| dot(g, g)).sum();
        self.relative(squares / self.square() - self.count())
    }

    /// The inner product test (Bollapragada et al. 2017): relative standard error along the gradient.
    pub fn inner_product_test(&self) -> f64 {
        self.relative(self.along() - self.count())
    }

    /// The orthogonality test (Bollapragada et al. 2017): relative standard error across the gradient.
    pub fn orthogonality_test(&self) -> f64 {
        let squares: f64 = self.gradients.iter().map(|g| dot(g, g)).sum();
        self.relative(squares / self.square() - self.along())
    }

    fn along(&self) -> f64 {
        self.gradients.iter().map(|g| dot(g, &self.mean).powi(2)).sum::<f64>() / self.square().powi(2)
    }

    fn relative(&self, sum: f64) -> f64 {
        (sum.max(0.0) / (self.count() * (self.count() - 1.0))).sqrt()
    }

    /// Trace form of Takeuchi's information criterion: trace of the gradients' second moment over the
    /// trace of the curvature (Thomas et al. 2020). None where the curvature is not positive.
    pub fn takeuchi(&self, hessian_trace: f64) -> Option<f64> {
        (hessian_trace > 0.0).then(|| self.second_moment.iter().sum::<f64>() / hessian_trace)
    }

    /// The evidence that nothing is left to learn from these examples (Mahsereci et al. 2017): above 0 stop.
    pub fn early_stopping(&self) -> Option<f64> {
        Some(1.0 - self.count() * self.signal_to_noise()?)
    }

    /// The batch that balances noise against cost at a learning rate (Balles et al. 2017, CABS), in examples.
    pub fn balanced_batch(&self, learning_rate: f64) -> Option<f64> {
        Some(learning_rate * self.noise() / mean(&self.losses)?).filter(|batch| batch.is_finite())
    }

    /// Where a step begins or ends: loss, slope along `step`, and how sure both are.
    pub fn end(&self, step: &[f64]) -> End {
        let slopes: Vec<f64> = self.gradients.iter().map(|g| dot(g, step)).collect();
        let spread = |values: &[f64]| {
            let middle = values.iter().sum::<f64>() / self.count();
            let variance = values.iter().map(|v| (v - middle).powi(2)).sum::<f64>() / (self.count() - 1.0);
            (middle, variance / self.count())
        };
        let ((loss, loss_variance), (slope, slope_variance)) = (spread(&self.losses), spread(&slopes));
        End { loss, slope, variances: (loss_variance, slope_variance) }
    }

    /// Shares of the single gradients' numbers by size: below 1e-8, then a bin for each decade up to 1e2, and
    /// above.
    pub fn histogram(&self) -> Vec<f64> {
        let mut bins = vec![0.0; 12];
        for x in self.gradients.iter().flatten() {
            bins[((x.abs().log10() + 9.0).floor().clamp(0.0, 11.0)) as usize] += 1.0;
        }
        let all: f64 = bins.iter().sum();
        bins.iter_mut().for_each(|bin| *bin /= all);
        bins
    }
}

/// How far a step went on the parabola through both of its ends: -1 stays, 0 reaches the minimum, 1 goes to
/// the same height on the other side. The parabola is the weighted least-squares one of both losses and
/// both slopes. None where it has no minimum.
pub fn step_fit(before: &End, after: &End) -> Option<f64> {
    // Rows of [1, t, t^2] for losses and [0, 1, 2t] for slopes, at t = 0 and 1.
    let rows = [
        ([1.0, 0.0, 0.0], before.loss, before.variances.0),
        ([0.0, 1.0, 0.0], before.slope, before.variances.1),
        ([1.0, 1.0, 1.0], after.loss, after.variances.0),
        ([0.0, 1.0, 2.0], after.slope, after.variances.1),
    ];
    let mut normal = [0.0; 9];
    let mut right = [0.0; 3];
    for (row, value, variance) in rows {
        let weight = 1.0 / variance.max(1e-20);
        for i in 0..3 {
            right[i] += weight * row[i] * value;
            (0..3).for_each(|j| normal[3 * i + j] += weight * row[i] * row[j]);
        }
    }
    let fit = crate::kernels::linalg::solve(3, &normal, 1, &right).ok()?;
    let minimum = -fit[1] / (2.0 * fit[2]);
    (fit[2] > 0.0 && minimum > 0.0).then(|| (1.0 - minimum) / minimum)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(gradients: &[[f64; 2]]) -> Batch {
        Batch::new(vec![1.0; gradients.len()], gradients.iter().map(|g| g.to_vec()).collect()).unwrap()
    }

    #[test]
    fn two_gradients_have_their_closed_forms() {
        // Mean (1, 0), variance (0, 1).
        let two = batch(&[[1.0, 1.0], [1.0, -1.0]]);
        assert_eq!((two.gradient_norm(), two.noise()), (1.0, 1.0));
        // Only the second number varies, and its mean is 0.
        assert_eq!(two.signal_to_noise(), Some(0.0));
        // sum |g|^2 = 4, so ((4 - 2) / 2)^(1/2) = 1; along the mean both are 1: no error; all of it across.
        assert_eq!((two.norm_test(), two.inner_product_test(), two.orthogonality_test()), (1.0, 0.0, 1.0));
        assert_eq!(two.takeuchi(4.0), Some(0.5));
        assert_eq!(two.takeuchi(-1.0), None);
        assert_eq!(two.early_stopping(), Some(1.0));
        assert_eq!(two.balanced_batch(0.5), Some(0.5));
        assert_eq!(two.histogram()[9], 1.0);
    }

    #[test]
    fn along_and_across_make_the_whole() {
        let three = batch(&[[1.0, 0.5], [3.0, -1.0], [0.5, 2.0]]);
        let parts = three.inner_product_test().powi(2) + three.orthogonality_test().powi(2);
        assert!((three.norm_test().powi(2) - parts).abs() < 1e-12);
    }

    #[test]
    fn a_step_on_a_parabola_knows_where_it_ends() {
        // (t - m)^2 on [0, 1]: the minimum at m.
        let end = |t: f64, m: f64| End { loss: (t - m).powi(2), slope: 2.0 * (t - m), variances: (0.1, 0.2) };
        for (m, alpha) in [(1.0, 0.0), (0.5, 1.0), (2.0, -0.5)] {
            assert!((step_fit(&end(0.0, m), &end(1.0, m)).unwrap() - alpha).abs() < 1e-9);
        }
        let hill = |t: f64| End { loss: -t * t, slope: -2.0 * t, variances: (0.1, 0.1) };
        assert_eq!(step_fit(&hill(0.0), &hill(1.0)), None);
    }

    #[test]
    fn what_is_no_batch_is_none() {
        assert!(Batch::new(vec![1.0], vec![vec![1.0]]).is_none());
        assert!(Batch::new(vec![1.0, 2.0], vec![vec![1.0], vec![1.0, 2.0]]).is_none());
        assert!(Batch::new(vec![1.0, 2.0], vec![vec![1.0], vec![f64::NAN]]).is_none());
    }
}
