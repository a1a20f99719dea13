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
#[cfg(test)]
mod tests;
mod training;

use crate::base::random::Key;
use crate::contract::{
    Card, Cell, Checks, Evidence, Family, Panel, Paper, Setup, ShippedPreset, System, Trial, TrialError, Verdict,
    metric, presets, shipped_thumbnail,
};
use crate::instruments::card;
use settings::{Condition, Settings};

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
            metric("full.bits", "bits", "torus: to reach the wanted error, target of all dimensions"),
            metric("full.bits_saddlepoint", "bits", "the same by the exact law"),
            metric("full.bits_sankaran", "bits", "the same by Sankaran's approximation"),
            metric("full.bits_low", "bits", "lower end of the 95 % interval of resamples"),
            metric("full.bits_high", "bits", "upper end of it"),
            metric("full.extrapolation", "sd", "from the mean loss down to the wanted one"),
            metric("first_only.bits", "bits", "torus: target of x_1 alone, all inputs"),
            metric("cut.bits", "bits", "torus: target of x_1 alone, no other input"),
            metric("space.mean_loss", "squared error", "images: mean test error of the space"),
            metric("space.sd_loss", "squared error", "standard deviation of the test error"),
            metric("space.kolmogorov", "", "distance of the fitted law and the sample"),
            metric("train_loss", "squared error", "networks: mean training error"),
            metric("test_loss", "squared error", "networks: mean test error"),
            metric("fitted", "networks", "networks that fit the training set so far"),
            metric("epochs", "epochs", "until the last network that fits did"),
            metric("dropped", "share", "networks that never fitted"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("exact-inductive-bias");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("exact-inductive-bias");
    const PICTURES: &'static [&'static str] = &["spaces", "kernels"];
    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;
    type Condition = Condition;

    fn check(settings: &Settings, checks: &mut Checks) {
        settings.check(checks);
        // Files are read last: a wrong number is told without waiting for them.
        if checks.none() {
            data::images(&settings.digits).err().into_iter().for_each(|problem| checks.refuse(problem));
        }
    }

    fn cells(settings: &Settings, seeds: u64) -> Vec<Cell<Condition>> {
        settings.cells(seeds)
    }

    fn start(settings: &Settings, cell: Cell<Condition>, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        Ok(match cell.condition {
            Condition::Networks { role, space } => {
                Box::new(training::NetworkTrial::start(settings, role, space, setup)?)
            }
            condition => Box::new(kernel::KernelTrial::start(settings, condition, setup.key)?),
        })
    }

    fn panels(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        panels::study(settings, evidence)
    }

    fn judge(settings: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(settings, evidence, key)
    }
}
