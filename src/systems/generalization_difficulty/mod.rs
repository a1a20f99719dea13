//! Generalisation difficulty: how many bits the data leave missing (Boopathy et al. 2023).
//!
//! The share of hypotheses that generalise among those that fit the data is measured exactly where they are
//! linear and Gaussian, compared with the data that real learners need, and estimated for real data sets by the
//! paper's formula.

mod dataset;
mod evidence;
mod judge;
mod ladder;
mod learners;
mod panels;
mod problems;
pub mod settings;
mod target;
#[cfg(test)]
mod tests;
mod volume;

use crate::base::random::Key;
use crate::contract::{
    Card, Cell, Checks, Evidence, Family, Panel, Paper, Setup, ShippedPreset, System, Trial, TrialError, Verdict,
    metric, presets, shipped_thumbnail,
};
use crate::instruments::card;
use evidence::Ground;
use settings::{Condition, Settings};

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct GeneralizationDifficulty;

impl System for GeneralizationDifficulty {
    const CARD: Card = Card {
        slug: "generalization-difficulty",
        number: 2,
        title: "Generalisation difficulty in bits",
        family: Family::Bias,
        sentence: "the bits that data leave missing grow exponentially with the dimension of the inputs and only as a power \
                   of their resolution",
        paper: Paper {
            title: "Model-agnostic Measure of Generalization Difficulty",
            authors: "Akhilan Boopathy, Kevin Liu, Jaedong Hwang, Shu Ge, Asaad Mohammedsaleh, Ila Fiete",
            year: 2023,
        },
        claims: &[
            "Required bits grow exponentially with the intrinsic dimension of the inputs, only polynomially with the resolution per dimension.",
            "Orderings: MNIST < CIFAR10 < ImageNet; fully observed < partially observed decision processes.",
            "More training data or a looser error target lower the bits slowly; adding input noise raises the dimension and so the bits.",
            "For a fixed architecture, harder tasks draw more bias out of it.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "definition, closed formula with the constants of the public code, estimators of dimension and resolution",
        shrunk: "3 dimensions, 343 functions, 8x8 digits",
        substituted: "the torus for the sphere, which has an exact orthonormal basis and the same law of counts \
                      (resolution to the power m); the phenomenon survives as both scalings come from the number of free \
                      directions. Errors of drawn hypotheses are taken on a shifted lattice of the torus, on which their \
                      mean square is exact: random test points would widen their distribution by their own noise. The \
                      claim is decided by the measured volume and by real learners alone, never by the formula, which has \
                      the exponent put in by hand",
        metrics: &[
            metric("bits", "bits", "exact: to reach the wanted error from the data alone"),
            metric("kolmogorov", "", "distance of the drawn errors and their law"),
            metric("mean_error", "variance", "mean error of the drawn hypotheses"),
            metric("reached", "share", "drawn hypotheses that reach the wanted error"),
            metric("functions", "", "functions that hypotheses are made of, N"),
            metric("free", "", "directions that the data leave open"),
            metric("noncentrality", "", "N times what of the truth the data do not see"),
            metric("test_error", "variance", "learners: relative test error, by training points"),
            metric("train_error", "variance", "networks: training error, by training points"),
            metric("required", "points", "learners: training points to the wanted error"),
            metric("censored", "", "1 where a ladder ended before that"),
            metric("intrinsic_dimension", "", "of the points of an embedded task"),
            metric("dimension.5", "", "data: intrinsic dimension by 5 neighbours (also .3, .10, .20)"),
            metric("radius", "", "data: largest norm of an input"),
            metric("resolution.sample", "", "data: smallest distance between classes"),
            metric("resolution.extreme", "", "the same by the tail of many pairs"),
            metric("log10_bits.sample", "log10 bits", "data: the formula's bits (also .extreme)"),
            metric("accuracy.logistic", "accuracy", "data: a linear classifier, by training images"),
            metric("accuracy.network", "accuracy", "data: a network, by training images"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("generalization-difficulty");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("generalization-difficulty");
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
        Ok(match cell.condition {
            Condition::Volume { basis, points } => {
                Box::new(volume::VolumeTrial::start(settings, basis, points, setup)?)
            }
            Condition::Ladder { learner, basis, shown } => {
                Box::new(ladder::LadderTrial::start(settings, learner, basis, shown, setup)?)
            }
            Condition::Data(set) => Box::new(dataset::DataTrial::start(&settings.data, &set, setup)?),
        })
    }

    fn panels(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        panels::study(&Ground { settings, evidence })
    }

    fn judge(settings: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(Ground { settings, evidence }, key)
    }
}
