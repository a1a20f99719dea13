//! A labelled set learned part by part: the classes in pairs, or the whole set under one pixel
//! permutation after another (Goodfellow et al. 2013; van de Ven and Tolias 2019).

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::base_set::BaseSet;
use crate::base::random::Key;

/// What a task of the sequence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Parts {
    /// Two classes each, in order: (0, 1), (2, 3), ...
    Pairs,
    /// The same, the last pair first.
    PairsReversed,
    /// All classes at once: a single task.
    Joint,
    /// All classes each time, under so many fixed pixel permutations; the first is the identity.
    Permuted(usize),
}

/// Images as a model sees them, with their classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Images {
    /// Pixels in 0 to 1 less the mean training image, `[count, width]`.
    pub inputs: Vec<f32>,
    /// Numbers of an image.
    pub width: usize,
    /// Class of each.
    pub labels: Vec<usize>,
}

/// One task: what is trained on and what is tested.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Name for people: `0 1`.
    pub name: String,
    /// Training images.
    pub train: Images,
    /// Test images.
    pub test: Images,
}

/// The sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassSequence {
    /// The tasks in the order in which they are learned.
    pub parts: Vec<Part>,
    /// Every test image, not permuted.
    pub test: Images,
    /// Classes of the whole set: the outputs of a model.
    pub classes: usize,
}

impl Images {
    /// How many.
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    /// Image `i`.
    pub fn image(&self, i: usize) -> &[f32] {
        &self.inputs[i * self.width..(i + 1) * self.width]
    }

    /// The images of some classes.
    fn of(&self, classes: &[usize]) -> Images {
        let chosen: Vec<usize> = (0..self.count()).filter(|i| classes.contains(&self.labels[*i])).collect();
        Images {
            inputs: chosen.iter().flat_map(|&i| self.image(i).to_vec()).collect(),
            width: self.width,
            labels: chosen.iter().map(|&i| self.labels[i]).collect(),
        }
    }

    fn permuted(&self, order: &[usize]) -> Images {
        let images = (0..self.count()).flat_map(|i| order.iter().map(move |&p| self.image(i)[p]));
        Images { inputs: images.collect(), ..self.clone() }
    }
}

/// Pixels from 0 to 1, less the mean training image; `test` images are held out, by a shuffle of `key`.
fn split(set: &BaseSet, test: usize, key: Key) -> (Images, Images) {
    let mut rows: Vec<usize> = (0..set.rows()).collect();
    rows.shuffle(&mut key.purpose("split").stream());
    let (width, full) = (set.features(), set.full());
    let train = rows.split_off(test.min(rows.len()));
    let pixels = |rows: &[usize]| -> Vec<f32> {
        rows.iter().flat_map(|&row| set.raw(row).into_iter().map(|x| x / full)).collect()
    };
    let (mut shown, mut held) = (pixels(&train), pixels(&rows));
    let mut mean = vec![0.0f64; width];
    for image in shown.chunks_exact(width) {
        mean.iter_mut().zip(image).for_each(|(m, x)| *m += f64::from(*x) / train.len() as f64);
    }
    for image in shown.chunks_exact_mut(width).chain(held.chunks_exact_mut(width)) {
        image.iter_mut().zip(&mean).for_each(|(x, m)| *x -= *m as f32);
    }
    let labels = |rows: &[usize]| rows.iter().map(|&row| usize::from(set.labels[row])).collect();
    let images = |inputs, rows: &[usize]| Images { inputs, width, labels: labels(rows) };
    (images(shown, &train), images(held, &rows))
}

impl ClassSequence {
    /// The sequence of a set of pictures. The split and the permutations are drawn from
    /// `key` alone, so that sequences of other parts hold the same images.
    ///
    /// # Panics
    /// If the set has fewer images than `test`, or less than two classes.
    pub fn new(set: &BaseSet, parts: Parts, test: usize, key: Key) -> Self {
        assert!(test < set.rows() && set.classes() >= 2, "images to train on, of two classes");
        let (train, held) = split(set, test, key);
        let classes = set.classes();
        let all: Vec<usize> = (0..classes).collect();
        let pair = |pair: &[usize]| Part {
            name: pair.iter().map(|&class| set.class_names[class].as_str()).collect::<Vec<_>>().join(" "),
            train: train.of(pair),
            test: held.of(pair),
        };
        let parts = match parts {
            Parts::Pairs => all.chunks(2).map(pair).collect(),
            Parts::PairsReversed => all.chunks(2).rev().map(pair).collect(),
            Parts::Joint => vec![Part { name: "all".into(), train: train.clone(), test: held.clone() }],
            Parts::Permuted(count) => (0..count)
                .map(|i| {
                    let mut order: Vec<usize> = (0..train.width).collect();
                    if i > 0 {
                        order.shuffle(&mut key.purpose("permutation").index(i as u64).stream());
                    }
                    let name = format!("permutation {i}");
                    Part { name, train: train.permuted(&order), test: held.permuted(&order) }
                })
                .collect(),
        };
        ClassSequence { parts, test: held, classes }
    }
}

/// Share of answers that are right.
pub fn accuracy(answers: &[usize], labels: &[usize]) -> f64 {
    let right = answers.iter().zip(labels).filter(|(a, l)| a == l).count();
    right as f64 / labels.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::base_set::Standardise;
    use crate::tasks::digits;

    fn sequence(parts: Parts) -> ClassSequence {
        let set = digits::base_set(Standardise::MeanImage);
        ClassSequence::new(&set, parts, 500, Key::new(1))
    }

    #[test]
    fn pairs_hold_their_classes_and_every_image_once() {
        let pairs = sequence(Parts::Pairs);
        assert_eq!((pairs.parts.len(), pairs.classes, pairs.test.count()), (5, 10, 500));
        assert_eq!(pairs.parts[4].name, "8 9");
        for (k, part) in pairs.parts.iter().enumerate() {
            assert!(part.train.labels.iter().chain(&part.test.labels).all(|label| label / 2 == k));
        }
        assert_eq!(pairs.parts.iter().map(|p| p.train.count()).sum::<usize>(), 1297);
        assert_eq!(pairs.parts.iter().map(|p| p.test.count()).sum::<usize>(), 500);
        let reversed = sequence(Parts::PairsReversed);
        assert_eq!(reversed.parts[0], pairs.parts[4]);
        let joint = sequence(Parts::Joint);
        assert_eq!((joint.parts.len(), joint.parts[0].train.count()), (1, 1297));
    }

    #[test]
    fn pixels_are_centred_on_the_training_images() {
        let joint = sequence(Parts::Joint);
        let train = &joint.parts[0].train;
        for p in 0..64 {
            let mean = (0..train.count()).map(|i| f64::from(train.image(i)[p])).sum::<f64>() / train.count() as f64;
            assert!(mean.abs() < 1e-5);
        }
        assert!(train.inputs.iter().all(|x| x.abs() <= 1.0));
    }

    #[test]
    fn permutations_move_pixels_and_nothing_else() {
        let permuted = sequence(Parts::Permuted(3));
        let joint = sequence(Parts::Joint);
        assert_eq!(permuted.parts[0].train, joint.parts[0].train);
        assert_ne!(permuted.parts[1].test.inputs, permuted.parts[2].test.inputs);
        let sorted = |image: &[f32]| {
            let mut values = image.to_vec();
            values.sort_by(f32::total_cmp);
            values
        };
        assert_eq!(sorted(permuted.parts[2].train.image(7)), sorted(joint.parts[0].train.image(7)));
    }

    #[test]
    fn a_network_that_knows_only_the_last_pair_retains_nothing() {
        // All ten outputs compete: answering 8 or 9 to everything is right for no earlier pair.
        let pairs = sequence(Parts::Pairs);
        for part in &pairs.parts[..4] {
            let answers: Vec<usize> = (0..part.test.count()).map(|i| 8 + i % 2).collect();
            assert_eq!(accuracy(&answers, &part.test.labels), 0.0);
        }
        assert_eq!(accuracy(&[1, 2, 3, 4], &[1, 2, 0, 0]), 0.5);
    }
}
