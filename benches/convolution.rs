//! Convolution and pooling on one thread: `cargo bench --bench convolution`. Items are floating-point
//! operations (convolutions) or elements of the images (pooling).

use ansatz::base::threads::Pool;
use ansatz::kernels::convolution::{
    Geometry, convolution, convolution_scratch, input_gradient, input_gradient_scratch, weight_gradient,
    weight_gradient_scratch,
};
use ansatz::kernels::gemm::{Batch, Gemm, gemm};
use ansatz::kernels::pooling::{max_pool, max_pool_scatter};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// A convolution with 3x3 windows without padding.
#[derive(Clone, Copy)]
struct Layer {
    side: usize,
    channels: usize,
    filters: usize,
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{0}x{0}x{1} to {2}", self.side, self.channels, self.filters)
    }
}

const LAYERS: [Layer; 3] = [
    Layer { side: 28, channels: 1, filters: 32 },
    Layer { side: 26, channels: 32, filters: 64 },
    Layer { side: 10, channels: 16, filters: 32 },
];

impl Layer {
    fn geometry(self) -> Geometry {
        Geometry {
            batch: 64,
            input: [self.side; 2],
            channels: self.channels,
            output: [self.side - 2; 2],
            filters: self.filters,
            window: [3; 2],
            stride: [1; 2],
            dilation: [1; 2],
            before: [0; 2],
            groups: 1,
        }
    }
}

/// Images, weights and outputs.
fn numbers(g: &Geometry) -> [Vec<f32>; 3] {
    [g.batch * g.image(), g.column() * g.filters, g.positions() * g.filters].map(|len| vec![0.5; len])
}

fn operations(g: &Geometry) -> ItemsCount {
    ItemsCount::new(2 * g.positions() * g.column() * g.filters)
}

#[divan::bench(args = LAYERS)]
fn forward_with_bias_and_relu(bencher: Bencher<'_, '_>, layer: Layer) {
    let g = layer.geometry();
    let ([x, w, mut y], bias) = (numbers(&g), vec![0.1; g.filters]);
    let (pool, mut scratch) = (Pool::serial(), vec![0.0; convolution_scratch(&g)]);
    bencher
        .counter(operations(&g))
        .bench_local(|| convolution(&pool, &g, black_box(&x), &w, Some(&bias), true, &mut y, &mut scratch));
}

#[divan::bench(args = LAYERS)]
fn gradient_by_input(bencher: Bencher<'_, '_>, layer: Layer) {
    let g = layer.geometry();
    let [mut dx, w, dy] = numbers(&g);
    let (pool, mut scratch) = (Pool::serial(), vec![0.0; input_gradient_scratch(&g)]);
    bencher
        .counter(operations(&g))
        .bench_local(|| input_gradient(&pool, &g, black_box(&dy), &w, &mut dx, &mut scratch));
}

#[divan::bench(args = LAYERS)]
fn gradient_by_weights_and_bias(bencher: Bencher<'_, '_>, layer: Layer) {
    let g = layer.geometry();
    let ([x, mut dw, dy], mut d_bias) = (numbers(&g), vec![0.0; g.filters]);
    let (pool, mut scratch) = (Pool::serial(), vec![0.0; weight_gradient_scratch(&g)]);
    bencher
        .counter(operations(&g))
        .bench_local(|| weight_gradient(&pool, &g, black_box(&x), &dy, &mut dw, Some(&mut d_bias), &mut scratch));
}

/// The product alone, over whole gathered matrices: what the convolution could come to.
#[divan::bench(args = LAYERS)]
fn product_alone(bencher: Bencher<'_, '_>, layer: Layer) {
    let g = layer.geometry();
    let [_, w, mut y] = numbers(&g);
    let (pool, columns) = (Pool::serial(), vec![0.5; g.positions() * g.column()]);
    let shape = Gemm::dense(g.positions(), g.filters, g.column());
    bencher.counter(operations(&g)).bench_local(|| gemm(&pool, &shape, &Batch::ONE, black_box(&columns), &w, &mut y));
}

/// 24x24 pixels of 64 channels to squares of 2.
fn pooled() -> (Geometry, Vec<f32>, [Vec<f32>; 2]) {
    let layer = Layer { side: 26, channels: 64, filters: 64 }.geometry();
    let g = Geometry { input: [24; 2], output: [12; 2], window: [2; 2], stride: [2; 2], groups: 64, ..layer };
    let output = vec![0.5; g.positions() * g.channels];
    (g, vec![0.5; g.batch * g.image()], [output.clone(), output])
}

#[divan::bench]
fn max_pool_with_relu(bencher: Bencher<'_, '_>) {
    let (g, x, [mut y, mut indices]) = pooled();
    let pool = Pool::serial();
    bencher
        .counter(ItemsCount::new(x.len()))
        .bench_local(|| max_pool(&pool, &g, true, black_box(&x), &mut y, &mut indices));
}

#[divan::bench]
fn max_pool_gradient(bencher: Bencher<'_, '_>) {
    let (g, mut dx, [dy, mut indices]) = pooled();
    indices.fill(1.0);
    let pool = Pool::serial();
    bencher
        .counter(ItemsCount::new(dx.len()))
        .bench_local(|| max_pool_scatter(&pool, &g, black_box(&dy), &indices, &mut dx));
}
