//! The same bits in every engine: uniform numbers from a hash of seed and index.

/// The splitmix64 finaliser of `(seed << 32) + index` (Steele, Lea and Flood 2014).
fn bits(seed: u64, index: u64) -> u64 {
    let z = (seed << 32).wrapping_add(index).wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Numbers in `[-bound, bound)`: the top 24 bits.
pub(super) fn uniform(seed: u64, bound: f64, values: &mut [f32]) {
    for (index, value) in values.iter_mut().enumerate() {
        let unit = (bits(seed, index as u64) >> 40) as f32 * 2f32.powi(-24);
        *value = (unit * 2.0 - 1.0) * bound as f32;
    }
}

/// Whole numbers below `below`, as the engine holds class indices.
pub(super) fn whole(seed: u64, below: u64, values: &mut [f32]) {
    for (index, value) in values.iter_mut().enumerate() {
        *value = (bits(seed, index as u64) % below) as f32;
    }
}
