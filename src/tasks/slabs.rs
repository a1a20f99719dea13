//! Slab data (Shah et al. 2020, "The Pitfalls of Simplicity Bias in Neural Networks", section 3): every
//! coordinate alone tells the label, by a different number of linear pieces.

use std::io::Write;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{DataError, Entry, Feature, Known, Task, read};
use crate::base::random::{Key, Stream};

/// How one coordinate tells the label.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coordinate {
    /// By its sign, with a gap around zero.
    Linear {
        /// Share of points whose coordinate lies in the gap instead, whatever their label.
        noise: f64,
    },
    /// By an odd number of slabs, 3, 5 or 7, whose labels alternate; the one in the middle is negative.
    Slabs(usize),
    /// Not at all: uniform.
    Noise,
}

/// One slab of a coordinate and its mirror image, as an interval of |x|.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slab {
    /// Where it begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// Whether its points are positive.
    pub positive: bool,
    /// Share of the points of its label that lie in it.
    pub share: f64,
}

/// Points whose coordinates are independent once the label is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Slabs {
    /// The coordinates.
    pub coordinates: Vec<Coordinate>,
    /// B: coordinates lie in [-B, B].
    pub bound: f64,
    /// Half of the gap between neighbouring slabs, in units of B.
    pub margin: f64,
}

/// Labelled points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// Coordinates `[points, width]`, row-major.
    pub x: Vec<f32>,
    /// Labels, 0 or 1.
    pub y: Vec<f32>,
}

impl Points {
    /// Room for `count` points of `width` coordinates.
    pub fn new(count: usize, width: usize) -> Self {
        Points { x: vec![0.0; count * width], y: vec![0.0; count] }
    }

    /// Which points are positive.
    pub fn positive(&self) -> Vec<bool> {
        self.y.iter().map(|y| *y > 0.5).collect()
    }
}

/// Shares of a label's points in its slabs, from the middle outwards: with them the best threshold on 5 slabs
/// is right in 0.6875 of the points, on 7 in 0.625.
const fn shares(slabs: usize) -> &'static [f64] {
    match slabs {
        3 => &[1.0, 1.0],
        5 => &[0.75, 1.0, 0.25],
        _ => &[0.5, 0.875, 0.5, 0.125],
    }
}

impl Slabs {
    /// Coordinates on [-1, 1] with the margin 0.1 of the paper.
    pub fn new(coordinates: Vec<Coordinate>) -> Self {
        Slabs { coordinates, bound: 1.0, margin: 0.1 }
    }

    /// Half of the gap between slabs.
    fn gap(&self) -> f64 {
        self.margin * self.bound
    }

    /// Width of each of `slabs` slabs.
    pub fn slab_width(&self, slabs: usize) -> f64 {
        (2.0 * self.bound - 2.0 * (slabs - 1) as f64 * self.gap()) / slabs as f64
    }

    /// The slabs of a coordinate with `slabs` of them, from the middle outwards.
    pub fn slabs(&self, slabs: usize) -> Vec<Slab> {
        let (width, gap) = (self.slab_width(slabs), self.gap());
        let slab = |(i, share): (usize, &f64)| {
            let middle = i as f64 * (width + 2.0 * gap);
            let low = if i == 0 { 0.0 } else { middle - width / 2.0 };
            Slab { low, high: middle + width / 2.0, positive: i % 2 == 1, share: *share }
        };
        shares(slabs).iter().enumerate().map(slab).collect()
    }

    /// A value of a coordinate for a label.
    fn draw(&self, coordinate: Coordinate, positive: bool, stream: &mut Stream) -> f64 {
        let (bound, gap) = (self.bound, self.gap());
        match coordinate {
            Coordinate::Noise => stream.random_range(-bound..bound),
            Coordinate::Linear { noise } if noise > 0.0 && stream.random_bool(noise) => stream.random_range(-gap..gap),
            Coordinate::Linear { .. } => {
                let size = gap + (bound - gap) * stream.random::<f64>();
                if positive { size } else { -size }
            }
            Coordinate::Slabs(slabs) => {
                let (width, mut left) = (self.slab_width(slabs), stream.random::<f64>());
                let (mut i, step) = (usize::from(positive), 2);
                let of_label = shares(slabs);
                while left >= of_label[i] && i + step < of_label.len() {
                    left -= of_label[i];
                    i += step;
                }
                let at = stream.random_range(-width / 2.0..width / 2.0);
                let size = i as f64 * (width + 2.0 * gap) + at;
                // The slab in the middle is its own mirror image.
                if i == 0 || stream.random::<bool>() { size } else { -size }
            }
        }
    }

    /// What a coordinate's value says of the label: positive for label 1, negative for label 0, zero if nothing.
    /// Between slabs the nearest one counts.
    pub fn rule(&self, coordinate: usize, value: f32) -> f32 {
        match self.coordinates[coordinate] {
            Coordinate::Noise => 0.0,
            Coordinate::Linear { .. } => value,
            Coordinate::Slabs(slabs) => {
                let pitch = self.slab_width(slabs) + 2.0 * self.gap();
                let i = (f64::from(value.abs()) / pitch).round().min((slabs / 2) as f64) as usize;
                if i % 2 == 1 { 1.0 } else { -1.0 }
            }
        }
    }

    /// `count` points from `stream` alone.
    pub fn points(&self, count: usize, stream: &mut Stream) -> Points {
        let mut points = Points::new(count, self.coordinates.len());
        self.fill(stream, &mut points);
        points
    }
}

impl Task for Slabs {
    type Batch = Points;

    fn known(&self) -> Known {
        let feature = |(i, coordinate): (usize, &Coordinate)| match coordinate {
            Coordinate::Noise => None,
            Coordinate::Linear { .. } => Some(Feature { name: format!("{i} linear"), complexity: 2.0 }),
            Coordinate::Slabs(k) => Some(Feature { name: format!("{i} of {k} slabs"), complexity: *k as f64 }),
        };
        let features = self.coordinates.iter().enumerate().filter_map(feature).collect();
        Known { features, chance_accuracy: Some(0.5), best_loss: Some(0.0) }
    }

    fn fill(&self, stream: &mut Stream, batch: &mut Points) {
        for (row, label) in batch.x.chunks_mut(self.coordinates.len()).zip(&mut batch.y) {
            let positive = stream.random::<bool>();
            *label = f32::from(u8::from(positive));
            for (x, coordinate) in row.iter_mut().zip(&self.coordinates) {
                *x = self.draw(*coordinate, positive, stream) as f32;
            }
        }
    }
}

/// What `ansatz data slabs` can set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sample {
    coordinates: Vec<Coordinate>,
    seed: u64,
}

impl Default for Sample {
    fn default() -> Self {
        let coordinates = vec![Coordinate::Linear { noise: 0.0 }, Coordinate::Slabs(5), Coordinate::Slabs(7)];
        Sample { coordinates, seed: 1 }
    }
}

/// The row of the table of tasks.
pub(super) const ENTRY: Entry = Entry {
    name: "slabs",
    what: "points whose coordinates each tell the label by a number of slabs, before rotation: coordinates, label",
    source: "Shah et al., The Pitfalls of Simplicity Bias in Neural Networks, 2020",
    settings: || serde_json::to_value(Sample::default()).unwrap_or_default(),
    write,
};

fn write(settings: serde_json::Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let refused = |path: &str, message: String| DataError::Settings { path: path.into(), message };
    let sample: Sample = read(settings)?;
    for coordinate in &sample.coordinates {
        match coordinate {
            Coordinate::Slabs(k) if ![3, 5, 7].contains(k) => {
                return Err(refused("coordinates", format!("{k} slabs; expected 3, 5 or 7")));
            }
            Coordinate::Linear { noise } if !(0.0..=1.0).contains(noise) => {
                return Err(refused("coordinates", format!("noise {noise}; expected 0 to 1")));
            }
            _ => {}
        }
    }
    let width = sample.coordinates.len();
    let task = Slabs::new(sample.coordinates);
    let points = task.points(limit, &mut Key::new(sample.seed).purpose("slabs").stream());
    (1..=width).try_for_each(|i| write!(out, "x{i},"))?;
    writeln!(out, "label")?;
    for (row, label) in points.x.chunks(width.max(1)).zip(&points.y) {
        row.iter().try_for_each(|x| write!(out, "{x},"))?;
        writeln!(out, "{label}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(coordinate: Coordinate) -> Vec<(f64, bool)> {
        let points = Slabs::new(vec![coordinate]).points(40_000, &mut Key::new(5).stream());
        points.x.iter().map(|x| f64::from(*x)).zip(points.positive()).collect()
    }

    /// Accuracy of the best threshold, either way round.
    fn best_threshold(mut points: Vec<(f64, bool)>) -> f64 {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let positive = points.iter().filter(|p| p.1).count() as f64;
        let (mut right, n) = (positive, points.len() as f64);
        let mut best = right.max(n - right);
        for (_, label) in points {
            right += if label { -1.0 } else { 1.0 };
            best = best.max(right.max(n - right));
        }
        best / n
    }

    #[test]
    fn slabs_lie_where_the_formulas_say() {
        let task = Slabs::new(Vec::new());
        for (k, width) in [(3, 0.533_333_3), (5, 0.24), (7, 0.114_285_7)] {
            assert!((task.slab_width(k) - width).abs() < 1e-6, "{k}");
        }
        let close = |found: &[Slab], expected: &[(f64, f64, bool)]| {
            assert_eq!(found.len(), expected.len());
            for (slab, (low, high, positive)) in found.iter().zip(expected) {
                assert!((slab.low - low).abs() < 1e-6 && (slab.high - high).abs() < 1e-6, "{slab:?}");
                assert_eq!(slab.positive, *positive);
            }
        };
        close(&task.slabs(5), &[(0.0, 0.12, false), (0.32, 0.56, true), (0.76, 1.0, false)]);
        let seven = [
            (0.0, 0.057_142_9, false),
            (0.257_142_9, 0.371_428_6, true),
            (0.571_428_6, 0.685_714_3, false),
            (0.885_714_3, 1.0, true),
        ];
        close(&task.slabs(7), &seven);
        for k in [3, 5, 7] {
            for pair in task.slabs(k).windows(2) {
                assert!((pair[1].low - pair[0].high - 0.2).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn points_lie_in_the_slabs_of_their_label_at_their_shares() {
        for k in [3, 5, 7] {
            let slabs = Slabs::new(Vec::new()).slabs(k);
            let mut counts = vec![0.0; slabs.len()];
            let mut of_label = [0.0; 2];
            for (x, positive) in drawn(Coordinate::Slabs(k)) {
                let inside = |s: &Slab| (s.low - 1e-6..=s.high + 1e-6).contains(&x.abs());
                let at = slabs.iter().position(inside).unwrap_or_else(|| panic!("{x} lies in no slab of {k}"));
                assert_eq!(slabs[at].positive, positive);
                counts[at] += 1.0;
                of_label[usize::from(positive)] += 1.0;
            }
            for (slab, count) in slabs.iter().zip(counts) {
                let share = count / of_label[usize::from(slab.positive)];
                assert!((share - slab.share).abs() < 0.012, "{k}: {share} of {slab:?}");
            }
        }
    }

    #[test]
    fn the_best_threshold_is_right_as_often_as_was_computed() {
        let linear = |noise| Coordinate::Linear { noise };
        for (coordinate, accuracy) in [
            (linear(0.0), 1.0),
            (linear(0.1), 0.95),
            (Coordinate::Slabs(3), 0.75),
            (Coordinate::Slabs(5), 0.6875),
            (Coordinate::Slabs(7), 0.625),
            (Coordinate::Noise, 0.5),
        ] {
            let found = best_threshold(drawn(coordinate));
            assert!((found - accuracy).abs() < 0.01, "{coordinate:?}: {found}");
        }
    }

    #[test]
    fn labels_are_balanced_and_slabs_do_not_correlate_with_them() {
        for coordinate in [Coordinate::Slabs(3), Coordinate::Slabs(5), Coordinate::Slabs(7), Coordinate::Noise] {
            let points = drawn(coordinate);
            let positive = points.iter().filter(|p| p.1).count() as f64 / 40_000.0;
            let correlation = points.iter().map(|(x, y)| if *y { *x } else { -x }).sum::<f64>() / 40_000.0;
            assert!((positive - 0.5).abs() < 0.01 && correlation.abs() < 0.015, "{coordinate:?} {correlation}");
        }
        let linear = drawn(Coordinate::Linear { noise: 0.0 });
        assert!(linear.iter().all(|(x, y)| (*x > 0.0) == *y && (0.1 - 1e-6..=1.0).contains(&x.abs())));
        let noisy = drawn(Coordinate::Linear { noise: 0.1 });
        let inside = noisy.iter().filter(|(x, _)| x.abs() < 0.1).count() as f64 / 40_000.0;
        assert!((inside - 0.1).abs() < 0.01, "{inside}");
    }

    #[test]
    fn the_rule_of_a_coordinate_is_its_label() {
        let kinds = vec![Coordinate::Linear { noise: 0.0 }, Coordinate::Slabs(3), Coordinate::Slabs(5)];
        let task = Slabs::new([kinds, vec![Coordinate::Slabs(7), Coordinate::Noise]].concat());
        let points = task.points(500, &mut Key::new(6).stream());
        for (row, y) in points.x.chunks(5).zip(points.positive()) {
            (0..4).for_each(|i| assert_eq!(task.rule(i, row[i]) > 0.0, y, "{i}: {}", row[i]));
            assert_eq!(task.rule(4, row[4]), 0.0);
        }
        assert_eq!(task.known().features.len(), 4);
    }

    #[test]
    fn a_sample_is_written_and_settings_are_checked() {
        let mut out = Vec::new();
        (ENTRY.write)((ENTRY.settings)(), 3, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().all(|line| line.split(',').count() == 4));
        let wrong = serde_json::json!({"coordinates": [{"slabs": 4}]});
        assert!((ENTRY.write)(wrong, 3, &mut Vec::new()).unwrap_err().to_string().contains("expected 3, 5 or 7"));
    }
}
