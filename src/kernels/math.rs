//! Elementary functions as branch-free polynomials, which LLVM vectorises inside kernels.
//!
//! No call to a library and no branch: special cases are selections. NaN stays NaN. Errors are
//! measured against f64 on dense grids (the tests hold them) on every instruction set. Functions
//! may differ in the last bits between sets with and without fused multiply-add, never within one.

use super::isa::Arithmetic;

/// Adding and subtracting it rounds an f32 below 2^22 to the nearest whole number.
const ROUND: f32 = 12_582_912.0;

/// `max(low, min(high, x))` that keeps NaN.
#[inline(always)]
fn clamp(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// Horner's rule, highest power first.
#[inline(always)]
fn polynomial<A: Arithmetic, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[0];
    for &c in &coefficients[1..] {
        sum = A::mul_add(sum, x, c);
    }
    sum
}

/// `(e^r - 1 - r) / r^2` on `|r| < ln 2 / 2`, highest power first (Cephes).
const EXP_TAIL: [f32; 6] = [1.987_569_2e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];

/// `e^x` within 2 ulp (below the smallest normal number: within one subnormal step). Overflows to
/// infinity above 88.73 and underflows to 0 below -104.
///
/// Cody and Waite's reduction `x = n ln 2 + r` and the Cephes polynomial for `e^r`.
#[inline(always)]
pub fn exp<A: Arithmetic>(x: f32) -> f32 {
    let x = clamp(x, -105.0, 89.0);
    let shifted = A::mul_add(x, std::f32::consts::LOG2_E, ROUND);
    let whole = shifted - ROUND;
    let r = A::mul_add(whole, -0.693_359_4, x);
    let r = A::mul_add(whole, 2.121_944_4e-4, r);
    let tail = polynomial::<A, 6>(r, EXP_TAIL);
    let value = A::mul_add(tail, r * r, r) + 1.0;
    // 2^n in two factors: n runs from -151 to 128, more than one exponent field holds.
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = n >> 1;
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
    value * power(half) * power(n.wrapping_sub(half))
}

/// The natural logarithm within 2 ulp, subnormal numbers included; `-inf` at 0, NaN below.
///
/// The Cephes polynomial on `[sqrt(1/2), sqrt(2))`.
#[inline(always)]
pub fn log<A: Arithmetic>(x: f32) -> f32 {
    const COEFFICIENTS: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    let small = x < f32::MIN_POSITIVE;
    let scaled = if small { x * 16_777_216.0 } else { x };
    let offset = if small { -24.0 } else { 0.0 };
    // Subtracting sqrt(1/2)'s bits leaves in the exponent field the power that brings the
    // mantissa into the polynomial's range.
    let bits = (scaled.to_bits() as i32).wrapping_sub(std::f32::consts::FRAC_1_SQRT_2.to_bits() as i32);
    let exponent = bits >> 23;
    let mantissa = f32::from_bits((scaled.to_bits() as i32).wrapping_sub(exponent << 23) as u32);
    let n = exponent as f32 + offset;
    let r = mantissa - 1.0;
    let square = r * r;
    let tail = polynomial::<A, 9>(r, COEFFICIENTS) * square * r;
    let tail = A::mul_add(n, -2.121_944_4e-4, tail);
    let tail = A::mul_add(square, -0.5, tail);
    let value = A::mul_add(n, 0.693_359_4, r + tail);
    let value = if x == f32::INFINITY { x } else { value };
    let value = if x == 0.0 { f32::NEG_INFINITY } else { value };
    // Negated so that NaN takes it too.
    #[allow(clippy::neg_cmp_op_on_partial_ord)]
    let invalid = !(x >= 0.0);
    if invalid { f32::NAN } else { value }
}

/// The hyperbolic tangent: relative error below 5e-7, within `[-1, 1]`, and exactly ±1 beyond 9.
///
/// The rational minimax approximation of Eigen (13th over 6th degree).
#[inline(always)]
pub fn tanh<A: Arithmetic>(x: f32) -> f32 {
    const ABOVE: [f32; 7] = [
        -2.760_768_5e-16,
        2.000_188e-13,
        -8.604_672e-11,
        5.122_297_3e-8,
        1.485_722_4e-5,
        6.372_619_4e-4,
        4.893_524_6e-3,
    ];
    const BELOW: [f32; 4] = [1.198_258_4e-6, 1.185_347e-4, 2.268_434_6e-3, 4.893_525e-3];
    let inner = clamp(x, -7.905_311, 7.905_311);
    let square = inner * inner;
    let above = inner * polynomial::<A, 7>(square, ABOVE);
    let value = clamp(above / polynomial::<A, 4>(square, BELOW), -1.0, 1.0);
    let value = if x > 9.0 { 1.0 } else { value };
    if x < -9.0 { -1.0 } else { value }
}

/// `1 / (1 + e^-x)` with a relative error below 4e-7 down to -88; exactly 0 below -88.73.
#[inline(always)]
pub fn sigmoid<A: Arithmetic>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<A>(-x))
}

/// The sigmoid `s` and `s (1 - s)`, without the cancellation in `1 - s`.
#[inline(always)]
fn logistic<A: Arithmetic>(x: f32) -> (f32, f32) {
    let e = exp::<A>(-x.abs());
    let large = 1.0 / (1.0 + e);
    let small = e * large;
    (if x < 0.0 { small } else { large }, small * large)
}

/// The error function: absolute error below 5e-7, and exactly ±1 beyond 4.
///
/// The rational minimax approximation of Eigen and XLA (13th over 8th degree) on `[-4, 4]`.
#[inline(always)]
pub fn erf<A: Arithmetic>(x: f32) -> f32 {
    const ABOVE: [f32; 7] =
        [-2.726_142e-10, 2.770_681_4e-8, -2.101_024e-6, -5.692_506_6e-5, -7.349_906_3e-4, -2.954_6e-3, -1.609_603_4e-2];
    const BELOW: [f32; 5] = [-1.456_607_2e-5, -2.133_740_5e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2];
    let inner = clamp(x, -4.0, 4.0);
    let square = inner * inner;
    let above = inner * polynomial::<A, 7>(square, ABOVE);
    let value = clamp(above / polynomial::<A, 5>(square, BELOW), -1.0, 1.0);
    let value = if x > 4.0 { 1.0 } else { value };
    if x < -4.0 { -1.0 } else { value }
}

const GELU_INNER: f32 = 0.797_884_6;
const GELU_CUBE: f32 = 0.044_715;

/// `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))` (Hendrycks and Gimpel 2016), computed as
/// `x sigmoid(2 ..)`, which loses nothing to cancellation for negative `x`: relative error below
/// 1.2e-5 where the result is above 1e-30. 0 at minus infinity.
#[inline(always)]
pub fn gelu<A: Arithmetic>(x: f32) -> f32 {
    let x = if x < -20.0 { -20.0 } else { x };
    let scale = A::mul_add(x * x, 2.0 * GELU_INNER * GELU_CUBE, 2.0 * GELU_INNER);
    x * sigmoid::<A>(x * scale)
}

/// The derivative of [`gelu`]: absolute error below 5e-7.
#[inline(always)]
pub fn gelu_gradient<A: Arithmetic>(x: f32) -> f32 {
    let x = clamp(x, -20.0, 20.0);
    let square = x * x;
    let (s, product) = logistic::<A>(x * A::mul_add(square, 2.0 * GELU_INNER * GELU_CUBE, 2.0 * GELU_INNER));
    let slope = A::mul_add(square, 6.0 * GELU_INNER * GELU_CUBE, 2.0 * GELU_INNER);
    A::mul_add(x * slope, product, s)
}

/// `x sigmoid(x)`: relative error below 5e-7 down to -88; 0 at minus infinity.
#[inline(always)]
pub fn silu<A: Arithmetic>(x: f32) -> f32 {
    let x = if x < -200.0 { -200.0 } else { x };
    x * sigmoid::<A>(x)
}

/// The derivative of [`silu`]: absolute error below 5e-7.
#[inline(always)]
pub fn silu_gradient<A: Arithmetic>(x: f32) -> f32 {
    let x = clamp(x, -200.0, 200.0);
    let (s, product) = logistic::<A>(x);
    A::mul_add(x, product, s)
}

/// `ln(1 + x)` within 4 ulp, near 0 too; `-inf` at -1, NaN below.
///
/// What rounding `1 + x` lost is made good by the factor `x / ((1 + x) - 1)` (Kahan).
#[inline(always)]
pub fn log1p<A: Arithmetic>(x: f32) -> f32 {
    let sum = 1.0 + x;
    let kept = sum - 1.0;
    let value = log::<A>(sum);
    // Beyond 2^24 nothing was lost, and at infinity the factor is no number.
    let factor = if x.abs() < 16_777_216.0 { x / kept } else { 1.0 };
    if kept == 0.0 { x } else { value * factor }
}

/// `e^x - 1` within 6 ulp, near 0 too; -1 at minus infinity.
#[inline(always)]
pub fn expm1<A: Arithmetic>(x: f32) -> f32 {
    let near = clamp(x, -0.35, 0.35);
    let tail = polynomial::<A, 6>(near, EXP_TAIL);
    let small = A::mul_add(tail, near * near, near);
    if x.abs() < 0.35 { small } else { exp::<A>(x) - 1.0 }
}

/// `ln(1 + e^x)` within 6 ulp down to -87; 0 at minus infinity.
#[inline(always)]
pub fn softplus<A: Arithmetic>(x: f32) -> f32 {
    let above = if x < 0.0 { 0.0 } else { x };
    above + log1p::<A>(exp::<A>(-x.abs()))
}

/// The remainder of `x` after whole quarter turns, in `[-pi/4, pi/4]`, and their number modulo 4.
/// In f64, so that the remainder of every f32 up to 2^30 is right to 1e-7.
#[inline(always)]
fn quarter_turns(x: f32) -> (f32, u32) {
    // Adding and subtracting it rounds an f64 below 2^51 to the nearest whole number.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const NEAR: f64 = 1.570_796_326_734_125_6; // pi / 2 to 33 bits: products with a count are exact
    const REST: f64 = 6.077_100_506_506_192e-11;
    let wide = f64::from(x);
    let shifted = wide * std::f64::consts::FRAC_2_PI + ROUND;
    let count = shifted - ROUND;
    let rest = (wide - count * NEAR) - count * REST;
    (rest as f32, shifted.to_bits() as u32 & 3)
}

/// The sine and the cosine of a remainder, by the Cephes polynomials.
#[inline(always)]
fn sine_and_cosine<A: Arithmetic>(rest: f32) -> (f32, f32) {
    let square = rest * rest;
    let sine = polynomial::<A, 3>(square, [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1]);
    let cosine = polynomial::<A, 3>(square, [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2]);
    (A::mul_add(sine * square, rest, rest), A::mul_add(cosine * square, square, A::mul_add(square, -0.5, 1.0)))
}

/// The sine of a number of quarter turns more than `x`.
#[inline(always)]
fn sine_after<A: Arithmetic>(x: f32, turns: u32) -> f32 {
    let (rest, count) = quarter_turns(x);
    let (sine, cosine) = sine_and_cosine::<A>(rest);
    let quarter = count.wrapping_add(turns);
    let value = if quarter & 1 == 0 { sine } else { cosine };
    let value = if quarter & 2 == 0 { value } else { -value };
    // There the numbers lie 64 apart: no phase is left.
    if x.abs() > 1_073_741_824.0 { f32::NAN } else { value }
}

/// The sine: absolute error below 2e-7 up to 2^30; NaN beyond.
#[inline(always)]
pub fn sin<A: Arithmetic>(x: f32) -> f32 {
    sine_after::<A>(x, 0)
}

/// The cosine: absolute error below 2e-7 up to 2^30; NaN beyond.
#[inline(always)]
pub fn cos<A: Arithmetic>(x: f32) -> f32 {
    sine_after::<A>(x, 1)
}

/// `x Phi(x)` with the normal distribution function `Phi`: error below 3e-6, relative above 1.
#[inline(always)]
pub fn gelu_exact<A: Arithmetic>(x: f32) -> f32 {
    let x = if x < -20.0 { -20.0 } else { x };
    x * A::mul_add(erf::<A>(x * std::f32::consts::FRAC_1_SQRT_2), 0.5, 0.5)
}

/// The derivative of [`gelu_exact`], `Phi(x) + x phi(x)`: absolute error below 5e-7.
#[inline(always)]
pub fn gelu_exact_gradient<A: Arithmetic>(x: f32) -> f32 {
    const DENSITY: f32 = 0.398_942_3; // 1 / sqrt(2 pi)
    let x = clamp(x, -20.0, 20.0);
    let below = A::mul_add(erf::<A>(x * std::f32::consts::FRAC_1_SQRT_2), 0.5, 0.5);
    A::mul_add(x * DENSITY, exp::<A>(x * x * -0.5), below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::isa::{Isa, kernel, with_isa};

    /// Kernels that apply one function to a slice.
    macro_rules! mapped {
        ($($kernel:ident = $function:ident),*) => { $(
            kernel! {
                fn $kernel<A>(x: &[f32], y: &mut [f32]) {
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = $function::<A>(*x);
                    }
                }
            }
        )* };
    }
    mapped!(
        exps = exp,
        logs = log,
        tanhs = tanh,
        sigmoids = sigmoid,
        erfs = erf,
        gelus = gelu,
        gelu_gradients = gelu_gradient,
        silus = silu,
        silu_gradients = silu_gradient,
        log1ps = log1p,
        expm1s = expm1,
        softpluses = softplus,
        sines = sin,
        cosines = cos,
        gelus_exact = gelu_exact,
        gelu_exact_gradients = gelu_exact_gradient
    );

    type Map = fn(&[f32], &mut [f32]);

    fn run(map: Map, x: &[f32]) -> Vec<f32> {
        let mut y = vec![7.0; x.len()];
        map(x, &mut y);
        y
    }

    fn grid(low: f32, high: f32) -> Vec<f32> {
        const POINTS: usize = 100_003;
        (0..POINTS).map(|i| low + (high - low) * (i as f32 / (POINTS - 1) as f32)).collect()
    }

    /// The largest `error(got, x)` on the grid, over every set of this CPU.
    fn worst(map: Map, x: &[f32], error: impl Fn(f64, f64) -> f64) -> f64 {
        let mut worst = 0.0f64;
        for isa in Isa::available() {
            let y = with_isa(isa, || run(map, x));
            for (y, x) in y.iter().zip(x) {
                let e = error(f64::from(*y), f64::from(*x));
                assert!(!e.is_nan(), "{}: NaN at {x}", isa.name());
                worst = worst.max(e);
            }
        }
        worst
    }

    fn ulps(got: f64, want: f64) -> f64 {
        let w = (want as f32).abs();
        let step = f64::from(f32::from_bits(w.to_bits() + 1)) - f64::from(w);
        (got - want).abs() / step
    }

    fn relative(got: f64, want: f64) -> f64 {
        if want == got { 0.0 } else { (got - want).abs() / want.abs() }
    }

    /// Fails, naming the figure, when the error is above the bound that the docs state.
    fn hold(name: &str, error: f64, bound: f64) {
        println!("{name}: {error:.3e} (bound {bound:.0e})");
        assert!(error <= bound, "{name}: {error:e} is above {bound:e}");
    }

    #[test]
    fn exp_and_log_hold_their_ulps() {
        hold("exp", worst(exps, &grid(-87.3, 88.7), |y, x| ulps(y, x.exp())), 2.0);
        hold("exp near 0", worst(exps, &grid(-1.0, 1.0), |y, x| ulps(y, x.exp())), 2.0);
        hold("exp subnormal", worst(exps, &grid(-110.0, -87.3), |y, x| ulps(y, x.exp())), 1.01);
        hold("log", worst(logs, &grid(1e-3, 4.0), |y, x| ulps(y, x.ln())), 2.0);
        let wide: Vec<f32> = (1..0x7f80_0000u32).step_by(20_011).map(f32::from_bits).collect();
        hold("log of every size", worst(logs, &wide, |y, x| ulps(y, x.ln())), 2.0);
    }

    #[test]
    fn sigmoids_hold_their_errors() {
        let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
        hold("tanh", worst(tanhs, &grid(-12.0, 12.0), |y, x| relative(y, x.tanh())), 5e-7);
        hold("tanh near 0", worst(tanhs, &grid(-1e-3, 1e-3), |y, x| relative(y, x.tanh())), 5e-7);
        hold("sigmoid", worst(sigmoids, &grid(-88.0, 88.0), |y, x| relative(y, sigma(x))), 4e-7);
        hold("silu", worst(silus, &grid(-88.0, 88.0), |y, x| relative(y, x * sigma(x))), 5e-7);
        let slope = |x: f64| sigma(x) * (1.0 + x * (1.0 - sigma(x)));
        hold("silu'", worst(silu_gradients, &grid(-90.0, 90.0), |y, x| (y - slope(x)).abs()), 5e-7);
    }

    fn gelu_in_f64(x: f64) -> f64 {
        x / (1.0 + (-2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)).exp())
    }

    #[test]
    fn gelu_and_its_derivative_hold_their_errors() {
        let size = |y: f64, x: f64| if gelu_in_f64(x).abs() < 1e-30 { 0.0 } else { relative(y, gelu_in_f64(x)) };
        hold("gelu", worst(gelus, &grid(-9.0, 9.0), size), 1.2e-5);
        let slope = |x: f64| (gelu_in_f64(x + 1e-5) - gelu_in_f64(x - 1e-5)) / 2e-5;
        hold("gelu'", worst(gelu_gradients, &grid(-19.0, 19.0), |y, x| (y - slope(x)).abs()), 5e-7);
    }

    /// The error function by its series.
    fn erf_exact(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..160 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn erf_agrees_with_its_series() {
        hold("erf", worst(erfs, &grid(-4.0, 4.0), |y, x| (y - erf_exact(x)).abs()), 5e-7);
        // Beyond 5 the series cancels and the distribution is a step to 1e-6.
        let below =
            |x: f64| if x.abs() > 5.0 { f64::from(u8::from(x > 0.0)) } else { 0.5 + 0.5 * erf_exact(x / 2f64.sqrt()) };
        let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let all = grid(-10.0, 10.0);
        let relative = |got: f64, want: f64| (got - want).abs() / want.abs().max(1.0);
        hold("gelu_exact", worst(gelus_exact, &all, |y, x| relative(y, x * below(x))), 3e-6);
        let slope = |x: f64| below(x) + x * density(x);
        hold("gelu_exact'", worst(gelu_exact_gradients, &all, |y, x| (y - slope(x)).abs()), 5e-7);
    }

    #[test]
    fn functions_near_one_and_zero_hold_their_ulps() {
        let tiny: Vec<f32> = (1..0x3f80_0000u32).step_by(20_011).map(f32::from_bits).collect();
        let mirrored: Vec<f32> = tiny.iter().map(|x| -x).collect();
        for (name, x) in [("of every size", &tiny), ("mirrored", &mirrored)] {
            hold(&format!("log1p {name}"), worst(log1ps, x, |y, x| ulps(y, x.ln_1p())), 4.0);
            hold(&format!("expm1 {name}"), worst(expm1s, x, |y, x| ulps(y, x.exp_m1())), 6.0);
        }
        hold("log1p", worst(log1ps, &grid(-0.999, 50.0), |y, x| ulps(y, x.ln_1p())), 4.0);
        hold("expm1", worst(expm1s, &grid(-20.0, 80.0), |y, x| ulps(y, x.exp_m1())), 6.0);
        let exact = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        hold("softplus", worst(softpluses, &grid(-87.0, 87.0), |y, x| ulps(y, exact(x))), 6.0);
    }

    #[test]
    fn sines_hold_their_error_up_to_large_angles() {
        for reach in [4.0, 1e3, 1e6, 1.07e9] {
            let x = grid(-reach, reach);
            hold(&format!("sin to {reach}"), worst(sines, &x, |y, x| (y - x.sin()).abs()), 2e-7);
            hold(&format!("cos to {reach}"), worst(cosines, &x, |y, x| (y - x.cos()).abs()), 2e-7);
        }
        for isa in Isa::available() {
            let ends = [0.0, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
            for (map, zero) in [(sines as Map, 0.0), (cosines as Map, 1.0)] {
                let got = with_isa(isa, || run(map, &ends));
                assert!(got[0] == zero && got[1..].iter().all(|y| y.is_nan()), "{}: {got:?}", isa.name());
            }
        }
    }

    #[test]
    fn the_ends_of_the_line_are_right_on_every_set() {
        let ends = [f32::NEG_INFINITY, f32::MIN, -1e3, 0.0, 1e3, f32::MAX, f32::INFINITY, f32::NAN];
        let inf = f32::INFINITY;
        let nan = f32::NAN;
        let table: [(Map, [f32; 8]); 14] = [
            (exps, [0.0, 0.0, 0.0, 1.0, inf, inf, inf, nan]),
            (logs, [nan, nan, nan, -inf, 6.907_755_4, 88.722_84, inf, nan]),
            (tanhs, [-1.0, -1.0, -1.0, 0.0, 1.0, 1.0, 1.0, nan]),
            (sigmoids, [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, nan]),
            (erfs, [-1.0, -1.0, -1.0, 0.0, 1.0, 1.0, 1.0, nan]),
            (gelus, [0.0, 0.0, 0.0, 0.0, 1e3, f32::MAX, inf, nan]),
            (gelu_gradients, [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, nan]),
            (silus, [0.0, 0.0, 0.0, 0.0, 1e3, f32::MAX, inf, nan]),
            (silu_gradients, [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, nan]),
            (log1ps, [nan, nan, nan, 0.0, 6.908_755, 88.722_84, inf, nan]),
            (expm1s, [-1.0, -1.0, -1.0, 0.0, inf, inf, inf, nan]),
            (softpluses, [0.0, 0.0, 0.0, std::f32::consts::LN_2, 1e3, f32::MAX, inf, nan]),
            (gelus_exact, [0.0, 0.0, 0.0, 0.0, 1e3, f32::MAX, inf, nan]),
            (gelu_exact_gradients, [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, nan]),
        ];
        for isa in Isa::available() {
            for (function, (map, want)) in table.iter().enumerate() {
                let got = with_isa(isa, || run(*map, &ends));
                for ((got, want), x) in got.iter().zip(want).zip(ends) {
                    let same = (got.is_nan() && want.is_nan()) || got == want;
                    assert!(same, "{} function {function} at {x}: {got}, wanted {want}", isa.name());
                }
            }
        }
    }
}
