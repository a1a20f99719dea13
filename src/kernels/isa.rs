//! Instruction sets: kernels are written once and compiled for each; the CPU chooses at start.

use std::cell::Cell;
use std::sync::OnceLock;

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512 F, VL, DQ, BW with FMA.
    Avx512,
    /// AVX2 with FMA.
    Avx2,
    /// 64-bit ARM, whose base set has vectors and fused multiply-add.
    Neon,
    /// Nothing beyond the base set of the target.
    Plain,
}

impl Isa {
    /// The word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2+fma",
            Isa::Neon => "neon",
            Isa::Plain => "plain",
        }
    }

    /// Every set that this CPU has, best first; [`Isa::Plain`] is always the last.
    pub fn available() -> Vec<Isa> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let fma = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            sets.extend((fma && wide).then_some(Isa::Avx512));
            sets.extend(fma.then_some(Isa::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        sets.push(Isa::Neon);
        sets.push(Isa::Plain);
        sets
    }
}

static BEST: OnceLock<Isa> = OnceLock::new();

thread_local! {
    static FORCED: Cell<Option<Isa>> = const { Cell::new(None) };
}

/// The set in use on this thread: the best of this CPU.
#[inline]
pub fn isa() -> Isa {
    match FORCED.get() {
        Some(isa) => isa,
        None => *BEST.get_or_init(|| Isa::available()[0]),
    }
}

/// Runs `body` with another set on this thread; for tests and measurements. Sets that the CPU
/// lacks are refused by falling back to the best.
pub fn with_isa<R>(isa: Isa, body: impl FnOnce() -> R) -> R {
    let before = FORCED.replace(Isa::available().contains(&isa).then_some(isa));
    let result = body();
    FORCED.set(before);
    result
}

/// How a kernel multiplies and adds: fused where the set has it.
pub trait Arithmetic {
    /// `a * b + c`.
    fn mul_add(a: f32, b: f32, c: f32) -> f32;
}

/// One rounding.
pub struct Fused;

/// Two roundings: a fused product without the instruction would be a slow call.
pub struct Separate;

impl Arithmetic for Fused {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}

impl Arithmetic for Separate {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
}

/// Compiles one plain Rust body for every instruction set and dispatches to the one in use.
///
/// `kernel! { /// doc
///   pub fn name<A>(x: &[f32], y: &mut [f32]) { ... A::mul_add(..) ... } }`
/// where `A: Arithmetic` is bound by the macro. The body is plain loops that LLVM vectorises; sums
/// must keep their partial results in arrays of fixed length, so that the order is written down.
macro_rules! kernel {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$A:ident>($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $type),*) $(-> $ret)? {
            #[inline(always)]
            // Kernels without a product have no use for A.
            #[allow(clippy::too_many_arguments, clippy::extra_unused_type_parameters)]
            fn body<$A: $crate::kernels::isa::Arithmetic>($($arg: $type),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($arg: $type),*) $(-> $ret)? { body::<$crate::kernels::isa::Fused>($($arg),*) }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($arg: $type),*) $(-> $ret)? { body::<$crate::kernels::isa::Fused>($($arg),*) }

            match $crate::kernels::isa::isa() {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `isa` only returns sets that this CPU was found to have.
                #[allow(unsafe_code)]
                $crate::kernels::isa::Isa::Avx512 => unsafe { avx512($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                #[allow(unsafe_code)]
                $crate::kernels::isa::Isa::Avx2 => unsafe { avx2($($arg),*) },
                $crate::kernels::isa::Isa::Neon => body::<$crate::kernels::isa::Fused>($($arg),*),
                _ => body::<$crate::kernels::isa::Separate>($($arg),*),
            }
        }
    };
}
pub(crate) use kernel;

#[cfg(test)]
mod tests {
    use super::*;

    kernel! {
        /// y += a x.
        fn axpy<A>(a: f32, x: &[f32], y: &mut [f32]) {
            for (y, x) in y.iter_mut().zip(x) {
                *y = A::mul_add(a, *x, *y);
            }
        }
    }

    #[test]
    fn every_set_of_this_cpu_computes_the_same_thing() {
        for isa in Isa::available() {
            let x: Vec<f32> = (0..37).map(|i| i as f32).collect();
            let mut y = vec![1.0; 37];
            with_isa(isa, || axpy(2.0, &x, &mut y));
            assert!(y.iter().zip(&x).all(|(y, x)| *y == 1.0 + 2.0 * x), "{}", isa.name());
        }
    }
}
