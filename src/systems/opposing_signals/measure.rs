//! What a trial keeps of its training, and what it measures on it at the end.

use serde::{Deserialize, Serialize};

use super::judge::FALLEN;
use super::settings::Deletion;
use crate::base::random::Key;
use crate::contract::Record;
use crate::instruments::opposing::{Changes, Losses, correlation_of};
use crate::instruments::sharpness::Tracker;
use crate::tasks::opposing::Planted;

/// Changes of loss below this are rounding.
pub(super) const ROUNDING: f64 = 1e-6;

/// One measurement of sharpness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Moment {
    pub(super) step: u64,
    pub(super) sharpness: f64,
    /// Frobenius norm of each weight matrix.
    pub(super) norms: Vec<f64>,
}

/// All of a trial's state but weights, losses of every example and the last positions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Runs begun: the second one is at a larger rate.
    pub(super) attempt: u32,
    /// Steps of this run.
    pub(super) step: u64,
    pub(super) finished: bool,
    pub(super) tracker: Tracker,
    /// Sharpness before training.
    pub(super) initial: f64,
    /// First measured step with sharpness above `2 / eta`.
    pub(super) crossing: Option<u64>,
    pub(super) moments: Vec<Moment>,
    /// Mean loss of A, of B and of all, before each step.
    pub(super) means: Vec<[f64; 3]>,
}

impl State {
    pub(super) fn new(attempt: u32, tracker: Tracker) -> Self {
        State {
            attempt,
            step: 0,
            finished: false,
            tracker,
            initial: 0.0,
            crossing: None,
            moments: Vec::new(),
            means: Vec::new(),
        }
    }

    /// The largest sharpness that was measured.
    pub(super) fn peak(&self) -> f64 {
        self.moments.iter().map(|m| m.sharpness).fold(self.initial, f64::max)
    }

    /// Where the measuring window begins: at the crossing, or in the middle of a run that has none.
    pub(super) fn window(&self) -> usize {
        self.crossing.unwrap_or(self.step / 2) as usize
    }

    /// Records what holds for every leg: steps, rho, sharpness.
    pub(super) fn record(&self, edge: f64, at: u64, record: &mut dyn Record) {
        record.metric(at, "edge", edge);
        record.metric(at, "peak_sharpness", self.peak());
        if let Some(crossing) = self.crossing {
            record.metric(at, "crossing", crossing as f64);
        }
        let window = &self.means[self.window().min(self.means.len())..];
        let series = |i: usize| -> Vec<f64> { window.windows(2).map(|w| w[1][i] - w[0][i]).collect() };
        if let Some(rho) = correlation_of(&series(0), &series(1), ROUNDING) {
            record.metric(at, "rho", rho);
        }
    }

    /// Records sharpness against the edge after the crossing, for the causal test.
    pub(super) fn record_after_crossing(&self, edge: f64, within: u64, at: u64, record: &mut dyn Record) {
        let Some(crossing) = self.crossing else { return };
        let after = self.moments.iter().filter(|m| m.step >= crossing && m.step <= crossing + within);
        let ratios: Vec<f64> = after.map(|m| m.sharpness / edge).collect();
        let later = ratios.iter().skip(1).copied().fold(f64::INFINITY, f64::min);
        if later.is_finite() {
            record.metric(at, "lowest_after_crossing", later);
            record.metric(at, "fallen", f64::from(u8::from(later < FALLEN)));
        }
        record.vector(at, "after_crossing", ratios);
    }
}

/// Records what the losses of every example tell: who moves, and whether those were planted.
pub(super) fn record_groups(losses: &[f32], from: usize, data: &Planted, at: u64, record: &mut dyn Record) {
    let changes = changes(losses, from, data.count);
    let planted = data.planted();
    if let Some(share) = changes.share(&planted) {
        record.metric(at, "share", share);
    }
    if let Some(groups) = changes.groups(planted.len()) {
        record.metric(at, "precision", groups.precision(&planted));
        if let Some(agreement) = groups.agreement(&data.a, &data.b) {
            record.metric(at, "side_agreement", agreement);
        }
    }
}

/// Records the groups that are found where nothing was planted: their examples, how they move together, and
/// what share of all change is theirs.
pub(super) fn record_found(
    losses: &[f32],
    from: usize,
    data: &Planted,
    listed: usize,
    at: u64,
    record: &mut dyn Record,
) {
    let changes = changes(losses, from, data.count);
    let Some(groups) = changes.groups(listed) else { return };
    let [up, down] = groups.sides();
    if let Some(share) = changes.share(&groups.listed) {
        record.metric(at, "share", share);
    }
    if let Some(rho) = changes.correlation(&up, &down, ROUNDING) {
        record.metric(at, "rho", rho);
    }
    for (name, side) in [("group_a", up), ("group_b", down)] {
        record.vector(at, name, side.into_iter().map(|i| i as f64).collect());
    }
}

/// Changes of every example's loss from row `from` of `[steps, examples]` on.
pub(super) fn changes(losses: &[f32], from: usize, examples: usize) -> Changes {
    Losses::new(&losses[(from * examples).min(losses.len())..], examples).changes()
}

/// What each example's loss weighs: a share of all examples each, nothing for those that are deleted.
pub(super) fn shares(data: &Planted, deleted: &[usize]) -> Vec<f32> {
    let mut shares = vec![1.0 / data.count as f32; data.count];
    deleted.iter().for_each(|&i| shares[i] = 0.0);
    shares
}

/// Who is deleted at the crossing.
pub(super) fn deleted(deletion: Deletion, data: &Planted, key: Key) -> Vec<usize> {
    match deletion {
        Deletion::Nothing => Vec::new(),
        Deletion::Planted => data.planted(),
        Deletion::Random => data.others(data.planted().len(), key.purpose("deleted")),
    }
}
