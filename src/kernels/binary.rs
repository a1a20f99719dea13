//! Elementwise functions of two arrays, broadcast to one shape.

use super::isa::kernel;
use super::map::BLOCK;
use super::strided::{View, Walk, broadcast};
use crate::base::threads::Pool;

/// Two operands of a run of rows: slices from the first element on, and the steps between rows.
#[derive(Clone, Copy)]
struct Operands<'a> {
    x: &'a [f32],
    y: &'a [f32],
    x_row: usize,
    y_row: usize,
    columns: usize,
}

macro_rules! binaries {
    ($($(#[$doc:meta])* $op:ident $both:ident $right:ident $left:ident |$x:ident, $y:ident| $value:expr;)*) => {
        /// A function of two elements.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Binary { $($(#[$doc])* $op),* }

        impl Binary {
            /// All of them.
            pub const ALL: &[Binary] = &[$(Binary::$op),*];
        }

        $(
            kernel! {
                /// Both operands have columns.
                fn $both<A>(o: Operands<'_>, z: &mut [f32]) {
                    for (row, z) in z.chunks_mut(o.columns).enumerate() {
                        let (x, y) = (&o.x[row * o.x_row..], &o.y[row * o.y_row..]);
                        for ((z, &$x), &$y) in z.iter_mut().zip(x).zip(y) {
                            *z = $value;
                        }
                    }
                }
            }
            kernel! {
                /// The right operand is one number a row.
                fn $right<A>(o: Operands<'_>, z: &mut [f32]) {
                    for (row, z) in z.chunks_mut(o.columns).enumerate() {
                        let (x, $y) = (&o.x[row * o.x_row..], o.y[row * o.y_row]);
                        for (z, &$x) in z.iter_mut().zip(x) {
                            *z = $value;
                        }
                    }
                }
            }
            kernel! {
                /// The left operand is one number a row.
                fn $left<A>(o: Operands<'_>, z: &mut [f32]) {
                    for (row, z) in z.chunks_mut(o.columns).enumerate() {
                        let ($x, y) = (o.x[row * o.x_row], &o.y[row * o.y_row..]);
                        for (z, &$y) in z.iter_mut().zip(y) {
                            *z = $value;
                        }
                    }
                }
            }
        )*

        fn binary_block(op: Binary, steps: (usize, usize), o: Operands<'_>, z: &mut [f32]) {
            match (op, steps) { $(
                (Binary::$op, (0, _)) => $left(o, z),
                (Binary::$op, (_, 0)) => $right(o, z),
                (Binary::$op, _) => $both(o, z),
            )* }
        }
    };
}

binaries! {
    /// `x + y`
    Add add add_right add_left |x, y| x + y;
    /// `x - y`
    Subtract subtract subtract_right subtract_left |x, y| x - y;
    /// `x y`
    Multiply multiply multiply_right multiply_left |x, y| x * y;
    /// `x / y`
    Divide divide divide_right divide_left |x, y| x / y;
    /// The smaller; NaN when either is NaN.
    Min min min_right min_left |x, y| if x <= y || x.is_nan() { x } else { y };
    /// The larger; NaN when either is NaN.
    Max max max_right max_left |x, y| if x >= y || x.is_nan() { x } else { y };
    /// 1 where `x > y`, else 0.
    Greater greater greater_right greater_left |x, y| if x > y { 1.0 } else { 0.0 };
    /// 1 where `x >= y`, else 0.
    GreaterEqual greater_equal greater_equal_right greater_equal_left |x, y| if x >= y { 1.0 } else { 0.0 };
    /// 1 where `x = y`, else 0.
    Equal equal equal_right equal_left |x, y| if x == y { 1.0 } else { 0.0 };
    /// The share of `x` in the larger of both: 1 where `x > y`, 1/2 where they are equal, else 0.
    Share share share_right share_left |x, y| if x > y { 1.0 } else if x == y { 0.5 } else { 0.0 };
}

/// `z = op(x, y)` with numpy's broadcasting; `shape` is that of `z`.
///
/// Same shapes, a bias over rows, a number a row, scalars and every other broadcast are the same
/// loops once the axes are merged.
///
/// # Panics
/// When an operand cannot be broadcast to `shape` or `z` has another length: a bug in the caller.
pub fn binary(pool: &Pool, op: Binary, x: View<'_>, y: View<'_>, z: &mut [f32], shape: &[usize]) {
    let walk = Walk::new(shape, [broadcast(x.shape, shape), broadcast(y.shape, shape)]);
    assert_eq!(z.len(), walk.rows() * walk.columns(), "binary {op:?}: the output is not {shape:?}");
    let (columns, steps) = (walk.columns(), (walk.column_stride(0), walk.column_stride(1)));
    let operands = |[i, j]: [usize; 2], columns: usize| Operands {
        x: &x.data[i..],
        y: &y.data[j..],
        x_row: walk.row_stride(0),
        y_row: walk.row_stride(1),
        columns,
    };
    if walk.rows() == 1 {
        pool.parts(z, BLOCK, |block, z| {
            let from = block * BLOCK;
            binary_block(op, steps, operands([from * steps.0, from * steps.1], z.len()), z);
        });
        return;
    }
    let rows = (BLOCK / columns.max(1)).max(1);
    pool.parts(z, rows * columns, |block, z| {
        let (first, mut done) = (block * rows, 0);
        walk.runs(first, first + z.len() / columns, |offsets, rows| {
            binary_block(op, steps, operands(offsets, columns), &mut z[done..done + rows * columns]);
            done += rows * columns;
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::isa::{Isa, with_isa};
    use crate::kernels::map::tests::{everywhere, numbers};

    fn binary_exact(op: Binary, x: f32, y: f32) -> f32 {
        match op {
            Binary::Add => x + y,
            Binary::Subtract => x - y,
            Binary::Multiply => x * y,
            Binary::Divide => x / y,
            Binary::Min => x.min(y),
            Binary::Max => x.max(y),
            Binary::Greater => f32::from(u8::from(x > y)),
            Binary::GreaterEqual => f32::from(u8::from(x >= y)),
            Binary::Equal => f32::from(u8::from(x == y)),
            Binary::Share => (1.0 + f32::from(u8::from(x > y)) - f32::from(u8::from(y > x))) / 2.0,
        }
    }

    #[test]
    fn the_larger_and_the_smaller_keep_nan_of_either_side() {
        let (x, y) = ([1.0, f32::NAN, 2.0, f32::NAN], [f32::NAN, 1.0, 3.0, f32::NAN]);
        for (op, kept) in [(Binary::Max, 3.0), (Binary::Min, 2.0)] {
            for isa in Isa::available() {
                let mut z = [0.0; 4];
                with_isa(isa, || binary(&Pool::serial(), op, View::new(&x, &[4]), View::new(&y, &[4]), &mut z, &[4]));
                assert!(z[0].is_nan() && z[1].is_nan() && z[3].is_nan() && z[2] == kept, "{op:?}: {z:?}");
            }
        }
    }

    /// The index into a dense `shape` of the `flat`-th element of `out`, by the definition.
    fn source(shape: &[usize], out: &[usize], flat: usize) -> usize {
        let (mut rest, mut index, mut step) = (flat, 0, 1);
        for axis in (0..out.len()).rev() {
            let position = rest % out[axis];
            rest /= out[axis];
            if axis + shape.len() >= out.len() {
                let length = shape[axis + shape.len() - out.len()];
                index += if length == 1 { 0 } else { position * step };
                step *= length;
            }
        }
        index
    }

    #[test]
    fn every_binary_broadcasts_as_numpy_does() {
        let shapes: [(&[usize], &[usize], &[usize]); 11] = [
            (&[130, 301], &[130, 301], &[130, 301]),
            (&[300, 71], &[71], &[300, 71]),
            (&[71], &[300, 71], &[300, 71]),
            (&[40_001], &[], &[40_001]),
            (&[1], &[40_001], &[40_001]),
            (&[300, 71], &[300, 1], &[300, 71]),
            (&[300, 1], &[71], &[300, 71]),
            (&[4, 1, 5, 1], &[4, 3, 1, 7], &[4, 3, 5, 7]),
            (&[2, 1, 3, 1, 2, 3], &[5, 1, 4, 1, 3], &[2, 5, 3, 4, 2, 3]),
            (&[3, 1, 20_000], &[2, 20_000], &[3, 2, 20_000]),
            (&[0, 4], &[4], &[0, 4]),
        ];
        for (x_shape, y_shape, shape) in shapes {
            let x = numbers(4, x_shape.iter().product());
            let y = numbers(5, y_shape.iter().product());
            for &op in Binary::ALL {
                let (left, right) = (View::new(&x, x_shape), View::new(&y, y_shape));
                everywhere(
                    shape.iter().product(),
                    |pool, z| binary(pool, op, left, right, z, shape),
                    |z| {
                        for (i, &z) in z.iter().enumerate() {
                            let want = binary_exact(op, x[source(x_shape, shape, i)], y[source(y_shape, shape, i)]);
                            assert!(z == want, "{op:?} {x_shape:?} {y_shape:?} at {i}: {z}, wanted {want}");
                        }
                    },
                );
            }
        }
    }
}
