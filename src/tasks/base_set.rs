//! A labelled data set as tasks use it: standardised inputs, labels, a split, and the way back to raw values.

use ndarray::{Array2, ArrayView1};
use rand::seq::SliceRandom;

use crate::base::random::Key;

/// How raw values become inputs. Means and deviations are those of the training rows, or of all rows
/// where there is no training part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standardise {
    /// Subtract the mean of each feature (the mean image), divide by the one deviation of all that is left.
    #[default]
    MeanImage,
    /// Subtract one mean and divide by one deviation, those of all values together (Kirsch et al. 2022).
    GlobalMean,
    /// Each feature by its own mean and deviation; a constant feature becomes zero.
    PerFeature,
}

/// The parts of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// What training may draw from.
    Train,
    /// What only evaluation draws from.
    HeldOut,
}

/// The shape of a row that is a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picture {
    /// Pixels in a line.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// Raw value of full ink; none is 0.
    pub full: f32,
}

/// Raw rows before they are standardised.
#[derive(Clone, Debug)]
pub struct RawSet {
    /// Name, as in messages and in the addresses of random streams.
    pub name: String,
    /// Raw values, [rows, features].
    pub values: Array2<f32>,
    /// Class of each row, below the number of names.
    pub labels: Vec<u8>,
    /// Name of each class.
    pub class_names: Vec<String>,
    /// Rows of the training part and of the held-out part.
    pub parts: (Vec<u32>, Vec<u32>),
    /// Shape of a row that is a picture.
    pub picture: Option<Picture>,
}

/// A labelled data set, standardised. Held-out rows never enter the statistics when there is a training part.
#[derive(Clone, Debug)]
pub struct BaseSet {
    /// Name, as in messages and in the addresses of random streams.
    pub name: String,
    /// Standardised inputs, [rows, features].
    pub inputs: Array2<f32>,
    /// Class of each row, below [`BaseSet::classes`].
    pub labels: Vec<u8>,
    /// Name of each class.
    pub class_names: Vec<String>,
    /// Rows that training may draw; empty for sets that are for evaluation only.
    pub train: Vec<u32>,
    /// Rows for evaluation.
    pub held_out: Vec<u32>,
    /// Shape of a row that is a picture.
    pub picture: Option<Picture>,
    /// Subtracted from each raw feature.
    offset: Vec<f32>,
    /// What each centred feature was divided by.
    scale: Vec<f32>,
}

impl BaseSet {
    /// Standardises `raw`.
    pub fn new(raw: RawSet, standardise: Standardise) -> Self {
        let RawSet { name, values: mut inputs, labels, class_names, parts: (train, held_out), picture } = raw;
        let (offset, scale) = statistics(&inputs, &train, standardise);
        for mut row in inputs.rows_mut() {
            for ((value, offset), scale) in row.iter_mut().zip(&offset).zip(&scale) {
                *value = (*value - offset) / scale;
            }
        }
        BaseSet { name, inputs, labels, class_names, train, held_out, picture, offset, scale }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.inputs.nrows()
    }

    /// Features of a row.
    pub fn features(&self) -> usize {
        self.inputs.ncols()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// Row numbers of a part.
    pub fn part(&self, split: Split) -> &[u32] {
        match split {
            Split::Train => &self.train,
            Split::HeldOut => &self.held_out,
        }
    }

    /// Raw value of full ink; 1 where rows are no pictures.
    pub fn full(&self) -> f32 {
        self.picture.map_or(1.0, |picture| picture.full)
    }

    /// A row's raw values as they were before standardising (to rounding): what a picture shows.
    pub fn raw(&self, row: usize) -> Vec<f32> {
        let input: ArrayView1<f32> = self.inputs.row(row);
        input.iter().zip(&self.offset).zip(&self.scale).map(|((x, offset), scale)| x * scale + offset).collect()
    }
}

/// Splits `rows` rows into `train` training rows and the rest, by the fixed shuffle of seed 0.
pub fn fixed_split(rows: usize, train: usize) -> (Vec<u32>, Vec<u32>) {
    let mut order: Vec<u32> = (0..rows as u32).collect();
    order.shuffle(&mut Key::new(0).purpose("split").stream());
    let held_out = order.split_off(train.min(rows));
    (order, held_out)
}

/// Offset and scale of each feature, over the rows `train` (all rows if that is empty), summed in f64.
fn statistics(values: &Array2<f32>, train: &[u32], standardise: Standardise) -> (Vec<f32>, Vec<f32>) {
    let features = values.ncols();
    let all: Vec<u32>;
    let rows = if train.is_empty() {
        all = (0..values.nrows() as u32).collect();
        &all
    } else {
        train
    };
    let count = rows.len().max(1) as f64;
    let column_means = |of: &dyn Fn(usize, f64) -> f64| {
        let mut sums = vec![0.0; features];
        for &row in rows {
            for (f, &value) in values.row(row as usize).iter().enumerate() {
                sums[f] += of(f, f64::from(value));
            }
        }
        sums.iter().map(|sum| sum / count).collect::<Vec<f64>>()
    };
    let overall = |columns: &[f64]| columns.iter().sum::<f64>() / features.max(1) as f64;

    let mut mean = column_means(&|_, value| value);
    if standardise == Standardise::GlobalMean {
        mean = vec![overall(&mean); features];
    }
    let mut variance = column_means(&|f, value| (value - mean[f]).powi(2));
    if standardise != Standardise::PerFeature {
        variance = vec![overall(&variance); features];
    }
    // A constant column has no deviation to divide by; its centred values are all zero already.
    let deviation = |v: f64| if v > 0.0 && v.is_finite() { v.sqrt() as f32 } else { 1.0 };
    (mean.iter().map(|&m| m as f32).collect(), variance.into_iter().map(deviation).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn tiny(standardise: Standardise) -> BaseSet {
        let values = array![[0.0, 2.0, 5.0], [2.0, 6.0, 5.0], [100.0, 100.0, 100.0]];
        let raw = RawSet {
            name: "tiny".into(),
            values,
            labels: vec![0, 1, 0],
            class_names: vec!["a".into(), "b".into()],
            parts: (vec![0, 1], vec![2]),
            picture: None,
        };
        BaseSet::new(raw, standardise)
    }

    #[test]
    fn statistics_are_those_of_the_training_rows() {
        // Means 1, 4, 5; centred squares 1, 4, 0 twice: one deviation sqrt(5/3).
        let deviation = (5.0f32 / 3.0).sqrt();
        let set = tiny(Standardise::MeanImage);
        assert!((set.inputs[[0, 1]] + 2.0 / deviation).abs() < 1e-6);
        assert_eq!(set.inputs[[0, 2]], 0.0);
        let set = tiny(Standardise::GlobalMean);
        assert!(set.train.iter().map(|&r| set.inputs.row(r as usize).sum()).sum::<f32>().abs() < 1e-5);
        assert!(set.inputs[[0, 2]] > 0.5, "the shared direction stays");
        let set = tiny(Standardise::PerFeature);
        assert_eq!(set.inputs.row(0).to_vec(), [-1.0, -1.0, 0.0]);
        assert_eq!(set.inputs.row(2).to_vec(), [99.0, 48.0, 95.0]);
    }

    #[test]
    fn raw_values_come_back() {
        for standardise in [Standardise::MeanImage, Standardise::GlobalMean, Standardise::PerFeature] {
            let raw = tiny(standardise).raw(1);
            assert!(raw.iter().zip([2.0, 6.0, 5.0]).all(|(a, b)| (a - b).abs() < 1e-5), "{raw:?}");
        }
    }

    #[test]
    fn the_split_is_fixed_and_covers_every_row_once() {
        let (train, held_out) = fixed_split(100, 70);
        assert_eq!((train.len(), held_out.len()), (70, 30));
        assert_eq!(fixed_split(100, 70).0, train);
        let mut all = [train, held_out].concat();
        assert_ne!(all, (0..100).collect::<Vec<_>>());
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }
}
