//! Leg A: hypotheses through the training points are drawn, evaluated on a whole test set, and their errors
//! compared with the law.

use serde::{Deserialize, Serialize};

use super::panels;
use super::settings::Settings;
use super::target::Target;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Archive, Flow, Panel, Progress, Record, Setup, Trial, TrialError};
use crate::instruments::difficulty::volume::Interpolating;
use crate::instruments::statistics::mean;
use crate::instruments::statistics::sample::{kolmogorov, sample_quantile};
use crate::kernels::gemm::{Batch, Gemm, gemm};
use crate::tasks::torus::FourierBasis;

/// Multiplications and additions worth a step.
const STEP_FLOP: usize = 400_000_000;
/// Quantiles by which the distribution of errors is recorded.
const QUANTILES: usize = 201;

/// Hypotheses drawn in a step.
pub(super) fn chunk(basis: &FourierBasis, samples: usize) -> usize {
    let points = (4 * basis.frequency + 1).pow(basis.dimensions as u32);
    (STEP_FLOP / (2 * basis.size() * points)).clamp(50, 2000).min(samples)
}

/// A trial of one cell of leg A.
pub(super) struct VolumeTrial {
    error: f64,
    samples: usize,
    space: Interpolating,
    key: Key,
    pool: Pool,
    chunk: usize,
    /// Features of the test points, `[points, functions]`, and the truth there.
    test: Vec<f32>,
    truth: Vec<f32>,
    at: At,
}

/// How far it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct At {
    step: u64,
    errors: Vec<f64>,
}

impl VolumeTrial {
    pub(super) fn start(
        settings: &Settings,
        basis: FourierBasis,
        points: usize,
        setup: &Setup,
    ) -> Result<Self, TrialError> {
        let key = setup.key;
        let target = Target::new(basis, false, key);
        let space = target.interpolating(points).map_err(TrialError::data)?;
        // A shifted lattice: on it the mean square of a difference is that over the whole torus. Random points
        // would add their own noise, which widens the distribution by sqrt(1 + N / points).
        let lattice = basis.lattice(&mut key.purpose("lattice").stream());
        let singles = |values: Vec<f64>| values.into_iter().map(|x| x as f32).collect();
        Ok(VolumeTrial {
            error: settings.error,
            samples: settings.volume.samples,
            chunk: chunk(&basis, settings.volume.samples),
            test: singles(basis.matrix(&lattice)),
            truth: singles(target.values(&lattice)),
            key: key.purpose("hypotheses").index(points as u64),
            space,
            pool: setup.pool.clone(),
            at: At::default(),
        })
    }

    /// Draws a chunk of hypotheses and evaluates each on all test points.
    fn draw(&mut self) {
        let (functions, points) = (self.space.functions(), self.truth.len());
        let count = self.chunk.min(self.samples - self.at.errors.len());
        let mut stream = self.key.index(self.at.step).stream();
        let (mut one, mut all) = (vec![0.0; functions], Vec::with_capacity(count * functions));
        for _ in 0..count {
            self.space.draw(&mut stream, &mut one);
            all.extend(one.iter().map(|x| *x as f32));
        }
        let mut predictions = vec![0.0f32; count * points];
        let product = Gemm::dense(count, points, functions).transpose_b();
        gemm(&self.pool, &product, &Batch::ONE, &all, &self.test, &mut predictions);
        let error = |row: &[f32]| {
            let squares = row.iter().zip(&self.truth).map(|(f, truth)| f64::from(f - truth).powi(2));
            squares.sum::<f64>() / points as f64
        };
        self.at.errors.extend(predictions.chunks(points).map(error));
    }

    /// P(e <= error) by the law.
    fn cdf(&self, error: f64) -> f64 {
        let functions = self.space.functions() as f64;
        self.space.law().map_or(1.0, |law| law.ln_cdf(functions * error).exp())
    }

    fn finish(&self, record: &mut dyn Record) {
        let step = self.at.step;
        record.metric(step, "bits", self.space.bits(self.error));
        record.metric(step, "functions", self.space.functions() as f64);
        record.metric(step, "free", self.space.free() as f64);
        let reached = self.at.errors.iter().filter(|e| **e <= self.error).count();
        record.metric(step, "reached", reached as f64 / self.at.errors.len() as f64);
        if let Some(mean) = mean(&self.at.errors) {
            record.metric(step, "mean_error", mean);
        }
        if let Some(law) = self.space.law() {
            record.metric(step, "noncentrality", law.noncentrality);
            // Where nothing is left open every error is 0 and there is no distribution to compare.
            if let Some(distance) = kolmogorov(&self.at.errors, |error| self.cdf(error)) {
                record.metric(step, "kolmogorov", distance);
            }
        }
        let share = |i: usize| sample_quantile(&self.at.errors, i as f64 / (QUANTILES - 1) as f64);
        record.vector(step, "errors", (0..QUANTILES).filter_map(share).collect());
    }
}

impl Trial for VolumeTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.at.step, steps: self.samples.div_ceil(self.chunk) as u64 + 1 }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        let done = self.at.errors.len() >= self.samples;
        if done {
            self.finish(record);
        } else {
            self.draw();
        }
        self.at.step += 1;
        Ok(if done { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let law = self.space.law().map(|law| (law, self.space.functions()));
        panels::errors("Errors of hypotheses", &self.at.errors, law, self.error).into_iter().collect()
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.at)?;
        archive.reachable(self.at.errors.len() <= self.samples)
    }
}

#[cfg(test)]
mod tests {
    use super::super::GeneralizationDifficulty;
    use super::*;
    use crate::contract::Event;
    use crate::training::testing::{preset, settings_of};

    #[test]
    fn predictions_on_the_lattice_give_the_law_and_no_points_open_give_no_error() {
        let preset = preset::<GeneralizationDifficulty>("quick");
        let mut settings = settings_of::<GeneralizationDifficulty>(preset.as_ref());
        settings.volume.samples = 4000;
        let setup = Setup { seed: 0, key: Key::new(1), pool: Pool::serial() };
        let run = |points: usize| {
            let basis = settings.basis(2, 1);
            let mut trial = VolumeTrial::start(&settings, basis, points, &setup).unwrap();
            let mut events: Vec<Event> = Vec::new();
            while trial.step(&mut events).unwrap() == Flow::More {}
            let metric = |wanted: &str| {
                events.iter().find_map(|event| match event {
                    Event::Metric { name, value, .. } if name == wanted => Some(*value),
                    _ => None,
                })
            };
            ["bits", "kolmogorov", "mean_error", "free"].map(metric)
        };
        let [bits, distance, error, free] = run(2).map(Option::unwrap);
        // 1.36 / sqrt(4000) = 0.0215 in 95 % of samples.
        assert!(distance < 0.025 && bits > 1.0 && error > 0.3 && free == 7.0, "{bits} {distance} {error}");
        let [bits, distance, error, free] = run(12);
        assert!(bits == Some(0.0) && distance.is_none() && error.unwrap() < 1e-10 && free == Some(0.0));
    }
}
