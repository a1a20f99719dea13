//! Leg B: a ladder of training sizes that doubles from 2 and ends at the first success of a learner.

use serde::{Deserialize, Serialize};

use super::learners::{Kernel, Net};
use super::panels;
use super::settings::{Learner, Settings, Shown};
use super::target::{Seen, Target};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Archive, Flow, Level, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::difficulty::points;
use crate::tasks::torus::FourierBasis;

/// Neighbours by which the intrinsic dimension of an embedded task is measured.
const NEIGHBOURS: usize = 5;

/// One learner on one task.
pub(super) struct LadderTrial {
    settings: Settings,
    learner: Learner,
    shown: Shown,
    target: Target,
    /// As many training points as the ladder may use.
    train: Seen,
    test: Seen,
    key: Key,
    pool: Pool,
    at: At,
    /// The network of the rung at hand; the last one stays when the ladder is over.
    net: Option<Net>,
}

/// How far it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct At {
    rungs: Vec<Rung>,
    /// Errors on the validation part of the kernel's widths tried so far; none where it had no solution.
    validated: Vec<Option<f64>>,
    /// Training steps of the network of this rung.
    steps: u64,
    /// Whether they were doubled, as it did not fit its training points.
    doubled: bool,
}

/// One training size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rung {
    /// Training points.
    pub(super) points: usize,
    /// Relative test error; none if the rung was dropped.
    pub(super) error: Option<f64>,
}

/// Training points at which the error comes down to `wanted`, and whether it did: between the last rung above and the
/// first at or below it, the logarithm of the points is linear in that of the error. Nothing without rungs.
pub(super) fn required(rungs: &[Rung], wanted: f64) -> Option<(f64, bool)> {
    let known: Vec<(f64, f64)> =
        rungs.iter().filter_map(|rung| Some((rung.points as f64, rung.error?.max(1e-12)))).collect();
    let Some(first) = known.iter().position(|(_, error)| *error <= wanted) else {
        return Some((rungs.last()?.points as f64, false));
    };
    let (points, error) = known[first];
    let Some((before, above)) = first.checked_sub(1).map(|before| known[before]) else { return Some((points, true)) };
    let share = (above / wanted).ln() / (above / error).ln();
    Some((before * (points / before).powf(share), true))
}

impl LadderTrial {
    pub(super) fn start(
        settings: &Settings,
        learner: Learner,
        basis: FourierBasis,
        shown: Shown,
        setup: &Setup,
    ) -> Result<Self, TrialError> {
        let target = Target::new(basis, shown == Shown::FirstOnly, setup.key);
        let width = if let Shown::Embedded(width) = shown { Some(width) } else { None };
        let train =
            target.seen(&target.training_angles(settings.most_points(learner)), width).map_err(TrialError::data)?;
        let test = target.seen(&target.test_angles(settings.learners.test), width).map_err(TrialError::data)?;
        let (settings, key, pool) = (settings.clone(), setup.key.purpose("ladder"), setup.pool.clone());
        Ok(LadderTrial { settings, learner, shown, target, train, test, key, pool, at: At::default(), net: None })
    }

    /// Training points of a rung, counted from 0.
    const fn points_of(rung: usize) -> usize {
        2 << rung
    }

    /// Training points of the rung at hand.
    fn points(&self) -> usize {
        Self::points_of(self.at.rungs.len())
    }

    fn part(&self, from: usize, to: usize) -> Seen {
        let width = self.train.width;
        Seen {
            inputs: self.train.inputs[from * width..to * width].to_vec(),
            width,
            values: self.train.values[from..to].to_vec(),
        }
    }

    /// The kernel's next width, or when all are tried its final fit; gives the test error then.
    fn kernel(&mut self) -> Option<Option<f64>> {
        let (points, tried) = (self.points(), self.at.validated.len());
        let learners = &self.settings.learners;
        let fit = |width: f64, train: Seen| Kernel::fit(train, width, learners.ridge).ok();
        if let Some(width) = learners.widths.get(tried) {
            // A tenth of the points, at least one, chooses the width.
            let kept = points - (points / 10).max(1);
            let fitted = fit(*width, self.part(0, kept));
            let error = fitted.map(|kernel| kernel.relative_error(&self.part(kept, points)));
            self.at.validated.push(error.filter(|error| error.is_finite()));
            return None;
        }
        let error = |i: usize| self.at.validated[i].unwrap_or(f64::INFINITY);
        let best = (0..tried).min_by(|a, b| error(*a).total_cmp(&error(*b)))?;
        let fitted = fit(learners.widths[best], self.part(0, points));
        Some(fitted.map(|kernel| kernel.relative_error(&self.test)).filter(|error| error.is_finite()))
    }

    /// The network of a rung.
    fn network(&self, rung: usize) -> Net {
        let key = self.key.purpose("network").index(rung as u64);
        let train = self.part(0, Self::points_of(rung));
        Net::new(self.settings.learners.network, train, &self.test, key, self.pool.clone())
    }

    /// The rung of the network at hand: between two rungs that of the last one, for instruments to read.
    fn trained(&self) -> Option<usize> {
        let rungs = self.at.rungs.len();
        let rung = if self.at.steps > 0 { Some(rungs) } else { rungs.checked_sub(1) };
        rung.filter(|_| self.learner == Learner::Network)
    }

    /// Some steps of the network; its test error when the rung is done, none if it does not fit.
    fn train(&mut self, record: &mut dyn Record) -> Result<Option<Option<f64>>, TrialError> {
        let settings = self.settings.learners.network;
        let mut net = match self.net.take() {
            Some(net) if self.at.steps > 0 => net,
            _ => self.network(self.at.rungs.len()),
        };
        let budget = settings.steps * if self.at.doubled { 2 } else { 1 };
        let end = (self.at.steps + net.steps_at_once()).min(budget);
        while self.at.steps < end {
            net.train(self.at.steps)?;
            self.at.steps += 1;
        }
        if self.at.steps < budget {
            self.net = Some(net);
            return Ok(None);
        }
        let (trained, points) = (net.training_error(), self.points());
        let fits = trained < f64::from(settings.fitted);
        let error = fits.then(|| net.test_error());
        self.net = Some(net);
        if !fits && !self.at.doubled {
            self.at.doubled = true;
            let text = format!("{points} points: training error {trained:.3}, so the steps are doubled");
            record.note(points as u64, Level::Info, text);
            return Ok(None);
        }
        if !fits {
            let text = format!("{points} points: training error {trained:.3} even so; the rung is dropped");
            record.note(points as u64, Level::Warning, text);
        }
        record.metric(points as u64, "train_error", trained);
        Ok(Some(error))
    }

    /// Whether the ladder is over.
    fn over(&self) -> bool {
        let reached = self.at.rungs.last().and_then(|rung| rung.error).is_some_and(|e| e <= self.settings.error);
        reached || self.at.rungs.len() >= self.settings.rungs(self.learner)
    }

    fn finish(&self, record: &mut dyn Record) -> Result<(), TrialError> {
        let step = self.at.rungs.last().map_or(0, |rung| rung.points as u64);
        if let Some((points, reached)) = required(&self.at.rungs, self.settings.error) {
            record.metric(step, "required", points);
            record.metric(step, "censored", f64::from(u8::from(!reached)));
        }
        let space = self.target.interpolating(self.settings.volume.points);
        let space = space.map_err(TrialError::data)?;
        record.metric(step, "bits", space.bits(self.settings.error));
        record.metric(step, "functions", space.functions() as f64);
        let known = || self.at.rungs.iter().filter_map(|rung| Some((rung.points as f64, rung.error?)));
        record.vector(step, "ladder.points", known().map(|(points, _)| points).collect());
        record.vector(step, "ladder.errors", known().map(|(_, error)| error).collect());
        if matches!(self.shown, Shown::Embedded(_)) {
            let near = points::neighbours(&self.test.inputs, self.test.width, NEIGHBOURS);
            if let Some(dimension) = near.and_then(|near| near.dimension(NEIGHBOURS)) {
                record.metric(step, "intrinsic_dimension", dimension);
            }
        }
        Ok(())
    }
}

impl Trial for LadderTrial {
    fn progress(&self) -> Progress {
        // A ladder ends at its first success, mostly well before its last rung.
        let done = self.at.rungs.len() as u64;
        Progress { step: done, steps: if self.over() { done } else { self.settings.rungs(self.learner) as u64 } }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        let finished = match self.learner {
            Learner::Kernel => self.kernel(),
            Learner::Network => self.train(record)?,
        };
        let Some(error) = finished else { return Ok(Flow::More) };
        let points = self.points();
        if let Some(error) = error {
            record.metric(points as u64, "test_error", error);
        }
        let mut rungs = std::mem::take(&mut self.at.rungs);
        rungs.push(Rung { points, error });
        self.at = At { rungs, ..At::default() };
        if !self.over() {
            return Ok(Flow::More);
        }
        self.finish(record)?;
        Ok(Flow::Done)
    }

    fn panels(&mut self) -> Vec<Panel> {
        panels::rungs(&self.at.rungs, self.settings.error).into_iter().collect()
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        match &self.net {
            Some(net) => Ok(card::read(&net.subject(&self.test), names, told)),
            None => Err("this trial has trained no network yet".into()),
        }
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.at)?;
        archive.reachable(self.at.rungs.len() <= self.settings.rungs(self.learner))?;
        if archive.restores() {
            self.net = self.trained().map(|rung| self.network(rung));
        }
        self.net.as_mut().map_or(Ok(()), |net| net.keep(archive))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rungs(errors: &[Option<f64>]) -> Vec<Rung> {
        errors.iter().enumerate().map(|(i, error)| Rung { points: 2 << i, error: *error }).collect()
    }

    #[test]
    fn required_points_lie_between_the_rungs() {
        let all = |errors: &[f64]| rungs(&errors.iter().map(|e| Some(*e)).collect::<Vec<_>>());
        assert_eq!(required(&all(&[0.05]), 0.1), Some((2.0, true)));
        // From 0.4 at 2 to 0.025 at 4: 0.1 is half of the way in both logarithms.
        let (points, reached) = required(&all(&[0.4, 0.025]), 0.1).unwrap();
        assert!(reached && (points - 2.0 * 2f64.sqrt()).abs() < 1e-12, "{points}");
        assert_eq!(required(&all(&[0.9, 0.5, 0.1]), 0.1), Some((8.0, true)));
        assert_eq!(required(&all(&[0.9, 0.5, 0.3]), 0.1), Some((8.0, false)));
        assert_eq!(required(&[], 0.1), None);
    }

    #[test]
    fn a_dropped_rung_is_stepped_over() {
        let (points, reached) = required(&rungs(&[Some(0.4), None, Some(0.025)]), 0.1).unwrap();
        assert!(reached && (points - 4.0).abs() < 1e-12, "{points}");
        assert_eq!(required(&rungs(&[None, None]), 0.1), Some((4.0, false)));
    }
}
