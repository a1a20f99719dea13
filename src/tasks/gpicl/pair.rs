//! One task: a random projection and a random relabelling of a base set.

use std::sync::Arc;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};

use crate::base::random::Stream;
use crate::tasks::base_set::{BaseSet, Split};
use crate::tasks::{Known, Task};

/// (A, rho). The two are drawn and frozen together: K permutations with fresh projections would be
/// infinitely many tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// A transposed, [features, projection]: so that A x is a sum of rows.
    pub projection: Vec<f32>,
    /// rho: the label of each class of the base set. On a base set of fewer classes than label slots,
    /// a random injection (the places beyond its classes are of no use).
    pub relabelling: Vec<u8>,
}

impl Pair {
    /// A pair of zeros, to be drawn: A is `width` x `features`, rho maps `base_classes` classes onto
    /// `label_slots` label slots, or beyond them if there are more classes than slots.
    pub fn blank(features: usize, width: usize, base_classes: usize, label_slots: usize) -> Self {
        Pair { projection: vec![0.0; features * width], relabelling: vec![0; base_classes.max(label_slots)] }
    }

    /// Draws A with entries N(0, 1/`features`) and rho uniform; allocates nothing.
    pub fn redraw(&mut self, features: usize, stream: &mut Stream) {
        let deviation = (features as f32).sqrt().recip();
        for entry in &mut self.projection {
            let normal: f32 = StandardNormal.sample(stream);
            *entry = normal * deviation;
        }
        for (i, label) in self.relabelling.iter_mut().enumerate() {
            *label = i as u8; // at most 256 classes, as labels are bytes
        }
        self.relabelling.shuffle(stream);
    }

    /// out = A x, summed over the features in their order. `out` is [P], `input` is [F].
    pub fn project(&self, input: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        for (&x, row) in input.iter().zip(self.projection.chunks_exact(out.len())) {
            for (sum, entry) in out.iter_mut().zip(row) {
                *sum += x * entry;
            }
        }
    }
}

/// One sequence of a task, before it becomes tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// x', [T, P].
    pub inputs: Vec<f32>,
    /// y', [T].
    pub labels: Vec<u8>,
    /// Rows of the base set, [T].
    pub rows: Vec<u32>,
}

impl Examples {
    /// Room for `tokens` examples of width `projection`.
    pub fn new(tokens: usize, projection: usize) -> Self {
        Examples { inputs: vec![0.0; tokens * projection], labels: vec![0; tokens], rows: vec![0; tokens] }
    }
}

/// A task: a pair on one part of a base set, with the rows whose class is in play.
#[derive(Clone, Debug)]
pub struct Classification {
    pub(super) base: Arc<BaseSet>,
    pub(super) pair: Pair,
    classes: usize,
    /// Rows of the part, by their class in the base set.
    by_class: Vec<Vec<u32>>,
    pool: Vec<u32>,
}

impl Classification {
    /// A task of zeros on a part of `base` with `classes` label slots; draw its pair, then call
    /// [`Classification::put_in_play`].
    pub(super) fn blank(base: Arc<BaseSet>, split: Split, classes: usize, projection: usize) -> Self {
        let pair = Pair::blank(base.features(), projection, base.classes(), classes);
        let rows = base.part(split);
        let mut by_class = vec![Vec::new(); base.classes()];
        rows.iter().for_each(|&row| by_class[usize::from(base.labels[row as usize])].push(row));
        let pool = Vec::with_capacity(rows.len());
        Classification { base, pair, classes, by_class, pool }
    }

    /// Collects the rows with rho(y) < C: call it after the pair has changed.
    pub(super) fn put_in_play(&mut self) {
        self.pool.clear();
        for (rows, &label) in self.by_class.iter().zip(&self.pair.relabelling) {
            if usize::from(label) < self.classes {
                self.pool.extend_from_slice(rows);
            }
        }
    }

    /// The projection and the relabelling.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Rows that can occur.
    pub fn pool(&self) -> &[u32] {
        &self.pool
    }
}

impl Task for Classification {
    type Batch = Examples;

    fn known(&self) -> Known {
        let present = self.classes.min(self.base.classes());
        Known { features: Vec::new(), chance_accuracy: Some(1.0 / present as f64), best_loss: None }
    }

    /// Draws rows uniformly with replacement from the pool.
    fn fill(&self, stream: &mut Stream, batch: &mut Examples) {
        let width = batch.inputs.len() / batch.rows.len();
        let inputs = batch.inputs.chunks_exact_mut(width);
        for ((row, label), input) in batch.rows.iter_mut().zip(&mut batch.labels).zip(inputs) {
            *row = self.pool[stream.random_range(0..self.pool.len() as u32) as usize];
            let source = *row as usize;
            *label = self.pair.relabelling[usize::from(self.base.labels[source])];
            let values = self.base.inputs.row(source);
            self.pair.project(values.as_slice().expect("a row of a row-major array is contiguous"), input);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    fn stream(index: u64) -> Stream {
        Key::new(5).purpose("pair").index(index).stream()
    }

    #[test]
    fn projections_keep_p_over_f_of_the_squared_norm() {
        // E ||A x||^2 = (P/F) ||x||^2; over 4,000 draws of a chi-square of 16 the mean is within 1.5 %.
        let x: Vec<f32> = (0..64).map(|i| ((i * 37) % 11) as f32 - 5.0).collect();
        let norm: f32 = x.iter().map(|v| v * v).sum();
        let (mut pair, mut out, mut mean) = (Pair::blank(64, 16, 10, 5), [0.0; 16], 0.0);
        for i in 0..4000 {
            pair.redraw(64, &mut stream(i));
            pair.project(&x, &mut out);
            mean += f64::from(out.iter().map(|v| v * v).sum::<f32>()) / 4000.0;
        }
        let ratio = mean / (f64::from(norm) * 16.0 / 64.0);
        assert!((ratio - 1.0).abs() < 0.03, "{ratio}");
    }

    #[test]
    fn projecting_is_a_matrix_product() {
        let mut pair = Pair::blank(3, 2, 2, 2);
        pair.projection = vec![1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
        let mut out = [9.0; 2];
        pair.project(&[1.0, -1.0, 2.0], &mut out);
        assert_eq!(out, [5.0, 50.0]);
    }

    #[test]
    fn relabellings_are_uniform_permutations() {
        let mut pair = Pair::blank(1, 1, 10, 5);
        let draws = 20_000;
        let mut counts = [[0.0f64; 10]; 10];
        let mut pairs = [[0.0f64; 10]; 10];
        for i in 0..draws {
            pair.redraw(1, &mut stream(i));
            let mut sorted = pair.relabelling.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..10).collect::<Vec<u8>>());
            for (class, &label) in pair.relabelling.iter().enumerate() {
                counts[class][usize::from(label)] += 1.0;
            }
            pairs[usize::from(pair.relabelling[0])][usize::from(pair.relabelling[1])] += 1.0;
        }
        // Chi-square of single places (81 degrees of freedom) and of ordered pairs (89): mean plus 5 deviations.
        let single: f64 =
            counts.iter().flatten().map(|c| (c - draws as f64 / 10.0).powi(2) / (draws as f64 / 10.0)).sum();
        assert!(single < 81.0 + 5.0 * (2.0f64 * 81.0).sqrt(), "{single}");
        let expected = draws as f64 / 90.0;
        let double: f64 = (0..10)
            .flat_map(|a| (0..10).map(move |b| (a, b)))
            .filter(|(a, b)| a != b)
            .map(|(a, b)| (pairs[a][b] - expected).powi(2) / expected)
            .sum();
        assert!(double < 89.0 + 5.0 * (2.0f64 * 89.0).sqrt(), "{double}");
    }

    #[test]
    fn fewer_classes_than_slots_is_an_injection() {
        let mut pair = Pair::blank(4, 2, 3, 5);
        let mut used = [0; 5];
        for i in 0..500 {
            pair.redraw(4, &mut stream(i));
            let labels = &pair.relabelling[..3];
            assert!(labels[0] != labels[1] && labels[1] != labels[2] && labels[0] != labels[2]);
            labels.iter().for_each(|&l| used[usize::from(l)] += 1);
        }
        assert!(used.iter().all(|&n| (240..360).contains(&n)), "{used:?}");
    }
}
