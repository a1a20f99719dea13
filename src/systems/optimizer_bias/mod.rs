//! The optimiser chooses the solution: what is learned, kept and forgotten at the same loss (Pascanu et
//! al. 2025).
//!
//! Pairs of digits are learned one after another, each to the same training loss, with optimisers that
//! differ in their preconditioner; leg B compares powerpropagation with SGD on its weights.

mod judge;
mod learner;
mod panels;
pub mod settings;
mod study_panels;
#[cfg(test)]
mod tests;
mod trial;

use crate::contract::{
    Card, Cost, Family, MetricCard, Panel, Paper, Problem, Setup, ShippedPreset, System, Trial, TrialError,
    TrialResult, TrialSpec, Verdict,
};
use crate::instruments::card;
use crate::training::cell_of;
use settings::Settings;

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct OptimizerBias;

impl System for OptimizerBias {
    const CARD: Card = Card {
        slug: "optimizer-bias",
        number: 13,
        title: "The optimiser chooses the solution",
        family: Family::Bias,
        sentence: "at the same loss a preconditioner with matrices forgets old tasks far less than SGD or AdamW",
        paper: Paper {
            title: "Optimizers Qualitatively Alter Solutions And We Should Leverage This",
            authors: "Razvan Pascanu, Clare Lyle, Ionut-Vlad Modoranu, Naima Elosegui Borras, Dan Alistarh, Petar \
                      Velickovic, Sarath Chandar, Soham De, James Martens",
            year: 2025,
        },
        claims: &[
            "Besides speed the optimiser sets qualitative properties of the solution; it can be designed to encode desiderata.",
            "Classes learned in pairs are forgotten with Adam and largely kept with Shampoo.",
            "Shampoo's class representations are less alike, lower-dimensional and more localised.",
            "Powerpropagation, read as an optimiser, takes steps in proportion to the size of weights and finds sparse solutions.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "class-incremental pairs with all outputs competing, no replay, optimiser state carried on, the optimisers, \
               retention, likeness and rank of representations",
        shrunk: "8x8 digits in place of MNIST, perceptron 64-64-64-10 without biases. In `quick` every optimiser has the \
                 two faster of the sheet's three rates: the slowest needs 2 to 9 times the steps on every seed, so that \
                 the rule could not choose it; `full` has all three",
        substituted: "a task is trained to a fixed loss (0.02 nats on all its images) instead of for equal epochs, which \
                      is stricter: a slow optimiser must not look as if it remembered. Shampoo's roots are computed at \
                      every step: with roots up to 5 steps old the first preconditioner, made of one low-rank gradient, \
                      multiplies new directions by up to a thousand, and learning collapses on all classes at once and \
                      in reversed order. Muon takes five steps of Newton and Schulz's iteration, as published, in place \
                      of an exact polar factor. Every rate is run on every seed; which of them counts is decided on the \
                      tuning seeds alone. A run ends at the first task that it does not learn; it is not counted",
        metrics: &[
            MetricCard {
                name: "retention",
                unit: "accuracy",
                says: "all tasks but the last, at the end, among all classes",
            },
            MetricCard { name: "train_loss", unit: "nats", says: "mean over all training images of the task at hand" },
            MetricCard { name: "task_accuracy", unit: "accuracy", says: "test images of a task right after it" },
            MetricCard { name: "least_current", unit: "accuracy", says: "the least of these over the tasks" },
            MetricCard { name: "test_accuracy", unit: "accuracy", says: "all test images at the end" },
            MetricCard { name: "total_steps", unit: "steps", says: "training steps on all tasks" },
            MetricCard { name: "steps.1", unit: "steps", says: "training steps on a task, by its place" },
            MetricCard { name: "reached", unit: "", says: "1 if every task met the tolerance" },
            MetricCard {
                name: "class_cosine",
                unit: "cosine",
                says: "mean over pairs of class means, last hidden layer",
            },
            MetricCard {
                name: "effective_rank",
                unit: "directions",
                says: "of the last hidden layer on the test images",
            },
            MetricCard {
                name: "displacement",
                unit: "",
                says: "Euclidean distance of all weights from where they began",
            },
            MetricCard { name: "least_kept", unit: "share", says: "weights that keep 95 % of the accuracy (leg B)" },
            MetricCard { name: "fingerprint", unit: "", says: "tells final weights apart by their bits (leg B)" },
        ],
    };

    const PRESETS: &'static [ShippedPreset] = &[
        ShippedPreset { name: "quick", text: include_str!("../../../presets/optimizer-bias/quick.ron") },
        ShippedPreset { name: "full", text: include_str!("../../../presets/optimizer-bias/full.ron") },
        ShippedPreset { name: "ablated", text: include_str!("../../../presets/optimizer-bias/ablated.ron") },
    ];

    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;

    fn problems(settings: &Settings) -> Vec<Problem> {
        settings.problems()
    }

    fn cost(settings: &Settings, seeds: u64) -> Cost {
        let trials = settings.trials(seeds);
        Cost {
            trials: trials.len(),
            flop: trials.iter().map(|trial| trial.flop).sum(),
            memory: 32 << 20,
            disk: trials.len() as u64 * (500 << 10),
        }
    }

    fn trials(settings: &Settings, seeds: u64) -> Vec<TrialSpec> {
        settings.trials(seeds)
    }

    fn start(settings: &Settings, spec: &TrialSpec, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        let cell = cell_of(settings.cells(u64::MAX), spec)?;
        Ok(Box::new(trial::OptimizerTrial::start(settings, cell, spec, setup)?))
    }

    fn panels(settings: &Settings, results: &[TrialResult]) -> Vec<Panel> {
        study_panels::panels(settings, results)
    }

    fn judge(settings: &Settings, seed: u64, results: &[TrialResult]) -> Verdict {
        judge::judge(settings, seed, results)
    }
}
