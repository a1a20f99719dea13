//! Dropout masks that are functions of an address, so that nothing is stored or replayed.
//!
//! Element `i` of a mask is the `i`-th draw of splitmix64 (Steele, Lea and Flood 2014) from a state
//! that is a hash of seed and step. Any block computes its own part, and every machine the same.

use super::isa::kernel;
use super::map::BLOCK;
use crate::base::random::Key;
use crate::base::threads::Pool;

/// The finaliser of splitmix64 after `count` steps from `state`. `base::random` has the same one;
/// here it is a loop body that must be inlined to be vectorised.
#[inline(always)]
fn draw(state: u64, count: u64) -> u64 {
    let x = state.wrapping_add(count.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

kernel! {
    fn dropout_block<A>(state: u64, first: u64, bound: u32, scale: f32, x: &[f32], y: &mut [f32]) {
        for (i, (y, &x)) in y.iter_mut().zip(x).enumerate() {
            let number = (draw(state, first.wrapping_add(i as u64)) >> 32) as u32;
            *y = if number < bound { 0.0 } else { x * scale };
        }
    }
}

/// `y = x / (1 - rate)` where the mask of `(seed, step)` keeps an element, else 0: each is dropped
/// with the probability `rate`. `step` is a whole number up to 2^24.
///
/// # Panics
/// When the lengths differ, or `rate` is not in `0..1`.
pub fn dropout(pool: &Pool, rate: f32, seed: u64, step: f32, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "dropout: lengths differ");
    assert!((0.0..1.0).contains(&rate), "dropout: the rate {rate} is not in 0..1");
    let state = Key::new(seed).index(u64::from(step.to_bits())).number();
    let bound = (f64::from(rate) * 4_294_967_296.0) as u32;
    pool.parts(y, BLOCK, |block, y| {
        let first = block * BLOCK;
        dropout_block(state, first as u64, bound, 1.0 / (1.0 - rate), &x[first..][..y.len()], y);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_same_at_any_threads, on_every_set};

    fn mask(pool: &Pool, rate: f32, seed: u64, step: f32, len: usize) -> Vec<f32> {
        let mut y = vec![f32::NAN; len];
        dropout(pool, rate, seed, step, &vec![1.0; len], &mut y);
        y
    }

    #[test]
    fn the_share_that_is_dropped_is_the_rate_and_the_rest_is_scaled() {
        const LEN: usize = 200_000;
        for rate in [0.0, 0.1, 0.5, 0.9] {
            let y = mask(&Pool::serial(), rate, 7, 3.0, LEN);
            let dropped = y.iter().filter(|y| **y == 0.0).count() as f64 / LEN as f64;
            let deviation = (f64::from(rate * (1.0 - rate)) / LEN as f64).sqrt();
            assert!((dropped - f64::from(rate)).abs() <= 5.0 * deviation, "{rate}: {dropped}");
            assert!(y.iter().all(|y| *y == 0.0 || *y == 1.0 / (1.0 - rate)));
        }
    }

    #[test]
    fn masks_of_other_steps_seeds_and_neighbours_are_independent() {
        const LEN: usize = 100_000;
        let pool = Pool::serial();
        let one = mask(&pool, 0.5, 1, 0.0, LEN);
        let others = [
            mask(&pool, 0.5, 1, 1.0, LEN),
            mask(&pool, 0.5, 2, 0.0, LEN),
            mask(&pool, 0.5, 1, 16_777_215.0, LEN),
            one[1..].iter().copied().chain([0.0]).collect(),
            one[16..].iter().copied().chain([0.0; 16]).collect(),
        ];
        for other in others {
            // Products of signs: a sum of coin flips.
            let agreement: f64 = one.iter().zip(&other).map(|(a, b)| f64::from((a - 1.0) * (b - 1.0))).sum();
            assert!(agreement.abs() < 5.0 * (LEN as f64).sqrt(), "{agreement}");
        }
    }

    #[test]
    fn every_set_and_any_threads_draw_the_same_mask() {
        let want = mask(&Pool::serial(), 0.3, 5, 9.0, 1000);
        on_every_set(|pool| assert_eq!(mask(pool, 0.3, 5, 9.0, 1000), want));
        assert_same_at_any_threads(|pool| vec![mask(pool, 0.3, 5, 9.0, 3 * BLOCK + 5)]);
    }
}
