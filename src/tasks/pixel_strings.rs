//! The digits as strings of pixels, read left to right and top to bottom: each pixel is to be told from those before.

use rand::RngExt;

use super::base_set::{Split, Standardise};
use super::recall::Sequences;
use super::{Known, Task, digits};
use crate::base::random::Stream;

/// Values of a pixel, 0 to 16; the token behind them begins a string.
const VALUES: usize = 17;

/// Strings of pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelStrings {
    train: Vec<Vec<f32>>,
    held_out: Vec<Vec<f32>>,
}

impl PixelStrings {
    /// Tokens of the vocabulary.
    pub const VOCABULARY: usize = VALUES + 1;
    /// Tokens of a string; as many are asked for.
    pub const TOKENS: usize = 64;

    /// The shipped digits.
    pub fn digits() -> Self {
        let set = digits::base_set(Standardise::MeanImage);
        let part = |split| {
            let pixels = |row: &u32| set.raw(*row as usize).iter().map(|x| x.round()).collect();
            set.part(split).iter().map(pixels).collect()
        };
        PixelStrings { train: part(Split::Train), held_out: part(Split::HeldOut) }
    }

    /// The first strings that are not trained on.
    pub fn held_out(&self, count: usize, width: usize) -> Sequences {
        let count = count.min(self.held_out.len());
        let mut batch = Sequences::new(count, [Self::TOKENS, Self::TOKENS, width]);
        self.held_out.iter().take(count).enumerate().for_each(|(at, pixels)| place(&mut batch, at, pixels));
        batch
    }
}

/// A string as tokens and what follows each of them.
fn place(batch: &mut Sequences, at: usize, pixels: &[f32]) {
    let all = at * pixels.len()..(at + 1) * pixels.len();
    batch.targets[all.clone()].copy_from_slice(pixels);
    let tokens = &mut batch.tokens[all];
    tokens[0] = VALUES as f32;
    tokens[1..].copy_from_slice(&pixels[..pixels.len() - 1]);
}

impl Task for PixelStrings {
    type Batch = Sequences;

    fn known(&self) -> Known {
        Known { features: Vec::new(), chance_accuracy: Some(1.0 / VALUES as f64), best_loss: None }
    }

    fn fill(&self, stream: &mut Stream, batch: &mut Sequences) {
        for at in 0..batch.count {
            let row = stream.random_range(0..self.train.len());
            place(batch, at, &self.train[row]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn every_pixel_is_asked_of_those_before() {
        let strings = PixelStrings::digits();
        let mut batch = Sequences::new(3, [64, 64, 2]);
        strings.fill(&mut Key::new(1).stream(), &mut batch);
        for batch in [batch, strings.held_out(5, 2)] {
            for (tokens, targets) in batch.tokens.chunks(64).zip(batch.targets.chunks(64)) {
                assert_eq!((tokens[0], &tokens[1..]), (17.0, &targets[..63]));
                assert!(targets.iter().all(|x| (0.0..17.0).contains(x)) && targets.iter().any(|x| *x > 8.0));
            }
        }
        assert_eq!(strings.held_out(1000, 2).count, 397);
    }
}
