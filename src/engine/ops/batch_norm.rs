//! `batch_norm`: y = (x - mean) / sqrt(var + eps) gain + bias for each channel (the last axis), with mean
//! and biased variance over all other axes (Ioffe and Szegedy 2015); `instance_norm` over the
//! pixels of each image alone (Ulyanov, Vedaldi and Lempitsky 2016). Made of other ops, so that all
//! derivatives are exact.

use crate::engine::Var;

/// Normalised values with the statistics that they were normalised by.
#[derive(Clone, Copy, Debug)]
pub struct Normalised<'g> {
    /// The values, of the shape of the input.
    pub value: Var<'g>,
    /// Means, with an extent of 1 in the axes that they were taken over.
    pub mean: Var<'g>,
    /// Biased variances, likewise.
    pub variance: Var<'g>,
}

impl<'g> Var<'g> {
    /// y = (x - mean) / sqrt(var + epsilon) gain + bias with the statistics over all axes but the last;
    /// `gain` and `bias` `[channels]`.
    ///
    /// # Panics
    /// If gain or bias do not have the extent of the last axis.
    pub fn batch_norm(self, gain: Var<'g>, bias: Var<'g>, epsilon: f32) -> Normalised<'g> {
        let axes: Vec<usize> = (0..self.shape().len().saturating_sub(1)).collect();
        self.normalised_over(&axes, gain, bias, epsilon)
    }

    /// The same for images `[batch, height, width, channels]` with the statistics of each image alone.
    ///
    /// # Panics
    /// If there are not four axes, or gain or bias do not have the extent of the last.
    pub fn instance_norm(self, gain: Var<'g>, bias: Var<'g>, epsilon: f32) -> Var<'g> {
        assert_eq!(self.shape().len(), 4, "instance_norm cannot take {}: four axes", self.shape());
        self.normalised_over(&[1, 2], gain, bias, epsilon).value
    }

    fn normalised_over(self, axes: &[usize], gain: Var<'g>, bias: Var<'g>, epsilon: f32) -> Normalised<'g> {
        let shape = self.shape();
        for weight in [gain, bias] {
            assert_eq!(weight.shape()[..], [shape.last_extent()], "a norm over {shape}");
        }
        let share = 1.0 / axes.iter().map(|axis| shape[*axis]).product::<usize>() as f32;
        let mean = self.sum_keeping(axes) * share;
        let centred = self - mean;
        let variance = (centred * centred).sum_keeping(axes) * share;
        let value = centred * (gain / (variance + epsilon).sqrt()) + bias;
        Normalised { value, mean, variance }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    use ndarray::Axis;
    /// Value, mean and variance by the definition; axes ascending.
    fn oracle(x: &[Array], axes: &[usize]) -> [Array; 3] {
        let over = |x: &Array| {
            axes.iter().fold(x.clone(), |x, axis| x.mean_axis(Axis(*axis)).expect("not empty").insert_axis(Axis(*axis)))
        };
        let mean = over(&x[0]);
        let centred = &x[0] - &mean;
        let variance = over(&centred.mapv(|x| x * x));
        [&centred / &variance.mapv(|v| (v + 1e-3).sqrt()) * &x[1] + &x[2], mean, variance]
    }
    let batch = |shape: &[usize]| {
        let axes: Vec<usize> = (0..shape.len() - 1).collect();
        let channels = shape[shape.len() - 1];
        Case::new(
            format!("batch {shape:?}"),
            [real(shape), real([channels]), real([channels])],
            |x| {
                let Normalised { value, mean, variance } = x[0].batch_norm(x[1], x[2], 1e-3);
                vec![value, mean, variance]
            },
            move |x| oracle(x, &axes).into(),
        )
    };
    let instance = Case::one(
        "instance",
        [real([2, 3, 2, 3]), real([3]), real([3])],
        |x| x[0].instance_norm(x[1], x[2], 1e-3),
        |x| {
            let [value, ..] = oracle(x, &[1, 2]);
            value
        },
    );
    vec![batch(&[5, 3]), batch(&[2, 3, 2, 3]), instance]
}
