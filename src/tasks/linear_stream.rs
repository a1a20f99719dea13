//! Pairs of a noisy linear map, one after another: what a memory that learns while it reads is tried on.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use crate::base::random::{Key, Stream};

/// What happens to the values of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// Normal noise alone.
    Gauss,
    /// Normal noise, and now and then a value that is noise of another size altogether.
    Outlier,
    /// Normal noise, and another map for the last quarter.
    Drift,
}

/// Standard deviation of the noise of a value.
const NOISE: f32 = 0.1;
/// Probability of an outlier, and its standard deviation.
const OUTLIER: (f64, f32) = (0.1, 10.0);

/// A stream of pairs v = W* k + noise, with keys uniform on the sphere and W* normal of variance 1 / d.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearStream {
    /// d.
    pub width: usize,
    /// Keys, `[pairs, d]`.
    pub keys: Vec<f32>,
    /// Values, `[pairs, d]`.
    pub values: Vec<f32>,
    /// Which values are outliers.
    pub outliers: Vec<bool>,
    /// W*, `[d, d]`, as it is at the end.
    pub map: Vec<f32>,
    /// Clean keys to score a memory on, `[clean, d]`.
    pub clean: Vec<f32>,
}

fn normal(count: usize, deviation: f32, stream: &mut Stream) -> Vec<f32> {
    let one = |_| {
        let normal: f32 = StandardNormal.sample(stream);
        deviation * normal
    };
    (0..count).map(one).collect()
}

fn on_the_sphere(count: usize, width: usize, stream: &mut Stream) -> Vec<f32> {
    let mut keys = normal(count * width, 1.0, stream);
    for key in keys.chunks_mut(width) {
        let length = key.iter().map(|x| x * x).sum::<f32>().sqrt();
        key.iter_mut().for_each(|x| *x /= length);
    }
    keys
}

/// `W k` of `[d, d]`.
fn times(map: &[f32], key: &[f32]) -> Vec<f32> {
    map.chunks(key.len()).map(|row| row.iter().zip(key).map(|(w, k)| w * k).sum()).collect()
}

impl LinearStream {
    /// A stream of so many pairs from streams below `key`, with so many clean keys.
    ///
    /// # Panics
    /// If the width is 0.
    pub fn new(disturbance: Disturbance, [pairs, width, clean]: [usize; 3], key: Key) -> Self {
        assert!(width > 0, "a stream of vectors");
        let map = |part: u64| normal(width * width, 1.0 / (width as f32).sqrt(), &mut key.index(part).stream());
        let keys = on_the_sphere(pairs, width, &mut key.purpose("keys").stream());
        let (mut noise, mut values, mut outliers) = (key.purpose("noise").stream(), Vec::new(), Vec::new());
        let (first, second) = (map(0), map(1));
        let changes = if disturbance == Disturbance::Drift { pairs - pairs / 4 } else { pairs };
        for (at, k) in keys.chunks(width).enumerate() {
            let outlier = disturbance == Disturbance::Outlier && noise.random_bool(OUTLIER.0);
            let clean = times(if at < changes { &first } else { &second }, k);
            let value = match outlier {
                true => normal(width, OUTLIER.1, &mut noise),
                false => normal(width, NOISE, &mut noise).iter().zip(clean).map(|(noise, v)| noise + v).collect(),
            };
            values.extend(value);
            outliers.push(outlier);
        }
        let map = if changes < pairs { second } else { first };
        let clean = on_the_sphere(clean, width, &mut key.purpose("clean").stream());
        LinearStream { width, keys, values, outliers, map, clean }
    }

    /// mean |(W - W*) k|^2 / mean |W* k|^2 over the clean keys, for a memory `[d, d]`.
    pub fn relative_error(&self, memory: &[f32]) -> f64 {
        let squares = |map: &[f32]| -> f64 {
            let of_key = |k: &[f32]| times(map, k).iter().map(|x| f64::from(x * x)).sum::<f64>();
            self.clean.chunks(self.width).map(of_key).sum()
        };
        let apart: Vec<f32> = memory.iter().zip(&self.map).map(|(w, map)| w - map).collect();
        squares(&apart) / squares(&self.map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_map_of_their_keys_but_for_noise() {
        let stream = LinearStream::new(Disturbance::Gauss, [4000, 8, 50], Key::new(1));
        let residuals: Vec<f32> = stream
            .keys
            .chunks(8)
            .zip(stream.values.chunks(8))
            .flat_map(|(k, v)| times(&stream.map, k).into_iter().zip(v).map(|(w, v)| v - w).collect::<Vec<_>>())
            .collect();
        let size = (residuals.iter().map(|x| x * x).sum::<f32>() / residuals.len() as f32).sqrt();
        assert!((size - 0.1).abs() < 0.003, "{size}");
        assert!(stream.keys.chunks(8).all(|k| (k.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5));
        assert_eq!((stream.relative_error(&stream.map), stream.relative_error(&[0.0; 64])), (0.0, 1.0));
        let half: Vec<f32> = stream.map.iter().map(|w| 0.5 * w).collect();
        assert!((stream.relative_error(&half) - 0.25).abs() < 1e-6);
    }

    #[test]
    fn a_tenth_are_outliers_and_the_last_quarter_drifts() {
        let stream = LinearStream::new(Disturbance::Outlier, [4000, 8, 5], Key::new(2));
        let share = stream.outliers.iter().filter(|outlier| **outlier).count() as f64 / 4000.0;
        assert!((share - 0.1).abs() < 0.015, "{share}");
        let size = |outlier: bool| {
            let rows = stream.values.chunks(8).zip(&stream.outliers).filter(|(_, is)| **is == outlier);
            let all: Vec<f32> = rows.flat_map(|(row, _)| row.to_vec()).collect();
            (all.iter().map(|x| x * x).sum::<f32>() / all.len() as f32).sqrt()
        };
        assert!((size(true) - 10.0).abs() < 0.5 && size(false) < 1.0);
        let drift = LinearStream::new(Disturbance::Drift, [400, 8, 5], Key::new(3));
        let far = |at: usize| {
            let (k, v) = (&drift.keys[at * 8..][..8], &drift.values[at * 8..][..8]);
            times(&drift.map, k).iter().zip(v).any(|(w, v)| (w - v).abs() > 0.5)
        };
        assert!((0..300).filter(|at| far(*at)).count() > 100 && (300..400).all(|at| !far(at)));
    }
}
