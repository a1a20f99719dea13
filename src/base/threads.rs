//! The threads a trial may use.
//!
//! Work is split by shape alone, never by the number of threads, so the same bits come out of any
//! pool: a block computes its own part of the output and no sum crosses blocks.

use std::sync::Arc;

/// A fixed number of threads, or the caller's own. Cheap to clone.
#[derive(Clone, Default)]
pub struct Pool {
    workers: Option<Arc<rayon::ThreadPool>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({})", self.threads())
    }
}

impl Pool {
    /// Only the calling thread: what a small trial wants, one trial a core.
    pub const fn serial() -> Self {
        Pool { workers: None }
    }

    /// A pool of `threads` threads; one (or none) is [`Pool::serial`].
    pub fn new(threads: usize) -> Self {
        if threads <= 1 {
            return Pool::serial();
        }
        let workers = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("pool-{i}")).build();
        // A machine that refuses threads still gets its result, only later.
        Pool { workers: workers.ok().map(Arc::new) }
    }

    /// How many threads work at once.
    pub fn threads(&self) -> usize {
        self.workers.as_ref().map_or(1, |w| w.current_num_threads())
    }

    /// Runs `body` inside the pool, so that the splits below start without a hand-over.
    pub fn enter<R: Send>(&self, body: impl FnOnce() -> R + Send) -> R {
        match &self.workers {
            Some(workers) => workers.install(body),
            None => body(),
        }
    }

    /// Calls `body(block, part)` for each `block`-th part of `data`, `part_len` long (the last may
    /// be shorter), on all threads. Parts depend on `part_len` alone.
    pub fn parts<T: Send>(&self, data: &mut [T], part_len: usize, body: impl Fn(usize, &mut [T]) + Sync) {
        use rayon::prelude::*;
        let part_len = part_len.max(1);
        match &self.workers {
            Some(workers) if data.len() > part_len => workers.install(|| {
                // Every part is a job of its own: a thread that is done takes from one that is not.
                data.par_chunks_mut(part_len).enumerate().with_max_len(1).for_each(|(i, part)| body(i, part));
            }),
            _ => data.chunks_mut(part_len).enumerate().for_each(|(i, part)| body(i, part)),
        }
    }

    /// Calls `body(block)` for every block below `blocks`, on all threads.
    pub fn blocks(&self, blocks: usize, body: impl Fn(usize) + Sync) {
        use rayon::prelude::*;
        match &self.workers {
            Some(workers) if blocks > 1 => {
                workers.install(|| (0..blocks).into_par_iter().with_max_len(1).for_each(&body))
            }
            _ => (0..blocks).for_each(body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_visited_once_whatever_the_threads() {
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads);
            let mut data = vec![0usize; 103];
            pool.parts(&mut data, 10, |block, part| part.iter_mut().for_each(|x| *x += block + 1));
            assert!(data.iter().enumerate().all(|(i, &x)| x == i / 10 + 1));
        }
    }
}
