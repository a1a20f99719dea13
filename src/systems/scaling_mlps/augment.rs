//! Augmentation of a training batch: every image moved a little (a random crop with a margin), then MixUp
//! (Zhang et al. 2018): x = l x_i + (1 - l) x_j and its targets alike, l from Beta(a, a), one for a batch.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Beta, Distribution};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::random::Stream;

/// How images are augmented.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// a of MixUp's Beta(a, a); 0 mixes nothing.
    pub mixup: f32,
    /// Most pixels by which an image is moved, down and across.
    pub shift: usize,
}

/// Buffers that are used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Augmenter {
    inputs: Vec<f32>,
    targets: Vec<f32>,
    partners: Vec<usize>,
}

impl Augmenter {
    /// Augments images of `side` x `side` pixels and their targets. `blank` is an empty pixel's value.
    pub(super) fn augment(
        &mut self,
        how: Augmentation,
        stream: &mut Stream,
        side: usize,
        blank: f32,
        inputs: &mut [f32],
        targets: &mut [f32],
    ) {
        let pixels = side * side;
        self.inputs.clear();
        self.inputs.extend_from_slice(inputs);
        for (image, before) in inputs.chunks_exact_mut(pixels).zip(self.inputs.chunks_exact(pixels)) {
            let by = [0, 1].map(|_| stream.random_range(0..=2 * how.shift as i32) - how.shift as i32);
            shift(before, image, side as i32, by, blank);
        }
        if how.mixup > 0.0 {
            let batch = inputs.len() / pixels;
            self.partners.clear();
            self.partners.extend(0..batch);
            self.partners.shuffle(stream);
            // Both parameters are above 0.
            let share = Beta::new(how.mixup, how.mixup).map_or(1.0, |beta| beta.sample(stream));
            mix(&mut self.inputs, inputs, &self.partners, share);
            mix(&mut self.targets, targets, &self.partners, share);
        }
    }
}

/// Moves an image down and across; what comes in is blank.
fn shift(before: &[f32], image: &mut [f32], side: i32, by: [i32; 2], blank: f32) {
    for y in 0..side {
        for x in 0..side {
            let (from_y, from_x) = (y - by[0], x - by[1]);
            let inside = (0..side).contains(&from_y) && (0..side).contains(&from_x);
            image[(y * side + x) as usize] = if inside { before[(from_y * side + from_x) as usize] } else { blank };
        }
    }
}

/// Each row times `share` plus its partner's times what is left.
fn mix(before: &mut Vec<f32>, rows: &mut [f32], partners: &[usize], share: f32) {
    before.clear();
    before.extend_from_slice(rows);
    let width = rows.len() / partners.len();
    for (row, &partner) in rows.chunks_exact_mut(width).zip(partners) {
        let other = &before[partner * width..(partner + 1) * width];
        row.iter_mut().zip(other).for_each(|(x, other)| *x = share * *x + (1.0 - share) * other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn an_image_moves_and_blank_comes_in() {
        let before = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let mut image = [0.0; 9];
        shift(&before, &mut image, 3, [1, -1], -7.0);
        assert_eq!(image, [-7.0, -7.0, -7.0, 2.0, 3.0, -7.0, 5.0, 6.0, -7.0]);
        shift(&before, &mut image, 3, [0, 0], -7.0);
        assert_eq!(image, before);
    }

    #[test]
    fn mixed_rows_lie_between_their_parts_and_targets_go_along() {
        let (mut rows, mut targets) = (vec![1.0, 1.0, 5.0, 5.0], vec![1.0, 0.0, 0.0, 1.0]);
        mix(&mut Vec::new(), &mut rows, &[1, 0], 0.75);
        mix(&mut Vec::new(), &mut targets, &[1, 0], 0.75);
        assert_eq!(rows, [2.0, 2.0, 4.0, 4.0]);
        assert_eq!(targets, [0.75, 0.25, 0.25, 0.75]);
    }

    #[test]
    fn nothing_to_do_leaves_a_batch_and_a_stream_gives_the_same_again() {
        let (inputs, targets) = ((0..36).map(|i| i as f32).collect::<Vec<_>>(), vec![1.0, 0.0, 0.0, 1.0]);
        let run = |how| {
            let (mut x, mut t) = (inputs.clone(), targets.clone());
            for step in 0..3 {
                let mut stream = Key::new(1).index(step).stream();
                (x, t) = (inputs.clone(), targets.clone());
                Augmenter::default().augment(how, &mut stream, 3, 0.0, &mut x[..18], &mut t);
            }
            (x, t)
        };
        assert_eq!(run(Augmentation { mixup: 0.0, shift: 0 }), (inputs.clone(), targets.clone()));
        let how = Augmentation { mixup: 0.8, shift: 1 };
        assert_eq!(run(how), run(how));
        let sum: f32 = run(how).1.iter().sum();
        assert!((sum - 2.0).abs() < 1e-6);
    }
}
