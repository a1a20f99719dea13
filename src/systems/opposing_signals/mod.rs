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

use crate::contract::{
    Card, Cost, Family, MetricCard, Panel, Paper, Problem, Setup, ShippedPreset, System, Trial, TrialError,
    TrialResult, TrialSpec, Verdict,
};
use crate::instruments::card;
use crate::training::{cell_of, specs};
use settings::Settings;

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
            MetricCard { name: "sharpness", unit: "", says: "largest eigenvalue of the loss's Hessian" },
            MetricCard { name: "loss", unit: "", says: "half the mean squared error of all examples" },
            MetricCard { name: "loss_a", unit: "", says: "the same of group A" },
            MetricCard { name: "loss_b", unit: "", says: "the same of group B" },
            MetricCard { name: "rho", unit: "", says: "correlation of the mean changes of A and B past the crossing" },
            MetricCard { name: "precision", unit: "", says: "planted examples among the 2k that move most" },
            MetricCard { name: "share", unit: "", says: "share of all |change| that the planted examples carry" },
            MetricCard {
                name: "side_agreement",
                unit: "",
                says: "planted examples that the sign test puts on their side",
            },
            MetricCard { name: "peak_sharpness", unit: "", says: "largest sharpness of the run" },
            MetricCard { name: "final_sharpness", unit: "", says: "sharpness at the end (leg A)" },
            MetricCard { name: "initial_sharpness", unit: "", says: "sharpness before training" },
            MetricCard { name: "edge", unit: "", says: "2 / eta" },
            MetricCard { name: "crossing", unit: "step", says: "first measured step with sharpness above 2 / eta" },
            MetricCard { name: "output_norm", unit: "", says: "|c|^2 at the end (leg A)" },
            MetricCard {
                name: "lowest_after_crossing",
                unit: "2 / eta",
                says: "least sharpness soon after the crossing",
            },
            MetricCard { name: "fallen", unit: "", says: "1 if that is below 0.9" },
            MetricCard { name: "learning_rate", unit: "", says: "eta of the run" },
            MetricCard { name: "excluded", unit: "", says: "1 if the run began beyond the edge" },
        ],
    };

    const PRESETS: &'static [ShippedPreset] = &[
        ShippedPreset { name: "quick", text: include_str!("../../../presets/opposing-signals/quick.ron") },
        ShippedPreset { name: "full", text: include_str!("../../../presets/opposing-signals/full.ron") },
        ShippedPreset { name: "ablated", text: include_str!("../../../presets/opposing-signals/ablated.ron") },
    ];

    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;

    fn problems(settings: &Settings) -> Vec<Problem> {
        settings.problems()
    }

    fn cost(settings: &Settings, seeds: u64) -> Cost {
        let cells = settings.cells(seeds);
        let trials = cells.iter().map(|cell| cell.seeds).sum::<u64>();
        // Losses of every example over the longest run of leg B, in memory and in a checkpoint.
        let kept = 4 * settings.network.steps * settings.network.examples as u64;
        Cost {
            trials: trials as usize,
            flop: cells.iter().map(|cell| cell.seeds as f64 * cell.flop).sum(),
            memory: 2 * kept + (8 << 20),
            disk: trials * (kept + (100 << 10)),
        }
    }

    fn trials(settings: &Settings, seeds: u64) -> Vec<TrialSpec> {
        specs(&settings.cells(seeds))
    }

    fn start(settings: &Settings, spec: &TrialSpec, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        let cell = cell_of(settings.cells(u64::MAX), spec)?;
        Ok(Box::new(trial::OpposingTrial::start(settings, cell, spec, setup)?))
    }

    fn panels(settings: &Settings, results: &[TrialResult]) -> Vec<Panel> {
        study_panels::panels(settings, results)
    }

    fn judge(settings: &Settings, seed: u64, results: &[TrialResult]) -> Verdict {
        judge::judge(settings, seed, results)
    }
}
