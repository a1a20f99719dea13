//! Plain learners on the very same sequences: what in-context accuracy is compared with.
//!
//! Each gives its correctness at every position, [B, T], having seen the shown labels of the earlier
//! positions only. A tie between several answers is a uniform guess among them and counts by its
//! expectation; so the first position, with nothing seen, counts 1/C.

use super::gpicl::Batch;

/// How near two inputs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nearness {
    /// Least Euclidean distance.
    Euclidean,
    /// Largest dot product: what one attention head can compute.
    DotProduct,
}

/// Learning rates among which [`tuned_learning_rate`] chooses.
pub const LEARNING_RATES: [f32; 7] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

/// The label of the nearest earlier input; of equally near ones, the earliest.
pub fn nearest_neighbour(batch: &Batch, nearness: Nearness) -> Vec<f32> {
    let score = match nearness {
        Nearness::Euclidean => |a: &[f32], b: &[f32]| -squared_distance(a, b),
        Nearness::DotProduct => dot,
    };
    let mut correct = Vec::with_capacity(batch.targets.len());
    for b in 0..batch.sequences() {
        let positions = batch.positions(b);
        for position in positions.clone() {
            let mut best: Option<(f32, u8)> = None;
            for earlier in positions.start..position {
                let near = score(batch.query(position), batch.query(earlier));
                if best.is_none_or(|(most, _)| near > most) {
                    best = Some((near, batch.shown[earlier]));
                }
            }
            let right = |(_, label)| f32::from(f32::from(label) == batch.targets[position]);
            correct.push(best.map_or(1.0 / batch.config().classes as f32, right));
        }
    }
    correct
}

/// The most frequent label so far.
pub fn majority(batch: &Batch) -> Vec<f32> {
    by_scores(batch, || {
        let mut counts = vec![0.0f32; batch.config().classes];
        move |_: &[f32], scores: &mut [f32], label: Option<u8>| match label {
            Some(label) => counts[usize::from(label)] += 1.0,
            None => scores.copy_from_slice(&counts),
        }
    })
}

/// The class whose mean so far is nearest (Euclidean).
pub fn class_mean(batch: &Batch) -> Vec<f32> {
    let (classes, width) = (batch.config().classes, batch.config().projection);
    by_scores(batch, || {
        let (mut sums, mut counts) = (vec![0.0f32; classes * width], vec![0.0f32; classes]);
        move |input: &[f32], scores: &mut [f32], label: Option<u8>| {
            if let Some(label) = label.map(usize::from) {
                counts[label] += 1.0;
                sums[label * width..].iter_mut().zip(input).for_each(|(sum, x)| *sum += x);
                return;
            }
            for (class, score) in scores.iter_mut().enumerate() {
                let mean = sums[class * width..].iter().map(|sum| sum / counts[class]);
                let distance: f32 = input.iter().zip(mean).map(|(x, m)| (x - m) * (x - m)).sum();
                *score = if counts[class] > 0.0 { -distance } else { f32::NEG_INFINITY };
            }
        }
    })
}

/// Softmax regression from zero weights, one step of gradient descent after each example.
pub fn softmax_regression(batch: &Batch, learning_rate: f32) -> Vec<f32> {
    let (classes, width) = (batch.config().classes, batch.config().projection);
    by_scores(batch, || {
        let (mut weights, mut biases) = (vec![0.0f32; classes * width], vec![0.0f32; classes]);
        move |input: &[f32], scores: &mut [f32], label: Option<u8>| {
            let Some(label) = label else {
                for (class, score) in scores.iter_mut().enumerate() {
                    *score = biases[class] + dot(&weights[class * width..(class + 1) * width], input);
                }
                return;
            };
            // `scores` still holds the logits of this input: the gradient is (p - onehot) x.
            let most = scores.iter().fold(f32::NEG_INFINITY, |most, &s| most.max(s));
            let total: f32 = scores.iter().map(|s| (s - most).exp()).sum();
            for (class, score) in scores.iter().enumerate() {
                let error = (score - most).exp() / total - f32::from(class == usize::from(label));
                biases[class] -= learning_rate * error;
                let row = &mut weights[class * width..(class + 1) * width];
                row.iter_mut().zip(input).for_each(|(w, x)| *w -= learning_rate * error * x);
            }
        }
    })
}

/// The rate of [`LEARNING_RATES`] with the best mean accuracy of [`softmax_regression`] on `training`
/// sequences; the smallest of equally good ones.
pub fn tuned_learning_rate(training: &Batch) -> f32 {
    let mut best = (f64::NEG_INFINITY, LEARNING_RATES[0]);
    for rate in LEARNING_RATES {
        let accuracy = softmax_regression(training, rate).iter().map(|&c| f64::from(c)).sum();
        if accuracy > best.0 {
            best = (accuracy, rate);
        }
    }
    best.1
}

/// Runs a learner that scores classes over every sequence: `start` makes a fresh one, which is called
/// at each position without a label to write its scores [C], and then with the shown label to learn.
fn by_scores<L>(batch: &Batch, start: impl Fn() -> L) -> Vec<f32>
where
    L: FnMut(&[f32], &mut [f32], Option<u8>),
{
    let mut scores = vec![0.0; batch.config().classes];
    let mut correct = Vec::with_capacity(batch.targets.len());
    for b in 0..batch.sequences() {
        let mut learner = start();
        for position in batch.positions(b) {
            learner(batch.query(position), &mut scores, None);
            correct.push(expected_hit(&scores, batch.targets[position] as usize));
            learner(batch.query(position), &mut scores, Some(batch.shown[position]));
        }
    }
    correct
}

/// Chance that a uniform choice among the best scores is the target.
fn expected_hit(scores: &[f32], target: usize) -> f32 {
    let most = scores.iter().fold(f32::NEG_INFINITY, |most, &s| most.max(s));
    let ties = scores.iter().filter(|&&s| s == most).count();
    if scores[target] == most { 1.0 / ties as f32 } else { 0.0 }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use crate::tasks::base_set::Standardise;
    use crate::tasks::gpicl::{Config, Evaluation, Gpicl, LAST};
    use crate::tasks::{digits, tables::Shipped};
    use std::sync::Arc;

    fn family(config: Config) -> Gpicl {
        let base = Arc::new(digits::base_set(Standardise::MeanImage));
        Gpicl::new(config, base, Key::new(1).index(0)).unwrap()
    }

    /// Mean correctness over the last 8 positions.
    fn last(batch: &Batch, correct: &[f32]) -> f64 {
        let tokens = batch.config().tokens;
        let values = batch.by_sequence(correct, tokens - LAST..tokens);
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn nearest_neighbour_on_digits_is_where_the_sheet_says() {
        let batch = family(Config::default()).evaluation(&Evaluation::Unseen, 1000).unwrap();
        let euclidean = last(&batch, &nearest_neighbour(&batch, Nearness::Euclidean));
        assert!((euclidean - 0.82).abs() <= 0.02, "{euclidean}");
        let dot = last(&batch, &nearest_neighbour(&batch, Nearness::DotProduct));
        assert!(dot > 0.6 && dot < euclidean, "{dot}");
        let means = last(&batch, &class_mean(&batch));
        assert!(means > 0.7, "{means}");
        let guess = last(&batch, &majority(&batch));
        assert!((guess - 0.2).abs() < 0.02, "{guess}");
    }

    #[test]
    fn online_regression_learns_and_its_rate_is_inside_the_grid() {
        let family = family(Config::default());
        let mut training = family.batch(128);
        family.fill(0, &mut training);
        let rate = tuned_learning_rate(&training);
        assert!(rate > LEARNING_RATES[0] && rate < LEARNING_RATES[6], "{rate}");
        let batch = family.evaluation(&Evaluation::Unseen, 256).unwrap();
        let accuracy = last(&batch, &softmax_regression(&batch, rate));
        assert!(accuracy > 0.6, "{accuracy}");
    }

    #[test]
    fn sets_never_seen_are_learnt_from_their_context() {
        // Nearest neighbour and the share of the largest class, as measured for the sheet.
        let family = family(Config::default());
        for (table, nearest, most) in
            [(Shipped::Wine, 0.92, 0.40), (Shipped::Iris, 0.92, 0.36), (Shipped::BreastCancer, 0.90, 0.63)]
        {
            let foreign = Evaluation::Foreign(Arc::new(table.base_set()));
            let batch = family.evaluation(&foreign, 512).unwrap();
            let found = last(&batch, &nearest_neighbour(&batch, Nearness::Euclidean));
            assert!((found - nearest).abs() < 0.025, "{}: {found}", table.name());
            let found = last(&batch, &majority(&batch));
            assert!((found - most).abs() < 0.04, "{}: majority {found}", table.name());
        }
    }

    #[test]
    fn random_pairs_are_remembered_perfectly() {
        let batch = family(Config::default()).evaluation(&Evaluation::RandomPairs, 200).unwrap();
        let correct = nearest_neighbour(&batch, Nearness::Euclidean);
        assert!(batch.by_position(&correct)[0].is_none(), "nothing repeats at the first position");
        let values = batch.by_sequence(&correct, 0..32);
        assert_eq!(values.len(), 200);
        assert!(values.iter().all(|&v| v == 1.0));
    }

    #[test]
    fn permuted_context_leaves_nothing_to_learn_from() {
        let whole = family(Config::default()).evaluation(&Evaluation::Unseen, 2000).unwrap();
        let batch = whole.with_permuted_context(Key::new(2), LAST);
        // 16,000 answers, 8 of a sequence not independent: a deviation of about 0.006.
        for correct in [
            nearest_neighbour(&batch, Nearness::Euclidean),
            nearest_neighbour(&batch, Nearness::DotProduct),
            majority(&batch),
            class_mean(&batch),
            softmax_regression(&batch, 0.05),
        ] {
            let accuracy = last(&batch, &correct);
            assert!((accuracy - 0.2).abs() < 0.02, "{accuracy}");
        }
    }

    #[test]
    fn the_first_position_counts_as_a_guess_and_ties_are_shared() {
        let batch = family(Config::default()).evaluation(&Evaluation::Unseen, 4).unwrap();
        for correct in [
            nearest_neighbour(&batch, Nearness::Euclidean),
            majority(&batch),
            class_mean(&batch),
            softmax_regression(&batch, 0.1),
        ] {
            assert!((0..4).all(|b| correct[b * 32] == 0.2));
        }
        assert_eq!(expected_hit(&[1.0, 2.0, 2.0], 1), 0.5);
        assert_eq!(expected_hit(&[1.0, 2.0, 2.0], 0), 0.0);
        assert_eq!(expected_hit(&[f32::NEG_INFINITY; 4], 3), 0.25);
    }
}
