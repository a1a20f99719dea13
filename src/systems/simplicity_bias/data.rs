//! The data of a condition: points, how the network sees them, and the blocks that can be randomised.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::{Condition, Settings};
use crate::base::random::Key;
use crate::tasks::base_set::{Split, Standardise};
use crate::tasks::digits;
use crate::tasks::dominoes::{BLOCK, Dominoes};
use crate::tasks::rotation::Rotation;
use crate::tasks::slabs::{Coordinate, Points, Slabs};

/// Images of a domino, one above the other.
pub(super) const BLOCKS_OF_DOMINO: usize = 2;
/// Numbers of a domino.
pub(super) const DOMINO: usize = BLOCKS_OF_DOMINO * BLOCK;
/// Share of the points of noisy LMS-7 whose linear coordinate tells nothing.
const NOISE: f64 = 0.1;

/// What is learned. The simplest block, S, is coordinate 0, or the upper image of a domino.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataSet {
    /// LMS-5: a linear coordinate, all others of 5 slabs.
    Lms5,
    /// MS-(5,7): a coordinate of 5 slabs, all others of 7.
    Ms57,
    /// Noisy LMS-7: a linear coordinate that tells nothing in a tenth of the points, all others of 7 slabs.
    NoisyLms7,
    /// MS-7: all coordinates of 7 slabs.
    Ms7,
    /// Control (a): as LMS-5, with noise in the place of the linear coordinate.
    NoiseAnd5,
    /// Control (b): all coordinates of 5 slabs.
    Equal5,
    /// Two digits above each other, 0 or 1 and {2, 4, 6, 7} or {3, 5, 8, 9}.
    Dominoes,
}

impl DataSet {
    /// The name in texts.
    pub const fn name(self) -> &'static str {
        match self {
            DataSet::Lms5 => "LMS-5",
            DataSet::Ms57 => "MS-(5,7)",
            DataSet::NoisyLms7 => "noisy LMS-7",
            DataSet::Ms7 => "MS-7",
            DataSet::NoiseAnd5 => "noise + 5-slabs",
            DataSet::Equal5 => "equal 5-slabs",
            DataSet::Dominoes => "dominoes",
        }
    }

    /// Coordinate 0 and all others.
    const fn kinds(self) -> (Coordinate, Coordinate) {
        let linear = Coordinate::Linear { noise: 0.0 };
        match self {
            DataSet::Lms5 | DataSet::Dominoes => (linear, Coordinate::Slabs(5)),
            DataSet::Ms57 => (Coordinate::Slabs(5), Coordinate::Slabs(7)),
            DataSet::NoisyLms7 => (Coordinate::Linear { noise: NOISE }, Coordinate::Slabs(7)),
            DataSet::Ms7 => (Coordinate::Slabs(7), Coordinate::Slabs(7)),
            DataSet::NoiseAnd5 => (Coordinate::Noise, Coordinate::Slabs(5)),
            DataSet::Equal5 => (Coordinate::Slabs(5), Coordinate::Slabs(5)),
        }
    }

    /// The coordinates; without a gap in complexity all others are of coordinate 0's kind, and beside noise,
    /// which has none, linear.
    fn coordinates(self, dimension: usize, gap: bool) -> Vec<Coordinate> {
        let (first, others) = self.kinds();
        let others = match (gap, first) {
            (true, _) => others,
            (false, Coordinate::Noise) => Coordinate::Linear { noise: 0.0 },
            (false, first) => first,
        };
        let mut coordinates = vec![others; dimension];
        coordinates[0] = first;
        coordinates
    }
}

/// Columns that are randomised together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    /// Name for people.
    pub(super) name: String,
    /// Its columns.
    pub(super) columns: Vec<usize>,
}

/// The data of one condition and seed.
#[derive(Debug)]
pub(super) struct Data {
    /// Numbers in a row.
    pub(super) width: usize,
    /// Training points by coordinates.
    pub(super) train: Points,
    /// The same as the network sees them.
    pub(super) inputs: Vec<f32>,
    /// Test points by coordinates.
    pub(super) test: Points,
    /// Which test points are positive.
    pub(super) positive: Vec<bool>,
    /// From coordinates to what the network sees; images are not rotated.
    pub(super) rotation: Option<Rotation>,
    /// The slabs, where there are any.
    pub(super) slabs: Option<Slabs>,
    /// What can be randomised; the first is S, the simplest.
    pub(super) blocks: Vec<Block>,
}

impl Data {
    /// The data of a condition, from `key` alone: conditions of the same seed share rotation and, where their
    /// coordinates are of one kind, points.
    pub(super) fn new(settings: &Settings, condition: &Condition, key: Key) -> Self {
        let width = condition.width();
        let streams = [("train", settings.train), ("test", settings.test)];
        if condition.data == DataSet::Dominoes {
            let task = Dominoes::new(digits::base_set(Standardise::MeanImage));
            let [train, test] = [(streams[0], Split::Train), (streams[1], Split::HeldOut)]
                .map(|((name, count), split)| task.points(split, count, &mut key.purpose(name).stream()));
            let block = |name: &str, from: usize| Block { name: name.into(), columns: (from..from + BLOCK).collect() };
            let blocks = vec![block("upper: 0 or 1", 0), block("lower: 2467 or 3589", BLOCK)];
            let (positive, inputs) = (test.positive(), train.x.clone());
            return Data { width, train, inputs, test, positive, rotation: None, slabs: None, blocks };
        }
        let slabs = Slabs::new(condition.data.coordinates(width, settings.complexity_gap));
        let [train, test] = streams.map(|(name, count)| slabs.points(count, &mut key.purpose(name).stream()));
        let rotation = Rotation::random(width, &mut key.purpose("rotation").stream());
        let block = |(i, coordinate): (usize, &Coordinate)| {
            let name = match coordinate {
                Coordinate::Linear { noise: 0.0 } => format!("{i} linear"),
                Coordinate::Linear { .. } => format!("{i} noisy linear"),
                Coordinate::Slabs(k) => format!("{i} {k} slabs"),
                Coordinate::Noise => format!("{i} noise"),
            };
            Block { name, columns: vec![i] }
        };
        let blocks = slabs.coordinates.iter().enumerate().map(block).collect();
        let (positive, inputs) = (test.positive(), rotation.forward(&train.x));
        Data { width, train, inputs, test, positive, rotation: Some(rotation), slabs: Some(slabs), blocks }
    }

    /// The columns of the simplest block.
    pub(super) fn simplest(&self) -> &[usize] {
        &self.blocks[0].columns
    }

    /// The first `count` test points and their labels.
    pub(super) fn first(&self, count: usize) -> (&[f32], &[bool]) {
        (&self.test.x[..count * self.width], &self.positive[..count])
    }

    /// Hand-made classifiers of control (c): a score a row by the rule of coordinate 0 alone, and by the rules
    /// of all others.
    pub(super) fn oracle(&self, rows: &[f32], simple: bool) -> Vec<f32> {
        let rule = |row: &[f32]| {
            let Some(slabs) = &self.slabs else { return 0.0 };
            let columns = if simple { 0..1 } else { 1..self.width };
            columns.map(|i| slabs.rule(i, row[i])).sum()
        };
        rows.chunks(self.width).map(rule).collect()
    }
}
