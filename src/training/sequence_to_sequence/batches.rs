//! Batches of sequences of like length, so that little of them is padding.

use rand::seq::SliceRandom;

use crate::base::random::Key;
use crate::tasks::supply::Epochs;

/// Batches of a fixed set. Every epoch goes through the set in an order of its own; of so many batches at a time the
/// examples are sorted by length and cut into batches, which come in random order.
#[derive(Clone, Debug)]
pub struct Pools {
    epochs: Epochs,
    lengths: Vec<u16>,
    pool: u64,
    key: Key,
    /// The pool that was made last.
    made: Option<(u64, Vec<Vec<u32>>)>,
}

impl Pools {
    /// Batches of `batch` of examples of these lengths, sorted `pool` batches at a time (1: not at all), from the
    /// streams below `key`.
    ///
    /// # Panics
    /// If there are fewer examples than a batch has, or a pool has no batch.
    pub fn new(lengths: Vec<u16>, batch: usize, pool: usize, key: Key) -> Self {
        assert!(pool > 0, "a pool has a batch at least");
        let epochs = Epochs::new(lengths.len(), batch, key.purpose("epochs"));
        Pools { epochs, lengths, pool: pool as u64, key: key.purpose("pools"), made: None }
    }

    /// Numbers of the examples of a step, counted from 0.
    pub fn batch(&mut self, step: u64) -> &[u32] {
        let (number, place) = (step / self.pool, (step % self.pool) as usize);
        let batches = match self.made.take() {
            Some((made, batches)) if made == number => batches,
            _ => self.make(number),
        };
        &self.made.insert((number, batches)).1[place]
    }

    fn make(&mut self, number: u64) -> Vec<Vec<u32>> {
        let steps = number * self.pool..(number + 1) * self.pool;
        let drawn: Vec<Vec<u32>> = steps.map(|step| self.epochs.batch(step).to_vec()).collect();
        if self.pool == 1 {
            return drawn;
        }
        let batch = drawn[0].len();
        let mut all = drawn.concat();
        all.sort_by_key(|example| self.lengths[*example as usize]);
        let mut batches: Vec<Vec<u32>> = all.chunks(batch).map(<[u32]>::to_vec).collect();
        batches.shuffle(&mut self.key.index(number).stream());
        batches
    }
}
