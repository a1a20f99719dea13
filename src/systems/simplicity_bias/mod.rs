//! The pitfalls of simplicity bias in neural networks (Shah et al. 2020).
//!
//! Every coordinate of the data alone tells the label, by a different number of linear pieces. A network trained by
//! gradient descent uses the simplest one and is blind to all others, even when that one is noisy.

mod data;
mod judge;
mod networks;
mod panels;
pub mod settings;
mod subject;
#[cfg(test)]
mod tests;
mod trial;

pub use data::DataSet;

use crate::contract::{
    Card, Cost, Family, MetricCard, Panel, Paper, Problem, Setup, ShippedPreset, System, Trial, TrialError,
    TrialResult, TrialSpec, Verdict,
};
use crate::instruments::card;
use crate::training::specs;
use settings::Settings;

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct SimplicityBias;

impl System for SimplicityBias {
    const CARD: Card = Card {
        slug: "simplicity-bias",
        number: 12,
        title: "Pitfalls of simplicity bias",
        family: Family::Bias,
        sentence: "of many coordinates that each tell the label, a network uses the simplest one alone, even when it is noisy",
        paper: Paper {
            title: "The Pitfalls of Simplicity Bias in Neural Networks",
            authors: "Harshay Shah, Kaustav Tamuly, Aditi Raghunathan, Prateek Jain, Praneeth Netrapalli",
            year: 2020,
        },
        claims: &[
            "Extreme bias: with one linear and 49 five-slab coordinates the network relies on the linear one alone.",
            "The same one step up: one five-slab coordinate among seven-slab ones is all that it uses.",
            "It hurts: a noisy linear coordinate keeps the network from 49 clean ones that it can learn when they are alone.",
            "The same for images: of two stacked pictures only the easy one is looked at.",
            "Ensembles and adversarial training do not help.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "data, network, optimiser, initialisation and metric: nearly the paper itself",
        shrunk: "100 hidden units everywhere in `quick` (300 in the paper for the last two data sets); 40,000 training \
                 points (100,000 for the first two)",
        substituted: "dominoes are stacked 8x8 digits seen by a small convolutional network, instead of MNIST over \
                      CIFAR-10 and a ResNet: what counts is that one picture is easier to tell than the other. Control \
                      (b) is reported and does not decide: one seed in 50 picks the coordinate that is looked at",
        metrics: &[
            MetricCard { name: "test_accuracy", unit: "accuracy", says: "a part of the test points, during training" },
            MetricCard {
                name: "train_accuracy",
                unit: "accuracy",
                says: "a part of the training points; at the end all",
            },
            MetricCard { name: "train_loss", unit: "nats", says: "cross-entropy on the same points" },
            MetricCard { name: "auc_standard", unit: "AUC", says: "test points as they are" },
            MetricCard {
                name: "auc_simple_randomised",
                unit: "AUC",
                says: "the simplest block shuffled among test points",
            },
            MetricCard {
                name: "auc_rest_randomised",
                unit: "AUC",
                says: "everything but the simplest block shuffled, jointly",
            },
            MetricCard { name: "accuracy_standard", unit: "accuracy", says: "all test points, at the end" },
            MetricCard {
                name: "accuracy_simple_randomised",
                unit: "accuracy",
                says: "the same with the simplest block shuffled",
            },
            MetricCard {
                name: "accuracy_rest_randomised",
                unit: "accuracy",
                says: "the same with everything else shuffled",
            },
            MetricCard { name: "most_relied_on", unit: "", says: "number of the block whose shuffling costs most AUC" },
            MetricCard {
                name: "batch_loss",
                unit: "nats",
                says: "training loss of the last batch (of attacked points, if any)",
            },
            MetricCard { name: "steps", unit: "", says: "training steps that were done" },
        ],
    };

    const PRESETS: &'static [ShippedPreset] = &[
        ShippedPreset { name: "quick", text: include_str!("../../../presets/simplicity-bias/quick.ron") },
        ShippedPreset { name: "full", text: include_str!("../../../presets/simplicity-bias/full.ron") },
        ShippedPreset { name: "ablated", text: include_str!("../../../presets/simplicity-bias/ablated.ron") },
    ];

    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;

    fn problems(settings: &Settings) -> Vec<Problem> {
        settings.problems()
    }

    fn cost(settings: &Settings, seeds: u64) -> Cost {
        let trials = specs(&settings.cells(seeds));
        let widest = settings.conditions.iter().map(|c| c.width()).max().unwrap_or(0);
        // Points by coordinates and as the network sees them, and as much again while they are scored.
        let memory = 4 * (3 * settings.train + 4 * settings.test) * widest;
        let recorded = 6 * settings.evaluation.resamples * 20 + 40_000;
        Cost {
            flop: trials.iter().map(|spec| spec.flop).sum(),
            memory: memory as u64 + (8 << 20),
            disk: (trials.len() * (recorded + 400_000)) as u64,
            trials: trials.len(),
        }
    }

    fn trials(settings: &Settings, seeds: u64) -> Vec<TrialSpec> {
        specs(&settings.cells(seeds))
    }

    fn start(settings: &Settings, spec: &TrialSpec, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        let condition = settings.conditions.iter().find(|condition| condition.name == spec.condition);
        let condition =
            condition.ok_or_else(|| TrialError::Data(format!("the preset has no condition {}", spec.condition)))?;
        Ok(Box::new(trial::SimplicityTrial::start(settings, condition.clone(), spec, setup)))
    }

    fn panels(settings: &Settings, results: &[TrialResult]) -> Vec<Panel> {
        panels::study(settings, results)
    }

    fn judge(settings: &Settings, seed: u64, results: &[TrialResult]) -> Verdict {
        judge::judge(settings, seed, results)
    }
}
