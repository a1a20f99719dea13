//! Sampling: many sequences a source, drawn token by token, each with its log probability.

use rand::RngExt;

use super::steps::Steps;
use super::{BEGIN, END};
use crate::base::random::{Key, Stream};
use crate::engine::Store;
use crate::nn::zoo::encoder_decoder::{EncoderDecoder, EncoderDecoderShape};
use crate::training::Learner;

/// Sequences that are sampled side by side, at most.
const AT_ONCE: usize = 512;

/// How sequences are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Sequences a source.
    pub samples: usize,
    /// What log probabilities are divided by before a token is drawn.
    pub temperature: f32,
    /// Only the likeliest tokens that together have this share are drawn (Holtzman et al. 2020); 1 for all.
    pub top_p: f32,
}

/// A sequence that was drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its tokens without the end. One that did not end has one more than the longest target.
    pub tokens: Vec<u32>,
    /// Its log probability with the end under the model itself, at temperature 1 with all tokens.
    pub log_probability: f64,
}

/// Plans for one number of samples a source.
#[derive(Debug)]
pub(super) struct Sampler(Steps);

/// A sequence as far as it is drawn.
#[derive(Clone, Debug)]
struct Drawn {
    sample: Sample,
    ended: bool,
}

impl Sampler {
    pub(super) fn new(learner: &mut Learner<EncoderDecoder>, shape: &EncoderDecoderShape, samples: usize) -> Self {
        assert!(samples > 0, "a sample at least");
        Sampler(Steps::new(learner, shape, (AT_ONCE / samples).max(1), samples))
    }

    pub(super) fn sample(
        &mut self,
        store: &mut Store,
        sources: &[&[u32]],
        keys: &[Key],
        sampling: &Sampling,
    ) -> Vec<Vec<Sample>> {
        assert_eq!(sources.len(), keys.len(), "a key for each source");
        assert!(sampling.temperature > 0.0 && sampling.top_p > 0.0, "{sampling:?}");
        let at_once = self.0.sources;
        let parts = sources.chunks(at_once).zip(keys.chunks(at_once));
        parts.flat_map(|(sources, keys)| self.part(store, sources, keys, sampling)).collect()
    }

    /// As many sources as there is room for.
    fn part(&mut self, store: &mut Store, sources: &[&[u32]], keys: &[Key], sampling: &Sampling) -> Vec<Vec<Sample>> {
        self.0.begin(store, sources);
        let (each, classes) = (self.0.each, self.0.classes());
        let empty = Drawn { sample: Sample { tokens: Vec::new(), log_probability: 0.0 }, ended: false };
        let mut drawn = vec![empty; sources.len() * each];
        let mut streams: Vec<Stream> = keys.iter().map(|key| key.stream()).collect();
        let mut choice = Choice::default();
        // One token more than the longest target has: without an end there it is too long.
        for _ in 1..self.0.longest() {
            let last = |drawn: &Drawn| drawn.sample.tokens.last().copied().unwrap_or(BEGIN);
            let scores = self.0.next(store, drawn.iter().map(last));
            for ((i, one), scores) in drawn.iter_mut().enumerate().zip(scores.chunks(classes)) {
                if !one.ended {
                    let token = choice.draw(scores, sampling, &mut streams[i / each]);
                    one.sample.log_probability += f64::from(scores[token as usize]);
                    one.ended = token == END;
                    one.sample.tokens.extend((token != END).then_some(token));
                }
            }
            if drawn.iter().all(|one| one.ended) {
                break;
            }
        }
        drawn.chunks(each).map(|drawn| drawn.iter().map(|one| one.sample.clone()).collect()).collect()
    }
}

/// Draws tokens; keeps its room.
#[derive(Debug, Default)]
struct Choice {
    /// Weights of tokens, the likeliest first.
    weights: Vec<(f32, u32)>,
}

impl Choice {
    /// A token by log probabilities; padding and the beginning are never drawn.
    fn draw(&mut self, scores: &[f32], sampling: &Sampling, stream: &mut Stream) -> u32 {
        let tokens = scores.iter().zip(0..).skip(END as usize);
        let most = tokens.clone().map(|(score, _)| *score).fold(f32::NEG_INFINITY, f32::max);
        self.weights.clear();
        self.weights.extend(tokens.map(|(score, token)| (((score - most) / sampling.temperature).exp(), token)));
        // Of equal ones the first token comes first.
        self.weights.sort_by(|a, b| b.0.total_cmp(&a.0));
        let bound = self.weights.iter().map(|(weight, _)| weight).sum::<f32>() * sampling.top_p;
        let mut kept = 0.0;
        let mut count = 0;
        while count < self.weights.len() && (kept < bound || count == 0) {
            kept += self.weights[count].0;
            count += 1;
        }
        let mut place = stream.random::<f32>() * kept;
        let chosen = self.weights[..count].iter().find(|(weight, _)| {
            place -= weight;
            place < 0.0
        });
        // Rounding may leave a rest behind the last.
        chosen.unwrap_or(&self.weights[count - 1]).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(temperature: f32, top_p: f32) -> Vec<f64> {
        // Classes: padding, begin, end, 3, 4, 5.
        let scores = [0.5f32, 0.5, 0.5, 0.3, 0.15, 0.05].map(f32::ln);
        let (mut stream, mut choice) = (Key::new(1).stream(), Choice::default());
        let mut counts = [0u32; 6];
        let sampling = Sampling { samples: 1, temperature, top_p };
        (0..20_000).for_each(|_| counts[choice.draw(&scores, &sampling, &mut stream) as usize] += 1);
        counts.iter().map(|count| f64::from(*count) / 20_000.0).collect()
    }

    fn near(found: &[f64], expected: [f64; 6]) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 0.015, "{found} {expected}");
        }
    }

    #[test]
    fn tokens_come_as_often_as_they_are_likely() {
        near(&shares(1.0, 1.0), [0.0, 0.0, 0.5, 0.3, 0.15, 0.05]);
        // Squared and normalised: 0.25, 0.09, 0.0225, 0.0025 of 0.365.
        near(&shares(0.5, 1.0), [0.0, 0.0, 0.685, 0.247, 0.062, 0.007]);
        // The least set with nine tenths is the first three, with half the first alone.
        near(&shares(1.0, 0.9), [0.0, 0.0, 0.526, 0.316, 0.158, 0.0]);
        near(&shares(1.0, 0.45), [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    }
}
