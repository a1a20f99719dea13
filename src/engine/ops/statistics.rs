//! Means, variances, norms and products, composed of other ops: every derivative is exact.

use crate::engine::Var;

impl<'g> Var<'g> {
    /// The mean over some axes, which stay with an extent of 1.
    ///
    /// # Panics
    /// If there is no such axis; so do the others over axes.
    pub fn mean_keeping(self, axes: &[usize]) -> Var<'g> {
        let sum = self.sum_keeping(axes);
        sum * (sum.shape().size() as f32 / self.shape().size() as f32)
    }

    /// The mean over some axes, which go away.
    pub fn mean_axes(self, axes: &[usize]) -> Var<'g> {
        let sum = self.sum_axes(axes);
        sum * (sum.shape().size() as f32 / self.shape().size() as f32)
    }

    /// The mean squared distance from the mean over some axes (divided by their number), which stay
    /// with an extent of 1.
    pub fn variance_keeping(self, axes: &[usize]) -> Var<'g> {
        (self - self.mean_keeping(axes)).square().mean_keeping(axes)
    }

    /// The mean squared distance from the mean over some axes (divided by their number), which go away.
    pub fn variance_axes(self, axes: &[usize]) -> Var<'g> {
        (self - self.mean_keeping(axes)).square().mean_axes(axes)
    }

    /// Mean 0 and variance 1 over some axes, without gain and bias: `(x - mean) / sqrt(variance +
    /// epsilon)`. Over all axes it is a layer norm of the whole matrix.
    pub fn standardize(self, axes: &[usize], epsilon: f32) -> Var<'g> {
        let centred = self - self.mean_keeping(axes);
        centred / (centred.square().mean_keeping(axes) + epsilon).sqrt()
    }

    /// The Euclidean norm over some axes, which go away. At 0 it has no gradient (NaN).
    pub fn norm_axes(self, axes: &[usize]) -> Var<'g> {
        self.square().sum_axes(axes).sqrt()
    }

    /// Rows of `[.., n]` scaled to length 1: `x / sqrt(sum x^2 + epsilon)`.
    ///
    /// # Panics
    /// If this is a scalar.
    pub fn unit_length(self, epsilon: f32) -> Var<'g> {
        self / (self.square().sum_keeping(&[self.shape().len() - 1]) + epsilon).sqrt()
    }

    /// The mean of all elements, each with its weight: `sum(w x) / sum(w)`, and 0 where all weights
    /// are 0. With weights of 0 and 1 it is a masked mean. `weights` may be broadcast to this shape.
    ///
    /// # Panics
    /// If they cannot.
    pub fn weighted_mean(self, weights: Var<'g>) -> Var<'g> {
        let weights = weights.broadcast_to(self.shape());
        let total = weights.sum();
        (self * weights).sum() / (total + total.equal(self.graph().scalar(0.0)))
    }

    /// The product of each row of `[.., n]`, as a tree of halves, so that zeros are no trouble: `[..]`.
    ///
    /// # Panics
    /// If this is a scalar, or the last axis is empty.
    pub fn product(self) -> Var<'g> {
        let shape = self.shape();
        let (last, extent) = (shape.len() - 1, shape.last_extent());
        assert!(extent > 0, "the product of no elements");
        if extent == 1 {
            return self.reshape(&shape[..last]);
        }
        let half = extent / 2;
        let pairs = self.slice(last, 0, half) * self.slice(last, half, half);
        let odd = (extent % 2 == 1).then(|| self.slice(last, extent - 1, 1));
        match odd {
            Some(odd) => self.graph().concat(last, &[pairs, odd]).product(),
            None => pairs.product(),
        }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, index, real, within};
    use ndarray::{Axis, arr0};
    fn lanes(x: &Array, f: fn(&[f64]) -> f64) -> Array {
        x.map_axis(Axis(x.ndim() - 1), |lane| f(&lane.to_vec()))
    }
    fn mean(x: &[f64]) -> f64 {
        x.iter().sum::<f64>() / x.len() as f64
    }
    fn variance(x: &[f64]) -> f64 {
        mean(&x.iter().map(|v| (v - mean(x)).powi(2)).collect::<Vec<_>>())
    }
    fn unit(x: &Array) -> Array {
        let norms = lanes(x, |x| (x.iter().map(|x| x * x).sum::<f64>() + 1e-3).sqrt());
        x / &norms.insert_axis(Axis(x.ndim() - 1))
    }
    fn whole(x: &Array) -> Array {
        let all: Vec<f64> = x.iter().copied().collect();
        x.mapv(|x| (x - mean(&all)) / (variance(&all) + 1e-3).sqrt())
    }
    let weighted = |x: &[Array]| {
        let weights = x[1].broadcast(x[0].raw_dim()).expect("weights for all").to_owned();
        arr0((&x[0] * &weights).sum() / weights.sum().max(1e-9)).into_dyn()
    };
    let product = |n: usize| {
        let oracle = |x: &[Array]| lanes(&x[0], |x| x.iter().product());
        Case::one(format!("product {n}"), [real([3, n])], |x| x[0].product(), oracle)
    };
    vec![
        Case::one("mean", [real([3, 5])], |x| x[0].mean_axes(&[1]).square(), |x| lanes(&x[0], |x| mean(x).powi(2))),
        Case::one("variance", [real([3, 5])], |x| x[0].variance_axes(&[1]), |x| lanes(&x[0], variance)),
        Case::one(
            "variance kept",
            [real([3, 5])],
            |x| x[0].variance_keeping(&[1]),
            |x| lanes(&x[0], variance).insert_axis(Axis(1)),
        ),
        Case::one("standardize", [real([3, 5])], |x| x[0].standardize(&[0, 1], 1e-3), |x| whole(&x[0])),
        Case::one(
            "norm",
            [real([3, 5])],
            |x| x[0].norm_axes(&[1]),
            |x| lanes(&x[0], |x| x.iter().map(|x| x * x).sum::<f64>().sqrt()),
        ),
        Case::one("unit length", [real([2, 3, 5])], |x| x[0].unit_length(1e-3), |x| unit(&x[0])),
        Case::one("weighted", [real([3, 5]), within([5], 0.1, 1.0)], |x| x[0].weighted_mean(x[1]), weighted),
        Case::one("masked", [real([9]), index([9], 0, 2)], |x| x[0].weighted_mean(x[1]), weighted),
        Case::one("all masked", [real([9]), index([9], 0, 1)], |x| x[0].weighted_mean(x[1]), weighted),
        product(1),
        product(2),
        product(7),
        product(12),
    ]
}
