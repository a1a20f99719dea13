//! Convolution of every channel with a filter of its own: loops over channels, which lie side by side.

use super::{Blocks, Geometry, LANES, finish};
use crate::base::threads::Pool;
use crate::kernels::isa::kernel;
use crate::kernels::split::split;

pub(super) fn convolution(
    pool: &Pool,
    g: &Geometry,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    y: &mut [f32],
) {
    let Blocks { lanes, lane, block } = g.blocks(1, LANES);
    split(pool, lanes, [(y, lane * g.channels)], |i, [y]| {
        for (j, y) in y.chunks_mut(block * g.channels).enumerate() {
            forward(g, i * lane + j * block, x, w, y);
            finish(g.channels, bias, relu, y);
        }
    });
}

kernel! {
    /// The outputs from position `first` on.
    fn forward<A>(g: &Geometry, first: usize, x: &[f32], w: &[f32], y: &mut [f32]) {
        let n = g.channels;
        for (i, y) in y.chunks_exact_mut(n).enumerate() {
            y.fill(0.0);
            g.taps(first + i, |tap, pixel| {
                for ((y, x), w) in y.iter_mut().zip(&x[pixel * n..][..n]).zip(&w[tap * n..][..n]) {
                    *y = A::mul_add(*x, *w, *y);
                }
            });
        }
    }
}

pub(super) fn input_gradient(pool: &Pool, g: &Geometry, dy: &[f32], w: &[f32], dx: &mut [f32]) {
    let positions = g.image_positions();
    let Blocks { lanes, lane, .. } = g.blocks(positions, LANES);
    split(pool, lanes, [(dx, lane / positions.max(1) * g.image())], |i, [dx]| {
        dx.fill(0.0);
        add_input_gradient(g, &dy[i * lane * g.channels..], w, dx);
    });
}

kernel! {
    /// Adds the gradient of whole images, whose outputs come first in `dy`.
    fn add_input_gradient<A>(g: &Geometry, dy: &[f32], w: &[f32], dx: &mut [f32]) {
        let n = g.channels;
        let positions = dx.len() / g.image().max(1) * g.image_positions();
        for (at, dy) in dy.chunks_exact(n).take(positions).enumerate() {
            g.taps(at, |tap, pixel| {
                for ((dx, dy), w) in dx[pixel * n..][..n].iter_mut().zip(dy).zip(&w[tap * n..][..n]) {
                    *dx = A::mul_add(*dy, *w, *dx);
                }
            });
        }
    }
}

kernel! {
    /// Adds the gradient by the weights of the positions from `first` on.
    pub(super) fn add_weight_gradient<A>(g: &Geometry, first: usize, x: &[f32], dy: &[f32], dw: &mut [f32]) {
        let n = g.channels;
        for (i, dy) in dy.chunks_exact(n).enumerate() {
            g.taps(first + i, |tap, pixel| {
                for ((dw, dy), x) in dw[tap * n..][..n].iter_mut().zip(dy).zip(&x[pixel * n..][..n]) {
                    *dw = A::mul_add(*dy, *x, *dw);
                }
            });
        }
    }
}
