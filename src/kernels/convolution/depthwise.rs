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
            let seen = g.seen(first + i);
            for row in seen.rows.clone() {
                for column in seen.columns.clone() {
                    let (tap, pixel) = g.tap(&seen, row, column);
                    let (x, w) = (&x[pixel * n..][..n], &w[tap * n..][..n]);
                    for c in 0..n {
                        y[c] = A::mul_add(x[c], w[c], y[c]);
                    }
                }
            }
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
            let seen = g.seen(at);
            for row in seen.rows.clone() {
                for column in seen.columns.clone() {
                    let (tap, pixel) = g.tap(&seen, row, column);
                    let (dx, w) = (&mut dx[pixel * n..][..n], &w[tap * n..][..n]);
                    for c in 0..n {
                        dx[c] = A::mul_add(dy[c], w[c], dx[c]);
                    }
                }
            }
        }
    }
}

kernel! {
    /// Adds the gradient by the weights of the positions from `first` on.
    pub(super) fn add_weight_gradient<A>(g: &Geometry, first: usize, x: &[f32], dy: &[f32], dw: &mut [f32]) {
        let n = g.channels;
        for (i, dy) in dy.chunks_exact(n).enumerate() {
            let seen = g.seen(first + i);
            for row in seen.rows.clone() {
                for column in seen.columns.clone() {
                    let (tap, pixel) = g.tap(&seen, row, column);
                    let (dw, x) = (&mut dw[tap * n..][..n], &x[pixel * n..][..n]);
                    for c in 0..n {
                        dw[c] = A::mul_add(dy[c], x[c], dw[c]);
                    }
                }
            }
        }
    }
}
