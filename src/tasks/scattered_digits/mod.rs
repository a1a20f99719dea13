//! Scattered digits: a small picture somewhere on a larger canvas, among fragments of others and in noise.
//!
//! Where the picture lies says nothing of its class, so knowing about translation is worth data: what a
//! convolution brings along and a perceptron on pixels must learn. Every image is a function of its part
//! and its number, so data sets of n images are nested and nothing has to be kept in memory.

mod config;
mod sample;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};

use super::base_set::BaseSet;
use super::{Known, Refusals, Task};
use crate::base::checks::{Checks, Problem};
use crate::base::random::{Key, Stream};

pub use config::Config;
pub(super) use sample::ENTRY;

/// Side of a fragment.
const FRAGMENT: usize = 3;
/// Training images from which mean and deviation of a pixel are measured.
const MEASURED: u64 = 1000;

/// Parts that share no base picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// To train on.
    Train,
    /// To choose a checkpoint by.
    Validation,
    /// To report.
    Test,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::Test => "test",
        }
    }
}

/// What an image shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Row of the base set.
    pub row: u32,
    /// Its class, as the task numbers them.
    pub class: usize,
    /// Where the picture's upper left corner lies: row and column of the canvas.
    pub offset: [usize; 2],
}

/// Buffers for images and their classes.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Standardised pixels, row-major, an image after the other.
    pub inputs: Vec<f32>,
    /// Class of each.
    pub classes: Vec<usize>,
}

impl Batch {
    /// Room for so many images of so many pixels.
    pub fn new(images: usize, pixels: usize) -> Self {
        Batch { inputs: vec![0.0; images * pixels], classes: vec![0; images] }
    }
}

/// The task: base pictures in three disjoint parts, and how images are made of them.
#[derive(Clone, Debug)]
pub struct ScatteredDigits {
    config: Config,
    base: Arc<BaseSet>,
    /// Pixels of every row, full ink 1.
    pixels: Vec<f32>,
    height: usize,
    width: usize,
    /// Rows in play: train, validation, test.
    parts: [Vec<u32>; 3],
    /// Class of each base class in play.
    numbers: Vec<Option<usize>>,
    permutation: Option<Vec<u32>>,
    key: Key,
    mean: f32,
    deviation: f32,
}

impl ScatteredDigits {
    /// The task on `base`, whose rows must be pictures; all draws from streams below `key` (of the study
    /// and the seed).
    ///
    /// # Errors
    /// Every setting that cannot be used with this base.
    pub fn new(config: Config, base: Arc<BaseSet>, key: Key) -> Result<Self, Refusals> {
        let mut checks = Checks::new();
        Config::check_base(&base, &mut checks);
        config.check(&base, &mut checks);
        let Some(picture) = base.picture.filter(|_| checks.none()) else { return Err(Refusals(checks.problems())) };
        let pixels = (0..base.rows()).flat_map(|row| base.raw(row)).map(|x| (x / picture.full).clamp(0.0, 1.0));
        let (height, width) = (picture.height, picture.width);
        let mut numbers = vec![None; base.classes()];
        if config.classes.is_empty() {
            numbers = (0..base.classes()).map(Some).collect();
        }
        config.classes.iter().enumerate().for_each(|(i, class)| numbers[usize::from(*class)] = Some(i));
        let mut parts = split(&config, &base, key);
        for part in &mut parts {
            part.retain(|&row| numbers[usize::from(base.labels[row as usize])].is_some());
        }
        let pixels = pixels.collect();
        let mut task = ScatteredDigits {
            config,
            pixels,
            height,
            width,
            parts,
            numbers,
            permutation: None,
            key,
            mean: 0.0,
            deviation: 1.0,
            base,
        };
        if let Some(part) = task.parts.iter().zip(["training", "validation", "test"]).find(|(rows, _)| rows.is_empty())
        {
            let found = format!("no {} base picture of the classes in play", part.1);
            return Err(Refusals(vec![Problem::new("test_bases", found, "at least one in each part")]));
        }
        (task.mean, task.deviation) = task.measured();
        Ok(task)
    }

    /// The same with the pixels of every image in one fixed random order. Noise and all else are drawn
    /// before, so that an image is the same image but for the order.
    #[must_use]
    pub fn permuted(mut self) -> Self {
        let mut order: Vec<u32> = (0..self.pixels() as u32).collect();
        order.shuffle(&mut self.key.purpose("permutation").stream());
        self.permutation = Some(order);
        self
    }

    /// Where each pixel of the canvas goes, if pixels are permuted.
    pub fn permutation(&self) -> Option<&[u32]> {
        self.permutation.as_deref()
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The base set.
    pub fn base(&self) -> &BaseSet {
        &self.base
    }

    /// Rows of the base set in a part.
    pub fn rows(&self, part: Part) -> &[u32] {
        &self.parts[part as usize]
    }

    /// Pixels of an image.
    pub const fn pixels(&self) -> usize {
        self.config.canvas * self.config.canvas
    }

    /// Classes, with their turns.
    pub fn classes(&self) -> usize {
        self.numbers.iter().flatten().count() * if self.config.turned { 4 } else { 1 }
    }

    /// Where a picture can lie, down and across.
    pub const fn offsets(&self) -> [usize; 2] {
        if self.config.scatter {
            [self.config.canvas - self.height + 1, self.config.canvas - self.width + 1]
        } else {
            [1, 1]
        }
    }

    /// Puts an image of a part into `image`, standardised (one mean and deviation for all pixels). In the
    /// test part image i shows base picture i modulo their number, so that each is shown as often.
    pub fn image(&self, part: Part, index: u64, image: &mut [f32]) -> Drawn {
        self.draw(part, index, |drawn, stream| {
            self.paint(part, drawn, stream, image);
            image.iter_mut().for_each(|x| *x = (*x - self.mean) / self.deviation);
        })
    }

    /// Where and what an image is, without painting it.
    pub fn shown(&self, part: Part, index: u64) -> Drawn {
        self.draw(part, index, |_, _| ())
    }

    /// Brightness of an image as it would be on paper, 0 to 1 but for noise, never permuted.
    pub fn canvas(&self, part: Part, index: u64) -> Vec<f32> {
        let mut image = vec![0.0; self.pixels()];
        let plain = ScatteredDigits { permutation: None, ..self.clone() };
        self.draw(part, index, |drawn, stream| plain.paint(part, drawn, stream, &mut image));
        image
    }

    /// The standardised value of a pixel without ink or noise.
    pub fn blank(&self) -> f32 {
        -self.mean / self.deviation
    }

    /// A label that has nothing to do with image `index`.
    pub fn random_label(&self, index: u64) -> usize {
        self.key.purpose("labels").index(index).stream().random_range(0..self.classes() as u32) as usize
    }

    fn draw(&self, part: Part, index: u64, then: impl FnOnce(Drawn, &mut Stream)) -> Drawn {
        let mut stream = self.key.purpose(part.name()).index(index).stream();
        let rows = self.rows(part);
        let fixed = (part == Part::Test).then(|| rows[(index % rows.len() as u64) as usize]);
        let drawn = self.drawn(rows, fixed, &mut stream);
        then(drawn, &mut stream);
        drawn
    }

    fn drawn(&self, rows: &[u32], fixed: Option<u32>, stream: &mut Stream) -> Drawn {
        let row = fixed.unwrap_or_else(|| rows[below(rows.len(), stream)]);
        let [down, across] = self.offsets();
        let mut offset = [below(down, stream), below(across, stream)];
        if !self.config.scatter {
            offset = [(self.config.canvas - self.height) / 2, (self.config.canvas - self.width) / 2];
        }
        let number = self.numbers[usize::from(self.base.labels[row as usize])];
        let turns = if self.config.turned { below(4, stream) } else { 0 };
        let class = number.unwrap_or(0) + turns * (self.classes() / if self.config.turned { 4 } else { 1 });
        Drawn { row, class, offset }
    }

    /// Draws picture, fragments (by maximum) and noise. Allocates nothing.
    fn paint(&self, part: Part, drawn: Drawn, stream: &mut Stream, image: &mut [f32]) {
        let (side, rows) = (self.config.canvas, self.rows(part));
        image.fill(0.0);
        let turns = if self.config.turned { drawn.class / (self.classes() / 4) } else { 0 };
        let brighter = |at: [usize; 2], ink: f32, image: &mut [f32]| {
            let place = self.place(at[0] * side + at[1]);
            image[place] = image[place].max(ink);
        };
        for y in 0..self.height {
            for x in 0..self.width {
                let ink = self.ink(drawn.row, self.turned([y, x], turns));
                brighter([drawn.offset[0] + y, drawn.offset[1] + x], ink, image);
            }
        }
        for _ in 0..self.config.fragments {
            let mut other = rows[below(rows.len(), stream)];
            while other == drawn.row && rows.len() > 1 {
                other = rows[below(rows.len(), stream)];
            }
            let from = [self.height, self.width].map(|extent| below(extent - FRAGMENT + 1, stream));
            let to = [below(side - FRAGMENT + 1, stream), below(side - FRAGMENT + 1, stream)];
            for (y, x) in (0..FRAGMENT * FRAGMENT).map(|i| (i / FRAGMENT, i % FRAGMENT)) {
                brighter([to[0] + y, to[1] + x], self.ink(other, [from[0] + y, from[1] + x]), image);
            }
        }
        for i in 0..side * side {
            let noise: f32 = StandardNormal.sample(stream);
            image[self.place(i)] += self.config.noise * noise;
        }
    }

    fn ink(&self, row: u32, at: [usize; 2]) -> f32 {
        self.pixels[(row as usize * self.height + at[0]) * self.width + at[1]]
    }

    /// Where a pixel of a picture that was turned so often comes from.
    fn turned(&self, at: [usize; 2], turns: usize) -> [usize; 2] {
        (0..turns).fold(at, |[y, x], _| [x, self.height - 1 - y])
    }

    fn place(&self, pixel: usize) -> usize {
        self.permutation.as_ref().map_or(pixel, |to| to[pixel] as usize)
    }

    /// Mean and deviation of a pixel over the first training images.
    fn measured(&self) -> (f32, f32) {
        let mut image = vec![0.0; self.pixels()];
        let (mut sum, mut squares) = (0.0, 0.0);
        for index in 0..MEASURED {
            self.draw(Part::Train, index, |drawn, stream| self.paint(Part::Train, drawn, stream, &mut image));
            for x in &image {
                sum += f64::from(*x);
                squares += f64::from(*x).powi(2);
            }
        }
        let count = MEASURED as f64 * self.pixels() as f64;
        let mean = sum / count;
        let variance = squares / count - mean * mean;
        (mean as f32, if variance > 0.0 { variance.sqrt() as f32 } else { 1.0 })
    }
}

impl Task for ScatteredDigits {
    type Batch = Batch;

    fn known(&self) -> Known {
        Known { chance_accuracy: Some(1.0 / self.classes() as f64), ..Known::default() }
    }

    /// Training images that were never shown.
    fn fill(&self, stream: &mut Stream, batch: &mut Batch) {
        for (image, class) in batch.inputs.chunks_exact_mut(self.pixels()).zip(&mut batch.classes) {
            let drawn = self.drawn(self.rows(Part::Train), None, stream);
            self.paint(Part::Train, drawn, stream, image);
            image.iter_mut().for_each(|x| *x = (*x - self.mean) / self.deviation);
            *class = drawn.class;
        }
    }
}

/// Rows of train, validation and test: every class in nearly its share of each part, by a shuffle.
fn split(config: &Config, base: &BaseSet, key: Key) -> [Vec<u32>; 3] {
    let mut rows: Vec<u32> = (0..base.rows() as u32).collect();
    rows.shuffle(&mut key.purpose("split").stream());
    rows.sort_by_key(|&row| base.labels[row as usize]);
    let (rest, mut test) = evenly(&rows, config.test_bases);
    let held = ((config.held_out * rest.len() as f64).round() as usize).clamp(1, rest.len() - 1);
    let (train, validation) = evenly(&rest, held);
    // In the order of classes, neighbours in the test part would be alike.
    test.shuffle(&mut key.purpose("test order").stream());
    [train, validation, test]
}

/// The rest, and `taken` of the rows, evenly spaced.
fn evenly(rows: &[u32], taken: usize) -> (Vec<u32>, Vec<u32>) {
    let (mut rest, mut part) = (Vec::new(), Vec::new());
    for (i, &row) in rows.iter().enumerate() {
        let crosses = (i + 1) * taken / rows.len() > i * taken / rows.len();
        if crosses { part.push(row) } else { rest.push(row) }
    }
    (rest, part)
}

fn below(count: usize, stream: &mut Stream) -> usize {
    stream.random_range(0..count as u32) as usize
}
