//! Functions on the torus: uniform points, products of cosines, and the real Fourier basis.
//!
//! The least setting in which the dimension of the inputs alone is varied: a target of unit variance for
//! every dimension, and an orthonormal basis whose size is exactly `(2 K + 1)^m`.

use std::f64::consts::{PI, SQRT_2};
use std::io::Write;

use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DataError, Entry, read};
use crate::base::random::{Key, Stream};

/// `count` points uniform on `[0, 2 pi)^dimensions`, `[count, dimensions]`.
pub fn points(count: usize, dimensions: usize, stream: &mut Stream) -> Vec<f64> {
    (0..count * dimensions).map(|_| stream.random_range(0.0..2.0 * PI)).collect()
}

/// Angles as points of Euclidean space: each x becomes (cos x, sin x), so a row is twice as wide.
pub fn embed(angles: &[f64]) -> Vec<f64> {
    angles.iter().flat_map(|x| [x.cos(), x.sin()]).collect()
}

/// `prod_i sqrt(2) cos(x_i + phi_i)`: mean 0 and variance 1 over the torus, whatever the dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct CosineProduct {
    /// phi, one for each dimension that it uses; the first ones of a point.
    pub phases: Vec<f64>,
}

impl CosineProduct {
    /// One with uniform phases.
    pub fn draw(dimensions: usize, stream: &mut Stream) -> Self {
        CosineProduct { phases: points(1, dimensions, stream) }
    }

    /// The one that uses only the first of its dimensions.
    pub fn of_first(&self) -> Self {
        CosineProduct { phases: self.phases[..1].to_vec() }
    }

    /// Its value at a point of at least as many angles as it has phases.
    pub fn value(&self, angles: &[f64]) -> f64 {
        self.phases.iter().zip(angles).map(|(phase, x)| SQRT_2 * (x + phase).cos()).product()
    }
}

/// Products over the dimensions of {1, sqrt(2) cos jx, sqrt(2) sin jx, j <= K}: orthonormal under the
/// uniform measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FourierBasis {
    /// Dimensions m of the torus.
    pub dimensions: usize,
    /// Largest frequency K.
    pub frequency: usize,
    /// Whether functions of several dimensions are among them. Without, the basis is that of sums of functions
    /// of one dimension each, and grows with m as a sum and not as a power.
    pub products: bool,
}

impl FourierBasis {
    /// Functions along one dimension, `2 K + 1`.
    pub const fn resolution(&self) -> usize {
        2 * self.frequency + 1
    }

    /// Functions in all, `(2 K + 1)^m`; `1 + 2 K m` without products.
    pub const fn size(&self) -> usize {
        if self.products {
            self.resolution().pow(self.dimensions as u32)
        } else {
            1 + 2 * self.frequency * self.dimensions
        }
    }

    /// Values of all functions at a point, in `features`. Of products the last dimension varies fastest.
    ///
    /// # Panics
    /// If `features` has another length than [`FourierBasis::size`].
    pub fn features(&self, angles: &[f64], features: &mut [f64]) {
        assert_eq!(features.len(), self.size(), "one value a function");
        let width = self.resolution();
        features[0] = 1.0;
        let mut filled = 1;
        for x in angles.iter().take(self.dimensions) {
            if !self.products {
                (1..width).for_each(|f| features[filled + f - 1] = along(f, *x));
                filled += width - 1;
                continue;
            }
            // From behind, so that what is still to be read is not yet overwritten.
            for i in (0..filled).rev() {
                let value = features[i];
                for f in (0..width).rev() {
                    features[i * width + f] = value * along(f, *x);
                }
            }
            filled *= width;
        }
    }

    /// Whether a function is of the first dimension alone (or constant).
    pub const fn of_first(&self, function: usize) -> bool {
        if self.products {
            function.is_multiple_of(self.size() / self.resolution())
        } else {
            function < self.resolution()
        }
    }

    /// A regular lattice of points, shifted as a whole, on which means of products of two functions of the basis
    /// are exact: `[(4 K + 1)^m, m]`.
    pub fn lattice(&self, stream: &mut Stream) -> Vec<f64> {
        let side = 4 * self.frequency + 1;
        let shift = points(1, self.dimensions, stream);
        let place = |i: usize, d: usize| {
            let step = i / side.pow(d as u32) % side;
            (shift[d] + step as f64 * 2.0 * PI / side as f64) % (2.0 * PI)
        };
        (0..side.pow(self.dimensions as u32)).flat_map(|i| (0..self.dimensions).map(move |d| place(i, d))).collect()
    }

    /// Values of all functions at points, `[points, size]`.
    pub fn matrix(&self, angles: &[f64]) -> Vec<f64> {
        let mut values = vec![0.0; angles.len() / self.dimensions * self.size()];
        let rows = values.chunks_mut(self.size()).zip(angles.chunks(self.dimensions));
        rows.for_each(|(row, point)| self.features(point, row));
        values
    }
}

/// Function f along one dimension: 1, then cosine and sine of each frequency.
fn along(f: usize, x: f64) -> f64 {
    let j = f.div_ceil(2) as f64;
    match f {
        0 => 1.0,
        f if f % 2 == 1 => SQRT_2 * (j * x).cos(),
        _ => SQRT_2 * (j * x).sin(),
    }
}

/// What can be set about a sample of points with a cosine product.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleSettings {
    seed: u64,
    dimensions: usize,
}

/// The row of the table of tasks.
pub(super) const ENTRY: Entry = Entry {
    name: "torus",
    what: "points of a torus and a product of cosines of their angles: the angles, then its value",
    source: "after Boopathy et al., Towards Exact Computation of Inductive Bias, 2024",
    settings: || json!({ "seed": 0, "dimensions": 2 }),
    write,
};

/// At most `limit` points as CSV: the angles, then the value of a cosine product.
fn write(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let SampleSettings { seed, dimensions } = read(settings)?;
    if !(1..=64).contains(&dimensions) {
        let message = format!("found {dimensions}; expected 1 to 64");
        return Err(DataError::Settings { path: "dimensions".into(), message });
    }
    let key = Key::new(seed);
    let target = CosineProduct::draw(dimensions, &mut key.purpose("phases").stream());
    let mut stream = key.purpose("points").stream();
    (1..=dimensions).try_for_each(|i| write!(out, "angle{i},"))?;
    writeln!(out, "value")?;
    for _ in 0..limit {
        let point = points(1, dimensions, &mut stream);
        point.iter().try_for_each(|x| write!(out, "{x},"))?;
        writeln!(out, "{}", target.value(&point))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basis_is_orthonormal() {
        for (m, k, products, size) in [(1, 3, true, 7), (2, 2, true, 25), (3, 1, true, 27), (3, 2, false, 13)] {
            let basis = FourierBasis { dimensions: m, frequency: k, products };
            assert_eq!(basis.size(), size);
            let lattice = basis.lattice(&mut Key::new(3).stream());
            let (phi, n) = (basis.matrix(&lattice), lattice.len() / m);
            for a in 0..size {
                for b in 0..=a {
                    let inner = (0..n).map(|i| phi[i * size + a] * phi[i * size + b]).sum::<f64>() / n as f64;
                    assert!((inner - f64::from(u8::from(a == b))).abs() < 1e-12, "{a} {b}: {inner}");
                }
            }
        }
    }

    #[test]
    fn functions_of_the_first_dimension_ignore_the_others() {
        for products in [true, false] {
            let basis = FourierBasis { dimensions: 3, frequency: 2, products };
            let values = |x: [f64; 3]| basis.matrix(&x);
            let (one, other) = (values([0.4, 1.0, 2.0]), values([0.4, 5.0, 0.3]));
            let same: Vec<usize> = (0..basis.size()).filter(|f| one[*f] == other[*f]).collect();
            assert_eq!(same.len(), 5);
            assert!((0..basis.size()).all(|f| basis.of_first(f) == same.contains(&f)));
        }
    }

    #[test]
    fn products_of_cosines_have_unit_variance() {
        for dimensions in [1, 4] {
            let mut stream = Key::new(1).index(dimensions as u64).stream();
            let target = CosineProduct::draw(dimensions, &mut stream);
            let values: Vec<f64> =
                points(200_000, dimensions, &mut stream).chunks(dimensions).map(|x| target.value(x)).collect();
            let mean = values.iter().sum::<f64>() / 2e5;
            let square = values.iter().map(|v| v * v).sum::<f64>() / 2e5;
            assert!(mean.abs() < 0.01 && (square - 1.0).abs() < 0.03, "{mean} {square}");
        }
    }

    #[test]
    fn the_first_dimension_alone() {
        let target = CosineProduct { phases: vec![0.3, 0.9] };
        let first = target.of_first();
        assert_eq!(first.value(&[1.0, 2.0]), first.value(&[1.0, 5.0]));
        assert!((first.value(&[1.0]) - SQRT_2 * 1.3f64.cos()).abs() < 1e-15);
        assert_ne!(target.value(&[1.0, 2.0]), target.value(&[1.0, 5.0]));
        assert_eq!(embed(&[0.0, PI / 2.0]).iter().map(|x| x.round()).collect::<Vec<_>>(), [1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn samples_are_written_and_settings_checked() {
        let mut out = Vec::new();
        write((ENTRY.settings)(), 3, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().map(|line| line.split(',').count()).collect::<Vec<_>>(), [3, 3, 3, 3]);
        assert!(write(json!({ "seed": 0, "dimensions": 0 }), 1, &mut Vec::new()).is_err());
        assert!(write(json!({ "seed": 0, "dimension": 2 }), 1, &mut Vec::new()).is_err());
    }
}
