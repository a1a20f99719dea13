//! Scattered digits: a small picture somewhere on a larger canvas, among fragments of others and in noise.
//!
//! Where the picture lies says nothing of its class, so knowing about translation is worth data: what a
//! convolution brings along and a perceptron on pixels must learn. Every image is a function of its part
//! and its number, so data sets of n images are nested and nothing has to be kept in memory.

use std::io::Write;
use std::sync::Arc;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::base_set::{BaseSet, Standardise};
use super::gpicl::Refusal;
use super::{DataError, Known, Task, digits};
use crate::base::random::{Key, Stream};

/// Side of a fragment.
const FRAGMENT: usize = 3;
/// Training images from which mean and deviation of a pixel are measured.
const MEASURED: u64 = 1000;

/// What can be set about the images; the default is the bench's quick setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// H: side of the square canvas.
    pub canvas: usize,
    /// 3x3 fragments of other base pictures on a canvas.
    pub fragments: usize,
    /// Standard deviation of the noise on every pixel; full ink is 1.
    pub noise: f32,
    /// Whether the picture lies anywhere; otherwise it is in the middle.
    pub scatter: bool,
    /// Base pictures of the test part.
    pub test_bases: usize,
    /// Share of the other base pictures that is kept from training, to choose a checkpoint by.
    pub held_out: f64,
    /// Classes in play, numbered anew in this order; empty for all.
    pub classes: Vec<u8>,
    /// Every class four times, once for each quarter turn: class c turned k times is k C + c.
    pub turned: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            canvas: 12,
            fragments: 2,
            noise: 0.1,
            scatter: true,
            test_bases: 500,
            held_out: 0.1,
            classes: Vec::new(),
            turned: false,
        }
    }
}

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
    pub fn new(config: Config, base: Arc<BaseSet>, key: Key) -> Result<Self, Vec<Refusal>> {
        let refusals = config.refusals(&base);
        let Some(picture) = base.picture.filter(|_| refusals.is_empty()) else { return Err(refusals) };
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
            return Err(vec![Refusal { field: "test_bases", found, expected: "at least one in each part".into() }]);
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

impl Config {
    /// What cannot be used on a base set; all of it, in field order.
    pub fn refusals(&self, base: &BaseSet) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        let mut check = |field, fits: bool, found: String, expected: String| {
            if !fits {
                refusals.push(Refusal { field, found, expected });
            }
        };
        let side = base.picture.map_or(0, |picture| picture.height.max(picture.width));
        let small = base.picture.map_or(0, |picture| picture.height.min(picture.width));
        check("base", small >= FRAGMENT, format!("pictures of side {small}"), format!("at least {FRAGMENT}"));
        let canvas = format!("{} to 128", side.max(FRAGMENT));
        check("canvas", (side.max(FRAGMENT)..=128).contains(&self.canvas), self.canvas.to_string(), canvas);
        check("fragments", self.fragments <= 100, self.fragments.to_string(), "0 to 100".into());
        check("noise", (0.0..=10.0).contains(&self.noise), self.noise.to_string(), "0 to 10".into());
        let most = base.rows().saturating_sub(2);
        check("test_bases", (1..=most).contains(&self.test_bases), self.test_bases.to_string(), format!("1 to {most}"));
        let share = self.held_out > 0.0 && self.held_out < 1.0;
        check("held_out", share, self.held_out.to_string(), "a share between 0 and 1".into());
        let mut seen = self.classes.clone();
        seen.sort_unstable();
        seen.dedup();
        let known = seen.len() == self.classes.len() && seen.iter().all(|class| usize::from(*class) < base.classes());
        let expected = format!("distinct classes below {}", base.classes());
        check("classes", known, format!("{:?}", self.classes), expected);
        check("turned", !self.turned || side == small, "true".into(), "false where pictures are not square".into());
        refusals
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

/// Settings of the table of tasks, with their defaults.
pub fn settings() -> Value {
    let config = serde_json::to_value(Config::default()).expect("plain fields can be written as JSON");
    serde_json::json!({ "seed": 0, "config": config })
}

/// Writes the first `limit` training images as CSV: class, offset, then pixels as on paper.
///
/// # Errors
/// When a setting cannot be used or `out` cannot be written.
pub fn write(settings: Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        seed: u64,
        config: Config,
    }
    let Settings { seed, config } = serde_path_to_error::deserialize(settings).map_err(|error| {
        DataError::Settings { path: error.path().to_string(), message: error.into_inner().to_string() }
    })?;
    let base = Arc::new(digits::base_set(Standardise::MeanImage));
    let refused = |mut refusals: Vec<_>| DataError::Refused(refusals.swap_remove(0));
    let task = ScatteredDigits::new(config, base, Key::new(seed)).map_err(refused)?;
    let names: Vec<String> = (0..task.pixels()).map(|i| format!("x{i}")).collect();
    writeln!(out, "class,down,across,{}", names.join(","))?;
    for index in 0..limit as u64 {
        let drawn = task.shown(Part::Train, index);
        let pixels: Vec<String> = task.canvas(Part::Train, index).iter().map(f32::to_string).collect();
        writeln!(out, "{},{},{},{}", drawn.class, drawn.offset[0], drawn.offset[1], pixels.join(","))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(config: Config) -> ScatteredDigits {
        ScatteredDigits::new(config, Arc::new(digits::base_set(Standardise::MeanImage)), Key::new(3)).unwrap()
    }

    fn pictures(task: &ScatteredDigits, count: u64) -> Vec<(Drawn, Vec<f32>)> {
        let mut image = vec![0.0; task.pixels()];
        (0..count).map(|i| (task.image(Part::Train, i, &mut image), image.clone())).collect()
    }

    #[test]
    fn parts_share_no_base_picture_and_hold_every_class_in_its_share() {
        let task = task(Config::default());
        let parts = [Part::Train, Part::Validation, Part::Test].map(|part| task.rows(part));
        assert_eq!(parts.map(<[u32]>::len), [1167, 130, 500]);
        let mut all = parts.concat();
        all.sort_unstable();
        assert_eq!(all, (0..1797).collect::<Vec<_>>());
        for (part, all) in parts.iter().zip([1167.0, 130.0, 500.0]) {
            for class in 0..10 {
                let count = part.iter().filter(|&&row| task.base().labels[row as usize] == class).count() as f64;
                assert!((count / all - 0.1).abs() < 0.012, "{count} of {all}");
            }
        }
        let again = ScatteredDigits::new(Config::default(), task.base.clone(), Key::new(4)).unwrap();
        assert_ne!(again.rows(Part::Test), task.rows(Part::Test));
    }

    #[test]
    fn offsets_are_as_many_as_fit_and_all_are_met() {
        for (canvas, count) in [(12, 25), (16, 81)] {
            let task = task(Config { canvas, ..Config::default() });
            assert_eq!(task.offsets().iter().product::<usize>(), count);
            let mut met: Vec<[usize; 2]> = (0..3000).map(|i| task.shown(Part::Train, i).offset).collect();
            met.sort_unstable();
            met.dedup();
            assert_eq!(met.len(), count);
        }
        let still = task(Config { scatter: false, ..Config::default() });
        assert!((0..50).all(|i| still.shown(Part::Test, i).offset == [2, 2]));
    }

    #[test]
    fn a_canvas_without_noise_and_fragments_holds_the_ink_of_its_picture() {
        let task = task(Config { noise: 0.0, fragments: 0, ..Config::default() });
        for index in 0..20 {
            let drawn = task.shown(Part::Test, index);
            let ink: f32 = task.base().raw(drawn.row as usize).iter().sum::<f32>() / 16.0;
            assert!((task.canvas(Part::Test, index).iter().sum::<f32>() - ink).abs() < 1e-3);
            assert_eq!(drawn.class, usize::from(task.base().labels[drawn.row as usize]));
        }
    }

    #[test]
    fn fragments_only_add_ink_and_no_more_than_their_nine_pixels() {
        let with = task(Config { noise: 0.0, ..Config::default() });
        let without = task(Config { noise: 0.0, fragments: 0, ..Config::default() });
        let mut more = 0;
        for index in 0..200 {
            assert_eq!(with.shown(Part::Test, index), without.shown(Part::Test, index));
            let (a, b) = (with.canvas(Part::Test, index), without.canvas(Part::Test, index));
            assert!(a.iter().zip(&b).all(|(a, b)| a >= b));
            let changed = a.iter().zip(&b).filter(|(a, b)| a > b).count();
            assert!(changed <= 18);
            more += changed;
        }
        assert!(more > 400, "{more}");
    }

    #[test]
    fn a_permuted_image_is_the_same_image_in_another_order() {
        let plain = task(Config::default());
        let permuted = plain.clone().permuted();
        let order = permuted.permutation().unwrap().to_vec();
        assert!(order.iter().enumerate().filter(|(i, to)| *i == **to as usize).count() < 10);
        for ((drawn, a), (other, b)) in pictures(&plain, 5).iter().zip(pictures(&permuted, 5)) {
            assert_eq!(*drawn, other);
            assert!(a.iter().zip(&order).all(|(x, to)| b[*to as usize] == *x));
        }
    }

    #[test]
    fn pixels_are_standardised_and_images_are_functions_of_their_number() {
        let task = task(Config::default());
        let all: Vec<f32> = pictures(&task, 1000).into_iter().flat_map(|(_, image)| image).collect();
        let mean = all.iter().sum::<f32>() / all.len() as f32;
        let square = all.iter().map(|x| x * x).sum::<f32>() / all.len() as f32;
        assert!(mean.abs() < 1e-3 && (square - 1.0).abs() < 1e-3, "{mean} {square}");
        assert_eq!(pictures(&task, 3)[2], pictures(&task, 7)[2]);
        let mut image = vec![0.0; 144];
        assert_ne!(task.image(Part::Validation, 2, &mut image), pictures(&task, 3)[2].0);
    }

    #[test]
    fn classes_are_numbered_anew_and_turned() {
        let config = Config { classes: vec![7, 2], turned: true, noise: 0.0, fragments: 0, ..Config::default() };
        let task = task(config);
        assert_eq!(task.classes(), 8);
        let mut met = [false; 8];
        for index in 0..300 {
            let drawn = task.shown(Part::Train, index);
            let label = task.base().labels[drawn.row as usize];
            assert_eq!(drawn.class % 2, usize::from(label == 2));
            let canvas = task.canvas(Part::Train, index);
            let raw = task.base().raw(drawn.row as usize);
            // The first pixel of a picture that was turned once is its upper right corner.
            let first = [0, 56, 63, 7][(4 - drawn.class / 2) % 4];
            let at = canvas[drawn.offset[0] * 12 + drawn.offset[1]];
            assert!((at - raw[first] / 16.0).abs() < 1e-4);
            met[drawn.class] = true;
        }
        assert_eq!(met, [true; 8]);
    }

    #[test]
    fn random_labels_are_even_and_batches_are_as_the_stream_says() {
        let task = task(Config::default());
        let mut counts = [0; 10];
        (0..5000).for_each(|i| counts[task.random_label(i)] += 1);
        assert!(counts.iter().all(|&c| (410..590).contains(&c)), "{counts:?}");
        let fill = || {
            let mut batch = Batch::new(4, task.pixels());
            task.fill(&mut Key::new(9).stream(), &mut batch);
            batch
        };
        assert_eq!((fill().inputs, fill().classes), (fill().inputs, fill().classes));
        assert_eq!(task.known().chance_accuracy, Some(0.1));
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_name() {
        let base = Arc::new(digits::base_set(Standardise::MeanImage));
        let config = Config {
            canvas: 7,
            noise: f32::NAN,
            test_bases: 1797,
            held_out: 1.0,
            classes: vec![1, 1],
            ..Config::default()
        };
        let refusals = ScatteredDigits::new(config, base, Key::new(0)).unwrap_err();
        let fields: Vec<&str> = refusals.iter().map(|refusal| refusal.field).collect();
        assert_eq!(fields, ["canvas", "noise", "test_bases", "held_out", "classes"]);
    }

    #[test]
    fn rows_are_written() {
        let mut out = Vec::new();
        write(settings(), 3, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!((text.lines().count(), text.lines().last().unwrap().split(',').count()), (4, 3 + 144));
        assert!(write(serde_json::json!({ "sed": 1 }), 1, &mut Vec::new()).is_err());
    }
}
