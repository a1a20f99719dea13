//! Workloads: training steps that every engine can run, specified to the bits of weights and inputs,
//! and the kernels they are made of. What `ansatz bench` times.
//!
//! A workload is a file here, a `mod` line and a row of [`ALL`]. Each repeats what PyTorch, JAX, Burn
//! and Candle are given: the same shapes, the same first weights and inputs, the same loss and Adam.

mod cases;
mod cnn;
mod delta_rule;
mod graph;
mod lstm;
mod micro;
mod mlp;
mod scan;
mod timing;
mod training;
mod transformer;

use crate::base::threads::Pool;

pub use micro::{KERNELS, Kernel, Work};
pub use scan::{SCANS, Scan, ScanCase};
pub use timing::{Timing, pin, time};
pub use training::{Step, Training};

/// A training step.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// The short name: `W1`.
    pub name: &'static str,
    /// What is trained.
    pub about: &'static str,
    /// Floating-point operations of its matrix products in one step: forward, gradient by the
    /// weights, gradient by the input; no input gradient for the first layer, attention as full
    /// squares. The same count for every engine, whatever it really does.
    pub flop: fn() -> u64,
    /// Loss of the first and of the fifth step, as all engines agree.
    pub losses: (f32, f32),
    build: fn() -> Training,
}

/// Every workload.
pub const ALL: &[Workload] = &[
    Workload {
        name: "W1",
        about: "MLP 64-256-256-10, batch 128",
        flop: || mlp::flop(&mlp::SMALL),
        losses: (2.31567, 2.11291),
        build: || mlp::build(1, &mlp::SMALL),
    },
    Workload {
        name: "W2",
        about: "MLP 784-1024-1024-1024-10, batch 512",
        flop: || mlp::flop(&mlp::LARGE),
        losses: (2.30297, 1.327),
        build: || mlp::build(2, &mlp::LARGE),
    },
    Workload {
        name: "W3",
        about: "GPICL Transformer, batch 16, 100 tokens, width 128, 4 layers",
        flop: || transformer::flop(&transformer::GPICL),
        losses: (2.44257, 1.96511),
        build: || transformer::build(3, &transformer::GPICL),
    },
    Workload {
        name: "W4",
        about: "language model, batch 16, 128 tokens, 512 words, width 192, 6 layers",
        flop: || transformer::flop(&transformer::LANGUAGE),
        losses: (6.42295, 5.79253),
        build: || transformer::build(4, &transformer::LANGUAGE),
    },
    Workload {
        name: "W5",
        about: "CNN on 28x28 images, batch 64",
        flop: cnn::flop,
        losses: (2.30657, 2.23497),
        build: cnn::build,
    },
    Workload {
        name: "W6",
        about: "LSTM 256, batch 32, 100 tokens",
        flop: lstm::flop,
        losses: (2.30426, 2.28177),
        build: lstm::build,
    },
    Workload {
        name: "W7",
        about: "message passing, 32 graphs of 16 nodes, width 64, 8 rounds",
        flop: graph::flop,
        losses: (2.44857, 2.22959),
        build: || graph::build(false),
    },
    Workload {
        name: "W7-sparse",
        about: "W7 without the edges that are absent (the rate counts them)",
        flop: graph::flop,
        losses: (2.44857, 2.22959),
        build: || graph::build(true),
    },
    Workload {
        name: "W8",
        about: "delta-rule memory, batch 16, 128 tokens, 4 heads of 32x32",
        flop: delta_rule::flop,
        losses: (2.31018, 2.23681),
        build: delta_rule::build,
    },
];

impl Workload {
    /// The step with its first weights and inputs.
    pub fn prepare(&self, pool: Pool) -> Step {
        Step::new((self.build)(), pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five steps of every workload, as the other engines were held to: the first loss to 5 digits, the
    /// fifth to 4.
    #[test]
    fn losses_are_those_of_every_other_engine() {
        for workload in ALL {
            let mut step = workload.prepare(Pool::serial());
            let losses: Vec<f32> = (0..5).map(|_| step.run()).collect();
            let near = |loss: f32, want: f32, digits: i32| (loss - want).abs() < 0.6 * 10f32.powi(1 - digits);
            let (first, fifth) = workload.losses;
            assert!(near(losses[0], first, 6), "{}: first loss {}, not {first}", workload.name, losses[0]);
            assert!(near(losses[4], fifth, 5), "{}: fifth loss {}, not {fifth}", workload.name, losses[4]);
        }
    }
}
