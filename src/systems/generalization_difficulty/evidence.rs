//! What the trials recorded, sorted for judge and panels.

use super::settings::{Condition, DataSet, Learner, Settings, Shown};
use crate::contract::{Evidence, Recorded, TrialResult};
use crate::instruments::statistics::sample::sample_quantile;
use crate::tasks::torus::FourierBasis;

/// Everything that was recorded, with the study's settings.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    /// By condition.
    pub(super) evidence: &'a Evidence<'a, Condition>,
    pub(super) settings: &'a Settings,
}

/// Bits by replica along an axis of cells.
type Cells = Vec<(usize, Vec<f64>)>;

/// A learner on a task, over its replicas.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    /// The task.
    pub(super) basis: FourierBasis,
    /// Its name.
    pub(super) label: String,
    /// Exact bits at few points, by replica.
    pub(super) bits: Vec<f64>,
    /// Points that were required, by replica.
    pub(super) required: Vec<f64>,
    /// Whether the error came down at all, by replica.
    pub(super) reached: Vec<bool>,
    /// Training sizes with the median test error.
    pub(super) errors: Vec<(f64, f64)>,
}

/// The median of some numbers.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    sample_quantile(values, 0.5)
}

impl Ground<'_> {
    /// The replicas of a cell of leg A.
    pub(super) fn volume(&self, dimensions: usize, frequency: usize, points: usize) -> Option<Recorded<'_, Condition>> {
        let wanted = Condition::Volume { basis: self.settings.basis(dimensions, frequency), points };
        self.evidence.find(|condition| *condition == wanted)
    }

    /// Exact bits of a cell, by replica.
    pub(super) fn bits(&self, dimensions: usize, frequency: usize, points: usize) -> Vec<f64> {
        self.volume(dimensions, frequency, points).map_or_else(Vec::new, |r| r.values("bits"))
    }

    /// Exact bits over m.
    pub(super) fn over_dimensions(&self) -> Cells {
        let volume = &self.settings.volume;
        volume.dimensions.iter().map(|m| (*m, self.bits(*m, volume.frequency, volume.points))).collect()
    }

    /// Exact bits over K, for each dimension of that leg.
    pub(super) fn over_frequencies(&self) -> Vec<(usize, Cells)> {
        let volume = &self.settings.volume;
        let of = |m: usize, k: &usize| (*k, self.bits(m, *k, volume.points));
        let list = |m: usize, frequencies: &[usize]| frequencies.iter().map(|k| of(m, k)).collect();
        volume.resolutions.iter().map(|r| (r.dimensions, list(r.dimensions, &r.frequencies))).collect()
    }

    /// Exact bits over n.
    pub(super) fn over_points(&self) -> Cells {
        let more = &self.settings.volume.more_points;
        more.points.iter().map(|n| (*n, self.bits(more.dimensions, more.frequency, *n))).collect()
    }

    /// The largest distance between errors and law in leg A, with the name of its cell.
    pub(super) fn worst_law(&self) -> Option<(f64, String)> {
        let of = |r: Recorded<'_, Condition>| {
            let worst = r.values("kolmogorov").into_iter().max_by(f64::total_cmp)?;
            Some((worst, r.cell.label.clone()))
        };
        let cells = self.evidence.every(|condition| matches!(condition, Condition::Volume { .. }));
        cells.filter_map(of).max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// A learner on all its plain tasks.
    pub(super) fn ladders(&self, wanted: Learner) -> Vec<Ladder> {
        let fits = |condition: &Condition| matches!(condition, Condition::Ladder { learner, shown: Shown::Plain, .. } if *learner == wanted);
        let mut ladders: Vec<Ladder> = self.evidence.every(fits).filter_map(ladder).collect();
        ladders.sort_by_key(|ladder| (ladder.basis.dimensions, ladder.basis.frequency));
        ladders
    }

    /// The network's ladder of a control.
    pub(super) fn control(
        &self,
        dimensions: usize,
        frequency: usize,
        wanted: Shown,
    ) -> Option<Recorded<'_, Condition>> {
        let task = self.settings.basis(dimensions, frequency);
        self.evidence.find(|condition| {
            matches!(condition, Condition::Ladder { learner: Learner::Network, basis, shown }
                if *basis == task && *shown == wanted)
        })
    }

    /// Data sets with what was recorded of each.
    pub(super) fn data(&self) -> Vec<(&DataSet, &TrialResult)> {
        let sets = self.evidence.all().filter_map(|r| {
            let Condition::Data(set) = &r.cell.condition else { return None };
            Some((set, *r.seeds.first()?))
        });
        sets.collect()
    }

    /// A warning where the formula's bits or the dimension do not rise with every step of noise; nothing where
    /// both do, or before they are measured.
    pub(super) fn noise_warning(&self) -> Option<&'static str> {
        let rises = |name: &str| {
            let noisy = |(set, result): &(&DataSet, &TrialResult)| match set {
                DataSet::Noisy(noise) => Some((*noise, result.last(name)?)),
                _ => None,
            };
            let mut found: Vec<(f64, f64)> = self.data().iter().filter_map(noisy).collect();
            found.sort_by(|a, b| a.0.total_cmp(&b.0));
            found.windows(2).all(|pair| pair[0].1 < pair[1].1)
        };
        match (rises("dimension.5"), rises("log10_bits.sample")) {
            (true, true) => None,
            (true, false) => Some(
                "warning: with noise the dimension of the digits rises but the formula's bits do not, as the distance \
                 between classes grows with it too",
            ),
            (false, _) => Some("warning: the dimension of the digits does not rise with noise"),
        }
    }
}

/// A ladder from its replicas.
pub(super) fn ladder(recorded: Recorded<'_, Condition>) -> Option<Ladder> {
    let Condition::Ladder { basis, .. } = &recorded.cell.condition else { return None };
    let required = recorded.values("required");
    if required.is_empty() {
        return None;
    }
    let mut sizes: Vec<f64> = recorded.groups("ladder.points").concat();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let at = |size: &f64| {
        let of = |result: &&TrialResult| {
            let points = result.vector("ladder.points")?.iter().position(|points| points == size)?;
            result.vector("ladder.errors")?.get(points).copied()
        };
        Some((*size, median(&recorded.seeds.iter().filter_map(of).collect::<Vec<_>>())?))
    };
    Some(Ladder {
        basis: *basis,
        label: recorded.cell.label.clone(),
        bits: recorded.values("bits"),
        required,
        reached: recorded.values("censored").into_iter().map(|censored| censored == 0.0).collect(),
        errors: sizes.iter().filter_map(at).collect(),
    })
}
