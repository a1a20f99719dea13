//! A task on the torus: the truth's coefficients and the points on which it is seen.

use crate::base::random::Key;
use crate::instruments::difficulty::volume::{Interpolating, random_coefficients};
use crate::kernels::linalg::{LinalgError, qr};
use crate::tasks::torus::{self, FourierBasis};
use rand_distr::{Distribution, StandardNormal};

/// A target of a seed.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) basis: FourierBasis,
    /// theta*.
    pub(super) truth: Vec<f64>,
    key: Key,
}

/// Points with the target's values.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// (cos, sin) of each angle, `[points, 2 m]`, perhaps turned into more dimensions.
    pub(super) inputs: Vec<f64>,
    /// Numbers of an input.
    pub(super) width: usize,
    /// Values.
    pub(super) values: Vec<f64>,
}

impl Target {
    /// The target of a task for a replica's key. All conditions of a task share it.
    pub(super) fn new(basis: FourierBasis, first_only: bool, key: Key) -> Self {
        let key = key.purpose("task").index(basis.dimensions as u64).index(basis.frequency as u64);
        let mut stream = key.purpose("truth").stream();
        let mut truth = vec![0.0; basis.size()];
        let used: Vec<usize> = (0..truth.len()).filter(|f| !first_only || basis.of_first(*f)).collect();
        let drawn = random_coefficients(used.len(), &mut stream);
        used.into_iter().zip(drawn).for_each(|(f, value)| truth[f] = value);
        Target { basis, truth, key }
    }

    /// Training points, of which a shorter list is the beginning of a longer one.
    pub(super) fn training_angles(&self, count: usize) -> Vec<f64> {
        torus::points(count, self.basis.dimensions, &mut self.key.purpose("training").stream())
    }

    /// Fresh points.
    pub(super) fn test_angles(&self, count: usize) -> Vec<f64> {
        torus::points(count, self.basis.dimensions, &mut self.key.purpose("test").stream())
    }

    /// Values at points.
    pub(super) fn values(&self, angles: &[f64]) -> Vec<f64> {
        let features = self.basis.matrix(angles);
        let value = |row: &[f64]| row.iter().zip(&self.truth).map(|(phi, theta)| phi * theta).sum();
        features.chunks(self.truth.len()).map(value).collect()
    }

    /// Points as a learner sees them; turned by a random orthonormal map into `width` dimensions, if any.
    ///
    /// # Errors
    /// When the map cannot be made.
    pub(super) fn seen(&self, angles: &[f64], width: Option<usize>) -> Result<Seen, LinalgError> {
        let plain = 2 * self.basis.dimensions;
        let (inputs, values) = (torus::embed(angles), self.values(angles));
        let Some(width) = width else { return Ok(Seen { inputs, width: plain, values }) };
        // Orthonormal columns [width, plain], the same for all points of the target.
        let mut stream = self.key.purpose("map").index(width as u64).stream();
        let gaussian: Vec<f64> = (0..width * plain).map(|_| StandardNormal.sample(&mut stream)).collect();
        let map = qr(width, plain, &gaussian)?.q;
        let turn = |x: &[f64]| -> Vec<f64> {
            map.chunks(plain).map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum()).collect()
        };
        Ok(Seen { inputs: inputs.chunks(plain).flat_map(turn).collect(), width, values })
    }

    /// All hypotheses through the first `count` training points.
    ///
    /// # Errors
    /// When a value is not finite.
    pub(super) fn interpolating(&self, count: usize) -> Result<Interpolating, LinalgError> {
        Interpolating::new(&self.basis.matrix(&self.training_angles(count)), self.truth.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASIS: FourierBasis = FourierBasis { dimensions: 2, frequency: 2, products: true };

    #[test]
    fn a_turned_task_keeps_its_distances_and_values() {
        let target = Target::new(BASIS, false, Key::new(1));
        let angles = target.training_angles(6);
        assert_eq!(target.training_angles(9)[..12], angles);
        let (plain, turned) = (target.seen(&angles, None).unwrap(), target.seen(&angles, Some(16)).unwrap());
        assert_eq!((plain.width, turned.width, turned.inputs.len()), (4, 16, 96));
        assert_eq!(plain.values, turned.values);
        let distance = |seen: &Seen, i: usize, j: usize| {
            let row = |i: usize| &seen.inputs[i * seen.width..(i + 1) * seen.width];
            row(i).iter().zip(row(j)).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
        };
        for i in 0..6 {
            for j in 0..i {
                assert!((distance(&plain, i, j) - distance(&turned, i, j)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn targets_have_unit_variance_in_the_mean_and_the_first_dimension_can_be_alone() {
        let squares = |first_only: bool| {
            let of = |seed: u64| {
                let target = Target::new(BASIS, first_only, Key::new(seed));
                target.truth.iter().map(|x| x * x).sum::<f64>()
            };
            (0..400).map(of).sum::<f64>() / 400.0
        };
        assert!((squares(false) - 1.0).abs() < 0.06 && (squares(true) - 1.0).abs() < 0.12);
        let target = Target::new(BASIS, true, Key::new(1));
        let values = target.values(&[0.3, 1.0, 0.3, 5.0]);
        assert!((values[0] - values[1]).abs() < 1e-12);
    }
}
