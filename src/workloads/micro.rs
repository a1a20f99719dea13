//! The kernels that training steps are made of, alone: forward only, outputs given.

use super::cases::uniform;
use crate::base::threads::Pool;
use crate::kernels::gemm::{Epilogue, Gemm, blocked_scratch, gemm_blocked};
use crate::kernels::layer_norm::layer_norm;
use crate::kernels::map::{Unary, unary};
use crate::kernels::memory;
use crate::kernels::optimiser::{self, Rule, Step};
use crate::kernels::softmax::softmax;

/// What a call does, for its rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// Floating-point operations.
    Flop(f64),
    /// Bytes that must be moved at least.
    Bytes(f64),
}

/// A kernel with its inputs.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Short name, as the other engines' programs have it.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// What a call does.
    pub work: Work,
    build: fn(Pool) -> Box<dyn FnMut()>,
}

const fn products(n: usize) -> Work {
    Work::Flop(2.0 * (n * n * n) as f64)
}

/// Every kernel.
pub const KERNELS: &[Kernel] = &[
    Kernel { name: "sgemm64", about: "64 x 64 x 64", work: products(64), build: |pool| square(pool, 64) },
    Kernel { name: "sgemm128", about: "128 x 128 x 128", work: products(128), build: |pool| square(pool, 128) },
    Kernel { name: "sgemm256", about: "256 x 256 x 256", work: products(256), build: |pool| square(pool, 256) },
    Kernel { name: "sgemm512", about: "512 x 512 x 512", work: products(512), build: |pool| square(pool, 512) },
    Kernel { name: "sgemm1024", about: "1024 x 1024 x 1024", work: products(1024), build: |pool| square(pool, 1024) },
    Kernel { name: "sgemm2048", about: "2048 x 2048 x 2048", work: products(2048), build: |pool| square(pool, 2048) },
    Kernel {
        name: "softmax",
        about: "4096 rows of 128",
        work: Work::Bytes(8.0 * 4096.0 * 128.0),
        build: |pool| {
            let (x, mut y) = (numbers(1, 4096 * 128), memory::filled(4096 * 128, 0.0));
            Box::new(move || softmax(&pool, 128, &x, &mut y))
        },
    },
    Kernel {
        name: "layernorm",
        about: "4096 rows of 256",
        work: Work::Bytes(8.0 * 4096.0 * 256.0),
        build: |pool| {
            let (x, gain, bias) = (numbers(1, 4096 * 256), numbers(2, 256), numbers(3, 256));
            let (mut y, mut means, mut scales) = (vec![0.0; x.len()], vec![0.0; 4096], vec![0.0; 4096]);
            Box::new(move || {
                layer_norm(&pool, 256, 1e-5, &x, &gain, Some(&bias), &mut y, &mut means, &mut scales);
            })
        },
    },
    Kernel {
        name: "gelu",
        about: "a million numbers, tanh form",
        work: Work::Bytes(8e6),
        build: |pool| {
            let (x, mut y) = (numbers(1, 1_000_000), memory::filled(1_000_000, 0.0));
            Box::new(move || unary(&pool, Unary::Gelu, &x, &mut y))
        },
    },
    Kernel { name: "adam10m", about: "ten million parameters", work: Work::Bytes(28e7), build: adam },
    Kernel {
        name: "copy10m",
        about: "ten million numbers copied: what memory gives",
        work: Work::Bytes(8e7),
        build: |pool| {
            let (x, mut y) = (numbers(1, 10_000_000), memory::filled(10_000_000, 0.0));
            Box::new(move || {
                pool.parts(&mut y, 1 << 16, |part, y| y.copy_from_slice(&x[part << 16..][..y.len()]));
            })
        },
    },
];

impl Kernel {
    /// A call with inputs of its own.
    pub fn prepare(&self, pool: Pool) -> Box<dyn FnMut()> {
        (self.build)(pool)
    }
}

fn numbers(seed: u64, len: usize) -> Vec<f32> {
    let mut values = memory::filled(len, 0.0);
    uniform(seed, 1.0, &mut values);
    values
}

fn square(pool: Pool, n: usize) -> Box<dyn FnMut()> {
    let (a, b, mut c) = (numbers(1, n * n), numbers(2, n * n), memory::filled(n * n, 0.0));
    let shape = Gemm::dense(n, n, n);
    let mut scratch = memory::filled(blocked_scratch(&shape), 0.0);
    Box::new(move || gemm_blocked(&pool, &shape, &a, &b, &mut c, &mut scratch, Epilogue::default(), None))
}

fn adam(pool: Pool) -> Box<dyn FnMut()> {
    const LEN: usize = 10_000_000;
    let (mut p, g, mut m, mut v) =
        (numbers(1, LEN), numbers(2, LEN), memory::filled(LEN, 0.0), memory::filled(LEN, 0.0));
    let mut count = 0;
    Box::new(move || {
        count += 1;
        let step = Step {
            gradient_scale: 1.0,
            largest: f32::INFINITY,
            learning_rate: 1e-3,
            coupled_decay: 0.0,
            decoupled_decay: 0.0,
            count,
        };
        let rule = Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        optimiser::step(&pool, rule, &step, &mut p, [&mut m, &mut v, &mut []], &g);
    })
}
