//! What the trials recorded, by condition: the ground on which panels and judge stand.

use super::settings::{Placed, Settings, Study};
use crate::contract::TrialResult;
use crate::instruments::regime::{Accuracies, Regime};
use crate::nn::zoo::Kind;
use crate::tasks::gpicl::TaskCount;
use crate::training;

/// One condition with what its seeds recorded.
pub(super) type Recorded<'e> = training::Recorded<'e, Placed>;

/// The cells of a study, each with the results of its seeds.
pub(super) struct Evidence<'a>(training::Evidence<'a, Placed>);

impl<'a> Evidence<'a> {
    /// Sorts results under the cells of the settings.
    pub(super) fn new(settings: &Settings, results: &'a [TrialResult]) -> Self {
        Evidence(training::Evidence::new(settings.cells(u64::MAX).unwrap_or_default(), results))
    }

    /// Every condition.
    pub(super) fn all(&self) -> impl Iterator<Item = Recorded<'_>> {
        self.0.all()
    }

    /// A sentence about the first condition that is not complete.
    pub(super) fn open(&self) -> Option<String> {
        self.0.open()
    }

    /// The conditions of a study.
    pub(super) fn study(&self, study: Study) -> impl Iterator<Item = Recorded<'_>> {
        self.0.every(move |placed| placed.study == study)
    }

    /// The main condition of the transition: a fresh task for every sequence, the common width.
    pub(super) fn learner(&self, settings: &Settings) -> Option<Recorded<'_>> {
        self.transition(settings.common.width).find(|r| r.cell.condition.tasks == TaskCount::Infinite)
    }

    /// The condition with the fewest tasks, at the same width.
    pub(super) fn memoriser(&self, settings: &Settings) -> Option<Recorded<'_>> {
        let finite = self.transition(settings.common.width).filter_map(|r| match r.cell.condition.tasks {
            TaskCount::Finite(tasks) => Some((tasks, r)),
            TaskCount::Infinite => None,
        });
        finite.min_by_key(|(tasks, _)| *tasks).map(|(_, r)| r)
    }

    fn transition(&self, width: usize) -> impl Iterator<Item = Recorded<'_>> {
        self.study(Study::Transition).filter(move |r| r.cell.condition.width == width)
    }

    /// The Transformer of the state study that sees so many tokens.
    pub(super) fn window(&self, window: usize) -> Option<Recorded<'_>> {
        let fits = |r: &Recorded<'_>| r.cell.condition.model == Kind::Transformer && r.cell.condition.window == window;
        self.study(Study::State).find(fits)
    }

    /// The Transformer that a small window is compared with: of the state study if it has one that
    /// sees everything, else the main condition.
    pub(super) fn whole_window(&self, settings: &Settings) -> Option<Recorded<'_>> {
        let fits = |r: &Recorded<'_>| r.cell.condition.model == Kind::Transformer && r.cell.condition.sees_all();
        self.study(Study::State).find(fits).or_else(|| self.learner(settings))
    }
}

/// The regime of each seed that was evaluated.
pub(super) fn regimes(recorded: &Recorded<'_>) -> Vec<Regime> {
    let chance = recorded.cell.condition.chance();
    let of = |r: &&TrialResult| {
        let seen = r.last("seen.first").zip(r.last("seen.last"));
        let accuracies =
            Accuracies { unseen_first: r.last("unseen.first")?, unseen_last: r.last("unseen.last")?, seen };
        Some(Regime::of(&accuracies, chance))
    };
    recorded.seeds.iter().filter_map(of).collect()
}
