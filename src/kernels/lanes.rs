//! Fixed lanes: rows of any width go through arrays of a fixed length, so that LLVM vectorises
//! them and the order of every sum is written down.

use super::isa::Arithmetic;

/// The lanes of a sum along a row.
pub(crate) const LANES: usize = 16;

/// The vectors of one head (or one batch item), one a token: `data[t * stride..][..width]`.
#[derive(Clone, Copy)]
pub(crate) struct Track<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) width: usize,
}

impl<'a> Track<'a> {
    /// The vector of token `t`.
    #[inline(always)]
    pub(crate) fn at(&self, t: usize) -> &'a [f32] {
        &self.data[t * self.stride..][..self.width]
    }
}

/// The first `L` numbers of `x`, with `fill` where it is shorter.
#[inline(always)]
pub(crate) fn load<const L: usize>(x: &[f32], fill: f32) -> [f32; L] {
    match x.first_chunk::<L>() {
        Some(full) => *full,
        None => {
            // Number by number: `lanes` itself would have to be in memory, on the other path too.
            let short = load_short::<L>(x, fill);
            std::array::from_fn(|j| short[j])
        }
    }
}

/// A copy of a length that only the run knows; apart, or the lanes would leave their registers.
#[cold]
#[inline(never)]
fn load_short<const L: usize>(x: &[f32], fill: f32) -> [f32; L] {
    let mut lanes = [fill; L];
    lanes[..x.len()].copy_from_slice(x);
    lanes
}

/// Writes `lanes` over `y`, as far as `y` reaches.
#[inline(always)]
pub(crate) fn store<const L: usize>(lanes: &[f32; L], y: &mut [f32]) {
    match y.first_chunk_mut::<L>() {
        Some(full) => *full = *lanes,
        None => store_short(*lanes, y),
    }
}

/// See [`load_short`].
#[cold]
#[inline(never)]
fn store_short<const L: usize>(lanes: [f32; L], y: &mut [f32]) {
    y.copy_from_slice(&lanes[..y.len()]);
}

/// The sum of the lanes, as a tree of halves. `L` is a power of two.
#[inline(always)]
pub(crate) fn sum<const L: usize>(mut lanes: [f32; L]) -> f32 {
    let mut half = L / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The sum of a row.
#[inline(always)]
pub(crate) fn sum_of(x: &[f32]) -> f32 {
    let (whole, rest) = x.as_chunks::<LANES>();
    let mut total = load::<LANES>(rest, 0.0);
    for lanes in whole {
        for j in 0..LANES {
            total[j] += lanes[j];
        }
    }
    sum(total)
}

/// The sum of the products of two rows.
#[inline(always)]
pub(crate) fn sum_of_products<A: Arithmetic>(x: &[f32], y: &[f32]) -> f32 {
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    let mut total = [0.0; LANES];
    for (x, y) in x.iter().zip(y) {
        for j in 0..LANES {
            total[j] = A::mul_add(x[j], y[j], total[j]);
        }
    }
    for ((total, x), y) in total.iter_mut().zip(x_rest).zip(y_rest) {
        *total = A::mul_add(*x, *y, *total);
    }
    sum(total)
}

/// The largest of the lanes; NaN is passed over.
#[inline(always)]
pub(crate) fn max<const L: usize>(mut lanes: [f32; L]) -> f32 {
    let mut half = L / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = larger(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// The larger of two numbers, as one instruction: `a` unless `b` is larger.
#[inline(always)]
pub(crate) fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_fill_and_cut() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(load::<4>(&x, 9.0), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(load::<4>(&x[3..], 9.0), [4.0, 5.0, 9.0, 9.0]);
        let mut y = [0.0; 5];
        store(&[7.0; 8], &mut y);
        assert_eq!(y, [7.0; 5]);
        store(&[6.0; 4], &mut y);
        assert_eq!(y, [6.0, 6.0, 6.0, 6.0, 7.0]);
        assert_eq!(sum([1.0, 2.0, 3.0, 4.0]), 10.0);
        assert_eq!(max([1.0, 4.0, -3.0, f32::NAN]), 4.0);
    }
}
