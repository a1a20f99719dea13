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

use crate::base::random::Key;
use crate::contract::{
    Card, Cell, Checks, Evidence, Family, Panel, Paper, Setup, ShippedPreset, System, Trial, TrialError, Verdict,
    metric, presets, shipped_thumbnail,
};
use crate::instruments::card;
use settings::{Condition, Settings};

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
            metric("retention", "accuracy", "all tasks but the last, at the end, among all classes"),
            metric("train_loss", "nats", "mean over all training images of the task at hand"),
            metric("task_accuracy", "accuracy", "test images of a task right after it"),
            metric("least_current", "accuracy", "the least of these over the tasks"),
            metric("test_accuracy", "accuracy", "all test images at the end"),
            metric("total_steps", "steps", "training steps on all tasks"),
            metric("steps.1", "steps", "training steps on a task, by its place"),
            metric("reached", "", "1 if every task met the tolerance"),
            metric("class_cosine", "cosine", "mean over pairs of class means, last hidden layer"),
            metric("effective_rank", "directions", "of the last hidden layer on the test images"),
            metric("displacement", "", "Euclidean distance of all weights from where they began"),
            metric("least_kept", "share", "weights that keep 95 % of the accuracy (leg B)"),
            metric("fingerprint", "", "tells final weights apart by their bits (leg B)"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("optimizer-bias");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("optimizer-bias");
    const PICTURES: &'static [&'static str] = &["forgetting"];
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
        Ok(Box::new(trial::OptimizerTrial::start(settings, cell, setup)?))
    }

    fn panels(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        study_panels::panels(settings, evidence)
    }

    fn judge(settings: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(settings, evidence, key)
    }
}
