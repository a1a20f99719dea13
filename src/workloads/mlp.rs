//! W1, W2: a multi-layer perceptron with ReLU.

use super::training::{Maker, Training};

/// Batch and widths, from inputs to classes.
pub(super) struct Mlp {
    batch: usize,
    widths: &'static [usize],
}

/// W1: small enough that what surrounds the products decides.
pub(super) const SMALL: Mlp = Mlp { batch: 128, widths: &[64, 256, 256, 10] };
/// W2: the products decide.
pub(super) const LARGE: Mlp = Mlp { batch: 512, widths: &[784, 1024, 1024, 1024, 10] };

/// See [`super::Workload::flop`].
pub(super) fn flop(mlp: &Mlp) -> u64 {
    let layers = mlp.widths.windows(2).map(|pair| mlp.batch * pair[0] * pair[1]);
    let products: usize = layers.enumerate().map(|(i, macs)| if i == 0 { 2 * macs } else { 3 * macs }).sum();
    2 * products as u64
}

/// The training step.
pub(super) fn build(workload: u64, mlp: &Mlp) -> Training {
    let mut maker = Maker::new(workload);
    let layers: Vec<_> =
        mlp.widths.windows(2).enumerate().map(|(i, pair)| maker.linear(&i.to_string(), pair[0], pair[1])).collect();
    let classes = mlp.widths[mlp.widths.len() - 1];
    let inputs = maker.inputs([mlp.batch, mlp.widths[0]]);
    let targets = maker.indices("targets", 1, [mlp.batch], classes);
    maker.train(targets, |scope| {
        let last = layers.len() - 1;
        layers.iter().enumerate().fold(scope.read(inputs), |x, (i, layer)| {
            let y = scope.linear(x, *layer);
            if i < last { y.relu() } else { y }
        })
    })
}
