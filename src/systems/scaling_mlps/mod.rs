//! Scaling MLPs (Bachmann, Anagnostidis and Hofmann 2023): can scale replace an inductive bias?
//!
//! A perceptron on pixels knows nothing of images. On small pictures scattered over a canvas the bench
//! measures how much more data it needs than a small convolutional network, and whether the gap closes.

pub mod augment;
mod evidence;
mod judge;
mod learner;
pub mod model;
mod panels;
mod problems;
pub mod settings;
mod stages;
mod study_panels;
#[cfg(test)]
mod tests;
mod trial;

use crate::base::random::Key;
use crate::contract::{
    Card, Cell, Checks, Evidence, Family, Knob, Panel, Paper, Setup, ShippedPreset, System, Trial, TrialError, Verdict,
    metric, presets, shipped_thumbnail,
};
use crate::instruments::card;
use evidence::Found;
use settings::{Condition, Settings};

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct ScalingMlps;

impl System for ScalingMlps {
    const CARD: Card = Card {
        slug: "scaling-mlps",
        number: 34,
        title: "Scaling MLPs",
        family: Family::Bias,
        sentence: "scale makes up for an inductive bias: with enough data a perceptron on pixels nears a convolutional network",
        paper: Paper {
            title: "Scaling MLPs: A Tale of Inductive Bias",
            authors: "Gregor Bachmann, Sotiris Anagnostidis, Thomas Hofmann",
            year: 2023,
        },
        claims: &[
            "MLPs improve drastically with scale: 95 % on CIFAR10, 82 % on CIFAR100, 58 % on ImageNet ReaL.",
            "Trained from scratch on little data they stay far behind a convolutional network.",
            "Inverted bottlenecks, residual connections and layer normalisation beat a plain MLP; large batches help.",
            "Test error follows a power law in compute.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "architectures, Lion, label smoothing, compute accounting, transfer recipe, scaling fit",
        shrunk: "12x12 or 16x16 grey images, 41 thousand to half a million of them shown, widths 32 to 256",
        substituted: "scattered digits instead of CIFAR and ImageNet: plain 8x8 digits are so easy that MLP and CNN tie. \
                      The phenomenon survives because what the canvas makes valuable is exactly the bias at stake, \
                      locality and translation. Checkpoints are chosen on held-out base pictures for all models alike",
        metrics: &[
            metric("test_error", "share", "error of the best checkpoint on pictures never trained on"),
            metric("validation_error", "share", "error on held-out pictures, during training"),
            metric("train_loss", "nats", "cross-entropy with smoothed labels, mean since the last point"),
            metric("test_loss", "nats", "cross-entropy of the best checkpoint on the test images"),
            metric("calibration_error", "share", "expected |accuracy - confidence|, 15 bins of equal mass"),
            metric("margin", "logits", "right logit minus the largest other, mean over the test"),
            metric("best_step", "steps", "training step of the checkpoint that was tested"),
            metric("parameters", "", "numbers that training adjusts"),
            metric("chance", "share", "accuracy of guessing"),
            metric("compute", "FLOP", "three forward passes of every image shown"),
        ],
    };

    const KNOBS: &'static [Knob] =
        &[Knob { name: "learning_rate", about: "the rate at which the cosine begins", range: (0.0, 1.0) }];
    const PRESETS: &'static [ShippedPreset] = presets!("scaling-mlps");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("scaling-mlps");
    const PICTURES: &'static [&'static str] = &["scaling"];
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
        Ok(Box::new(trial::ScalingTrial::start(settings, cell, setup)?))
    }

    fn panels(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        study_panels::panels(Found { settings, evidence })
    }

    fn judge(settings: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(Found { settings, evidence }, key)
    }
}
