//! Places along one axis of `[outer, length, inner]`: reading and adding at indices, the largest
//! few of a row, running sums, reversal.

use super::index::Index;
use super::isa::kernel;
use super::map::BLOCK;
use crate::base::threads::Pool;

/// Columns that run together.
const COLUMNS: usize = 64;

/// An axis and what lies around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The extent of the axis.
    pub length: usize,
    /// The product of the extents after it.
    pub inner: usize,
}

impl Axis {
    /// Axis number `axis` of a shape.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn of(shape: &[usize], axis: usize) -> Self {
        Axis { length: shape[axis], inner: shape[axis + 1..].iter().product() }
    }

    /// Numbers of one outer item.
    fn item(self) -> usize {
        self.length * self.inner
    }
}

/// How many numbers make a block when an outer item is never cut.
fn whole_items(item: usize) -> usize {
    (BLOCK / item.max(1)).max(1) * item
}

/// `y[o, k, i] = x[o, indices[o, k, i], i]`: 0 where the index is -1, NaN where it is no place.
/// `x` has the axis `from`; `indices` and `y` have `picks` places instead.
pub fn take(pool: &Pool, from: Axis, picks: usize, x: &[f32], indices: &[f32], y: &mut [f32]) {
    let (item, part) = (picks * from.inner, whole_items(picks * from.inner));
    pool.parts(y, part, |block, y| {
        let items = y.chunks_mut(item).zip(indices[block * part..].chunks(item));
        for (o, (y, indices)) in items.enumerate() {
            let x = &x[(block * (part / item) + o) * from.item()..][..from.item()];
            for (place, (y, &index)) in y.iter_mut().zip(indices).enumerate() {
                *y = match Index::of(index, from.length) {
                    Index::At(at) => x[at * from.inner + place % from.inner],
                    Index::Nothing => 0.0,
                    Index::Invalid => f32::NAN,
                };
            }
        }
    });
}

/// `y[o, indices[o, k, i], i] += x[o, k, i]` from zeros, in the order of `k`: the gradient of
/// [`take`]. An index that is no place makes its item NaN.
pub fn put(pool: &Pool, to: Axis, picks: usize, x: &[f32], indices: &[f32], y: &mut [f32]) {
    let (item, part) = (to.item(), whole_items(to.item()));
    let given = picks * to.inner;
    pool.parts(y, part, |block, y| {
        for (o, y) in y.chunks_mut(item).enumerate() {
            let from = (block * (part / item) + o) * given;
            y.fill(0.0);
            for (place, (&x, &index)) in x[from..][..given].iter().zip(&indices[from..][..given]).enumerate() {
                match Index::of(index, to.length) {
                    Index::At(at) => y[at * to.inner + place % to.inner] += x,
                    Index::Nothing => {}
                    Index::Invalid => {
                        y.fill(f32::NAN);
                        break;
                    }
                }
            }
        }
    });
}

/// Whether `a` goes before `b` among the largest: NaN counts as the largest.
#[inline(always)]
fn before(a: f32, b: f32) -> bool {
    a > b || (a.is_nan() && !b.is_nan())
}

kernel! {
    fn top_block<A>(n: usize, k: usize, x: &[f32], indices: &mut [f32]) {
        for (x, best) in x.chunks(n).zip(indices.chunks_mut(k)) {
            let mut found = 0;
            for (i, &candidate) in x.iter().enumerate() {
                if found == k && !before(candidate, x[best[k - 1] as usize]) {
                    continue;
                }
                // Goes in behind all that are as large: equal numbers keep their order.
                let mut at = found.min(k - 1);
                while at > 0 && before(candidate, x[best[at - 1] as usize]) {
                    best[at] = best[at - 1];
                    at -= 1;
                }
                best[at] = i as f32;
                found = (found + 1).min(k);
            }
        }
    }
}

/// The places of the `k` largest numbers of every row of `x[rows, n]`, largest first and first of
/// equals first; NaN counts as the largest. `indices`: `[rows, k]`.
///
/// # Panics
/// When `k` is above `n`.
pub fn top(pool: &Pool, n: usize, k: usize, x: &[f32], indices: &mut [f32]) {
    assert!(k <= n, "the {k} largest of {n}");
    if k == 0 {
        return;
    }
    let rows = (BLOCK / n).max(1);
    pool.parts(indices, rows * k, |block, indices| {
        top_block(n, k, &x[block * rows * n..][..indices.len() / k * n], indices);
    });
}

kernel! {
    /// The running sums of up to `COLUMNS` columns, in f64.
    fn cumulate_columns<A>(axis: Axis, reverse: bool, first: usize, columns: usize, x: &[f32], y: &mut [f32]) {
        let mut sums = [0.0f64; COLUMNS];
        for step in 0..axis.length {
            let row = if reverse { axis.length - 1 - step } else { step };
            let at = row * axis.inner + first;
            for ((sum, &x), y) in sums.iter_mut().zip(&x[at..][..columns]).zip(&mut y[at..][..columns]) {
                *sum += f64::from(x);
                *y = *sum as f32;
            }
        }
    }
}

/// The running sums along an axis, from its end with `reverse`; they include their own place.
pub fn cumulate(pool: &Pool, axis: Axis, reverse: bool, x: &[f32], y: &mut [f32]) {
    let (item, part) = (axis.item(), whole_items(axis.item()));
    pool.parts(y, part, |block, y| {
        for (x, y) in x[block * part..].chunks(item).zip(y.chunks_mut(item)) {
            for first in (0..axis.inner).step_by(COLUMNS) {
                cumulate_columns(axis, reverse, first, COLUMNS.min(axis.inner - first), x, y);
            }
        }
    });
}

/// `y = x` with the order along an axis turned round.
pub fn flip(pool: &Pool, axis: Axis, x: &[f32], y: &mut [f32]) {
    let (item, part) = (axis.item(), whole_items(axis.item()));
    pool.parts(y, part, |block, y| {
        for (x, y) in x[block * part..].chunks(item).zip(y.chunks_mut(item)) {
            for (x, y) in x.chunks(axis.inner).rev().zip(y.chunks_mut(axis.inner)) {
                y.copy_from_slice(x);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_close, assert_same_at_any_threads, noise, on_every_set};

    /// (outer, length, inner, picks)
    const SHAPES: [(usize, usize, usize, usize); 5] =
        [(1, 1, 1, 1), (3, 7, 1, 2), (2, 5, 3, 9), (1, 40, 70, 3), (50, 33, 1, 1)];

    fn indices(len: usize, bound: usize) -> Vec<f32> {
        noise(9, len).iter().map(|x| ((x + 1.0) * 0.5 * (bound + 1) as f32).floor() - 1.0).collect()
    }

    #[test]
    fn taking_and_putting_agree_with_the_definition() {
        for (outer, length, inner, picks) in SHAPES {
            let axis = Axis { length, inner };
            let (x, dy, at) = (
                noise(1, outer * length * inner),
                noise(2, outer * picks * inner),
                indices(outer * picks * inner, length),
            );
            let (mut taken, mut put_back) = (vec![0.0; dy.len()], vec![0.0f64; x.len()]);
            for (place, &index) in at.iter().enumerate().filter(|(_, index)| **index >= 0.0) {
                let source = (place / (picks * inner) * length + index as usize) * inner + place % inner;
                taken[place] = f64::from(x[source]);
                put_back[source] += f64::from(dy[place]);
            }
            let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
            take(&Pool::new(2), axis, picks, &x, &at, &mut y);
            assert_close("take", &y, &taken, 0.0);
            put(&Pool::new(2), axis, picks, &dy, &at, &mut dx);
            assert_close("put", &dx, &put_back, 1e-6);
        }
        let (mut y, mut dx) = ([0.0; 2], [0.0; 3]);
        take(&Pool::serial(), Axis { length: 3, inner: 1 }, 2, &[1.0, 2.0, 3.0], &[3.0, 1.0], &mut y);
        put(&Pool::serial(), Axis { length: 3, inner: 1 }, 2, &[1.0, 2.0], &[3.0, 1.0], &mut dx);
        assert!(y[0].is_nan() && y[1] == 2.0 && dx.iter().all(|x| x.is_nan()));
    }

    #[test]
    fn the_largest_come_in_the_order_of_a_stable_sort() {
        for (n, k) in [(1, 1), (5, 5), (37, 1), (37, 4), (200, 60), (3, 0)] {
            let mut x: Vec<f32> = noise(3, 20 * n).iter().map(|x| (6.0 * x).round()).collect();
            x[n / 2] = f32::NAN;
            on_every_set(|pool| {
                let mut got = vec![f32::NAN; 20 * k];
                top(pool, n, k, &x, &mut got);
                for (x, got) in x.chunks(n).zip(got.chunks(k.max(1))) {
                    let mut want: Vec<usize> = (0..n).collect();
                    want.sort_by(|&a, &b| {
                        x[b].is_nan()
                            .cmp(&x[a].is_nan())
                            .then(x[b].partial_cmp(&x[a]).unwrap_or(std::cmp::Ordering::Equal))
                    });
                    assert!(got.iter().map(|&i| i as usize).eq(want[..k].iter().copied()), "{n} {k}");
                }
            });
        }
    }

    #[test]
    fn running_sums_and_reversal_agree_with_the_definition() {
        for (outer, length, inner, _) in SHAPES {
            let axis = Axis { length, inner };
            let x = noise(4, outer * length * inner);
            let sums = |reverse: bool| -> Vec<f64> {
                let sum = |place: usize| {
                    let (item, row, column) = (place / (length * inner), place / inner % length, place % inner);
                    let rows = if reverse { row..length } else { 0..row + 1 };
                    rows.map(|row| f64::from(x[(item * length + row) * inner + column])).sum()
                };
                (0..x.len()).map(sum).collect()
            };
            on_every_set(|pool| {
                let mut y = vec![f32::NAN; x.len()];
                for reverse in [false, true] {
                    cumulate(pool, axis, reverse, &x, &mut y);
                    assert_close("cumulate", &y, &sums(reverse), 1e-6);
                }
                flip(pool, axis, &x, &mut y);
                for (place, &y) in y.iter().enumerate() {
                    let (item, row, column) = (place / (length * inner), place / inner % length, place % inner);
                    assert_eq!(y, x[(item * length + length - 1 - row) * inner + column]);
                }
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        let axis = Axis { length: 50, inner: 7 };
        let x = noise(5, 300 * 50 * 7);
        let at = indices(300 * 20 * 7, 50);
        assert_same_at_any_threads(|pool| {
            let mut out = vec![vec![0.0; x.len()]; 3];
            cumulate(pool, axis, false, &x, &mut out[0]);
            flip(pool, axis, &x, &mut out[1]);
            put(pool, axis, 20, &x, &at, &mut out[2]);
            let mut taken = vec![0.0; at.len()];
            take(pool, axis, 20, &x, &at, &mut taken);
            let mut best = vec![0.0; 300 * 7 * 3];
            top(pool, 50, 3, &x, &mut best);
            out.extend([taken, best]);
            out
        });
    }
}
