//! Opposing signals: few examples that share a heavy feature and ask for opposite outputs dominate
//! training (Rosenfeld and Risteski 2023).
//!
//! Leg A is the two-layer linear network of the theory, leg B a network with a label conflict on a
//! shared feature; controls keep the feature and take away the conflict, or the feature.

mod judge;
mod measure;
mod model;
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
pub struct OpposingSignals;

impl System for OpposingSignals {
    const CARD: Card = Card {
        slug: "opposing-signals",
        number: 19,
        title: "Outliers with opposing signals",
        family: Family::Bias,
        sentence: "a few examples that share a heavy feature but ask for opposite outputs make training steep and bounce",
        paper: Paper {
            title: "Outliers with Opposing Signals Have an Outsized Effect on Neural Network Optimization",
            authors: "Elan Rosenfeld, Andrej Risteski",
            year: 2023,
        },
        claims: &[
            "Paired groups of outliers with opposing signals dominate the output; their gradients point in opposite directions.",
            "Training enters a valley that balances the groups; sharpening then makes their losses oscillate in anti-phase.",
            "On a two-layer linear network sharpness ends linear in the norm of the useful signal.",
            "The groups are found by looking at the examples whose loss changes most in one step.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "full-batch gradient descent, the theory's model, groups found by change of loss, the edge of stability",
        shrunk: "regression on 400 to 2,000 examples, networks of 1,700 weights; the groups of leg A are exactly p n / 2 \
                 examples each, so that seeds differ in directions and not in p",
        substituted: "outliers are planted by a generator instead of searched in CIFAR: the mechanism needs only a heavy \
                      shared feature, opposite targets and depth. The feature of leg B is a = 16 and the rates are \
                      0.06 and 0.07: at a = 8 (p a^2 = 1.9, below the 2 of the rest of the data) exact sharpness never \
                      reaches 2 / eta of the rates 0.03 and 0.06 (differences of gradients say it does, but what they \
                      measure are the kinks of the ReLU). The control a = 1 keeps the label conflict. Digits with a \
                      corner patch (`full`) and a CIFAR file of the user's are shown and not judged",
        metrics: &[
            metric("sharpness", "", "largest eigenvalue of the loss's Hessian"),
            metric("loss", "", "half the mean squared error of all examples"),
            metric("loss_a", "", "the same of group A"),
            metric("loss_b", "", "the same of group B"),
            metric("rho", "", "correlation of the mean changes of A and B past the crossing"),
            metric("precision", "", "planted examples among the 2k that move most"),
            metric("share", "", "share of all |change| that the planted examples carry"),
            metric("side_agreement", "", "planted examples that the sign test puts on their side"),
            metric("peak_sharpness", "", "largest sharpness of the run"),
            metric("final_sharpness", "", "sharpness at the end (leg A)"),
            metric("initial_sharpness", "", "sharpness before training"),
            metric("edge", "", "2 / eta"),
            metric("crossing", "step", "first measured step with sharpness above 2 / eta"),
            metric("output_norm", "", "|c|^2 at the end (leg A)"),
            metric("lowest_after_crossing", "2 / eta", "least sharpness soon after the crossing"),
            metric("fallen", "", "1 if that is below 0.9"),
            metric("learning_rate", "", "eta of the run"),
            metric("excluded", "", "1 if the run began beyond the edge"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("opposing-signals");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("opposing-signals");
    const PICTURES: &'static [&'static str] = &["causal", "law"];
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
        Ok(Box::new(trial::OpposingTrial::start(settings, cell, setup)?))
    }

    fn panels(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        study_panels::panels(settings, evidence)
    }

    fn judge(settings: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(settings, evidence, key)
    }
}
