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

use crate::base::random::Key;
use crate::contract::{
    Card, Cell, Checks, Evidence, Family, Panel, Paper, Setup, ShippedPreset, System, Trial, TrialError, Verdict,
    metric, presets, shipped_thumbnail,
};
use crate::instruments::card;
use settings::{Condition, Settings};

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
            metric("test_accuracy", "accuracy", "a part of the test points, during training"),
            metric("train_accuracy", "accuracy", "a part of the training points; at the end all"),
            metric("train_loss", "nats", "cross-entropy on the same points"),
            metric("auc_standard", "AUC", "test points as they are"),
            metric("auc_simple_randomised", "AUC", "the simplest block shuffled among test points"),
            metric("auc_rest_randomised", "AUC", "everything but the simplest block shuffled, jointly"),
            metric("accuracy_standard", "accuracy", "all test points, at the end"),
            metric("accuracy_simple_randomised", "accuracy", "the same with the simplest block shuffled"),
            metric("accuracy_rest_randomised", "accuracy", "the same with everything else shuffled"),
            metric("most_relied_on", "", "number of the block whose shuffling costs most AUC"),
            metric("batch_loss", "nats", "training loss of the last batch (of attacked points, if any)"),
            metric("steps", "", "training steps that were done"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("simplicity-bias");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("simplicity-bias");
    const PICTURES: &'static [&'static str] = &["overview"];
    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;
    type Condition = Condition;

    fn check(settings: &Settings, checks: &mut Checks) {
        settings.check(checks);
    }

    fn cells(settings: &Settings, seeds: u64) -> Vec<Cell<Condition>> {
        settings.cells(seeds)
    }

    fn start(settings: &Settings, cell: Cell<Condition>, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        Ok(Box::new(trial::SimplicityTrial::start(settings, cell.condition, setup)))
    }

    fn panels(_: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        panels::study(evidence)
    }

    fn judge(_: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(evidence, key)
    }
}
