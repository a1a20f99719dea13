//! Random rotations: what hides the axes of a task's coordinates from those who learn it.

use rand_distr::{Distribution, StandardNormal};

use crate::base::random::Stream;

/// An orthogonal matrix `Q`; a row `x` of coordinates becomes the row `x Q` of inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotation {
    width: usize,
    /// `[width, width]`, row-major.
    matrix: Vec<f32>,
}

impl Rotation {
    /// The one that changes nothing.
    pub fn identity(width: usize) -> Self {
        let matrix = (0..width * width).map(|i| f32::from(u8::from(i / width == i % width))).collect();
        Rotation { width, matrix }
    }

    /// One drawn uniformly: the `Q` of `A = Q R` for a Gaussian `A`, with the diagonal of `R` positive
    /// (Mezzadri 2007). The factor is made by Gram and Schmidt's method, done twice, which is as accurate as
    /// reflections are.
    pub fn random(width: usize, stream: &mut Stream) -> Self {
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(width);
        while rows.len() < width {
            let mut row: Vec<f64> = (0..width).map(|_| StandardNormal.sample(stream)).collect();
            for earlier in rows.iter().chain(&rows) {
                let along: f64 = row.iter().zip(earlier).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(earlier).for_each(|(a, b)| *a -= along * b);
            }
            let length = row.iter().map(|a| a * a).sum::<f64>().sqrt();
            rows.push(row.into_iter().map(|a| a / length).collect());
        }
        Rotation { width, matrix: rows.concat().into_iter().map(|x| x as f32).collect() }
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// `Q`, `[width, width]`, row-major: row i is where coordinate i points.
    pub fn matrix(&self) -> &[f32] {
        &self.matrix
    }

    /// Coordinates `[n, width]` to inputs: `x Q`.
    ///
    /// # Panics
    /// If they are no whole rows, as [`Rotation::back`].
    pub fn forward(&self, rows: &[f32]) -> Vec<f32> {
        self.map(rows, |i, j| i * self.width + j)
    }

    /// Inputs back to coordinates: `x Q^T`.
    pub fn back(&self, rows: &[f32]) -> Vec<f32> {
        self.map(rows, |i, j| j * self.width + i)
    }

    fn map(&self, rows: &[f32], place: impl Fn(usize, usize) -> usize) -> Vec<f32> {
        assert!(rows.len().is_multiple_of(self.width), "whole rows of {} numbers", self.width);
        let mut mapped = Vec::with_capacity(rows.len());
        let mut sums = vec![0.0f64; self.width];
        for row in rows.chunks(self.width) {
            sums.fill(0.0);
            for (i, x) in row.iter().enumerate() {
                sums.iter_mut().enumerate().for_each(|(j, sum)| *sum += f64::from(*x * self.matrix[place(i, j)]));
            }
            mapped.extend(sums.iter().map(|sum| *sum as f32));
        }
        mapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn is_orthogonal_and_undone_by_its_transpose() {
        for width in [1, 16, 50] {
            let rotation = Rotation::random(width, &mut Key::new(3).stream());
            let q = |i: usize| &rotation.matrix()[i * width..][..width];
            for i in 0..width {
                for j in 0..width {
                    let product: f32 = q(i).iter().zip(q(j)).map(|(a, b)| a * b).sum();
                    assert!((product - f32::from(u8::from(i == j))).abs() < 1e-5, "{i} {j}: {product}");
                }
            }
            let rows: Vec<f32> = (0..4 * width).map(|i| (i as f32 * 0.7).sin()).collect();
            let there = rotation.forward(&rows);
            let back = rotation.back(&there);
            assert!(rows.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-5));
            assert!(width == 1 || there.iter().zip(&rows).any(|(a, b)| (a - b).abs() > 0.1));
            assert_eq!(Rotation::identity(width).forward(&rows), rows);
        }
    }

    #[test]
    fn no_direction_is_preferred() {
        // The first entry of the first row is uniform on a sphere's axis: mean 0, variance 1/width.
        let mut stream = Key::new(4).stream();
        let firsts: Vec<f32> = (0..2000).map(|_| Rotation::random(5, &mut stream).matrix()[24]).collect();
        let mean = firsts.iter().sum::<f32>() / 2000.0;
        let square = firsts.iter().map(|x| x * x).sum::<f32>() / 2000.0;
        assert!(mean.abs() < 0.04 && (square - 0.2).abs() < 0.02, "{mean} {square}");
    }
}
