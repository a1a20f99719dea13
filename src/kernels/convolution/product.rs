//! Convolution by products of matrices over blocks of positions.

use super::columns::{gather, scatter};
use super::{Blocks, Geometry, LANES, SUMS, depthwise, finish};
use crate::base::threads::Pool;
use crate::kernels::gemm::{Batch, Gemm, gemm};
use crate::kernels::isa::kernel;
use crate::kernels::reduce;
use crate::kernels::split::split;

/// A product on the calling thread: the lanes are what the threads share.
fn product(shape: &Gemm, a: &[f32], b: &[f32], c: &mut [f32]) {
    gemm(&Pool::serial(), shape, &Batch::ONE, a, b, c);
}

#[allow(clippy::too_many_arguments)]
pub(super) fn convolution(
    pool: &Pool,
    g: &Geometry,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    y: &mut [f32],
    scratch: &mut [f32],
) {
    let Blocks { lanes, lane, block } = g.blocks(1, LANES);
    let outputs = [(y, lane * g.filters), (scratch, block * g.column())];
    split(pool, lanes, outputs, |i, [y, columns]| {
        for (j, y) in y.chunks_mut(block * g.filters).enumerate() {
            let (first, count) = (i * lane + j * block, y.len() / g.filters);
            for group in 0..g.groups {
                let rows = seen(g, group, first, count, x, columns);
                let filters = group * g.group_filters();
                product(&forward_shape(g, count), rows, &w[filters..], &mut y[filters..]);
            }
            finish(g.filters, bias, relu, y);
        }
    });
}

/// Outputs `[count, filters of a group]` from gathered rows and weights.
fn forward_shape(g: &Geometry, count: usize) -> Gemm {
    let (column, filters) = (g.column(), g.group_filters());
    Gemm { b_row: g.filters, c_row: g.filters, ..Gemm::dense(count, filters, column) }
}

/// The matrix `[count, column]` of what a group sees from position `first` on.
fn seen<'a>(g: &Geometry, group: usize, first: usize, count: usize, x: &'a [f32], columns: &'a mut [f32]) -> &'a [f32] {
    let column = g.column();
    if g.is_pointwise() {
        return &x[first * column..][..count * column];
    }
    let columns = &mut columns[..count * column];
    gather(g, group, first, x, columns);
    columns
}

pub(super) fn input_gradient(pool: &Pool, g: &Geometry, dy: &[f32], w: &[f32], dx: &mut [f32], scratch: &mut [f32]) {
    let (image, positions) = (g.image(), g.image_positions());
    let Blocks { lanes, lane, block } = g.blocks(positions, LANES);
    let outputs = [(dx, lane / positions.max(1) * image), (scratch, block * g.column())];
    split(pool, lanes, outputs, |i, [dx, columns]| {
        let all = dx.len() / image.max(1) * positions;
        for first in (0..all).step_by(block) {
            let count = block.min(all - first);
            let dy = &dy[(i * lane + first) * g.filters..][..count * g.filters];
            if g.is_pointwise() {
                let dx = &mut dx[first * g.channels..][..count * g.channels];
                product(&backward_shape(g, count), dy, w, dx);
                continue;
            }
            // An image is cleared just before its first position adds to it.
            let begun = first.div_ceil(positions)..(first + count).div_ceil(positions);
            dx[begun.start * image..begun.end * image].fill(0.0);
            for group in 0..g.groups {
                let (columns, filters) = (&mut columns[..count * g.column()], group * g.group_filters());
                product(&backward_shape(g, count), &dy[filters..], &w[filters..], columns);
                scatter(g, group, first, columns, dx);
            }
        }
    });
}

/// Gradients of gathered rows `[count, column]` from those of outputs and the transposed weights.
fn backward_shape(g: &Geometry, count: usize) -> Gemm {
    let (column, filters) = (g.column(), g.group_filters());
    Gemm { a_row: g.filters, b_row: 1, b_column: g.filters, ..Gemm::dense(count, column, filters) }
}

kernel! {
    /// Adds the rows of `dy` to `sums`, the rows of a block first among themselves.
    fn add_rows<A>(dy: &[f32], sums: &mut [f32]) {
        const WIDTH: usize = 16;
        let filters = sums.len();
        let (whole, rest) = sums.as_chunks_mut::<WIDTH>();
        for (j, sums) in whole.iter_mut().enumerate() {
            let mut total = [0.0; WIDTH];
            for row in dy.chunks_exact(filters) {
                let row = row[j * WIDTH..].first_chunk::<WIDTH>().expect("a row has a number for every sum");
                for l in 0..WIDTH {
                    total[l] += row[l];
                }
            }
            for l in 0..WIDTH {
                sums[l] += total[l];
            }
        }
        let start = filters - rest.len();
        let mut total = [0.0; WIDTH];
        for row in dy.chunks_exact(filters) {
            total.iter_mut().zip(&row[start..]).for_each(|(total, x)| *total += x);
        }
        rest.iter_mut().zip(total).for_each(|(sum, total)| *sum += total);
    }
}

#[allow(clippy::too_many_arguments)]
pub(super) fn weight_gradient(
    pool: &Pool,
    g: &Geometry,
    x: &[f32],
    dy: &[f32],
    dw: &mut [f32],
    d_bias: Option<&mut [f32]>,
    scratch: &mut [f32],
) {
    let Blocks { lanes, lane, block } = g.blocks(1, SUMS);
    let (partial, rest) = scratch.split_at_mut(lanes * dw.len());
    let (biases, columns) = rest.split_at_mut(lanes * g.filters);
    let gathered = columns.len() / lanes.max(1);
    let outputs = [(&mut *partial, dw.len()), (&mut *biases, g.filters), (columns, gathered)];
    let with_bias = d_bias.is_some();
    split(pool, lanes, outputs, |i, [dw, d_bias, columns]| {
        dw.fill(0.0);
        d_bias.fill(0.0);
        let end = g.positions().min((i + 1) * lane);
        for first in (i * lane..end).step_by(block) {
            let dy = &dy[first * g.filters..block.min(end - first) * g.filters + first * g.filters];
            add_weight_gradient(g, first, x, dy, dw, columns);
            if with_bias {
                add_rows(dy, d_bias);
            }
        }
    });
    reduce::sum_rows(pool, partial, lanes, dw.len(), 1.0, dw);
    if let Some(d_bias) = d_bias {
        reduce::sum_rows(pool, biases, lanes, g.filters, 1.0, d_bias);
    }
}

/// Adds what a block of positions, from `first` on, contributes.
fn add_weight_gradient(g: &Geometry, first: usize, x: &[f32], dy: &[f32], dw: &mut [f32], columns: &mut [f32]) {
    if g.is_depthwise() {
        return depthwise::add_weight_gradient(g, first, x, dy, dw);
    }
    let count = dy.len() / g.filters;
    for group in 0..g.groups {
        let rows = seen(g, group, first, count, x, columns);
        let (column, filters) = (g.column(), g.group_filters());
        let shape = Gemm::dense(column, filters, count).transpose_a().accumulating();
        let shape = Gemm { b_row: g.filters, c_row: g.filters, ..shape };
        product(&shape, rows, &dy[group * filters..], &mut dw[group * filters..]);
    }
}
