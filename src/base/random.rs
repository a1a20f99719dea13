//! Random streams addressed by what they are for.
//!
//! A stream has no history: it is a pure function of its [`Key`], and a key is a path such as
//! (study seed, trial, "task", step, sequence). So there is no generator state to checkpoint, and
//! drawing more from one stream never moves another.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The generator behind every stream: reproducible on every platform, seekable, 8-round ChaCha.
pub type Stream = ChaCha8Rng;

/// The address of a random stream; children are derived by purpose and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u64);

impl Key {
    /// The root of all streams of a study.
    pub const fn new(seed: u64) -> Self {
        Key(mix(seed ^ 0xa05_a72))
    }

    /// The child for a named purpose.
    pub const fn purpose(self, name: &str) -> Self {
        let bytes = name.as_bytes();
        let mut hash = 0xcbf2_9ce4_8422_2325_u64; // FNV-1a, then mixed
        let mut i = 0;
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
            i += 1;
        }
        Key(mix(self.0.rotate_left(17) ^ hash))
    }

    /// The child for a number: a step, a sequence, a task, a replica.
    pub const fn index(self, index: u64) -> Self {
        // The constant keeps `index` apart from `purpose` for every small number.
        Key(mix(self.0.rotate_left(29) ^ mix(index ^ 0x1d_ea5e_ed00)))
    }

    /// The stream at this address, from its beginning.
    pub fn stream(self) -> Stream {
        ChaCha8Rng::seed_from_u64(self.0)
    }

    /// The address as a number, for messages and for seeding other programs.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The finaliser of splitmix64 (Steele, Lea and Flood 2014): a bijection with full avalanche.
const fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use std::collections::HashSet;

    #[test]
    fn addresses_do_not_meet() {
        let root = Key::new(1);
        let mut seen = HashSet::new();
        for purpose in ["task", "init", "evaluation"] {
            for i in 0..100 {
                for j in 0..100 {
                    assert!(seen.insert(root.purpose(purpose).index(i).index(j).number()));
                }
            }
        }
        assert_ne!(root.index(0), root.purpose(""));
        assert_ne!(Key::new(0).index(1), Key::new(1).index(0));
    }

    #[test]
    fn a_stream_is_a_function_of_its_address() {
        let draw = |seed| {
            let mut stream = Key::new(seed).purpose("x").index(3).stream();
            (0..5).map(|_| stream.random::<u64>()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
