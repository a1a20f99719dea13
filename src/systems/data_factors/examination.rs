//! What is seen of a model at one moment of its training.

use serde::{Deserialize, Serialize};

use super::data::Test;

/// One look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) step: u64,
    /// Loss of the last training batch; none before the first.
    pub(super) loss: Option<f64>,
    /// Share of the sample of training lines that is right.
    pub(super) train: f64,
    /// Share of the test commands that is right.
    pub(super) zero_shot: f64,
    /// The same of each row of the command board.
    pub(super) board: Vec<f64>,
    /// Of the new word's embedding from the centroid of the other verbs, in their spread.
    pub(super) distance: Option<f64>,
}

/// The rows of the command board in order of appearance, and the row of each test command.
#[derive(Clone, Debug)]
pub(super) struct Board {
    pub(super) rows: Vec<String>,
    row_of: Vec<usize>,
}

impl Board {
    pub(super) fn new(tests: &[Test]) -> Self {
        let mut rows: Vec<String> = Vec::new();
        let mut row_of = Vec::new();
        for test in tests {
            let at = rows.iter().position(|row| *row == test.row).unwrap_or_else(|| {
                rows.push(test.row.clone());
                rows.len() - 1
            });
            row_of.push(at);
        }
        Board { rows, row_of }
    }

    /// The share of right commands of each row.
    pub(super) fn shares(&self, right: &[bool]) -> Vec<f64> {
        let share = |row: usize| {
            let own = || right.iter().zip(&self.row_of).filter(move |(_, of)| **of == row);
            own().filter(|(right, _)| **right).count() as f64 / own().count().max(1) as f64
        };
        (0..self.rows.len()).map(share).collect()
    }
}

/// How far a vector lies from the centroid of others, in the root of their mean squared distance from it. None where
/// there are not two of them, or they are all alike.
pub(super) fn distance(of: &[f32], others: &[&[f32]]) -> Option<f64> {
    if others.len() < 2 {
        return None;
    }
    let mean = |i: usize| others.iter().map(|other| f64::from(other[i])).sum::<f64>() / others.len() as f64;
    let centroid: Vec<f64> = (0..of.len()).map(mean).collect();
    let square = |x: &[f32]| x.iter().zip(&centroid).map(|(x, c)| (f64::from(*x) - c).powi(2)).sum::<f64>();
    let spread = others.iter().map(|other| square(other)).sum::<f64>() / others.len() as f64;
    (spread > 0.0).then(|| (square(of) / spread).sqrt())
}

/// Lower ends of the bins of how often lines were shown: 0, 1, 2, 4, 8, ...
pub(super) const BINS: usize = 14;

/// How many lines were shown how often, of `lines` in all; bin 0 is never, bin i from 2^(i-1) on.
pub(super) fn repetition(counts: impl Iterator<Item = u64>, lines: u64) -> Vec<f64> {
    let mut bins = vec![0.0; BINS];
    let mut shown = 0;
    for count in counts {
        let bin = (u64::BITS - count.leading_zeros()) as usize;
        bins[bin.min(BINS - 1)] += 1.0;
        shown += 1;
    }
    bins[0] += lines.saturating_sub(shown) as f64;
    bins
}

/// What a bin of [`repetition`] is called.
pub(super) fn bin_name(bin: usize) -> String {
    match bin {
        0 => "never".into(),
        1 => "once".into(),
        _ if bin + 1 == BINS => format!("{} or more", 1u64 << (bin - 1)),
        _ => format!("{} to {}", 1u64 << (bin - 1), (1u64 << bin) - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_in_the_spread_of_the_others() {
        let others: [&[f32]; 4] = [&[1.0, 0.0], &[-1.0, 0.0], &[0.0, 1.0], &[0.0, -1.0]];
        assert_eq!(distance(&[3.0, 0.0], &others), Some(3.0));
        assert_eq!(distance(&[0.0, 0.0], &others), Some(0.0));
        assert_eq!((distance(&[0.0], &[&[1.0]]), distance(&[0.0], &[&[1.0], &[1.0]])), (None, None));
    }

    #[test]
    fn lines_are_counted_by_how_often_they_were_shown() {
        let bins = repetition([1, 1, 2, 3, 4, 100_000].into_iter(), 10);
        assert_eq!((bins[0], bins[1], bins[2], bins[3], bins[BINS - 1]), (4.0, 2.0, 2.0, 1.0, 1.0));
        assert_eq!([0, 1, 2, 3].map(bin_name), ["never", "once", "2 to 3", "4 to 7"]);
    }
}
