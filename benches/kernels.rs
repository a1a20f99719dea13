//! Kernels on one thread against `matrixmultiply` and the limits of memory: `cargo bench --bench
//! kernels`. Items are floating-point operations (matrix products) or elements (the rest).
#![allow(unsafe_code)]

use ansatz::base::threads::Pool;
use ansatz::kernels::binary::{Binary, binary};
use ansatz::kernels::copy::permute;
use ansatz::kernels::gemm::{Batch, Gemm, gemm};
use ansatz::kernels::map::{Backward, Unary, backward, unary};
use ansatz::kernels::optimiser::{self, Rule};
use ansatz::kernels::reduce::{sum_columns, sum_rows};
use ansatz::kernels::strided::View;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// A product and how often; printed as its shape.
struct Product {
    name: &'static str,
    shape: Gemm,
    batch: Batch,
}

impl std::fmt::Display for Product {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

fn products() -> Vec<Product> {
    let one = |name, shape| Product { name, shape, batch: Batch::ONE };
    let dense = Gemm::dense;
    let heads = Batch { count: 32, a: 32 * 64, b: 64 * 16, c: 32 * 16 };
    vec![
        one("1024x64x64", dense(1024, 64, 64)),
        one("1024x256x64", dense(1024, 256, 64)),
        one("1024x64x256", dense(1024, 64, 256)),
        one("64x64x1024 A^T", dense(64, 64, 1024).transpose_a()),
        one("64x256x1024 A^T", dense(64, 256, 1024).transpose_a()),
        one("1024x64x256 B^T", dense(1024, 64, 256).transpose_b()),
        one("1024x37x64", dense(1024, 37, 64)),
        one("1024x5x64", dense(1024, 5, 64)),
        Product { name: "32 of 32x16x64", shape: dense(32, 16, 64), batch: heads },
        one("512 squared", dense(512, 512, 512)),
        one("1024 squared", dense(1024, 1024, 1024)),
    ]
}

/// A, B and C of all products in the batch.
fn operands(p: &Product) -> [Vec<f32>; 3] {
    let s = &p.shape;
    [s.m * s.k, s.k * s.n, s.m * s.n].map(|one| vec![0.5; one * p.batch.count])
}

#[divan::bench(args = products())]
fn gemm_ours(bencher: Bencher<'_, '_>, p: &Product) {
    let [a, b, mut c] = operands(p);
    let count = ItemsCount::new(p.shape.operations() * p.batch.count);
    let pool = Pool::serial();
    bencher.counter(count).bench_local(|| gemm(&pool, &p.shape, &p.batch, black_box(&a), &b, &mut c));
}

#[divan::bench(args = products())]
fn gemm_matrixmultiply(bencher: Bencher<'_, '_>, p: &Product) {
    let [a, b, mut c] = operands(p);
    let count = ItemsCount::new(p.shape.operations() * p.batch.count);
    let s = p.shape;
    let [ar, ac, br, bc, cr] = [s.a_row, s.a_column, s.b_row, s.b_column, s.c_row].map(|stride| stride as isize);
    bencher.counter(count).bench_local(|| {
        for item in 0..p.batch.count {
            let (a, b, c) = (&a[item * p.batch.a..], &b[item * p.batch.b..], &mut c[item * p.batch.c..]);
            // SAFETY: `operands` made the slices as long as the dense shapes of `products` need.
            unsafe {
                let (a, b, c) = (black_box(a.as_ptr()), b.as_ptr(), c.as_mut_ptr());
                matrixmultiply::sgemm(s.m, s.k, s.n, 1.0, a, ar, ac, b, br, bc, 0.0, c, cr, 1);
            }
        }
    });
}

/// Rows and columns of a hidden layer's activations.
const ROWS: usize = 1024;
const COLUMNS: usize = 256;
const ELEMENTS: usize = ROWS * COLUMNS;

fn line() -> Vec<f32> {
    (0..ELEMENTS).map(|i| i as f32 / ELEMENTS as f32 * 8.0 - 4.0).collect()
}

#[divan::bench(args = [Unary::Negate, Unary::Exp, Unary::Log, Unary::Tanh, Unary::Gelu, Unary::Silu])]
fn map(bencher: Bencher<'_, '_>, op: Unary) {
    let (x, mut y) = (line(), vec![0.0; ELEMENTS]);
    let pool = Pool::serial();
    bencher.counter(ItemsCount::new(ELEMENTS)).bench_local(|| unary(&pool, op, black_box(&x), &mut y));
}

#[divan::bench]
fn gelu_backward(bencher: Bencher<'_, '_>) {
    let (x, dy, mut dx) = (line(), line(), vec![0.0; ELEMENTS]);
    let pool = Pool::serial();
    let run = || backward(&pool, Backward::Gelu, black_box(&x), &dy, &mut dx);
    bencher.counter(ItemsCount::new(ELEMENTS)).bench_local(run);
}

#[divan::bench(args = [COLUMNS, 5])]
fn bias(bencher: Bencher<'_, '_>, columns: usize) {
    let (x, bias, mut y) = (line(), vec![1.0; columns], vec![0.0; ROWS * columns]);
    let (pool, shape) = (Pool::serial(), [ROWS, columns]);
    bencher.counter(ItemsCount::new(y.len())).bench_local(|| {
        let rows = View::new(black_box(&x[..ROWS * columns]), &shape);
        binary(&pool, Binary::Add, rows, View::new(&bias, &[columns]), &mut y, &shape);
    });
}

#[divan::bench(args = [COLUMNS, 5])]
fn rows_summed(bencher: Bencher<'_, '_>, columns: usize) {
    let (x, mut y) = (line(), vec![0.0; columns]);
    let pool = Pool::serial();
    let count = ItemsCount::new(ROWS * columns);
    bencher.counter(count).bench_local(|| {
        sum_rows(&pool, black_box(&x[..ROWS * columns]), ROWS, columns, 1.0, &mut y);
    });
}

#[divan::bench(args = [COLUMNS, 5])]
fn columns_summed(bencher: Bencher<'_, '_>, columns: usize) {
    let (x, mut y) = (line(), vec![0.0; ROWS]);
    let pool = Pool::serial();
    let count = ItemsCount::new(ROWS * columns);
    bencher.counter(count).bench_local(|| {
        sum_columns(&pool, black_box(&x[..ROWS * columns]), ROWS, columns, 1.0, &mut y);
    });
}

#[divan::bench]
fn transpose(bencher: Bencher<'_, '_>) {
    let (x, mut y) = (line(), vec![0.0; ELEMENTS]);
    let pool = Pool::serial();
    let run = || permute(&pool, View::new(black_box(&x), &[ROWS, COLUMNS]), &[1, 0], &mut y);
    bencher.counter(ItemsCount::new(ELEMENTS)).bench_local(run);
}

#[divan::bench]
fn heads_exchanged(bencher: Bencher<'_, '_>) {
    let (x, mut y) = (line(), vec![0.0; ELEMENTS]);
    let pool = Pool::serial();
    let run = || permute(&pool, View::new(black_box(&x), &[16, 64, 16, 16]), &[0, 2, 1, 3], &mut y);
    bencher.counter(ItemsCount::new(ELEMENTS)).bench_local(run);
}

#[divan::bench]
fn adam(bencher: Bencher<'_, '_>) {
    let (mut p, mut m, mut v, g) = (line(), vec![0.0; ELEMENTS], vec![0.0; ELEMENTS], line());
    let rule = Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let step = optimiser::Step {
        gradient_scale: 1.0,
        largest: f32::INFINITY,
        learning_rate: 1e-3,
        coupled_decay: 0.0,
        decoupled_decay: 0.0,
        count: 1,
    };
    let pool = Pool::serial();
    let run = || optimiser::step(&pool, rule, &step, &mut p, [&mut m, &mut v, &mut []], black_box(&g));
    bencher.counter(ItemsCount::new(ELEMENTS)).bench_local(run);
}
