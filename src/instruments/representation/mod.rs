//! How strongly is a feature represented? The share of a layer's variance that the feature alone explains
//! (Lampinen, Chan and Hermann 2024, "Learned feature representations are biased by complexity, learning order,
//! position, and more", section 2), and what other ways of reading a layer see of it: single units, principal
//! components, similarity of distances, a linear classifier on top.
//!
//! The layer is predicted FROM the feature. The other way round (decoding) gives nearly 1 for everything that was
//! learned, and shows nothing. Layers are `[inputs, units]`, row-major; features one number an input.

use super::statistics::{mean, pearson};
use crate::kernels::linalg::{LinalgError, solve_positive, symmetric_eigen};

/// Least share of a unit's own variance for it to count among those that carry a feature.
pub const DENSE: f64 = 0.1;

/// Inputs with their layer and a feature.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The layer, `[inputs, units]`.
    pub layer: &'a [f32],
    /// The feature, `[inputs]`.
    pub feature: &'a [f32],
}

/// What a feature explains of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// R2: 1 - sum |prediction - layer|^2 / sum |layer|^2 over the scored inputs, the layer centred on the fitted
    /// ones. 0 of a constant layer; a little below 0 if the feature explains nothing.
    pub share: f64,
    /// The same ratio of each input by itself, averaged.
    pub per_input: f64,
    /// The same ratio of each unit; none of a unit that is constant.
    pub units: Vec<Option<f64>>,
    /// Mean over inputs of |layer|^2, centred.
    pub variance: f64,
    /// What of it the feature explains: `share` times `variance`.
    pub explained: f64,
}

impl Explained {
    /// Mean R2 of the units that are not constant: the share if every unit were scaled to the same variance.
    pub fn standardised(&self) -> f64 {
        let live: Vec<f64> = self.units.iter().flatten().copied().collect();
        mean(&live).unwrap_or(0.0)
    }

    /// Share of the units that are not constant of which the feature explains more than [`DENSE`].
    pub fn density(&self) -> f64 {
        let live: Vec<f64> = self.units.iter().flatten().map(|r2| f64::from(u8::from(*r2 > DENSE))).collect();
        mean(&live).unwrap_or(0.0)
    }
}

/// The mean of each unit, and how each goes with the feature: least squares of the layer on the feature and a
/// constant.
struct Line {
    mean: Vec<f64>,
    slope: Vec<f64>,
    feature: f64,
}

impl Line {
    fn fit(on: Observed<'_>, units: usize) -> Self {
        let count = on.feature.len().max(1) as f64;
        let feature = on.feature.iter().map(|f| f64::from(*f)).sum::<f64>() / count;
        let mean = unit_means(on.layer, units);
        let (mut slope, mut spread) = (vec![0.0; units], 0.0);
        for (row, f) in on.layer.chunks(units).zip(on.feature) {
            let f = f64::from(*f) - feature;
            spread += f * f;
            // Centring the feature is enough: a constant times it sums to nothing.
            slope.iter_mut().zip(row).for_each(|(s, x)| *s += f * f64::from(*x));
        }
        if spread > 0.0 {
            slope.iter_mut().for_each(|s| *s /= spread);
        }
        Line { mean, slope, feature }
    }
}

fn unit_means(layer: &[f32], units: usize) -> Vec<f64> {
    let mut means = vec![0.0; units];
    for row in layer.chunks(units) {
        means.iter_mut().zip(row).for_each(|(m, x)| *m += f64::from(*x));
    }
    let count = (layer.len() / units.max(1)).max(1) as f64;
    means.iter_mut().for_each(|m| *m /= count);
    means
}

fn ratio(left: f64, all: f64) -> Option<f64> {
    (all > 0.0).then(|| 1.0 - left / all)
}

/// What a feature explains of a layer of `units` units: fitted on some inputs, scored on others.
///
/// # Panics
/// If a layer has not `units` numbers for each value of its feature.
pub fn explained(fitted: Observed<'_>, scored: Observed<'_>, units: usize) -> Explained {
    for on in [fitted, scored] {
        assert_eq!(on.layer.len(), on.feature.len() * units, "a row of {units} units for each value");
    }
    let line = Line::fit(fitted, units);
    let (mut all, mut left) = (vec![0.0; units], vec![0.0; units]);
    let mut per_input = 0.0;
    for (row, f) in scored.layer.chunks(units).zip(scored.feature) {
        let f = f64::from(*f) - line.feature;
        let (mut own_all, mut own_left) = (0.0, 0.0);
        for (unit, x) in row.iter().enumerate() {
            let x = f64::from(*x) - line.mean[unit];
            let off = x - line.slope[unit] * f;
            (all[unit], left[unit]) = (all[unit] + x * x, left[unit] + off * off);
            (own_all, own_left) = (own_all + x * x, own_left + off * off);
        }
        per_input += ratio(own_left, own_all).unwrap_or(0.0);
    }
    let count = scored.feature.len().max(1) as f64;
    let (whole, rest) = (all.iter().sum::<f64>(), left.iter().sum::<f64>());
    Explained {
        share: ratio(rest, whole).unwrap_or(0.0),
        per_input: per_input / count,
        units: left.iter().zip(&all).map(|(left, all)| ratio(*left, *all)).collect(),
        variance: whole / count,
        explained: (whole - rest) / count,
    }
}

/// The difference of the layer's means where the feature is above zero and where it is not, `[units]`; none if one
/// of both does not occur.
pub fn class_direction(on: Observed<'_>, units: usize) -> Option<Vec<f64>> {
    let (mut sums, mut counts) = ([vec![0.0; units], vec![0.0; units]], [0.0; 2]);
    for (row, f) in on.layer.chunks(units).zip(on.feature) {
        let class = usize::from(*f > 0.0);
        counts[class] += 1.0;
        sums[class].iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    let difference = (0..units).map(|i| sums[1][i] / counts[1] - sums[0][i] / counts[0]).collect();
    (counts[0] > 0.0 && counts[1] > 0.0).then_some(difference)
}

/// What it takes to turn an output by moving a layer along a feature's direction, where outputs are linear in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Flips {
    /// For each input the multiple of the direction, against its feature, at which the feature's own output turns;
    /// infinite if it never does, 0 if it is turned already.
    pub steps: Vec<f64>,
    /// Share of the inputs that turn at all whose other output keeps its sign there.
    pub other_kept: f64,
}

/// Moves each input from its feature's value (+-1) towards the other along a direction that raises the feature's own
/// output by `own_slope` and the other output by `other_slope` for each multiple of it.
pub fn flips(feature: &[f32], own: &[f32], own_slope: f64, other: &[f32], other_slope: f64) -> Flips {
    let step = |f: f64, own: f64| match f * own {
        turned if turned <= 0.0 => 0.0,
        margin if own_slope > 0.0 => margin / own_slope,
        _ => f64::INFINITY,
    };
    let steps: Vec<f64> = feature.iter().zip(own).map(|(f, own)| step(f64::from(*f), f64::from(*own))).collect();
    let kept = |((f, other), step): ((&f32, &f32), &f64)| {
        let (f, other) = (f64::from(*f), f64::from(*other));
        step.is_finite().then(|| f64::from(u8::from((other - f * step * other_slope > 0.0) == (other > 0.0))))
    };
    let kept: Vec<f64> = feature.iter().zip(other).zip(&steps).filter_map(kept).collect();
    Flips { steps, other_kept: mean(&kept).unwrap_or(0.0) }
}

/// The principal components of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Components {
    units: usize,
    mean: Vec<f64>,
    /// Share of the variance on each, descending.
    pub shares: Vec<f64>,
    /// One component a row, `[units, units]`, in the order of their shares.
    vectors: Vec<f64>,
}

impl Components {
    /// Of a layer `[inputs, units]`.
    ///
    /// # Errors
    /// When a value is not finite.
    pub fn of(layer: &[f32], units: usize) -> Result<Self, LinalgError> {
        let mean = unit_means(layer, units);
        let mut covariance = vec![0.0; units * units];
        let mut centred = vec![0.0; units];
        for row in layer.chunks(units) {
            centred.iter_mut().zip(row).zip(&mean).for_each(|((c, x), m)| *c = f64::from(*x) - m);
            for (i, x) in centred.iter().enumerate() {
                // Only the lower triangle is read.
                covariance[i * units..=i * units + i].iter_mut().zip(&centred).for_each(|(sum, y)| *sum += x * y);
            }
        }
        let eigen = symmetric_eigen(units, &covariance)?;
        let all = eigen.values.iter().map(|v| v.max(0.0)).sum::<f64>();
        let share = |v: &f64| if all > 0.0 { v.max(0.0) / all } else { 0.0 };
        let vectors = (0..units).rev().flat_map(|c| (0..units).map(move |i| (i, c)));
        Ok(Components {
            units,
            mean,
            shares: eigen.values.iter().rev().map(share).collect(),
            vectors: vectors.map(|(i, c)| eigen.vectors[i * units + c]).collect(),
        })
    }

    /// The first `count` components' scores of a layer, `[inputs, count]`.
    ///
    /// # Panics
    /// If there are not so many components.
    pub fn scores(&self, layer: &[f32], count: usize) -> Vec<f32> {
        let vectors = self.vectors.chunks(self.units).take(count);
        assert!(count <= self.units, "a component a unit");
        let vectors: Vec<&[f64]> = vectors.collect();
        let score = |row: &[f32], vector: &[f64]| {
            row.iter().zip(&self.mean).zip(vector).map(|((x, m), v)| (f64::from(*x) - m) * v).sum::<f64>() as f32
        };
        layer.chunks(self.units).flat_map(|row| vectors.iter().map(move |vector| score(row, vector))).collect()
    }
}

/// Euclidean distances of all pairs of inputs, the first input's first.
pub fn distances(layer: &[f32], units: usize) -> Vec<f64> {
    let rows: Vec<&[f32]> = layer.chunks(units).collect();
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
    (0..rows.len())
        .flat_map(|i| (i + 1..rows.len()).map(move |j| (i, j)))
        .map(|(i, j)| distance(rows[i], rows[j]))
        .collect()
}

/// Representational similarity: Pearson's correlation of the distances within two layers, over the same inputs; none
/// if either has no variation.
pub fn similarity(first: &[f64], second: &[f64]) -> Option<f64> {
    pearson(first, second)
}

/// A linear classifier on a layer: logistic regression with a small penalty on the weights of standardised units,
/// by Newton's method.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    mean: Vec<f64>,
    /// One weight a unit, then the constant.
    weights: Vec<f64>,
}

impl Readout {
    /// Fits labels -1 and +1 (the feature of `on`); `penalty` is that of one weight, as a share of the number of
    /// inputs.
    ///
    /// # Errors
    /// When a value is not finite.
    pub fn fit(on: Observed<'_>, units: usize, penalty: f64, steps: usize) -> Result<Self, LinalgError> {
        let mean = unit_means(on.layer, units);
        let scale = (on.layer.chunks(units).flat_map(|row| row.iter().zip(&mean)))
            .map(|(x, m)| (f64::from(*x) - m).powi(2))
            .sum::<f64>()
            / on.layer.len().max(1) as f64;
        let columns = units + 1;
        let mut readout = Readout { mean, weights: vec![0.0; columns] };
        let ridge = penalty * on.feature.len() as f64 * scale.max(f64::MIN_POSITIVE);
        for _ in 0..steps {
            let mut hessian = vec![0.0; columns * columns];
            let mut slope: Vec<f64> = readout.weights.iter().map(|w| -ridge * w).collect();
            let mut row = vec![1.0; columns];
            for (x, y) in on.layer.chunks(units).zip(on.feature) {
                row.iter_mut().zip(x).zip(&readout.mean).for_each(|((r, x), m)| *r = f64::from(*x) - m);
                let score: f64 = row.iter().zip(&readout.weights).map(|(r, w)| r * w).sum();
                let p = 1.0 / (1.0 + (-score).exp());
                let off = f64::from(u8::from(*y > 0.0)) - p;
                for i in 0..columns {
                    slope[i] += off * row[i];
                    let weight = p * (1.0 - p) * row[i];
                    hessian[i * columns..=i * columns + i].iter_mut().zip(&row).for_each(|(h, r)| *h += weight * r);
                }
            }
            for i in 0..columns {
                hessian[i * columns + i] += ridge;
                (0..i).for_each(|j| hessian[j * columns + i] = hessian[i * columns + j]);
            }
            let step = solve_positive(columns, &hessian, 1, &slope)?;
            readout.weights.iter_mut().zip(step).for_each(|(w, s)| *w += s);
        }
        Ok(readout)
    }

    /// Scores of a layer: above zero for label +1.
    pub fn scores(&self, layer: &[f32]) -> Vec<f64> {
        let units = self.mean.len();
        let score = |row: &[f32]| {
            let terms = row.iter().zip(&self.mean).zip(&self.weights);
            terms.map(|((x, m), w)| (f64::from(*x) - m) * w).sum::<f64>() + self.weights[units]
        };
        layer.chunks(units).map(score).collect()
    }
}

#[cfg(test)]
mod tests;
