//! What the pointwise ops share: numpy broadcasting of two operands.

use crate::engine::{Io, Shape, ShapeError};
use crate::kernels::binary::{self, Binary};
use crate::kernels::map::{self, Unary};
use crate::kernels::strided::View;

/// The common shape of two operands, aligned at the last axis; extents of 1 repeat.
pub(super) fn broadcast(op: &'static str, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
    let [a, b] = inputs else { return Err(ShapeError::new(op, inputs, "two inputs")) };
    let rank = a.len().max(b.len());
    let extent = |shape: &Shape, axis: usize| {
        let missing = rank - shape.len();
        if axis < missing { 1 } else { shape[axis - missing] }
    };
    let mut extents = Vec::with_capacity(rank);
    for axis in 0..rank {
        extents.push(match (extent(a, axis), extent(b, axis)) {
            (x, y) if x == y || y == 1 => x,
            (1, y) => y,
            _ => return Err(ShapeError::new(op, inputs, "extents that are equal or 1, aligned at the last axis")),
        });
    }
    Ok(vec![extents.into()])
}

/// The one output has the shape of the one input.
pub(super) fn same(op: &'static str, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
    match inputs {
        [x] => Ok(vec![(*x).clone()]),
        _ => Err(ShapeError::new(op, inputs, "one input")),
    }
}

/// Two inputs of one shape.
pub(super) fn alike(op: &'static str, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
    match inputs {
        [x, y] if x == y => Ok(vec![(*x).clone()]),
        _ => Err(ShapeError::new(op, inputs, "two inputs of one shape")),
    }
}

/// Runs a binary kernel with broadcasting.
pub(super) fn run_binary(f: Binary, io: Io<'_>) {
    let Io { inputs: [a, b, ..], outputs: [y, ..], input_shapes, output_shapes, pool, .. } = io;
    let view = |data, i: usize| View::new(data, &input_shapes[i]);
    binary::binary(pool, f, view(a, 0), view(b, 1), y, &output_shapes[0]);
}

/// Runs a unary kernel.
pub(super) fn run_unary(f: Unary, io: Io<'_>) {
    let Io { inputs: [x, ..], outputs: [y, ..], pool, .. } = io;
    map::unary(pool, f, x, y);
}

/// Cases of a binary op over every kind of broadcasting; the right operand is in 0.5..2.
#[cfg(test)]
pub(super) fn binary_cases(
    build: for<'g> fn(crate::engine::Var<'g>, crate::engine::Var<'g>) -> crate::engine::Var<'g>,
    oracle: fn(&super::case::Array, &super::case::Array) -> super::case::Array,
) -> Vec<super::Case> {
    use super::case::within;
    let shapes: [(&[usize], &[usize]); 7] = [
        (&[3, 5], &[3, 5]),
        (&[2, 3, 5], &[5]),
        (&[7], &[3, 7]),
        (&[], &[4, 3]),
        (&[4, 3], &[]),
        (&[4, 1, 3], &[2, 1]),
        (&[37, 19], &[37, 1]),
    ];
    let case = |(a, b): (&[usize], &[usize])| {
        let inputs = [within(a, -1.5, 1.5), within(b, 0.5, 2.0)];
        super::Case::one(format!("{a:?} {b:?}"), inputs, move |x| build(x[0], x[1]), move |x| oracle(&x[0], &x[1]))
    };
    shapes.into_iter().map(case).collect()
}

/// Cases of a unary op on values in `low..high`.
#[cfg(test)]
pub(super) fn unary_cases(
    low: f64,
    high: f64,
    build: for<'g> fn(crate::engine::Var<'g>) -> crate::engine::Var<'g>,
    oracle: fn(f64) -> f64,
) -> Vec<super::Case> {
    use super::case::within;
    let case = |shape: &[usize]| {
        let inputs = [within(shape, low, high)];
        super::Case::one(format!("{shape:?}"), inputs, move |x| build(x[0]), move |x| x[0].mapv(oracle))
    };
    [&[][..], &[1], &[37], &[5, 3, 7]].map(case).into()
}
