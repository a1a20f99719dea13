//! Maximum pooling of images `[batch, height, width, channels]`. Which tap of its window was the
//! largest is kept as a number, so that both directions of the gradient are sums over windows.

use super::convolution::Geometry;
use super::isa::kernel;
use super::map::BLOCK;
use super::split::split;
use crate::base::threads::Pool;

/// In place of a tap: the output was cut at zero and has no gradient.
const CUT: f32 = -1.0;

/// Positions of a block, by the shape alone.
fn positions_per_block(g: &Geometry) -> usize {
    (BLOCK / g.channels.max(1)).max(1)
}

fn check(g: &Geometry, x: usize, y: usize, indices: usize) {
    let fits = x == g.batch * g.image() && y == g.positions() * g.channels && indices == y && g.filters == g.channels;
    assert!(fits, "pooling: {x}, {y} and {indices} numbers do not fit {g:?}");
}

kernel! {
    fn max_pool_block<A>(g: &Geometry, first: usize, relu: bool, x: &[f32], y: &mut [f32], indices: &mut [f32]) {
        let n = g.channels;
        for (i, (y, indices)) in y.chunks_exact_mut(n).zip(indices.chunks_exact_mut(n)).enumerate() {
            y.fill(f32::NEG_INFINITY);
            indices.fill(CUT);
            g.taps(first + i, |tap, pixel| {
                let tap = tap as f32;
                for ((y, index), &x) in y.iter_mut().zip(indices.iter_mut()).zip(&x[pixel * n..][..n]) {
                    // The first tap wins even with minus infinity; a NaN, once there, stays.
                    let larger = (x > *y) | x.is_nan() & !y.is_nan() | (*index == CUT);
                    *y = if larger { x } else { *y };
                    *index = if larger { tap } else { *index };
                }
            });
            if relu {
                for (y, index) in y.iter_mut().zip(indices) {
                    *index = if *y <= 0.0 { CUT } else { *index };
                    *y = if *y < 0.0 { 0.0 } else { *y };
                }
            }
        }
    }
}

/// The largest number of each window and channel, `y` `[batch, output, channels]`, cut at zero if
/// `relu`; and which tap of the window it is, the first of equals (-1 where it was cut). A NaN counts as
/// the largest. Taps outside the image are passed over; a window has one inside.
///
/// # Panics
/// When lengths disagree: a bug in the caller.
pub fn max_pool(pool: &Pool, g: &Geometry, relu: bool, x: &[f32], y: &mut [f32], indices: &mut [f32]) {
    check(g, x.len(), y.len(), indices.len());
    let positions = positions_per_block(g);
    let part = positions * g.channels;
    split(pool, g.positions().div_ceil(positions), [(y, part), (indices, part)], |block, [y, indices]| {
        max_pool_block(g, block * positions, relu, x, y, indices);
    });
}

kernel! {
    /// Adds the gradient to whole images, whose outputs come first in `dy`.
    fn scatter_images<A>(g: &Geometry, dy: &[f32], indices: &[f32], dx: &mut [f32]) {
        let n = g.channels;
        for (at, (dy, indices)) in dy.chunks_exact(n).zip(indices.chunks_exact(n)).enumerate() {
            g.taps(at, |tap, pixel| {
                let tap = tap as f32;
                for ((dx, dy), index) in dx[pixel * n..][..n].iter_mut().zip(dy).zip(indices) {
                    *dx += if *index == tap { *dy } else { 0.0 };
                }
            });
        }
    }
}

/// The gradient of [`max_pool`]: each `dy` added to the place that its index names.
///
/// # Panics
/// When lengths disagree: a bug in the caller.
pub fn max_pool_scatter(pool: &Pool, g: &Geometry, dy: &[f32], indices: &[f32], dx: &mut [f32]) {
    check(g, dx.len(), dy.len(), indices.len());
    let output = g.output[0] * g.output[1] * g.channels;
    pool.parts(dx, g.image(), |image, dx| {
        let part = image * output..(image + 1) * output;
        dx.fill(0.0);
        scatter_images(g, &dy[part.clone()], &indices[part], dx);
    });
}

kernel! {
    fn gather_block<A>(g: &Geometry, first: usize, x: &[f32], indices: &[f32], y: &mut [f32]) {
        let n = g.channels;
        for (i, (y, indices)) in y.chunks_exact_mut(n).zip(indices.chunks_exact(n)).enumerate() {
            y.fill(0.0);
            g.taps(first + i, |tap, pixel| {
                let tap = tap as f32;
                for ((y, index), x) in y.iter_mut().zip(indices).zip(&x[pixel * n..][..n]) {
                    *y = if *index == tap { *x } else { *y };
                }
            });
        }
    }
}

/// The transpose of [`max_pool_scatter`]: for each output the number at the place that its index
/// names, zero where it was cut.
///
/// # Panics
/// When lengths disagree: a bug in the caller.
pub fn max_pool_gather(pool: &Pool, g: &Geometry, x: &[f32], indices: &[f32], y: &mut [f32]) {
    check(g, x.len(), y.len(), indices.len());
    let positions = positions_per_block(g);
    pool.parts(y, positions * g.channels, |block, y| {
        let first = block * positions;
        gather_block(g, first, x, &indices[first * g.channels..][..y.len()], y);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_same_at_any_threads, noise, on_every_set};
    use crate::kernels::convolution::windows;

    fn shape(
        [batch, height, width, channels]: [usize; 4],
        window: [usize; 2],
        stride: [usize; 2],
        before: [usize; 2],
    ) -> Geometry {
        let input = [height, width];
        let output = [0, 1].map(|i| windows(input[i] + 2 * before[i], window[i], stride[i], 1).expect("a window fits"));
        let (filters, groups) = (channels, channels);
        Geometry { batch, input, channels, output, filters, window, stride, dilation: [1, 1], before, groups }
    }

    fn shapes() -> [Geometry; 5] {
        [
            shape([2, 6, 4, 5], [2, 2], [2, 2], [0, 0]),
            shape([3, 7, 5, 17], [3, 2], [2, 1], [1, 1]),
            shape([1, 5, 5, 1], [2, 3], [3, 3], [0, 1]),
            shape([2, 4, 4, 3], [4, 4], [1, 1], [0, 0]),
            shape([5, 30, 29, 33], [2, 2], [1, 2], [0, 0]),
        ]
    }

    /// For every output the place in x of the first largest, by the definition.
    fn largest(g: &Geometry, x: &[f32]) -> Vec<usize> {
        let place = |image: usize, row: usize, column: usize, channel: usize| {
            ((image * g.input[0] + row) * g.input[1] + column) * g.channels + channel
        };
        let mut found = Vec::new();
        for at in 0..g.positions() {
            let (image, row, column) =
                (at / g.output[1] / g.output[0], at / g.output[1] % g.output[0], at % g.output[1]);
            for channel in 0..g.channels {
                let seen = |axis: usize, at: usize, tap: usize| {
                    let place = (at * g.stride[axis] + tap).checked_sub(g.before[axis])?;
                    (place < g.input[axis]).then_some(place)
                };
                let places = (0..g.window[0]).flat_map(|i| (0..g.window[1]).map(move |j| (i, j)));
                let places =
                    places.filter_map(|(i, j)| Some(place(image, seen(0, row, i)?, seen(1, column, j)?, channel)));
                let first = |best: usize, next: usize| if x[next] > x[best] { next } else { best };
                found.push(places.reduce(first).expect("a tap inside"));
            }
        }
        found
    }

    /// y, indices, scattered dy, gathered x.
    fn run(pool: &Pool, g: &Geometry, relu: bool, x: &[f32], dy: &[f32]) -> [Vec<f32>; 4] {
        let [mut y, mut indices, mut gathered] = [(); 3].map(|()| vec![f32::NAN; dy.len()]);
        let mut dx = vec![f32::NAN; x.len()];
        max_pool(pool, g, relu, x, &mut y, &mut indices);
        max_pool_scatter(pool, g, dy, &indices, &mut dx);
        max_pool_gather(pool, g, x, &indices, &mut gathered);
        [y, indices, dx, gathered]
    }

    /// Numbers with many ties.
    fn numbers(g: &Geometry) -> [Vec<f32>; 2] {
        let x = noise(1, g.batch * g.image()).iter().map(|x| (x * 4.0).round()).collect();
        [x, noise(2, g.positions() * g.channels)]
    }

    #[test]
    fn the_first_largest_is_found_and_gets_the_gradient() {
        for g in shapes() {
            let [x, dy] = numbers(&g);
            let places = largest(&g, &x);
            on_every_set(|pool| {
                for relu in [false, true] {
                    let [y, _, dx, gathered] = run(pool, &g, relu, &x, &dy);
                    let mut want = vec![0.0f64; x.len()];
                    for (i, &place) in places.iter().enumerate() {
                        let cut = relu && x[place] <= 0.0;
                        let value = if cut { 0.0 } else { x[place] };
                        assert_eq!((y[i], gathered[i]), (value, value), "{g:?} at {i}");
                        want[place] += if cut { 0.0 } else { f64::from(dy[i]) };
                    }
                    crate::kernels::check::assert_close("dx", &dx, &want, 1e-5);
                }
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        for g in shapes() {
            let [x, dy] = numbers(&g);
            assert_same_at_any_threads(|pool| run(pool, &g, true, &x, &dy).into());
        }
    }

    #[test]
    fn not_a_number_stays_and_minus_infinity_has_a_place() {
        let g = shape([1, 1, 4, 1], [1, 2], [1, 2], [0, 0]);
        let x = [1.0, f32::NAN, f32::NEG_INFINITY, f32::NEG_INFINITY];
        let [y, indices, ..] = run(&Pool::serial(), &g, false, &x, &[1.0; 2]);
        assert!(y[0].is_nan() && y[1] == f32::NEG_INFINITY);
        assert_eq!(indices, [1.0, 0.0]);
        let g = shape([1, 1, 2, 1], [1, 2], [1, 2], [0, 0]);
        let [y, indices, ..] = run(&Pool::serial(), &g, true, &[f32::NAN, 3.0], &[1.0]);
        assert!(y[0].is_nan() && indices == [0.0]);
    }
}
