//! A convolutional network: stages of convolution, relu and maximum pooling, and a perceptron on what
//! comes out (LeCun et al. 1998).

use crate::engine::Var;
use crate::engine::ops::conv2d;
use crate::engine::ops::max_pool2d::MaxPool2d;
use crate::nn::layers::{Conv2d, Linear};
use crate::nn::weights::{Builder, Values};

/// A convolution with a relu, and what pools it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Filters of the convolution.
    pub filters: usize,
    /// Height and width of a window.
    pub window: usize,
    /// From one window to the next.
    pub stride: usize,
    /// Zeros on each side of the image.
    pub padding: usize,
    /// Side of the squares whose maximum is taken; 1 pools nothing.
    pub pool: usize,
}

/// What becomes of the last stage's images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flatten {
    /// Every pixel of every filter: the head sees where things are.
    Whole,
    /// The mean of each filter: the head does not.
    Average,
}

/// What a network is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Height, width and channels of an image.
    pub image: [usize; 3],
    /// Stages, first to last.
    pub stages: Vec<Stage>,
    /// What the head sees.
    pub flatten: Flatten,
    /// Widths of the head's hidden layers, each with a relu.
    pub hidden: Vec<usize>,
    /// Numbers that come out for each image.
    pub outputs: usize,
}

/// A stage's layer and its pooling.
#[derive(Clone, Debug)]
struct Layer {
    convolution: Conv2d,
    pool: Option<MaxPool2d>,
}

/// A convolutional network of images.
#[derive(Clone, Debug)]
pub struct Cnn {
    stages: Vec<Layer>,
    flatten: Flatten,
    hidden: Vec<Linear>,
    head: Linear,
}

impl Cnn {
    /// Creates the weights: `stages.I`, `hidden.I` and `head`, each `weight` and `bias`. Layers before a
    /// relu begin as He et al. (2015) say, biases at zero.
    ///
    /// # Panics
    /// If an image does not fit a stage's window.
    pub fn new(b: &mut Builder<'_>, shape: &Shape) -> Self {
        let relu = 2f32.sqrt();
        let [mut height, mut width, mut channels] = shape.image;
        let mut stages = Vec::new();
        for (i, stage) in shape.stages.iter().enumerate() {
            let name = format!("stages.{i}");
            let (options, pool) = stage.options();
            let window = [stage.window; 2];
            let convolution = Conv2d::new(b, &name, window, channels, stage.filters, options, relu).with_bias(
                b,
                &name,
                stage.filters,
                0.0,
            );
            let made = options.output([height, width], window);
            let [rows, columns] = made.unwrap_or_else(|| panic!("{stage:?} does not fit {height} x {width} pixels"));
            (height, width, channels) = (rows / stage.pool, columns / stage.pool, stage.filters);
            stages.push(Layer { convolution, pool });
        }
        let mut inputs = match shape.flatten {
            Flatten::Whole => height * width * channels,
            Flatten::Average => channels,
        };
        let linear = |b: &mut Builder<'_>, name: &str, inputs: usize, outputs: usize, scale: f32| {
            Linear::new(b, name, inputs, outputs, scale).with_bias(b, name, outputs, 0.0)
        };
        let mut hidden = Vec::new();
        for (i, &units) in shape.hidden.iter().enumerate() {
            hidden.push(linear(b, &format!("hidden.{i}"), inputs, units, relu));
            inputs = units;
        }
        Cnn { stages, flatten: shape.flatten, hidden, head: linear(b, "head", inputs, shape.outputs, 1.0) }
    }

    /// What the head sees, `[batch, features]`, of images `[batch, height, width, channels]`: row-major
    /// over height, width and filters if whole.
    pub fn features<'g>(&self, values: &Values<'g>, images: Var<'g>) -> Var<'g> {
        let x = self.stages.iter().fold(images, |x, stage| {
            let y = stage.convolution.forward(values, x);
            stage.pool.map_or(y, |pool| y.max_pool2d(pool))
        });
        let shape = x.shape();
        match self.flatten {
            Flatten::Whole => x.reshape([shape[0], shape[1] * shape[2] * shape[3]]),
            Flatten::Average => x.global_avg_pool2d(),
        }
    }

    /// Images `[batch, height, width, channels]` to `[batch, outputs]`.
    pub fn forward<'g>(&self, values: &Values<'g>, images: Var<'g>) -> Var<'g> {
        let features = self.features(values, images);
        let hidden = self.hidden.iter().fold(features, |x, layer| layer.forward(values, x).relu());
        self.head.forward(values, hidden)
    }
}

impl Stage {
    /// A convolution that keeps the image's extents (for odd windows), pooled over squares of `pool`.
    pub const fn same(filters: usize, window: usize, pool: usize) -> Self {
        Stage { filters, window, stride: 1, padding: window / 2, pool }
    }

    /// The relu is the pool's where there is one: it has fewer numbers and gives the same.
    fn options(&self) -> (conv2d::Conv2d, Option<MaxPool2d>) {
        let options = conv2d::Conv2d::default().stride(self.stride).padding(self.padding);
        match self.pool {
            1 => (options.relu(), None),
            pool => (options, Some(MaxPool2d::square(pool).relu())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::random::Key;
    use crate::base::threads::Pool;
    use crate::engine::{Executor, Graph, Store};
    use crate::nn::optimiser::{Method, Moments, Optimiser};
    use crate::nn::weights::Weights;
    use rand::RngExt;

    fn built(shape: &Shape) -> (Cnn, Weights, Store) {
        let mut store = Store::new();
        let mut builder = Builder::new(&mut store, Key::new(7));
        let model = Cnn::new(&mut builder, shape);
        let weights = builder.finish();
        (model, weights, store)
    }

    /// The loss before each of `steps` steps of Adam on one batch.
    fn losses(
        (model, weights, mut store): (Cnn, Weights, Store),
        shape: [usize; 4],
        images: Vec<f32>,
        labels: Vec<f32>,
        steps: usize,
    ) -> Vec<f32> {
        let optimiser = Optimiser::new(&mut store, &weights, Method::Adam(Moments::default()));
        let graph = Graph::new();
        let values = weights.read(&graph, &store);
        let logits = model.forward(&values, graph.constant(shape, images));
        let loss = logits.cross_entropy(graph.constant([labels.len()], labels)).mean();
        let output = graph.output("loss", loss);
        optimiser.minimise(&graph, &store, &weights, &values, loss).expect("the loss has a gradient");
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        optimiser.set_learning_rate(&mut store, 1e-3);
        let mut step = || {
            executor.run(&mut store);
            executor.number(output, &store)
        };
        (0..steps).map(|_| step()).collect()
    }

    #[test]
    fn training_lowers_the_loss() {
        let mut stream = Key::new(8).stream();
        let classes: Vec<f32> = (0..4 * 64).map(|_| stream.random_range(-1.0..1.0)).collect();
        let labels: Vec<usize> = (0..32).map(|i| i % 4).collect();
        let noisy = |label: &usize| classes[label * 64..][..64].to_vec();
        let images: Vec<f32> = labels.iter().flat_map(noisy).map(|x| x + stream.random_range(-0.5f32..0.5)).collect();
        for flatten in [Flatten::Whole, Flatten::Average] {
            let stages = vec![Stage::same(8, 3, 2), Stage { stride: 2, ..Stage::same(12, 3, 1) }];
            let shape = Shape { image: [8, 8, 1], stages, flatten, hidden: vec![16], outputs: 4 };
            let labels = labels.iter().map(|label| *label as f32).collect();
            let losses = losses(built(&shape), [32, 8, 8, 1], images.clone(), labels, 120);
            assert!(losses[119] < 0.4 * losses[0], "{flatten:?}: {} to {}", losses[0], losses[119]);
        }
    }

    #[test]
    fn a_moved_image_gives_moved_features() {
        let shape = Shape {
            image: [12, 12, 2],
            stages: vec![Stage::same(5, 3, 1), Stage::same(6, 3, 2)],
            flatten: Flatten::Whole,
            hidden: Vec::new(),
            outputs: 3,
        };
        let (model, weights, mut store) = built(&shape);
        let mut stream = Key::new(9).stream();
        let patch: Vec<f32> = (0..4 * 4 * 2).map(|_| stream.random_range(-1.0..1.0)).collect();
        let mut features = |top: usize, left: usize| {
            let mut image = vec![0.0; 12 * 12 * 2];
            for (row, values) in patch.chunks(8).enumerate() {
                image[((top + row) * 12 + left) * 2..][..8].copy_from_slice(values);
            }
            let graph = Graph::new();
            let x = graph.constant([1, 12, 12, 2], image);
            let output = graph.output("features", model.features(&weights.read(&graph, &store), x));
            let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
            executor.run(&mut store);
            executor.output(output, &store)
        };
        // Two pixels are one place behind the pooling; the border is out of reach of the patch.
        let (here, there) = (features(2, 2), features(4, 6));
        let at = |features: &[f32], row: usize, column: usize| features[(row * 6 + column) * 6..][..6].to_vec();
        assert!(here.iter().any(|x| *x > 0.1));
        for (row, column) in (0..5).flat_map(|row| (0..4).map(move |column| (row, column))) {
            assert_eq!(at(&here, row, column), at(&there, row + 1, column + 2), "{row} {column}");
        }
    }

    /// The `i`-th word of a stream, by the finaliser of splitmix64.
    fn word(seed: u64, i: u64) -> u64 {
        let z = (seed << 32).wrapping_add(i).wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn uniform(seed: u64, i: usize, bound: f64) -> f32 {
        let unit = (word(seed, i as u64) >> 40) as f32 * 2f32.powi(-24);
        (unit * 2.0 - 1.0) * bound as f32
    }

    /// Losses that PyTorch gives for the same bits of weights and images: 3x3 convolutions to 32 and 64
    /// filters, pooling, 128 units, five steps of Adam.
    #[test]
    fn losses_are_those_of_another_library() {
        let stage = |filters: usize, pool: usize| Stage { filters, window: 3, stride: 1, padding: 0, pool };
        let shape = Shape {
            image: [28, 28, 1],
            stages: vec![stage(32, 1), stage(64, 2)],
            flatten: Flatten::Whole,
            hidden: vec![128],
            outputs: 10,
        };
        let (model, weights, mut store) = built(&shape);
        assert_eq!(weights.parameters(&store), 1_199_882);
        // The other library stores weights as [filters, channels, height, width] and flattens by channel.
        let mut fill = |name: &str, seed: u64, fan_in: usize, index: &dyn Fn(usize) -> usize| {
            let slot = store.find(name).expect("a weight of the model");
            let bound = (fan_in as f64).powf(-0.5);
            let values = store.values_mut(slot);
            (0..values.len()).for_each(|i| values[i] = uniform(seed, index(i), bound));
        };
        fill("stages.0.weight", 5000, 9, &|i| i % 32 * 9 + i / 32);
        fill("stages.1.weight", 5002, 288, &|i| i % 64 * 288 + i / 64 % 32 * 9 + i / 2048);
        fill("hidden.0.weight", 5004, 9216, &|i| (i / 128 % 64 * 144 + i / 8192) * 128 + i % 128);
        fill("head.weight", 5006, 128, &|i| i);
        let images = (0..64 * 784).map(|i| uniform(5900, i, 3f64.sqrt())).collect();
        let labels = (0..64).map(|i| (word(5901, i) % 10) as f32).collect();
        let losses = losses((model, weights, store), [64, 28, 28, 1], images, labels, 5);
        assert!((losses[0] - 2.30657).abs() < 1e-5 && (losses[4] - 2.23497).abs() < 1e-4, "{losses:?}");
    }
}
