//! Elementwise functions with constants, and their slopes.

use super::isa::kernel;
use super::lanes::{LANES, load, store};
use super::map::BLOCK;
use super::math;
use crate::base::threads::Pool;

macro_rules! curves {
    ($($(#[$doc:meta])* $op:ident $value:ident $slope:ident |$x:ident, $a:ident, $b:ident| $y:expr, $dy:expr;)*) => {
        /// A function of one element with up to two constants `a` and `b`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Curve { $($(#[$doc])* $op),* }

        impl Curve {
            /// All of them.
            pub const ALL: &[Curve] = &[$(Curve::$op),*];
        }

        $(
            kernel! {
                fn $value<A>(constants: [f32; 2], x: &[f32], y: &mut [f32]) {
                    let [$a, $b] = constants;
                    for (y, &$x) in y.iter_mut().zip(x) {
                        *y = $y;
                    }
                }
            }
            kernel! {
                fn $slope<A>(constants: [f32; 2], x: &[f32], dy: &[f32], dx: &mut [f32]) {
                    let [$a, $b] = constants;
                    for ((dx, &dy), &$x) in dx.iter_mut().zip(dy).zip(x) {
                        *dx = dy * $dy;
                    }
                }
            }
        )*

        fn value_block(op: Curve, constants: [f32; 2], x: &[f32], y: &mut [f32]) {
            match op { $(Curve::$op => $value(constants, x, y)),* }
        }

        fn slope_block(op: Curve, constants: [f32; 2], x: &[f32], dy: &[f32], dx: &mut [f32]) {
            match op { $(Curve::$op => $slope(constants, x, dy, dx)),* }
        }
    };
}

curves! {
    /// `x` brought into `a..=b`; the slope is 1 on all of it. NaN stays NaN.
    Clamp clamp clamp_slope |x, a, b|
        if x < a { a } else if x > b { b } else { x },
        if x < a || x > b { 0.0 } else { 1.0 };
    /// `x` above 0, else `a (e^x - 1)`.
    Elu elu elu_slope |x, a, _b|
        if x > 0.0 { x } else { a * math::expm1::<A>(x) },
        if x > 0.0 { 1.0 } else { a * math::exp::<A>(x) };
    /// `x` where its magnitude is above `a`, else 0.
    HardThreshold hard_threshold hard_threshold_slope |x, a, _b|
        if x.abs() <= a { 0.0 } else { x },
        if x.abs() <= a { 0.0 } else { 1.0 };
    /// `x^2 / 2` where the magnitude is at most `a`, else `a (|x| - a / 2)`.
    Huber huber huber_slope |x, a, _b|
        if x.abs() <= a { 0.5 * x * x } else { a * (x.abs() - 0.5 * a) },
        if x < -a { -a } else if x > a { a } else { x };
    /// `x` above 0, else `a x`; the slope at 0 is `a`.
    LeakyRelu leaky_relu leaky_relu_slope |x, a, _b|
        if x > 0.0 { x } else { a * x },
        if x > 0.0 { 1.0 } else { a };
    /// `x` brought `a` nearer to 0, and 0 where its magnitude is at most `a`.
    SoftThreshold soft_threshold soft_threshold_slope |x, a, _b|
        if x > a { x - a } else if x < -a { x + a } else { x * 0.0 },
        if x.abs() <= a { 0.0 } else { 1.0 };
}

/// `y = op(x)`, element by element.
///
/// # Panics
/// When the lengths differ.
pub fn curve(pool: &Pool, op: Curve, constants: [f32; 2], x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "curve {op:?}: lengths differ");
    pool.parts(y, BLOCK, |block, y| value_block(op, constants, &x[block * BLOCK..][..y.len()], y));
}

/// `dx = dy op'(x)`, element by element.
///
/// # Panics
/// When the lengths differ.
pub fn curve_backward(pool: &Pool, op: Curve, constants: [f32; 2], x: &[f32], dy: &[f32], dx: &mut [f32]) {
    assert!(x.len() == dx.len() && dy.len() == dx.len(), "curve_backward {op:?}: lengths differ");
    pool.parts(dx, BLOCK, |block, dx| {
        let from = block * BLOCK;
        slope_block(op, constants, &x[from..][..dx.len()], &dy[from..][..dx.len()], dx);
    });
}

/// The largest whole exponent that is a chain of products.
const CHAIN: f32 = 64.0;

kernel! {
    /// `y = x^n` by squaring.
    fn power_chain<A>(n: i32, x: &[f32], y: &mut [f32]) {
        for (x, y) in x.chunks(LANES).zip(y.chunks_mut(LANES)) {
            let (mut base, mut product) = (load::<LANES>(x, 1.0), [1.0f32; LANES]);
            let mut rest = n.unsigned_abs();
            while rest > 0 {
                for (product, base) in product.iter_mut().zip(&mut base) {
                    *product *= if rest & 1 == 1 { *base } else { 1.0 };
                    *base *= *base;
                }
                rest >>= 1;
            }
            if n < 0 {
                product.iter_mut().for_each(|product| *product = 1.0 / *product);
            }
            store(&product, y);
        }
    }
}

kernel! {
    /// `y = e^(p ln x)`; of negative numbers only whole powers exist.
    fn power_by_log<A>(p: f32, whole: bool, odd: bool, x: &[f32], y: &mut [f32]) {
        for (y, &x) in y.iter_mut().zip(x) {
            let size = math::exp::<A>(p * math::log::<A>(if whole { x.abs() } else { x }));
            *y = if odd && x < 0.0 { -size } else { size };
        }
    }
}

/// `y = x^p`: whole powers up to 64 as products, others with a relative error below
/// `1e-7 (3 + 2 |p ln x|)`; NaN where a negative number has a power that is not whole.
///
/// # Panics
/// When the lengths differ.
pub fn power(pool: &Pool, p: f32, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "power: lengths differ");
    let whole = p.fract() == 0.0;
    pool.parts(y, BLOCK, |block, y| {
        let x = &x[block * BLOCK..][..y.len()];
        if whole && p.abs() <= CHAIN {
            power_chain(p as i32, x, y);
        } else {
            power_by_log(p, whole, whole && p % 2.0 != 0.0, x, y);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_close, assert_same_at_any_threads, noise, on_every_set, wide};

    const CONSTANTS: [f32; 2] = [0.3, 0.6];

    fn exact(op: Curve, x: f64) -> f64 {
        let [a, b] = CONSTANTS.map(f64::from);
        match op {
            Curve::Clamp => x.clamp(a, b),
            Curve::Elu => x.max(0.0) + a * x.min(0.0).exp_m1(),
            Curve::HardThreshold => x * f64::from(u8::from(x.abs() > a)),
            Curve::Huber => {
                let inside = x.abs().min(a);
                inside * (x.abs() - 0.5 * inside)
            }
            Curve::LeakyRelu => x.max(0.0) + a * x.min(0.0),
            Curve::SoftThreshold => x.signum() * (x.abs() - a).max(0.0),
        }
    }

    #[test]
    fn every_curve_and_slope_agree_with_f64() {
        let (x, dy) = (noise(1, BLOCK + 37), noise(2, BLOCK + 37));
        let kinks = [0.0, CONSTANTS[0], -CONSTANTS[0], CONSTANTS[1]];
        for &op in Curve::ALL {
            let want: Vec<f64> = x.iter().map(|&x| exact(op, f64::from(x))).collect();
            on_every_set(|pool| {
                let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
                curve(pool, op, CONSTANTS, &x, &mut y);
                assert_close(&format!("{op:?}"), &y, &want, 1e-6);
                curve_backward(pool, op, CONSTANTS, &x, &dy, &mut dx);
                for ((&dx, &x), &dy) in dx.iter().zip(&x).zip(&dy) {
                    if kinks.iter().any(|kink| (x - kink).abs() < 1e-4) {
                        continue;
                    }
                    let (x, h) = (f64::from(x), 1e-5);
                    let want = f64::from(dy) * (exact(op, x + h) - exact(op, x - h)) / (2.0 * h);
                    assert!((f64::from(dx) - want).abs() < 1e-6, "{op:?} at {x}: {dx}, wanted {want}");
                }
            });
        }
    }

    #[test]
    fn nan_stays_nan() {
        for &op in Curve::ALL {
            on_every_set(|pool| {
                let mut y = [0.0];
                curve(pool, op, CONSTANTS, &[f32::NAN], &mut y);
                assert!(y[0].is_nan(), "{op:?}");
            });
        }
    }

    #[test]
    fn powers_hold_their_error() {
        let x: Vec<f32> = noise(3, 1003).iter().map(|x| 1.05 * x + 1.1).collect();
        for p in [0.0, 1.0, 2.0, 3.0, 7.0, -1.0, -5.0, 64.0, 65.0, -70.0, 0.5, 1.5, -0.75, 2.25, 12.5] {
            on_every_set(|pool| {
                let mut y = vec![f32::NAN; x.len()];
                power(pool, p, &x, &mut y);
                for (&y, x) in y.iter().zip(wide(&x)) {
                    let want = x.powf(f64::from(p));
                    let fits = want.abs() < f64::from(f32::MAX) && want.abs() > f64::from(f32::MIN_POSITIVE);
                    let bound = 1e-7 * (3.0 + 2.0 * (f64::from(p) * x.ln()).abs()).max(0.6 * f64::from(p.abs()));
                    let error = (f64::from(y) - want).abs() / want;
                    assert!(!fits || error < bound, "{x}^{p} = {y}, wanted {want}, error {error:e}");
                }
            });
        }
    }

    #[test]
    fn powers_of_zero_and_negative_numbers_are_those_of_ieee() {
        let inf = f32::INFINITY;
        let table = [(3.0, -2.0, -8.0), (2.0, -3.0, 9.0), (-1.0, -4.0, -0.25), (65.0, -1.0, -1.0), (66.0, -1.0, 1.0)];
        let zeros = [(0.0, 0.0, 1.0), (0.5, 0.0, 0.0), (-0.5, 0.0, inf), (-2.0, 0.0, inf), (2.0, 0.0, 0.0)];
        for (p, x, want) in table.into_iter().chain(zeros) {
            on_every_set(|pool| {
                let mut y = [f32::NAN];
                power(pool, p, &[x], &mut y);
                assert!(y[0] == want, "{x}^{p} = {}, wanted {want}", y[0]);
                power(pool, 0.5, &[-1.0], &mut y);
                assert!(y[0].is_nan());
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        let x = noise(4, 3 * BLOCK + 5);
        assert_same_at_any_threads(|pool| {
            let mut out = vec![vec![0.0; x.len()]; 3];
            curve(pool, Curve::Elu, CONSTANTS, &x, &mut out[0]);
            curve_backward(pool, Curve::Huber, CONSTANTS, &x, &x, &mut out[1]);
            power(pool, 3.0, &x, &mut out[2]);
            out
        });
    }
}
