//! Leg C: what the formula says of real data, and what two learners make of them.

use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::settings::{DataSet, DataSets};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Archive, Flow, Level, Panel, Progress, Record, Setup, Trial, TrialError};
use crate::engine::Shape;
use crate::instruments::difficulty::points::{class_count, class_distance, extreme_class_distance, neighbours, radius};
use crate::instruments::difficulty::{Difficulty, Problem};
use crate::kernels::linalg::{LinalgError, symmetric_eigen};
use crate::nn::layers::Activation;
use crate::nn::optimiser::{Method, Moments};
use crate::nn::zoo::mlp::{Mlp, MlpShape};
use crate::tasks::base_set::{BaseSet, Standardise};
use crate::tasks::{digits, idx};
use crate::training::Learner;

/// Neighbours by which the dimension is estimated; the second is the authors'.
pub(super) const NEIGHBOURS: [usize; 4] = [3, 5, 10, 20];
const AUTHORS: usize = 5;
/// The classifiers beside the formula: units of the hidden layer, batch, steps, Adam's learning rate.
const HIDDEN: usize = 64;
const BATCH: usize = 64;
const STEPS: u64 = 300;
const RATE: f32 = 0.01;
/// Images on which accuracies are measured.
const TEST: usize = 397;

/// Steps of a trial: dimension, formula, and two accuracies for each number of images.
pub(super) fn steps(settings: &DataSets) -> u64 {
    2 + 2 * settings.accuracy_points.len() as u64
}

/// Labelled points.
#[derive(Clone, Debug)]
pub(super) struct Points {
    /// `[points, width]`.
    pub(super) rows: Vec<f64>,
    pub(super) width: usize,
    pub(super) classes: Vec<u8>,
}

impl Points {
    fn of(set: &BaseSet) -> Self {
        let full = set.full();
        let row = |row: usize| set.raw(row).into_iter().map(move |x| f64::from(x / full));
        let rows = (0..set.rows()).flat_map(row).collect();
        Points { rows, width: set.features(), classes: set.labels.clone() }
    }

    /// The digits with pixels from 0 to 1.
    pub(super) fn digits() -> Self {
        Points::of(&digits::base_set(Standardise::GlobalMean))
    }

    /// The user's, pixels from 0 to 1.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub(super) fn files(files: &idx::Files) -> Result<Self, idx::IdxError> {
        Ok(Points::of(&idx::read(files, Standardise::GlobalMean)?))
    }

    fn noisy(mut self, noise: f64, key: Key) -> Self {
        if noise > 0.0 {
            let mut stream = key.purpose("noise").stream();
            self.rows.iter_mut().for_each(|x| {
                let z: f64 = StandardNormal.sample(&mut stream);
                *x += noise * z;
            });
        }
        self
    }

    /// On the components of largest variance, about the mean.
    fn projected(&self, components: usize) -> Result<Self, LinalgError> {
        let (width, count) = (self.width, self.classes.len());
        let mut rows = self.rows.clone();
        let mean: Vec<f64> =
            (0..width).map(|f| rows.iter().skip(f).step_by(width).sum::<f64>() / count as f64).collect();
        rows.chunks_mut(width).for_each(|row| row.iter_mut().zip(&mean).for_each(|(x, mean)| *x -= mean));
        let mut covariance = vec![0.0; width * width];
        for row in rows.chunks(width) {
            for (i, a) in row.iter().enumerate() {
                covariance[i * width..(i + 1) * width].iter_mut().zip(row).for_each(|(c, b)| *c += a * b);
            }
        }
        let vectors = symmetric_eigen(width, &covariance)?.vectors;
        // Eigenvalues ascend: the last columns are wanted.
        let along =
            |row: &[f64], c: usize| (0..width).map(|f| row[f] * vectors[f * width + width - 1 - c]).sum::<f64>();
        let rows = rows.chunks(width).flat_map(|row| (0..components).map(move |c| along(row, c)).collect::<Vec<_>>());
        Ok(Points { rows: rows.collect(), width: components, classes: self.classes.clone() })
    }
}

/// A trial of one data set.
pub(super) struct DataTrial {
    settings: DataSets,
    points: Points,
    key: Key,
    pool: Pool,
    at: At,
}

/// How far it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct At {
    step: u64,
    /// The dimension by the authors' number of neighbours.
    dimension: Option<f64>,
}

impl DataTrial {
    pub(super) fn start(settings: &DataSets, set: &DataSet, setup: &Setup) -> Result<Self, TrialError> {
        let key = setup.key.purpose("data");
        let points = match set {
            DataSet::Noisy(noise) => Points::digits().noisy(*noise, key),
            DataSet::Projected(components) => Points::digits().projected(*components).map_err(TrialError::data)?,
            DataSet::Files(files) => Points::files(files).map_err(TrialError::data)?,
        };
        Ok(DataTrial { settings: settings.clone(), points, key, pool: setup.pool.clone(), at: At::default() })
    }

    /// Intrinsic dimension by several numbers of neighbours.
    fn dimension(&mut self, record: &mut dyn Record) {
        let most = NEIGHBOURS[NEIGHBOURS.len() - 1];
        let Some(near) = neighbours(&self.points.rows, self.points.width, most) else {
            return record.note(0, Level::Warning, "too few different points for a dimension");
        };
        for k in NEIGHBOURS {
            if let Some(dimension) = near.dimension(k) {
                record.metric(self.at.step, &format!("dimension.{k}"), dimension);
            }
        }
        if near.duplicates > 0 {
            let text = format!("{} points are the same as others and were left out", near.duplicates);
            record.note(self.at.step, Level::Info, text);
        }
        self.at.dimension = near.dimension(AUTHORS);
    }

    /// The formula, by the distance of the sample and by that of its extreme values.
    fn formula(&self, record: &mut dyn Record) {
        let (step, Points { rows, width, classes }) = (self.at.step, &self.points);
        let radius = radius(rows, *width);
        record.metric(step, "points", classes.len() as f64);
        record.metric(step, "classes", class_count(classes) as f64);
        record.metric(step, "radius", radius);
        let Some((dimension, sample)) = self.at.dimension.zip(class_distance(rows, *width, classes)) else { return };
        let mut stream = self.key.purpose("pairs").stream();
        let extreme = extreme_class_distance(rows, *width, classes, self.settings.pairs, &mut stream);
        if extreme.is_none() {
            let text = "the tail of the distances gives no estimate of the resolution; that of the sample is used";
            record.note(step, Level::Warning, text);
        }
        for (name, resolution) in [("sample", sample), ("extreme", extreme.unwrap_or(sample))] {
            record.metric(step, &format!("resolution.{name}"), resolution);
            let classes_known = class_count(classes);
            let error = self.settings.error;
            let rounded = dimension.round().max(1.0);
            let problem = Problem::classification(error, classes.len(), rounded, radius, resolution, classes_known);
            self.bits(record, name, problem.difficulty());
        }
    }

    fn bits(&self, record: &mut dyn Record, name: &str, found: Difficulty) {
        match found.bits() {
            Some(bits) => record.metric(self.at.step, &format!("log10_bits.{name}"), bits.log10()),
            None => {
                let text = format!("resolution of the {name}: below 0: bound not valid");
                record.note(self.at.step, Level::Warning, text);
            }
        }
    }

    /// Test accuracy of a classifier without or with a hidden layer, trained on some of the points.
    fn accuracy(&self, hidden: bool, wanted: usize) -> Result<f64, TrialError> {
        let Points { rows, width, classes } = &self.points;
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.shuffle(&mut self.key.purpose("split").stream());
        let tested = TEST.min(classes.len() / 4);
        let (test, train) = order.split_at(tested);
        let train = &train[..wanted.min(train.len())];
        let outputs = classes.iter().map(|class| usize::from(*class) + 1).max().unwrap_or(1);
        let batch = BATCH.min(train.len());
        let shape = MlpShape::plain(*width, HIDDEN, usize::from(hidden), outputs, Activation::Relu);
        let key = self.key.purpose("classifier").index(u64::from(hidden));
        let method = Method::Adam(Moments::default());
        let mut learner = Learner::new(key, self.pool.clone(), method, move |b| Mlp::new(b, &shape));
        let inputs = [("x", Shape::from([batch, *width])), ("y", Shape::from([batch]))];
        let mut pass = learner.training(&inputs, |model, values, given| {
            (model.forward(values, given[0]).cross_entropy(given[1]).mean(), Vec::new())
        });
        let gather = |rows_wanted: &[usize]| -> Vec<f32> {
            rows_wanted.iter().flat_map(|row| rows[row * width..(row + 1) * width].iter().map(|x| *x as f32)).collect()
        };
        let mut stream = key.purpose("batches").stream();
        let mut drawn = train.to_vec();
        for step in 0..STEPS {
            let (chosen, _) = drawn.partial_shuffle(&mut stream, batch);
            pass.set(&mut learner.store, 0, &gather(chosen));
            let labels: Vec<f32> = chosen.iter().map(|row| f32::from(classes[*row])).collect();
            pass.set(&mut learner.store, 1, &labels);
            learner.train(&mut pass, step, RATE)?;
        }
        let inputs = [("test", Shape::from([tested, *width]))];
        let mut forward = learner.pass(&inputs, |model, values, given| vec![model.forward(values, given[0])]);
        let found = forward.over_rows(&mut learner.store, &gather(test), *width, 0);
        let right = |(row, scores): (&usize, &[f32])| {
            let best = (0..outputs).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
            best == Some(usize::from(classes[*row]))
        };
        let hits = test.iter().zip(found.chunks(outputs)).filter(|pair| right(*pair)).count();
        Ok(hits as f64 / tested as f64)
    }
}

impl Trial for DataTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.at.step, steps: steps(&self.settings) }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        match self.at.step {
            0 => self.dimension(record),
            1 => self.formula(record),
            step => {
                let (i, hidden) = ((step as usize - 2) / 2, step % 2 == 1);
                let points = self.settings.accuracy_points[i];
                let name = if hidden { "accuracy.network" } else { "accuracy.logistic" };
                record.metric(points as u64, name, self.accuracy(hidden, points)?);
            }
        }
        self.at.step += 1;
        Ok(if self.at.step >= steps(&self.settings) { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        Vec::new()
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.at)?;
        archive.reachable(self.at.step <= steps(&self.settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_as_the_sheet_has_them() {
        let points = Points::digits();
        let mut counts = [0; 10];
        points.classes.iter().for_each(|class| counts[usize::from(*class)] += 1);
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert!((points.rows.iter().sum::<f64>() * 16.0 - 561_718.0).abs() < 1.0);
        for pixel in [0, 32, 39] {
            assert!(points.rows.iter().skip(pixel).step_by(64).all(|x| x.abs() < 1e-6), "pixel {pixel}");
        }
        assert!((radius(&points.rows, 64) - 4.806_01).abs() < 1e-5);
        assert!((class_distance(&points.rows, 64, &points.classes).unwrap() - 1.179_248).abs() < 1e-6);
    }

    #[test]
    fn dimension_is_that_of_the_pilot_and_rises_with_noise() {
        let dimension = |noise: f64| {
            let points = Points::digits().noisy(noise, Key::new(1));
            neighbours(&points.rows, 64, 5).unwrap().dimension(5).unwrap()
        };
        for (noise, pilot) in [(0.0, 8.1), (0.05, 9.8), (0.1, 13.7), (0.2, 21.8), (0.4, 31.3)] {
            let found = dimension(noise);
            assert!((found / pilot - 1.0).abs() < 0.04, "noise {noise}: {found}, the pilot had {pilot}");
        }
    }

    #[test]
    fn projections_keep_the_largest_variance() {
        let points = Points::digits();
        let two = points.projected(2).unwrap();
        assert_eq!((two.width, two.rows.len()), (2, 2 * 1797));
        let square =
            |rows: &[f64], width: usize, f: usize| rows.iter().skip(f).step_by(width).map(|x| x * x).sum::<f64>();
        assert!(square(&two.rows, 2, 0) > square(&two.rows, 2, 1));
        let all = points.projected(64).unwrap();
        let norm = |row: usize| all.rows[row * 64..(row + 1) * 64].iter().map(|x| x * x).sum::<f64>();
        let distance = |rows: &[f64], i: usize, j: usize| {
            (0..64).map(|f| (rows[i * 64 + f] - rows[j * 64 + f]).powi(2)).sum::<f64>()
        };
        assert!((distance(&all.rows, 3, 9) - distance(&points.rows, 3, 9)).abs() < 1e-8 && norm(0) > 0.0);
    }
}
