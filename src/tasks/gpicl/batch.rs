//! A batch of sequences: what a model sees, what it should answer, and how answers are averaged.

use std::ops::Range;

use rand::seq::{IndexedRandom, SliceRandom};

use super::{Classification, Config, Examples, Format};
use crate::base::random::{Key, Stream};

/// Sequences in preallocated buffers, row-major; B sequences of T positions.
#[derive(Clone, Debug)]
pub struct Batch {
    config: Config,
    sequences: usize,
    /// u, [B, T, [`Config::token_width`]]: what the model sees.
    pub tokens: Vec<f32>,
    /// x', [B, T, P].
    pub queries: Vec<f32>,
    /// y', [B, T], as class numbers: what the model should answer.
    pub targets: Vec<f32>,
    /// Labels that later tokens show for these positions, [B, T]; the targets, except in the control
    /// of [`Batch::with_permuted_context`].
    pub shown: Vec<u8>,
    /// Rows of the base set (of `random pairs`: number of the vector), [B, T].
    pub rows: Vec<u32>,
    /// Positions that count, [B, T]; all, but only repeats in `random pairs`.
    pub scored: Vec<bool>,
    /// A task and a sequence to draw into.
    pub(super) scratch: Option<Classification>,
    pub(super) examples: Examples,
}

impl Batch {
    pub(super) fn new(config: &Config, sequences: usize) -> Self {
        let positions = sequences * config.tokens;
        Batch {
            config: config.clone(),
            sequences,
            tokens: vec![0.0; positions * config.token_width()],
            queries: vec![0.0; positions * config.projection],
            targets: vec![0.0; positions],
            shown: vec![0; positions],
            rows: vec![0; positions],
            scored: vec![true; positions],
            scratch: None,
            examples: Examples::new(config.tokens, config.projection),
        }
    }

    /// B.
    pub fn sequences(&self) -> usize {
        self.sequences
    }

    /// The settings its sequences were drawn with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Positions of one sequence in [B, T].
    pub fn positions(&self, sequence: usize) -> Range<usize> {
        sequence * self.config.tokens..(sequence + 1) * self.config.tokens
    }

    /// x' at one position of [B, T].
    pub fn query(&self, position: usize) -> &[f32] {
        let width = self.config.projection;
        &self.queries[position * width..(position + 1) * width]
    }

    /// Copies the scratch examples in as sequence `b`; the tokens still have to be laid out.
    pub(super) fn take_examples(&mut self, b: usize) {
        let positions = self.positions(b);
        let width = self.config.projection;
        self.queries[positions.start * width..positions.end * width].copy_from_slice(&self.examples.inputs);
        self.rows[positions.clone()].copy_from_slice(&self.examples.rows);
        self.shown[positions.clone()].copy_from_slice(&self.examples.labels);
        for (target, &label) in self.targets[positions].iter_mut().zip(&self.examples.labels) {
            *target = f32::from(label);
        }
    }

    /// Writes all tokens from queries and shown labels.
    pub(super) fn lay_out_tokens(&mut self) {
        let Config { classes, projection, tokens, format, .. } = self.config;
        let label = (classes as f32).sqrt();
        for (position, token) in self.tokens.chunks_exact_mut(self.config.token_width()).enumerate() {
            let (query, before) = token.split_at_mut(projection);
            query.copy_from_slice(&self.queries[position * projection..(position + 1) * projection]);
            before.fill(0.0);
            if position % tokens == 0 {
                continue;
            }
            let shown = usize::from(self.shown[position - 1]);
            match format {
                Format::Shifted => before[shown] = label,
                Format::Paired => {
                    before[..projection]
                        .copy_from_slice(&self.queries[(position - 1) * projection..position * projection]);
                    before[projection + shown] = label;
                }
            }
        }
    }

    /// The control that must not work: the same queries and targets, but the context labels of each
    /// sequence permuted over positions, so that the pairs (x'_{t-1}, y'_{t-1}) tell nothing.
    ///
    /// The last `last` positions are the ones to judge; let S = T - `last` (at least 1) be the
    /// positions before them.
    /// - Their S labels are permuted uniformly: the class counts stay, and given all inputs every
    ///   label is as likely at every position, so no input is linked to a label. (A derangement would
    ///   make "not the label shown" informative.)
    /// - Labels shown at the judged positions are a uniform sample of the same S labels. True ones
    ///   would be true pairs; and permuting them into the rest would count a judged query's own label
    ///   before it is asked, by which merely answering the most frequent label beats chance
    ///   (0.29 for C = 5, T = 32).
    ///
    /// What is left to find is that classes of the same frequency may belong together, which any
    /// control that keeps the counts has to leave.
    pub fn with_permuted_context(&self, key: Key, last: usize) -> Batch {
        let mut batch = self.clone();
        let tokens = self.config.tokens;
        let context = tokens.saturating_sub(last).max(1);
        for b in 0..self.sequences {
            let mut stream: Stream = key.purpose("permuted context").index(b as u64).stream();
            let positions = self.positions(b);
            let (before, judged) = batch.shown[positions.clone()].split_at_mut(context);
            before.shuffle(&mut stream);
            for (place, &label) in judged.iter_mut().zip(before.sample(&mut stream, tokens - context)) {
                *place = label;
            }
        }
        batch.lay_out_tokens();
        batch
    }

    /// Mean of `correct` [B, T] at each position, over the scored ones; none where nothing is scored.
    pub fn by_position(&self, correct: &[f32]) -> Vec<Option<f64>> {
        let tokens = self.config.tokens;
        (0..tokens).map(|t| self.mean_over(correct, (0..self.sequences).map(|b| b * tokens + t))).collect()
    }

    /// Mean of `correct` [B, T] over the scored positions in `range` (0 is the first), a value a
    /// sequence: what a bootstrap resamples. Sequences without such a position are left out.
    pub fn by_sequence(&self, correct: &[f32], range: Range<usize>) -> Vec<f64> {
        let tokens = self.config.tokens;
        let of = |b: usize| self.mean_over(correct, range.clone().filter(|&t| t < tokens).map(|t| b * tokens + t));
        (0..self.sequences).filter_map(of).collect()
    }

    fn mean_over(&self, correct: &[f32], positions: impl Iterator<Item = usize>) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0u32);
        for position in positions.filter(|&p| self.scored[p]) {
            sum += f64::from(correct[position]);
            count += 1;
        }
        (count > 0).then(|| sum / f64::from(count))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tasks::base_set::Standardise;
    use crate::tasks::digits;
    use crate::tasks::gpicl::{Evaluation, Gpicl};
    use crate::tasks::references::{Nearness, majority, nearest_neighbour};

    fn batch(config: Config, sequences: usize) -> Batch {
        let base = Arc::new(digits::base_set(Standardise::MeanImage));
        let family = Gpicl::new(config, base, Key::new(4)).unwrap();
        family.evaluation(&Evaluation::Unseen, sequences).unwrap()
    }

    #[test]
    fn tokens_are_laid_out_as_the_paper_writes_them() {
        let config = Config { classes: 4, projection: 3, tokens: 5, ..Config::default() };
        let root = 2.0;
        let paired = batch(config.clone(), 2);
        for position in 0..10 {
            let token = &paired.tokens[position * 10..(position + 1) * 10];
            assert_eq!(&token[..3], paired.query(position));
            if position % 5 == 0 {
                assert_eq!(token[3..], [0.0; 7]);
                continue;
            }
            assert_eq!(&token[3..6], paired.query(position - 1));
            let mut label = [0.0; 4];
            label[paired.targets[position - 1] as usize] = root;
            assert_eq!(token[6..], label);
        }
        let shifted = batch(Config { format: Format::Shifted, ..config }, 2);
        assert_eq!(shifted.queries, paired.queries);
        for (long, short) in paired.tokens.chunks(10).zip(shifted.tokens.chunks(7)) {
            assert_eq!([&long[..3], &long[6..]].concat(), short);
        }
    }

    /// Attention in plain Rust over real tokens: query x'_t, key x'_{s-1}, value onehot(y'_{s-1}) for
    /// s <= t, scale 1e4. Token 1 holds no pair: its key and value are zeros, and it is left out.
    #[test]
    fn attention_over_tokens_is_the_nearest_neighbour_by_dot_product() {
        let mut batch = batch(Config::default(), 64);
        for query in batch.queries.chunks_exact_mut(16) {
            let norm = query.iter().map(|x| x * x).sum::<f32>().sqrt();
            query.iter_mut().for_each(|x| *x /= norm);
        }
        batch.lay_out_tokens();
        let expected = nearest_neighbour(&batch, Nearness::DotProduct);
        let (width, root) = (batch.config().token_width(), 5.0f32.sqrt());
        for sequence in 0..64 {
            let tokens = &batch.tokens[sequence * 32 * width..(sequence + 1) * 32 * width];
            let token = |t: usize| &tokens[t * width..(t + 1) * width];
            for t in 1..32 {
                let score = |s: usize| -> f32 { (0..16).map(|p| token(t)[p] * token(s)[16 + p]).sum::<f32>() * 1e4 };
                let most = (1..=t).map(score).fold(f32::NEG_INFINITY, f32::max);
                let mut out = [0.0f32; 5];
                for s in 1..=t {
                    let weight = (score(s) - most).exp();
                    out.iter_mut().zip(&token(s)[32..]).for_each(|(o, label)| *o += weight * label / root);
                }
                let answer = (0..5).max_by(|&a, &b| out[a].total_cmp(&out[b])).unwrap();
                let position = sequence * 32 + t;
                let correct = f32::from(answer as f32 == batch.targets[position]);
                assert_eq!(correct, expected[position], "sequence {sequence}, position {t}");
            }
        }
    }

    #[test]
    fn the_control_keeps_queries_targets_and_context_counts() {
        let whole = batch(Config::default(), 50);
        let control = whole.with_permuted_context(Key::new(9), 8);
        assert_eq!((&control.queries, &control.targets, &control.rows), (&whole.queries, &whole.targets, &whole.rows));
        assert_ne!(control.tokens, whole.tokens);
        let mut fixed_points = 0;
        for b in 0..50 {
            let context = whole.positions(b).start..whole.positions(b).end - 8;
            let count = |batch: &Batch, label| batch.shown[context.clone()].iter().filter(|&&l| l == label).count();
            assert!((0..5).all(|label| count(&whole, label) == count(&control, label)));
            // Labels shown later come from the same context, each of its positions at most once.
            let judged = &control.shown[context.end..whole.positions(b).end];
            let used = |label| judged.iter().filter(|&&l| l == label).count();
            assert!((0..5).all(|label| used(label) <= count(&whole, label)));
            fixed_points += context.clone().filter(|&p| control.shown[p] == whole.shown[p]).count();
        }
        // By chance a label meets its like about once in C; true pairs would all meet.
        let share = fixed_points as f64 / (50.0 * 24.0);
        assert!((share - 0.23).abs() < 0.05, "{share}");
    }

    #[test]
    fn permuting_judged_labels_into_the_context_would_leak() {
        // The reason for the two parts of the control: with all labels permuted over all positions,
        // the most frequent one already beats chance, as the query's own label is in the count.
        let mut naive = batch(Config::default(), 2000);
        for b in 0..2000 {
            let shown = naive.positions(b);
            naive.shown[shown].shuffle(&mut Key::new(3).index(b as u64).stream());
        }
        let leaked = naive.by_sequence(&majority(&naive), 24..32);
        assert!(leaked.iter().sum::<f64>() / 2000.0 > 0.26);
    }

    #[test]
    fn means_count_scored_positions_only() {
        let mut batch = batch(Config { tokens: 3, ..Config::default() }, 2);
        batch.scored = vec![false, true, true, false, false, true];
        let correct = [1.0, 1.0, 0.0, 1.0, 1.0, 1.0];
        assert_eq!(batch.by_position(&correct), [None, Some(1.0), Some(0.5)]);
        assert_eq!(batch.by_sequence(&correct, 0..3), [0.5, 1.0]);
        assert_eq!(batch.by_sequence(&correct, 1..2), [1.0]);
        assert_eq!(batch.by_sequence(&correct, 2..90), [0.0, 1.0]);
    }
}
