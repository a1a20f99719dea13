//! Very many random networks at once: the losses of hypotheses drawn from the initialiser, forward only.

use rand_distr::{Distribution, StandardNormal};

use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::kernels::gemm::{Batch, Gemm, gemm};

/// Networks of one block of work.
const BLOCK: usize = 4;

/// Networks with one hidden layer of ReLUs. Weights are normal with variance 2 / inputs in the first layer
/// and 1 / hidden in the second, biases normal with variance `bias^2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomMlp {
    /// Numbers in.
    pub inputs: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Numbers out.
    pub outputs: usize,
    /// Standard deviation of biases.
    pub bias: f32,
}

/// Buffers of a block.
struct Scratch {
    first: Vec<f32>,
    second: Vec<f32>,
    biases: Vec<f32>,
    hidden: Vec<f32>,
    found: Vec<f32>,
}

impl RandomMlp {
    /// `loss` of each of `nets` networks, called with what the network gives on all points, `[outputs,
    /// points]`. Both layers are one product a block of networks; net i draws from `key.index(i)` alone, so
    /// losses depend neither on threads nor on how many nets there are.
    ///
    /// # Panics
    /// If `points` does not hold rows of [`RandomMlp::inputs`] numbers.
    pub fn losses(
        &self,
        points: &[f32],
        nets: usize,
        key: Key,
        pool: &Pool,
        loss: impl Fn(&[f32]) -> f64 + Sync,
    ) -> Vec<f64> {
        let count = points.len() / self.inputs;
        assert_eq!(points.len(), count * self.inputs, "rows of {} numbers", self.inputs);
        let mut losses = vec![0.0; nets];
        pool.parts(&mut losses, BLOCK, |block, losses| {
            let mut scratch = self.draw(block * BLOCK, losses.len(), count, key);
            self.forward(points, losses.len(), count, &mut scratch);
            let each = scratch.found.chunks(self.outputs * count);
            losses.iter_mut().zip(each).for_each(|(to, found)| *to = loss(found));
        });
        losses
    }

    /// Weights of `nets` networks from number `from` on: `[nets, hidden, inputs]`, `[nets, outputs, hidden]`
    /// and biases `[nets, hidden + outputs]`.
    fn draw(&self, from: usize, nets: usize, points: usize, key: Key) -> Scratch {
        let (h, o) = (self.hidden, self.outputs);
        let mut scratch = Scratch {
            first: Vec::with_capacity(nets * h * self.inputs),
            second: Vec::with_capacity(nets * o * h),
            biases: Vec::with_capacity(nets * (h + o)),
            hidden: vec![0.0; nets * h * points],
            found: vec![0.0; nets * o * points],
        };
        let (first, second) = ((2.0 / self.inputs as f32).sqrt(), (1.0 / h as f32).sqrt());
        for net in from..from + nets {
            let mut stream = key.index(net as u64).stream();
            let mut normal = |scale: f32| -> f32 {
                let z: f32 = StandardNormal.sample(&mut stream);
                scale * z
            };
            scratch.first.extend((0..h * self.inputs).map(|_| normal(first)));
            scratch.second.extend((0..o * h).map(|_| normal(second)));
            scratch.biases.extend((0..h + o).map(|_| normal(self.bias)));
        }
        scratch
    }

    fn forward(&self, points: &[f32], nets: usize, count: usize, scratch: &mut Scratch) {
        let (h, o, serial) = (self.hidden, self.outputs, Pool::serial());
        // The points are the columns throughout: no layer has to be turned round for the next.
        let first = Gemm::dense(nets * h, count, self.inputs).transpose_b();
        gemm(&serial, &first, &Batch::ONE, &scratch.first, points, &mut scratch.hidden);
        for (row, line) in scratch.hidden.chunks_mut(count).enumerate() {
            let bias = scratch.biases[row / h * (h + o) + row % h];
            line.iter_mut().for_each(|x| *x = (*x + bias).max(0.0));
        }
        let batch = Batch { count: nets, a: o * h, b: h * count, c: o * count };
        gemm(&serial, &Gemm::dense(o, count, h), &batch, &scratch.second, &scratch.hidden, &mut scratch.found);
        for (row, line) in scratch.found.chunks_mut(count).enumerate() {
            let bias = scratch.biases[row / o * (h + o) + h + row % o];
            line.iter_mut().for_each(|x| *x += bias);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NET: RandomMlp = RandomMlp { inputs: 3, hidden: 5, outputs: 2, bias: 0.3 };

    fn points() -> Vec<f32> {
        (0..21).map(|i| (i as f32 * 0.7).sin()).collect()
    }

    /// The first output of net `net` on the last point, written out.
    fn plain(net: u64) -> f32 {
        let mut stream = Key::new(4).index(net).stream();
        let z: Vec<f32> = (0..15 + 10 + 7).map(|_| StandardNormal.sample(&mut stream)).collect();
        let x = &points()[18..];
        let unit = |i: usize| {
            let sum: f32 = (0..3).map(|j| z[i * 3 + j] * x[j]).sum();
            (sum * (2.0f32 / 3.0).sqrt() + 0.3 * z[25 + i]).max(0.0)
        };
        (0..5).map(|i| z[15 + i] * unit(i)).sum::<f32>() / 5f32.sqrt() + 0.3 * z[30]
    }

    #[test]
    fn a_net_gives_what_its_formula_says() {
        let losses = NET.losses(&points(), 9, Key::new(4), &Pool::serial(), |found| f64::from(found[6]));
        for (net, found) in losses.iter().enumerate() {
            let expected = f64::from(plain(net as u64));
            assert!((found - expected).abs() < 1e-5, "{net}: {found} {expected}");
        }
    }

    #[test]
    fn neither_threads_nor_other_nets_change_a_net() {
        let run = |nets: usize, threads: usize| {
            let loss = |found: &[f32]| found.iter().map(|x| f64::from(x * x)).sum();
            NET.losses(&points(), nets, Key::new(4), &Pool::new(threads), loss)
        };
        let all = run(23, 1);
        assert_eq!(all, run(23, 3));
        assert_eq!(all[..6], run(6, 2));
    }
}
