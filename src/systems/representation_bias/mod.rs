//! Representation bias (Lampinen, Chan and Hermann 2024): what is computed is not what is seen.
//!
//! A network learns to answer two independent features of its input, one easy, one hard, equally important and in
//! the end equally well answered. Most of the variance of its last hidden layer is the easy one's.

mod data;
mod judge;
mod networks;
mod panels;
pub mod settings;
mod study_panels;
mod subject;
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
pub struct RepresentationBias;

impl System for RepresentationBias {
    const CARD: Card = Card {
        slug: "representation-bias",
        number: 10,
        title: "Representation bias",
        family: Family::Bias,
        sentence: "of two features that a network answers equally well, the easier one fills most of its hidden layer",
        paper: Paper {
            title: "Learned feature representations are biased by complexity, learning order, position, and more",
            authors: "Andrew Kyle Lampinen, Stephanie C. Y. Chan, Katherine Hermann",
            year: 2024,
        },
        claims: &[
            "Features that are simpler to compute are represented more strongly and more densely, though all are learned equally well.",
            "What is learned first is represented more strongly; the easy feature keeps growing while the hard one is learned.",
            "Order is not the whole reason: with the hard feature learned first the gap is narrower and still there.",
            "More frequent features are represented more strongly; depth widens the gap, optimiser and dropout change it.",
            "In convolutional networks and Transformers the same holds for easy image features and for what is answered first.",
            "So principal components, similarity analysis and interventions mislead about what is computed.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "equal roles of both features, their independence, R2 of the layer predicted from the feature, controls, \
               hard-first, interventions",
        shrunk: "16 bits, four hidden layers of 128 units, 1,500 steps. This base setting is the sixth that was tried, \
                 chosen for its effect on replicas 0 to 2; the first plan, three layers with Adam, failed (G of 0.12 \
                 and 0.15, and hard-first reversed claim 3). Judgement is on replicas from 3 on, and `full` prints the \
                 three layers with Adam beside it",
        substituted: "bits and parities of ours for the authors' inputs, which were not available; a bright corner patch \
                      on 8x8 digits for colour. The order in which a Transformer decodes features is left out: claim 5 \
                      is looked at in the convolutional network alone",
        metrics: &[
            metric(
                "r2_first",
                "R2",
                "share of the last hidden layer's variance that the first (easy) feature explains",
            ),
            metric("r2_second", "R2", "the same of the second (hard) feature"),
            metric(
                "gap",
                "R2",
                "G: the first minus the second; of two features of one kind a coin says which is first",
            ),
            metric("accuracy_first", "accuracy", "held-out inputs, first feature"),
            metric("accuracy_second", "accuracy", "held-out inputs, second feature"),
            metric("explained_first", "", "variance that the first feature explains, in units of activation squared"),
            metric("explained_second", "", "the same of the second"),
            metric("per_input_r2_first", "R2", "mean of the ratios of single inputs (as the paper writes it)"),
            metric("per_input_r2_second", "R2", "the same of the second"),
            metric("standardised_r2_first", "R2", "mean over units, each scaled to the same variance"),
            metric("standardised_r2_second", "R2", "the same of the second"),
            metric("density_first", "", "share of live units of which it explains more than 0.1"),
            metric("density_second", "", "the same of the second"),
            metric("top_components_r2_first", "R2", "of the scores on the first two principal components"),
            metric("top_components_r2_second", "R2", "the same of the second"),
            metric("growth_first", "", "what it gained after accuracy 0.99, over the final variance"),
            metric("growth_second", "", "the same of the second"),
            metric("mastered_first", "steps", "step of the first look at accuracy 0.99, both being trained"),
            metric("mastered_second", "steps", "the same of the second"),
            metric("flip_step_first", "", "median multiple of the difference of its means that turns its answer"),
            metric("flip_step_second", "", "the same of the second"),
            metric("flip_length_first", "activation", "length of that move"),
            metric("flip_length_second", "activation", "the same of the second"),
            metric("other_kept_first", "", "share of turned answers that leave the other output alone"),
            metric("other_kept_second", "", "the same of the second"),
            metric(
                "follows_first",
                "",
                "how often a linear classifier that could use either feature follows the first",
            ),
            metric("nuisance_r2", "R2", "mean over bits that nobody asked for: the floor"),
            metric("shuffled_r2", "R2", "the first feature of other inputs: must be 0"),
            metric("batch_loss", "nats", "training loss of the last batch, mean over both outputs"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("representation-bias");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("representation-bias");
    const PICTURES: &'static [&'static str] = &["gaps"];
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
        Ok(Box::new(trial::RepresentationTrial::start(settings, cell.condition, setup)))
    }

    fn panels(_: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        study_panels::panels(evidence)
    }

    fn judge(_: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(evidence, key)
    }
}
