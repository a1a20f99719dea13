//! On which features does a classifier rely? Randomise some of them and look what is lost (Shah et al. 2020,
//! section 3.1: S-randomised and S-complement-randomised AUC).
//!
//! Works for any model that gives a score a row (larger for the positive class) and any known blocks of columns;
//! where a model sees the columns through a map, the map is part of the scoring closure.

use rand::RngExt;
use rand::seq::SliceRandom;

use super::statistics::{Estimate, mean};
use crate::base::random::{Key, Stream};

/// How scores are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Area under the receiver operating characteristic: how often a positive row scores higher than a negative
    /// one, ties counting half.
    Auc,
    /// How often the sign of the score is that of the label; zero counts half.
    Accuracy,
}

/// Scores of the same rows as they are, with a block of columns randomised, and with all others randomised.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// As they are.
    pub standard: Vec<f32>,
    /// The block randomised.
    pub block: Vec<f32>,
    /// Everything but the block randomised.
    pub complement: Vec<f32>,
}

impl Measure {
    /// The measure of scores against labels; none if lengths differ, a score is not finite, or (for
    /// [`Measure::Auc`]) a label does not occur.
    pub fn of(self, scores: &[f32], positive: &[bool]) -> Option<f64> {
        Sorted::new(scores, positive)?.measure(self, &vec![1.0; scores.len()])
    }

    /// The measure of `draws` resamples of the rows with replacement. None as for [`Measure::of`].
    pub fn resampled(self, scores: &[f32], positive: &[bool], draws: usize, stream: &mut Stream) -> Option<Vec<f64>> {
        let sorted = Sorted::new(scores, positive)?;
        let n = scores.len();
        let mut weights = vec![0.0; n];
        let mut draw = || {
            weights.fill(0.0);
            (0..n).for_each(|_| weights[stream.random_range(0..n as u32) as usize] += 1.0);
            sorted.measure(self, &weights)
        };
        (0..draws).map(|_| draw()).collect()
    }
}

/// Rows in ascending order of their scores.
struct Sorted {
    rows: Vec<(f32, bool)>,
}

impl Sorted {
    fn new(scores: &[f32], positive: &[bool]) -> Option<Self> {
        if scores.len() != positive.len() || !scores.iter().all(|score| score.is_finite()) {
            return None;
        }
        let mut rows: Vec<(f32, bool)> = scores.iter().copied().zip(positive.iter().copied()).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some(Sorted { rows })
    }

    /// The measure with a weight a row; weights in the order of the sorted rows, which resampling does not mind.
    fn measure(&self, measure: Measure, weights: &[f64]) -> Option<f64> {
        match measure {
            Measure::Auc => self.auc(weights),
            Measure::Accuracy => self.accuracy(weights),
        }
    }

    fn auc(&self, weights: &[f64]) -> Option<f64> {
        let (mut below, mut positives, mut area, mut at) = (0.0, 0.0, 0.0, 0);
        // `==` and not the total order: 0.0 and -0.0 are a tie.
        for tied in self.rows.chunk_by(|a, b| a.0 == b.0) {
            let (mut positive, mut negative) = (0.0, 0.0);
            for ((_, label), weight) in tied.iter().zip(&weights[at..]) {
                if *label { positive += weight } else { negative += weight }
            }
            area += positive * (below + 0.5 * negative);
            below += negative;
            positives += positive;
            at += tied.len();
        }
        let auc = area / (positives * below);
        auc.is_finite().then_some(auc)
    }

    fn accuracy(&self, weights: &[f64]) -> Option<f64> {
        let right = |(score, label): &(f32, bool)| match *score {
            0.0 => 0.5,
            score => f64::from(u8::from((score > 0.0) == *label)),
        };
        let (mut sum, mut all) = (0.0, 0.0);
        for (row, weight) in self.rows.iter().zip(weights) {
            sum += weight * right(row);
            all += weight;
        }
        let accuracy = sum / all;
        accuracy.is_finite().then_some(accuracy)
    }
}

/// The rows `[n, width]` with the columns of `block` taken from the rows that `order` names: all of them from the
/// same row, so that what holds among them stays, and only their tie to the label and to the other columns is cut.
///
/// # Panics
/// If the rows are not whole, a column is none of theirs, or `order` names not one row for each.
pub fn randomised(rows: &[f32], width: usize, block: &[usize], order: &[u32]) -> Vec<f32> {
    assert_eq!(rows.len(), order.len() * width, "one row named for each");
    let mut mixed = rows.to_vec();
    for (row, &from) in mixed.chunks_mut(width.max(1)).zip(order) {
        block.iter().for_each(|&column| row[column] = rows[from as usize * width + column]);
    }
    mixed
}

/// A permutation of `count` rows, from `key` alone.
pub fn permutation(count: usize, key: Key) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.shuffle(&mut key.purpose("permutation").stream());
    order
}

/// Scores of rows `[n, width]` as they are, with `block` randomised, and with everything else randomised, each
/// block by one permutation.
///
/// # Panics
/// As [`randomised`].
pub fn scores(
    rows: &[f32],
    width: usize,
    block: &[usize],
    key: Key,
    mut score: impl FnMut(&[f32]) -> Vec<f32>,
) -> Scores {
    let count = rows.len() / width.max(1);
    let complement: Vec<usize> = (0..width).filter(|column| !block.contains(column)).collect();
    let [first, second] = [0, 1].map(|i| permutation(count, key.index(i)));
    Scores {
        standard: score(rows),
        block: score(&randomised(rows, width, block, &first)),
        complement: score(&randomised(rows, width, &complement, &second)),
    }
}

/// What the measure loses when each of `blocks` alone is randomised, in their order; none where it is undefined.
///
/// # Panics
/// As [`randomised`].
pub fn drops(
    rows: &[f32],
    width: usize,
    blocks: &[Vec<usize>],
    positive: &[bool],
    (measure, key): (Measure, Key),
    mut score: impl FnMut(&[f32]) -> Vec<f32>,
) -> Option<Vec<f64>> {
    let standard = measure.of(&score(rows), positive)?;
    let mut drop = |(i, block): (usize, &Vec<usize>)| {
        let order = permutation(positive.len(), key.index(i as u64));
        Some(standard - measure.of(&score(&randomised(rows, width, block, &order)), positive)?)
    };
    blocks.iter().enumerate().map(&mut drop).collect()
}

/// The mean over seeds of a measure, with a 95 % interval over seeds and rows: seeds are drawn with replacement,
/// and for each drawn seed one of its [`Measure::resampled`] values.
pub fn over_seeds<G: AsRef<[f64]>>(values: &[f64], resampled: &[G], key: Key) -> Option<Estimate> {
    const DRAWS: usize = 2000;
    let value = mean(values)?;
    if resampled.len() != values.len() || resampled.iter().any(|group| mean(group.as_ref()).is_none()) {
        return None;
    }
    let mut stream = key.purpose("over seeds").stream();
    let mut one = || {
        let group = resampled[stream.random_range(0..resampled.len() as u32) as usize].as_ref();
        group[stream.random_range(0..group.len() as u32) as usize]
    };
    let mut draws: Vec<f64> =
        (0..DRAWS).map(|_| values.iter().map(|_| one()).sum::<f64>() / values.len() as f64).collect();
    draws.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| draws[(share * (DRAWS - 1) as f64).round() as usize];
    Some(Estimate::between(at(0.025), value, at(0.975)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(n: usize, seed: u64) -> Vec<f32> {
        let mut stream = Key::new(seed).stream();
        (0..n).map(|_| stream.random_range(-1.0f32..1.0)).collect()
    }

    #[test]
    fn auc_counts_ties_half() {
        let positive = [true, true, true, false, false];
        let auc = |scores: &[f32]| Measure::Auc.of(scores, &positive).unwrap();
        assert!((auc(&[0.9, 0.4, 0.4, 0.4, 0.1]) - 5.0 / 6.0).abs() < 1e-12);
        assert_eq!(auc(&[2.0; 5]), 0.5);
        assert_eq!(auc(&[0.0, -0.0, 0.0, -0.0, 0.0]), 0.5);
        let scores = random(500, 1);
        let positive: Vec<bool> = random(500, 2).iter().zip(&scores).map(|(noise, x)| noise + x > 0.0).collect();
        let negated: Vec<f32> = scores.iter().map(|x| -x).collect();
        let (there, back) = (Measure::Auc.of(&scores, &positive), Measure::Auc.of(&negated, &positive));
        assert!((there.unwrap() - (1.0 - back.unwrap())).abs() < 1e-12 && there.unwrap() > 0.7);
        assert_eq!(Measure::Auc.of(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(Measure::Auc.of(&[f32::NAN, 2.0], &[true, false]), None);
        assert_eq!(Measure::Accuracy.of(&[1.0, -2.0, 0.0, 3.0], &[true, false, true, false]), Some(0.625));
    }

    /// Rows of 4 columns; the label is the sign of column 0 and that of column 1 times column 2.
    fn data() -> (Vec<f32>, Vec<bool>) {
        let mut rows = random(4 * 4000, 3);
        let positive: Vec<bool> = rows.chunks(4).map(|row| row[0] > 0.0).collect();
        for (row, positive) in rows.chunks_mut(4).zip(&positive) {
            if (row[1] * row[2] > 0.0) != *positive {
                row[2] = -row[2];
            }
        }
        (rows, positive)
    }

    fn aucs(block: &[usize], score: impl Fn(&[f32]) -> f32) -> [f64; 3] {
        let (rows, positive) = data();
        let found = scores(&rows, 4, block, Key::new(4), |rows| rows.chunks(4).map(&score).collect());
        [found.standard, found.block, found.complement].map(|s| Measure::Auc.of(&s, &positive).unwrap())
    }

    #[test]
    fn a_model_loses_what_it_relies_on() {
        let near = |found: [f64; 3], expected: [f64; 3]| {
            let most = 2.0 / 4000f64.sqrt();
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= most), "{found:?} {expected:?}");
        };
        near(aucs(&[0], |row| row[0]), [1.0, 0.5, 1.0]);
        // The product of columns 1 and 2 survives a joint permutation of both but not of one of them.
        let product = |row: &[f32]| (row[1] * row[2]).signum();
        near(aucs(&[0], product), [1.0, 1.0, 0.5]);
        near(aucs(&[1, 2], product), [1.0, 0.5, 1.0]);
        near(aucs(&[1], product), [1.0, 0.5, 0.5]);
        near(aucs(&[0, 1, 2, 3], |row| row[0]), [1.0, 0.5, 1.0]);
    }

    #[test]
    fn a_block_moves_as_a_whole() {
        let (rows, _) = data();
        let order = permutation(4000, Key::new(9));
        let mixed = randomised(&rows, 4, &[1, 2], &order);
        for (i, row) in mixed.chunks(4).enumerate() {
            let (own, from) = (&rows[4 * i..][..4], &rows[4 * order[i] as usize..][..4]);
            assert_eq!(row, [own[0], from[1], from[2], own[3]]);
        }
        assert!(order.iter().enumerate().filter(|(i, from)| *i == **from as usize).count() < 10);
    }

    #[test]
    fn randomising_nothing_changes_no_bit() {
        let (rows, _) = data();
        let sum = |rows: &[f32]| rows.chunks(4).map(|row| row.iter().sum()).collect::<Vec<f32>>();
        let none = scores(&rows, 4, &[], Key::new(4), sum);
        assert_eq!(none.standard, none.block);
        assert_ne!(none.standard, none.complement);
        let all = scores(&rows, 4, &[0, 1, 2, 3], Key::new(4), sum);
        assert_eq!(all.standard, all.complement);
    }

    #[test]
    fn drops_show_the_columns_in_use() {
        let (rows, positive) = data();
        let blocks: Vec<Vec<usize>> = (0..4).map(|i| vec![i]).collect();
        let score = |rows: &[f32]| rows.chunks(4).map(|row| row[0]).collect::<Vec<f32>>();
        let lost = drops(&rows, 4, &blocks, &positive, (Measure::Auc, Key::new(1)), score).unwrap();
        assert!((lost[0] - 0.5).abs() < 0.04, "{lost:?}");
        assert_eq!(lost[1..], [0.0; 3]);
    }

    #[test]
    fn intervals_cover_rows_and_seeds() {
        // Of an accuracy of 0.8 over 2,000 rows the deviation is sqrt(0.16 / 2000) = 0.0089.
        let scores: Vec<f32> = (0..2000).map(|i| if i % 5 == 0 { -1.0 } else { 1.0 }).collect();
        let positive = vec![true; 2000];
        let drawn = Measure::Accuracy.resampled(&scores, &positive, 400, &mut Key::new(1).stream()).unwrap();
        let one = over_seeds(&[0.8], &[&drawn], Key::new(2)).unwrap();
        assert!(((one.high - one.low) / (2.0 * 1.96 * 0.0089) - 1.0).abs() < 0.12, "{one:?}");
        let two = over_seeds(&[0.8, 0.4], &[drawn.clone(), vec![0.4; 400]], Key::new(2)).unwrap();
        assert!(two.low < 0.41 && two.high > 0.78 && (two.value - 0.6).abs() < 1e-12, "{two:?}");
        assert_eq!(over_seeds(&[0.8], &[] as &[Vec<f64>], Key::new(2)), None);
        assert_eq!(over_seeds(&[], &[] as &[Vec<f64>], Key::new(2)), None);
    }
}
