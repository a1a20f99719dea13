//! Decoding with a beam over a cache of keys and values: one token of every hypothesis a step.

use super::steps::Steps;
use super::{BEGIN, END};
use crate::engine::Store;
use crate::nn::zoo::encoder_decoder::{EncoderDecoder, EncoderDecoderShape};
use crate::training::Learner;

/// Hypotheses that are decoded side by side, at most.
const AT_ONCE: usize = 64;

/// Beams of one width.
#[derive(Debug)]
pub(super) struct Decoder(Steps);

/// A target as far as it is written.
#[derive(Clone, Debug)]
struct Hypothesis {
    /// The row of the cache that it goes on from.
    row: usize,
    tokens: Vec<u32>,
    /// Sum of log probabilities; minus infinity for one that is not there yet.
    score: f64,
    ended: bool,
}

impl Hypothesis {
    const fn empty(row: usize, score: f64) -> Self {
        Hypothesis { row, tokens: Vec::new(), score, ended: false }
    }
}

impl Decoder {
    pub(super) fn new(learner: &mut Learner<EncoderDecoder>, shape: &EncoderDecoderShape, beam: usize) -> Self {
        assert!(beam > 0, "a beam holds a hypothesis at least");
        Decoder(Steps::new(learner, shape, (AT_ONCE / beam).max(1), beam))
    }

    pub(super) fn decode(&mut self, store: &mut Store, sources: &[&[u32]]) -> Vec<Vec<u32>> {
        sources.chunks(self.0.sources).flat_map(|part| self.part(store, part)).collect()
    }

    /// Decodes as many sources as there is room for.
    fn part(&mut self, store: &mut Store, sources: &[&[u32]]) -> Vec<Vec<u32>> {
        self.0.begin(store, sources);
        let beam = self.0.each;
        // At the beginning all hypotheses of a source are alike: only one of them counts.
        let first = |source: usize| {
            let score = |i: usize| if i == 0 { 0.0 } else { f64::NEG_INFINITY };
            (0..beam).map(|i| Hypothesis::empty(source * beam + i, score(i))).collect()
        };
        let mut beams: Vec<Vec<Hypothesis>> = (0..sources.len()).map(first).collect();
        for _ in 0..self.0.longest() {
            self.advance(store, &mut beams);
            if beams.iter().flatten().all(|hypothesis| hypothesis.ended) {
                break;
            }
        }
        // The first is the likeliest.
        beams.into_iter().map(|mut beam| beam.swap_remove(0).tokens).collect()
    }

    /// One token more for every hypothesis that has not ended.
    fn advance(&mut self, store: &mut Store, beams: &mut [Vec<Hypothesis>]) {
        let width = self.0.each;
        if width > 1 {
            let rows: Vec<usize> = beams.iter().flatten().map(|hypothesis| hypothesis.row).collect();
            self.0.pick(store, &rows);
        }
        let last = |hypothesis: &Hypothesis| hypothesis.tokens.last().copied().unwrap_or(BEGIN);
        let scores = self.0.next(store, beams.iter().flatten().map(last));
        let classes = self.0.classes();
        for (source, beam) in beams.iter_mut().enumerate() {
            let first = source * width;
            *beam = continued(beam, first, &scores[first * classes..(first + width) * classes], width);
        }
    }
}

/// The likeliest `keep` of a beam's hypotheses with one token more, best first; ended ones stay as they are. `first` is
/// the row of the beam's first, `scores` the log probabilities of the next token, row by row.
fn continued(beam: &[Hypothesis], first: usize, scores: &[f32], keep: usize) -> Vec<Hypothesis> {
    let classes = scores.len() / beam.len();
    // Score, hypothesis, and the token that is added to it.
    let mut found: Vec<(f64, usize, Option<u32>)> = Vec::new();
    for (i, hypothesis) in beam.iter().enumerate() {
        if hypothesis.ended {
            found.push((hypothesis.score, i, None));
            continue;
        }
        let row = &scores[i * classes..(i + 1) * classes];
        // Padding and the beginning are never written.
        let written = row.iter().enumerate().skip(END as usize);
        found.extend(written.map(|(token, score)| (hypothesis.score + f64::from(*score), i, Some(token as u32))));
    }
    // Stable: of equal ones the first hypothesis and the first token win.
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let grown = |(score, i, token): (f64, usize, Option<u32>)| {
        let mut tokens = beam[i].tokens.clone();
        let ended = matches!(token, None | Some(END));
        tokens.extend(token.filter(|token| *token != END));
        Hypothesis { row: first + i, tokens, score, ended }
    };
    found.into_iter().take(keep).map(grown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beam_keeps_the_likeliest_and_ended_ones_compete() {
        let hypothesis =
            |tokens: &[u32], score: f64, ended: bool| Hypothesis { row: 0, tokens: tokens.to_vec(), score, ended };
        let beam = [hypothesis(&[3], -1.0, false), hypothesis(&[4], -1.2, true)];
        // Classes: padding, begin, end, 3, 4.
        let scores = [0.0, 0.0, -0.5, -0.1, -3.0, 9.0, 9.0, 9.0, 9.0, 9.0];
        let next = continued(&beam, 6, &scores, 2);
        let told: Vec<(usize, &[u32], bool)> = next.iter().map(|h| (h.row, h.tokens.as_slice(), h.ended)).collect();
        assert_eq!(told, [(6, &[3, 3][..], false), (7, &[4][..], true)]);
        let ending = continued(&beam[..1], 6, &[0.0, 0.0, -0.1, -2.0, -3.0], 1);
        assert_eq!((ending[0].tokens.as_slice(), ending[0].ended), (&[3][..], true));
    }
}
