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
pub mod settings;
mod target;
#[cfg(test)]
mod tests;
mod volume;

use crate::base::random::Key;
use crate::contract::{
    Card, Cost, Family, MetricCard, Panel, Paper, Problem, Setup, ShippedPreset, System, Trial, TrialError,
    TrialResult, TrialSpec, Verdict,
};
use crate::instruments::card;
use crate::training::cell_of;
use settings::{Condition, Settings};

/// Bytes on disk of a trial: its vectors, panels and checkpoint.
const TRIAL_BYTES: u64 = 600_000;

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
            MetricCard { name: "bits", unit: "bits", says: "exact: to reach the wanted error from the data alone" },
            MetricCard { name: "kolmogorov", unit: "", says: "distance of the drawn errors and their law" },
            MetricCard { name: "mean_error", unit: "variance", says: "mean error of the drawn hypotheses" },
            MetricCard { name: "reached", unit: "share", says: "drawn hypotheses that reach the wanted error" },
            MetricCard { name: "functions", unit: "", says: "functions that hypotheses are made of, N" },
            MetricCard { name: "free", unit: "", says: "directions that the data leave open" },
            MetricCard { name: "noncentrality", unit: "", says: "N times what of the truth the data do not see" },
            MetricCard {
                name: "test_error",
                unit: "variance",
                says: "learners: relative test error, by training points",
            },
            MetricCard { name: "train_error", unit: "variance", says: "networks: training error, by training points" },
            MetricCard { name: "required", unit: "points", says: "learners: training points to the wanted error" },
            MetricCard { name: "censored", unit: "", says: "1 where a ladder ended before that" },
            MetricCard { name: "intrinsic_dimension", unit: "", says: "of the points of an embedded task" },
            MetricCard {
                name: "dimension.5",
                unit: "",
                says: "data: intrinsic dimension by 5 neighbours (also .3, .10, .20)",
            },
            MetricCard { name: "radius", unit: "", says: "data: largest norm of an input" },
            MetricCard { name: "resolution.sample", unit: "", says: "data: smallest distance between classes" },
            MetricCard { name: "resolution.extreme", unit: "", says: "the same by the tail of many pairs" },
            MetricCard {
                name: "log10_bits.sample",
                unit: "log10 bits",
                says: "data: the formula's bits (also .extreme)",
            },
            MetricCard {
                name: "accuracy.logistic",
                unit: "accuracy",
                says: "data: a linear classifier, by training images",
            },
            MetricCard { name: "accuracy.network", unit: "accuracy", says: "data: a network, by training images" },
        ],
    };

    const PRESETS: &'static [ShippedPreset] = &[
        ShippedPreset { name: "quick", text: include_str!("../../../presets/generalization-difficulty/quick.ron") },
        ShippedPreset { name: "full", text: include_str!("../../../presets/generalization-difficulty/full.ron") },
        ShippedPreset { name: "ablated", text: include_str!("../../../presets/generalization-difficulty/ablated.ron") },
    ];

    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;

    fn problems(settings: &Settings) -> Vec<Problem> {
        let mut problems = settings.problems();
        // Files are read last: a wrong number is told without waiting for them.
        if problems.is_empty() {
            let wrong = |(i, files): (usize, &settings::Files)| {
                let error = dataset::Points::files(files).err()?;
                Some(Problem::told(format!("data.files[{i}]"), error))
            };
            problems.extend(settings.data.files.iter().enumerate().filter_map(wrong));
        }
        problems
    }

    fn cost(settings: &Settings, seeds: u64) -> Cost {
        let cells = settings.cells(seeds);
        let trials: u64 = cells.iter().map(|cell| cell.seeds).sum();
        let flop = cells.iter().map(|cell| cell.seeds as f64 * cell.flop).sum();
        let memory = cells.iter().map(|cell| memory(settings, &cell.condition)).max().unwrap_or(0);
        Cost { trials: trials as usize, flop, memory, disk: trials * TRIAL_BYTES }
    }

    fn trials(settings: &Settings, seeds: u64) -> Vec<TrialSpec> {
        settings.trials(seeds)
    }

    fn start(settings: &Settings, spec: &TrialSpec, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        let cell = cell_of(settings.cells(u64::MAX), spec)?;
        let key: Key = setup.key.purpose("replica").index(spec.seed);
        let pool = setup.pool.clone();
        Ok(match cell.condition {
            Condition::Volume { basis, points } => {
                Box::new(volume::VolumeTrial::start(settings, basis, points, key, pool)?)
            }
            Condition::Ladder { learner, basis, shown } => {
                Box::new(ladder::LadderTrial::start(settings, learner, basis, shown, key, pool)?)
            }
            Condition::Data(set) => Box::new(dataset::DataTrial::start(&settings.data, &set, key, pool)?),
        })
    }

    fn panels(settings: &Settings, results: &[TrialResult]) -> Vec<Panel> {
        panels::study(settings, results)
    }

    fn judge(settings: &Settings, seed: u64, results: &[TrialResult]) -> Verdict {
        judge::judge(settings, seed, results)
    }
}

/// Bytes of memory of a trial, roughly.
fn memory(settings: &Settings, condition: &Condition) -> u64 {
    match condition {
        Condition::Volume { basis, .. } => {
            let points = (4 * basis.frequency + 1).pow(basis.dimensions as u32);
            let chunk = volume::chunk(basis, settings.volume.samples);
            (4 * (points * basis.size() + chunk * (points + basis.size())) + 8 * settings.volume.samples) as u64
        }
        Condition::Ladder { learner, basis, .. } => {
            let points = settings.most_points(*learner).min(4 * basis.size()) + settings.learners.test;
            8 * (points * points) as u64
        }
        Condition::Data(_) => 100_000_000,
    }
}
