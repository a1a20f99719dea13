//! Elementwise functions of one or two arrays.
//!
//! Arrays are split over the threads in fixed blocks of [`BLOCK`] elements.

use super::isa::kernel;
use super::math;
use super::strided::{View, Walk, broadcast};
use crate::base::threads::Pool;

/// Elements of a task.
pub const BLOCK: usize = 16_384;

/// Defines an enum of functions, one vectorised loop for each, and the choice between them.
macro_rules! unaries {
    ($($(#[$doc:meta])* $op:ident $kernel:ident |$x:ident| $value:expr;)*) => {
        /// A function of one element.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Unary { $($(#[$doc])* $op),* }

        impl Unary {
            /// All of them.
            pub const ALL: &[Unary] = &[$(Unary::$op),*];
        }

        $(kernel! {
            fn $kernel<A>(x: &[f32], y: &mut [f32]) {
                for (y, &$x) in y.iter_mut().zip(x) {
                    *y = $value;
                }
            }
        })*

        fn unary_block(op: Unary, x: &[f32], y: &mut [f32]) {
            match op { $(Unary::$op => $kernel(x, y)),* }
        }

        kernel! {
            /// `y = op(y)`, for a row that is in the inner caches.
            pub(crate) fn unary_in_place<A>(op: Unary, y: &mut [f32]) {
                match op { $(Unary::$op => for y in y {
                    let $x = *y;
                    *y = $value;
                })* }
            }
        }
    };
}

unaries! {
    /// `-x`
    Negate negate |x| -x;
    /// `e^x`
    Exp exp |x| math::exp::<A>(x);
    /// `e^x - 1`
    Expm1 expm1 |x| math::expm1::<A>(x);
    /// Natural logarithm.
    Log log |x| math::log::<A>(x);
    /// `ln(1 + x)`
    Log1p log1p |x| math::log1p::<A>(x);
    /// `ln(1 + e^x)`
    Softplus softplus |x| math::softplus::<A>(x);
    /// Sine.
    Sin sin |x| math::sin::<A>(x);
    /// Cosine.
    Cos cos |x| math::cos::<A>(x);
    /// Hyperbolic tangent.
    Tanh tanh |x| math::tanh::<A>(x);
    /// `1 / (1 + e^-x)`
    Sigmoid sigmoid |x| math::sigmoid::<A>(x);
    /// The error function.
    Erf erf |x| math::erf::<A>(x);
    /// `max(x, 0)`; NaN stays NaN.
    Relu relu |x| if x < 0.0 { 0.0 } else { x };
    /// [`math::gelu`]
    Gelu gelu |x| math::gelu::<A>(x);
    /// [`math::gelu_exact`]
    GeluExact gelu_exact |x| math::gelu_exact::<A>(x);
    /// `x sigmoid(x)`
    Silu silu |x| math::silu::<A>(x);
    /// Square root.
    Sqrt sqrt |x| x.sqrt();
    /// `x x`
    Square square |x| x * x;
    /// `1 / x`
    Reciprocal reciprocal |x| 1.0 / x;
    /// Magnitude.
    Abs abs |x| x.abs();
    /// -1, 0 or 1; NaN stays NaN.
    Sign sign |x| if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x * 0.0 };
    /// 1 above 0, else 0.
    Step step |x| if x > 0.0 { 1.0 } else { 0.0 };
}

/// `y = op(x)`, for a row that is in the inner caches.
pub(crate) fn unary_row(op: Unary, x: &[f32], y: &mut [f32]) {
    unary_block(op, x, y);
}

/// `y = op(x)`, element by element.
///
/// # Panics
/// When the lengths differ.
pub fn unary(pool: &Pool, op: Unary, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "unary {op:?}: lengths differ");
    pool.parts(y, BLOCK, |block, y| unary_block(op, &x[block * BLOCK..][..y.len()], y));
}

kernel! {
    fn scale_shift_block<A>(scale: f32, shift: f32, x: &[f32], y: &mut [f32]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = A::mul_add(x, scale, shift);
        }
    }
}

/// `y = scale x + shift`.
///
/// # Panics
/// When the lengths differ.
pub fn scale_shift(pool: &Pool, scale: f32, shift: f32, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "scale_shift: lengths differ");
    pool.parts(y, BLOCK, |block, y| scale_shift_block(scale, shift, &x[block * BLOCK..][..y.len()], y));
}

macro_rules! backwards {
    ($($(#[$doc:meta])* $op:ident $kernel:ident |$s:ident| $slope:expr;)*) => {
        /// The gradient rules that one pass computes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Backward { $($(#[$doc])* $op),* }

        impl Backward {
            /// All of them.
            pub const ALL: &[Backward] = &[$(Backward::$op),*];
        }

        $(kernel! {
            fn $kernel<A>(saved: &[f32], dy: &[f32], dx: &mut [f32]) {
                for ((dx, &dy), &$s) in dx.iter_mut().zip(dy).zip(saved) {
                    *dx = dy * $slope;
                }
            }
        })*

        fn backward_block(op: Backward, saved: &[f32], dy: &[f32], dx: &mut [f32]) {
            match op { $(Backward::$op => $kernel(saved, dy, dx)),* }
        }

        kernel! {
            /// `d = d f'`, for a row that is in the inner caches.
            pub(crate) fn backward_in_place<A>(op: Backward, saved: &[f32], d: &mut [f32]) {
                match op { $(Backward::$op => for (d, &$s) in d.iter_mut().zip(saved) {
                    *d *= $slope;
                })* }
            }
        }
    };
}

backwards! {
    /// Saved: the input.
    Gelu gelu_backward |x| math::gelu_gradient::<A>(x);
    /// Saved: the input.
    GeluExact gelu_exact_backward |x| math::gelu_exact_gradient::<A>(x);
    /// Saved: the input.
    Silu silu_backward |x| math::silu_gradient::<A>(x);
    /// Saved: the input or the output. The slope at 0 is 0.
    Relu relu_backward |x| if x > 0.0 { 1.0 } else { 0.0 };
    /// Saved: the output `y`; the slope is `1 - y^2`.
    Tanh tanh_backward |y| A::mul_add(-y, y, 1.0);
    /// Saved: the output `y`; the slope is `y (1 - y)`.
    Sigmoid sigmoid_backward |y| y * (1.0 - y);
    /// Saved: the output `y`; the slope is `-y^2`.
    Reciprocal reciprocal_backward |y| -(y * y);
    /// Saved: the input.
    Square square_backward |x| x + x;
    /// Saved: the input. The slope at 0 is 0.
    Abs abs_backward |x| if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x * 0.0 };
    /// Saved: the input; the slope is `2 / sqrt(pi) e^(-x^2)`.
    Erf erf_backward |x| std::f32::consts::FRAC_2_SQRT_PI * math::exp::<A>(-x * x);
    /// Saved: the input.
    Softplus softplus_backward |x| math::sigmoid::<A>(x);
}

/// `dx = dy f'`, with the slope from what `op` says is saved.
///
/// # Panics
/// When the lengths differ.
pub fn backward(pool: &Pool, op: Backward, saved: &[f32], dy: &[f32], dx: &mut [f32]) {
    assert!(saved.len() == dx.len() && dy.len() == dx.len(), "backward {op:?}: lengths differ");
    pool.parts(dx, BLOCK, |block, dx| {
        let from = block * BLOCK;
        backward_block(op, &saved[from..][..dx.len()], &dy[from..][..dx.len()], dx);
    });
}

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

    fn numbers(seed: usize, len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 400.0 - 2.5).collect()
    }

    /// Runs `body` on every set, then at 1, 2 and 3 threads, whose bits must agree.
    fn everywhere(len: usize, body: impl Fn(&Pool, &mut [f32]), check: impl Fn(&[f32])) {
        let run = |pool: &Pool| {
            let mut y = vec![f32::NAN; len];
            body(pool, &mut y);
            y
        };
        for isa in Isa::available() {
            check(&with_isa(isa, || run(&Pool::serial())));
        }
        let bits = |threads| run(&Pool::new(threads)).iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
        assert!(bits(1) == bits(2) && bits(1) == bits(3), "threads change the bits");
    }

    /// Winitzki's approximation: enough to tell functions apart; `math` holds the error.
    fn erf(x: f64) -> f64 {
        let s = x * x;
        x.signum() * (1.0 - (-s * (1.273_239_5 + 0.147 * s) / (1.0 + 0.147 * s)).exp()).sqrt()
    }

    fn unary_exact(op: Unary, x: f64) -> f64 {
        let inner = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
        match op {
            Unary::Negate => -x,
            Unary::Exp => x.exp(),
            Unary::Expm1 => x.exp_m1(),
            Unary::Log => x.ln(),
            Unary::Log1p => x.ln_1p(),
            Unary::Softplus => x.exp().ln_1p(),
            Unary::Sin => x.sin(),
            Unary::Cos => x.cos(),
            Unary::Tanh => x.tanh(),
            Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Unary::Erf => erf(x),
            Unary::Relu => x.max(0.0),
            Unary::Gelu => 0.5 * x * (1.0 + inner(x).tanh()),
            Unary::GeluExact => 0.5 * x * (1.0 + erf(x / 2.0f64.sqrt())),
            Unary::Silu => x / (1.0 + (-x).exp()),
            Unary::Sqrt => x.sqrt(),
            Unary::Square => x * x,
            Unary::Reciprocal => 1.0 / x,
            Unary::Abs => x.abs(),
            Unary::Sign => f64::from(u8::from(x > 0.0)) - f64::from(u8::from(x < 0.0)),
            Unary::Step => f64::from(u8::from(x > 0.0)),
        }
    }

    #[test]
    fn every_unary_agrees_with_f64() {
        let x = numbers(1, 2 * BLOCK + 37);
        for &op in Unary::ALL {
            let tolerance = if matches!(op, Unary::Erf | Unary::GeluExact) { 4e-4 } else { 2e-6 };
            everywhere(
                x.len(),
                |pool, y| unary(pool, op, &x, y),
                |y| {
                    for (&y, &x) in y.iter().zip(&x) {
                        let want = unary_exact(op, f64::from(x));
                        let error = (f64::from(y) - want).abs() / want.abs().max(1.0);
                        let same = f64::from(y) == want || (want.is_nan() && y.is_nan());
                        assert!(error < tolerance || same, "{op:?}({x}) = {y}, wanted {want}");
                    }
                },
            );
        }
        everywhere(
            x.len(),
            |pool, y| scale_shift(pool, 3.0, -0.5, &x, y),
            |y| {
                assert!(y.iter().zip(&x).all(|(y, x)| (y - (3.0 * x - 0.5)).abs() < 2e-6));
            },
        );
    }

    #[test]
    fn every_backward_is_the_slope_times_the_gradient() {
        let (x, dy) = (numbers(2, BLOCK + 5), numbers(3, BLOCK + 5));
        for &op in Backward::ALL {
            let (forward, from_output) = match op {
                Backward::Gelu => (Unary::Gelu, false),
                Backward::Silu => (Unary::Silu, false),
                Backward::Relu => (Unary::Relu, false),
                Backward::Tanh => (Unary::Tanh, true),
                Backward::Sigmoid => (Unary::Sigmoid, true),
                Backward::Abs => (Unary::Abs, false),
                Backward::Erf => (Unary::Erf, false),
                Backward::GeluExact => (Unary::GeluExact, false),
                Backward::Reciprocal => (Unary::Reciprocal, true),
                Backward::Softplus => (Unary::Softplus, false),
                Backward::Square => (Unary::Square, false),
            };
            // Where the plain function is an approximation, its slope is one too.
            let tolerance = if matches!(forward, Unary::Erf | Unary::GeluExact) { 3e-3 } else { 2e-6 };
            let exact = |x: f32| unary_exact(forward, f64::from(x));
            let saved: Vec<f32> = if from_output { x.iter().map(|&x| exact(x) as f32).collect() } else { x.clone() };
            everywhere(
                x.len(),
                |pool, dx| backward(pool, op, &saved, &dy, dx),
                |dx| {
                    for ((&dx, &x), &dy) in dx.iter().zip(&x).zip(&dy).filter(|((_, x), _)| x.abs() > 1e-3) {
                        let h = 1e-6;
                        let slope = |x: f64| unary_exact(forward, x);
                        let want = f64::from(dy) * (slope(f64::from(x) + h) - slope(f64::from(x) - h)) / (2.0 * h);
                        assert!(
                            (f64::from(dx) - want).abs() < tolerance * want.abs().max(1.0),
                            "{op:?} at {x}: {dx}, wanted {want}"
                        );
                    }
                },
            );
        }
    }

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
