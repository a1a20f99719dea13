//! W5: a convolutional network on 28x28 images: two 3x3 convolutions, pooling, two linear maps.

use super::training::{Maker, Training};
use crate::engine::Slot;
use crate::engine::ops::conv2d::Conv2d;
use crate::engine::ops::max_pool2d::MaxPool2d;

const BATCH: usize = 64;
const SIDE: usize = 28;
const FILTERS: [usize; 2] = [32, 64];
const HIDDEN: usize = 128;
const CLASSES: usize = 10;
/// Side of the pooled images: two windows of 3 and a pool of 2 later.
const POOLED: usize = (SIDE - 4) / 2;

/// See [`super::Workload::flop`].
pub(super) fn flop() -> u64 {
    let first = BATCH * (SIDE - 2).pow(2) * 9 * FILTERS[0];
    let second = (SIDE - 4).pow(2) * 9 * FILTERS[0] * FILTERS[1];
    let full = BATCH * (second + POOLED * POOLED * FILTERS[1] * HIDDEN + HIDDEN * CLASSES);
    2 * (3 * full + 2 * first) as u64
}

/// Weights as they are numbered in all engines, `[filters, channels, 3, 3]`, and the bias.
fn convolution(maker: &mut Maker, name: &str, channels: usize, filters: usize) -> (Slot, Slot) {
    let weight = maker.weight(format!("{name}.weight"), [filters, channels, 3, 3], 9 * channels);
    (weight, maker.vector(format!("{name}.bias"), filters, 0.0))
}

/// The training step.
pub(super) fn build() -> Training {
    let mut maker = Maker::new(5);
    let first = convolution(&mut maker, "first", 1, FILTERS[0]);
    let second = convolution(&mut maker, "second", FILTERS[0], FILTERS[1]);
    let hidden = maker.linear("hidden", POOLED * POOLED * FILTERS[1], HIDDEN);
    let head = maker.linear("head", HIDDEN, CLASSES);
    let images = maker.inputs([BATCH, SIDE, SIDE, 1]);
    let targets = maker.indices("targets", 1, [BATCH], CLASSES);
    maker.train(targets, |scope| {
        let weight = |slot| scope.read(slot).permute(&[2, 3, 1, 0]);
        let x = scope.read(images).conv2d(weight(first.0), Some(scope.read(first.1)), Conv2d::default().relu());
        let x = x.conv2d(weight(second.0), Some(scope.read(second.1)), Conv2d::default());
        // The maximum of what is cut at zero is the maximum, cut at zero.
        let x = x.max_pool2d(MaxPool2d::square(2).relu());
        let flat = x.permute(&[0, 3, 1, 2]).reshape([BATCH, POOLED * POOLED * FILTERS[1]]);
        scope.linear(scope.linear(flat, hidden).relu(), head)
    })
}
