//! The data that hypotheses are conditioned on and tested on: points of the torus, and splits of images.

use rand::seq::SliceRandom;

use super::settings::{Digits, Labels, Settings, Torus};
use crate::base::random::Key;
use crate::contract::{Problem, TrialError};
use crate::tasks::base_set::{BaseSet, Standardise};
use crate::tasks::torus::{self, CosineProduct};

/// Training and test examples.
#[derive(Clone, Debug)]
pub(super) struct Data {
    /// Numbers of an input.
    pub(super) width: usize,
    /// Numbers of a label.
    pub(super) outputs: usize,
    /// Training inputs `[n, width]`.
    pub(super) train: Vec<f64>,
    /// Training labels `[n, outputs]`.
    pub(super) train_labels: Vec<f64>,
    /// Test inputs `[T, width]`.
    pub(super) test: Vec<f64>,
    /// Test labels `[T, outputs]`.
    pub(super) test_labels: Vec<f64>,
}

/// Which target and which inputs of the torus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// The product over all dimensions, all inputs.
    Full,
    /// A target of the first dimension alone, all inputs: the control of the space.
    FirstOnly,
    /// A target of the first dimension alone, and no other input: the control that must stay flat.
    Cut,
}

impl Variant {
    /// Every one; in one dimension all are the first.
    pub(super) const ALL: [Variant; 3] = [Variant::Full, Variant::FirstOnly, Variant::Cut];

    /// Its name in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Variant::Full => "full",
            Variant::FirstOnly => "first_only",
            Variant::Cut => "cut",
        }
    }
}

/// Points of the torus of a seed. All variants of a dimension share points and phases; dimensions have
/// their own, so that a flat control is measured and not an identity.
pub(super) fn torus(settings: &Torus, labels: Labels, dimensions: usize, variant: Variant, key: Key) -> Data {
    let key = key.purpose("torus").index(dimensions as u64);
    let product = CosineProduct::draw(dimensions, &mut key.purpose("phases").stream());
    let target = if variant == Variant::Full { product } else { product.of_first() };
    let part = |purpose: &str, count: usize| {
        let angles = torus::points(count, dimensions, &mut key.purpose(purpose).stream());
        let values: Vec<f64> = angles.chunks(dimensions).map(|x| target.value(x)).collect();
        let used = if variant == Variant::Cut { 1 } else { dimensions };
        let seen: Vec<f64> = angles.chunks(dimensions).flat_map(|x| x[..used].to_vec()).collect();
        (torus::embed(&seen), values)
    };
    let (train, train_labels) = part("train", settings.train);
    let (test, test_labels) = part("test", settings.test);
    let width = train.len() / settings.train;
    let mut data = Data { width, outputs: 1, train, train_labels, test, test_labels };
    if labels == Labels::Permuted {
        data.permute(key);
    }
    data
}

/// The images, read.
///
/// # Errors
/// What is wrong with the user's files.
pub(super) fn images(settings: &Digits) -> Result<BaseSet, Problem> {
    let read = settings.source.read(Standardise::GlobalMean);
    let set = read.map_err(|error| Problem::told("digits.source", error))?;
    let wanted = settings.train + settings.test;
    if set.rows() < wanted {
        let expected = format!("at most the {} images that there are", set.rows());
        return Err(Problem::new("digits.train", format!("{wanted} with the test images"), expected));
    }
    Ok(set)
}

/// A random split of the images: pixels from 0 to 1 less the mean training image, labels one-hot.
///
/// # Errors
/// What is wrong with the user's files.
pub(super) fn split(settings: &Settings, permuted: bool, key: Key) -> Result<Data, TrialError> {
    let set = images(&settings.digits).map_err(|problem| TrialError::Data(problem.found))?;
    let key = key.purpose("split");
    let mut order: Vec<usize> = (0..set.rows()).collect();
    order.shuffle(&mut key.purpose("order").stream());
    let (width, outputs, n) = (set.features(), set.classes(), settings.digits.train);
    let full = f64::from(set.full());
    let inputs = |rows: &[usize]| -> Vec<f64> {
        rows.iter().flat_map(|row| set.raw(*row).into_iter().map(|x| f64::from(x) / full)).collect()
    };
    let one_hot = |rows: &[usize]| -> Vec<f64> {
        let mut labels = vec![0.0; rows.len() * outputs];
        rows.iter().enumerate().for_each(|(i, row)| labels[i * outputs + usize::from(set.labels[*row])] = 1.0);
        labels
    };
    let (train_rows, test_rows) = (&order[..n], &order[n..n + settings.digits.test]);
    let (mut train, mut test) = (inputs(train_rows), inputs(test_rows));
    let mean: Vec<f64> = (0..width).map(|f| train.iter().skip(f).step_by(width).sum::<f64>() / n as f64).collect();
    for row in train.chunks_mut(width).chain(test.chunks_mut(width)) {
        row.iter_mut().zip(&mean).for_each(|(x, mean)| *x -= mean);
    }
    let (train_labels, test_labels) = (one_hot(train_rows), one_hot(test_rows));
    let mut data = Data { width, outputs, train, train_labels, test, test_labels };
    if permuted || settings.labels == Labels::Permuted {
        data.permute(key);
    }
    Ok(data)
}

impl Data {
    /// Training points.
    pub(super) fn count(&self) -> usize {
        self.train.len() / self.width
    }

    /// Puts the training labels into a random order.
    fn permute(&mut self, key: Key) {
        let mut rows: Vec<&[f64]> = self.train_labels.chunks(self.outputs).collect();
        rows.shuffle(&mut key.purpose("permuted labels").stream());
        self.train_labels = rows.concat();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TORUS: Torus = Torus { dimensions: Vec::new(), sigmas: Vec::new(), train: 16, test: 8, target: 0.1 };

    #[test]
    fn variants_share_points_and_differ_in_what_they_say() {
        let of = |variant| torus(&TORUS, Labels::Given, 3, variant, Key::new(1));
        let (full, first, cut) = (of(Variant::Full), of(Variant::FirstOnly), of(Variant::Cut));
        assert_eq!((full.width, first.width, cut.width), (6, 6, 2));
        assert_eq!(full.train, first.train);
        assert_eq!(first.test_labels, cut.test_labels);
        assert_ne!(full.test_labels, first.test_labels);
        let two: Vec<f64> = first.test.chunks(6).flat_map(|x| x[..2].to_vec()).collect();
        assert_eq!(two, cut.test);
    }

    #[test]
    fn permuted_labels_are_the_same_labels_elsewhere() {
        let of = |labels| torus(&TORUS, labels, 2, Variant::Full, Key::new(1));
        let (mut given, mut permuted) = (of(Labels::Given), of(Labels::Permuted));
        assert_eq!((&given.train, &given.test_labels), (&permuted.train, &permuted.test_labels));
        assert_ne!(given.train_labels, permuted.train_labels);
        given.train_labels.sort_by(f64::total_cmp);
        permuted.train_labels.sort_by(f64::total_cmp);
        assert_eq!(given.train_labels, permuted.train_labels);
    }
}
