//! A linear layer of many nets at once: y[n] = x[n] W[n] + b[n], one batched product for all.

use crate::engine::{Shape, Var};
use crate::nn::weights::{Builder, Init, Values, Weight};

/// Linear maps of the last axis, one a net. The nets share nothing: the gradient of a sum of their
/// losses is, for each, the one it would have alone (a global norm to clip to would tie them).
#[derive(Clone, Debug)]
pub struct EnsembleLinear {
    weight: Weight,
    bias: Weight,
    nets: usize,
}

impl EnsembleLinear {
    /// `weight` `[nets, inputs, outputs]`, normal with standard deviation `scale / sqrt(inputs)`, and
    /// `bias` `[nets, 1, outputs]`, zero. The first nets begin alike however many there are.
    pub fn new(b: &mut Builder<'_>, name: &str, nets: usize, inputs: usize, outputs: usize, scale: f32) -> Self {
        let std = scale / (inputs as f32).sqrt();
        b.within(name, |b| EnsembleLinear {
            weight: b.weight("weight", [nets, inputs, outputs], Init::Normal(std)),
            bias: b.weight("bias", [nets, 1, outputs], Init::Constant(0.0)),
            nets,
        })
    }

    /// `[nets, batch, inputs]` to `[nets, batch, outputs]`; a batch `[batch, inputs]` is shared by all.
    ///
    /// # Panics
    /// If the extents do not fit.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        let shape = x.shape();
        let x = match shape[..] {
            [batch, inputs] => x.broadcast_to(Shape::from([self.nets, batch, inputs])),
            _ => x,
        };
        x.matmul(values[self.weight]) + values[self.bias]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::random::Key;
    use crate::base::threads::Pool;
    use crate::engine::{Executor, Graph, Slot, Store};
    use crate::nn::optimiser::{Method, Moments, Optimiser};

    const SIZES: [usize; 3] = [3, 7, 2];
    const BATCH: usize = 5;

    /// Weights after some steps of training `nets` nets on a shared batch, each net's in one list.
    fn train(nets: usize, start: Option<&[Vec<f32>]>, threads: usize) -> Vec<Vec<f32>> {
        let mut store = Store::new();
        let mut b = Builder::new(&mut store, Key::new(4));
        let layers = [0, 1].map(|i| EnsembleLinear::new(&mut b, &format!("{i}"), nets, SIZES[i], SIZES[i + 1], 1.0));
        let weights = b.finish();
        if let Some(start) = start {
            for (slot, values) in weights.slots().iter().zip(start) {
                store.values_mut(*slot).copy_from_slice(values);
            }
        }
        let optimiser = Optimiser::new(&mut store, &weights, Method::Adam(Moments::default()));
        let graph = Graph::new();
        let values = weights.read(&graph, &store);
        let numbers = |n: usize, seed: f32| (0..n).map(|i| (i as f32 * 0.7 + seed).sin()).collect();
        let x = graph.constant([BATCH, 3], numbers(BATCH * 3, 0.0));
        let y = graph.constant([BATCH, 2], numbers(BATCH * 2, 1.0));
        let off = layers[1].forward(&values, layers[0].forward(&values, x).tanh()) - y;
        // A mean over the batch and a sum over the nets.
        let loss = (off * off).sum() * (1.0 / (2 * BATCH) as f32);
        optimiser.minimise(&graph, &store, &weights, &values, loss).unwrap();
        optimiser.set_learning_rate(&mut store, 0.01);
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::new(threads));
        (0..20).for_each(|_| executor.run(&mut store));
        weights.slots().iter().map(|slot: &Slot| store.values(*slot).to_vec()).collect()
    }

    fn start(nets: usize) -> Vec<Vec<f32>> {
        let sizes = [nets * 21, nets * 7, nets * 14, nets * 2];
        let values = |(i, n): (usize, &usize)| (0..*n).map(|j| ((i * 97 + j) as f32 * 1.3).sin() * 0.5).collect();
        sizes.iter().enumerate().map(values).collect()
    }

    #[test]
    fn every_net_trains_as_if_it_were_alone() {
        let together = train(4, Some(&start(4)), 1);
        let all = start(4);
        for net in 0..4 {
            let part = |x: &[f32]| x[net * x.len() / 4..(net + 1) * x.len() / 4].to_vec();
            let alone = train(1, Some(&all.iter().map(|x| part(x)).collect::<Vec<_>>()), 1);
            for (together, alone) in together.iter().zip(&alone) {
                let off = part(together).iter().zip(alone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(off < 1e-5, "net {net}: {off}");
            }
        }
        assert_eq!(train(4, Some(&all), 3), together);
    }

    #[test]
    fn more_nets_leave_the_first_as_they_were() {
        let first = |nets: usize| {
            let mut store = Store::new();
            let mut b = Builder::new(&mut store, Key::new(4));
            EnsembleLinear::new(&mut b, "layer", nets, 3, 5, 1.0);
            let slot = b.finish().slots()[0];
            store.values(slot)[..15].to_vec()
        };
        assert_eq!(first(2), first(6));
    }
}
