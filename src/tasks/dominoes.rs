//! Dominoes (Shah et al. 2020, section 4): two images of the same label, one above the other, of which one pair
//! of classes is easy to tell apart and the other hard. Here from the 8x8 digits: 0 or 1 above, and below one of
//! {3, 5, 8, 9} for label 1 or of {2, 4, 6, 7} for label 0.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::base_set::{BaseSet, Split};
use super::slabs::Points;
use crate::base::random::Stream;

/// Pixels of one block.
pub const BLOCK: usize = 64;
/// Classes of the easy block, by label.
const EASY: [&[u8]; 2] = [&[0], &[1]];
/// Classes of the hard block, by label.
const HARD: [&[u8]; 2] = [&[2, 4, 6, 7], &[3, 5, 8, 9]];

/// The digits sorted for stacking. Images of the training part never meet those of the held-out part.
#[derive(Clone, Debug)]
pub struct Dominoes {
    base: BaseSet,
    /// Rows by part, block and label.
    rows: [[[Vec<u32>; 2]; 2]; 2],
}

impl Dominoes {
    /// From the digits.
    ///
    /// # Panics
    /// If the set has other images than 8x8 ones, or lacks one of the ten digits.
    pub fn new(base: BaseSet) -> Self {
        assert_eq!(base.features(), BLOCK, "images of 8x8 pixels");
        let of = |split: Split, classes: &[u8]| -> Vec<u32> {
            let rows = base.part(split).iter().copied();
            let rows: Vec<u32> = rows.filter(|row| classes.contains(&base.labels[*row as usize])).collect();
            assert!(!rows.is_empty(), "the set has images of {classes:?}");
            rows
        };
        let rows = [Split::Train, Split::HeldOut].map(|split| [EASY, HARD].map(|block| block.map(|c| of(split, c))));
        Dominoes { base, rows }
    }

    /// `count` dominoes of a part, each `[128]`: the easy image, then the hard one. Images are drawn with
    /// replacement.
    pub fn points(&self, split: Split, count: usize, stream: &mut Stream) -> Points {
        let rows = &self.rows[usize::from(split == Split::HeldOut)];
        let mut points = Points { x: Vec::with_capacity(count * 2 * BLOCK), y: Vec::with_capacity(count) };
        for _ in 0..count {
            let label = usize::from(stream.random::<bool>());
            points.y.push(label as f32);
            for block in rows {
                let row = block[label].choose(stream).copied().unwrap_or(0);
                points.x.extend(self.base.inputs.row(row as usize));
            }
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use crate::tasks::base_set::Standardise;
    use crate::tasks::digits;

    #[test]
    fn both_blocks_are_of_the_label_and_of_the_part() {
        let base = digits::base_set(Standardise::MeanImage);
        let task = Dominoes::new(base.clone());
        for (split, other) in [(Split::Train, Split::HeldOut), (Split::HeldOut, Split::Train)] {
            let points = task.points(split, 200, &mut Key::new(1).stream());
            assert!((60.0..140.0).contains(&points.y.iter().sum::<f32>()));
            for (x, y) in points.x.chunks(2 * BLOCK).zip(&points.y) {
                for (image, classes) in x.chunks(BLOCK).zip([EASY, HARD]) {
                    let same = |row: &&u32| base.inputs.row(**row as usize).iter().zip(image).all(|(a, b)| a == b);
                    let row = base.part(split).iter().find(same).unwrap();
                    assert!(classes[*y as usize].contains(&base.labels[*row as usize]));
                    assert!(!base.part(other).iter().any(|row| same(&row)));
                }
            }
        }
    }
}
