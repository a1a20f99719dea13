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
mod subject;
#[cfg(test)]
mod tests;
mod trial;

use crate::contract::{
    Card, Cost, Family, Knob, MetricCard, Panel, Paper, Problem, Setup, ShippedPreset, System, Trial, TrialError,
    TrialResult, TrialSpec, Verdict,
};
use crate::instruments::card;
use crate::training::cell_of;
use crate::training::{Cell, specs};
use settings::{Condition, Settings};

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct ScalingMlps;

/// Bytes of a trial beside its weights, on disk and in memory: scores and panels; images and plans. Somewhat
/// above what `quick` was measured to take.
const BESIDE: (u64, u64) = (150_000, 30_000_000);
/// Bytes that a parameter takes on disk (two checkpoints of weights, best weights and optimiser) and in memory.
const PARAMETER: (u64, u64) = (32, 48);

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
            MetricCard {
                name: "test_error",
                unit: "share",
                says: "error of the best checkpoint on pictures never trained on",
            },
            MetricCard { name: "validation_error", unit: "share", says: "error on held-out pictures, during training" },
            MetricCard {
                name: "train_loss",
                unit: "nats",
                says: "cross-entropy with smoothed labels, mean since the last point",
            },
            MetricCard {
                name: "test_loss",
                unit: "nats",
                says: "cross-entropy of the best checkpoint on the test images",
            },
            MetricCard {
                name: "calibration_error",
                unit: "share",
                says: "expected |accuracy - confidence|, 15 bins of equal mass",
            },
            MetricCard {
                name: "margin",
                unit: "logits",
                says: "right logit minus the largest other, mean over the test",
            },
            MetricCard { name: "best_step", unit: "steps", says: "training step of the checkpoint that was tested" },
            MetricCard { name: "parameters", unit: "", says: "numbers that training adjusts" },
            MetricCard { name: "chance", unit: "share", says: "accuracy of guessing" },
            MetricCard { name: "compute", unit: "FLOP", says: "three forward passes of every image shown" },
        ],
    };

    const KNOBS: &'static [Knob] =
        &[Knob { name: "learning_rate", about: "the rate at which the cosine begins", range: (0.0, 1.0) }];
    const PRESETS: &'static [ShippedPreset] = &[
        ShippedPreset { name: "quick", text: include_str!("../../../presets/scaling-mlps/quick.ron") },
        ShippedPreset { name: "full", text: include_str!("../../../presets/scaling-mlps/full.ron") },
        ShippedPreset { name: "ablated", text: include_str!("../../../presets/scaling-mlps/ablated.ron") },
    ];

    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;

    fn problems(settings: &Settings) -> Vec<Problem> {
        settings.problems()
    }

    fn cost(settings: &Settings, seeds: u64) -> Cost {
        let cells = settings.cells(seeds);
        let trials: u64 = cells.iter().map(|cell| cell.seeds).sum();
        let parameters = |cell: &Cell<Condition>| cell.condition.model.kind.parameters(settings.task.canvas, 10) as u64;
        Cost {
            trials: trials as usize,
            flop: cells.iter().map(|cell| cell.seeds as f64 * cell.flop).sum(),
            memory: cells.iter().map(|cell| BESIDE.1 + PARAMETER.1 * parameters(cell)).max().unwrap_or(0),
            disk: cells.iter().map(|cell| cell.seeds * (BESIDE.0 + PARAMETER.0 * parameters(cell))).sum(),
        }
    }

    fn trials(settings: &Settings, seeds: u64) -> Vec<TrialSpec> {
        specs(&settings.cells(seeds))
    }

    fn start(settings: &Settings, spec: &TrialSpec, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        let cell = cell_of(settings.cells(u64::MAX), spec)?;
        Ok(Box::new(trial::ScalingTrial::start(settings, cell, spec.seed, setup)?))
    }

    fn panels(settings: &Settings, results: &[TrialResult]) -> Vec<Panel> {
        study_panels::panels(settings, results)
    }

    fn judge(settings: &Settings, seed: u64, results: &[TrialResult]) -> Verdict {
        judge::judge(settings, seed, results)
    }
}
