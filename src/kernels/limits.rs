//! What this machine can do at most, measured in a few milliseconds.

use std::sync::OnceLock;
use std::time::Instant;

use super::gemm::{Batch, Gemm, gemm};
use crate::base::threads::Pool;

/// How often the limit is tried for; the best counts, so that others on the machine do not.
const TRIES: usize = 60;

/// The limit of arithmetic of one core, in billions of floating-point operations a second: fused
/// multiply-adds, counted as two, on data in its first caches. Measured once.
pub fn peak_gflops() -> f64 {
    static PEAK: OnceLock<f64> = OnceLock::new();
    *PEAK.get_or_init(|| {
        // A tile of C against a strip of B that stays in L1, as the innermost loop of every product.
        let (shape, pool) = (Gemm::dense(96, 16, 256), Pool::serial());
        let (a, b, mut c) = (vec![0.5; shape.m * shape.k], vec![0.5; shape.k * shape.n], vec![0.0; shape.m * shape.n]);
        let mut once = || {
            let started = Instant::now();
            gemm(&pool, &shape, &Batch::ONE, &a, &b, &mut c);
            shape.operations() as f64 / started.elapsed().as_secs_f64() / 1e9
        };
        (0..TRIES).map(|_| once()).fold(0.0, f64::max)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_a_rate_and_stays_what_it_is() {
        let peak = peak_gflops();
        assert!(peak.is_finite() && peak > 0.0);
        assert_eq!(peak, peak_gflops());
    }
}
