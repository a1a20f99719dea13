//! What the trials recorded, by condition: the ground on which panels and judge stand.

use super::regime::{Accuracies, Regime};
use super::settings::{Cell, Settings, Study};
use crate::contract::{Closing, TrialResult};
use crate::instruments::statistics::mean;
use crate::nn::zoo::Kind;
use crate::tasks::gpicl::TaskCount;

/// The cells of a study, each with the results of its seeds.
pub(super) struct Evidence<'a> {
    cells: Vec<(Cell, Vec<&'a TrialResult>)>,
}

/// One condition with what its seeds recorded.
#[derive(Clone, Copy)]
pub(super) struct Recorded<'e> {
    /// The condition.
    pub(super) cell: &'e Cell,
    /// Its seeds, in order.
    pub(super) seeds: &'e [&'e TrialResult],
}

impl<'a> Evidence<'a> {
    /// Sorts results under the cells of the settings.
    pub(super) fn new(settings: &Settings, results: &'a [TrialResult]) -> Self {
        let cells = settings.cells(u64::MAX).unwrap_or_default();
        let of = |cell: &Cell| results.iter().filter(|r| r.spec.condition == cell.label).collect();
        Evidence {
            cells: cells
                .into_iter()
                .map(|cell| {
                    let seeds = of(&cell);
                    (cell, seeds)
                })
                .collect(),
        }
    }

    /// Every condition.
    pub(super) fn all(&self) -> impl Iterator<Item = Recorded<'_>> {
        self.cells.iter().map(|(cell, seeds)| Recorded { cell, seeds })
    }

    /// The conditions of a study.
    pub(super) fn study(&self, study: Study) -> impl Iterator<Item = Recorded<'_>> {
        self.all().filter(move |recorded| recorded.cell.study == study)
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

impl<'e> Recorded<'e> {
    /// Whether every seed ran to its end.
    pub(super) fn complete(&self) -> bool {
        !self.seeds.is_empty() && self.seeds.iter().all(|r| r.closing == Some(Closing::Done))
    }

    /// A vector of every seed that recorded it: the groups of a bootstrap.
    pub(super) fn groups(&self, name: &str) -> Vec<&'e [f64]> {
        self.seeds.iter().filter_map(|r| r.vector(name)).collect()
    }

    /// The mean over seeds of a metric's last value.
    pub(super) fn last(&self, metric: &str) -> Option<f64> {
        let values: Vec<f64> = self.seeds.iter().filter_map(|r| r.last(metric)).collect();
        mean(&values)
    }

    /// A curve, mean over the seeds that recorded it.
    pub(super) fn curve(&self, name: &str) -> Option<Vec<f64>> {
        let curves = self.groups(name);
        let len = curves.first()?.len();
        let at = |t: usize| curves.iter().filter_map(|c| c.get(t)).sum::<f64>() / curves.len() as f64;
        Some((0..len).map(at).collect())
    }

    /// The regime of each seed that was evaluated.
    pub(super) fn regimes(&self) -> Vec<Regime> {
        let chance = self.cell.condition.chance();
        let of = |r: &&TrialResult| {
            let seen = r.last("seen.first").zip(r.last("seen.last"));
            let accuracies =
                Accuracies { unseen_first: r.last("unseen.first")?, unseen_last: r.last("unseen.last")?, seen };
            Some(Regime::of(&accuracies, chance))
        };
        self.seeds.iter().filter_map(of).collect()
    }
}
