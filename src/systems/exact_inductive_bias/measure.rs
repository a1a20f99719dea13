//! What a trial records of a sample of losses, and how it is read again: the fit of its tail, fits of
//! resamples, and the exact law where there is one.

use crate::base::random::Key;
use crate::contract::{Level, Record, TrialResult};
use crate::instruments::hypothesis_bits::posterior::LossLaw;
use crate::instruments::hypothesis_bits::{Bits, ScaledChiSquare, interval};
use crate::instruments::statistics::chi_square::ChiSquare;
use crate::instruments::statistics::sample::sample_quantile;
use crate::instruments::statistics::{deviation, mean};

/// Points by which the distribution of a large sample is recorded.
const POINTS: usize = 201;

/// One hypothesis space as its trial recorded it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Space {
    /// Mean loss.
    pub(super) mean: f64,
    /// Standard deviation of the loss.
    pub(super) sd: f64,
    /// The model of its losses.
    pub(super) fit: ScaledChiSquare,
    /// Fits of resamples.
    pub(super) refits: Vec<ScaledChiSquare>,
    /// The exact law of a kernel space.
    pub(super) law: Option<LossLaw>,
    /// The losses, or evenly spaced quantiles of them.
    pub(super) losses: Vec<f64>,
    /// Distance of fit and sample.
    pub(super) kolmogorov: f64,
}

/// The fit as a vector.
fn numbers(fit: &ScaledChiSquare) -> [f64; 3] {
    [fit.scale, fit.law.freedom, fit.law.noncentrality]
}

fn of_numbers(x: &[f64]) -> ScaledChiSquare {
    ScaledChiSquare { scale: x[0], law: ChiSquare { freedom: x[1], noncentrality: x[2] } }
}

impl Space {
    /// Fits a sample. Nothing where there is no distribution to fit.
    pub(super) fn fit(losses: &[f64], law: Option<LossLaw>) -> Option<Self> {
        let fit = ScaledChiSquare::fit(losses)?;
        let share = |i: usize| sample_quantile(losses, i as f64 / (POINTS - 1) as f64);
        let shown = if losses.len() <= POINTS { Some(losses.to_vec()) } else { (0..POINTS).map(share).collect() };
        Some(Space {
            mean: mean(losses)?,
            sd: deviation(losses)?,
            fit,
            refits: Vec::new(),
            law,
            losses: shown?,
            kolmogorov: fit.kolmogorov(losses)?,
        })
    }

    /// Takes fits of resamples that were made before.
    pub(super) fn set_refits(&mut self, fits: &[[f64; 3]]) {
        self.refits = fits.iter().map(|fit| of_numbers(fit)).collect();
    }

    /// Fits of resamples as numbers.
    pub(super) fn refit_numbers(&self) -> Vec<[f64; 3]> {
        self.refits.iter().map(numbers).collect()
    }

    /// Fits one resample more.
    pub(super) fn refit(&mut self, losses: &[f64], key: Key) {
        let key = key.purpose("refit").index(self.refits.len() as u64);
        // A resample without a fit is counted with the fit of the whole, so that the number stays.
        self.refits.push(self.fit.refit(losses, key).unwrap_or(self.fit));
    }

    /// Records it under `prefix`; with a wanted loss its bits too.
    pub(super) fn record(&self, record: &mut dyn Record, step: u64, prefix: &str, target: Option<f64>) {
        record.metric(step, &format!("{prefix}.mean_loss"), self.mean);
        record.metric(step, &format!("{prefix}.sd_loss"), self.sd);
        record.metric(step, &format!("{prefix}.kolmogorov"), self.kolmogorov);
        record.vector(step, &format!("{prefix}.fit"), numbers(&self.fit).to_vec());
        record.vector(step, &format!("{prefix}.refits"), self.refits.iter().flat_map(numbers).collect());
        record.vector(step, &format!("{prefix}.losses"), self.losses.clone());
        if let Some(law) = &self.law {
            record.metric(step, &format!("{prefix}.outputs"), law.outputs as f64);
            record.vector(step, &format!("{prefix}.law"), [&law.weights[..], &law.offsets].concat());
        }
        let Some(target) = target else { return };
        let bits = self.bits(target);
        let mut metric = |name: &str, value: f64| {
            if value.is_finite() {
                record.metric(step, &format!("{prefix}.{name}"), value);
            }
        };
        metric("bits", bits.bits);
        metric("bits_sankaran", bits.sankaran);
        metric("extrapolation", bits.extrapolation);
        metric("bits_saddlepoint", self.exact_bits(target).unwrap_or(f64::NAN));
        if let Some((low, high)) = interval(&self.refits, target) {
            metric("bits_low", low);
            metric("bits_high", high);
        }
        if let Some(warning) = bits.warning() {
            let text = format!("{prefix}: {:.1} bits to a loss of {target}, {warning}", bits.bits);
            record.note(step, Level::Info, text);
        }
    }

    /// What was recorded under `prefix`.
    pub(super) fn read(result: &TrialResult, prefix: &str) -> Option<Self> {
        let vector = |name: &str| result.vector(&format!("{prefix}.{name}"));
        let last = |name: &str| result.last(&format!("{prefix}.{name}"));
        let law = vector("law").zip(last("outputs")).map(|(law, outputs)| {
            let (weights, offsets) = law.split_at(law.len() / 2);
            LossLaw { weights: weights.to_vec(), offsets: offsets.to_vec(), outputs: outputs as usize }
        });
        Some(Space {
            mean: last("mean_loss")?,
            sd: last("sd_loss")?,
            fit: vector("fit").filter(|fit| fit.len() == 3).map(of_numbers)?,
            refits: vector("refits")?.chunks_exact(3).map(of_numbers).collect(),
            law,
            losses: vector("losses")?.to_vec(),
            kolmogorov: last("kolmogorov")?,
        })
    }

    /// Bits to reach a loss by the fitted tail.
    pub(super) fn bits(&self, target: f64) -> Bits {
        self.fit.bits_of(self.mean, self.sd, target)
    }

    /// Bits by the exact law, where there is one.
    pub(super) fn exact_bits(&self, target: f64) -> Option<f64> {
        self.law.as_ref().map(|law| law.bits(target))
    }

    /// Density of the logarithm of the loss, of the fit.
    pub(super) fn density(&self, loss: f64) -> f64 {
        (self.fit.ln_density(loss) + loss.ln()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Cell, Event, TrialResult};

    #[test]
    fn what_was_recorded_is_read_again() {
        let law = LossLaw { weights: vec![0.01; 5], offsets: vec![0.02; 5], outputs: 2 };
        let mut stream = Key::new(1).stream();
        let losses: Vec<f64> = (0..400).map(|_| law.sample(&mut stream)).collect();
        let mut space = Space::fit(&losses, Some(law)).unwrap();
        (0..3).for_each(|_| space.refit(&losses, Key::new(2)));
        let mut events: Vec<Event> = Vec::new();
        space.record(&mut events, 4, "space", Some(0.02));
        let mut result = TrialResult::new(Cell::new("a", (), 1, 1).spec(0));
        events.iter().for_each(|event| result.apply(event));
        assert_eq!(Space::read(&result, "space").unwrap(), space);
        assert_eq!(Space::read(&result, "other"), None);
        let bits = result.last("space.bits").unwrap();
        assert_eq!(bits, space.bits(0.02).bits);
        assert!(bits > 1.0 && (bits / result.last("space.bits_saddlepoint").unwrap() - 1.0).abs() < 0.2);
        assert_ne!(space.refits[0], space.refits[1]);
    }
}
