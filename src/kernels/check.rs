//! What the tests of kernels share: noise, comparison, central differences, sets and threads.

use super::isa::{Isa, with_isa};
use crate::base::random::Key;
use crate::base::threads::Pool;
use rand::RngExt;

/// Numbers in `[-1, 1)` of the stream `seed`.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<f32> {
    let mut stream = Key::new(seed).purpose("kernel test").stream();
    (0..len).map(|_| stream.random_range(-1.0f32..1.0)).collect()
}

/// The same numbers in f64.
pub(crate) fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// Fails unless all of `got` is within `tolerance` of `want`, relative above 1.
#[track_caller]
pub(crate) fn assert_close(name: &str, got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{name}");
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(got) - want).abs();
        assert!(error <= tolerance * want.abs().max(1.0), "{name}[{i}]: {got} where {want} is right");
    }
}

/// The gradient of `loss` by central differences in `inputs[which]`.
pub(crate) fn differences(inputs: &[Vec<f64>], which: usize, loss: impl Fn(&[Vec<f64>]) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let mut inputs = inputs.to_vec();
    (0..inputs[which].len())
        .map(|i| {
            let at = inputs[which][i];
            inputs[which][i] = at + STEP;
            let above = loss(&inputs);
            inputs[which][i] = at - STEP;
            let below = loss(&inputs);
            inputs[which][i] = at;
            (above - below) / (2.0 * STEP)
        })
        .collect()
}

/// The sum of products: turns outputs and their gradients into a loss.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Runs `body` on every instruction set of this CPU.
pub(crate) fn on_every_set(body: impl Fn(&Pool)) {
    for isa in Isa::available() {
        with_isa(isa, || body(&Pool::serial()));
    }
}

/// Fails unless `outputs` gives the same bits at one, two and three threads.
#[track_caller]
pub(crate) fn assert_same_at_any_threads(outputs: impl Fn(&Pool) -> Vec<Vec<f32>>) {
    let bits = |threads| -> Vec<Vec<u32>> {
        outputs(&Pool::new(threads)).into_iter().map(|x| x.into_iter().map(f32::to_bits).collect()).collect()
    };
    let serial = bits(1);
    assert!(serial.iter().flatten().any(|&x| x != 0), "only zeros");
    assert!(serial == bits(2) && serial == bits(3), "the bits depend on the threads");
}
