//! Elementwise functions of one array, and their slopes.
//!
//! Arrays are split over the threads in fixed blocks of [`BLOCK`] elements.

use super::isa::kernel;
use super::math;
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::kernels::isa::{Isa, with_isa};

    pub(in crate::kernels) fn numbers(seed: usize, len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 400.0 - 2.5).collect()
    }

    /// Runs `body` on every set, then at 1, 2 and 3 threads, whose bits must agree.
    pub(in crate::kernels) fn everywhere(len: usize, body: impl Fn(&Pool, &mut [f32]), check: impl Fn(&[f32])) {
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
}
