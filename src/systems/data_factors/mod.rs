//! Data factors for compositional generalisation (Zhou, Jiang and Bansal 2023).
//!
//! One Transformer, several training sets: the commands of SCAN as they are, with more primitives, as copies in new
//! vocabularies, repeated, longer, easier. What is tested, a word that was only ever seen alone in every other place,
//! depends on the set alone.

mod data;
mod examination;
mod judge;
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
use settings::{Arm, Settings};

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct DataFactors;

impl System for DataFactors {
    const CARD: Card = Card {
        slug: "data-factors",
        number: 28,
        title: "Data factors for compositional generalisation",
        family: Family::Bias,
        sentence: "the same Transformer fails or succeeds at composing known parts depending on its training set alone",
        paper: Paper {
            title: "Data Factors for Better Compositional Generalization",
            authors: "Xiang Zhou, Yichen Jiang, Mohit Bansal",
            year: 2023,
        },
        claims: &[
            "More complex data, even synthetic copies with new symbols, makes a Transformer compose better.",
            "Models trained on longer inputs do better on inputs twice the longest that they saw.",
            "Two causes: diversity of examples, and less repetition of each, which prevents memorising.",
            "Easy examples bring more compositionality than hard ones on synthetic data.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "primitive augmentation token by token on both sides, copies in new vocabularies, equal steps for every set, \
               exact match, a split where the new word is trained alone only, as a tenth of the lines",
        shrunk: "`quick` has the 102 commands without a conjunction and one layer of width 32; `full` has SCAN and two \
                 layers of width 128 (3+3 of 256 in the paper), 8,000 steps (50,000)",
        substituted: "absolute sinusoidal positions, norms before each half and no dropout; greedy decoding in `quick` (a \
                      beam of 5 in `full`); the learning rate falls at the end instead of by Noam's schedule; \
                      nobody stops early, the last step is judged. GeoQuery, ATIS and SMCalFlow \
                      are left out; any pair of files in SCAN's format runs through the same arms",
        metrics: &[
            metric("zero_shot", "share", "of test commands carried out exactly"),
            metric("train_accuracy", "share", "of a sample of training lines carried out exactly"),
            metric("loss", "nats", "a token, of the last training batch"),
            metric("distance", "", "of the new word's embedding from the centroid of the other verbs, in their spread"),
            metric("lines", "", "different training lines"),
            metric("shown", "", "median times that a line of the set was shown"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("data-factors");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("data-factors");
    const PICTURES: &'static [&'static str] = &["arms-race"];
    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;
    type Condition = Arm;

    fn check(settings: &Settings, checks: &mut Checks) {
        settings.check(checks);
    }

    fn cells(settings: &Settings, seeds: u64) -> Vec<Cell<Arm>> {
        settings.cells(seeds)
    }

    fn start(settings: &Settings, cell: Cell<Arm>, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        Ok(Box::new(trial::ArmTrial::start(settings, cell.condition, setup)?))
    }

    fn panels(_: &Settings, evidence: &Evidence<'_, Arm>) -> Vec<Panel> {
        study_panels::panels(evidence)
    }

    fn judge(_: &Settings, evidence: &Evidence<'_, Arm>, key: Key) -> Verdict {
        judge::judge(evidence, key)
    }
}
