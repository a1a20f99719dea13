//! Losses composed of other ops: every derivative is exact. A mean of them with weights or a mask is
//! [`Var::weighted_mean`]; the Huber loss is [`Var::huber`] of an error.

use crate::engine::Var;

impl<'g> Var<'g> {
    /// The mean of the squared differences.
    ///
    /// # Panics
    /// If the shapes cannot be broadcast to one.
    pub fn mean_squared_error(self, target: Var<'g>) -> Var<'g> {
        (self - target).square().mean()
    }

    /// The cross-entropy in nats of each logit with a target in 0..=1:
    /// `t softplus(-x) + (1 - t) softplus(x)`, accurate for confident logits.
    ///
    /// # Panics
    /// If the shapes cannot be broadcast to one.
    pub fn binary_cross_entropy(self, targets: Var<'g>) -> Var<'g> {
        targets * (-self).softplus() + (-targets + 1.0) * self.softplus()
    }

    /// [`Var::cross_entropy`] with the share `smoothing` of each target spread evenly over all classes
    /// (Szegedy et al. 2016). Rows with the target -1 cost nothing.
    ///
    /// # Panics
    /// If there is not one target a row.
    pub fn smoothed_cross_entropy(self, targets: Var<'g>, smoothing: f32) -> Var<'g> {
        if smoothing == 0.0 {
            return self.cross_entropy(targets);
        }
        let counted = (targets + 0.5).step();
        let even = self.log_sum_exp() - self.mean_axes(&[self.shape().len() - 1]);
        self.cross_entropy(targets) * (1.0 - smoothing) + even * counted * smoothing
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real, within};
    use ndarray::{Axis, arr0};
    let squared = |x: &[Array]| arr0((&x[0] - &x[1]).mapv(|d| d * d).mean().expect("some numbers")).into_dyn();
    let binary = |x: &[Array]| {
        let p = x[0].mapv(|x| 1.0 / (1.0 + (-x).exp()));
        -(&x[1] * &p.mapv(f64::ln) + x[1].mapv(|t| 1.0 - t) * p.mapv(|p| (1.0 - p).ln()))
    };
    let smoothed = |smoothing: f32| {
        let s = f64::from(smoothing);
        let oracle = move |x: &[Array]| {
            let losses = x[0].lanes(Axis(1)).into_iter().zip(&x[1]).map(|(row, target)| {
                let log_p = row.mapv(|v| v - row.mapv(f64::exp).sum().ln());
                let wanted = |class: usize| s / 5.0 + if class as f64 == *target { 1.0 - s } else { 0.0 };
                if *target < 0.0 { 0.0 } else { -(0..5).map(|class| wanted(class) * log_p[class]).sum::<f64>() }
            });
            Array::from_shape_vec(vec![7], losses.collect()).expect("a loss a row")
        };
        let inputs = [real([7, 5]), index([7], -1, 5)];
        Case::one(
            format!("smoothed {smoothing}"),
            inputs,
            move |x| x[0].smoothed_cross_entropy(x[1], smoothing),
            oracle,
        )
    };
    vec![
        Case::one("mean squared error", [real([3, 5]), real([3, 5])], |x| x[0].mean_squared_error(x[1]), squared),
        Case::one(
            "binary cross-entropy",
            [within([3, 5], -4.0, 4.0), within([3, 5], 0.0, 1.0)],
            |x| x[0].binary_cross_entropy(x[1]),
            binary,
        ),
        smoothed(0.0),
        smoothed(0.1),
    ]
}
