//! Several outputs of one kernel, split between blocks of work.

use std::mem;

use crate::base::threads::Pool;

/// The most blocks that batch items are gathered into: enough for the cores of a large machine,
/// few enough that scratch for every block stays small.
const MOST_BLOCKS: usize = 32;

/// How many of `batch` items make one block. Depends on the shape alone.
pub(crate) fn items_per_block(batch: usize) -> usize {
    batch.div_ceil(MOST_BLOCKS).max(1)
}

/// How many blocks `batch` items make.
pub(crate) fn blocks_of(batch: usize) -> usize {
    batch.div_ceil(items_per_block(batch))
}

/// Calls `body(block, parts)` once for every block below `blocks`, on all threads; `parts` holds
/// of each output the `block`-th part of the given length (the last may be shorter or empty).
pub(crate) fn split<const N: usize>(
    pool: &Pool,
    blocks: usize,
    outputs: [(&mut [f32], usize); N],
    body: impl Fn(usize, [&mut [f32]; N]) + Sync,
) {
    if blocks == 0 {
        return;
    }
    if pool.threads() == 1 || blocks == 1 {
        let mut rest = outputs;
        for block in 0..blocks {
            let (first, others) = halve(rest, 1);
            body(block, first.map(|(data, _)| data));
            rest = others;
        }
    } else {
        pool.enter(|| fork(0, blocks, outputs, &body));
    }
}

/// Halves the range of blocks until one is left.
fn fork<const N: usize>(
    first: usize,
    blocks: usize,
    outputs: [(&mut [f32], usize); N],
    body: &(impl Fn(usize, [&mut [f32]; N]) + Sync),
) {
    if blocks == 1 {
        return body(first, halve(outputs, 1).0.map(|(data, _)| data));
    }
    let left = blocks / 2;
    let (near, far) = halve(outputs, left);
    rayon::join(|| fork(first, left, near, body), || fork(first + left, blocks - left, far, body));
}

type Outputs<'a, const N: usize> = [(&'a mut [f32], usize); N];

/// The first `blocks` parts of every output, and what follows them.
fn halve<const N: usize>(mut outputs: Outputs<'_, N>, blocks: usize) -> (Outputs<'_, N>, Outputs<'_, N>) {
    let mut far = std::array::from_fn(|_| Default::default());
    let near = std::array::from_fn(|i| {
        let (data, part) = mem::take(&mut outputs[i]);
        let (head, tail) = data.split_at_mut((blocks * part).min(data.len()));
        far[i] = (tail, part);
        (head, part)
    });
    (near, far)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_gets_its_own_part_of_every_output() {
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads);
            let (mut a, mut b) = (vec![0.0; 23], vec![0.0; 8]);
            split(&pool, 8, [(&mut a, 3), (&mut b, 1)], |block, [a, b]| {
                a.iter_mut().chain(b).for_each(|x| *x += block as f32 + 1.0);
            });
            assert!(a.iter().enumerate().all(|(i, &x)| x == (i / 3 + 1) as f32), "{a:?}");
            assert!(b.iter().enumerate().all(|(i, &x)| x == (i + 1) as f32), "{b:?}");
        }
    }

    #[test]
    fn blocks_cover_the_batch() {
        for batch in 0..200 {
            let (items, blocks) = (items_per_block(batch), blocks_of(batch));
            assert!(blocks <= MOST_BLOCKS && blocks * items >= batch && blocks.saturating_sub(1) * items <= batch);
        }
    }
}
