//! Perception: a convolutional network says of a picture which symbol it shows. It begins with a few labelled pictures of
//! each symbol, in place of the authors' pretrained one (which tells 78% of theirs), and goes on with what abduction
//! finds.

use std::sync::Arc;

use rand::RngExt;
use rand::seq::SliceRandom;

use crate::base::random::{Key, Stream};
use crate::base::threads::Pool;
use crate::contract::{Archive, TrialError};
use crate::engine::Shape;
use crate::nn::optimiser::{Method, Moments};
use crate::nn::zoo::cnn::{self, Cnn, Flatten, Stage};
use crate::tasks::hint::{Pictures, SIDE, SYMBOLS};
use crate::training::{Learner, Pass};

/// Symbols that a picture may show.
const CLASSES: usize = SYMBOLS.len();
/// Pixels of a picture.
const PIXELS: usize = SIDE * SIDE;
/// Filters of the two stages, of 3x3 pixels, and hidden units.
const FILTERS: [usize; 2] = [16, 32];
const HIDDEN: usize = 64;
/// Pictures of a training step, and of a pass that only looks.
const BATCH: usize = 32;
const LOOKED: usize = 256;
/// Adam's learning rate.
const LEARNING_RATE: f32 = 1e-3;
/// The least probability of a symbol, before its logarithm.
const LEAST: f32 = 1e-6;

/// A picture with the symbol that it is taken for.
pub(super) type Label = (u32, u8);

/// The network with what it says of every picture.
pub(super) struct Perception {
    pictures: Arc<Pictures>,
    key: Key,
    learner: Learner<Cnn>,
    training: Pass,
    looking: Pass,
    /// Probability of every symbol, picture by picture.
    table: Vec<f32>,
}

impl Perception {
    /// Fresh weights.
    pub(super) fn new(pictures: Arc<Pictures>, key: Key, pool: Pool) -> Self {
        let shape = cnn::Shape {
            image: [SIDE, SIDE, 1],
            stages: FILTERS.map(|filters| Stage::same(filters, 3, 2)).to_vec(),
            flatten: Flatten::Whole,
            hidden: vec![HIDDEN],
            outputs: CLASSES,
        };
        let method = Method::Adam(Moments::default());
        let mut learner = Learner::new(key, pool, method, move |b| Cnn::new(b, &shape));
        let image = |rows: usize| Shape::from([rows, SIDE, SIDE, 1]);
        let inputs = [("pictures", image(BATCH)), ("symbols", Shape::from([BATCH])), ("share", Shape::SCALAR)];
        let training = learner.training(&inputs, |model, values, given| {
            (model.forward(values, given[0]).cross_entropy(given[1]).sum() * given[2], Vec::new())
        });
        let looking = learner.pass(&[("looked at", image(LOOKED))], |model, values, given| {
            vec![model.forward(values, given[0]).softmax()]
        });
        let mut perception = Perception { pictures, key, learner, training, looking, table: Vec::new() };
        perception.refresh();
        perception
    }

    /// Looks at every picture anew.
    fn refresh(&mut self) {
        self.table = self.looking.over_rows(&mut self.learner.store, self.pictures.pixels(), PIXELS, 0);
    }

    /// The log probability that a picture shows a symbol, in nats.
    pub(super) fn log(&self, picture: u32, symbol: u8) -> f64 {
        f64::from(self.of(picture)[usize::from(symbol)].max(LEAST)).ln()
    }

    fn of(&self, picture: u32) -> &[f32] {
        &self.table[picture as usize * CLASSES..][..CLASSES]
    }

    /// The likeliest symbol of every picture.
    pub(super) fn read(&self, pictures: &[u32]) -> Vec<u8> {
        let likeliest = |picture: &u32| {
            let p = self.of(*picture);
            (0..CLASSES).fold(0, |best, symbol| if p[symbol] > p[best] { symbol } else { best }) as u8
        };
        pictures.iter().map(likeliest).collect()
    }

    /// A symbol for every picture, by its probabilities.
    pub(super) fn sample(&self, pictures: &[u32], stream: &mut Stream) -> Vec<u8> {
        let one = |picture: &u32| {
            let mut left = stream.random::<f32>();
            let hit = self.of(*picture).iter().position(|p| {
                left -= p;
                left < 0.0
            });
            hit.unwrap_or(CLASSES - 1) as u8
        };
        pictures.iter().map(one).collect()
    }

    /// One pass over labels in an order of its own.
    ///
    /// # Errors
    /// When the loss or a gradient is not finite.
    pub(super) fn learn(&mut self, labels: &[Label], pass: u64, steps: &mut u64) -> Result<(), TrialError> {
        let mut order: Vec<Label> = labels.to_vec();
        order.shuffle(&mut self.key.purpose("order").index(pass).stream());
        for part in order.chunks(BATCH) {
            let store = &mut self.learner.store;
            let pixels = self.training.input(store, 0);
            for (to, (picture, _)) in pixels.chunks_exact_mut(PIXELS).zip(part) {
                to.copy_from_slice(&self.pictures.pixels()[*picture as usize * PIXELS..][..PIXELS]);
            }
            let symbols = self.training.input(store, 1);
            symbols.fill(-1.0);
            symbols.iter_mut().zip(part).for_each(|(to, (_, symbol))| *to = f32::from(*symbol));
            self.training.set(store, 2, &[1.0 / part.len() as f32]);
            self.learner.train(&mut self.training, *steps, LEARNING_RATE)?;
            *steps += 1;
        }
        self.refresh();
        Ok(())
    }

    /// Names weights and optimiser state to a checkpoint.
    ///
    /// # Errors
    /// When the checkpoint is of another perception.
    pub(super) fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        self.learner.keep(&mut archive.under("perception."))?;
        if archive.restores() {
            self.refresh();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Checkpoint;
    use crate::tasks::hint::Side;

    fn perception(seed: u64) -> Perception {
        Perception::new(Arc::new(Pictures::new(Key::new(1))), Key::new(seed), Pool::serial())
    }

    #[test]
    fn it_learns_what_it_is_told_and_tells_new_pictures() {
        let mut perception = perception(1);
        let labels: Vec<Label> = (0..CLASSES as u8)
            .flat_map(|symbol| {
                let some = perception.pictures.of(usize::from(symbol), Side::Train).iter().take(24);
                some.map(|picture| (*picture, symbol)).collect::<Vec<_>>()
            })
            .collect();
        let mut steps = 0;
        for pass in 0..10 {
            perception.learn(&labels, pass, &mut steps).unwrap();
        }
        let (mut right, mut all) = (0, 0);
        for symbol in 0..CLASSES {
            let pictures = perception.pictures.of(symbol, Side::Test);
            right += perception.read(pictures).iter().filter(|read| usize::from(**read) == symbol).count();
            all += pictures.len();
        }
        assert!(right as f64 > 0.75 * all as f64, "{right} of {all}");
        let picture = labels[0].0;
        let sum: f64 = (0..CLASSES as u8).map(|symbol| perception.log(picture, symbol).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
    }

    #[test]
    fn a_restored_perception_sees_alike() {
        let (mut first, mut second) = (perception(1), perception(2));
        let mut saved = Checkpoint::default();
        first.keep(&mut Archive::saving(&mut saved)).unwrap();
        assert_ne!(first.table, second.table);
        second.keep(&mut Archive::restoring(&saved)).unwrap();
        assert_eq!(first.table, second.table);
        let sample = |perception: &Perception| perception.sample(&[1, 2, 3, 4, 5, 6], &mut Key::new(3).stream());
        assert_eq!(sample(&first), sample(&second));
    }
}
