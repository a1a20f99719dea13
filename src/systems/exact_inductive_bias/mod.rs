//! Exact inductive bias: bits from the losses of random hypotheses (Boopathy et al. 2024).
//!
//! Hypotheses that all fit the training data are drawn, from a kernel space or by training networks, and
//! the tail of their test losses is modelled: minus the logarithm of the probability of a wanted loss is
//! what a learner must bring beyond the data.

mod data;
mod evidence;
mod judge;
mod kernel;
mod measure;
mod network;
mod panels;
pub mod settings;
mod subject;
#[cfg(test)]
mod tests;
mod training;

use crate::contract::{
    Card, Cost, Family, MetricCard, Panel, Paper, Problem, Setup, ShippedPreset, System, Trial, TrialError,
    TrialResult, TrialSpec, Verdict,
};
use crate::instruments::card;
use crate::training::cell_of;
use settings::{Condition, Role, Settings};

/// Bytes on disk of a trial: its vectors, panels and checkpoint.
const TRIAL_BYTES: u64 = 500_000;

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct ExactInductiveBias;

impl System for ExactInductiveBias {
    const CARD: Card = Card {
        slug: "exact-inductive-bias",
        number: 3,
        title: "Inductive bias from the losses of random hypotheses",
        family: Family::Bias,
        sentence: "how improbable a test loss is among hypotheses that fit the data says, in bits, what a learner must \
                   bring; networks bring far more than kernels",
        paper: Paper {
            title: "Towards Exact Computation of Inductive Bias",
            authors: "Akhilan Boopathy, William Yue, Jaedong Hwang, Abhiram Iyer, Ila Fiete",
            year: 2024,
        },
        claims: &[
            "The estimate is direct, no bound, cheap, works for diverse hypothesis spaces, with error bounds in the number of samples.",
            "Tasks of higher dimension need more inductive bias.",
            "Relative to a space of Gaussian kernels, neural networks already encode a great deal: far fewer bits remain to reach the same error.",
            "The measure separates architectures (width, depth) from each other.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "the definition, both ways of sampling hypotheses (Gaussian-process posterior, trained networks), the \
               scaled noncentral chi-square tail by maximum likelihood, Sankaran's fallback",
        shrunk: "8x8 digits with 400 training and 300 test images, 64 networks a split, 3 splits; 64 points on the torus",
        substituted: "the kernel's linear systems are solved by Cholesky instead of Adam. Networks are trained until they \
                      fit (training error below 0.01) instead of for a fixed number of epochs, so that all are \
                      hypotheses that fit the data. Errors are per element in both spaces. The exact law of a kernel \
                      space (saddlepoint) is added as a check on the tail model. Hypotheses of a kernel space are drawn in \
                      the eigenbasis of S, which changes no loss's law",
        metrics: &[
            MetricCard {
                name: "full.bits",
                unit: "bits",
                says: "torus: to reach the wanted error, target of all dimensions",
            },
            MetricCard { name: "full.bits_saddlepoint", unit: "bits", says: "the same by the exact law" },
            MetricCard { name: "full.bits_sankaran", unit: "bits", says: "the same by Sankaran's approximation" },
            MetricCard { name: "full.bits_low", unit: "bits", says: "lower end of the 95 % interval of resamples" },
            MetricCard { name: "full.bits_high", unit: "bits", says: "upper end of it" },
            MetricCard { name: "full.extrapolation", unit: "sd", says: "from the mean loss down to the wanted one" },
            MetricCard { name: "first_only.bits", unit: "bits", says: "torus: target of x_1 alone, all inputs" },
            MetricCard { name: "cut.bits", unit: "bits", says: "torus: target of x_1 alone, no other input" },
            MetricCard { name: "space.mean_loss", unit: "squared error", says: "images: mean test error of the space" },
            MetricCard { name: "space.sd_loss", unit: "squared error", says: "standard deviation of the test error" },
            MetricCard { name: "space.kolmogorov", unit: "", says: "distance of the fitted law and the sample" },
            MetricCard { name: "train_loss", unit: "squared error", says: "networks: mean training error" },
            MetricCard { name: "test_loss", unit: "squared error", says: "networks: mean test error" },
            MetricCard { name: "fitted", unit: "networks", says: "networks that fit the training set so far" },
            MetricCard { name: "epochs", unit: "epochs", says: "until the last network that fits did" },
            MetricCard { name: "dropped", unit: "share", says: "networks that never fitted" },
        ],
    };

    const PRESETS: &'static [ShippedPreset] = &[
        ShippedPreset { name: "quick", text: include_str!("../../../presets/exact-inductive-bias/quick.ron") },
        ShippedPreset { name: "full", text: include_str!("../../../presets/exact-inductive-bias/full.ron") },
        ShippedPreset { name: "ablated", text: include_str!("../../../presets/exact-inductive-bias/ablated.ron") },
    ];

    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;

    fn problems(settings: &Settings) -> Vec<Problem> {
        let mut problems = settings.problems();
        // Files are read last: a wrong number is told without waiting for them.
        if problems.is_empty() {
            problems.extend(data::images(&settings.digits).err());
        }
        problems
    }

    fn cost(settings: &Settings, seeds: u64) -> Cost {
        let cells = settings.cells(seeds);
        let trials: u64 = cells.iter().map(|cell| cell.seeds).sum();
        let flop = cells.iter().map(|cell| cell.seeds as f64 * cell.flop).sum();
        let widest = cells.iter().map(|cell| memory(settings, &cell.condition)).max();
        Cost { trials: trials as usize, flop, memory: widest.unwrap_or(0), disk: trials * TRIAL_BYTES }
    }

    fn trials(settings: &Settings, seeds: u64) -> Vec<TrialSpec> {
        settings.trials(seeds)
    }

    fn start(settings: &Settings, spec: &TrialSpec, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        let cell = cell_of(settings.cells(u64::MAX), spec)?;
        let key = data::replica(setup.key, spec.seed);
        let images = || data::images(&settings.digits).map_err(|problem| TrialError::Data(problem.found));
        Ok(match cell.condition {
            Condition::Torus { dimensions, sigma } => {
                Box::new(kernel::KernelTrial::on_torus(settings, dimensions, sigma, key))
            }
            Condition::Kernel { .. } => {
                Box::new(kernel::KernelTrial::on_images(settings, cell.condition, &images()?, key))
            }
            Condition::Networks { role, space } => {
                let data = data::split(settings, &images()?, role == Role::Permuted, key);
                Box::new(training::NetworkTrial::start(settings, space, data, key, setup.pool.clone()))
            }
        })
    }

    fn panels(settings: &Settings, results: &[TrialResult]) -> Vec<Panel> {
        panels::study(settings, results)
    }

    fn judge(settings: &Settings, seed: u64, results: &[TrialResult]) -> Verdict {
        judge::judge(settings, seed, results)
    }
}

/// Bytes of memory of a trial, roughly.
fn memory(settings: &Settings, condition: &Condition) -> u64 {
    match condition {
        Condition::Torus { .. } => {
            8 * (4 * (settings.torus.train + settings.torus.test).pow(2) + settings.samples) as u64
        }
        Condition::Kernel { .. } => {
            8 * (4 * (settings.digits.train + settings.digits.test).pow(2) + settings.samples) as u64
        }
        Condition::Networks { space, .. } => {
            let sizes = space.sizes(64, 10);
            let weights: usize = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
            let units: usize = sizes.iter().sum();
            let points = settings.digits.train + 3 * settings.digits.training.batch;
            4 * (space.nets * (5 * weights + units * points)) as u64
        }
    }
}
